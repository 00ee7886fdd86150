"""Posts stored durably, in batches and one by one, beside raw sqlite3 that writes the same rows."""

import sqlite3
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import channel
from bench._tools import Section

BATCH: Final = 500
MOST: Final = 20_000
MOST_ALONE: Final = 1_000


def measure(folder: Path, most: int, runs: int) -> Section:
    from crosspost.model import Post
    from crosspost.readers import Bounds, Context
    from crosspost.readers.export import ExportReader

    found = Section("ledger")
    size = min(most, MOST)
    export = channel.write(folder / f"channel-{size}", size)
    context = Context(base=export.parent, cache=folder / "cache")
    reader = ExportReader.open(ExportReader.Settings(), str(export), context)
    posts = [one for one in reader.read(Bounds()) if isinstance(one, Post)]
    for batch, some in ((BATCH, posts), (1, posts[:MOST_ALONE])):
        ways: dict[str, Callable[[Path], Any]] = {
            "crosspost": lambda at, some=some, batch=batch: _ours(at, some, batch),
            "sqlite3": lambda at, some=some, batch=batch: _raw(at, some, batch),
        }
        best = {name: (float("inf"), float("inf")) for name in ways}
        for _ in range(runs):
            for name, way in ways.items():
                with TemporaryDirectory(dir=folder) as place:
                    begin, cpu = time.perf_counter(), time.process_time()
                    way(Path(place) / "ledger.db")
                    taken = time.perf_counter() - begin, time.process_time() - cpu
                    best[name] = min(best[name], taken)
        for name, (seconds, cpu) in best.items():
            told = {"way": name, "posts": len(some), "in_one_transaction": batch}
            told |= {"seconds": round(seconds, 2), "cpu": round(cpu, 2)}
            told["posts_a_second"] = round(len(some) / seconds)
            found.rows.append(told)
        clock, cpu = (ours / raw for ours, raw in zip(*best.values(), strict=True))
        times = f"{clock:.1f} × raw sqlite3's time, {cpu:.1f} × its CPU"
        found.goals.append(f"{batch} in a transaction: {times}")
    return found


def _ours(path: Path, posts: list[Any], batch: int) -> None:
    from crosspost.ledger import Ledger

    rest = iter(posts)
    with Ledger.open(path) as ledger:
        while some := list(islice(rest, batch)):
            with ledger.transaction():
                ledger.store_all("b", some, "export", "channel", ("local",))


def _raw(path: Path, posts: list[Any], batch: int) -> None:
    """The same two rows of a post, nothing asked before: what SQLite itself can do."""
    from crosspost.ledger import schema
    from crosspost.model import encode

    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    schema.migrate(db)
    rest = iter(posts)
    while some := list(islice(rest, batch)):
        db.execute("BEGIN IMMEDIATE")
        for one in some:
            moment = one.date.isoformat()
            row = ("b", one.id, max(one.ids), moment, "", encode(one).decode(), "export", "channel")
            db.execute(
                "INSERT INTO post (blog, id, last_id, date, fingerprint, data, reader, source,"
                " stored_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', '')",
                row,
            )
            db.execute(
                "INSERT INTO delivery (blog, post_id, site, state, due, changed_at)"
                " VALUES ('b', ?, 'local', 'new', 1, ?)",
                (one.id, moment),
            )
        db.execute("COMMIT")
    db.close()
