"""Word to a person, to whatever they use: once when something fails, once when it works again, and
a digest of the posts that wait for them. Nothing else, and nothing twice within an hour.

    Notifier(urls, state).hear(facts)   takes in what a run did, and sends one message if it is due
    facts(report)                       what of a run's report a person may have to hear
    send(urls, message)                 through Apprise (https://appriseit.com)

    _state     what was told already; pure
    _message   the words
    _send      the sending

What was told is kept in a small file beside the ledger, not in it: a ledger that cannot be used is
among the things to tell. It is locked while it is used, so that runs of several blogs at once tell
a thing once. A message that nobody took is sent again by the next run. Where the file cannot be
written, a thing is rather told too often than never.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Final

import msgspec

from crosspost.notify._message import Message, compose, sample
from crosspost.notify._send import send
from crosspost.notify._state import HOUR, Facts, State, Waits, due, take_in, together, told
from crosspost.report import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosspost.report import Report

__all__ = ["Facts", "Message", "Notifier", "Waits", "facts", "sample", "send", "together"]

_PATIENCE: Final = 90.0
"""Seconds that another run may take to send its word."""
_LARGEST: Final = 4 * 1024 * 1024


def facts(report: "Report", error: BaseException | None = None) -> Facts:
    """What of the report a person may have to hear. ``error`` ended the run before its time; then
    nothing is known to be well again."""
    found = Facts()
    for trouble in report.troubles:
        if trouble.blog != report.command:  # it was stopped, or its time was over
            found.fail(trouble.blog, trouble.site, trouble.message, trouble.exit_code)
    if error is not None:
        found.fail("", "", str(error), getattr(error, "exit_code", 1))
    else:
        found.well |= {*report.served, ("", "")} - set(found.failing)
    for blog, ids in report.vanished.items():
        text = f"{blog}: {len(ids)} posts vanished from the channel at once; nothing was withdrawn"
        remedy = f"If that is right: crosspost sync {blog} --accept-deletions"
        found.waits.append(Waits(f"vanished {blog} {len(ids)} {max(ids)}", text, remedy))
    for what in ("held", "failed"):
        for one in report.posts.get(what, ()):
            title = f" «{one.title[:80]}»" if one.title else ""
            text = f"{what}: {one.blog}/{one.post_id} → {one.site}{title}: {one.reason}"
            key = f"{one.blog}/{one.post_id} {one.site} {one.reason}"
            place = (one.blog, one.post_id, one.site)
            found.waits.append(Waits(key, shown(text), shown(one.remedy), place))
    for blog, note in report.notes:
        if note.lost:
            text = f"unread: {blog}/{note.post_id}: {note.text}"
            found.waits.append(Waits(text, shown(text)))
    return found


@dataclass(kw_only=True)
class Notifier:
    """Tells ``urls`` what is due. ``digest``: at most one digest in that time. ``origin`` says
    which installation speaks. ``clock`` is in seconds."""

    urls: Sequence[str]
    state: Path
    digest: timedelta = timedelta(hours=1)
    origin: str = ""
    clock: Callable[[], float] = time
    send: Callable[[Sequence[str], Message], list[str]] = send

    def hear(
        self,
        heard: Facts,
        waits: Callable[[str, int, str], bool] = lambda _blog, _post, _site: True,
        retrying: Callable[[str, str], bool] = lambda _blog, _site: False,
    ) -> list[str]:
        """Takes in what happened and sends one message when something is due; answers which
        addresses did not take it. ``waits`` says whether this post still waits for a person on
        this site, ``retrying`` whether something of the blog is still tried again there: then the
        site is not well yet, whatever the run says."""
        if not self.state.exists() and heard.quiet:
            return []
        with self._locked():
            state, fresh = self._read()
            now = self.clock()
            before = msgspec.json.encode(state)
            take_in(state, heard, now, retrying)
            tells = due(state, now, self.digest.total_seconds(), waits)
            failed: list[str] = []
            if tells and fresh:
                failed = self.send(self.urls, compose(tells, self.origin, now))
                if len(failed) < len(self.urls):
                    told(state, tells, now)
            if msgspec.json.encode(state) != before:
                self._write(state)
            return failed

    @contextmanager
    def _locked(self) -> "Iterator[None]":
        from filelock import FileLock, Timeout

        try:
            with FileLock(f"{self.state}.lock", timeout=_PATIENCE, mode=0o600):
                yield
        except (Timeout, OSError):  # a folder that nobody may write
            yield

    def _read(self) -> tuple[State, bool]:
        """What was told, and whether something may be told now: where it could not be written
        down (a full disk), the file's own time says when it was told last."""
        try:
            with self.state.open("rb") as file:
                data = file.read(_LARGEST)
            state = msgspec.json.decode(data, type=State)
        except (OSError, msgspec.DecodeError):
            return State(), True
        with suppress(OSError):
            touched = self.state.stat().st_mtime
            if touched > state.written + 1 and 0 <= self.clock() - touched < HOUR:
                return state, False
        return state, True

    def _write(self, state: State) -> None:
        """At one stroke, for its owner's eyes alone."""
        state.written = self.clock()
        fresh = self.state.with_name(f"{self.state.name}.new")
        try:
            flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
            with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
                file.write(msgspec.json.encode(state))
            fresh.replace(self.state)
        except OSError:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            with suppress(OSError):
                os.utime(self.state, (state.written, state.written))
