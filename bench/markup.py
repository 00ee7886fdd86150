"""Entities → HTML, beside what the libraries of the Telegram API do, each given its own objects.

All ways are given the same posts, some at a time and in turn, the objects being made beforehand.
"""

import gc
import json
import time
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from typing import Any, Final

from bench import channel
from bench._tools import Section

MOST: Final = 100_000
BATCH: Final = 2_000
Entity = tuple[str, int, int, str]
"""What kind, from where, how long (in UTF-16 code units, as Telegram counts), its address."""
Case = tuple[str, list[Entity]]
OURS: Final = "crosspost"


def measure(folder: Path, most: int, runs: int, fixtures: Path | None = None) -> Section:
    """The generator's posts; then, if there are ``fixtures``, those of real exports."""
    found = Section("markup")
    sources = {"the generator": lambda: posts(min(most, MOST))}
    if fixtures:
        sources["real exports"] = lambda: real(fixtures)
    for source, cases in sources.items():
        tallies = _compared(cases(), runs)
        found.rows += [tally.row(source) for tally in tallies.values()]
        others = [one.cpu for name, one in tallies.items() if not name.startswith(OURS)]
        for name, one in tallies.items():
            if name.startswith(OURS) and others:
                times = one.cpu / min(others)
                told = f"{source}: {name} ahead of the fastest (CPU): {times:.2f} × its time"
                found.goal(told, times <= 1)
    return found


class Tally:
    """What one way took, and what is wrong with what it made."""

    def __init__(self, name: str) -> None:
        self.name, self.posts, self.cpu = name, 0, 0.0
        self.raised = self.malformed = self.altered = 0

    def add(self, cases: Sequence[Case], runs: int) -> None:
        """Convert the posts so many times; the fastest counts."""
        made, convert = WAYS[self.name](cases)
        spent = []
        for _ in range(runs):
            gc.collect()
            begin = time.process_time()
            pages = [_tried(convert, one) for one in made]
            spent.append(time.process_time() - begin)
        self.cpu += min(spent)
        self.posts += len(cases)
        for (text, _), html in zip(cases, pages, strict=True):
            self.raised += html is None
            malformed, altered = flaws(text, html or "<p>")
            self.malformed += malformed
            self.altered += altered

    def row(self, source: str) -> dict[str, Any]:
        return {
            "way": self.name,
            "posts_of": source,
            "posts": self.posts,
            "cpu": round(self.cpu, 2),
            "us_a_post": round(self.cpu / self.posts * 1e6, 1),
            "raised": self.raised,
            "malformed": self.malformed,
            "altered": self.altered,
        }


def _compared(cases: Iterator[Case], runs: int) -> dict[str, Tally]:
    """All ways whose libraries are installed."""
    tallies = {name: Tally(name) for name in WAYS}
    while batch := list(islice(cases, BATCH)):
        for name, tally in list(tallies.items()):
            try:
                tally.add(batch, runs)
            except ImportError as error:
                print(f"{name}: left out: {error}")  # noqa: T201
                del tallies[name]
    return tallies


def _tried(convert: Callable[[Any], str], one: Any) -> str | None:
    try:
        return convert(one)
    except Exception:
        return None


# --- Posts --------------------------------------------------------------------------------------

KINDS: Final = frozenset({
    "bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "blockquote", "url",
    "text_link", "email", "phone", "mention", "cashtag", "bot_command", "custom_emoji",
})  # fmt: skip
"""What all the libraries know; hashtags are words to all of them."""


def posts(size: int) -> Iterator[Case]:
    """The generator's posts; one in ten has what Telegram also stores: entities that cross each
    other and one that is longer than its text."""
    for number, message in enumerate(channel.messages(size)):
        text, entities = _joined(message["text_entities"])
        at = _units(text)
        if number % 10 == 0 and at > 40:
            entities += [("bold", 5, 20, ""), ("italic", 15, 25, ""), ("underline", at - 9, 30, "")]
            entities.sort(key=lambda one: (one[1], -one[2]))
        if text:
            yield text, entities


def real(folder: Path) -> Iterator[Case]:
    """Every message in the folder's JSON and HTML as Telegram Desktop exports it, and in its
    pages as t.me/s serves them."""
    for path in sorted(folder.rglob("*.json")):
        for pieces in _pieces(json.loads(path.read_bytes())):
            text, entities = _joined(pieces)
            if text:
                yield text, entities
    for path in sorted(folder.rglob("*.html")):
        yield from _page(path)


def _pieces(value: Any) -> Iterator[list[dict[str, Any]]]:
    """The text of each message, wherever it is in the JSON."""
    if isinstance(value, dict):
        if isinstance(value.get("text_entities"), list):
            yield value["text_entities"]
        for one in value.values():
            yield from _pieces(one)
    elif isinstance(value, list):
        for one in value:
            yield from _pieces(one)


def _joined(pieces: list[dict[str, Any]]) -> Case:
    text, at, entities = "", 0, list[Entity]()
    for piece in pieces:
        kind = {"link": "url"}.get(piece["type"], piece["type"])
        length = _units(piece["text"])
        if kind in KINDS:
            entities.append((kind, at, length, piece.get("href") or piece.get("language") or ""))
        text += piece["text"]
        at += length
    return text, entities


def _page(path: Path) -> Iterator[Case]:
    from lxml.html import HTMLParser, document_fromstring

    from crosspost.markup import from_html

    root = document_fromstring(path.read_bytes(), parser=HTMLParser(encoding="utf-8"))
    for element in root.iter("div"):
        names = (element.get("class") or "").split()
        if names == ["text"] or "js-message_text" in names:
            text, found = from_html(element)
            entities = [
                (
                    one.type,
                    _units(text[: one.offset]),
                    _units(text[one.offset : one.offset + one.length]),
                    one.value if one.type in ("text_link", "pre") else "",
                )
                for one in found
                if one.type in KINDS
            ]
            if text:
                yield text, entities


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- Ways: each makes its objects first, then the HTML of them all ------------------------------

Way = Callable[[Sequence[Case]], tuple[list[Any], Callable[[Any], str]]]
TELETHON: Final = {
    "strikethrough": "Strike",
    "text_link": "TextUrl",
    "custom_emoji": "CustomEmoji",
    "bot_command": "BotCommand",
}


def ours(found: Sequence[Case]) -> tuple[list[Any], Callable[[Any], str]]:
    """Whole blocks, of posts as they are stored."""
    from crosspost.markup import blocks

    return [(text, _ours(text, entities)) for text, entities in found], lambda one: blocks(*one)


def ours_inline(found: Sequence[Case]) -> tuple[list[Any], Callable[[Any], str]]:
    """One flat run of formatted text, which is what the others make."""
    from crosspost.markup import inline

    return [(text, _ours(text, entities)) for text, entities in found], lambda one: inline(*one)


def ours_counted(found: Sequence[Case]) -> tuple[list[Any], Callable[[Any], str]]:
    """Whole blocks, and UTF-16 counted anew each time as the others do: a reader does it once."""
    from crosspost.markup import blocks

    return list(found), lambda one: blocks(one[0], _ours(*one))


def _ours(text: str, entities: list[Entity]) -> list[Any]:
    from crosspost.markup import utf16
    from crosspost.model import Entity as Ours

    points = utf16(text)
    made = []
    for kind, at, length, value in entities:
        start = points(at)
        made.append(Ours(type=kind, offset=start, length=points(at + length) - start, value=value))
    return made


def telethon(found: Sequence[Case]) -> tuple[list[Any], Callable[[Any], str]]:
    from telethon.extensions import html
    from telethon.tl import types

    def made(kind: str, at: int, length: int, value: str) -> Any:
        make = getattr(types, f"MessageEntity{TELETHON.get(kind, kind.title())}")
        if kind == "custom_emoji":
            return make(at, length, 0)
        return make(at, length, value) if kind in ("text_link", "pre") else make(at, length)

    return (
        [(text, [made(*one) for one in entities]) for text, entities in found],
        lambda one: str(html.unparse(*one)),
    )


def aiogram(found: Sequence[Case]) -> tuple[list[Any], Callable[[Any], str]]:
    from aiogram.types import MessageEntity
    from aiogram.utils.text_decorations import html_decoration

    def made(kind: str, at: int, length: int, value: str) -> Any:
        kind = {"phone": "phone_number"}.get(kind, kind)
        more = {"text_link": "url", "pre": "language", "custom_emoji": "custom_emoji_id"}
        attributes = {more[kind]: value or "0"} if kind in more else {}
        return MessageEntity(type=kind, offset=at, length=length, **attributes)

    return (
        [(text, [made(*one) for one in entities]) for text, entities in found],
        lambda one: html_decoration.unparse(*one),
    )


def kurigram(found: Sequence[Case]) -> tuple[list[Any], Callable[[Any], str]]:
    from pyrogram.enums import MessageEntityType
    from pyrogram.parser.html import HTML
    from pyrogram.types import MessageEntity

    def made(kind: str, at: int, length: int, value: str) -> Any:
        kind = {"phone": "phone_number"}.get(kind, kind)
        more = {"text_link": "url", "pre": "language", "custom_emoji": "custom_emoji_id"}
        attributes: dict[str, Any] = {more[kind]: value or "0"} if kind in more else {}
        kind_of = getattr(MessageEntityType, kind.upper())
        return MessageEntity(type=kind_of, offset=at, length=length, **attributes)

    return (
        [(text, [made(*one) for one in entities]) for text, entities in found],
        lambda one: str(HTML.unparse(*one)),
    )


WAYS: Final[dict[str, Way]] = {
    OURS: ours,
    f"{OURS}, from UTF-16": ours_counted,
    f"{OURS}, inline": ours_inline,
    "telethon": telethon,
    "aiogram": aiogram,
    "kurigram": kurigram,
}


# --- What is wrong with it ----------------------------------------------------------------------


class _Reading(HTMLParser):
    """Whether tags close in the order they were opened, and what text they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.well, self.text = True, ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag != "br":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.well &= bool(self._open) and self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def end(self) -> bool:
        self.close()
        return self.well and not self._open


def flaws(text: str, html: str) -> tuple[bool, bool]:
    """Whether the HTML is malformed, and whether its text is another (white space aside)."""
    reading = _Reading()
    reading.feed(html)
    return not reading.end(), "".join(reading.text.split()) != "".join(text.split())
