"""Lines that stand under many posts: which lines may be one, when one is, how it is known again.

A blog's archive teaches its footers. ``edges`` reads the first and last lines of a post,
``repeats`` says whether a line that so many posts end with is a footer, and ``learn`` does both
over an archive at hand. A line is known again by its ``key``, which does not see white space,
emoji, punctuation, capitals, or what a link tells a counter (utm_source and the like). Where its
words lead is part of the key: «Подробнее» under every post is no footer if it leads elsewhere
each time.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal

from crosspost.model import Post, Record
from crosspost.normalize import _lines
from crosspost.normalize._text import Line, lines

Kind = Literal["call", "links", "words"]

DEPTH: Final = 8
"""So many lines of a post's end may be footers; one at its beginning."""
RECENT: Final = 20
"""So many of the newest posts with the line are looked at."""
_NEEDED: Final[dict[Kind, tuple[int, float]]] = {
    "call": (3, 0.1),
    "links": (5, 0.25),
    "words": (8, 0.5),
}
"""Under how many posts a line must stand, and under what share of the posts between the first and
the last of them: less for one that calls to subscribe or to write to the channel, more for one
with links, most for one of plain words, which may be news each time («Вход свободный»)."""
_LINKS: Final = frozenset({"url", "text_link", "mention", "email", "phone", "bot_command"})
_COUNTED: Final = re.compile(
    r"(?:(?<=[?&])|(?<=&amp;))(?:utm_\w+|yclid|gclid|fbclid|ysclid|igsh(?:id)?|from|ref)=[^&#\s]*&?",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)
_CALL: Final = re.compile(
    r"\b(?:подпи(?:саться|шись|шитесь|сывайтесь|сывайся|ска)|прис(?:лать|ылайте|лайте)|предложи(?:ть|те)"
    r"|(?:обратная\s+)?связь|связаться|написать|напиш(?:и|ите)|пишите|вступа(?:й|йте|ть)|читайте"
    r"|мы\s+в|мы\s+на|наш[аеи]?|поддержать|поддержи(?:те)?|донат|чат|бот|канал|поделиться|поделитесь"
    r"|subscribe|follow|join|send\s+(?:us|your)|contact|chat|channel|support|share|submit)\b",
    re.IGNORECASE,
)


class Edge(Record, frozen=True):
    """A line at a post's beginning or end that could be a footer. ``line`` is what it says."""

    key: str
    line: str
    kind: Kind


def edges(post: Post, own: frozenset[str], title: str) -> tuple[Edge, ...]:
    """The lines of the post that may be a footer, each once. ``own`` are the channel's names in
    links, ``title`` is its name."""
    found = lines(post.text, post.entities)
    links = hidden(post)
    made: dict[str, Edge] = {}
    taken = 0
    for number in range(len(found) - 1, -1, -1):
        line = found[number]
        words = post.text[line.start : line.end]
        if taken == DEPTH or not line.free:
            break
        if _lines.legal(words) or _lines.tags(words):
            continue
        if _lines.credit(words) or _lines.caption(words):
            continue
        if len(words) > _lines.LONGEST_FOOTER:
            break
        taken += 1
        edge = _edge(post, line, links, own, title)
        if number or edge.kind != "words":
            made.setdefault(edge.key, edge)
    if found and found[0].free and found[0].end - found[0].start <= _lines.LONGEST_FOOTER:
        edge = _edge(post, found[0], links, own, title)
        if edge.kind != "words" and not _lines.legal(edge.line):
            made.setdefault(edge.key, edge)
    return tuple(made.values())


def hidden(post: Post) -> list[tuple[int, int, str]]:
    """The addresses under the words of a post: start, end and address, in order."""
    return sorted(
        (one.offset, one.offset + one.length, one.value)
        for one in post.entities
        if one.type == "text_link" and one.offset >= 0 < one.length
    )


def targets(links: Sequence[tuple[int, int, str]], line: Line) -> list[tuple[int, int, str]]:
    """Those of ``links`` that begin in the line."""
    first = bisect_left(links, (line.start, 0, ""))
    return list(links[first : bisect_left(links, (line.end, 0, ""))])


def _edge(
    post: Post,
    line: Line,
    links: Sequence[tuple[int, int, str]],
    own: frozenset[str],
    title: str,
) -> Edge:
    words = post.text[line.start : line.end]
    led = [address for _, _, address in targets(links, line)]
    linked = bool(led) or any(
        one.type in _LINKS and line.start <= one.offset < line.end for one in post.entities
    )
    kind: Kind = "links" if linked else "words"
    named = bool(title.strip()) and spelled(title) in spelled(words)
    calls = _CALL.search(words) is not None
    ours = not own.isdisjoint(name for at in (*led, words) for name in _lines.names(at))
    if (linked and (calls or named)) or ours:
        kind = "call"
    return Edge(key=key(words, led), line=" ".join(words.split()), kind=kind)


def spelled(words: str) -> str:
    """The words as they are compared: without white space, emoji, punctuation and capitals."""
    bare = _SCHEME.sub("", _COUNTED.sub("", words)).casefold().replace("ё", "е")
    found = " ".join(re.findall(r"[\w+]+", bare))
    return found or "".join(dict.fromkeys(bare.split()))[:20]


def key(words: str, led: Iterable[str]) -> str:
    """By what a line is known again: its words, and the addresses under them. The ledger keeps
    keys: who changes how they are made adds a migration that reads all lines again (``lined``)."""
    places = [_SCHEME.sub("", _COUNTED.sub("", one)).casefold().rstrip("/?&#") for one in led]
    whole = "\n".join([spelled(words), *dict.fromkeys(places)])
    return sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@lru_cache(maxsize=64)
def pinned(told: tuple[str, ...]) -> frozenset[str]:
    """Lines of the config, as they are compared."""
    return frozenset(filter(None, map(spelled, told)))


def repeats(kind: Kind, count: int, among: int) -> bool:
    """Whether a line that stands under ``count`` posts of ``among`` in a row is a footer."""
    least, share = _NEEDED[kind]
    return count >= least and count >= share * among


def same_text(post: Post) -> str:
    """By what the whole text is known again, for posts that say the same twice."""
    return sha256(spelled(post.text).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def learn(archive: Iterable[tuple[Post, Sequence[Edge]]]) -> dict[str, int]:
    """The keys of the lines that an archive teaches, oldest post first, and how many posts have
    each. The ledger does the same post by post."""
    met: dict[str, dict[str, int]] = {}
    found: set[str] = set()
    for number, (post, edges_) in enumerate(archive):
        text = same_text(post)
        for edge in edges_:
            texts = met.setdefault(edge.key, {})
            texts[text] = number
            recent = sorted(texts.values())[-RECENT:]
            if repeats(edge.kind, len(recent), number - recent[0] + 1):
                found.add(edge.key)
    return {one: len(met[one]) for one in met if one in found}
