"""The headline: the post's first line if it is one, else its first sentence, else what it shows.

A headline is *taken* from the text (its characters then stand nowhere else) or *made* out of a
sentence that stays where it is, because it had to be cut, or follows a greeting, or holds an
address.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from crosspost.model import Entity
from crosspost.normalize._capitals import lowered, shouted
from crosspost.normalize._text import (
    CONTROL,
    LEADING,
    PICTURE,
    TRAILING,
    Line,
    cut,
    sentence_ends,
)

_SHORT: Final = 80
"""A first line followed by text in the same paragraph is a headline up to this length."""
_LOOK: Final = 4000
_LINES: Final = 60
"""No headline lies farther in than this many characters of a line, or lines of a post."""
_FEW: Final = 8
_CONTROL: Final = re.compile(CONTROL)
GREETING: Final = re.compile(
    r"(?P<hello>всем привет|всем добр|привет|здравствуйте|с добрым|hello|hi\b|hey"
    r"|добр(?:ое|ый|ого|ой)\s+(?:утр|д[ен]|веч|вр)|good (?:morning|day|evening))"
    r"|(?P<alarm>внимание|срочно|важно|молния|анонс|напоминаем|attention|important|urgent|breaking)\b"
    r"|(?:уважаемые|дорогие|друзья|коллеги|ребята|dear|friends)\b",
    re.IGNORECASE,
)
_MOMENT: Final = re.compile(
    r"(?:(?:\d{1,4}|янв\w*|фев\w*|мар(?:т|та|те)|апр\w*|ма[йяе]|июн\w*|июл\w*|авг\w*|сен\w*|окт\w*"
    r"|ноя\w*|дек\w*|понедельник|вторник|сред[ау]|четверг|пятниц[ау]|суббот[ау]|воскресенье"
    r"|пн|вт|ср|чт|пт|сб|вс|год\w?|г|сегодня|завтра|вчера|утро|вечер|начало|в|с|до|по|на"
    r"|jan\w*|feb\w*|march|april|may|june|july|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*|mon\w*day"
    r"|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|at|on|[ap]\.?m|th|st|nd|rd)"
    r"(?!\w)|[\s.,:;/|()–—-])+",
    re.IGNORECASE,
)
"""A line that only says when."""
_ADDRESSES: Final = frozenset({"url", "email", "phone"})
_BULLET: Final = re.compile(r"\A(?:[—–•·▪*-]|\d+[.)])\s")
_HASH: Final = re.compile(r"(?<![\w#])#(?=\w)")


class Headline(NamedTuple):
    """``title`` as it is shown. ``parts`` are the ranges of the text it takes away, each with
    what becomes of it ("headline", or "removed") and why; empty if it was made. ``end`` is where
    the text goes on. ``links`` are the addresses that its words led to."""

    title: str
    parts: tuple[tuple[int, int, str, str], ...] = ()
    end: int = 0
    links: tuple[str, ...] = ()


def headline(
    text: str, entities: Sequence[Entity], lines: Sequence[Line], limit: int
) -> Headline | None:
    """The headline of the text whose unclaimed lines are ``lines``, of at most ``limit``
    characters; None if no words are there."""
    return _Choice(text, entities, limit).of(lines)


class _Choice:
    def __init__(self, text: str, entities: Sequence[Entity], limit: int) -> None:
        self.text, self.limit = text, limit
        self.entities = [one for one in entities if one.length > 0]

    def of(self, lines: Sequence[Line]) -> Headline | None:
        index = self._first(lines)
        if index < 0:
            return None
        line, rest = lines[index], lines[index + 1 :]
        if self._heading(line):
            return self._taken(line.start, line.end, "the first heading") or self._made(line, rest)
        if not line.free:
            return self._made(line, ())
        greeted = self._greeted(line, rest)
        if greeted:
            return self._made(*greeted)
        return (
            self._bold(line)
            or self._line(line, rest)
            or self._sentence(line, rest)
            or self._made(line, rest)
        )

    def _first(self, lines: Sequence[Line]) -> int:
        """The line to make a headline of: the first with words in it that are no address. A line
        of a block (a quote, code, a table) is one only if it is a heading or nothing else is."""
        spare = -1
        for index, line in enumerate(lines[:_LINES]):
            if not self._has_words(line):
                continue
            if line.free or self._heading(line):
                return index
            spare = index if spare < 0 else spare
        return spare

    def _has_words(self, line: Line) -> bool:
        words = self._without_addresses(line.start, min(line.end, line.start + _LOOK))
        return any(char.isalnum() for char in PICTURE.sub("", words))

    def _without_addresses(self, start: int, end: int) -> str:
        words, at = "", start
        inside = (
            (one.offset, one.offset + one.length)
            for one in self.entities
            if one.type in _ADDRESSES and start <= one.offset < end
        )
        for first, last in sorted(inside):
            words += self.text[at : max(at, first)]
            at = max(at, last)
        return words + self.text[at:end]

    def _heading(self, line: Line) -> bool:
        return any(
            one.type == "heading"
            and one.offset <= line.start
            and line.end <= one.offset + one.length
            for one in self.entities
        )

    def _start(self, line: Line) -> int:
        """Where the words of the line begin, behind emoji and bullets."""
        found = LEADING.match(self.text, line.start, line.end)
        return found.end() if found and found.end() < line.end else line.start

    def _ends(self, line: Line) -> list[int]:
        """Where the first sentences of the line end."""
        found = sentence_ends(self.text, line.start, min(line.end, line.start + _LOOK))
        return [end for end, _ in zip(found, range(_FEW), strict=False)]

    # --- taken ---

    def _greeted(self, line: Line, rest: Sequence[Line]) -> tuple[Line, Sequence[Line]] | None:
        """What follows a first sentence that only greets, or only says when; None if none does, or
        nothing does."""
        start = self._start(line)
        when = self._dated(line, rest)
        if when:
            return when
        found = GREETING.match(self.text, start, line.end)
        end = self._ends(line)[0]
        if found and found["alarm"] and end < line.end:
            return None
        if not found or len(self.text[start:end].split()) > (6 if found["hello"] else 4):
            return None
        if self.text[end : line.end].strip():
            return line._replace(start=end), rest
        return (rest[0], rest[1:]) if rest and self._has_words(rest[0]) else None

    def _dated(self, line: Line, rest: Sequence[Line]) -> tuple[Line, Sequence[Line]] | None:
        """What follows first sentences, or a first line, that only say when; None if none do."""
        start = at = self._start(line)
        for end in self._ends(line):
            if not _MOMENT.fullmatch(self.text[at:end]):
                break
            at = end
        if at == start or not any(char.isdigit() for char in self.text[start:at]):
            return None
        if self.text[at : line.end].strip():
            return line._replace(start=at), rest
        return (rest[0], rest[1:]) if rest and self._has_words(rest[0]) and rest[0].free else None

    def _bold(self, line: Line) -> Headline | None:
        """A bold first line, or a bold first sentence of three words or more."""
        text, start = self.text, self._start(line)
        end = start
        for one in sorted((e for e in self.entities if e.type == "bold"), key=lambda e: e.offset):
            if one.offset > end and text[end : one.offset].strip():
                break
            end = max(end, min(one.offset + one.length, line.end))
        words, tail = text[start:end].strip(), text[end : line.end]
        if not words:
            return None
        if TRAILING.fullmatch(tail) or not tail.strip(" .:!?…"):
            return self._taken(line.start, line.end, "the bold first line")
        if len(words.split()) >= 3 and (words[-1] in ".!?…" or re.match(r"\s*\.\s", tail)):
            stop = end + len(tail) - len(tail.lstrip(" ."))
            return self._taken(line.start, stop, "the bold first sentence")
        return None

    def _line(self, line: Line, rest: Sequence[Line]) -> Headline | None:
        """A first line that stands as a headline does: short, or with a blank line after it."""
        words = self.text[line.start : line.end]
        last, several = words[-1], self._ends(line)[0] < line.end
        if last in ",;" or (several and (last == "." or len(words) > _SHORT)):
            return None
        if not rest:
            return None if several else self._taken(line.start, line.end, "its only line")
        if shouted(words):
            return self._taken(line.start, line.end, "a first line in capitals")
        if rest[0].paragraph != line.paragraph:
            return self._taken(line.start, line.end, "a first line that stands alone")
        led = self._start(line) > line.start
        if not led and (self._goes_on(line, rest) or _BULLET.match(words)):
            return None
        short = len(words) <= (self.limit if led else _SHORT)
        return self._taken(line.start, line.end, "a short first line") if short else None

    def _goes_on(self, line: Line, rest: Sequence[Line]) -> bool:
        """Whether the sentence at the end of the line goes on in the next one."""
        return (
            bool(rest)
            and rest[0].paragraph == line.paragraph
            and self.text[line.end - 1] not in ".!?…:;"
            and self.text[rest[0].start].islower()
            and self._has_words(rest[0])
        )

    def _sentence(self, line: Line, rest: Sequence[Line]) -> Headline | None:
        """The first sentence, two if the first is one word; not the first item of a list."""
        if _BULLET.match(self.text[line.start : line.start + 8]):
            return None
        for end in self._ends(line):
            if end == line.end and self._goes_on(line, rest):
                return None
            if len(self.text[self._start(line) : end].split()) > 1 or end == line.end:
                return self._taken(line.start, end, "the first sentence")
        return None

    def _taken(self, start: int, end: int, how: str) -> Headline | None:
        """A headline out of ``text[start:end]``; None if it is too long, has an address, or no
        words."""
        text = self.text
        inside = [e for e in self.entities if e.offset < end and e.offset + e.length > start]
        if any(one.type in _ADDRESSES for one in inside):
            return None
        led = LEADING.match(text, start, end)
        head = led.end() if led else start
        tail = head + len(trimmed(text[head:end]))
        if tail - head > 4 * self.limit:
            return None
        drop = {found.start() for found in _HASH.finditer(text, head, tail)}
        drop |= {found.start() for found in _CONTROL.finditer(text, head, tail)}
        parts: list[tuple[int, int, str, str]] = []
        at = head
        for gone in sorted(drop):
            parts.append((at, gone, "headline", how))
            parts.append((gone, gone + 1, "removed", "no sign for a headline"))
            at = gone + 1
        parts.append((at, tail, "headline", how))
        title = shown("".join(text[a:b] for a, b, part, _ in parts if part == "headline"))
        if not any(char.isalnum() for char in title) or len(title) > self.limit:
            return None
        if shouted(title):
            title = lowered(title, text[end : end + 20_000])
        parts.insert(0, (start, head, "removed", "emoji before the headline"))
        parts.append((tail, end, "removed", "punctuation at the end of the headline"))
        links = dict.fromkeys(e.value for e in inside if e.type == "text_link" and e.value)
        return Headline(title, tuple(p for p in parts if p[0] < p[1]), end, tuple(links))

    # --- made ---

    def _made(self, line: Line, rest: Sequence[Line]) -> Headline | None:
        """A headline out of a copy of the line's first sentence; the text keeps it."""
        end = self._ends(line)[-1] if self._ends(line) else line.end
        for at in self._ends(line):
            if len(self.text[self._start(line) : at].split()) > 1:
                end = at
                break
        while rest and end == line.end and self._goes_on(line, rest) and end - line.start < _LOOK:
            line, rest = rest[0]._replace(start=line.start), rest[1:]
            end = line.end
        words = _HASH.sub("", _CONTROL.sub("", self._without_addresses(line.start, end)))
        led = LEADING.match(words)
        words = _BULLET.sub("", words[led.end() :] if led else words, count=1)
        words = trimmed(shown(words))
        if not any(char.isalnum() for char in words):
            return None
        return Headline(shown(words if len(words) <= self.limit else cut(words, self.limit)))


def trimmed(words: str) -> str:
    """Without emoji, full stop, colon and the like at the end; «?», «!» and «…» stay."""
    while True:
        shorter = TRAILING.sub("", words[-200:])
        if not shorter.endswith(("..", "?.", "!.")):
            shorter = shorter.rstrip(".,:;—–-|。，：；、")
        if shorter.endswith("!!"):
            shorter = shorter[:-1]
        shorter = words[:-200] + shorter
        if shorter == words:
            return words
        words = shorter


def flat(words: str) -> str:
    """The words on one line."""
    return " ".join(_CONTROL.sub("", words).split())


def shown(words: str) -> str:
    """The words as a headline shows them: one line, the first letter large."""
    words = flat(words)
    large = words[:1].upper()
    brand = words[1:2].isupper()  # iPhone
    return large + words[1:] if words[:1].islower() and len(large) == 1 and not brand else words
