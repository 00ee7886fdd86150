"""The process that runs and kills, and how it goes when it kills nothing."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from memory import memory_folder

from crash.world import Seen, lay, look, turn


class Program:
    """The process that runs, and kills, syncs: a script that obeys as ``program.py`` does."""

    def __init__(self, script: str = "program.py") -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, folder: Path, **order: Any) -> dict[str, Any]:
        (answer,) = self.many(folder, 1, **order)
        return answer

    def many(self, folder: Path, number: int, **order: Any) -> list[dict[str, Any]]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(
            json.dumps({"folder": str(folder), "many": number} | order) + "\n"
        )
        self._process.stdin.flush()
        answers: list[dict[str, Any]] = json.loads(self._process.stdout.readline())
        for answer in answers:
            assert answer["code"] in (0, 1, -9, 5), answer["said"]
        return answers

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
        place = self.again(0)
        turn(place, 2)
        program(place)
        self.late = look(place)
        """What is there when the channel's first state was never read."""

    def right(self, folder: Path) -> Seen:
        """What must be there in the end, whenever the second state was read."""
        return self.after[1] if any(row[0] == 3 for row in look(folder).ledger) else self.late

    def again(self, run: int) -> Path:
        """A folder as it was before that run."""
        place = self._folder / "run"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._folder / f"before-{run}", place)
        return place


@pytest.fixture(scope="session")
def clean(program: Program) -> Iterator[Clean]:
    with memory_folder() as folder:
        yield Clean(folder, program)
