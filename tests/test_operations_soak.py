"""A day of twenty blogs in two minutes: runs that overlap, die, have no room and no handles; a
source that answers with errors, halves and nonsense; posts, edits and deletions all the while, and
a ``watch`` that lives through it. In the end every post is on its sites exactly once.

``CROSSPOST_SEED=<seed> pytest -m '' tests/test_operations_soak.py`` plays that day again, as far as
the clock allows.
"""

import json
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from preview_server import Fault, PreviewServer
from test_faults import apart, is_granted, own_mounts, protect

from crosspost.cli import group

pytestmark = [pytest.mark.slow, pytest.mark.servers]

START = 1_700_000_000
ROUNDS = 50
FAULTS: list[dict[str, Any]] = [
    {"status": 500, "body": "<h1>Error</h1>"},
    {"status": 502},
    {"status": 429, "Retry_After": "1"},
    {"status": 200, "body": "<html><body>Nonsense</body></html>"},
    {"status": 200, "body": b"\x00\xff" * 4000},
    {"status": 200, "body": "<html>" + "x" * 9000, "cut": 500},
    {"status": 404},
]
TROUBLES = [
    *("Too many open files|unable to open", "disk is full|disk I/O error|File too large"),
    *("Read-only|readonly", "Another run holds", "answered 50", "breaks off|damaged|cut off"),
]
"""What must have been met, all or all but one, or the day was no hard one."""
TRACE = re.compile(r"Traceback|itself failed|No article could be made")


# --- Twenty channels ----------------------------------------------------------------------------


class Channel:
    """What its author wrote: the word that each post shows now, by id."""

    def __init__(self, name: str, folder: Path | None) -> None:
        self.name, self.folder = name, folder
        self.posts: dict[int, str] = {}
        self.last = self.words = 0

    def happen(self, dice: random.Random) -> None:
        """A post, an edit or a deletion; the first post stays, since an export or a page that
        begins later may be a part of the channel."""
        recent = sorted(self.posts)[1:][-8:]
        what = dice.random()
        if what < 0.6 or len(recent) < 4:
            self.last += dice.choice([1, 1, 2])
            self._write(self.last)
        elif what < 0.85:
            self.edit(dice)
        else:
            del self.posts[dice.choice(recent[:-1])]

    def edit(self, dice: random.Random) -> None:
        """Other words in one of the last posts."""
        self._write(dice.choice(sorted(self.posts)[1:][-8:]))

    def _write(self, number: int) -> None:
        self.words += 1
        self.posts[number] = f"w{self.words}x{number}z"

    def messages(self) -> list[dict[str, Any]]:
        return [
            {
                "id": number,
                "type": "message",
                "date_unixtime": str(START + number * 60),
                "from_id": "channel777",
                "text": f"Запись {number}\n\nО хлебе {word} и о соли.",
                "text_entities": [
                    {"type": "plain", "text": f"Запись {number}\n\nО хлебе {word} и о соли."}
                ],
            }
            | (
                {"photo": "photos/1.png", "width": 24, "height": 16}
                if self._pictured(number)
                else {}
            )
            for number, word in sorted(self.posts.items())
        ]

    def _pictured(self, number: int) -> bool:
        return self.folder is not None and number % 5 == 0

    def export(self, dice: random.Random | None = None) -> None:
        """Writes the export anew; with ``dice`` sometimes only the beginning of it."""
        assert self.folder
        told = {"name": self.name, "type": "public_channel", "id": 900 + int(self.name[8:])}
        data = json.dumps(told | {"messages": self.messages()}, ensure_ascii=False).encode()
        if dice and dice.random() < 0.15:
            data = data[: dice.randrange(len(data))]
        fresh = self.folder / "result.json.new"
        fresh.write_bytes(data)
        fresh.replace(self.folder / "result.json")


class Town(PreviewServer):
    """The preview pages of several channels, and what goes wrong with them."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.channels = {
            name: PreviewServer(name=name, title=name, channel_id=800 + number)
            for number, name in enumerate(names)
        }

    def answer(self, target: str, headers: dict[str, str]) -> Fault:
        if self.faults:
            return self.faults.pop(0)
        name = target.partition("?")[0].removeprefix("/s/")
        return self.channels[name].answer(target, headers) if name in self.channels else Fault(404)

    def __exit__(self, *told: object) -> None:
        for one in self.channels.values():
            one.__exit__()
        super().__exit__()


@contextmanager
def short(room: int, handles: int) -> Iterator[None]:
    """No file may grow above ``room`` bytes (-1: any may), and only so many more be open (0: any
    number)."""
    size, number = (
        resource.getrlimit(one) for one in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)
    )
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if room >= 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, size[1]))
    if handles:
        most = max(int(one.name) for one in Path("/proc/self/fd").iterdir()) + handles
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, number[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, size)
        resource.setrlimit(resource.RLIMIT_NOFILE, number)


class Newsroom:
    """Twenty blogs in one config: ten from exports, ten from preview pages, on three sites."""

    def __init__(self, root: Path, dice: random.Random) -> None:
        from PIL import Image

        self.root, self.dice = root, dice
        self.mounts = apart(is_granted)  # whether it may have disks of its own
        self.channels: dict[str, Channel] = {}
        for number in range(20):
            name, folder = f"workshop{number}", None
            if number % 2:
                folder = root / f"channel{number}"
                (folder / "photos").mkdir(parents=True)
                Image.new("RGB", (24, 16), (number * 12, 90, 40)).save(folder / "photos" / "1.png")
            self.channels[name] = Channel(name, folder)
        self.town = Town([name for name, one in self.channels.items() if not one.folder])
        self.config()
        for channel in self.channels.values():
            for _ in range(5):
                channel.happen(dice)
        self.show()

    def sites(self, name: str) -> list[str]:
        number = int(name[8:])
        return ["north", "south"] if number % 5 == 0 else [["north", "south", "west"][number % 3]]

    def config(self) -> None:
        text = "ledger = 'ledger.db'\ncache = 'cache'\n"
        text += f"[preview]\npreview = '{self.town.home}'\npause = 0\nbackoff = 0\nattempts = 2\n"
        for name, channel in self.channels.items():
            reader, source = (
                ("export", channel.folder.name) if channel.folder else ("preview", f"@{name}")
            )
            overlap = ["fail", "skip", "wait"][int(name[8:]) % 3]
            text += (
                f"[[blog]]\nname = '{name}'\nchannel = '{source}'\nreader = '{reader}'\n"
                f"site = {json.dumps(self.sites(name))}\nsettle = '0s'\nmax_deletions = 1000\n"
                f"overlap = '{overlap}'\nlink = 'https://t.me/{name}'\n"
            )
        for site in ("north", "south", "west"):
            text += (
                f"[site.{site}]\ntype = 'static'\npath = '{site}'\nurl = 'http://{site}.test/'\n"
            )
        (self.root / "crosspost.toml").write_text(text, "utf-8")

    def show(self, *, whole: bool = True) -> None:
        """What was written can be read, whole or not."""
        for name, channel in self.channels.items():
            if channel.folder:
                channel.export(None if whole else self.dice)
            else:
                self.town.channels[name].messages = {one["id"]: one for one in channel.messages()}

    def run(self, *words: str) -> tuple[int, str]:
        result = CliRunner().invoke(group, ["--config", str(self.root / "crosspost.toml"), *words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert not TRACE.search(result.output), result.output
        return result.exit_code, result.output

    # --- Runs ---

    def start(self) -> tuple[int, bool]:
        """A run in a process of its own, of all blogs or of some, perhaps with too little of
        something, or a folder that it may not write; its id, and whether it may be killed, for
        then nobody hears what it met. It ends with its exit code, or 70."""
        dice = self.dice
        names = [] if dice.random() < 0.5 else dice.sample(list(self.channels), dice.randint(1, 8))
        words = ["sync", *names, *dice.choice([[], ["--max-time", "2s"], ["--wait", "5s"]])]
        locked = dice.choice([""] * 4 + ["north", "south", "west", "cache"])
        room, handles = (
            dice.choice([-1] * 4 + [0, 60_000, 400_000]),
            dice.choice([0] * 5 + [2, 6, 8, 10, 12]),
        )
        locked = locked if self.mounts and (self.root / locked).is_dir() else ""
        with warnings.catch_warnings():  # of threads, which the child does without
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid:
            return pid, not locked
        code = 70
        signal.alarm(120)  # whatever hangs is a failure
        try:
            if locked:
                own_mounts()
                protect(self.root / locked)
            with short(room, handles):
                code, said = self.run(*words)
            with (self.root / "said.log").open("a", encoding="utf-8") as log:
                log.write(said)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode()[-3000:])
        finally:
            os._exit(code)

    def hour(self) -> list[int]:
        """Some events, some trouble, some runs at once; the exit codes, -9 of those killed."""
        dice = self.dice
        for channel in dice.sample(list(self.channels.values()), 9):
            channel.happen(dice)
        self.show(whole=dice.random() < 0.6)
        self.town.faults[:] = [
            Fault(**dice.choice(FAULTS)) for _ in range(dice.choice([0, 0, 2, 9]))
        ]
        started = [self.start() for _ in range(dice.choice([1, 2, 3]))]
        codes = []
        for pid, killed in started:
            if killed and dice.random() < 0.6:
                time.sleep(dice.uniform(0.02, 1.0))
                os.kill(pid, signal.SIGKILL)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        return codes

    # --- What came of it ---

    def right(self) -> None:
        """Every post stands once on each of its sites, as it is now, and no other does."""
        for name, channel in self.channels.items():
            for site in self.sites(name):
                found: dict[int, str] = {}
                for page in (self.root / site / name).glob("[0-9]*.html"):
                    number = int(re.match(r"\d+", page.name)[0])  # type: ignore[index]
                    assert number not in found, f"{name}/{number} is twice on {site}"
                    [word] = set(re.findall(r"О хлебе (w\d+x\d+z)", page.read_text("utf-8")))
                    found[number] = word
                assert found == channel.posts, (name, site, self.story(name, found, channel.posts))
        with closing(sqlite3.connect(self.root / "ledger.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("SELECT count(*) FROM delivery WHERE due").fetchone() == (0,)
            live = db.execute("SELECT count(*) FROM delivery WHERE state = 'live'").fetchone()
        wanted = sum(len(one.posts) * len(self.sites(name)) for name, one in self.channels.items())
        assert live == (wanted,)
        left = [
            path
            for path in self.root.rglob("*")
            if path.name.startswith("making-") or path.suffix == ".part"
        ]
        assert left == []

    def story(self, blog: str, found: dict[int, str], wanted: dict[int, str]) -> list[Any]:
        """What the ledger says of the posts that are not as they should be."""
        wrong = [one for one in {*found, *wanted} if found.get(one) != wanted.get(one)]
        told: list[Any] = []
        with closing(sqlite3.connect(self.root / "ledger.db")) as db:
            for number in wrong:
                for table, key in (("delivery", "post_id"), ("event", "post_id"), ("post", "id")):
                    query = f"SELECT * FROM {table} WHERE blog = ? AND {key} = ?"
                    told += db.execute(query, (blog, number)).fetchall()
        return told


class Watcher:
    """``crosspost watch`` in a process of its own, and what it holds."""

    def __init__(self, root: Path) -> None:
        self.said = root / "watch.log"
        with self.said.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "crosspost", "watch", "--interval", "2s"],
                cwd=root,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.memory: list[int] = []
        self.handles: list[int] = []

    def look(self) -> None:
        """Notes its memory in bytes and its open files."""
        folder = Path(f"/proc/{self.process.pid}")
        pages = int((folder / "statm").read_text().split()[1])
        self.memory.append(pages * resource.getpagesize())
        self.handles.append(len(list((folder / "fd").iterdir())))

    def stop(self) -> str:
        """Ends it, which it does well; what it said."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) in (0, 7)
        return self.said.read_text("utf-8")


def flat(figures: list[int], more: int) -> bool:
    """Whether the last third is no higher than the middle one, but for ``more``."""
    third = len(figures) // 3
    return min(figures[-third:]) <= max(figures[third : 2 * third]) + more


def test_a_day_of_twenty_blogs_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("CROSSPOST_SEED", "1"))
    dice = random.Random(seed)
    begun = time.monotonic()
    room = Newsroom(tmp_path, dice)
    with room.town:
        code, told = room.run("sync", "workshop0", "workshop1")  # what is loaded now, no fork loads
        assert code in (0, 1), told
        watcher = Watcher(tmp_path)
        codes: list[int] = []
        try:
            for _ in range(ROUNDS):
                codes += room.hour()
                watcher.look()
            room.town.faults.clear()
            room.show()
            for _ in range(4):  # what was in doubt waits a moment before it is tried again
                time.sleep(2)
                watcher.look()
        finally:
            said = watcher.stop()
        settled(room)
        room.right()
        assert room.run("verify")[0] == 0
    print(f"CROSSPOST_SEED={seed}: {sum(one.words for one in room.channels.values())} events")
    print(f"exit codes {sorted((code, codes.count(code)) for code in set(codes))}")
    print(f"watch: {[one >> 20 for one in watcher.memory]} MB, {watcher.handles} handles")
    print(f"{time.monotonic() - begun:.0f} s")
    assert not TRACE.search(said), said[-3000:]
    assert set(codes) <= {*range(8), -signal.SIGKILL}
    told = (tmp_path / "said.log").read_text("utf-8")
    met = [trouble for trouble in TROUBLES if re.search(trouble, told)]
    assert len(met) >= len(TROUBLES) - 1, f"there was to be trouble, but only: {met}"
    assert flat(watcher.memory, 12 * 2**20), watcher.memory
    assert flat(watcher.handles, 4), watcher.handles


def settled(room: Newsroom) -> None:
    """All is done, in as many runs as a person would have patience for."""
    for _ in range(4):
        with closing(sqlite3.connect(room.root / "ledger.db")) as ledger, ledger:
            ledger.execute("UPDATE delivery SET not_before = ''")  # the pauses are over
        code, said = room.run("sync")
        if said == "Nothing to do.\n":
            return
    raise AssertionError((code, said))
