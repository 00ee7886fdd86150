"""The headline: the post's first line if it is one, else its first sentence, else what it shows.

A headline is *taken* from the text (its characters then stand nowhere else) or *made* out of a
sentence that stays where it is, because it had to be cut, greets only, or holds a link.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from crosspost.model import Entity
from crosspost.normalize._text import LEADING, TRAILING, Line, cut, sentence_ends

_SHORT: Final = 80
"""A first line followed by text in the same paragraph is a headline up to this length."""
_LOOK: Final = 4000
"""No headline lies farther in than this many characters of a line."""
_CONTROL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_GREETING: Final = re.compile(
    r"(?:уважаемые|дорогие|друзья|коллеги|ребята|всем привет|всем добр|привет|здравствуйте|"
    r"добр(?:ое|ый|ого|ой)|с добрым|hello|hi|hey|dear|good (?:morning|day|evening)|friends)\b",
    re.IGNORECASE,
)
_LINKS: Final = frozenset({"url", "text_link", "email", "phone"})
_BULLET: Final = re.compile(r"(?:[—–•·▪*-]|\d+[.)])\s")


class Headline(NamedTuple):
    """``title`` as it is shown. ``parts`` are the ranges of the text it takes away, each with
    what becomes of it ("headline", or "removed" and why); empty if it was made. ``end`` is where
    the text goes on."""

    title: str
    parts: tuple[tuple[int, int, str, str], ...] = ()
    end: int = 0
    how: str = ""


def headline(
    text: str, entities: Sequence[Entity], lines: Sequence[Line], limit: int, more: bool
) -> Headline | None:
    """The headline of the text whose unclaimed lines are ``lines``; None if no words are there.
    ``more`` says whether the article shows something beside them (a photo)."""
    first = _first(text, entities, lines)
    if first is None:
        return None
    line, rest = first
    if not line.free:
        return _taken(text, entities, line.start, line.end, limit, "the first heading") or _made(
            text, entities, line, limit
        )
    if after := _greeted(text, line, rest):
        return _made(text, entities, after, limit)
    return (
        _bold(text, entities, line, limit)
        or _line(text, entities, line, rest, limit)
        or _sentence(text, entities, line, limit)
        or _made(text, entities, line, limit)
    )


def _first(
    text: str, entities: Sequence[Entity], lines: Sequence[Line]
) -> tuple[Line, Sequence[Line]] | None:
    """The line to make a headline of, and those after it: the first with words in it. A line of
    a block (a quote, code, a table) is one only if it is a heading or nothing else is there."""
    spare = None
    for index, line in enumerate(lines):
        words = any(char.isalnum() for char in text[line.start : min(line.end, line.start + _LOOK)])
        if not words:
            continue
        if line.free or _heading(entities, line):
            return line, lines[index + 1 :]
        spare = spare or (line, lines[index + 1 :])
        if index > 20:
            break
    return spare and (spare[0]._replace(free=True), ()) if spare else None


def _greeted(text: str, line: Line, rest: Sequence[Line]) -> Line | None:
    """What follows a first sentence that only greets; None if it does not, or nothing does."""
    start = _start(text, line)
    if not _GREETING.match(text, start, line.end):
        return None
    end = next(sentence_ends(text, start, min(line.end, start + _LOOK)))
    if len(text[start:end].split()) > 4:
        return None
    return line._replace(start=end) if text[end : line.end].strip() else rest[0] if rest else None


def _heading(entities: Sequence[Entity], line: Line) -> bool:
    return any(
        one.type == "heading" and one.offset <= line.start and line.end <= one.offset + one.length
        for one in entities
    )


def _start(text: str, line: Line) -> int:
    """Where the words of the line begin, behind emoji and bullets."""
    found = LEADING.match(text, line.start, line.end)
    return found.end() if found and found.end() < line.end else line.start


def _bold(text: str, entities: Sequence[Entity], line: Line, limit: int) -> Headline | None:
    """A bold first line, or a bold first sentence of three words or more."""
    start = end = _start(text, line)
    for one in sorted((e for e in entities if e.type == "bold"), key=lambda e: e.offset):
        if one.offset > end and text[end : one.offset].strip():
            break
        end = max(end, min(one.offset + one.length, line.end))
    if end <= start or not text[start:end].strip():
        return None
    tail = text[end : line.end]
    if TRAILING.fullmatch(tail) or not tail.strip(" .:!?…"):
        return _taken(text, entities, line.start, line.end, limit, "the bold first line")
    whole = text[start:end].rstrip()[-1:] in ".!?…:" or re.match(r"\s*[.:]\s", tail)
    if whole and len(text[start:end].split()) >= 3:
        stop = end + len(tail) - len(tail.lstrip(" .:"))
        return _taken(text, entities, line.start, stop, limit, "the bold first sentence")
    return None


def _line(
    text: str, entities: Sequence[Entity], line: Line, rest: Sequence[Line], limit: int
) -> Headline | None:
    """A first line that stands as a headline does: short, or with a blank line after it."""
    words = text[line.start : line.end]
    last = words[-1]
    several = next(sentence_ends(text, line.start, min(line.end, line.start + _LOOK))) < line.end
    if last in ",;" or (several and (last == "." or len(words) > _SHORT)):
        return None
    if not rest:
        return (
            None
            if several
            else _taken(text, entities, line.start, line.end, limit, "its only line")
        )
    if shouted(words):
        return _taken(text, entities, line.start, line.end, limit, "a first line in capitals")
    if rest[0].paragraph != line.paragraph:
        return _taken(text, entities, line.start, line.end, limit, "a first line that stands alone")
    following = text[rest[0].start]
    led = LEADING.match(text, line.start, line.end)
    if not led and (following.islower() or _BULLET.match(words)):
        return None
    return _taken(
        text,
        entities,
        line.start,
        line.end,
        limit if led else min(_SHORT, limit),
        "a short first line",
    )


def _sentence(text: str, entities: Sequence[Entity], line: Line, limit: int) -> Headline | None:
    """The first sentence, two if the first is one word."""
    for end in sentence_ends(text, line.start, min(line.end, line.start + _LOOK)):
        if len(text[line.start : end].split()) > 1 or end == line.end:
            return _taken(text, entities, line.start, end, limit, "the first sentence")
    return None


def _taken(
    text: str, entities: Sequence[Entity], start: int, end: int, limit: int, how: str
) -> Headline | None:
    """A headline out of ``text[start:end]``; None if it is too long, has a link, or no words."""
    inside = [
        e for e in entities if e.offset < end and e.offset + e.length > start and e.length > 0
    ]
    if any(one.type in _LINKS for one in inside):
        return None
    led = LEADING.match(text, start, end)
    head = led.end() if led else start
    tail = head + len(_trimmed(text[head:end]))
    hashes = sorted(e.offset for e in inside if e.type == "hashtag" and head <= e.offset < tail)
    hashes = [at for at in dict.fromkeys(hashes) if text[at] == "#"]
    drop = hashes + [at for at in range(head, tail) if _CONTROL.match(text[at])]
    parts: list[tuple[int, int, str, str]] = []
    at = head
    for gone in sorted(drop):
        parts += [
            (at, gone, "headline", how),
            (gone, gone + 1, "removed", "no sign for a headline"),
        ]
        at = gone + 1
    parts.append((at, tail, "headline", how))
    title = shown("".join(text[a:b] for a, b, part, _ in parts if part == "headline"))
    if not any(char.isalnum() for char in title) or len(title) > limit:
        return None
    if shouted(title):
        title = lowered(title, text[end:])
    before = (start, head, "removed", "emoji before the headline")
    after = (tail, end, "removed", "punctuation at the end of the headline")
    return Headline(title, tuple(p for p in (before, *parts, after) if p[0] < p[1]), end, how)


def _trimmed(words: str) -> str:
    """Without emoji, full stop, colon and the like at the end; «?», «!» and «…» stay."""
    while True:
        shorter = TRAILING.sub("", words)
        if not shorter.endswith(("..", "?.", "!.")):
            shorter = shorter.rstrip(".,:;—–-|")
        if shorter.endswith("!!"):
            shorter = (
                shorter.rstrip("!") + "!" if not shorter.rstrip("!").endswith("?") else shorter[:-1]
            )
        if shorter == words:
            return words
        words = shorter


def _made(text: str, entities: Sequence[Entity], line: Line, limit: int) -> Headline | None:
    """A headline out of a copy of the line's first sentence; the text keeps it."""
    end = min(line.end, line.start + _LOOK)
    stop = next((at for at in sentence_ends(text, line.start, end) if at - line.start > 12), end)
    words, at = "", line.start
    for one in sorted(
        (e for e in entities if e.type in ("url", "email", "phone")), key=lambda e: e.offset
    ):
        if at <= one.offset < stop and one.length > 0:
            words += text[at : one.offset]
            at = one.offset + one.length
    words += text[at:stop]
    words = re.sub(r"(?<![\w#])#(?=\w)", "", _CONTROL.sub("", words))
    led = LEADING.match(words)
    words = _trimmed(shown(words[led.end() :] if led else words))
    if not any(char.isalnum() for char in words):
        return None
    return Headline(
        shown(words if len(words) <= limit else cut(words, limit)), how="made of a sentence"
    )


def shown(words: str) -> str:
    """The words as a headline shows them: one line, the first letter large."""
    words = " ".join(words.split())
    return (
        words[:1].upper() + words[1:]
        if words[:1].islower() and len(words[:1].upper()) == 1
        else words
    )


# --- Capitals ---------------------------------------------------------------------------------

_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_COMMON: Final = frozenset(
    word
    for line in (
        "а без более бы был была были было в вам вас во вот все всё всем всех где да для до",
        "его её если есть ещё же за и из или им их к как какие какой ко когда кому которые",
        "кто ли мне много можно мы на над надо нам нас наш наша наше наши не нельзя нет ни но",
        "новая новое новости новый новые нужно о об он она они от очень по под после почему",
        "при про с самое сегодня скоро со так там теперь то только у уже хорошо чего чем что",
        "чтобы это этой этот я внимание срочно важно завтра вчера итоги год года году день",
        "дня дни a an and are at but by do for from how in is it new no not of on or our the",
        "this to today tomorrow we what when where who why with you",
    )
    for word in line.split()
)


def shouted(words: str) -> bool:
    """Whether the words are all in capitals: three words of letters, or two long ones."""
    letters = [char for char in words if char.isalpha()]
    return (
        len(letters) >= 8
        and len([w for w in _WORD.findall(words) if len(w) > 1]) >= 2
        and sum(char.isupper() for char in letters) > 0.9 * len(letters)
    )


def lowered(title: str, rest: str) -> str:
    """The headline in small letters, if the rest of the post shows how each word is written;
    as it is if one of them might be a name."""
    rest = rest[:20_000]
    small = {word[:5] for word in _WORD.findall(rest) if word.islower()}
    exact = {word for word in _WORD.findall(rest) if word.isupper() and len(word) > 1}
    names = {word[:5]: word for word in re.findall(r"(?<=[а-яёa-z,] )[А-ЯЁA-Z][а-яёa-z]+", rest)}
    words = []
    for found in _WORD.finditer(title):
        word = found[0]
        low = word.lower()
        if word in exact:
            words.append(word)
        elif low in _COMMON or (low[:5] in small and low[:5].capitalize() not in names):
            words.append(low)
        elif low[:5].capitalize() in names and low[:5] not in small:
            words.append(low.capitalize())
        else:
            return title
    parts = iter(words)
    return shown(_WORD.sub(lambda _: next(parts), title))
