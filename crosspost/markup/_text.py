"""Characters: Telegram's offsets, what HTML cannot hold, and text without ranges."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Final

_BASIC: Final = re.compile("[\0-\uffff]*")
_UNFIT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_FIT: Final = {ord(char): " " for char in "\x0b\x0c\x1c\x1d\x1e\x1f\x85"} | {ord("\r"): "\n"}
_PLAIN: Final = re.compile(
    "[\t\n -%'-;=?-~\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]*"
)
"""All that ``fit`` and ``escape`` leave as it is."""
BLANK: Final = re.compile(r"\n\s*\n")


def utf16(text: str) -> Callable[[int], int]:
    """The function that turns an offset in UTF-16 code units, as Telegram counts
    (https://core.telegram.org/api/entities), into one in code points of ``text``.

    Monotone; clamps to ``0 … len(text)``; an offset inside a surrogate pair becomes that of the
    pair's character.
    """
    size, at = len(text), 0
    pairs: list[int] = []
    while (found := _BASIC.match(text, at)) and found.end() < size:
        at = found.end() + 1
        pairs.append(found.end() + len(pairs))

    def point(offset: int) -> int:
        offset -= bisect_left(pairs, offset)
        return 0 if offset < 0 else size if offset > size else offset

    return point


def fit(text: str) -> str:
    """The text, of the same length, without what HTML and XML cannot hold: control characters
    that are white space become a space or a newline, other ones, half surrogate pairs and
    noncharacters U+FFFD."""
    if _UNFIT.search(text) is None:
        return text
    text = text.replace("\r\n", " \n").translate(_FIT)
    return _UNFIT.sub("\ufffd", text)


def escape(text: str) -> str:
    """For text between tags. Half the time of ``html.escape`` where there is nothing to do."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quoted(value: str) -> str:
    """For an attribute's value in double quotes."""
    return escape(value).replace('"', "&quot;")


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without white space at both ends."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def paragraphs(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The ranges between blank lines, trimmed, empty ones left out."""
    start, end = trimmed(text, start, end)
    found = []
    for gap in BLANK.finditer(text, start, end):
        last = gap.start()
        while text[last - 1].isspace():
            last -= 1
        found.append((start, last))
        start = gap.end()
        while text[start].isspace():
            start += 1
    if start < end:
        found.append((start, end))
    return found


class Window:
    """``text[start:end]`` without the ``skip`` ranges, and where its offsets went.

    ``text`` is ``fit``; ``plain`` says that there is nothing to ``escape`` either.
    """

    def __init__(self, text: str, start: int, end: int, skip: Iterable[tuple[int, int]]) -> None:
        self.first, self.last = start, end
        self.size = len(text)
        self.starts: list[int] = []
        self.gone: list[int] = [0]
        left = self._without(text, skip) if skip else text[start:end]
        self.plain = _PLAIN.fullmatch(left) is not None
        self.text = left if self.plain else fit(left)

    def _without(self, text: str, skip: Iterable[tuple[int, int]]) -> str:
        pieces, at, end = [], self.first, self.last
        for begin, stop in skip:
            begin, stop = max(begin, at), min(stop, end)
            if begin < stop:
                pieces.append(text[at:begin])
                self.starts.append(begin)
                self.gone.append(self.gone[-1] + stop - begin)
                at = stop
        pieces.append(text[at:end])
        return "".join(pieces)

    def place(self, offset: int) -> int:
        """Where an offset of the whole text stands in ``self.text``."""
        offset = min(max(offset, self.first), self.last)
        count = bisect_right(self.starts, offset) if self.starts else 0
        if not count:
            return offset - self.first
        begin = self.starts[count - 1]
        taken = self.gone[count] - self.gone[count - 1]
        return offset - self.first - self.gone[count - 1] - min(offset - begin, taken)

    def span(self, offset: int, length: int) -> tuple[int, int]:
        """Where a range of the whole text stands in ``self.text``."""
        end = offset + length
        if self.starts or offset < self.first or end > self.last:
            return self.place(offset), self.place(end)
        return offset - self.first, end - self.first

    def holds(self, offset: int) -> bool:
        """Whether what has no length at this offset belongs here and not to another window: it
        belongs to the character after it, at the text's end to the last one."""
        offset = min(max(offset, 0), max(self.size - 1, 0))
        return self.first <= offset < self.last or not self.size
