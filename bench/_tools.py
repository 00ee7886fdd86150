"""Measuring: whole processes from outside, in turn; tables; what machine it was."""

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PYTHON: Final = sys.executable
LIBRARIES: Final = ("orjson", "ijson", "telethon", "aiogram", "kurigram", "lxml", "selectolax")

Row = dict[str, Any]


@dataclass
class Section:
    """What one benchmark found: rows of a table, and what became of its goals."""

    name: str
    rows: list[Row] = field(default_factory=list)
    goals: list[str] = field(default_factory=list)
    failed: bool = False

    def goal(self, text: str, reached: bool, *, must: bool = False) -> None:
        """Whether a goal was reached; one that ``must`` be makes the program fail."""
        self.goals.append(f"{'reached' if reached else 'MISSED'}: {text}")
        self.failed |= must and not reached


@dataclass(frozen=True)
class Cost:
    """Of one process: seconds of the clock, of all CPUs, and its peak memory."""

    seconds: float
    cpu: float
    peak_mb: float


def crosspost() -> list[str]:
    """How the program is started."""
    found = shutil.which("crosspost")
    return [found] if found else [PYTHON, "-m", "crosspost"]


def cost(command: Sequence[str], folder: Path) -> Cost:
    """Runs the command to its end. Raises ``RuntimeError`` with its words when it fails."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    told = folder / ".told"
    with told.open("wb") as out:
        begin = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        words = told.read_text(errors="replace")[-500:]
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {child.returncode}: {words}")
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def in_turn(ways: Mapping[str, Callable[[], Cost]], runs: int) -> dict[str, Cost]:
    """Each way so many times, A B A B; the fastest run of each counts."""
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            found[name].append(way())
            told = found[name][-1]
            print(f"{name}: {told.seconds:.2f} s, CPU {told.cpu:.2f} s", file=sys.stderr)  # noqa: T201
    return {name: min(costs, key=lambda one: one.seconds) for name, costs in found.items()}


def row(way: str, size: int, spent: Cost, **more: Any) -> Row:
    return {
        "way": way,
        "posts": size,
        "seconds": round(spent.seconds, 3),
        "cpu": round(spent.cpu, 3),
        "peak_mb": round(spent.peak_mb),
        **more,
    }


def table(rows: Sequence[Row]) -> str:
    """In Markdown, a column for each key of the rows."""
    keys = list(dict.fromkeys(key for one in rows for key in one))
    lines = [f"| {' | '.join(keys)} |", "|---" + "|---:" * (len(keys) - 1) + "|"]
    lines += [f"| {' | '.join(_cell(one.get(key, '')) for key in keys)} |" for one in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def machine() -> dict[str, str]:
    """What it was measured on, and with."""
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    model = names[0] if names else platform.machine()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    found = {
        "machine": f"{model}, {os.cpu_count()} cores, {platform.system()}{load}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    for name in (*LIBRARIES, "pelican"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    hugo = shutil.which("hugo")
    said = subprocess.run([hugo, "version"], capture_output=True, text=True) if hugo else None  # noqa: S603
    found["hugo"] = said.stdout.split()[1] if said else "not installed"
    return found


def blog(folder: Path, channel: str) -> Path:
    """A folder with a config for a static blog of the export ``channel``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crosspost.toml").write_text(
        "ledger = 'ledger.db'\ncache = 'cache'\n[[blog]]\nname = 'b'\nreader = 'export'\n"
        f"channel = {json.dumps(channel)}\nsite = 'local'\nlink = 'https://t.me/workshop'\n"
        "[site.local]\ntype = 'static'\npath = 'public'\nurl = 'http://blog.test/'\n"
    )
    return folder
