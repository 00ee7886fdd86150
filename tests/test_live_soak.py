"""The whole program under thousands of random events, faults and kills: in the end the site is the
channel, article for article.

Every run prints its seed; ``CROSSPOST_SEED=<seed> pytest tests/test_live_soak.py`` plays that one
again. What happens in the middle of a run happens at its requests, and a run dies at one of its
steps, so that the clock decides little.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crash.program import Steps
from preview_server import PreviewServer
from telegram_server import Fault, TelegramServer
from telethon.tl import types

pytest.register_assert_rewrite("live_channel")
from live_channel import LiveChannel, Site, live_blog, same, telegram  # noqa: E402
from test_live import Ways  # noqa: E402

REACH = 400
"""Only so many of the last messages change: Telegram's gap is closed for the last 1,000."""
COMMANDS = [*[("sync", "--accept-deletions")] * 6, *[("sync",)] * 3, ("backfill", "b")]
FAULTS: list[dict[str, Any]] = [
    {"drop": True},
    {"drop": True, "times": 9},
    {"cut": 0},
    {"cut": 7},
    {"cut": 90},
    {"hang": True},
    {"error": "FLOOD_WAIT_900"},
    {"error": "INTERDC_2_CALL_ERROR", "code": 500},
    {"error": "INTERDC_2_CALL_ERROR", "code": 500, "times": 9},
    {"error": "PERSISTENT_TIMESTAMP_INVALID", "kind": "GetChannelDifferenceRequest"},
    {"error": "FILE_REFERENCE_EXPIRED", "kind": "GetFileRequest"},
    {"drop": True, "kind": "GetFileRequest"},
    {"cut": 40, "kind": "GetFileRequest"},
]


class Life:
    """What the author does, at random."""

    def __init__(self, author: LiveChannel, dice: random.Random, reach: int = REACH) -> None:
        self.author, self.channel, self.dice = author, author.channel, dice
        self.reach, self.events = reach, 0
        self.photos = True
        """Whether a photo may be replaced."""

    def happen(self) -> None:
        self.events += 1
        often: list[Callable[[], object]] = [self.author.post, self.author.pictured, self.edit]
        seldom = [self.album, self.delete, self.several, self.part, self.again]
        rare = [self.rename, self.service, self.channel.forget]
        self.dice.choice(self.dice.choices([often, seldom, rare], [60, 35, 5])[0])()

    def some(self) -> Any:
        """A message, rather a recent one."""
        found = self.author.messages[-self.reach :]
        return self.dice.choice(found[-12:] if self.dice.random() < 0.7 else found or [None])

    def edit(self) -> None:
        if self.author.messages and ((one := self.some()).message or self.photos):
            self.author.edit(one.id)

    def album(self) -> None:
        count = self.dice.randint(2, 10)
        self.author.album(count, captioned=self.dice.randrange(count + 2))

    def delete(self) -> None:
        if self.author.messages:
            self.author.delete(self.some().id)

    def several(self) -> None:
        """Posts and parts of albums, as they stand one after the other."""
        ids = [one.id for one in self.author.messages[-self.reach :]]
        first = self.dice.randrange(len(ids) + 1)
        if gone := ids[first : first + self.dice.randint(2, 9)]:
            self.author.delete(*gone)

    def part(self) -> None:
        """Some photos of an album, or all."""
        messages = self.author.messages[-self.reach :]
        if groups := [one.grouped_id for one in messages if one.grouped_id]:
            group = self.dice.choice(groups)
            ids = [one.id for one in messages if one.grouped_id == group]
            self.author.delete(*self.dice.sample(ids, self.dice.randint(1, len(ids))))

    def again(self) -> None:
        """The same words once more."""
        if texts := [one.message for one in self.author.messages if one.message]:
            self.channel.post(self.dice.choice(texts))

    def rename(self) -> None:
        self.channel.title = f"Мастерская {self.events}"

    def service(self) -> None:
        self.channel.service(types.MessageActionPinMessage())


class Mirror:
    """The blog that follows, through kills."""

    def __init__(self, root: Path, server: TelegramServer) -> None:
        self.server = server
        self.blog = live_blog(root, server, timeout="1s", attempts=2, pause=0, patience="1s")

    def sync(self, *words: str) -> str:
        return self.blog.run("sync", *words).text

    def program(self, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "crosspost", *words],
            cwd=self.blog.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )


class Meddler:
    """Lets the author go on, and connections break, in the middle of what a client asks."""

    def __init__(self, life: Life, dice: random.Random) -> None:
        self.life, self.dice = life, dice
        self.server = life.author.server
        self._strike = self.server.faults.strike
        self.server.faults.strike = self.strike  # type: ignore[method-assign]

    def strike(self, request: Any) -> Any:
        if self.dice.random() < 0.04:
            self.life.happen()
        if self.dice.random() < 0.005:
            return Fault(drop=True)
        return self._strike(request)

    def trouble(self) -> None:
        """What goes wrong in the next run, perhaps."""
        self.server.faults.clear()
        if self.dice.random() < 0.5:
            self.server.fault(**{"after": self.dice.randint(0, 9), **self.dice.choice(FAULTS)})
        if self.dice.random() < 0.2:
            self.server.world.expire()

    def rest(self) -> None:
        self.server.faults.clear()
        self.server.faults.strike = self._strike  # type: ignore[method-assign]


def soak(root: Path, seed: int, *, rounds: int, programs: int, burst: int, seconds: float) -> None:
    """``rounds`` syncs, of which most die; then ``programs`` real processes that are killed after
    at most so many ``seconds``; before each at most ``burst`` events."""
    dice = random.Random(seed)
    with TelegramServer() as server:
        author = LiveChannel(server)
        life, mirror = Life(author, dice), Mirror(root, server)
        author.pictured()
        mirror.sync()  # what is loaded now need not be loaded by every fork
        meddler = Meddler(life, dice)
        for number in range(rounds + programs):
            for _ in range(dice.randint(0, burst)):
                life.happen()
            meddler.trouble()
            if number < rounds:
                at = dice.choice([-1, dice.randrange(40), dice.randrange(400)])
                forked(mirror, at, *dice.choice(COMMANDS))
            else:
                program(mirror, life, dice, dice.uniform(0.5, seconds))
        meddler.rest()
        print(f"{life.events} events, {len(author.posts())} posts")
        settled(mirror)
        same(mirror.blog, author)
        consistent(mirror, author)


def forked(mirror: Mirror, at: int, *words: str) -> None:
    """A command in a process of its own, which dies before its step ``at``."""
    with warnings.catch_warnings():  # of threads, which the child does without
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        code = 70
        signal.alarm(120)  # whatever hangs is a failure
        try:
            Steps(at).watch()
            code = mirror.blog.run(*words).code
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, 1, 3, 7, 99), code


def program(mirror: Mirror, life: Life, dice: random.Random, seconds: float) -> None:
    """A real process, which is killed while the author goes on; or stopped, which it does well."""
    process = mirror.program(dice.choice(["sync", "watch", "watch"]))
    kill = dice.random() < 0.6
    own = random.Random(dice.random())  # the clock decides how often it is asked
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if own.random() < 0.02:
            life.happen()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert b"Traceback" not in said, said.decode()
    assert kill or process.returncode in (0, 1, 3, 7, -signal.SIGTERM), said.decode()


def settled(mirror: Mirror) -> None:
    """All is done, in as many runs as a person would have patience for; the reader has more."""
    mirror.blog.tables = telegram(mirror.server)
    mirror.blog.configure("@workshop")
    for _ in range(4):
        if mirror.sync("--accept-deletions") == "Nothing to do.\n":
            return
    raise AssertionError(mirror.sync("--accept-deletions"))


def consistent(mirror: Mirror, author: LiveChannel) -> None:
    """The ledger says of itself what is so."""
    with sqlite3.connect(mirror.blog.root / "ledger.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT count(*) FROM delivery WHERE due").fetchone() == (0,)
        states = dict(db.execute("SELECT state, count(*) FROM delivery GROUP BY state"))
        posts = len(author.posts())
        assert states.get("live", 0) == posts
        assert set(states) <= {"live", "gone", "withdrawn"}
        assert db.execute("SELECT count(*) FROM post WHERE gone = ''").fetchone() == (posts,)
        pages = {
            url.rpartition("/")[2]
            for (url,) in db.execute("SELECT url FROM delivery WHERE state = 'live'")
        }
        assert pages == set(Site(mirror.blog).names.values())
    db.close()


def seeds(count: int) -> Iterator[int]:
    if given := os.environ.get("CROSSPOST_SEED"):
        return iter([int(given)])
    return iter(range(1, count + 1))


def test_a_seed_of_trouble_ends_in_a_site_that_is_the_channel(tmp_path: Path) -> None:
    for seed in seeds(1):
        print(f"CROSSPOST_SEED={seed}")
        soak(tmp_path / str(seed), seed, rounds=5, programs=1, burst=24, seconds=2)


@pytest.mark.slow
def test_many_seeds_of_trouble_end_in_a_site_that_is_the_channel(tmp_path: Path) -> None:
    for seed in seeds(2):
        print(f"CROSSPOST_SEED={seed}")
        soak(tmp_path / str(seed), seed, rounds=25, programs=3, burst=80, seconds=6)


def wander(root: Path, seed: int, rounds: int) -> None:
    """One blog whose source changes from run to run, while only such things happen as the source
    can know: see docs/readers.md."""
    dice = random.Random(seed)
    files = root / "files"
    files.mkdir(parents=True)
    with TelegramServer() as server, PreviewServer(files=files) as preview:
        author = LiveChannel(server)
        for _ in range(80):
            author.post()
        life, ways = Life(author, dice, reach=12), Ways(root, author, preview)
        for _ in range(rounds):
            reader = dice.choice(["export", "preview", "telegram"])
            life.photos = reader != "preview"
            for _ in range(dice.randint(0, 10)):
                life.happen()
            author.channel.title = "Мастерская"
            if reader == "export":
                author.post()
            ways.sync(reader, "--accept-deletions")
            same(ways.blog, author)
            assert ways.sync(reader) == "Nothing to do.\n"


@pytest.mark.slow
def test_seeds_of_changing_sources_end_in_a_site_that_is_the_channel(tmp_path: Path) -> None:
    for seed in seeds(4):
        print(f"CROSSPOST_SEED={seed}")
        wander(tmp_path / str(seed), seed, rounds=8)
