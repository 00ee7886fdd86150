"""The live reader, against a Telegram server of our own and the real Telethon."""

import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from telegram_server import Channel, TelegramServer
from telegram_server.sample import fill
from telethon.tl import types

from crosspost.errors import Busy, Later, ReaderError
from crosspost.model import Media, Post, fingerprint
from crosspost.readers import (
    Bounds,
    Change,
    Checkpoint,
    Complete,
    Context,
    Deleted,
    Gone,
    Note,
    Reader,
)
from crosspost.readers.export import ExportReader
from crosspost.readers.telegram import TelegramReader, Unreachable
from crosspost.readers.telegram._channel import pointer

pytest.register_assert_rewrite("contract.reader_contract")
from contract.reader_contract import Archive, ReaderContract, World  # noqa: E402

SAMPLE = Path(__file__).parents[1] / "examples" / "channel"
ALBUMS = [
    (11, 12, 13, 14),
    (28, 29),
    (34, 35, 36),
    (53, 54, 55, 56),
    (78, 79, 80, 81, 82),
    (105, 106, 108),
]
Open = Callable[..., TelegramReader]


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def channel(server: TelegramServer) -> Channel:
    return server.world.channel("Мастерская", "workshop")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(base=tmp_path, cache=tmp_path / "cache")


@pytest.fixture
def open_(server: TelegramServer, context: Context) -> Iterator[Open]:
    """Opens a reader; all are closed in the end."""
    readers: list[TelegramReader] = []

    def open_(name: str = "@workshop", **settings: Any) -> TelegramReader:
        made = TelegramReader.Settings(**server.settings(**settings))
        readers.append(TelegramReader.open(made, name, context))
        return readers[-1]

    yield open_
    for reader in readers:
        reader.close()


def posts(found: Any) -> list[Post]:
    return [one for one in found if isinstance(one, Post)]


def ids(found: Any) -> list[int]:
    return [one.id for one in posts(found)]


def cursor(told: list[Change]) -> str:
    return next(one.cursor for one in reversed(told) if isinstance(one, Checkpoint))


def deleted(told: list[Change]) -> list[int]:
    """What is told to be gone, of the ids that ever were a post's."""
    return [number for one in told if isinstance(one, Deleted) for number in one.ids]


# --- The contract, and agreement with the export ------------------------------------------------


class LiveWorld:
    """The sample channel, live."""

    def __init__(self, server: TelegramServer, folder: Path) -> None:
        self.server = server
        self.channel = server.world.channel(username="workshop", id=4900000017)
        fill(self.channel, SAMPLE, ALBUMS)
        self.albums = list(ALBUMS)
        self.folder = folder
        self.folders = [folder / "cache"]
        self.readers: list[Reader] = []

    @property
    def posts(self) -> list[int]:
        tails = {number for album in self.albums for number in album[1:]}
        return [
            number
            for number, one in self.channel.messages.items()
            if isinstance(one, types.Message) and number not in tails
        ]

    def reader(self) -> Reader:
        context = Context(base=self.folder, cache=self.folder / "cache")
        settings = TelegramReader.Settings(**self.server.settings())
        self.readers.append(TelegramReader.open(settings, "@workshop", context))
        return self.readers[-1]

    def write(self, text: str) -> int:
        return self.channel.post(text)

    def edit(self, number: int, text: str) -> None:
        self.channel.edit(number, text)

    def delete(self, number: int) -> None:
        self.channel.delete(number)


class TestContract(ReaderContract):
    @pytest.fixture
    def world(self, server: TelegramServer, tmp_path: Path) -> Iterator[World]:
        world = LiveWorld(server, tmp_path)
        yield world
        for reader in world.readers:
            reader.close()


EXPORT_ALONE = {
    22: "Desktop writes a file's path instead of a custom emoji's id",
    25: "Desktop does not write when the original was posted",
    37: "Desktop makes up a name for a voice message",
    43: "Desktop makes up a name for a round video",
    67: "the photo was not included in the export",
    76: "Desktop does not write when the original was posted",
    99: "the limit that left the file out is another one",
    117: "Desktop writes a game's bot only as part of its link",
}
"""Posts of the sample that the two readers cannot know the same of, and why."""


def test_the_live_channel_is_the_exported_one(server: TelegramServer, tmp_path: Path) -> None:
    world = LiveWorld(server, tmp_path)
    live = {one.id: one for one in posts(world.reader().read(Bounds()))}
    world.readers[0].close()
    context = Context(base=SAMPLE, cache=tmp_path, timezone="Asia/Omsk")
    reader = ExportReader.open(ExportReader.Settings(), ".", context)
    exported = {one.id: one for one in posts(reader.read(Bounds()))}
    reader.close()
    assert live.keys() == exported.keys()
    other = {one for one in live if fingerprint(live[one]) != fingerprint(exported[one])}
    assert other == EXPORT_ALONE.keys()
    assert all(live[one].reactions == exported[one].reactions for one in live)


FIXTURES = Path(
    os.environ.get("CROSSPOST_FIXTURES") or Path(__file__).parents[2] / "shared/fixtures"
)
REAL = sorted((FIXTURES / "clansty").glob("*.json"))


@pytest.mark.skipif(not REAL, reason="the real data is not here")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_real_channel_reads_live_as_from_its_export(
    server: TelegramServer, tmp_path: Path, path: Path
) -> None:
    shutil.copy(path, tmp_path / "result.json")
    context = Context(base=tmp_path, cache=tmp_path / "cache")
    reader = ExportReader.open(ExportReader.Settings(), ".", context)
    exported = posts(reader.read(Bounds()))
    reader.close()
    channel = server.world.channel("", "workshop", id=exported[0].channel_id)
    fill(channel, tmp_path, [one.ids for one in exported if len(one.ids) > 1])
    live = TelegramReader.open(TelegramReader.Settings(**server.settings()), "@workshop", context)
    found = posts(live.read(Bounds()))
    live.close()
    assert [seen(one) for one in found] == [seen(one) for one in exported]


def seen(post: Post) -> tuple[Any, ...]:
    """What of a post does not depend on its files."""
    forward = post.forward and (post.forward.name, post.forward.channel_id)
    return post.ids, post.date, post.edited, post.text, post.entities, forward, post.reply_to


# --- Reading ------------------------------------------------------------------------------------


def test_an_album_across_the_border_of_pages_is_one_post(channel: Channel, open_: Open) -> None:
    for number in range(98):
        channel.post(f"Запись {number}")
    album = channel.album([None] * 5, ["Пять фотографий"])
    for number in range(120):
        channel.post(f"Ещё {number}")
    for newest_first in (False, True):
        found = posts(open_().read(Bounds(), newest_first=newest_first))
        assert [one.ids for one in found if len(one.ids) > 1] == [tuple(album)]
        assert len(found) == 219


def test_a_post_between_the_parts_of_an_album_belongs_to_nobody_else(
    channel: Channel, open_: Open
) -> None:
    for text, group in (("а", 7), ("другое", None), ("б", 7), ("в", 7), ("после", None)):
        channel.post(text, grouped_id=group)
    found = posts(open_().read(Bounds()))
    assert [one.ids for one in found] == [(1, 3, 4), (2,), (5,)]
    assert found[0].text == "а\n\nб\n\nв"


def test_bounds_that_break_into_an_album_do_not_break_it(channel: Channel, open_: Open) -> None:
    channel.post("до")
    album = tuple(channel.album([None] * 4, ["альбом"]))
    last = channel.post("после")
    reader = open_()
    for bounds, expected in (
        (Bounds(first_id=3), [(last,)]),
        (Bounds(last_id=3), [(1,), album]),
        (Bounds(first_id=2, last_id=2), [album]),
    ):
        for newest_first in (False, True):
            found = [one.ids for one in posts(reader.read(bounds, newest_first=newest_first))]
            assert found == (expected[::-1] if newest_first else expected)


def test_a_narrow_range_of_a_long_history_costs_few_requests(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    for number in range(1000):
        channel.post(f"Запись {number}")
    reader = open_()
    reader.channel()
    server.requests.clear()
    when = channel.messages[501].date
    assert ids(reader.read(Bounds(first_id=501, last_id=503))) == [501, 502, 503]
    assert ids(reader.read(Bounds(since=when, until=when))) == [501]
    assert ids(reader.read(Bounds(until=when, since=when), newest_first=True)) == [501]
    assert server.requests == ["GetHistoryRequest"] * 3
    server.requests.clear()
    late = Bounds(first_id=3, since=when, last_id=900, until=when)
    assert ids(reader.read(late)) == ids(reader.read(late, newest_first=True)) == [501]
    assert server.requests == ["GetHistoryRequest"] * 2


def test_service_messages_and_gaps_are_no_posts(channel: Channel, open_: Open) -> None:
    channel.service(types.MessageActionChannelCreate("Мастерская"))
    channel.post("первая")
    channel.post("вторая", number=500)
    assert ids(open_().read(Bounds())) == [2, 500]


def test_a_message_that_cannot_be_read_says_so_and_stays_a_post(
    channel: Channel, open_: Open
) -> None:
    deep: Any = types.TextPlain("дно")
    for _ in range(250):
        deep = types.TextBold(deep)
    blocks = [types.PageBlockParagraph(deep)]
    channel.post("краткое", rich_message=types.RichMessage(blocks, [], []))
    channel.post("дальше")
    found = list(open_().read(Bounds()))
    assert len(posts(found)) == 2
    assert posts(found)[1].text == "дальше"
    assert posts(found)[0].extras or posts(found)[0].text.strip() == "дно"


def test_a_long_rich_message_is_asked_for_whole(channel: Channel, open_: Open) -> None:
    def rich(*texts: str, part: bool | None = None) -> Any:
        blocks = [types.PageBlockParagraph(types.TextPlain(text)) for text in texts]
        return types.RichMessage(blocks, [], [], part=part)

    number = channel.post("", rich_message=rich("Начало", part=True))
    channel.whole[number] = types.Message(
        number,
        types.PeerChannel(channel.id),
        date=channel.messages[number].date,
        message="",
        rich_message=rich("Начало", "и конец"),
    )
    [post] = posts(open_().read(Bounds()))
    assert post.text == "Начало\n\nи конец"
    assert post.rich
    assert not post.extras


def test_who_speaks_is_told_with_photo_and_description(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.about = "О малом деле"
    channel.photo = server.world.photo(b"\xff\xd8" + b"p" * 5000)
    reader = open_()
    who = reader.channel()
    assert (who.id, who.title, who.username) == (channel.id, "Мастерская", "workshop")
    assert who.about == "О малом деле"
    path = reader.fetch(Media(kind="photo", locator=who.photo))
    assert path.read_bytes() == b"\xff\xd8" + b"p" * 5000
    channel.photo = None
    with pytest.raises(Gone):
        open_().fetch(Media(kind="photo", locator=who.photo))


# --- Changes ------------------------------------------------------------------------------------


def test_a_run_with_nothing_new_makes_one_packet_of_two_requests(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    told = list(open_().changes(None))
    server.requests.clear()
    open_().close()
    assert list(open_().changes(cursor(told))) == []
    assert server.requests == ["GetHistoryRequest", "GetChannelDifferenceRequest"]


def test_a_new_run_with_nothing_new_asks_nothing_else(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    first = open_()
    told = list(first.changes(None))
    first.close()
    server.requests.clear()
    assert list(open_().changes(cursor(told))) == []
    assert server.requests == [
        "GetConfigRequest",
        "GetHistoryRequest",
        "GetChannelDifferenceRequest",
    ]


def test_what_happened_while_nothing_ran_is_told(channel: Channel, open_: Open) -> None:
    for number in range(5):
        channel.post(f"Запись {number}")
    before = cursor(list(open_().changes(None)))
    channel.edit(2, "Исправлено")
    channel.delete(3)
    channel.edit(2, "Исправлено дважды")
    new = channel.post("Новая")
    channel.edit(new, "Новая, исправлена")
    gone = channel.post("Ошибка")
    channel.delete(gone)
    told = list(open_().changes(before))
    texts = {one.id: one.text for one in posts(told)}
    assert texts == {2: "Исправлено дважды", new: "Новая, исправлена"}
    assert deleted(told) == [3, gone]
    assert list(open_().changes(cursor(told))) == []


def test_an_edited_caption_brings_its_whole_album(channel: Channel, open_: Open) -> None:
    channel.post("до")
    album = channel.album([None] * 3, ["", "подпись", ""])
    channel.post("после")
    before = cursor(list(open_().changes(None)))
    channel.edit(album[1], "новая подпись")
    [post] = posts(open_().changes(before))
    assert post.ids == tuple(album)
    assert post.text == "новая подпись"


def test_a_photo_that_left_an_album_leaves_the_rest(channel: Channel, open_: Open) -> None:
    album = channel.album([None] * 4, ["подпись"])
    before = cursor(list(open_().changes(None)))
    channel.delete(album[2])
    told = list(open_().changes(before))
    assert [one.ids for one in posts(told)] == [(1, 2, 4)]
    assert deleted(told) == [3]


def test_an_album_that_is_gone_is_gone(channel: Channel, open_: Open) -> None:
    channel.post("до")
    album = channel.album([None] * 3)
    before = cursor(list(open_().changes(None)))
    channel.delete(*album)
    told = list(open_().changes(before))
    assert posts(told) == []
    assert deleted(told) == album


def test_an_album_that_was_deleted_in_parts_is_gone_at_once(channel: Channel, open_: Open) -> None:
    channel.post("до")
    album = channel.album([None] * 3)
    for number in range(150):
        channel.post(f"Запись {number}")
    before = cursor(list(open_().changes(None)))
    channel.delete(album[0])
    for number in range(10, 150):
        channel.edit(number, f"Исправлено {number}")
    channel.delete(*album[1:])
    told = list(open_().changes(before))
    assert [one.ids for one in told if isinstance(one, Deleted)] == [tuple(album)]
    assert len(posts(told)) == 140


def test_the_rest_of_an_album_that_comes_late_completes_it(channel: Channel, open_: Open) -> None:
    channel.post("а", grouped_id=9)
    before = cursor(list(open_().changes(None)))
    channel.post("б", grouped_id=9)
    [post] = posts(open_().changes(before))
    assert post.ids == (1, 2)


def test_a_year_of_changes_is_told_in_parts(channel: Channel, open_: Open) -> None:
    for number in range(120):
        channel.post(f"Запись {number}")
    before = cursor(list(open_().changes(None)))
    for number in range(1, 121):
        channel.edit(number, f"Исправлено {number}")
    channel.delete(*range(1, 11))
    for number in range(11, 121):
        channel.edit(number, f"Ещё раз {number}")
    archive: dict[int, str] = {}
    told = list(open_().changes(before))
    for one in told:
        if isinstance(one, Post):
            archive[one.id] = one.text
        elif isinstance(one, Deleted):
            for number in one.ids:
                archive.pop(number, None)
    assert archive == {number: f"Ещё раз {number}" for number in range(11, 121)}
    assert sum(isinstance(one, Checkpoint) for one in told) > 1


def test_where_the_record_has_a_gap_the_recent_posts_are_read_again(
    channel: Channel, open_: Open
) -> None:
    for number in range(30):
        channel.post(f"Запись {number}")
    before = cursor(list(open_().changes(None)))
    channel.edit(5, "Исправлено")
    channel.delete(7, 30)
    channel.forget()
    channel.post("Новая")
    told = list(open_().changes(before))
    assert {one.id: one.text for one in posts(told)}[5] == "Исправлено"
    assert [one for one in told if isinstance(one, Complete)] == [Complete(first=1, last=2**31 - 1)]
    assert {*ids(told)} == {*channel.messages}
    assert list(open_().changes(cursor(told))) == []


def test_a_gap_in_a_long_history_is_closed_at_its_recent_end(channel: Channel, open_: Open) -> None:
    for number in range(600):
        channel.post(f"Запись {number}")
    for _ in range(100):
        channel.album([None] * 6, ["альбом"])
    before = cursor(list(open_().changes(None)))
    channel.delete(1190)
    channel.forget()
    told = list(open_().changes(before))
    [complete] = [one for one in told if isinstance(one, Complete)]
    assert complete.last > 1200
    assert 100 < complete.first < 400
    assert [one for one in told if isinstance(one, Note)]
    read = {number for one in posts(told) for number in one.ids}
    assert read == {one for one in channel.ids if one >= complete.first}


def test_a_pts_that_telegram_does_not_know_is_a_gap(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    before = cursor(list(open_().changes(None)))
    server.fault("GetChannelDifferenceRequest", error="PERSISTENT_TIMESTAMP_INVALID")
    told = list(open_().changes(before))
    assert ids(told) == [1]
    assert [one.first for one in told if isinstance(one, Complete)] == [1]


def test_a_link_preview_that_is_made_later_is_told(channel: Channel, open_: Open) -> None:
    pending = types.MessageMediaWebPage(types.WebPagePending(55, date=None))
    channel.post("https://example.org", media=pending)
    before = cursor(list(open_().changes(None)))
    page = types.WebPage(55, "https://example.org", "example.org", 0, title="Пример")
    channel.messages[1].media = types.MessageMediaWebPage(page)
    channel.happened(lambda pts: types.UpdateChannelWebPage(channel.id, page, pts, 1))
    [post] = posts(open_().changes(before))
    assert post.link_preview
    assert post.link_preview.title == "Пример"


def test_a_poll_that_closes_by_itself_brings_its_results(channel: Channel, open_: Open) -> None:
    def poll(closes: float, **fields: Any) -> Any:
        answers = [types.PollAnswer(types.TextWithEntities("Да", []), b"0")]
        when = datetime.fromtimestamp(closes, UTC)
        title = types.TextWithEntities("Ну что?", [])
        counts = [types.PollAnswerVoters(b"0", voters=7, recent_voters=[])]
        return types.MessageMediaPoll(
            types.Poll(1, title, answers, 0, close_date=when, close_period=600, **fields),
            types.PollResults(results=counts if fields else None),
        )

    channel.post("", media=poll(time.time() + 1000))
    before = cursor(list(open_().changes(None)))
    assert [number for number, _ in json.loads(before)["closing"]] == [1]
    assert list(open_().changes(before)) == [], "it is still open"
    channel.messages[1].media = poll(time.time() - 5, closed=True)
    late = json.dumps({**json.loads(before), "closing": [[1, int(time.time()) - 5]]})
    told = list(open_().changes(late))
    [post] = posts(told)
    assert post.poll
    assert post.poll.closed
    assert post.poll.answers[0].voters == 7
    assert list(open_().changes(cursor(told))) == []


def test_a_first_walk_that_is_killed_goes_on_and_loses_no_change(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    for number in range(450):
        channel.post(f"Запись {number}")
    archive = Archive()
    archive.pull(open_(), stop_after=250)
    assert len(archive.posts) == 200
    channel.edit(10, "Исправлено на ходу")
    channel.delete(20)
    server.requests.clear()
    archive.pull(open_())
    assert server.requests.count("GetHistoryRequest") <= 5, "what was read is not read again"
    assert {*archive.alive} == {*channel.messages}
    assert archive.posts[10].text == "Исправлено на ходу"


def test_an_empty_channel_is_no_trouble(channel: Channel, open_: Open) -> None:
    told = list(open_().changes(None))
    channel.post("первая")
    assert ids(open_().changes(cursor(told))) == [1]


def test_a_channel_that_was_renamed_goes_on(channel: Channel, open_: Open) -> None:
    channel.post("одна")
    before = cursor(list(open_().changes(None)))
    channel.username, channel.title = "novaya", "Новая мастерская"
    channel.post("две")
    reader = open_()
    [post] = posts(reader.changes(before))
    assert post.url == "https://t.me/novaya/2"
    assert reader.channel().username == "novaya"


def test_a_name_that_leads_to_another_channel_now_is_refused(
    server: TelegramServer, channel: Channel, open_: Open, tmp_path: Path
) -> None:
    channel.post("одна")
    before = cursor(list(open_().changes(None)))
    channel.username = "old"
    other = server.world.channel("Чужая", "workshop")
    other.post("чужое")
    (tmp_path / "cache" / "channel.json").unlink()
    with pytest.raises(ReaderError, match="another channel"):
        list(open_().changes(before))


def test_a_way_to_the_channel_that_leads_nowhere_is_found_anew(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    list(open_().changes(None))
    channel.access_hash += 1
    assert ids(open_().read(Bounds())) == [1]


# --- Which channel ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("@workshop", ("name", "workshop")),
        ("workshop", ("name", "workshop")),
        ("https://t.me/workshop", ("name", "workshop")),
        ("t.me/s/workshop", ("name", "workshop")),
        ("https://t.me/workshop/15?single", ("name", "workshop")),
        ("https://telegram.me/workshop/", ("name", "workshop")),
        ("tg://resolve?domain=workshop", ("name", "workshop")),
        ("https://t.me/+AbCdEfGh1234_-x", ("invite", "AbCdEfGh1234_-x")),
        ("t.me/joinchat/AAAAAEabcdef", ("invite", "AAAAAEabcdef")),
        ("tg://join?invite=AbCdEfGh1234", ("invite", "AbCdEfGh1234")),
        ("-1001234567890", ("id", "1234567890")),
        ("1234567890", ("id", "1234567890")),
        ("https://t.me/c/1234567890/15", ("id", "1234567890")),
    ],
)
def test_a_channel_may_be_written_as_people_write_it(text: str, meant: tuple[str, str]) -> None:
    assert pointer(text) == meant


@pytest.mark.parametrize("text", ["", "@", "моя мастерская", "https://example.org/x", "t.me/", "+"])
def test_what_names_no_channel_is_refused_with_the_ways_to_write_it(text: str) -> None:
    with pytest.raises(ReaderError, match="names no Telegram channel"):
        pointer(text)


@pytest.mark.parametrize("kind", ["invite", "id"])
def test_a_private_channel_is_found_by_invite_and_by_id(
    server: TelegramServer, open_: Open, kind: str
) -> None:
    channel = server.world.channel("Закрытая", None, invite="AbCdEfGh12345678")
    channel.post("для своих")
    text = {"invite": "https://t.me/+AbCdEfGh12345678", "id": f"-100{channel.id}"}[kind]
    [post] = posts(open_(text).read(Bounds()))
    assert post.url == f"https://t.me/c/{channel.id}/1"


def test_an_id_is_found_in_a_long_list_of_chats(server: TelegramServer, open_: Open) -> None:
    for number in range(230):
        server.world.channel(f"Канал {number}", f"channel{number}").post("x" * (number % 3))
        list(server.world.channels.values())[-1]._clock = None  # type: ignore[assignment]
    wanted = list(server.world.channels.values())[3]
    for offset, one in enumerate(server.world.channels.values()):
        one.messages[1].date = one.messages[1].date.replace(
            hour=offset // 60 % 24, minute=offset % 60
        )
    assert ids(open_(str(wanted.id)).read(Bounds())) == [1]


def _private(server: TelegramServer, channel: Channel) -> None:
    channel.error = "CHANNEL_PRIVATE"


def _unknown(server: TelegramServer, channel: Channel) -> None:
    channel.username = "other"


def _group(server: TelegramServer, channel: Channel) -> None:
    channel.fields.update(broadcast=False, megagroup=True)


def _banned(server: TelegramServer, channel: Channel) -> None:
    reason = types.RestrictionReason("all", "copyrightinfringement", "Hidden for its copyright")
    channel.fields.update(restricted=True, restriction_reason=[reason])


def _person(server: TelegramServer, channel: Channel) -> None:
    channel.username = None
    user = types.User(5, first_name="Павел", username="workshop", access_hash=1)
    server.world.users[5] = user


def _revoked(server: TelegramServer, channel: Channel) -> None:
    server.revoke()


def _unregistered(server: TelegramServer, channel: Channel) -> None:
    server.revoke("AUTH_KEY_UNREGISTERED")


def _duplicated(server: TelegramServer, channel: Channel) -> None:
    server.fault("GetHistoryRequest", error="AUTH_KEY_DUPLICATED", code=406)


def _forgotten(server: TelegramServer, channel: Channel) -> None:
    server.forget_keys()


def _wrong_api_id(server: TelegramServer, channel: Channel) -> None:
    server.api_id += 1


def _deactivated(server: TelegramServer, channel: Channel) -> None:
    server.fault("GetHistoryRequest", error="USER_DEACTIVATED_BAN")


@pytest.mark.parametrize(
    ("happen", "told"),
    [
        (_private, "@workshop is private .* join it"),
        (_unknown, "There is no @workshop in Telegram: look at the name"),
        (_group, "@workshop is a group: crosspost mirrors channels"),
        (_person, "@workshop is a person or a bot"),
        (_banned, "does not show @workshop to anyone: Hidden for its copyright"),
        (_revoked, "login was ended .*crosspost login|login to Telegram is gone"),
        (_unregistered, "login to Telegram is gone: run «crosspost login»"),
        (_duplicated, "two addresses at the same time"),
        (_forgotten, "does not know this session any more: run «crosspost login»"),
        (_wrong_api_id, "api_id and api_hash: copy both from https://my.telegram.org"),
        (_deactivated, "Telegram has banned this account"),
    ],
)
def test_what_cannot_be_read_ends_in_a_sentence_with_the_remedy(
    server: TelegramServer, channel: Channel, open_: Open, happen: Any, told: str
) -> None:
    channel.post("одна")
    settings = {"api_id": server.api_id}
    happen(server, channel)
    with pytest.raises(ReaderError, match=told) as caught:
        list(open_(**settings).read(Bounds()))
    assert "0123456789abcdef" not in str(caught.value)


def test_an_invite_to_a_channel_one_has_not_joined_says_so(
    server: TelegramServer, open_: Open
) -> None:
    server.world.channel("Закрытая", None, invite="AbCdEfGh12345678", member=False)
    with pytest.raises(ReaderError, match="no member of «Закрытая»"):
        list(open_("t.me/+AbCdEfGh12345678").read(Bounds()))
    with pytest.raises(ReaderError, match="no longer valid"):
        list(open_("t.me/+ZZZZZZZZZZZZZZZZ").read(Bounds()))
    with pytest.raises(ReaderError, match="no channel with the id 1999999999"):
        list(open_("-1001999999999").read(Bounds()))


# --- Trouble on the way -------------------------------------------------------------------------


@pytest.mark.parametrize("what", [{"drop": True}, {"cut": 0}, {"cut": 3}, {"cut": 8}, {"cut": 57}])
def test_an_answer_that_is_cut_is_asked_for_again(
    server: TelegramServer, channel: Channel, open_: Open, what: dict[str, Any]
) -> None:
    for number in range(250):
        channel.post(f"Запись {number}")
    server.fault("GetHistoryRequest", after=1, times=2, **what)
    assert ids(open_().read(Bounds())) == list(range(1, 251))


@pytest.mark.slow
def test_an_answer_may_be_cut_at_any_byte(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    reader = open_()
    reader.channel()
    for cut in range(600):
        server.fault("GetHistoryRequest", cut=cut)
        assert ids(reader.read(Bounds())) == [1], cut
    assert server.faults.due == []


def test_an_answer_that_never_comes_is_asked_for_again(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    server.fault("GetHistoryRequest", hang=True)
    begin = time.monotonic()
    assert ids(open_(timeout=timedelta(seconds=0.3)).read(Bounds())) == [1]
    assert time.monotonic() - begin < 2


def test_a_network_that_is_gone_ends_the_run_in_time(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    reader = open_(attempts=2, timeout=timedelta(seconds=0.5))
    reader.channel()
    server.deaf = True
    server.restart()
    begin = time.monotonic()
    with pytest.raises(Unreachable, match=r"does not answer .tried 2 times.: look at the network"):
        list(reader.read(Bounds()))
    assert time.monotonic() - begin < 3
    server.deaf = False
    assert ids(reader.read(Bounds())) == [1], "the same reader goes on when it is back"


@pytest.mark.slow
def test_trouble_of_telegram_itself_passes(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    server.fault("GetHistoryRequest", error="INTERNAL_SERVER_ERROR", code=500)
    assert ids(open_().read(Bounds())) == [1]


@pytest.mark.slow
def test_trouble_of_telegram_itself_is_told_as_such(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    reader = open_()
    reader.channel()
    server.fault("GetHistoryRequest", error="INTERNAL_SERVER_ERROR", code=500, times=9)
    with pytest.raises(Unreachable, match=r"trouble of its own .INTERNAL"):
        list(reader.read(Bounds()))
    server.faults.clear()
    assert ids(reader.read(Bounds())) == [1]


def test_a_short_flood_wait_is_waited_out_in_sight(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    reader = open_()
    told: list[float] = []
    reader.on_wait = told.append
    server.fault("GetHistoryRequest", error="FLOOD_WAIT_1")
    begin = time.monotonic()
    assert ids(reader.read(Bounds())) == [1]
    assert time.monotonic() - begin >= 1
    assert told
    assert 0 < told[0] <= 1


def test_a_long_flood_wait_ends_the_run_and_the_next_goes_on(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    for number in range(350):
        channel.post(f"Запись {number}")
    archive = Archive()
    server.fault("GetHistoryRequest", error="FLOOD_WAIT_4000", after=3)
    with pytest.raises(Later, match="1 h 6 min 40 s"):
        archive.pull(open_())
    assert len(archive.posts) >= 100
    archive.pull(open_())
    assert len(archive.posts) == 350


# --- Files --------------------------------------------------------------------------------------


def film(server: TelegramServer, size: int = 1_700_000) -> tuple[Any, bytes]:
    data = hashlib.shake_128(b"film").digest(size)
    video = types.DocumentAttributeVideo(5, 640, 360)
    name = types.DocumentAttributeFilename("../../../etc/фильм.mp4")
    document = server.world.document(data, "video/mp4", video, name, thumb=b"\xff\xd8thumb")
    return types.MessageMediaDocument(document=document), data


def test_a_file_comes_in_parts_and_is_not_fetched_twice(
    server: TelegramServer, channel: Channel, open_: Open, tmp_path: Path
) -> None:
    media, data = film(server)
    channel.post("", media=media)
    reader = open_()
    [post] = posts(reader.read(Bounds()))
    server.requests.clear()
    path = reader.fetch(post.media[0])
    assert path.read_bytes() == data
    assert path.parent == tmp_path / "cache"
    assert path.suffix == ".mp4"
    assert server.requests == ["GetFileRequest"] * 4
    assert reader.fetch(post.media[0]) == path
    assert len(server.requests) == 4
    frame = reader.fetch(Media(kind="photo", locator=post.media[0].thumb))
    assert frame.read_bytes() == b"\xff\xd8thumb"


def test_a_file_is_gone_on_with_where_it_was_cut(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    media, data = film(server)
    channel.post("", media=media)
    reader = open_(attempts=1)
    [post] = posts(reader.read(Bounds()))
    server.fault("GetFileRequest", after=2, drop=True)
    with pytest.raises(Unreachable):
        reader.fetch(post.media[0])
    server.requests.clear()
    assert open_().fetch(post.media[0]).read_bytes() == data
    assert server.requests.count("GetFileRequest") == 2


@pytest.mark.parametrize("says", ["that it is there", "so when asked"])
def test_a_file_in_another_data_centre_is_fetched_there(
    server: TelegramServer, channel: Channel, open_: Open, says: str
) -> None:
    server.give_keys()
    data = hashlib.shake_128(b"far").digest(700_000)
    document = server.world.document(data, "video/mp4", dc=4 if says == "that it is there" else 2)
    channel.post("", media=types.MessageMediaDocument(document=document))
    if says == "so when asked":
        server.fault("GetFileRequest", error="FILE_MIGRATE_4", code=303)
    reader = open_()
    [post] = posts(reader.read(Bounds()))
    assert reader.fetch(post.media[0]).read_bytes() == data
    assert "ImportAuthorizationRequest" in server.requests, server.requests[6:]


def test_a_reference_that_has_expired_is_made_new(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    media, data = film(server)
    channel.post("", media=media)
    photo = types.MessageMediaPhoto(photo=server.world.photo(b"\xff\xd8photo"))
    channel.post("", media=photo)
    reader = open_()
    found = posts(reader.read(Bounds()))
    server.world.expire()
    assert reader.fetch(found[0].media[0]).read_bytes() == data
    assert reader.fetch(found[1].media[0]).read_bytes() == b"\xff\xd8photo"


def test_a_file_whose_post_is_gone_is_gone(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    media, _ = film(server)
    channel.post("", media=media)
    [post] = posts(open_().read(Bounds()))
    channel.delete(1)
    with pytest.raises(Gone, match="the post is no longer there"):
        open_().fetch(post.media[0])


def test_a_file_above_the_limit_stays_in_telegram_with_its_preview_frame(
    server: TelegramServer, channel: Channel, open_: Open, tmp_path: Path
) -> None:
    media, _ = film(server)
    channel.post("", media=media)
    [post] = posts(open_(max_media="1 MB").read(Bounds()))
    assert post.media[0].missing == "it has 1.6 MB, more than the limit of 1 MB"
    assert post.media[0].thumb == "1/0/thumb"
    [unbounded] = posts(open_("@Workshop").read(Bounds()))
    with pytest.raises(Gone, match="more than the limit"):
        open_(max_media="1 MB").fetch(unbounded.media[0])


def test_a_file_that_is_longer_than_it_says_is_stopped(
    server: TelegramServer, channel: Channel, open_: Open, tmp_path: Path
) -> None:
    document = server.world.document(b"x" * 3_000_000, "video/mp4", size=1000)
    channel.post("", media=types.MessageMediaDocument(document=document))
    reader = open_(max_media="1 MB")
    [post] = posts(reader.read(Bounds()))
    with pytest.raises(Gone):
        reader.fetch(post.media[0])
    assert server.requests.count("GetFileRequest") == 3
    assert not list((tmp_path / "cache").glob("*.part"))


# --- The doorbell, and who holds the session ----------------------------------------------------


def test_a_new_post_rings_at_once(channel: Channel, open_: Open) -> None:
    reader = open_()
    reader.wait(0)
    threading.Timer(0.1, channel.post, ["динь"]).start()
    begin = time.monotonic()
    reader.wait(0.01)
    assert reader.wait(5)
    assert time.monotonic() - begin < 2


def test_another_channel_does_not_ring(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    other = server.world.channel("Другая", "other")
    reader = open_()
    reader.wait(0.01)
    threading.Timer(0.05, other.post, ["чужое"]).start()
    assert not reader.wait(0.3)


def test_a_connection_that_was_lost_while_waiting_rings_when_it_is_back(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    reader = open_()
    reader.wait(0.01)
    threading.Timer(0.1, server.restart).start()
    assert reader.wait(5)
    threading.Timer(0.1, channel.post, ["динь"]).start()
    assert reader.wait(5)


def test_blogs_may_be_read_at_the_same_time(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    for number in range(900):
        channel.post(f"Запись {number}")
    readers = [open_() for _ in range(3)]
    server.fault("GetHistoryRequest", after=4, drop=True, times=2)
    found: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda one=one: found.append(ids(one.read(Bounds()))))
        for one in readers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(range(1, 901))] * 3
    assert server.requests.count("ResolveUsernameRequest") <= 3


def test_a_reader_that_is_closed_by_another_thread_lets_go_at_once(
    server: TelegramServer, channel: Channel, open_: Open
) -> None:
    channel.post("одна")
    reader = open_(timeout="60s")
    reader.channel()
    server.fault("GetHistoryRequest", hang=True)
    threading.Timer(0.2, reader.close).start()
    begin = time.monotonic()
    with pytest.raises(Unreachable, match="was closed"):
        list(reader.read(Bounds()))
    assert time.monotonic() - begin < 3


def test_two_processes_never_use_one_session(
    server: TelegramServer, channel: Channel, open_: Open, tmp_path: Path
) -> None:
    from filelock import FileLock

    path = server.session_file(tmp_path / "mine.session")
    channel.post("одна")
    with FileLock(f"{path}.lock"), pytest.raises(Busy, match="Another crosspost"):
        list(open_(session="mine").read(Bounds()))
    assert ids(open_(session="mine").read(Bounds())) == [1]
    assert path.stat().st_mode & 0o777 == 0o600


def test_blogs_of_one_config_share_the_session(
    server: TelegramServer, channel: Channel, open_: Open, tmp_path: Path
) -> None:
    server.session_file(tmp_path / "telegram.session")
    channel.post("одна")
    server.world.channel("Другая", "other").post("две")
    first, second = open_(session="telegram"), open_("@other", session="telegram.session")
    assert posts(first.read(Bounds()))[0].text == "одна"
    assert posts(second.read(Bounds()))[0].text == "две"
    first.close()
    assert posts(second.read(Bounds()))[0].text == "две"
    assert server.requests.count("GetConfigRequest") == 1


def test_a_session_that_is_none_says_how_to_log_in(open_: Open, tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"No one is logged in .*run «crosspost login»"):
        list(open_(session="none").read(Bounds()))
    (tmp_path / "broken.session").write_bytes(b"no database at all, but long enough" * 40)
    with pytest.raises(ReaderError, match=r"cannot be used .*crosspost login"):
        list(open_(session="broken").read(Bounds()))
    with pytest.raises(ReaderError, match="There is no folder"):
        list(open_(session="no/where").read(Bounds()))


def test_a_program_that_does_not_use_it_does_not_load_telethon() -> None:
    import subprocess
    import sys

    code = (
        "import sys, crosspost.readers.telegram as t; s = t.TelegramSettings(api_id=1, "
        "api_hash='x'); assert 'telethon' not in sys.modules and 'filelock' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_cursor_is_a_line_that_tells_where_one_stands(channel: Channel, open_: Open) -> None:
    channel.post("одна")
    told = json.loads(cursor(list(open_().changes(None))))
    assert told == {"form": 1, "channel": channel.id, "pts": 2, "newest": 1}


def test_every_sentence_is_explained_in_the_docs() -> None:
    from crosspost.readers.telegram import _trouble

    page = (Path(__file__).parents[1] / "docs" / "telegram.md").read_text("utf-8")
    told = re.sub(r"\s+", " ", page.partition("## What each message means")[2])
    sentences = [
        *_trouble.ACCOUNT.values(),
        *_trouble.CHANNEL.values(),
        _trouble.NO_ANSWER,
        _trouble.OWN_TROUBLE,
    ]
    for sentence in sentences:
        words = [one.strip(" ,:") for one in re.split(r"\{channel\}|[:,(]", sentence)]
        known = [one for one in words if len(one) > 8 and any(p in told for p in pieces(one))]
        assert known, sentence


def pieces(clause: str) -> list[str]:
    """Runs of four words, or the whole clause if it is shorter."""
    words = clause.split()
    return [" ".join(words[at : at + 4]) for at in range(max(len(words) - 3, 1))]


def test_every_setting_is_explained_in_the_docs() -> None:
    page = (Path(__file__).parents[1] / "docs" / "telegram.md").read_text("utf-8")
    for name in TelegramReader.Settings.model_fields:
        assert f"`{name}`" in page.partition("## Settings")[2], name
