"""From an export into the ledger, beside parsers that only parse it and keep nothing.

python -m bench.reading WAY EXPORT     one way, in a process of its own
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import channel
from bench._tools import PYTHON, Section, blog, cost, in_turn, row

SIZES: Final = (10_000, 100_000, 300_000, 1_000_000)
MOST_MB: Final = 200
HOLDING: Final = ("json.load", "orjson.loads")
HOLDS: Final = 100_000
"""They keep the whole export in memory, some 23 KB a post: a million of them is a machine's."""


def measure(folder: Path, most: int, runs: int) -> Section:
    found = Section("backfill into the ledger")
    for size in (one for one in SIZES if one <= most):
        export = folder / f"channel-{size}" / "result.json"
        if not export.exists():
            channel.write(export.parent, size)
        ways = {
            name: partial(cost, [PYTHON, "-m", "bench.reading", name, str(export)], folder)
            for name in WAYS
            if size <= HOLDS or name not in HOLDING
        }
        spent = in_turn(ways, 1 if size > 100_000 else runs)
        for name, one in spent.items():
            rate = round(size / one.seconds)
            found.rows.append(row(name, size, one, posts_a_second=rate))
        peak = spent["crosspost"].peak_mb
        found.goal(f"{size:,}: peak under {MOST_MB} MB: {peak:.0f}", peak < MOST_MB, must=True)
        if "json.load" not in spent:
            continue
        times = spent["crosspost"].cpu / spent["json.load"].cpu
        found.goal(f"{size:,}: no slower than json.load (CPU): {times:.2f} ×", times <= 1)
    return found


def with_json(export: Path) -> int:
    with export.open(encoding="utf-8") as file:
        return len(json.load(file)["messages"])


def with_orjson(export: Path) -> int:
    import orjson

    return len(orjson.loads(export.read_bytes())["messages"])


def with_ijson(export: Path) -> int:
    import ijson

    with export.open("rb") as file:
        return sum(1 for _ in ijson.items(file, "messages.item"))


def posts_only(export: Path) -> int:
    from crosspost.model import Post
    from crosspost.readers import Bounds, Context
    from crosspost.readers.export import ExportReader

    context = Context(base=export.parent, cache=export.parent / "cache")
    reader = ExportReader.open(ExportReader.Settings(), str(export), context)
    return sum(1 for one in reader.read(Bounds()) if isinstance(one, Post))


def crosspost(export: Path) -> int:
    """As ``crosspost backfill`` does before it delivers: durable, a transaction a batch."""
    from crosspost import pipeline
    from crosspost.config import load
    from crosspost.ledger import Ledger
    from crosspost.report import Report

    with TemporaryDirectory(dir=export.parent) as folder:
        config = load(blog(Path(folder), str(export)) / "crosspost.toml")
        with Ledger.open(config.ledger) as ledger:
            run = pipeline.Run(ledger=ledger, report=Report("sync"))
            pipeline.pull(run, config.blogs["b"])
            run.close()
            return run.report.read


WAYS: Final[dict[str, Callable[[Path], Any]]] = {
    "json.load": with_json,
    "orjson.loads": with_orjson,
    "ijson": with_ijson,
    "crosspost, posts only": posts_only,
    "crosspost": crosspost,
}


if __name__ == "__main__":
    assert WAYS[sys.argv[1]](Path(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)  # to free what was parsed is nobody's merit
