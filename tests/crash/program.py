"""A process that syncs when told, each time in a child of its own, and kills it where it is told.

It is started once, so that no run pays for the imports. An order is a line of JSON with the
folder and, if the run must die, ``at`` (the number of the step before which it dies) or ``after``
(seconds); the answer is a line of JSON with the exit code, or -9, the names of the steps, and what
the run said. With ``many`` so many run at once, each waiting ``wait`` seconds for the others, and
the answer is a list; ``blogs`` names, in turn, which blogs each of them syncs.

A step is whatever could be the last thing a run did: a transaction that ends, a file that is
renamed, made durable or removed, a call of the publisher and its answer.
"""

import json
import os
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

CALLS = ("replace", "rename", "unlink", "remove", "rmdir", "fsync", "link", "truncate")
METHODS = ("find", "look", "upload", "put", "withdraw", "discard", "finish")


class Steps:
    """Counts the steps, and dies before one of them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.names: list[str] = []

    def __call__(self, name: str) -> None:
        if len(self.names) == self.at:
            os._exit(99)
        self.names.append(name)

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def told(*values: Any, **more: Any) -> Any:
            self(f"before {name}")
            answer = call(*values, **more)
            if name in METHODS:
                self(f"after {name}")
            return answer

        return told

    def watch(self) -> None:
        for name in CALLS:
            setattr(os, name, self.around(name, getattr(os, name)))
        from crosspost.publishers.static import StaticPublisher

        for name in METHODS:
            setattr(StaticPublisher, name, self.around(name, getattr(StaticPublisher, name)))
        self.watch_ledger()

    def watch_ledger(self) -> None:
        steps, connect = self, sqlite3.connect

        class Watched(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                word = (sql.split() or [""])[0].upper()
                alone = not self.in_transaction and word not in ("SELECT", "BEGIN", "EXPLAIN")
                if word != "COMMIT" and not alone:
                    return super().execute(sql, *values)
                steps(f"before {word}")
                done = super().execute(sql, *values)
                steps(f"after {word}")
                return done

        def watched(*values: Any, **more: Any) -> sqlite3.Connection:
            return connect(*values, **({"factory": Watched} | more))

        sqlite3.connect = watched  # type: ignore[assignment]


def sync(folder: Path, blogs: list[str], wait: float) -> tuple[int, str]:
    """One run; its exit code and what it says."""
    from crosspost import pipeline
    from crosspost.config import load
    from crosspost.errors import CrosspostError
    from crosspost.ledger import Ledger
    from crosspost.report import Report

    report = Report("sync")
    try:
        config = load(folder / "crosspost.toml")
        with Ledger.open(config.ledger) as ledger:
            run = pipeline.Run(ledger=ledger, report=report, wait=wait)
            for blog in config.chosen(tuple(blogs)):
                pipeline.sync(run, blog)
            run.close()
    except CrosspostError as error:
        return error.exit_code, str(error)
    return report.exit_code, "\n".join([*report.lines(verbose=True), report.summary()])


def child(order: dict[str, Any], answer: int, kind: type[Steps]) -> None:
    """Never returns."""
    steps = kind(order.get("at", -1))
    try:
        if order.get("watch", True):
            steps.watch()
        code, said = sync(Path(order["folder"]), order.get("blogs", []), order.get("wait", 0))
    except BaseException:
        code, said = 70, traceback.format_exc()
    os.write(answer, json.dumps({"code": code, "said": said, "steps": steps.names}).encode())
    os._exit(0)


def start(order: dict[str, Any], kind: type[Steps]) -> tuple[int, int]:
    """Forks a run; its process id and where its answer comes from."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        child(order, writing, kind)
    os.close(writing)
    return pid, reading


def end(pid: int, reading: int) -> dict[str, Any]:
    """Waits for its end."""
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(said) if said else {"code": -9, "said": "", "steps": []}


def obey(order: dict[str, Any], kind: type[Steps]) -> dict[str, Any] | list[dict[str, Any]]:
    blogs = order.pop("blogs", None)
    each = [order if blogs is None else order | {"blogs": [name]} for name in blogs or "x"]
    started = [start(each[number % len(each)], kind) for number in range(order.get("many", 1))]
    if "after" in order:
        time.sleep(order["after"])
        for pid, _ in started:
            os.kill(pid, signal.SIGKILL)
    ended = [end(*one) for one in started]
    return ended if "many" in order else ended[0]


def main(kind: type[Steps] = Steps) -> None:
    """Obeys until the orders end; ``kind`` says what the steps are."""
    import bs4  # noqa: F401
    import lxml.etree  # noqa: F401
    import nh3  # noqa: F401
    import PIL.Image
    import sqlite_utils  # noqa: F401

    import crosspost.config
    import crosspost.images
    import crosspost.normalize
    import crosspost.readers.export  # noqa: F401

    PIL.Image.init()
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line), kind)), flush=True)


if __name__ == "__main__":
    main()
