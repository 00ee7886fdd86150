"""A process that syncs a folder and is killed around one of its requests or commits.

It obeys orders as ``crash.program`` does, a line of JSON each, every run in a fork of its own; its
steps are those that matter at a real site:

    before COMMIT, after COMMIT          the ledger's transactions
    POST /path: on its way               before each piece of a change leaves: nothing of it, or
                                         its head, or half of a file has gone
    POST /path: sent                     all has left, and the site works
    POST /path: answered                 the answer is there and nobody has read it
    GET /path: sent                      a question
"""

import http.client
import importlib
import sys
import threading
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from crash import program

LOADED = (
    "requests",
    "stamina",
    "jinja2",
    "babel.dates",
    "nh3",
    "lxml.etree",
    "bs4",
    "sqlite_utils",
)


class Steps(program.Steps):
    """Counts what happens at the site and in the ledger, whichever thread does it."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self._lock = threading.RLock()

    def __call__(self, name: str) -> None:
        if not name.endswith(("PRAGMA", "DROP")):
            with self._lock:
                super().__call__(name)

    def watch(self) -> None:
        self.watch_ledger()
        steps, kept = self, http.client.HTTPConnection
        put, send, hear = kept.putrequest, kept.send, kept.getresponse

        def begun(self: Any, method: str, url: str, *more: Any, **given: Any) -> None:
            self.asked, self.question = f"{method} {url.partition('?')[0]}", method == "GET"
            put(self, method, url, *more, **given)

        def sent(self: Any, data: Any) -> None:
            if not self.question:
                steps(f"{self.asked}: on its way")
            send(self, data)

        def heard(self: Any) -> Any:
            steps(f"{self.asked}: sent")
            answer = hear(self)
            if not self.question:
                steps(f"{self.asked}: answered")
            return answer

        kept.putrequest = begun  # type: ignore[method-assign,assignment]
        kept.send = sent  # type: ignore[method-assign]
        kept.getresponse = heard  # type: ignore[method-assign]


def main() -> None:
    for name in LOADED:
        importlib.import_module(name)
    for kind in entry_points(group="crosspost.publishers"):
        kind.load()
    program.main(Steps)


if __name__ == "__main__":
    main()
