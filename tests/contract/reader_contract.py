"""What every reader promises (``crosspost.readers``), as sentences.

A reader passes by giving a ``World``, a channel that the suite can look at and change, and running
this class over it:

    class TestMine(ReaderContract):
        @pytest.fixture
        def world(self, tmp_path): …
"""

import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pytest

from crosspost.model import Media, Post, decode_post, encode, fingerprint
from crosspost.readers import (
    Bounds,
    Change,
    Checkpoint,
    Complete,
    Deleted,
    Gone,
    Note,
    Reader,
    Unsafe,
)


class World(Protocol):
    """A channel with at least thirty posts, an album, a service message, a file and text with
    characters beyond the Basic Multilingual Plane."""

    albums: list[tuple[int, ...]]
    """The message ids of its albums."""
    posts: list[int]
    """The ids of its posts, in order."""
    folders: list[Path]
    """Where the files that ``fetch`` answers may lie."""

    def reader(self) -> Reader:
        """A reader of the channel as it is now, which the world closes in the end."""

    def write(self, text: str) -> int:
        """A new post; answers its id."""

    def edit(self, number: int, text: str) -> None:
        """The author changes a post's text."""

    def delete(self, number: int) -> None:
        """The author deletes a message."""


EVERYTHING = Bounds()


def posts(found: Iterable[Any]) -> list[Post]:
    return [one for one in found if isinstance(one, Post)]


def ids(found: Iterable[Any]) -> list[int]:
    return [one.id for one in posts(found)]


class Archive:
    """Keeps what ``changes`` says as the ledger does: for good at checkpoints only."""

    def __init__(self) -> None:
        self.posts: dict[int, Post] = {}
        self.cursor: str | None = None
        self.gone: set[int] = set()

    def pull(self, reader: Reader, stop_after: int | None = None) -> list[Change]:
        """Follows the reader to the end, or until it is killed after so many changes."""
        told: list[Change] = []
        pending: list[Change] = []
        for change in reader.changes(self.cursor):
            told.append(change)
            pending.append(change)
            if isinstance(change, Checkpoint):
                self._store(pending)
                self.cursor = change.cursor
                pending = []
            if stop_after is not None and len(told) >= stop_after:
                break
        return told

    def _store(self, changes: list[Change]) -> None:
        fresh = {one.id: one for one in posts(changes)}
        self.posts.update(fresh)
        self.gone -= fresh.keys()
        for change in changes:
            if isinstance(change, Deleted):
                self.gone |= set(change.ids) & self.posts.keys()
            if isinstance(change, Complete):
                self.gone |= {
                    number
                    for number in self.posts
                    if change.first <= number <= change.last and number not in fresh
                }

    @property
    def alive(self) -> dict[int, Post]:
        return {number: one for number, one in self.posts.items() if number not in self.gone}


class ReaderContract:
    """The suite."""

    sees_deletion_of_the_newest: ClassVar[bool] = True
    """Whether the source tells that nothing comes after its last post."""
    text_for_edits: ClassVar[str] = "Исправлено 🍞: цена теперь 45 рублей"

    @pytest.fixture
    def reader(self, world: World) -> Reader:
        return world.reader()

    def test_posts_come_oldest_first_and_each_once(self, world: World, reader: Reader) -> None:
        found = ids(reader.read(EVERYTHING))
        assert found == world.posts
        assert found == sorted(set(found))

    def test_newest_first_is_the_same_turned_around(self, reader: Reader) -> None:
        forth = posts(reader.read(EVERYTHING))
        back = posts(reader.read(EVERYTHING, newest_first=True))
        assert [fingerprint(one) for one in back] == [fingerprint(one) for one in forth[::-1]]

    def test_an_album_is_one_post_with_all_its_messages(self, world: World, reader: Reader) -> None:
        found = {one.id: one for one in posts(reader.read(EVERYTHING))}
        assert world.albums
        for album in world.albums:
            post = found[album[0]]
            assert post.ids == album
            assert len(post.media) == len(album)
            assert not found.keys() & set(album[1:])

    def test_no_message_belongs_to_two_posts(self, reader: Reader) -> None:
        found = posts(reader.read(EVERYTHING))
        told = [number for one in found for number in one.ids]
        assert len(told) == len(set(told))
        for one in found:
            assert one.id == one.ids[0] == min(one.ids)
            assert list(one.ids) == sorted(one.ids)

    def test_all_posts_are_of_the_channel(self, reader: Reader) -> None:
        assert {one.channel_id for one in posts(reader.read(EVERYTHING))} == {reader.channel().id}
        assert reader.channel().title

    def test_dates_are_aware_and_in_utc(self, reader: Reader) -> None:
        for one in posts(reader.read(EVERYTHING)):
            assert one.date.utcoffset() == timedelta(0)
            assert one.edited is None or one.edited.utcoffset() == timedelta(0)

    def test_entities_are_counted_in_code_points_and_lie_in_the_text(self, reader: Reader) -> None:
        """What stands between two letters (a picture in a rich message) has no length."""
        found = posts(reader.read(EVERYTHING))
        beyond = [one for one in found if any(ord(letter) > 0xFFFF for letter in one.text)]
        assert beyond
        for one in found:
            for entity in one.entities:
                assert 0 <= entity.offset <= entity.offset + entity.length <= len(one.text)
                assert entity.length or entity.type in ("media", "divider")
                words = one.text[entity.offset : entity.offset + entity.length]
                if entity.type == "hashtag":
                    assert words.startswith("#")
                if entity.type == "mention":
                    assert words.startswith("@")
                if entity.type == "url":
                    assert "." in words
                    assert " " not in words

    def test_every_post_has_something_to_show(self, reader: Reader) -> None:
        for one in posts(reader.read(EVERYTHING)):
            assert one.text or one.media or one.poll or one.place or one.extras

    def test_a_post_survives_the_ledger(self, reader: Reader) -> None:
        for one in posts(reader.read(EVERYTHING)):
            assert decode_post(encode(one)) == one

    def test_bounds_are_held(self, world: World, reader: Reader) -> None:
        everything = posts(reader.read(EVERYTHING))
        third, last = everything[len(everything) // 3], everything[-3]
        for bounds, newest_first in (
            (Bounds(first_id=third.id), False),
            (Bounds(last_id=third.id), True),
            (Bounds(first_id=third.id, last_id=last.id), False),
            (Bounds(since=last.date), True),
            (Bounds(until=third.date), False),
            (Bounds(since=third.date, until=last.date), True),
            (Bounds(first_id=world.posts[-1] + 1000), False),
            (Bounds(last_id=0), True),
        ):
            found = ids(reader.read(bounds, newest_first=newest_first))
            expected = [one.id for one in everything if bounds.hold(one)]
            assert found == (expected[::-1] if newest_first else expected)

    def test_the_first_changes_are_everything(self, world: World, reader: Reader) -> None:
        archive = Archive()
        told = archive.pull(reader)
        assert sorted(archive.posts) == world.posts
        assert not archive.gone
        assert isinstance(told[-1], Checkpoint)

    def test_changes_and_reading_tell_the_same(self, reader: Reader) -> None:
        archive = Archive()
        archive.pull(reader)
        read = {one.id: fingerprint(one) for one in posts(reader.read(EVERYTHING))}
        assert {number: fingerprint(one) for number, one in archive.posts.items()} == read

    def test_when_nothing_is_new_nothing_is_said(self, world: World, reader: Reader) -> None:
        archive = Archive()
        archive.pull(reader)
        assert archive.pull(reader) == []
        assert archive.pull(world.reader()) == []

    def test_a_new_post_is_told_once(self, world: World, reader: Reader) -> None:
        archive = Archive()
        archive.pull(reader)
        number = world.write("Новость 🎉")
        told = archive.pull(world.reader())
        assert ids(told).count(number) == 1
        assert archive.posts[number].text == "Новость 🎉"
        assert isinstance(told[-1], Checkpoint)
        assert archive.pull(world.reader()) == []

    def test_an_edit_is_told(self, world: World, reader: Reader) -> None:
        if not reader.sees_edits:
            pytest.skip("it says that it sees none")
        archive = Archive()
        archive.pull(reader)
        number = self._plain(archive)
        world.edit(number, self.text_for_edits)
        archive.pull(world.reader())
        assert archive.alive[number].text == self.text_for_edits
        assert archive.pull(world.reader()) == []

    def test_a_deletion_is_told(self, world: World, reader: Reader) -> None:
        if not reader.sees_deletions:
            pytest.skip("it says that it sees none")
        archive = Archive()
        archive.pull(reader)
        number = self._plain(archive)
        world.delete(number)
        archive.pull(world.reader())
        assert archive.gone == {number}
        assert archive.pull(world.reader()) == []

    def test_the_newest_post_can_be_deleted_too(self, world: World, reader: Reader) -> None:
        if not (reader.sees_deletions and self.sees_deletion_of_the_newest):
            pytest.skip("its source does not tell")
        number = world.write("Ошибка")
        archive = Archive()
        archive.pull(reader)
        world.delete(number)
        archive.pull(world.reader())
        assert archive.gone == {number}

    def test_what_is_complete_holds_every_post_that_exists(
        self, world: World, reader: Reader
    ) -> None:
        seen: set[int] = set()
        for change in reader.changes(None):
            if isinstance(change, Post):
                seen.add(change.id)
            elif isinstance(change, Complete):
                assert change.first <= change.last
                there = {one for one in world.posts if change.first <= one <= change.last}
                assert there <= seen

    def test_a_pull_that_is_killed_anywhere_goes_on(self, world: World) -> None:
        whole = Archive()
        length = len(whole.pull(world.reader()))
        for stop in range(1, length, max(1, length // 3)):
            archive = Archive()
            archive.pull(world.reader(), stop_after=stop)
            archive.pull(world.reader())
            assert archive.posts.keys() == whole.posts.keys(), stop
            assert not archive.gone

    def test_a_post_that_came_while_the_pull_lay_dead_is_not_lost(self, world: World) -> None:
        archive = Archive()
        length = len(Archive().pull(world.reader()))
        archive.pull(world.reader(), stop_after=length // 2)
        numbers = [world.write(f"Пока лежали {index}") for index in range(25)]
        archive.pull(world.reader(), stop_after=10)
        archive.pull(world.reader())
        assert archive.posts.keys() == {*world.posts}
        assert archive.posts.keys() >= {*numbers}

    def test_a_file_is_whole_and_lies_where_it_may(self, world: World, reader: Reader) -> None:
        paths, reasons = list[Path](), list[str]()
        for one in posts(reader.read(EVERYTHING)):
            for media in one.media:
                try:
                    paths.append(reader.fetch(media))
                except (Gone, Unsafe) as error:
                    reasons.append(str(error))
        assert paths
        assert all(reasons)
        for path in paths:
            assert path.stat().st_size > 0
            assert any(path.resolve().is_relative_to(one.resolve()) for one in world.folders)

    def test_a_file_told_missing_is_gone(self, reader: Reader) -> None:
        with pytest.raises(Gone, match="was not kept"):
            reader.fetch(Media(kind="photo", locator="1/0", missing="was not kept"))

    @pytest.mark.parametrize(
        "locator",
        [
            "../../etc/passwd",
            "/etc/passwd",
            "1/../../x",
            "",
            "1/0/../../../x",
            "C:\\x",
            "\x00",
            "а",
        ],
    )
    def test_a_locator_leads_nowhere_else(self, reader: Reader, locator: str) -> None:
        with pytest.raises((Gone, Unsafe)):
            reader.fetch(Media(kind="photo", locator=locator))

    def test_a_foreign_cursor_is_no_disaster(self, world: World) -> None:
        for cursor in ("", "null", '{"form": 99}'):
            archive = Archive()
            archive.cursor = cursor
            archive.pull(world.reader())
            assert archive.posts.keys() == {*world.posts}

    def test_the_doorbell_does_not_keep_one_waiting(self, reader: Reader) -> None:
        begin = time.monotonic()
        assert reader.wait(0.05) in (True, False)
        assert time.monotonic() - begin < 2

    def test_closing_twice_is_harmless(self, reader: Reader) -> None:
        next(iter(reader.read(EVERYTHING)))
        reader.close()
        reader.close()

    def test_nobody_is_left_running(self, world: World) -> None:
        before = threading.active_count()
        reader = world.reader()
        posts(reader.read(EVERYTHING))
        reader.close()
        assert threading.active_count() <= before + 1

    def test_a_clean_channel_leaves_nothing_to_note(self, reader: Reader) -> None:
        assert not [one for one in reader.read(EVERYTHING) if isinstance(one, Note)]

    def _plain(self, archive: Archive) -> int:
        """The newest post but two that is one message of mere words."""
        mere = [
            number
            for number, one in sorted(archive.posts.items())
            if len(one.ids) == 1 and one.text and not one.media and not one.poll
        ]
        return mere[-3]
