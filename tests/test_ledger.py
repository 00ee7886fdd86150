"""The ledger: posts as read, what is due, and a file that tells what is wrong with it."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest
from memory import memory_folder
from msgspec.structs import replace

from crosspost.errors import LedgerError
from crosspost.ledger import Delivery, Ledger, saved, schema
from crosspost.model import Channel, Media, Post, Upload

BLOG, SITE = "b", "s"
EXPORT, PREVIEW = ("export", "folder"), ("preview", "@name")


def post(first: int, *more: int, text: str = "Слово", **fields: Any) -> Post:
    ids = (first, *more)
    media = tuple(Media(kind="photo", locator=f"photos/{number}.jpg") for number in ids)
    given: dict[str, Any] = {"media": media if more or fields.pop("photo", False) else ()}
    moment = datetime(2025, 5, 1, tzinfo=UTC) + timedelta(minutes=first)
    return Post(id=first, ids=ids, date=moment, text=text, **given | fields)


@pytest.fixture
def path() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as opened:
        opened.retarget(BLOG, SITE, "style")
        yield opened


def store(ledger: Ledger, one: Post, way: tuple[str, str] = EXPORT) -> tuple[str, int]:
    return ledger.store(BLOG, one, *way, (SITE,))


def due(ledger: Ledger) -> list[int]:
    return [one.post_id for page in ledger.due(BLOG, SITE) for one in page]


def sent(ledger: Ledger) -> None:
    """All that is due has been delivered."""
    for page in ledger.due(BLOG, SITE):
        for one in page:
            ledger.settle(replace(one, state="live", due=False, remote_id="r", url="u"))


def living(ledger: Ledger) -> dict[int, tuple[int, ...]]:
    return {one.post.id: one.post.ids for one in ledger.posts(BLOG)}


# --- Posts ------------------------------------------------------------------------------------


def test_a_new_post_is_stored_and_due(ledger: Ledger) -> None:
    assert store(ledger, post(5)) == ("new", 5)
    assert due(ledger) == [5]
    found = ledger.post(BLOG, 5)
    assert found is not None
    assert (found.post, found.reader, found.source, found.gone) == (post(5), *EXPORT, "")


def test_reading_it_again_changes_nothing(ledger: Ledger) -> None:
    store(ledger, post(5))
    sent(ledger)
    assert store(ledger, post(5, views=7)) == ("same", 5)
    assert due(ledger) == []


def test_an_edited_post_is_due_again(ledger: Ledger) -> None:
    store(ledger, post(5))
    sent(ledger)
    assert store(ledger, post(5, text="Другое")) == ("changed", 5)
    assert due(ledger) == [5]


def test_the_same_post_by_another_reader_is_the_same(ledger: Ledger) -> None:
    store(ledger, post(5, photo=True))
    sent(ledger)
    other = replace(post(5), media=(Media(kind="photo", locator="5/0", width=9, size=1),))
    assert store(ledger, other, PREVIEW) == ("same", 5)
    found = ledger.post(BLOG, 5)
    assert found is not None
    assert (found.reader, found.post.media[0].locator) == ("export", "photos/5.jpg")


def test_another_photo_from_the_same_reader_is_a_change(ledger: Ledger) -> None:
    store(ledger, post(5, photo=True))
    sent(ledger)
    other = replace(post(5), media=(Media(kind="photo", locator="photos/new.jpg"),))
    assert store(ledger, other) == ("changed", 5)


def test_a_post_that_was_gone_comes_back_under_its_id(ledger: Ledger) -> None:
    store(ledger, post(5))
    sent(ledger)
    ledger.lose(BLOG, [5], "gone")
    assert due(ledger) == [5]
    sent(ledger)
    assert store(ledger, post(5)) == ("back", 5)
    assert due(ledger) == [5]
    assert [event.what for event in ledger.history(BLOG, 5)] == ["deleted", "back"]


def test_two_blogs_of_one_channel_do_not_meet(ledger: Ledger) -> None:
    store(ledger, post(5))
    assert ledger.store("other", post(5), *EXPORT, (SITE,)) == ("new", 5)
    assert ledger.newest("third") == 0


def test_what_a_post_is_survives_the_file(path: Path) -> None:
    with Ledger.open(path) as first:
        store(first, post(5, 6, 7))
    with Ledger.open(path) as second:
        assert living(second) == {5: (5, 6, 7)}
        assert second.newest(BLOG) == 7


# --- Albums -----------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [(12, 13), (11, 13), (11, 12), (12,), (13,), (11,)])
def test_an_album_that_lost_photos_keeps_its_id(ledger: Ledger, left: tuple[int, ...]) -> None:
    store(ledger, post(11, 12, 13))
    assert store(ledger, post(*left)) == ("changed", 11)
    assert store(ledger, post(*left)) == ("same", 11), "and when it is read once more"
    assert living(ledger) == {11: left}
    assert {ledger.post_of(BLOG, number) for number in left} == {11}


def test_an_album_that_lost_its_first_photo_gets_it_back(ledger: Ledger) -> None:
    store(ledger, post(11, 12, 13))
    store(ledger, post(12, 13))
    assert store(ledger, post(11, 12, 13)) == ("changed", 11)
    assert living(ledger) == {11: (11, 12, 13)}


def test_a_headless_album_that_was_gone_comes_back_under_its_id(ledger: Ledger) -> None:
    store(ledger, post(11, 12, 13))
    store(ledger, post(12, 13))
    ledger.lose(BLOG, [11], "gone")
    assert store(ledger, post(12, 13)) == ("back", 11)
    assert living(ledger) == {11: (12, 13)}


SPLITS = [
    [(11, 12, 13)],
    [(11,), (12,), (13,)],
    [(11, 12), (13,)],
    [(11,), (12, 13)],
]


@pytest.mark.parametrize("then", SPLITS)
@pytest.mark.parametrize("first", SPLITS)
@pytest.mark.parametrize("turned", [(False, False), (False, True), (True, False), (True, True)])
def test_albums_that_readers_divide_differently_lose_nothing(
    ledger: Ledger,
    first: list[tuple[int, ...]],
    then: list[tuple[int, ...]],
    turned: tuple[bool, bool],
) -> None:
    for groups, backwards, way in ((first, turned[0], EXPORT), (then, turned[1], PREVIEW)):
        for group in sorted(groups, reverse=backwards):
            store(ledger, post(*group), way)
        assert sorted(living(ledger).values()) == sorted(groups)
        assert all(key == ids[0] for key, ids in living(ledger).items())
        sent(ledger)
    for group in sorted(then, reverse=turned[1]):
        assert store(ledger, post(*group), PREVIEW)[0] == "same"
    assert due(ledger) == []


def test_a_post_that_became_part_of_an_album_leaves_the_site(ledger: Ledger) -> None:
    store(ledger, post(28))
    store(ledger, post(29))
    sent(ledger)
    store(ledger, post(28, 29))
    assert due(ledger) == [28, 29]
    found = ledger.post(BLOG, 29)
    assert found is not None
    assert found.gone == "gone"
    assert ledger.post_of(BLOG, 29) == 28


def test_neighbours_of_an_album_are_no_parts_of_it(ledger: Ledger) -> None:
    store(ledger, post(11, 12, 14))
    assert store(ledger, post(13)) == ("new", 13)
    assert store(ledger, post(15)) == ("new", 15)
    assert [ledger.post_of(BLOG, number) for number in range(10, 17)] == [
        *(None, 11, 11, 13, 11, 15, None)
    ]


# --- Batches ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_posts_stored_together_are_stored_as_one_by_one(seed: int) -> None:
    """The same rows and the same answers, whatever was there, in whatever order, twice or torn."""
    random = Random(seed)
    moment, sites = datetime(2025, 6, 1, tzinfo=UTC), (SITE, "second")
    with memory_folder() as folder:
        alone = Ledger.open(folder / "alone.db", clock=lambda: moment)
        together = Ledger.open(folder / "together.db", clock=lambda: moment)
        with alone, together:
            for _ in range(8):
                batch, way = some_posts(random), random.choice((EXPORT, EXPORT, PREVIEW))
                one_by_one = [alone.store(BLOG, one, *way, sites) for one in batch]
                assert together.store_all(BLOG, batch, *way, sites) == one_by_one
                lost, how = random.sample(range(1, 30), 2), random.choice(HOW_LOST)
                for ledger in (alone, together):
                    ledger.lose(BLOG, lost, how)
                assert rows(together) == rows(alone)


HOW_LOST: tuple[Literal["asked", "gone"], ...] = ("asked", "gone")


def some_posts(random: Random) -> list[Post]:
    """Messages next to each other, divided into posts somehow; mostly oldest first, each once."""
    ids = list(range(random.randrange(1, 20), random.randrange(21, 40)))
    found = []
    while ids:
        many = random.choice((1, 1, 1, 2, 3))
        group, ids = ids[:many], ids[many:]
        if random.random() < 0.2 and len(group) > 1:
            ids.insert(0, group.pop(random.randrange(len(group))))
        text = random.choice(("Слово", "Слово", "Дело"))
        found.append(post(*group, text=text, views=random.choice((None, None, 7))))
    if random.random() < 0.3:
        random.shuffle(found)
    if random.random() < 0.3:
        found.append(random.choice(found))
    return found


def rows(ledger: Ledger) -> list[list[Any]]:
    return [
        sorted(ledger._db.execute(f"SELECT * FROM {table}"), key=repr)
        for table in ("post", "delivery", "event")
    ]


# --- What is due ------------------------------------------------------------------------------


def test_a_new_site_or_another_style_makes_every_living_post_due(ledger: Ledger) -> None:
    for number in (1, 2, 3):
        store(ledger, post(number))
    ledger.lose(BLOG, [2], "gone")
    sent(ledger)
    ledger.settle(Delivery(blog=BLOG, post_id=2, site=SITE, state="gone", due=False))
    ledger.retarget(BLOG, SITE, "style")
    assert due(ledger) == []
    ledger.retarget(BLOG, SITE, "another")
    assert due(ledger) == [1, 3]
    ledger.retarget(BLOG, "second", "style")
    assert [d.post_id for page in ledger.due(BLOG, "second") for d in page] == [1, 3]


def test_what_is_due_comes_oldest_first_and_each_once(ledger: Ledger) -> None:
    for number in (30, 10, 20):
        store(ledger, post(number))
    pages = []
    for page in ledger.due(BLOG, SITE, limit=2):
        pages.append([one.post_id for one in page])
        ledger.stir(BLOG, 10, SITE)
    assert pages == [[10, 20], [30]]


def test_what_waits_for_its_time_is_not_due_before(path: Path) -> None:
    moment = datetime(2025, 5, 1, tzinfo=UTC)
    with Ledger.open(path, clock=lambda: moment) as ledger:
        store(ledger, post(5))
        (page,) = ledger.due(BLOG, SITE)
        ledger.settle(replace(page[0], not_before="2025-05-01T00:01:00Z"))
        assert not ledger.has_due(BLOG, SITE)
        moment += timedelta(minutes=1)
        assert ledger.has_due(BLOG, SITE)
        assert ledger.count_due(BLOG, SITE) == 1


def test_a_post_that_arrives_makes_due_what_points_to_any_message_of_it(ledger: Ledger) -> None:
    store(ledger, post(1))
    store(ledger, post(2))
    sent(ledger)
    ledger.relink(BLOG, 1, [12])
    ledger.relink(BLOG, 2, [15])
    store(ledger, post(11, 12, 13))
    sent(ledger)
    ledger.stir(BLOG, 11, SITE)
    assert due(ledger) == [1]


def test_a_blog_keeps_its_channel(ledger: Ledger) -> None:
    ledger.bind(BLOG, Channel(id=7, title="Мастерская"))
    ledger.bind(BLOG, Channel(id=0, title="Мастерская на берегу"))
    assert ledger.channel(BLOG).title == "Мастерская на берегу"
    with pytest.raises(LedgerError, match=r"«b» mirrors the channel 7 .* leads to the channel 8"):
        ledger.bind(BLOG, Channel(id=8, title="Чужой"))


# --- The file ---------------------------------------------------------------------------------


def test_only_its_owner_may_read_it(path: Path) -> None:
    with Ledger.open(path) as ledger:
        store(ledger, post(1))
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_commit_is_on_the_disk_when_it_returns(ledger: Ledger, path: Path) -> None:
    assert ledger._db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert ledger._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    ledger.close()
    with Ledger.open(path) as again:
        assert again._db.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert again._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_transaction_that_fails_leaves_nothing_and_blocks_nothing(ledger: Ledger) -> None:
    def half() -> None:
        with ledger.transaction():
            store(ledger, post(1))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        half()
    assert living(ledger) == {}
    store(ledger, post(2))
    assert due(ledger) == [2]


def test_a_newer_ledger_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    db.close()
    before = path.read_bytes()
    for way in (Ledger.open, Ledger.rehearsal):
        with pytest.raises(LedgerError, match=r"newer Crosspost .* pip install -U crosspost"):
            way(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"Dear diary. " * 1000)
    for way in (Ledger.open, Ledger.rehearsal):
        with pytest.raises(LedgerError, match=r"is no ledger, or is damaged .* Restore it"):
            way(path)
    assert path.read_bytes() == b"Dear diary. " * 1000


def test_a_damaged_page_is_told_in_a_sentence(path: Path) -> None:
    with Ledger.open(path) as ledger:
        for number in range(1, 200):
            store(ledger, post(number))
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(LedgerError, match="damaged"), Ledger.open(path) as ledger:
        list(ledger.posts(BLOG))


def test_a_record_that_cannot_be_read_is_told_in_a_sentence(ledger: Ledger) -> None:
    store(ledger, post(1))
    ledger._db.execute("UPDATE post SET data = '{'")
    with pytest.raises(LedgerError, match="damaged"):
        ledger.post(BLOG, 1)


def test_a_full_disk_stops_cleanly_and_loses_nothing(ledger: Ledger) -> None:
    store(ledger, post(1))
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        with ledger.transaction():
            for number in range(2, 100):
                store(ledger, post(number, text="Слово за слово " * 50))

    with pytest.raises(LedgerError, match=r"full.* Make room on its disk"):
        fill()
    assert living(ledger) == {1: (1,)}
    ledger._db.execute("PRAGMA max_page_count = 100000")
    store(ledger, post(2))
    assert list(living(ledger)) == [1, 2]


def test_a_disk_that_is_full_at_the_commit_stops_cleanly(ledger: Ledger) -> None:
    """A deferred constraint is the one failure of COMMIT that needs no disk to fill."""
    ledger._db.execute("PRAGMA foreign_keys = ON")
    ledger._db.execute("CREATE TEMP TABLE a (id INTEGER PRIMARY KEY)")
    ledger._db.execute(
        "CREATE TEMP TABLE b (id INTEGER REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)"
    )

    def fail() -> None:
        with ledger.transaction():
            store(ledger, post(1))
            ledger._db.execute("INSERT INTO b VALUES (9)")

    with pytest.raises(LedgerError):
        fail()
    assert living(ledger) == {}
    assert store(ledger, post(2)) == ("new", 2)


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that a process without rights cannot write, and such a process."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with Ledger.open(place / "ledger.db") as ledger:
            store(ledger, post(1))
        (place / "ledger.db").chmod(0o444)
        place.chmod(0o555)
        uid = os.geteuid()
        if uid == 0:
            os.seteuid(65534)
        try:
            yield place
        finally:
            if uid == 0:
                os.seteuid(0)
            place.chmod(0o700)


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(as_nobody: Path) -> None:
    with pytest.raises(LedgerError, match=r"cannot be opened: Permission denied. Check «ledger»"):
        Ledger.open(as_nobody / "new.db")

    def write() -> None:
        with Ledger.open(as_nobody / "ledger.db") as ledger:
            store(ledger, post(2))

    with pytest.raises(LedgerError, match="Check the permissions of the file and its folder"):
        write()


def test_a_place_that_cannot_be_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger.open(tmp_path / "file" / "ledger.db")
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger.open(tmp_path)


OPENING = """
import sys, time
from pathlib import Path
from crosspost.ledger import Ledger
time.sleep(max(0, float(sys.argv[2]) - time.time()))
for _ in range(3):
    with Ledger.open(Path(sys.argv[1])) as ledger:
        ledger.begin("b", "sync")
"""


def test_several_processes_may_make_it_at_once(path: Path) -> None:
    start = datetime.now(UTC).timestamp() + 0.7
    command = [sys.executable, "-c", OPENING, str(path), str(start)]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    for run in runs:
        _, errors = run.communicate(timeout=30)
        assert run.returncode == 0, errors
    with Ledger.open(path) as ledger:
        assert len(ledger.runs("b", 100)) == 18


def test_a_ledger_killed_while_it_was_made_is_made_the_next_time(path: Path) -> None:
    path.touch(0o600)
    with Ledger.open(path) as ledger:
        assert ledger._db.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION
        assert store(ledger, post(1)) == ("new", 1)


# --- Rehearsal --------------------------------------------------------------------------------


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {one.name: (one.read_bytes(), one.stat().st_mtime_ns) for one in folder.iterdir()}


def test_a_rehearsal_changes_nothing(path: Path) -> None:
    with Ledger.open(path) as ledger:
        store(ledger, post(1))
    before = state(path.parent)
    with Ledger.rehearsal(path) as copy:
        assert living(copy) == {1: (1,)}
        store(copy, post(2))
        assert copy.rehearsing
        place = copy.scratch
        assert place is not None
    assert state(path.parent) == before
    assert not place.exists()


def test_a_rehearsal_without_a_ledger_makes_none(path: Path) -> None:
    with Ledger.rehearsal(path) as copy:
        store(copy, post(1))
    assert list(path.parent.iterdir()) == []


def test_a_rehearsal_beside_a_run_sees_what_is_committed(ledger: Ledger, path: Path) -> None:
    store(ledger, post(1))
    wal = path.with_name(f"{path.name}-wal")
    before = (path.read_bytes(), wal.read_bytes())
    with ledger.transaction():
        store(ledger, post(2))
        with Ledger.rehearsal(path) as copy:
            assert living(copy) == {1: (1,)}
    assert path.read_bytes() == before[0]
    assert wal.exists()
    assert list(living(ledger)) == [1, 2]


def test_a_rehearsal_needs_no_right_to_write(as_nobody: Path) -> None:
    with Ledger.rehearsal(as_nobody / "ledger.db") as copy:
        assert living(copy) == {1: (1,)}


# --- Speed ------------------------------------------------------------------------------------

HOT: dict[str, Callable[[Ledger], object]] = {
    "due": lambda ledger: list(ledger.due(BLOG, SITE)),
    "has_due": lambda ledger: ledger.has_due(BLOG, SITE),
    "count_due": lambda ledger: ledger.count_due(BLOG, SITE),
    "waiting": lambda ledger: list(ledger.waiting(BLOG, SITE)),
    "unseen": lambda ledger: ledger.unseen(BLOG, 1, 9),
    "post_of": lambda ledger: ledger.post_of(BLOG, 9),
    "post": lambda ledger: ledger.post(BLOG, 9),
    "newest": lambda ledger: ledger.newest(BLOG),
    "asked": lambda ledger: ledger.asked(BLOG),
    "stir": lambda ledger: ledger.stir(BLOG, 9, SITE),
    "store": lambda ledger: store(ledger, post(9, 10)),
    "store_all": lambda ledger: ledger.store_all(BLOG, [post(7), post(9)], *EXPORT, (SITE,)),
    "posts_of": lambda ledger: ledger.posts_of(BLOG, [2, 9]),
    "lose": lambda ledger: ledger.lose(BLOG, [9], "gone"),
    "deliveries": lambda ledger: ledger.deliveries(BLOG, 9),
    "by_url": lambda ledger: ledger.by_url("https://example.com/9"),
    "relink": lambda ledger: ledger.relink(BLOG, 9, [3]),
    "history": lambda ledger: ledger.history(BLOG, 9),
    "runs": lambda ledger: ledger.runs(BLOG),
    "content": lambda ledger: ledger.content(BLOG, "folder", "photos/9.jpg", "photo"),
    "upload": lambda ledger: ledger.upload(SITE, "image:0"),
}


@pytest.mark.parametrize("name", HOT)
def test_no_question_of_a_run_reads_the_whole_history(ledger: Ledger, name: str) -> None:
    for number in range(1, 9):
        store(ledger, post(number))
    listening = Listening(ledger._db)
    ledger._db = listening  # type: ignore[assignment]
    HOT[name](ledger)
    ledger._db = listening.db
    assert listening.plans
    for statement, plan in listening.plans:
        whole = [step for step in plan if re.match(r"SCAN (post|delivery|event|run|link)\b", step)]
        assert whole == [], statement


class Listening:
    """A connection that asks for the plan of each statement before it runs."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.plans: list[tuple[str, list[str]]] = []

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT)", sql):
            steps = self.db.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
            self.plans.append((sql, [step[3] for step in steps]))
        return self.db.execute(sql, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)


def test_storing_costs_the_same_however_long_the_history(ledger: Ledger) -> None:
    """The work is counted in steps of SQLite's machine, so that no clock is asked."""

    def cost(number: int) -> int:
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        ledger._db.set_progress_handler(count, 10)
        store(ledger, post(number))
        ledger._db.set_progress_handler(None, 10)
        return steps

    store(ledger, post(1))
    few = cost(2)
    with ledger.transaction():
        for number in range(3, 2000):
            store(ledger, post(number))
    assert cost(2000) < few * 2


# --- Files and runs ---------------------------------------------------------------------------


def test_a_file_is_known_by_its_content_until_the_site_loses_it(ledger: Ledger) -> None:
    upload = Upload(id="u1", url="https://example.com/u1.jpg")
    where = (BLOG, "folder", "photos/1.jpg", "photo:1")
    ledger.uploaded(SITE, "image:0", upload, where)
    assert ledger.content(*where) == "image:0"
    assert ledger.content(*where[:3], "photo:2") is None
    assert ledger.upload(SITE, "image:0") == upload
    assert ledger.upload("other", "image:0") is None
    ledger.forget_upload(SITE, upload)
    assert ledger.upload(SITE, "image:0") is None


def test_a_run_that_was_killed_has_no_end(ledger: Ledger) -> None:
    ledger.begin(BLOG, "sync")
    ledger.run_id = 0
    ledger.begin(BLOG, "sync")
    ledger.end(1, "1 post failed.")
    newest, killed = ledger.runs(BLOG, 5)
    assert (newest.exit_code, newest.summary) == (1, "1 post failed.")
    assert (killed.ended_at, killed.exit_code) == ("", None)


# --- Lines that repeat ------------------------------------------------------------------------


def lined(ledger: Ledger, number: int, *keys: str, text: str = "") -> None:
    store(ledger, post(number))
    ledger.write_lines(BLOG, number, text or str(number), keys)


def test_how_often_a_line_stands_is_counted_up_to_the_post(ledger: Ledger) -> None:
    for number in range(1, 31):
        lined(ledger, number, *(["often"] if number % 2 else ["rare"] if number > 28 else []))
    assert ledger.standing(BLOG, "often", 29) == (15, 29)
    assert ledger.standing(BLOG, "often", 29, recent=3) == (3, 5)
    assert ledger.standing(BLOG, "often", 9) == (5, 9)
    assert ledger.standing(BLOG, "rare", 30) == (1, 1)
    assert ledger.standing(BLOG, "never", 30) == (0, 0)


def test_the_same_words_sent_twice_count_once(ledger: Ledger) -> None:
    for number in (1, 2, 3):
        lined(ledger, number, "line", text="same")
    assert ledger.standing(BLOG, "line", 3) == (1, 1)


def test_a_line_that_is_learned_makes_its_posts_due_once(ledger: Ledger) -> None:
    for number in (1, 2, 3):
        lined(ledger, number, *(["line"] if number < 3 else []))
    sent(ledger)
    ledger.learn_footer(BLOG, "line", "Наш чат")
    assert due(ledger) == [1, 2]
    assert ledger.footers(BLOG) == {"line": ("Наш чат", 2)}
    assert ledger.footers("other") == {}


def test_only_posts_that_are_new_or_changed_have_their_lines_read(ledger: Ledger) -> None:
    lined(ledger, 1, "line")
    store(ledger, post(2))
    assert [one.post.id for one in ledger.unlined(BLOG)] == [2]
    store(ledger, post(1, text="Иначе"))
    assert [one.post.id for one in ledger.unlined(BLOG)] == [1, 2]
    ledger.write_lines(BLOG, 1, "1", ())
    assert ledger.standing(BLOG, "line", 2) == (0, 0)


def test_posts_that_may_say_the_same_are_found_by_their_signs(ledger: Ledger) -> None:
    for number, signs in ((1, range(12)), (2, range(3)), (3, range(6)), (4, range(20, 32))):
        store(ledger, post(number))
        ledger.write_lines(BLOG, number, str(number), (), signs)
    assert ledger.likely_twins(BLOG, 3) == [1]
    assert ledger.likely_twins(BLOG, 1) == [], "the first to say it is no twin"
    assert ledger.likely_twins(BLOG, 4) == []
    sent(ledger)
    held = ledger.delivery(BLOG, 3, SITE)
    assert held is not None
    ledger.settle(replace(held, state="held", due=False))
    ledger.lose(BLOG, [1], "gone")
    ledger.wake_twins(BLOG, 1)
    assert ledger.likely_twins(BLOG, 3) == []
    assert due(ledger) == [1, 3]


def test_the_first_spelling_of_a_tag_stays(ledger: Ledger) -> None:
    store(ledger, post(1))
    ledger.write_lines(BLOG, 1, "1", (), (), {"ндс": "НДС"})
    ledger.write_lines(BLOG, 2, "2", (), (), {"ндс": "ндс", "смм": "SMM"})
    assert ledger.spellings(BLOG) == {"ндс": "НДС", "смм": "SMM"}


def test_a_ledger_that_was_repaired_counts_on_from_the_runs_that_its_history_knows(
    ledger: Ledger, path: Path
) -> None:
    """Else ``undo`` would take what an older run has put on a site for a new one's."""
    store(ledger, post(1))
    ledger.begin(BLOG, "sync")
    ledger.tell(BLOG, 1, SITE, "created", "")
    number = ledger.run_id
    ledger.end(0, "")
    ledger.close()
    with sqlite3.connect(path) as damaged:
        damaged.execute("DELETE FROM run")
    damaged.close()
    saved(path, datetime(2025, 6, 1, tzinfo=UTC))
    with Ledger.open(path) as repaired:
        repaired.begin(BLOG, "sync")
        assert repaired.run_id > number
        assert repaired.made_by(repaired.run_id) == []
        assert repaired.made_by(number) == [(1, SITE)]
