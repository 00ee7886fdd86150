"""Telegram's own HTML → text and entities.

Two writers: Telegram Desktop's export (``export/output/export_output_html.cpp`` of
https://github.com/telegramdesktop/tdesktop) and the preview pages t.me/s/<channel>. Both write a
newline of the text as ``<br>``; newlines of the source are layout. Desktop writes the blocks of a
rich message with classes ``rich_…``.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from crosspost.markup._tags import (
    details,
    gap,
    is_emoji,
    is_silent,
    kind,
    language,
    link,
    value,
)
from crosspost.model import Entity

_SOURCE: Final = re.compile(r"[ \t\r\f]*\n[ \t\r\n\f]*")
_EMPTY: Final = frozenset({"cell", "divider"})


def from_html(element: Any) -> tuple[str, list[Entity]]:
    """The text inside an ``lxml`` element or a ``bs4`` tag and its entities, in the order in
    which they open, offsets in code points.

    White space at both ends goes, newlines of the source too; entities end with the text. A link
    whose text is its address is a ``url`` (an email, a phone, a mention, a hashtag …), any other
    a ``text_link`` with its address in ``value`` as it was: ``safe_url`` decides when it is shown.
    Plain emoji that the page shows as pictures are text, custom ones entities. Of a rich message's
    blocks the words and their structure are read; its files are not.
    """
    reader = _Reader()
    of_soup = hasattr(element, "contents")
    inside, described = (_tag_children, _tag) if of_soup else (_element_children, _element)
    stack = [inside(element)]
    while stack:
        for child in stack[-1]:
            if isinstance(child, str):
                reader.text(child)
                continue
            name, attributes = described(child)
            if name == "br":
                reader.line_break()
                continue
            reader.open(name, attributes)
            stack.append(iter(()) if is_silent(name, attributes) else inside(child))
            break
        else:
            stack.pop()
            if stack:
                reader.close()
    return reader.result()


# --- Two kinds of trees -------------------------------------------------------------------------


def _element_children(element: Any) -> Iterator[Any]:
    if element.text:
        yield element.text
    for child in element:
        if isinstance(child.tag, str):
            yield child
        if child.tail:
            yield child.tail


def _element(element: Any) -> tuple[str, dict[str, str]]:
    return element.tag.lower(), dict(element.items())


def _tag_children(tag: Any) -> Iterator[Any]:
    """A comment, a declaration and the like are strings of their own classes."""
    for child in tag.contents:
        if not isinstance(child, str):
            yield child
        elif type(child).__name__ in ("NavigableString", "CData"):
            yield str(child)


def _tag(tag: Any) -> tuple[str, dict[str, str]]:
    attributes = {
        key: " ".join(told) if isinstance(told, list) else str(told)
        for key, told in tag.attrs.items()
    }
    return tag.name.lower(), attributes


# --- What is read -------------------------------------------------------------------------------


class _Open(NamedTuple):
    """A tag that is not closed yet, and where its text begins."""

    name: str
    attributes: dict[str, str]
    start: int
    order: int


class _Reader:
    """Text that grows with the entities around it.

    ``due`` newlines come before the next word, since a block was closed; ``space`` says that a
    newline of the source does, which is a space between words and nothing elsewhere.
    """

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length = self.newlines = self.due = self.cells = self.count = 0
        self.line_start, self.space = True, False
        self.within_pre = self.within_emoji = 0
        self.language = ""
        self.tags: list[_Open] = []
        self.found: list[tuple[int, Entity]] = []

    def text(self, text: str) -> None:
        if self.within_pre or "\n" not in text:
            self._add(text)
            return
        first = True
        for piece in _SOURCE.split(text):
            if not first and not self.line_start:
                self.space = True
            first = False
            if piece:
                self._add(piece)

    def _add(self, text: str) -> None:
        if not text:
            return
        if self.due:
            self._part(self.due)
        if self.space:
            self.space = False
            self._put(" ")
        self._put(text)

    def _put(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)
        self.line_start = text.endswith("\n")
        newlines = len(text) - len(text.rstrip("\n")) if self.line_start else 0
        self.newlines = newlines + (self.newlines if newlines == len(text) else 0)

    def _part(self, newlines: int) -> None:
        """So many newlines stand between what was and what comes."""
        missing = max(newlines, self.due) - self.newlines
        self.space, self.due = False, 0
        if self.length and missing > 0:
            self._put("\n" * missing)
        self.line_start = True

    def line_break(self) -> None:
        self.space = False
        self._add("\n")

    def open(self, name: str, attributes: dict[str, str]) -> None:
        newlines = gap(name, attributes)
        if newlines or self.due:
            self._part(newlines)
        if name == "img" and "emoji" in attributes.get("class", ""):
            self._add(attributes.get("alt", ""))
        elif name == "pre":
            self.language = ""
        elif name == "code" and self.within_pre:
            self.language = language(attributes)
        elif name == "tr":
            self.cells = 0
        elif name in ("td", "th"):
            self._next_cell()
        elif "aria-checked" in attributes:
            self._check(attributes["aria-checked"])
        self.within_pre += name == "pre"
        self.within_emoji += is_emoji(name, attributes)
        self.count += 1
        self.tags.append(_Open(name, attributes, self.length + self.space, self.count))

    def _next_cell(self) -> None:
        self.space = False
        if self.cells:
            self._put("\t")
        self.cells += 1
        self.line_start = True

    def _check(self, state: str) -> None:
        """A task's marker tells about the item it stands in."""
        for tag in reversed(self.tags[-4:]):
            if tag.name == "li":
                tag.attributes["aria-checked"] = state
                return

    def close(self) -> None:
        tag = self.tags.pop()
        self.within_pre -= tag.name == "pre"
        self.within_emoji -= is_emoji(tag.name, tag.attributes)
        if not self.within_emoji:
            self._mark(tag)
        newlines = gap(tag.name, tag.attributes)
        if newlines:
            self.due, self.space = max(self.due, newlines), False
            self.line_start = True
        elif tag.name in ("td", "th"):
            self.due, self.space = 0, False

    def _mark(self, tag: _Open) -> None:
        """Remember the entity that the tag was, if any."""
        start, length = tag.start, max(self.length - tag.start, 0)
        if tag.name == "a":
            type_, told = link(tag.attributes, self._since(start)) if length else ("", "")
        else:
            type_ = kind(tag.name, tag.attributes)
            told = value(type_, tag.attributes)
        if not type_ or (type_ == "code" and self.within_pre):
            return
        if type_ == "pre":
            told = told or self.language
        if length or type_ in _EMPTY:
            attrs = details(type_, tag.name, tag.attributes)
            entity = Entity(type=type_, offset=start, length=length, value=told, attrs=attrs)
            self.found.append((tag.order, entity))

    def _since(self, start: int) -> str:
        """The text from an offset on."""
        pieces, missing = [], self.length - start
        for piece in reversed(self.pieces):
            if missing <= 0:
                break
            pieces.append(piece)
            missing -= len(piece)
        return "".join(reversed(pieces))[start - self.length :]

    def result(self) -> tuple[str, list[Entity]]:
        """The trimmed text, and the entities clamped to it."""
        text = "".join(self.pieces).rstrip()
        left = len(text) - len(text.lstrip())
        text = text[left:]
        entities = []
        for _, entity in sorted(self.found, key=lambda one: (one[1].offset, one[0])):
            start = min(max(entity.offset - left, 0), len(text))
            end = min(max(entity.offset + entity.length - left, 0), len(text))
            if start < end or (start == end and entity.type in _EMPTY):
                if (start, end - start) != (entity.offset, entity.length):
                    entity = replace(entity, offset=start, length=end - start)
                entities.append(entity)
        return text, entities
