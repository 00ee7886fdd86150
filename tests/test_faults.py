"""What fails beneath the program: a disk that is full or may not be written, handles that run out,
a power cut. Each ends with a sentence and an exit code of the table, and the next run completes.

The disks are real ones in memory, mounted in a namespace of the test's own (user_namespaces(7)).
"""

import json
import os
import random
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from crash.program import Steps
from crash.world import lay, look, turn
from memory import memory_folder

from crosspost.cli import group
from crosspost.ledger import Ledger

disks = pytest.mark.servers
DISK = "size=12m"


def apart(work: Callable[[], Any]) -> Any:
    """What ``work`` answers in a process of its own."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():  # of threads, which the child does without
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            told = {"answer": work()}
        except BaseException:
            told = {"error": traceback.format_exc()}
        with os.fdopen(writing, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = json.load(pipe)
    os.waitpid(pid, 0)
    assert "error" not in told, told["error"]
    return told["answer"]


def sync(folder: Path) -> tuple[int, str]:
    return run(folder, "sync")


def run(folder: Path, *words: str) -> tuple[int, str]:
    """A command; whatever it meets, it says it in sentences."""
    result = CliRunner().invoke(group, ["--config", str(folder / "crosspost.toml"), *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    assert "itself failed" not in result.output, result.output
    return result.exit_code, result.output


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def own_mounts() -> None:
    """From now on what this process mounts is seen by it alone."""
    import ctypes

    users = f"0 {os.getuid()} 1", f"0 {os.getgid()} 1"
    new_users, new_mounts = 0x10000000, 0x00020000
    if ctypes.CDLL(None, use_errno=True).unshare(new_users | new_mounts):
        raise OSError(ctypes.get_errno(), "this machine grants no namespace of its own")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(users[0])
    Path("/proc/self/gid_map").write_text(users[1])


def own_disk(folder: Path) -> None:
    """From now on ``folder`` is a disk that this process alone sees."""
    own_mounts()
    mount("-t", "tmpfs", "-o", DISK, "disk", str(folder))


def is_granted() -> bool:
    """Whether this machine lets a process have disks of its own."""
    try:
        with memory_folder() as folder:
            own_disk(folder)
            subprocess.run(["umount", str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@pytest.fixture(scope="session")
def granted() -> None:
    if not apart(is_granted):
        pytest.skip("this machine lets no test have a disk of its own (user namespaces)")


def protect(folder: Path) -> None:
    """Nothing in ``folder`` may be written."""
    mount("--bind", str(folder), str(folder))
    mount("-o", "remount,ro,bind", str(folder))


def renewed(place: Path, state: int) -> None:
    """Before the run under test: nothing yet (0), an empty ledger (1), or the first day's blog of a
    channel that went on (2)."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    lay(place)
    if state:
        Ledger.open(place / "ledger.db").close()
    if state == 2:
        assert sync(place)[0] == 1, "an advertisement waits for a person"
        turn(place, 2)


def fill(place: Path, room: int) -> Path:
    """Leaves ``room`` bytes on the disk; the file that takes the rest."""
    ballast = place / "ballast"
    free = os.statvfs(place)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free.f_bavail * free.f_frsize - room, 1))
    return ballast


def filled(folder: Path, state: int, rooms: list[int]) -> list[tuple[int, int, str]]:
    """A run on a disk with so much room left, for each; then there is room and it runs again."""
    own_disk(folder)
    place = folder / "place"
    renewed(place, state)
    assert sync(place)[0] in (0, 1)
    right, told = look(place), []
    for room in rooms:
        renewed(place, state)
        ballast = fill(place, room)
        code, said = sync(place)
        told.append((room, code, said))
        ballast.unlink()
        again, more = sync(place)
        assert again in (0, 1), more
        assert look(place) == right, (room, said, more)
        assert sync(place)[1] == "Nothing to do.\n"
    return told


SOME = {0: [0, 1_200_000], 1: [0, 100_000, 300_000], 2: [0, 100_000, 300_000]}
MANY = {0: range(0, 2_000_000, 100_000), 1: range(0, 900_000, 20_480), 2: range(0, 700_000, 12_288)}


@disks
@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize("state", [0, 1, 2])
@pytest.mark.parametrize(
    "rooms", [pytest.param(SOME, id="some"), pytest.param(MANY, marks=pytest.mark.slow, id="many")]
)
def test_a_disk_that_fills_up_anywhere_is_told_and_the_next_run_completes(
    tmp_path: Path, state: int, rooms: dict[int, Any]
) -> None:
    told = apart(lambda: filled(tmp_path, state, list(rooms[state])))
    short = [(room, code, said) for room, code, said in told if code not in (0, 1)]
    assert short, told
    for room, code, said in short:
        assert code in (4, 6), (room, said)
        assert re.search(r"No space left|disk is full|disk I/O error", said), (room, said)
        assert re.search(r"room on|free space", said), (room, said)
    assert not state or len({said for _, _, said in short}) > 1, (
        "the disk filled up in several places"
    )


# --- Folders that may not be written ------------------------------------------------------------


def pages(place: Path) -> dict[str, bytes]:
    """What visitors of the site see."""
    found = [path for path in (place / "public").rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in found if ".crosspost" not in path.parts}


def protected(folder: Path, what: str, state: int) -> tuple[int, str, bool, bool]:
    """A run while ``what`` is read-only; whether the site stayed as it was, and whether all is
    right after the next run."""
    own_disk(folder)
    place = folder / "place"
    renewed(place, state)
    sync(place)
    right = look(place)
    renewed(place, state)
    before = pages(place)
    target = place / what
    target.mkdir(exist_ok=True)
    protect(target)
    code, said = sync(place)
    kept = pages(place) == before
    mount("-o", "remount,rw,bind", str(target))
    assert sync(place)[0] in (0, 1)
    return code, said, kept, look(place) == right


@disks
@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize("state", [1, 2])
@pytest.mark.parametrize(("what", "codes"), [(".", {6}), ("public", {4})])
def test_a_folder_that_may_not_be_written_is_named_and_nothing_is_changed(
    tmp_path: Path, what: str, codes: set[int], state: int
) -> None:
    code, said, kept, right = apart(lambda: protected(tmp_path, what, state))
    assert code in codes, said
    assert str(tmp_path / "place") in said
    assert re.search(r"[Rr]ead-only|readonly|permissions", said), said
    assert kept
    assert right


# --- Handles ------------------------------------------------------------------------------------


def short_of_handles(place: Path, number: int) -> "subprocess.CompletedProcess[str]":
    """The program itself, which may hold so many files open."""
    return subprocess.run(
        [sys.executable, "-m", "crosspost", "sync"],
        cwd=place,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("state", "numbers"),
    [
        (1, [11]),
        *(pytest.param(state, range(6, 24), marks=pytest.mark.slow) for state in (1, 2)),
    ],
    ids=["one", "all at the first run", "all at a later run"],
)
def test_a_run_without_handles_says_so_and_the_next_completes(
    tmp_path: Path, state: int, numbers: list[int]
) -> None:
    place, wrong = tmp_path / "place", set()
    renewed(place, state)
    sync(place)
    right = look(place)
    for number in numbers:
        renewed(place, state)
        done = short_of_handles(place, number)
        assert "Traceback" not in done.stderr, (number, done.stderr)
        assert "itself failed" not in done.stderr + done.stdout, (number, done.stderr, done.stdout)
        assert done.returncode in range(8), (number, done.stderr)
        if done.returncode not in (0, 1) or "Too many" in done.stderr + done.stdout:
            wrong.add(number)
        assert sync(place)[0] in (0, 1)
        assert look(place) == right, (number, done.stderr, done.stdout)
    assert wrong, "handles ran out"


# --- Power cuts ---------------------------------------------------------------------------------


class Camera(Steps):
    """Copies the ledger's files, or the whole place, after every step."""

    def __init__(self, place: Path, album: Path, whole: bool) -> None:
        super().__init__(-1)
        self._place, self._album, self._whole = place, album, whole

    def __call__(self, name: str) -> None:
        super().__call__(name)
        if name.startswith("before"):
            return
        taken = self._album / str(len(self.names))
        if self._whole:
            left_out = shutil.ignore_patterns("*-shm", "*.lock")
            shutil.copytree(self._place, taken, ignore=left_out)
            return
        taken.mkdir(parents=True)
        for file in self._place.glob("ledger.db*"):
            if not file.name.endswith("-shm"):
                shutil.copyfile(file, taken / file.name)


def photographed(place: Path, album: Path, whole: bool) -> None:
    Camera(place, album, whole).watch()
    sync(place)


def cut(taken: Path, dice: random.Random) -> None:
    """The power fails in the middle of the write that comes next: the end of the log is lost."""
    log = taken / "ledger.db-wal"
    if log.exists() and dice.random() < 0.5:
        size = log.stat().st_size
        os.truncate(log, max(size - dice.randint(0, 40_000), 0))


def taken_of(state: int, folder: Path, *, whole: bool) -> tuple[list[Path], Any]:
    """A run's photographs, oldest first, and what is right after it; its place is ``after``."""
    place, album = folder / "place", folder / "album"
    renewed(place, state)
    apart(lambda: photographed(place, album, whole))
    right = look(place)
    place.rename(folder / "after")
    photos = sorted(album.iterdir(), key=lambda one: int(one.name))
    assert len(photos) > 10
    return photos, right


COUNTS = pytest.mark.parametrize(
    "count", [pytest.param(3, id="some"), pytest.param(80, marks=pytest.mark.slow, id="many")]
)


@pytest.mark.parametrize("state", [1, 2])
@COUNTS
def test_after_a_power_cut_at_any_commit_the_next_run_makes_all_right(
    state: int, count: int
) -> None:
    """The disk holds what was committed, and the beginning of what was not."""
    dice = random.Random(state)
    with memory_folder() as folder:
        place = folder / "place"
        photos, right = taken_of(state, folder, whole=True)
        for taken in dice.sample(photos, min(count, len(photos))):
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(taken, place)
            for log in place.rglob("*.db-wal"):
                with log.open("ab") as file:
                    file.write(dice.randbytes(dice.randint(0, 9000)))
            code, said = sync(place)
            assert code in (0, 1), said
            assert look(place) == right, (taken.name, said)
            assert sync(place)[1] == "Nothing to do.\n"


@pytest.mark.parametrize("state", [1, 2])
@COUNTS
def test_a_ledger_older_than_the_site_sends_nothing_twice(state: int, count: int) -> None:
    """As after a disk that lied about what is on it, or a copy that was put back: what the site
    has and the ledger does not know is found there. What it cannot tell from a person's change
    waits for a person, and stays on the site."""
    dice = random.Random(state)
    with memory_folder() as folder:
        place = folder / "place"
        photos, right = taken_of(state, folder, whole=False)
        for taken in dice.sample(photos, min(count, len(photos))):
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(folder / "after", place, ignore=shutil.ignore_patterns("ledger.db*"))
            cut(taken, dice)
            shutil.copytree(taken, place, dirs_exist_ok=True)
            code, said = sync(place)
            assert code in (0, 1), said
            seen = look(place)
            assert seen.public.keys() == right.public.keys(), (taken.name, said)
            waits = [row[0] for row in seen.ledger if row[1] == "conflict"]
            for number in waits:
                assert run(place, "resolve", f"business/{number}", "--ours")[0] in (0, 1)
            sync(place)
            assert look(place).public == right.public, (taken.name, waits, said)
            assert sync(place)[1] == "Nothing to do.\n"


def test_what_the_ledger_has_committed_is_on_the_disk(tmp_path: Path) -> None:
    """https://www.sqlite.org/pragma.html#pragma_synchronous: a log that is made durable with every
    commit."""
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert ledger._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert ledger._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with sqlite3.connect(tmp_path / "ledger.db") as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",), "and stays so"
    plain.close()
