"""The pipe from an export to a folder of pages: what a run does, and what it leaves alone."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from filelock import FileLock
from memory import memory_folder
from msgspec.structs import replace

from crosspost import pipeline
from crosspost.config import load
from crosspost.errors import Busy, CrosspostError
from crosspost.ledger import Ledger
from crosspost.model import Channel, Post
from crosspost.pipeline import Source, _decisions
from crosspost.publishers.static import StaticPublisher
from crosspost.readers import Bounds, Checkpoint, Complete, Context, Deleted
from crosspost.readers.export import ExportReader
from crosspost.readers.export._reading import Opened
from crosspost.report import Report

START = 1_746_090_000
CONFIG = """
language = "ru"
timezone = "Asia/Omsk"
ledger = "ledger.db"
cache = "cache"
"""
BLOG = """
[[blog]]
name = "{name}"
channel = "{channel}"
reader = "export"
site = {sites}
link = "https://t.me/example"
{more}
"""
SITE = """
[site.{name}]
type = "static"
path = "{name}"
url = "https://{name}.example/"
"""


def message(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    text = text or (f"Запись номер {number}" if "photo" not in more else "")
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(START + number * 3600),
        "from": "Мастерская",
        "from_id": "channel777",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}] if text else [],
    } | more


def picture(number: int, head: int, text: str = "") -> dict[str, Any]:
    photo = {"photo": f"photos/{number}.png", "width": 40, "height": 30}
    return message(number, text, date_unixtime=str(START + head * 3600), **photo)


class Desk:
    """A folder with a config, channels and sites, and the person who runs crosspost there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configure()

    def configure(
        self,
        *blogs: tuple[str, str],
        sites: tuple[str, ...] = ("local",),
        more: str = "",
    ) -> None:
        parts = [CONFIG]
        for name, channel in blogs or (("business", "channel"),):
            listed = json.dumps(list(sites))
            parts.append(BLOG.format(name=name, channel=channel, sites=listed, more=more))
        parts += [SITE.format(name=site) for site in sites]
        (self.folder / "crosspost.toml").write_text("".join(parts), "utf-8")

    def export(
        self, *messages: dict[str, Any] | int, channel: str = "channel", number: int = 777
    ) -> None:
        from PIL import Image

        listed = [message(one) if isinstance(one, int) else one for one in messages]
        folder = self.folder / channel
        (folder / "photos").mkdir(parents=True, exist_ok=True)
        for one in listed:
            if "photo" in one and not (folder / one["photo"]).exists():
                Image.new("RGB", (40, 30), (one["id"] * 9 % 256, 90, 20)).save(
                    folder / one["photo"]
                )
        told = {"name": "Мастерская", "type": "public_channel", "id": number, "messages": listed}
        (folder / "result.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")

    def _run(self, do: Any, command: str, *, dry: bool = False, **settings: Any) -> Report:
        config = load(self.folder / "crosspost.toml")
        report = Report(command, dry_run=dry)
        make = Ledger.rehearsal if dry else Ledger.open
        with make(config.ledger) as ledger:
            run = pipeline.Run(ledger=ledger, report=report, **settings)
            try:
                for blog in config.blogs.values():
                    do(run, blog)
            finally:
                run.close()
        return report

    def sync(self, **settings: Any) -> Report:
        return self._run(pipeline.sync, "sync", **settings)

    def backfill(self, bounds: Bounds | None = None, **more: Any) -> Report:
        settings = {key: more.pop(key) for key in ("dry", "stop") if key in more}

        def do(run: pipeline.Run, blog: pipeline.Blog) -> None:
            pipeline.backfill(run, blog, bounds or Bounds(), **more)

        return self._run(do, "backfill", **settings)

    def resolve(self, post_id: int, word: str) -> Report:
        return self._run(lambda run, blog: pipeline.resolve(run, blog, post_id, word), "resolve")

    def pages(self, site: str = "local", blog: str = "business") -> dict[int, str]:
        """The article pages by the post's id."""
        found = (self.folder / site / blog).glob("[0-9]*-*.html")
        return {int(path.name.partition("-")[0]): path.read_text("utf-8") for path in found}

    def tree(self, *inside: str) -> dict[str, tuple[int, bytes]]:
        found = (path for part in inside or (".",) for path in (self.folder / part).rglob("*"))
        return {
            str(path.relative_to(self.folder)): (path.stat().st_mtime_ns, path.read_bytes())
            for path in found
            if path.is_file()
        }

    def states(self, blog: str = "business", site: str = "local") -> dict[int, str]:
        with Ledger.open(self.folder / "ledger.db") as ledger:
            known = [one.post.id for one in ledger.posts(blog)]
            found = {number: ledger.delivery(blog, number, site) for number in known}
            return {number: one.state for number, one in found.items() if one}


@pytest.fixture
def desk() -> Iterator[Desk]:
    with memory_folder() as folder:
        yield Desk(folder)


def test_a_channel_becomes_a_blog(desk: Desk) -> None:
    desk.export(1, picture(2, 2, "Снимок"), 3)
    report = desk.sync()
    assert (report.read, report.counts["created"], report.exit_code) == (3, 3, 0)
    assert sorted(desk.pages()) == [1, 2, 3]
    assert report.summary() == "3 posts read, 3 created."


def test_the_second_run_opens_no_site_reads_no_source_and_writes_no_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.export(1, picture(2, 2, "Снимок"), 3)
    desk.sync()
    before = desk.tree("local", "channel", "cache")

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was opened")

    for what in ("find", "look", "put", "upload", "finish"):
        monkeypatch.setattr(StaticPublisher, what, never)
    monkeypatch.setattr(StaticPublisher, "open", never)
    monkeypatch.setattr(Opened, "posts", never)
    monkeypatch.setattr(ExportReader, "channel", never)
    report = desk.sync()
    assert (report.idle, report.exit_code, report.summary()) == (True, 0, "Nothing to do.")
    assert desk.tree("local", "channel", "cache") == before


def test_a_run_with_nothing_to_do_is_no_run_in_the_ledger(desk: Desk) -> None:
    desk.export(1)
    desk.sync()
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        (first,) = ledger.runs("business", 9)
        since = ledger.targets("business")[0].success_at
    assert (first.command, first.exit_code, first.summary) == ("sync", 0, "1 post read, 1 created.")
    desk.sync()
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        assert len(ledger.runs("business", 9)) == 1
        assert ledger.targets("business")[0].success_at >= since


def test_the_same_posts_exported_again_change_no_file(desk: Desk) -> None:
    desk.export(1, picture(2, 2, "Снимок"), 3)
    desk.sync()
    before = desk.tree("local")
    desk.export(1, picture(2, 2, "Снимок"), 3)
    os.utime(desk.folder / "channel" / "result.json", ns=(1, 1))
    assert desk.sync().summary() == "Nothing to do."
    assert desk.tree("local") == before


def test_an_edited_post_is_updated_and_nothing_else(desk: Desk) -> None:
    desk.export(1, 2, 3)
    desk.sync()
    desk.export(1, message(2, "Исправлено"), 3)
    report = desk.sync()
    assert (report.counts["updated"], report.counts["created"]) == (1, 0)
    assert "Исправлено" in desk.pages()[2]


# --- Deletions --------------------------------------------------------------------------------


def test_a_few_deleted_posts_leave_the_site(desk: Desk) -> None:
    desk.export(*range(1, 9))
    desk.sync()
    desk.export(1, 2, 4, 6, 8)
    report = desk.sync()
    assert (report.gone, report.counts["withdrawn"], report.exit_code) == (3, 3, 0)
    assert sorted(desk.pages()) == [1, 2, 4, 6, 8]


def test_many_deleted_posts_are_asked_about_and_wait_for_the_answer(desk: Desk) -> None:
    desk.export(*range(1, 10))
    desk.sync()
    desk.export(1, 9)
    report = desk.sync()
    assert (report.vanished, report.exit_code) == ({"business": list(range(2, 9))}, 1)
    assert "--accept-deletions" in "\n".join(report.lines(verbose=False))
    assert sorted(desk.pages()) == list(range(1, 10))
    assert desk.sync().counts["withdrawn"] == 0
    report = desk.sync(accept_deletions=True)
    assert (report.gone, report.counts["withdrawn"], report.exit_code) == (7, 7, 0)
    assert sorted(desk.pages()) == [1, 9]
    assert desk.sync(accept_deletions=True).summary() == "Nothing to do."


def test_what_was_asked_about_and_is_there_again_stays(desk: Desk) -> None:
    desk.export(*range(1, 10))
    desk.sync()
    desk.export(1, 9)
    desk.sync()
    desk.export(*range(1, 8), 9)
    report = desk.sync(accept_deletions=True)
    assert (report.gone, report.counts["withdrawn"]) == (1, 1)
    assert sorted(desk.pages()) == [1, 2, 3, 4, 5, 6, 7, 9]


def test_what_was_asked_about_and_is_still_gone_is_asked_about_again(desk: Desk) -> None:
    desk.export(*range(1, 10))
    desk.sync()
    desk.export(1, 9)
    desk.sync()
    desk.export(1, message(9, "Исправлено"))
    report = desk.sync()
    assert report.vanished == {"business": list(range(2, 9))}
    assert len(desk.pages()) == 9


def test_a_damaged_export_deletes_nothing(desk: Desk) -> None:
    desk.export(*range(1, 9))
    desk.sync()
    path = desk.folder / "channel" / "result.json"
    path.write_text(path.read_text("utf-8")[:-700], "utf-8")
    report = desk.sync()
    assert report.notes
    assert (report.gone, report.vanished) == (0, {})
    assert len(desk.pages()) == 8


def test_a_post_that_comes_back_stands_where_it_stood(desk: Desk) -> None:
    desk.export(1, 2, 3)
    desk.sync()
    before = desk.pages()
    desk.export(1, 3)
    desk.sync()
    assert sorted(desk.pages()) == [1, 3]
    desk.export(1, 2, 3)
    report = desk.sync()
    assert report.counts["updated"] == 1
    assert desk.pages() == before


def test_an_album_that_lost_photos_stays_one_article(desk: Desk) -> None:
    desk.export(1, picture(2, 2, "Альбом"), picture(3, 2), picture(4, 2), 5)
    desk.sync()
    assert sorted(desk.pages()) == [1, 2, 5]
    desk.export(1, picture(3, 2, "Альбом"), picture(4, 2), 5)
    report = desk.sync()
    assert (report.counts["updated"], report.gone) == (1, 0)
    assert sorted(desk.pages()) == [1, 2, 5]
    desk.export(1, picture(3, 2, "Альбом"), picture(4, 2), 5, 6)
    assert desk.sync().summary() == "1 post read, 1 created."
    desk.export(1, 5, 6)
    assert desk.sync().counts["withdrawn"] == 1
    assert sorted(desk.pages()) == [1, 5, 6]
    desk.export(1, picture(3, 2, "Альбом"), picture(4, 2), 5, 6)
    desk.sync()
    assert sorted(desk.pages()) == [1, 2, 5, 6]


def test_a_later_since_is_no_deletion(desk: Desk) -> None:
    desk.export(1, 2, picture(3, 3, "Альбом"), picture(4, 3), 30, 31)
    desk.sync()
    desk.configure(more="since = 2025-05-02")
    desk.export(1, 2, picture(4, 3, "Альбом"), 30, 31, 32)
    report = desk.sync()
    assert (report.gone, report.vanished) == (0, {})
    assert sorted(desk.pages()) == [1, 2, 3, 30, 31, 32]


def test_success_is_when_all_that_was_due_is_there(desk: Desk) -> None:
    def success() -> str:
        with Ledger.open(desk.folder / "ledger.db") as ledger:
            return ledger.targets("business")[0].success_at

    desk.export(1, 2)
    asked = iter([False, False, False] + [True] * 99)
    desk.sync(stop=lambda: next(asked))
    desk.resolve(1, "publish")
    assert (success(), sorted(desk.pages())) == ("", [1])
    desk.sync()
    assert success()


def test_what_is_older_than_since_is_not_read(desk: Desk) -> None:
    desk.configure(more="since = 2025-05-02")
    desk.export(1, 2, 30, 31)
    assert desk.sync().read == 2
    assert sorted(desk.pages()) == [30, 31]


class Scripted:
    """A reader that says what it is told."""

    changed: ClassVar[list[Any]] = []

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def changes(self, _: str | None) -> Iterator[Any]:
        yield from self.changed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def test_telegrams_word_settles_what_was_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.export(*range(1, 10))
    desk.sync()
    desk.export(1, 9)
    desk.sync()
    said = [Deleted(ids=(2, 3)), Deleted(ids=(99,)), Checkpoint(cursor="c")]
    opened = ExportReader.open
    monkeypatch.setattr(Scripted, "changed", said)
    monkeypatch.setattr(ExportReader, "open", lambda *given: Scripted(opened(*given)))
    report = desk.sync()
    assert (report.gone, report.counts["withdrawn"]) == (2, 2)
    assert sorted(desk.pages()) == [1, 4, 5, 6, 7, 8, 9]


def test_part_of_an_album_deleted_is_no_deleted_album(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.export(picture(2, 2, "Альбом"), picture(3, 2), picture(4, 2), 9)
    desk.sync()
    opened = ExportReader.open
    monkeypatch.setattr(ExportReader, "open", lambda *given: Scripted(opened(*given)))
    monkeypatch.setattr(Scripted, "changed", [Deleted(ids=(2, 4)), Checkpoint(cursor="c")])
    assert desk.sync().gone == 0
    monkeypatch.setattr(Scripted, "changed", [Deleted(ids=(2, 3, 4)), Checkpoint(cursor="d")])
    assert desk.sync().gone == 1
    assert sorted(desk.pages()) == [9]


def test_what_was_read_before_a_checkpoint_is_safe_and_the_cursor_stands_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime(2025, 5, 1, tzinfo=UTC)

    def said() -> Iterator[Any]:
        yield Post(id=1, ids=(1,), date=moment, text="Первая")
        yield Checkpoint(cursor="one")
        yield Post(id=2, ids=(2,), date=moment, text="Вторая")
        yield Complete(first=1, last=2)
        raise OSError("the network is gone")

    opened = ExportReader.open
    desk.export(1)
    monkeypatch.setattr(ExportReader, "open", lambda *given: Scripted(opened(*given)))
    monkeypatch.setattr(Scripted, "changes", lambda *_: said())
    report = desk.sync()
    assert [one.message for one in report.troubles] == ["A file: the network is gone"]
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        assert ledger.cursor("business", "export", "channel") == "one"
        assert [one.post.id for one in ledger.posts("business")] == [1]


# --- Backfill ---------------------------------------------------------------------------------


def test_backfill_creates_what_is_missing_and_touches_nothing_that_is_there(desk: Desk) -> None:
    desk.export(4, 5)
    desk.sync()
    before = desk.pages()
    desk.export(1, 2, message(4, "Исправлено"), 6, channel="old")
    source = Source("export", str(desk.folder / "old"))
    report = desk.backfill(source=source)
    assert (report.read, report.counts["created"], report.counts["updated"]) == (3, 3, 0)
    assert sorted(desk.pages()) == [1, 2, 4, 5, 6]
    assert "Исправлено" not in desk.pages()[4]
    assert "Запись номер 5" in before[5]
    assert desk.backfill(source=source).counts["created"] == 0
    assert desk.sync().counts["withdrawn"] == 0


def test_a_backfill_brings_back_nothing_that_was_deleted(desk: Desk) -> None:
    desk.export(1, 2, 3)
    desk.sync()
    shutil.copytree(desk.folder / "channel", desk.folder / "old")
    desk.export(1, 3)
    desk.sync()
    desk.backfill(source=Source("export", str(desk.folder / "old")))
    assert sorted(desk.pages()) == [1, 3]


def test_a_backfill_leaves_an_edit_that_is_due_to_the_next_sync(desk: Desk) -> None:
    desk.export(1, 2)
    desk.sync()
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        found = ledger.post("business", 1)
        assert found is not None
        edited = Post(id=1, ids=(1,), date=found.post.date, text="Исправлено")
        ledger.store("business", edited, found.reader, found.source, ("local",))
    desk.backfill()
    assert "Исправлено" not in desk.pages()[1]
    desk.sync()
    assert "Исправлено" in desk.pages()[1]


def test_backfill_of_some_posts(desk: Desk) -> None:
    desk.export(1, 2, picture(3, 3, "Альбом"), picture(4, 3), *range(5, 60))
    desk.backfill(ids={2, 4})
    assert sorted(desk.pages()) == [2, 3], "a part of an album is the album"
    desk.backfill(Bounds(until=datetime.fromtimestamp(START + 6 * 3600, UTC)))
    assert sorted(desk.pages()) == [1, 2, 3, 5, 6]
    desk.backfill(Bounds(since=datetime.fromtimestamp(START + 58 * 3600, UTC)))
    assert sorted(desk.pages()) == [1, 2, 3, 5, 6, 58, 59]


def test_backfill_goes_on_where_it_was(desk: Desk) -> None:
    desk.export(*range(1, 9))
    assert desk.backfill(limit=3).counts["created"] == 3
    assert sorted(desk.pages()) == [1, 2, 3]
    assert desk.backfill(limit=3).counts["created"] == 3
    assert desk.backfill(limit=3).counts["created"] == 2
    assert desk.backfill(limit=3).counts["created"] == 0
    assert desk.sync().summary() == "Nothing to do."


def test_a_stopped_backfill_goes_on_the_next_time(desk: Desk) -> None:
    desk.export(*range(1, 9))
    asked = iter([False, False, False] + [True] * 99)
    desk.backfill(stop=lambda: next(asked))
    assert len(desk.pages()) < 8
    desk.backfill()
    assert sorted(desk.pages()) == list(range(1, 9))


def test_a_backfill_from_another_channel_is_refused(desk: Desk) -> None:
    desk.export(1)
    desk.sync()
    desk.export(2, channel="strange", number=888)
    report = desk.backfill(source=Source("export", str(desk.folder / "strange")))
    assert report.exit_code == 6
    assert "«business» mirrors the channel 777" in report.troubles[0].message
    assert sorted(desk.pages()) == [1]


def test_photos_from_an_export_that_was_thrown_away_are_left_out_with_a_note(desk: Desk) -> None:
    desk.export(5)
    desk.sync()
    desk.export(picture(1, 1, "Снимок"), 2, channel="old")
    desk.backfill(source=Source("export", str(desk.folder / "old")))
    shutil.rmtree(desk.folder / "old")
    desk.configure(sites=("local", "second"))
    report = desk.sync()
    assert sorted(desk.pages("second")) == [1, 2, 5]
    assert any("not there any more" in note.text for _, note in report.notes)
    assert report.exit_code == 0


@pytest.mark.parametrize("synced", [False, True], ids=["first-of-all", "after-a-sync"])
def test_an_export_does_not_take_away_the_channels_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, synced: bool
) -> None:
    config = desk.folder / "crosspost.toml"
    link = 'link = "https://t.me/example"'
    config.write_text(config.read_text("utf-8").replace(link, ""), "utf-8")
    told = ExportReader.channel

    def channel(reader: ExportReader) -> Channel:
        here = reader._path.name == "channel"
        return replace(told(reader), username="example") if here else told(reader)

    monkeypatch.setattr(ExportReader, "channel", channel)
    desk.export(5)
    if synced:
        desk.sync()
    desk.export(1, channel="old")
    desk.backfill(source=Source("export", str(desk.folder / "old")))
    assert "https://t.me/example/1" in desk.pages()[1]
    desk.sync()
    assert "https://t.me/example/5" in desk.pages()[5]


# --- Dry run ----------------------------------------------------------------------------------


def test_a_dry_run_changes_nothing_anywhere(desk: Desk) -> None:
    desk.configure(more='[blog.author]\nname = "Автор"\nphoto = "channel/photos/2.png"')
    desk.export(1, picture(2, 2, "Снимок"), 3)
    before = desk.tree()
    report = desk.sync(dry=True)
    assert report.counts["created"] == 3
    assert report.summary().startswith("It would be: ")
    assert desk.tree() == before
    desk.sync()
    desk.export(1, picture(2, 2, "Исправлено"), message(4, "Реклама. ООО «Верстак», erid: 2Vtzqx"))
    before = desk.tree()
    report = desk.sync(dry=True)
    assert (report.counts["updated"], report.counts["held"], report.counts["withdrawn"]) == (
        1,
        1,
        1,
    )
    assert desk.tree() == before
    assert desk.backfill(dry=True).counts["created"] == 0
    assert desk.tree() == before
    real = desk.sync()
    assert real.counts == report.counts, "and what it says is what will be"


# --- Several blogs and sites ------------------------------------------------------------------


def test_two_blogs_share_a_site(desk: Desk) -> None:
    desk.configure(("business", "channel"), ("art", "second"))
    desk.export(1, picture(2, 2, "Снимок"))
    desk.export(1, picture(2, 2, "Снимок"), channel="second", number=888)
    desk.sync()
    assert sorted(desk.pages(blog="business")) == sorted(desk.pages(blog="art")) == [1, 2]
    desk.export(1, channel="second", number=888)
    desk.export(1, picture(2, 2, "Снимок"), 3)
    desk.sync()
    assert sorted(desk.pages(blog="business")) == [1, 2, 3]
    assert desk.sync().summary() == "Nothing to do."


def test_two_blogs_may_mirror_one_channel(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.configure(("business", "channel"))
    desk.export(1, picture(2, 2, "Снимок"))
    desk.sync()
    desk.configure(("business", "channel"), ("archive", "channel"))
    opened, newest = ExportReader.open, []

    def note(settings: Any, channel: str, context: Context) -> ExportReader:
        newest.append(context.newest)
        return opened(settings, channel, context)

    monkeypatch.setattr(ExportReader, "open", note)
    desk.sync()
    assert newest == [2, 0], "each blog's reader is told what that blog has"
    assert sorted(desk.pages(blog="business")) == sorted(desk.pages(blog="archive")) == [1, 2]


def test_a_blog_goes_to_two_sites(desk: Desk) -> None:
    desk.configure(sites=("local", "mirror"))
    desk.export(1, picture(2, 2, "Снимок"))
    assert desk.sync().counts["created"] == 4
    assert sorted(desk.pages("local")) == sorted(desk.pages("mirror")) == [1, 2]


def test_a_site_that_is_added_gets_all_and_the_first_is_left_alone(desk: Desk) -> None:
    desk.export(1, 2)
    desk.sync()
    before = desk.tree("local/business")
    desk.configure(sites=("local", "mirror"))
    desk.sync()
    assert sorted(desk.pages("mirror")) == [1, 2]
    assert desk.tree("local/business") == before


def test_one_site_that_fails_does_not_stop_the_other(desk: Desk) -> None:
    desk.configure(sites=("broken", "local"))
    (desk.folder / "broken").write_text("a file where a folder should be")
    desk.export(1, 2)
    report = desk.sync()
    assert sorted(desk.pages("local")) == [1, 2]
    assert report.exit_code == 4
    assert [(trouble.blog, trouble.site) for trouble in report.troubles] == [("business", "broken")]
    (desk.folder / "broken").unlink()
    report = desk.sync()
    assert (report.exit_code, report.counts["created"]) == (0, 2)
    assert sorted(desk.pages("broken")) == [1, 2]


def test_a_channel_that_cannot_be_read_does_not_stop_what_is_due(desk: Desk) -> None:
    desk.export(1, 2)
    asked = iter([False, False] + [True] * 99)
    desk.sync(stop=lambda: next(asked))
    done = len(desk.pages()) if (desk.folder / "local").exists() else 0
    assert done < 2
    (desk.folder / "channel" / "result.json").write_text("{")
    report = desk.sync()
    assert report.exit_code == 3
    assert sorted(desk.pages()) == [1, 2]


def test_a_site_that_was_emptied_is_filled_again_once(desk: Desk) -> None:
    """Who deletes the whole folder wants it anew; then there is nothing to do again."""
    desk.export(1, 2)
    desk.sync()
    shutil.rmtree(desk.folder / "local")
    report = desk.sync()
    assert report.counts["created"] == 2
    assert "was emptied" in report.notes[0][1].text
    assert sorted(desk.pages()) == [1, 2]
    assert desk.sync().idle


def test_a_site_of_which_nobody_can_tell_whether_it_was_emptied_is_left_alone(desk: Desk) -> None:
    """Say, since no handle is left: to think it empty would forget what is to be taken off it."""
    desk.export(1, 2, 3)
    desk.sync()
    word = desk.folder / "local" / ".crosspost" / "site.id"
    told = word.read_text("ascii")
    word.unlink()
    word.mkdir()  # it cannot be read
    desk.export(1, 3)
    assert desk.sync().exit_code == 4
    assert sorted(desk.pages()) == [1, 2, 3]
    word.rmdir()
    word.write_text(told, "ascii")
    assert desk.sync().counts["withdrawn"] == 1
    assert sorted(desk.pages()) == [1, 3]


def test_an_old_site_that_comes_back_keeps_no_post_that_was_deleted_meanwhile(desk: Desk) -> None:
    """Say, its disk was not mounted for a while."""
    desk.export(1, 2, 3)
    desk.sync()
    (desk.folder / "local").rename(desk.folder / "elsewhere")
    (desk.folder / "local").write_text("a file where a folder should be")
    desk.export(1, 3)
    assert desk.sync().exit_code == 4
    (desk.folder / "local").unlink()
    (desk.folder / "elsewhere").rename(desk.folder / "local")
    desk.sync()
    assert sorted(desk.pages()) == [1, 3]
    assert desk.sync().idle


def test_an_old_site_that_comes_back_loses_what_was_deleted_while_another_stood_there(
    desk: Desk,
) -> None:
    desk.export(1, 2, 3)
    desk.sync()
    (desk.folder / "local").rename(desk.folder / "elsewhere")
    desk.sync()  # into an empty folder, say where the disk is mounted otherwise
    desk.export(1, 3)
    desk.sync()
    assert sorted(desk.pages()) == [1, 3]
    shutil.rmtree(desk.folder / "local")
    (desk.folder / "elsewhere").rename(desk.folder / "local")
    desk.sync()
    desk.sync()
    assert sorted(desk.pages()) == [1, 3]
    assert desk.sync().idle


def test_a_blog_that_another_run_holds_is_busy(desk: Desk) -> None:
    desk.export(1)
    with FileLock(load(desk.folder / "crosspost.toml").blogs["business"].lock):
        busy = desk.sync()
        assert busy.exit_code == Busy.exit_code
        assert "Another run holds the blog «business»" in busy.troubles[0].message
        assert desk.sync(dry=True).counts["created"] == 1, "a dry run asks nobody"
    assert desk.sync().counts["created"] == 1


# --- A person's word --------------------------------------------------------------------------


def test_a_page_deleted_by_hand_stays_away_until_a_person_wants_it_back(desk: Desk) -> None:
    desk.export(1, 2)
    desk.sync()
    (page,) = (desk.folder / "local" / "business").glob("1-*.html")
    page.unlink()
    desk.export(message(1, "Исправлено"), 2)
    report = desk.sync()
    assert (report.counts["held"], report.exit_code) == (1, 1)
    assert sorted(desk.pages()) == [2]
    assert desk.sync().summary() == "Nothing to do."
    assert desk.resolve(1, "ours").counts["updated"] == 1
    assert "Исправлено" in desk.pages()[1]
    assert desk.states() == {1: "live", 2: "live"}


def test_a_page_changed_by_hand_stays_theirs_until_a_person_says_ours(desk: Desk) -> None:
    desk.export(1, 2)
    desk.sync()
    (page,) = (desk.folder / "local" / "business").glob("1-*.html")
    page.write_text(page.read_text("utf-8").replace("Запись номер 1", "Рука редактора"), "utf-8")
    desk.export(message(1, "Исправлено"), 2)
    assert desk.sync().counts["held"] == 1
    assert "Рука редактора" in desk.pages()[1]
    desk.resolve(1, "theirs")
    assert "Рука редактора" in desk.pages()[1]
    desk.export(message(1, "Исправлено ещё раз"), 2)
    assert desk.sync().counts["held"] == 1
    assert desk.resolve(1, "ours").counts["updated"] == 1
    assert "ещё раз" in desk.pages()[1]
    assert "Рука редактора" not in desk.pages()[1]


def _by_hand(desk: Desk, number: int) -> Path:
    """An editor changes the page of a post."""
    (page,) = (desk.folder / "local" / "business").glob(f"{number}-*.html")
    words = page.read_text("utf-8").replace(f"Запись номер {number}", "Рука редактора")
    page.write_text(words, "utf-8")
    assert "Рука редактора" in words
    return page


def test_ours_overwrites_now_and_allows_nothing_later(desk: Desk) -> None:
    desk.export(1, 2)
    desk.sync()
    _by_hand(desk, 1)
    assert desk.resolve(1, "ours").counts["updated"] == 1
    assert "Рука редактора" not in desk.pages()[1]
    _by_hand(desk, 1)
    desk.export(message(1, "Исправлено"), 2)
    assert desk.sync().counts["held"] == 1
    assert "Рука редактора" in desk.pages()[1]


def test_ours_brings_back_a_page_that_was_deleted_by_hand_though_its_post_did_not_change(
    desk: Desk,
) -> None:
    desk.export(1, 2)
    desk.sync()
    (page,) = (desk.folder / "local" / "business").glob("1-*.html")
    page.unlink()
    desk.resolve(1, "ours")
    assert sorted(desk.pages()) == [1, 2]
    assert desk.states() == {1: "live", 2: "live"}


def test_ours_after_theirs_is_heard(desk: Desk) -> None:
    desk.export(1, 2)
    desk.sync()
    _by_hand(desk, 1)
    desk.export(message(1, "Исправлено"), 2)
    desk.sync()
    assert "left as it is" in desk.resolve(1, "theirs").summary()
    desk.resolve(1, "ours")
    assert "Исправлено" in desk.pages()[1]


def test_a_lost_ledger_loses_no_hand_of_an_editor(desk: Desk) -> None:
    desk.export(1, 2)
    desk.sync()
    _by_hand(desk, 1)
    for file in desk.folder.glob("ledger.db*"):
        file.unlink()
    desk.sync()
    desk.export(message(1, "Исправлено"), 2)
    assert desk.sync().counts["held"] == 1
    assert "Рука редактора" in desk.pages()[1]


def test_what_a_person_leaves_out_leaves_the_site_and_may_come_back(desk: Desk) -> None:
    desk.export(1, 2)
    desk.sync()
    assert desk.resolve(1, "skip").counts["withdrawn"] == 1
    assert sorted(desk.pages()) == [2]
    desk.export(message(1, "Исправлено"), 2)
    assert desk.sync().exit_code == 0
    assert sorted(desk.pages()) == [2]
    desk.resolve(1, "publish")
    assert "Исправлено" in desk.pages()[1]


def test_a_word_that_had_to_wait_for_another_run_overwrites_nothing_of_its_outcome(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.export(1, 2)
    desk.sync()
    desk.export(message(1, "Исправлено"), 2)
    real = _decisions.held

    def after_a_sync(run: pipeline.Run, blog: pipeline.Blog) -> Any:
        desk.sync()
        return real(run, blog)

    monkeypatch.setattr(_decisions, "held", after_a_sync)
    report = desk.resolve(1, "publish")
    assert (report.counts["held"], report.exit_code) == (0, 0)
    assert desk.states() == {1: "live", 2: "live"}
    assert "Исправлено" in desk.pages()[1]


def test_nothing_is_decided_about_a_deleted_post(desk: Desk) -> None:
    desk.export(1, 2, 3)
    desk.sync()
    desk.export(1, 3)
    desk.sync()
    with pytest.raises(CrosspostError, match="was deleted in Telegram"):
        desk.resolve(2, "publish")


def test_a_channel_that_cannot_be_read_is_no_success(desk: Desk) -> None:
    desk.export(1)
    desk.sync()
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        ledger._do("UPDATE target SET success_at = '2020-01-01T00:00:00Z'")
    (desk.folder / "channel" / "result.json").write_text("{", "utf-8")
    assert desk.sync().exit_code == 3
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        assert ledger.targets("business")[0].success_at.startswith("2020")


def test_a_photo_that_is_missing_is_told_and_the_post_goes(desk: Desk) -> None:
    desk.export(picture(1, 1, "Снимок"), 2)
    (desk.folder / "channel" / "photos" / "1.png").unlink()
    report = desk.sync()
    assert report.counts["created"] == 2
    assert any(note.post_id == 1 for _, note in report.notes)
    assert report.exit_code == 0


# --- The report -------------------------------------------------------------------------------


def test_the_report_is_one_object(desk: Desk) -> None:
    desk.export(1, message(2, "Реклама. ООО «Верстак», erid: 2Vtzqx"))
    told = json.loads(json.dumps(desk.sync().as_json()))
    assert {key: told[key] for key in ("command", "read", "created", "held", "exit_code")} == {
        "command": "sync",
        "read": 2,
        "created": 1,
        "held": 1,
        "exit_code": 1,
    }
    (held,) = told["posts"]["held"]
    assert (held["post_id"], held["site"]) == (2, "local")
    assert "crosspost resolve business/2 --publish" in held["remedy"]
    assert told["posts"]["created"][0]["url"].startswith("https://local.example/business/1-")
