"""What was told already, and what is due to be told. Pure: time comes in as a number."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from crosspost.errors import Busy, Later

HOUR: Final = 3600.0
Subject = tuple[str, str]
"""A blog and one of its sites; the site is "" for the blog's channel, both for the whole."""

_LASTS: Final = {Busy.exit_code: HOUR, Later.exit_code: 24 * HOUR}
"""Trouble that is none unless it lasts so long: another run at work, Telegram's flood waits."""
_LISTED: Final = 100
"""So many posts wait to be told of; more are counted."""
_KEPT: Final = 2000
"""So much of what was told is remembered."""


class Waits(msgspec.Struct, frozen=True):
    """Something that waits for a person; ``key`` is the same when it is the same again, ``place``
    the blog, post and site, where it is one post."""

    key: str
    text: str
    remedy: str = ""
    place: tuple[str, int, str] | None = None


@dataclass
class Facts:
    """What a run did: what failed (why, with which exit code), what was well, what waits."""

    failing: dict[Subject, tuple[str, int]] = field(default_factory=dict)
    well: set[Subject] = field(default_factory=set)
    waits: list[Waits] = field(default_factory=list)

    def fail(self, blog: str, site: str, text: str, code: int) -> None:
        """The first trouble of a subject is the one that is told."""
        self.failing.setdefault((blog, site), (text, code))

    @property
    def quiet(self) -> bool:
        """Nothing of it is new to one who was told nothing yet."""
        return not (self.failing or self.waits)


class Failing(msgspec.Struct):
    """Something that fails since then. ``told`` when, 0 while it was not; ``well`` since when it
    works again, 0 while it does not. ``along``: it was told with another, which speaks for it."""

    blog: str
    site: str
    text: str
    code: int
    since: float
    told: float = 0
    well: float = 0
    along: bool = False


class State(msgspec.Struct):
    """What is known from one run to the next."""

    failing: list[Failing] = []
    waiting: list[Waits] = []
    more: int = 0
    said: dict[str, float] = {}
    digest_at: float = 0
    written: float = 0


class Tells(msgspec.Struct):
    """What is due to be told now. ``still`` is what goes on failing, told before."""

    fails: list[Failing] = []
    well: list[Failing] = []
    still: list[Failing] = []
    waiting: list[Waits] = []
    more: int = 0

    def __bool__(self) -> bool:
        return bool(self.fails or self.well or self.waiting)


def together(found: list[Facts]) -> Facts:
    """What several runs found; the last word on each counts."""
    whole = Facts()
    for one in found:
        for subject in one.well:
            whole.failing.pop(subject, None)
        whole.failing |= one.failing
        whole.well = (whole.well | one.well) - set(one.failing)
        whole.waits += one.waits
    return whole


def take_in(state: State, facts: Facts, now: float, retrying: Callable[[str, str], bool]) -> None:
    """Adds what a run did."""
    known = {(one.blog, one.site): one for one in state.failing}
    for subject, (text, code) in facts.failing.items():
        one = known.get(subject)
        if one is None:
            state.failing.append(Failing(*subject, text, code, now))
        elif code != one.code:
            one.text, one.code, one.since, one.told, one.well, one.along = (
                text,
                code,
                now,
                0,
                0,
                False,
            )
        else:
            one.text, one.well = text, 0
    for subject in facts.well:
        if subject in known and not known[subject].well and not (subject[1] and retrying(*subject)):
            known[subject].well = now
    _forget(state)
    here = {one.key for one in state.waiting}
    for wait in facts.waits:
        if f"waits {wait.key}" in state.said or wait.key in here:
            continue
        here.add(wait.key)
        if len(state.waiting) < _LISTED:
            state.waiting.append(wait)
        else:
            state.more += 1


def _forget(state: State) -> None:
    """What failed and works again before anybody heard of it is nobody's matter; what was told
    along with another is well without a word."""
    silent = [one for one in state.failing if one.well and (not one.told or one.along)]
    state.failing = [one for one in state.failing if one not in silent]


def due(state: State, now: float, digest: float, waits: Callable[[str, int, str], bool]) -> Tells:
    """What is to be told now: nothing within an hour after the same was told."""

    def fresh(key: str) -> bool:
        return now - state.said.get(key, -HOUR) >= HOUR or state.said[key] > now

    tells = Tells()
    for one in state.failing:
        if one.well:
            if fresh(f"well {one.blog} {one.site}"):
                tells.well.append(one)
        elif one.told:
            tells.still.append(one)
        elif now - one.since >= _LASTS.get(one.code, 0) and fresh(_failed(one)):
            tells.fails.append(one)
    _join(tells, state)
    state.waiting = [one for one in state.waiting if one.place is None or waits(*one.place)]
    if not state.waiting:
        state.more = 0
    if state.waiting and (now - state.digest_at >= digest or state.digest_at > now):
        tells.waiting, tells.more = list(state.waiting), state.more
    return tells


def _join(tells: Tells, state: State) -> None:
    """A site that is down is down for every blog: one of them speaks for the others, even where
    each blog has a run of its own."""
    speaks = {(one.site, one.text): one for one in state.failing if one.told and one.site}
    alone = []
    for one in tells.fails:
        first = speaks.get((one.site, one.text)) if one.site else None
        if first is not None and first.told:
            one.told, one.along = first.told, True
            tells.still.append(one)
        else:
            alone.append(one)
    tells.fails = alone


def _failed(one: Failing) -> str:
    return f"failed {one.blog} {one.site} {one.code}"


def told(state: State, tells: Tells, now: float) -> None:
    """It was told."""
    for one in tells.fails:
        one.told = now
        state.said[_failed(one)] = now
    for one in tells.well:
        state.said[f"well {one.blog} {one.site}"] = now
    state.failing = [one for one in state.failing if one not in tells.well]
    if tells.waiting:
        for wait in tells.waiting:
            state.said[f"waits {wait.key}"] = now
        state.waiting, state.more, state.digest_at = [], 0, now
    if len(state.said) > _KEPT:
        newest = sorted(state.said.items(), key=lambda item: item[1])[-_KEPT:]
        state.said = dict(newest)
