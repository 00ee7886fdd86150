"""A run with nothing to do, by what stands in the ledger already."""

import sqlite3
from functools import partial
from pathlib import Path
from typing import Final

from bench import channel
from bench._tools import PYTHON, Section, blog, cost, crosspost, in_turn, row

SIZES: Final = (0, 1_000, 100_000, 1_000_000)
NEEDED: Final = (
    "import click, sqlite3, msgspec, tomllib, filelock; from pydantic import BaseModel, TypeAdapter"
)
"""What a run cannot do without: options, ledger, records, a config that is checked, a lock."""
_GROWING: Final = {"post": ("id", "last_id"), "delivery": ("post_id",), "event": ("post_id",)}


def measure(folder: Path, most: int, runs: int) -> Section:
    found = Section("nothing new")
    sizes = [size for size in SIZES if size <= most]
    places = {size: _ready(folder / f"nothing-{size}", size) for size in sizes}
    ways = {
        "python -c pass": partial(cost, [PYTHON, "-c", "pass"], folder),
        "python with what it needs": partial(cost, [PYTHON, "-c", NEEDED], folder),
    } | {
        f"sync {size}": partial(cost, [*crosspost(), "sync"], place)
        for size, place in places.items()
    }
    spent = in_turn(ways, runs * 3)
    for name in list(ways)[:2]:
        found.rows.append(row(name, 0, spent[name]))
    found.rows += [row("crosspost sync", size, spent[f"sync {size}"]) for size in sizes]
    least, empty = spent["python with what it needs"].cpu, spent[f"sync {sizes[0]}"].cpu
    full = spent[f"sync {sizes[-1]}"].cpu
    flat = full / empty
    found.goal(f"flat within 1.2 × to {sizes[-1]:,} posts (CPU): {flat:.2f} ×", flat <= 1.2)
    times = full / least
    found.goal(f"within 3 × of Python and what it needs (CPU): {times:.2f} ×", times <= 3)
    return found


def _ready(place: Path, size: int) -> Path:
    """A blog in step with its channel of three posts (none for 0), and in its ledger so many posts
    as if it had delivered them."""
    if not place.exists():
        channel.write(blog(place, "channel") / "channel", 3 if size else 0)
        for _ in range(2):
            cost([*crosspost(), "sync"], place)
        if size:
            grow(place / "ledger.db", size)
            cost([*crosspost(), "sync"], place)
    return place


def grow(ledger: Path, size: int) -> None:
    """Copies the ledger's rows under new ids, older ones, until it has ``size`` posts."""
    db = sqlite3.connect(ledger)
    with db:
        (known,) = db.execute("SELECT count(*) FROM post").fetchone()
        while known < size:
            first, last = db.execute("SELECT min(id), max(id) FROM post").fetchone()
            shift = last - first + 1
            for table, ids in _GROWING.items():
                names = [one[1] for one in db.execute(f"PRAGMA table_info({table})")]
                names = [name for name in names if (table, name) != ("event", "id")]
                told = ", ".join(f"{name} - {shift}" if name in ids else name for name in names)
                some = f"WHERE {ids[0]} > {last} - {size - known}"
                db.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {told} FROM {table} {some}"  # noqa: S608
                )
            (known,) = db.execute("SELECT count(*) FROM post").fetchone()
    db.close()
