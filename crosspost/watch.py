"""Watching: sync, wait for the doorbell, sync again, for every blog at once, until told to stop.

A ring only says that it is worth looking; what is new is read from the history. So a lost network,
a restarted server or a machine that slept costs nothing but time: whatever was missed is found by
the next look, which comes after ``interval`` at the latest.

Each blog has a thread, a ledger connection and readers of its own. Trouble with a source or a site
is told once, and tried again with growing pauses.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from crosspost import pipeline
from crosspost.errors import CrosspostError
from crosspost.ledger import Ledger
from crosspost.pipeline import Blog, Run
from crosspost.report import Report

GLANCE: Final = 1.0
"""Seconds after which a waiting thread looks whether it should stop."""
_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 300.0


@dataclass(kw_only=True)
class Watch:
    """What watching needs. ``tell`` hears the report of every round that did something or met
    trouble for the first time; ``alive`` is called at least every few seconds; ``on_wait`` hears
    every second how long Telegram still asks to wait; ``heard`` hears of every round of a blog. All
    may be called from any thread, the first two one at a time. What is asked of a source when
    ``stop`` is set has ``grace`` to answer."""

    open_ledger: Callable[[], Ledger]
    tell: Callable[[Report], None]
    alive: Callable[[], None] = lambda: None
    on_wait: Callable[[float], None] | None = None
    heard: Callable[[str, Report], None] = lambda _blog, _report: None
    interval: timedelta = timedelta(minutes=5)
    grace: timedelta = timedelta(seconds=5)
    stop: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def say(self, report: Report) -> None:
        """Tells one report at a time."""
        with self._turn:
            self.tell(report)


def watch(wanted: Watch, blogs: Sequence[Blog]) -> None:
    """Watches until ``wanted.stop`` is set; then every post under way is finished first. Raises
    what ended a thread otherwise, which no waiting can cure."""
    ended: list[Exception] = []
    runs: list[Run] = []
    threads = [
        threading.Thread(
            target=copy_context().run,  # so that the log says whose doing it is
            args=(_follow, wanted, blog, runs, ended),
            name=f"watch {blog.name}",
        )
        for blog in blogs
    ]
    patience = wanted.grace.total_seconds()
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        wanted.alive()
        for thread in threads:
            thread.join(GLANCE / len(threads))
        patience -= GLANCE if wanted.stop.is_set() else 0
        if patience <= 0:  # a source that hangs: closing it ends what is asked of it
            for run in runs:
                run.close()
    if ended:
        raise ended[0]


def _follow(wanted: Watch, blog: Blog, runs: list[Run], ended: list[Exception]) -> None:
    try:
        with wanted.open_ledger() as ledger:
            run = Run(
                ledger=ledger,
                report=Report("watch"),
                stop=wanted.stop.is_set,
                wait=60,
                on_wait=wanted.on_wait,
            )
            runs.append(run)
            try:
                _rounds(wanted, blog, run)
            finally:
                run.close()
    except Exception as error:
        ended.append(error)
        wanted.stop.set()


def _rounds(wanted: Watch, blog: Blog, run: Run) -> None:
    told: frozenset[str] = frozenset()
    pause = _FIRST_PAUSE
    while not wanted.stop.is_set():
        run.report = Report("watch")
        _round(run, blog)
        wanted.heard(blog.name, run.report)
        troubles = frozenset(trouble.message for trouble in run.report.troubles)
        if not run.report.idle and (troubles - told or run.report.did_something):
            wanted.say(run.report)
        told = troubles
        if troubles:
            run.close()
            wanted.stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            pause = _FIRST_PAUSE
            _await(wanted, blog, run)


def _round(run: Run, blog: Blog) -> None:
    """One sync; another run that holds the blog is a trouble like any other. The bell is listened
    to before, so that nothing happens unheard between the look and the wait."""
    try:
        run.reader(blog, blog.source).wait(0)
        pipeline.sync(run, blog)
    except CrosspostError as error:
        run.report.fail(blog.name, "", error)


def _await(wanted: Watch, blog: Blog, run: Run) -> None:
    """Waits for the bell, for what waits for its settle time, or for the interval to pass."""
    end = time.monotonic() + wanted.interval.total_seconds()
    due = run.ledger.next_due(blog.name)
    if due:
        left = (due - run.ledger.clock()).total_seconds()
        end = min(end, time.monotonic() + max(left, GLANCE))
    try:
        reader = run.reader(blog, blog.source)
        while not wanted.stop.is_set() and (left := end - time.monotonic()) > 0:
            if reader.wait(min(left, GLANCE)):
                return
    except CrosspostError:
        return  # the next round meets it too, and tells
