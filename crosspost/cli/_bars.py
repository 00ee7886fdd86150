"""Bars on a terminal: what is being read or delivered, at what rate, how long still."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from crosspost.logs import chosen

WAIT: Final = "Telegram asks to wait {} s"

Advance = Callable[[str, int, int], None]
Waiting = Callable[[float], None]


class _Bars:
    """One bar for each thing that goes on. A reading bar goes when what was read is delivered."""

    def __init__(self) -> None:
        self._display: Any = None
        self._bars: dict[str, Any] = {}

    def advance(self, what: str, done: int, total: int) -> None:
        if self._display is None:
            self._display = _display()
            self._display.start()
        if what != "read" and "read" in self._bars:
            self._display.remove_task(self._bars.pop("read"))
        if what not in self._bars:
            label = "reading" if what == "read" else what if what == WAIT else f"→ {what}"
            self._bars[what] = self._display.add_task(label, total=total or None)
        self._display.update(self._bars[what], completed=done, total=total or None)

    def waiting(self, left: float) -> None:
        """How many seconds Telegram still asks to wait."""
        seconds = round(left)
        self.advance(WAIT, 0, max(seconds, 1))
        told = {"description": WAIT.format(seconds), "visible": seconds > 1}
        self._display.update(self._bars[WAIT], **told)

    def rest(self) -> None:
        """Takes them off the screen until something goes on."""
        if self._display is not None:
            self._display.stop()
        self._display, self._bars = None, {}


_SHOWN: Final[list[_Bars]] = []


def rest() -> None:
    """Takes bars off the screen, before a line is said or a question asked there."""
    for bars in _SHOWN:
        bars.rest()


@contextmanager
def progress(silent: bool) -> Iterator[tuple[Advance, Waiting | None]]:
    """What tells how far a run is, and how long Telegram asks to wait. Nothing is shown where
    ``silent``, with a log, and away from a terminal."""
    if silent or chosen() or not sys.stderr.isatty():
        yield (lambda _what, _done, _total: None), None
        return
    bars = _Bars()
    _SHOWN.append(bars)
    try:
        yield bars.advance, bars.waiting
    finally:
        _SHOWN.remove(bars)
        bars.rest()


def _display() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    class Rate(TextColumn):
        def render(self, task: Any) -> Any:
            from rich.text import Text

            return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="dim")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(""),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
