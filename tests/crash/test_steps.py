"""A run that dies before any of its steps is made good by the next one, to the byte."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from crash.world import Seen, lay, look, turn

SAMPLE = 25
"""In the default run every so many steps, from another first one each day; all of them when
slow tests run."""
SEED = int(os.environ.get("CRASH_SEED") or date.today().toordinal())  # noqa: DTZ011


class Program:
    """The process that runs, and kills, syncs."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("program.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, folder: Path, **order: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"folder": str(folder), **order}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert answer["code"] in (0, 1, -9, 5), answer["said"]
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    started = Program()
    yield started
    started.close()


class Clean:
    """How it goes when nothing is killed: the folder before each run, its steps, and what is there
    after. All happens in one place, since a site's record of an article holds paths."""

    def __init__(self, folder: Path, program: Program) -> None:
        self._folder = folder
        self.after: list[Seen] = []
        self.steps: list[list[str]] = []
        lay(folder / "before-0")
        for run in (0, 1):
            place = self.again(run)
            self.steps.append(program(place)["steps"])
            self.after.append(look(place))
            if run == 0:
                shutil.copytree(place, folder / "before-1")
                turn(folder / "before-1", 2)

    def again(self, run: int) -> Path:
        """A folder as it was before that run."""
        place = self._folder / "run"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._folder / f"before-{run}", place)
        return place


@pytest.fixture(scope="session")
def clean(program: Program) -> Iterator[Clean]:
    memory = Path(
        "/dev/shm"
    )  # killing a process loses nothing of it, and hundreds of runs are fast
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Clean(Path(folder), program)


def mended(folder: Path, program: Program, right: Seen) -> None:
    """The next run makes it good, and the one after it has nothing to do."""
    told = program(folder)
    assert told["code"] in (0, 1), told["said"]
    assert look(folder) == right
    assert program(folder)["said"] == "Nothing to do."
    assert look(folder) == right


def killed(clean: "Clean", run: int, program: Program, step: int) -> Path:
    folder = clean.again(run)
    assert program(folder, at=step)["code"] == -9, "it died where it was told"
    return folder


def test_the_clean_run_is_what_it_should_be(clean: Clean) -> None:
    """Else all the rest would compare wrong with wrong."""
    first, second = clean.after
    states = {row[0]: row[1] for row in first.ledger[:-1]}
    assert states == dict.fromkeys((1, 2, 3, 6, 7, 9), "live") | {8: "held"}
    states = {row[0]: row[1] for row in second.ledger[:-1]}
    assert states == dict.fromkeys((1, 2, 3, 6, 9, 10), "live") | {7: "withdrawn", 8: "held"}
    assert first.left == second.left == []
    assert first.ledger[-1] == second.ledger[-1] == (1, 0)
    pages = {
        name.partition("-")[0]: data.decode(errors="replace") for name, data in first.public.items()
    }
    assert 'href="7-zapis' in pages["business/2"], "a link to a later post leads to its page"
    assert 'href="1-pervaia' in pages["business/7"], "and one to an earlier post"
    assert 'href="3-albom' in pages["business/9"], "and one to an album's second photo"
    pages = {
        name.partition("-")[0]: data.decode(errors="replace")
        for name, data in second.public.items()
    }
    assert "business/7" not in pages
    assert "https://t.me/example/7" in pages["business/2"], "which goes back when that is gone"
    assert 'href="6-snimok' in pages["business/10"]
    assert "Исправлено" in pages["business/1"]
    assert sum(name.startswith("media/") and "-320" in name for name in first.public) == 4


def steps(clean: Clean, run: int, offset: int, pace: int) -> range:
    count = len(clean.steps[run])
    assert count > 100, "the steps are seen"
    return range(offset % pace, count, pace)


@pytest.mark.parametrize("run", [0, 1], ids=["first-day", "second-day"])
def test_killed_at_some_steps_it_ends_as_if_it_was_not(
    run: int, clean: Clean, program: Program
) -> None:
    for step in steps(clean, run, SEED, SAMPLE):
        folder = killed(clean, run, program, step)
        mended(folder, program, clean.after[run])


@pytest.mark.slow
@pytest.mark.parametrize("run", [0, 1], ids=["first-day", "second-day"])
def test_killed_at_every_step_it_ends_as_if_it_was_not(
    run: int, clean: Clean, program: Program
) -> None:
    wrong = []
    for step in steps(clean, run, 0, 1):
        folder = killed(clean, run, program, step)
        try:
            mended(folder, program, clean.after[run])
        except AssertionError as error:
            wrong.append((step, clean.steps[run][step], str(error)[:1500]))
    assert wrong == []


@pytest.mark.slow
def test_killed_at_every_third_step_and_written_on_meanwhile(
    clean: Clean, program: Program
) -> None:
    for step in steps(clean, 0, SEED, 3):
        folder = killed(clean, 0, program, step)
        turn(folder, 2)
        told = program(folder)
        assert told["code"] in (0, 1), told["said"]
        now, right = look(folder), clean.after[1]
        gone = [row for row in now.articles if row[0] == 7]
        assert now.public == right.public
        assert [row for row in now.articles if row not in gone] == [
            row for row in right.articles if row[0] != 7
        ], step
        assert now.left == []
        assert program(folder)["said"] == "Nothing to do."
