"""Formatting inside a paragraph.

Entities of one kind are united first, so at any place at most one of each kind is open; what
crosses is closed and opened again. That bounds the depth by the number of kinds and keeps the
work at n log n whatever a stored message carries.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

from crosspost.markup._text import Window, escape, quoted, trimmed
from crosspost.markup._urls import LONGEST, safe_url
from crosspost.model import Entity

Tag = tuple[int, str, str]
"""How far outside it stands (0: outermost), its opening and its closing form."""
Mark = tuple[int, int, Tag]
"""From where, up to where, with which tag."""
Step = tuple[int, str, Sequence[Mark]]
"""At which place which tags stand, and the marks that are open behind them, outermost first."""

_FORMS: Final = {
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
_LINK, _DATE, _SPOILER = 0, 1, 2
_TAGS: Final[dict[str, Tag]] = {
    kind: (rank, *forms) for rank, (kind, forms) in enumerate(_FORMS.items(), start=_SPOILER)
}
_MATH, _CODE = _TAGS["math"][0], _TAGS["code"][0]
_LOOSE: Final = " \n"
_LINKS: Final = frozenset({"url", "text_link", "email", "phone", "mention"})
_ADDRESSED: Final = _LINKS | {"date"}
_NAME: Final = re.compile(r"@([A-Za-z0-9_]{1,64})", re.ASCII)


class Marks:
    """A window's text with its inline formatting. A mark that neither overlaps nor touches another
    one is put where it stands, which is most of them; the others are parted first."""

    def __init__(self, window: Window, whole: str, entities: Iterable[Entity]) -> None:
        self.plain, self.text = window.plain, (text := window.text)
        self.steps: list[Step] = [(-1, "", ())]
        found = _found(window, whole, entities)
        first, count = 0, len(found)
        while first < count:
            start, end, (_, opening, closing) = mark = found[first]
            last, reach = first + 1, end
            while last < count and found[last][0] <= reach:
                reach = max(reach, found[last][1])
                last += 1
            if last - first > 1:
                self._put(_parted(found[first:last]))
            else:
                if text[start] in _LOOSE or text[end - 1] in _LOOSE:
                    start, end, _ = mark = _tight(text, mark)
                if start < end:
                    self.steps += ((start, opening, (mark,)), (end, closing, ()))
            first = last
        self.steps.append((len(text) + 1, "", ()))

    def _put(self, marks: list[Mark]) -> None:
        """Add the tags of marks that are in each other's way."""
        marks = [mark for mark in [_tight(self.text, mark) for mark in marks] if mark[0] < mark[1]]
        marks.sort(key=lambda mark: (mark[0], -mark[1], mark[2][0]))
        current: list[Mark] = []
        index = 0
        for place in sorted({mark[0] for mark in marks} | {mark[1] for mark in marks}):
            before, current = current, [mark for mark in current if mark[1] > place]
            while index < len(marks) and marks[index][0] == place:
                current.append(marks[index])
                index += 1
            self.steps.append((place, _turn(before, current), current))

    def render(self, ranges: Sequence[tuple[int, int]]) -> list[str]:
        """The HTML of ranges of the text that follow each other and are not empty, a newline as
        ``<br>``."""
        text, plain, steps = self.text, self.plain, self.steps
        found = []
        index = bisect_right(steps, ranges[0][0], key=itemgetter(0)) if ranges else 0
        for start, end in ranges:
            while steps[index][0] <= start:
                index += 1
            around = steps[index - 1][2]
            out = [mark[2][1] for mark in around] if around else []
            place, tags, behind = steps[index]
            while place < end:
                words = text[start:place]
                out += (words if plain else escape(words), tags)
                around, start = behind, place
                index += 1
                place, tags, behind = steps[index]
            words = text[start:end]
            out.append(words if plain else escape(words))
            if around:
                out += [mark[2][2] for mark in reversed(around)]
            found.append("".join(out).replace("\n", "<br>"))
        return found

    def words(self, start: int, end: int) -> str:
        """The HTML of ``text[start:end]`` without white space at both ends."""
        start, end = trimmed(self.text, start, end)
        return self.render([(start, end)])[0] if start < end else ""


def _turn(before: Sequence[Mark], behind: Sequence[Mark]) -> str:
    """The tags that close and open until exactly the marks behind a place are open."""
    same, most = 0, min(len(before), len(behind))
    while same < most and before[same] is behind[same]:
        same += 1
    closing = [mark[2][2] for mark in reversed(before[same:])]
    return "".join(closing + [mark[2][1] for mark in behind[same:]])


def _found(window: Window, whole: str, entities: Iterable[Entity]) -> list[Mark]:
    """What the entities ask for, by where it begins."""
    found: list[Mark] = []
    for entity in entities:
        tag = _TAGS.get(entity.type)
        if tag is None and entity.type not in _ADDRESSED:
            continue
        start, end = window.span(entity.offset, entity.length)
        if start < end:
            tag = tag or _addressed(entity, whole)
            if tag is not None:
                found.append((start, end, tag))
    found.sort(key=itemgetter(0))
    return found


def _parted(marks: list[Mark]) -> list[Mark]:
    """Marks that overlap or touch: those of one kind united, and nothing inside of code but what
    may go around it."""
    ranks: dict[int, list[Mark]] = {}
    for mark in marks:
        ranks.setdefault(mark[2][0], []).append(mark)
    found = {rank: _united(same) if same[1:] else same for rank, same in ranks.items()}
    code = found.get(_CODE, [])
    if _MATH in found:
        found[_MATH] = list(_without(found[_MATH], code))
        code = sorted([*code, *found[_MATH]])
    return [
        mark
        for rank, ranges in found.items()
        for mark in (_without(ranges, code) if _SPOILER < rank < _MATH and code else ranges)
    ]


def _united(marks: list[Mark]) -> list[Mark]:
    """Marks that do not overlap: the first wins, equal ones that touch become one."""
    marks.sort(key=lambda one: (one[0], -one[1]))
    found: list[Mark] = []
    for start, end, tag in marks:
        if found:
            last = found[-1]
            if start <= last[1] and tag == last[2]:
                found[-1] = (last[0], max(last[1], end), tag)
                continue
            start = max(start, last[1])
        if start < end:
            found.append((start, end, tag))
    return found


def _without(marks: Iterable[Mark], holes: Sequence[Mark]) -> Iterable[Mark]:
    """The marks minus the holes; both sorted and without overlap among themselves."""
    first = 0
    for start, end, tag in marks:
        while first < len(holes) and holes[first][1] <= start:
            first += 1
        at = first
        while at < len(holes) and holes[at][0] < end:
            if start < holes[at][0]:
                yield start, holes[at][0], tag
            start = max(start, holes[at][1])
            at += 1
        if start < end:
            yield start, end, tag


def _tight(text: str, mark: Mark) -> Mark:
    """Newlines and spaces at a mark's ends stand outside of it, but for code's."""
    start, end, tag = mark
    if tag[0] >= _MATH:
        return mark
    while start < end and text[start] in _LOOSE:
        start += 1
    while end > start and text[end - 1] in _LOOSE:
        end -= 1
    return start, end, tag


def _addressed(entity: Entity, whole: str) -> Tag | None:
    """The tag of a link or a date, None where the entity leaves its text as it is."""
    if entity.type == "date":
        opening = _time(entity.value)
        return (_DATE, opening, "</time>") if opening else None
    address = _address(entity, whole)
    return (_LINK, f'<a href="{quoted(address)}">', "</a>") if address else None


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
