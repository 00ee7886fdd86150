"""What the preview reader remembers from run to run, and which ids it still has to read.

Ids are read from the newest to the oldest, so what is left to read is a list of ranges. A run that
is killed leaves them in its last checkpoint; the next one begins with what is newer and goes on
with them.
"""

from typing import Final

import msgspec

FORM: Final = 1
"""Higher when the same page gives other posts than before: then everything is read again."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """``newest``: the highest id seen; ``mark``, ``etag`` and ``modified``: the newest page as it
    was; ``left``: ranges of ids not read yet, both ends included, the newest first."""

    form: int = FORM
    channel: int = 0
    newest: int = 0
    mark: str = ""
    etag: str = ""
    modified: str = ""
    left: tuple[tuple[int, int], ...] = ()


def load(cursor: str | None) -> State | None:
    """The state in ``cursor``; None where there is none, or one of another form."""
    if cursor is None:
        return None
    try:
        state = msgspec.json.decode(cursor, type=State)
    except msgspec.DecodeError:
        return None
    return state if state.form == FORM else None


def dump(state: State) -> str:
    """The cursor that ``load`` reads. ``form`` is always in it."""
    return msgspec.json.encode({"form": state.form} | msgspec.to_builtins(state)).decode()


def union(*ranges: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """The same ids as disjoint ranges, the highest first; empty ranges fall out."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges, reverse=True, key=lambda one: one[1]):
        if low > high:
            continue
        if merged and high >= merged[-1][0] - 1:
            merged[-1] = (min(low, merged[-1][0]), merged[-1][1])
        else:
            merged.append((low, high))
    return tuple(merged)


def below(ranges: tuple[tuple[int, int], ...], first: int) -> tuple[tuple[int, int], ...]:
    """What is left of them when everything from ``first`` on has been read."""
    return union(*((low, min(high, first - 1)) for low, high in ranges))
