"""A post's text as an editor sees it: lines, paragraphs, sentences. Offsets in code points."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from crosspost.model import BLOCK_ENTITIES, Entity

EMOJI: Final = (
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\ufe0f\u200d\u20e3\U000e0020-\U000e007f]"
)
CONTROL: Final = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
"""What no headline shows: control characters, those that turn the direction of writing, halves."""
_KEYCAP: Final = "[0-9#*]\ufe0f?\u20e3"
PICTURE: Final = re.compile(rf"{_KEYCAP}|{EMOJI}")
LEADING: Final = re.compile(rf"(?:{_KEYCAP}|{EMOJI}|{CONTROL}|[\s•·▪|❗‼⁉])+")
TRAILING: Final = re.compile(rf"(?:{EMOJI}|{CONTROL}|\s)+$")

_OPENING: Final = "«“„([{"
_MARKS: Final = re.compile(r"""["«“„(\[{»”)\]}]""")
_END: Final = re.compile(r"[.!?…]+[»”\")\]]*(?=\s|$)|[。！？]+[」』”）]*")
_START: Final = re.compile(rf"\s+(?:[—–-]\s+)?[«“„\"(]*(?:[A-ZА-ЯЁ0-9#@]|{EMOJI})")
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(«])(?:[A-ZА-ЯЁ]|г|гг|в|вв|ул|пр|пл|д|к|кв|стр|с|т|тт|п|пп|руб|коп|тыс|им|св|см|рис|"
    r"табл|др|проч|обл|р|пос|чел|мин|ч|сек|e\.g|i\.e|Mr|Mrs|Ms|Dr|St|No|vs|Inc|Ltd|"
    r"т\.\s?[дпке]|н\.\s?э)\.$"
)


class Line(NamedTuple):
    """A line that is not blank, without the white space around it. ``paragraph`` counts from 0;
    ``free`` means that no block entity (a quote, code, a table…) has a part in it."""

    start: int
    end: int
    paragraph: int
    free: bool


def lines(text: str, entities: Iterable[Entity]) -> list[Line]:
    """The lines of the text."""
    taken = _blocks(len(text), entities)
    starts = [start for start, _ in taken]
    found: list[Line] = []
    at = paragraph = 0
    blank = False
    for raw in text.split("\n"):
        stripped = raw.strip()
        if stripped:
            paragraph += blank and bool(found)
            start = at + raw.index(stripped[0])
            end = start + len(stripped)
            before = bisect_right(starts, end - 1) - 1 if taken else -1
            free = before < 0 or taken[before][1] <= start
            found.append(Line(start, end, paragraph, free))
        blank = not stripped
        at += len(raw) + 1
    return found


def _blocks(size: int, entities: Iterable[Entity]) -> list[tuple[int, int]]:
    """The ranges of block entities, merged, in order."""
    ranges = sorted(
        (max(one.offset, 0), min(one.offset + one.length, size))
        for one in entities
        if one.type in BLOCK_ENTITIES and one.length > 0
    )
    merged: list[tuple[int, int]] = []
    for start, end in ranges:
        if start >= end:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


class _Depth:
    """How many quotation marks and brackets are open. “ closes what „ has opened."""

    def __init__(self) -> None:
        self.open = self.low = 0
        self.straight = False

    def after(self, text: str) -> bool:
        """Whether one is open after this text."""
        for char in _MARKS.findall(text):
            if char == '"':
                self.straight = not self.straight
            elif char == "“" and self.low:
                self.low -= 1
                self.open -= 1
            elif char in _OPENING:
                self.open += 1
                self.low += char == "„"
            elif self.open:
                self.open -= 1
        return self.open > 0 or self.straight


def sentence_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Where the sentences of ``text[start:end]`` end, the last one at ``end``. A full stop after
    an abbreviation or an initial ends none, nor does one inside quotation marks or brackets."""
    depth, at = _Depth(), start
    for found in _END.finditer(text, start, end):
        inside = depth.after(text[at : found.end()])
        at = found.end()
        wide = found[0][0] in "。！？"
        if at >= end or inside or not (wide or _START.match(text, at, end)):
            continue
        if found[0] == "." and _ABBREVIATION.search(text, max(start, at - 8), at):
            continue
        beyond = LEADING.match(text, at, end)
        if beyond is None or beyond.end() < end:
            yield at
    if end > start:
        yield end


def cut(text: str, limit: int) -> str:
    """``text``, one sentence too long for a headline, cut where it may be: at the first clause
    that stands for itself, else at the last comma or word within ``limit`` (with "…"); never
    inside quotation marks or brackets if there is a place outside of them."""
    places = list(_clauses(text, limit))
    if _SUBORDINATE.match(text):
        places = [(at, min(weight, 1)) for at, weight in places]
    strong = [at for at, weight in places if weight == 2 and at >= _SHORTEST]
    if strong:
        return text[: strong[0]].rstrip(" ,;:—–-")
    weak = [at for at, weight in places if weight == 1 and at >= limit * 0.4]
    words = [at for at, weight in places if weight == 0 and at >= _SHORTEST]
    at = weak[-1] if weak else words[-1] if words else 0
    if not at:
        at = text.rfind(" ", 1, limit)
        at = at if at > 0 else limit - 1
    return _LOOSE_END.sub("", text[:at]).rstrip(" ,;:—–-.") + "…"


_SHORTEST: Final = 30
_CLAUSE: Final = re.compile(
    r"(?P<strong>[;:](?=\s)|,(?=\s(?:и|а|но|and|but)\s))|,(?=\s)|[，；：]|\s[—–]\s|\s"
)
_SUBORDINATE: Final = re.compile(
    r"(?:когда|если|чтобы|пока|хотя|поскольку|так как|как только|раз|when|if|while|although|because"
    r"|since|as soon as)\b",
    re.IGNORECASE,
)
"""A first clause that begins so does not stand for itself."""
_LOOSE_END: Final = re.compile(
    r"(?:\s+(?:и|а|но|да|или|в|во|на|с|со|к|ко|о|об|от|до|по|за|из|у|не|ни|для|при|про|под|над|"
    r"что|как|если|когда|чтобы|который|которая|которое|которые|the|a|an|of|to|in|on|at|and|or|"
    r"but|for|with|by))+$",
    re.IGNORECASE,
)


def _clauses(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """Places outside of quotation marks and brackets where the text may be cut, and how well:
    2 a clause ends, 1 a comma or dash, 0 a space."""
    depth, at = _Depth(), 0
    for found in _CLAUSE.finditer(text, 0, limit):
        inside = depth.after(text[at : found.start()])
        at = found.start()
        if not inside:
            yield (
                at,
                2 if found["strong"] else 0 if found[0].isspace() and len(found[0]) == 1 else 1,
            )
