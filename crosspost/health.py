"""Pings to a health check: «it runs», «it went well», «it failed». The service that gets them
notices what Crosspost cannot tell itself: that it does not run at all.

The addresses are those of healthchecks.io (https://healthchecks.io/docs/http_api/): the check's own
for success, with ``/start`` and ``/fail`` after it for the others, and ``rid`` naming the run.

A ping never delays a run by more than its time limit, never fails it, and never says more than the
run's summary. The address is a secret: who has it can say that all is well.
"""

from contextvars import copy_context
from threading import Thread
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from crosspost import __version__
from crosspost.logs import concealed, event

_TRIES: Final = 2
_LONGEST: Final = 1000


class Health:
    """The check of one run. ``run`` is its id, a UUID; ``timeout`` in seconds, for each try."""

    def __init__(self, url: str, run: str, timeout: float = 5) -> None:
        self._url, self._run, self._timeout = url, run, timeout
        self._threads: list[Thread] = []

    def start(self) -> None:
        """It runs. Does not wait for the answer."""
        self._ping("/start", "")

    def end(self, exit_code: int, summary: str) -> None:
        """It is over. What another run holds (5) is said by that run; a run that ended early or
        found posts that wait for a person did what it should."""
        if exit_code != 5:
            self._ping("" if exit_code in (0, 1, 7) else "/fail", summary)
        for thread in self._threads:  # one after the other, each within its own bound
            thread.join(self._timeout * _TRIES)

    def _ping(self, what: str, text: str) -> None:
        before = self._threads[-1] if self._threads else None
        words = concealed(text)[:_LONGEST]
        here = copy_context()  # so that the log says whose ping it is
        thread = Thread(target=here.run, args=(self._go, what, words, before), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _go(self, what: str, text: str, before: Thread | None) -> None:
        import requests

        if before is not None:
            before.join(self._timeout * _TRIES)
        why = ""
        for _ in range(_TRIES):
            try:
                answer = requests.post(
                    address(self._url, what, self._run),
                    data=text.encode("utf-8", "replace"),
                    headers={
                        "User-Agent": f"Crosspost/{__version__}",
                        "Content-Type": "text/plain; charset=utf-8",
                    },
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                )
                answer.close()
                if answer.ok:
                    event("health check told", ping=what or "/success")
                    return
                why = f"it answered {answer.status_code}"
            except (requests.RequestException, ValueError) as error:
                why = type(error).__name__  # its text holds the address
        event("health check not told", "warning", ping=what or "/success", reason=why)


def address(url: str, what: str, run: str) -> str:
    """The check's address for a start or a failure, before what stands behind a question mark."""
    parts = urlsplit(url)
    query = f"{parts.query}&rid={run}" if parts.query else f"rid={run}"
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + what, query=query))
