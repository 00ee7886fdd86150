"""Posts that go on where another ended: «Часть 2», «Продолжение», and their English forms."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from crosspost.model import Post

_HEAD: Final = 300
"""A part is numbered within so many characters."""
_ROMAN: Final = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9}
_ORDINALS: Final = ("перв", "втор", "трет", "четв", "пят", "шест", "седьм", "восьм", "девят")
_PART: Final = re.compile(
    r"\b(?:часть|глава|part|chapter)\s+(?:№\s*|#)?(?P<number>\d{1,3}|[ivx]{1,4}\b"
    r"|(?:перв|втор|трет|четв|пят|шест|седьм|восьм|девят)\w+)"
    r"|\b(?P<ordinal>(?:перв|втор|трет|четв|пят|шест|седьм|восьм|девят)\w+)\s+(?:часть|глава)\b"
    r"|\b(?P<before>\d{1,3})[-\s]*(?:я|-я)?\s+(?:часть|глава)\b",
    re.IGNORECASE,
)
_GOES_ON: Final = re.compile(
    r"[\W_]*(?:продолжение|окончание|продолжаем|continued|conclusion)\b(?!\s+следует)",
    re.IGNORECASE,
)
_FOLLOWS: Final = re.compile(
    r"(?:продолжение|окончание)\s+(?:следует|будет|завтра|вечером|в\s+следующ)|to\s+be\s+continued",
    re.IGNORECASE,
)


class Part(NamedTuple):
    """Which part of what: ``stem`` are the words of the line before the number; those behind it
    are the part's own («Как мы строили печь. Часть 2. Труба»)."""

    number: int
    stem: frozenset[str]


def may_continue(post: Post) -> bool:
    """Whether the post seems to go on where another ended, from its own text."""
    part = _part(post)
    return (part is not None and part.number > 1) or _GOES_ON.match(post.text[:_HEAD]) is not None


def continued(post: Post, earlier: Iterable[Post]) -> Post | None:
    """Which of the earlier posts, the newest first, this one continues: the part before it of the
    same thing, or for «Продолжение» the last that said that more follows."""
    part = _part(post)
    for other in earlier:
        if part and part.number > 1:
            before = _part(other)
            if before and before.number == part.number - 1 and _same(part.stem, before.stem):
                return other
        elif _GOES_ON.match(post.text[:_HEAD]) and _FOLLOWS.search(other.text[-_HEAD:]):
            return other
    return None


def _part(post: Post) -> Part | None:
    """The number of the part, if the first line with words says one."""
    line = next((one for one in post.text[:_HEAD].split("\n") if re.search(r"\w", one)), "")
    found = _PART.search(line)
    if found is None:
        return None
    said = (found["number"] or found["ordinal"] or found["before"]).lower()
    number = int(said) if said.isdecimal() else _ROMAN.get(said, 0)
    number = number or next((n for n, one in enumerate(_ORDINALS, 1) if said.startswith(one)), 0)
    stem = frozenset(re.findall(r"\w{4,}", line[: found.start()].casefold()))
    return Part(number, stem) if number else None


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two lines are about the same thing, by most of their words; two without any are."""
    return (not one and not other) or 2 * len(one & other) > max(len(one), len(other))
