"""Formatting inside a paragraph.

Entities of one kind are united first, so at any place at most one of each kind is open; what
crosses is closed and opened again. That bounds the depth by the number of kinds and keeps the
work at n log n whatever a stored message carries.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from crosspost.markup._text import Window, escape, quoted
from crosspost.markup._urls import LONGEST, safe_url
from crosspost.model import Entity

_TAGS: Final = {
    "spoiler": ('<span class="spoiler" tabindex="0">', "</span>"),
    "bold": ("<strong>", "</strong>"),
    "italic": ("<em>", "</em>"),
    "underline": ("<u>", "</u>"),
    "strikethrough": ("<s>", "</s>"),
    "marked": ("<mark>", "</mark>"),
    "insert": ("<ins>", "</ins>"),
    "delete": ("<del>", "</del>"),
    "subscript": ("<sub>", "</sub>"),
    "superscript": ("<sup>", "</sup>"),
    "math": ('<code class="math">', "</code>"),
    "code": ("<code>", "</code>"),
}
_ORDER: Final = {name: rank for rank, name in enumerate(("link", "date", *_TAGS))}
_LINKS: Final = frozenset({"url", "text_link", "email", "phone", "mention"})
_OVER_CODE: Final = frozenset({"link", "date", "spoiler"})
_NAME: Final = re.compile(r"@([A-Za-z0-9_]{1,64})", re.ASCII)


class Mark(NamedTuple):
    """Tags around ``start:end``."""

    start: int
    end: int
    rank: int
    opening: str
    closing: str


class Marks:
    """A window's text with its inline formatting."""

    def __init__(self, window: Window, whole: str, entities: Iterable[Entity]) -> None:
        self.text = window.text
        self.bounds: list[int] = []
        self.open: list[list[Mark]] = []
        marks = _marks(window, whole, entities)
        if marks:
            self._sweep(marks)

    def _sweep(self, marks: Sequence[Mark]) -> None:
        """Which marks are open from each of their borders on, outermost first."""
        self.bounds = sorted({place for mark in marks for place in mark[:2]})
        current: list[Mark] = []
        index = 0
        for bound in self.bounds:
            current = [mark for mark in current if mark.end > bound]
            while index < len(marks) and marks[index].start == bound:
                current.append(marks[index])
                index += 1
            self.open.append(current)

    def render(self, start: int, end: int) -> str:
        """The HTML of ``text[start:end]``, a newline as ``<br>``."""
        if not self.bounds:
            return _lines(self.text[start:end])
        out: list[str] = []
        stack: list[Mark] = []
        index = bisect_right(self.bounds, start) - 1
        while start < end:
            wanted = self.open[index] if index >= 0 else []
            index += 1
            stop = min(self.bounds[index], end) if index < len(self.bounds) else end
            _turn(stack, wanted, out)
            out.append(_lines(self.text[start:stop]))
            start = stop
        _turn(stack, [], out)
        return "".join(out)


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _turn(stack: list[Mark], wanted: list[Mark], out: list[str]) -> None:
    """Close and open tags until exactly the wanted ones are open."""
    same = 0
    while same < min(len(stack), len(wanted)) and stack[same] is wanted[same]:
        same += 1
    out.extend(mark.closing for mark in reversed(stack[same:]))
    out.extend(mark.opening for mark in wanted[same:])
    stack[same:] = wanted[same:]


def _marks(window: Window, whole: str, entities: Iterable[Entity]) -> list[Mark]:
    """Every kind's marks, in the order in which they open."""
    kinds: dict[str, list[tuple[int, int, str]]] = {}
    for entity in entities:
        kind = "link" if entity.type in _LINKS else entity.type
        if kind not in _ORDER:
            continue
        start = window.place(entity.offset)
        end = window.place(entity.offset + entity.length)
        if start < end:
            opening = _opening(entity, whole)
            if opening:
                kinds.setdefault(kind, []).append((start, end, opening))
    found = {kind: _united(ranges) for kind, ranges in kinds.items()}
    code = found.get("code", [])
    if "math" in found:
        found["math"] = list(_without(found["math"], code))
        code = sorted([*code, *found["math"]])
    marks = []
    for kind, ranges in found.items():
        outside = kind in _OVER_CODE or kind in ("code", "math") or not code
        closing = {"link": "</a>", "date": "</time>"}.get(kind) or _TAGS[kind][1]
        for start, end, opening in ranges if outside else _without(ranges, code):
            if kind not in ("code", "math"):
                start, end = _tight(window.text, start, end)
            if start < end:
                marks.append(Mark(start, end, _ORDER[kind], opening, closing))
    marks.sort(key=lambda mark: (mark.start, -mark.end, mark.rank))
    return marks


def _united(ranges: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Ranges that do not overlap: the first wins, equal ones that touch become one."""
    ranges.sort(key=lambda one: (one[0], -one[1]))
    found: list[tuple[int, int, str]] = []
    for start, end, opening in ranges:
        if found:
            last = found[-1]
            if start <= last[1] and opening == last[2]:
                found[-1] = (last[0], max(last[1], end), opening)
                continue
            start = max(start, last[1])
        if start < end:
            found.append((start, end, opening))
    return found


def _without(
    ranges: Iterable[tuple[int, int, str]], holes: Sequence[tuple[int, int, str]]
) -> Iterable[tuple[int, int, str]]:
    """The ranges minus the holes; both sorted and without overlap among themselves."""
    first = 0
    for start, end, opening in ranges:
        while first < len(holes) and holes[first][1] <= start:
            first += 1
        at = first
        while at < len(holes) and holes[at][0] < end:
            if start < holes[at][0]:
                yield start, holes[at][0], opening
            start = max(start, holes[at][1])
            at += 1
        if start < end:
            yield start, end, opening


def _tight(text: str, start: int, end: int) -> tuple[int, int]:
    """Newlines and spaces at a mark's ends stand outside of it."""
    while start < end and text[start] in " \n":
        start += 1
    while end > start and text[end - 1] in " \n":
        end -= 1
    return start, end


def _opening(entity: Entity, whole: str) -> str:
    """The opening tag, "" where the entity leaves its text as it is."""
    if entity.type in _TAGS:
        return _TAGS[entity.type][0]
    if entity.type == "date":
        return _time(entity.value)
    address = _address(entity, whole)
    return f'<a href="{quoted(address)}">' if address else ""


def _address(entity: Entity, whole: str) -> str | None:
    if entity.type == "text_link":
        return safe_url(entity.value)
    start = max(entity.offset, 0)
    end = min(entity.offset + entity.length, start + LONGEST + 1)
    text = whole[start : max(start, end)].strip()
    if entity.type == "url":
        return safe_url(text)
    if entity.type == "email":
        return safe_url(f"mailto:{text.removeprefix('mailto:')}")
    if entity.type == "phone":
        return safe_url(f"tel:{re.sub(r'[^+0-9*#]', '', text)}")
    name = _NAME.fullmatch(text)
    return f"https://t.me/{name[1]}" if name else None


def _time(value: str) -> str:
    try:
        moment = datetime.fromtimestamp(int(value[:20]), UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">'
