"""Telegram's own HTML → text and entities.

Two writers: Telegram Desktop's export (``export/output/export_output_html.cpp`` of
https://github.com/telegramdesktop/tdesktop) and the preview pages t.me/s/<channel>. Both write a
newline of the text as ``<br>``; newlines of the source are layout.
"""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from crosspost.model import Entity

_PLAIN: Final = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "del": "strikethrough",
    "strike": "strikethrough",
    "code": "code",
    "pre": "pre",
    "mark": "marked",
    "sub": "subscript",
    "sup": "superscript",
    "blockquote": "blockquote",
    "tg-spoiler": "spoiler",
    "tg-emoji": "custom_emoji",
    "tg-time": "date",
}
_SILENT: Final = frozenset({"script", "style", "template", "head", "title", "noscript", "iframe"})
_LINES: Final = frozenset({
    "p", "div", "li", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6",
})  # fmt: skip
_CALLS: Final = {
    "ShowHashtag": "hashtag",
    "ShowCashtag": "cashtag",
    "ShowBotCommand": "bot_command",
    "ShowMentionName": "mention_name",
    "ShowNotLoadedEmoji": "custom_emoji",
    "ShowNotAvailableEmoji": "custom_emoji",
}
_CALL: Final = re.compile(r"(Show\w+)\s*\(")
_MENTION: Final = re.compile(r"(?:https?://)?(?:t\.me|telegram\.me)/(\w+)/?", re.ASCII | re.I)
_LANGUAGE: Final = re.compile(r"(?:^|\s)language-(\S+)")
_USER: Final = re.compile(r"tg://user\?id=(\d+)", re.ASCII)
_SOURCE: Final = re.compile(r"[ \t\r\f]*\n[ \t\r\n\f]*")
_STICKER: Final = re.compile(r"\.(?:webp|tgs|webm|png)$", re.IGNORECASE)
_END: Final = object()


def from_html(element: Any) -> tuple[str, list[Entity]]:
    """The text inside an ``lxml`` element or a ``bs4`` tag and its entities, in the order in
    which they open, offsets in code points.

    White space at both ends goes, newlines of the source too; entities end with the text. A link
    whose text is its address is a ``url`` (an email, a phone, a mention, a hashtag …), any other
    a ``text_link`` with its address in ``value`` as it was: ``safe_url`` decides when it is shown.
    Plain emoji that the page shows as pictures are text, custom ones entities. Never raises.
    """
    reader = _Reader()
    for event in _walk(element):
        if isinstance(event, str):
            reader.text(event)
        elif event is _END:
            reader.close()
        else:
            reader.open(*event)
    return reader.result()


# --- One walk over two kinds of trees -----------------------------------------------------------


def _walk(element: Any) -> Iterator[Any]:
    """(name, attributes) at each tag, its text, ``_END``; without recursion."""
    inside = _tag_children if hasattr(element, "contents") else _element_children
    stack = [inside(element)]
    while stack:
        for child in stack[-1]:
            if isinstance(child, str):
                yield child
                continue
            name, attributes = _described(child)
            yield name, attributes
            stack.append(inside(child) if name not in _SILENT else iter(()))
            break
        else:
            stack.pop()
            if stack:
                yield _END


def _element_children(element: Any) -> Iterator[Any]:
    if element.text:
        yield element.text
    for child in element:
        if isinstance(child.tag, str):
            yield child
        if child.tail:
            yield child.tail


def _tag_children(tag: Any) -> Iterator[Any]:
    """A comment, a declaration and the like are strings of their own classes."""
    for child in tag.contents:
        if not isinstance(child, str):
            yield child
        elif type(child).__name__ in ("NavigableString", "CData"):
            yield str(child)


def _described(element: Any) -> tuple[str, dict[str, str]]:
    name = element.name if hasattr(element, "contents") else element.tag
    attributes = {}
    for key, value in element.attrs.items() if hasattr(element, "attrs") else element.items():
        attributes[key] = " ".join(value) if isinstance(value, list) else str(value)
    return str(name).lower(), attributes


# --- What the tags say --------------------------------------------------------------------------


class _Reader:
    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length = 0
        self.line_start = True
        self.space = False
        self.within_pre = 0
        self.language = ""
        self.within_emoji = 0
        self.open_tags: list[tuple[str, dict[str, str], int, int]] = []
        self.found: list[tuple[int, int, Entity]] = []
        self.count = 0

    def text(self, text: str) -> None:
        if self.within_pre:
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
        if self.space:
            self.space = False
            self.pieces.append(" ")
            self.length += 1
        self.pieces.append(text)
        self.length += len(text)
        self.line_start = text.endswith("\n")

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "br":
            self.space = False
            self._add("\n")
        elif name == "img" and "emoji" in attributes.get("class", ""):
            self._add(attributes.get("alt", ""))
        elif name in _LINES:
            self._line()
        if name == "pre":
            self.language = ""
        elif name == "code" and self.within_pre:
            self.language = _language(attributes)
        self.within_pre += name == "pre"
        self.within_emoji += _is_emoji(name, attributes)
        self.count += 1
        place = self.length + self.space
        self.open_tags.append((name, attributes, place, self.count))

    def close(self) -> None:
        name, attributes, start, order = self.open_tags.pop()
        if name in _LINES:
            self._line()
        self.within_pre -= name == "pre"
        inside_emoji = self.within_emoji
        self.within_emoji -= _is_emoji(name, attributes)
        if start >= self.length or (inside_emoji and name != "tg-emoji"):
            return
        entity = self._entity(name, attributes, start)
        if entity is not None:
            self.found.append((start, order, entity))

    def _line(self) -> None:
        self.space = False
        if not self.line_start:
            self._add("\n")

    def _entity(self, name: str, attributes: dict[str, str], start: int) -> Entity | None:
        length = self.length - start
        if name == "a":
            return _link(attributes, start, self._since(start))
        if name == "span":
            names = attributes.get("class", "").split()
            kind = "spoiler" if {"spoiler", "tg-spoiler"} & set(names) else ""
            return Entity(type=kind, offset=start, length=length) if kind else None
        kind = _PLAIN.get(name, "")
        if not kind or (kind == "code" and self.within_pre):
            return None
        value, attrs = "", {}
        if kind == "pre":
            value = _language(attributes) or self.language
        elif kind == "custom_emoji":
            value = attributes.get("emoji-id", "")
        elif kind == "date":
            value = attributes.get("unix", "")
        elif kind == "blockquote" and _is_collapsed(attributes):
            attrs = {"collapsed": "true"}
        return Entity(type=kind, offset=start, length=length, value=value, attrs=attrs)

    def _since(self, start: int) -> str:
        """The text from an offset on."""
        pieces, missing = [], self.length - start
        for piece in reversed(self.pieces):
            if missing <= 0:
                break
            pieces.append(piece)
            missing -= len(piece)
        text = "".join(reversed(pieces))
        return text[-(self.length - start) :]

    def result(self) -> tuple[str, list[Entity]]:
        """The trimmed text, and the entities clamped to it."""
        text = "".join(self.pieces).rstrip()
        left = len(text) - len(text.lstrip())
        text = text[left:]
        entities = []
        for start, _, entity in sorted(self.found, key=lambda one: one[:2]):
            first = max(start - left, 0)
            last = min(start - left + entity.length, len(text))
            if first < last:
                entities.append(
                    Entity(
                        type=entity.type,
                        offset=first,
                        length=last - first,
                        value=entity.value,
                        attrs=entity.attrs,
                    )
                )
        return text, entities


def _language(attributes: dict[str, str]) -> str:
    found = _LANGUAGE.search(attributes.get("class", ""))
    return found[1] if found else attributes.get("language", "")


def _is_emoji(name: str, attributes: dict[str, str]) -> bool:
    return name == "tg-emoji" or (name == "i" and "emoji" in attributes.get("class", "").split())


def _is_collapsed(attributes: dict[str, str]) -> bool:
    names = attributes.get("class", "")
    return "expandable" in attributes or "expandable" in names or "collapsed" in names


def _link(attributes: dict[str, str], start: int, text: str) -> Entity | None:
    kind, value = _kind(attributes, text)
    if not kind:
        return None
    return Entity(type=kind, offset=start, length=len(text), value=value)


def _kind(attributes: dict[str, str], text: str) -> tuple[str, str]:
    """What a link is, and its value."""
    href = attributes.get("href", "").strip()
    call = _CALL.search(attributes.get("onclick", ""))
    if call and call[1] in _CALLS:
        return _CALLS[call[1]], ""
    if not href or href == "#":
        return "", ""
    sought = unquote(href.rpartition("?q=")[2]) if "?q=" in href else ""
    if text[:1] in ("#", "$") and sought == text.partition("@")[0]:
        return ("hashtag" if text[0] == "#" else "cashtag"), ""
    user = _USER.fullmatch(href)
    if user:
        return "mention_name", user[1]
    scheme, _, rest = href.partition(":")
    if scheme == "mailto":
        return ("email", "") if _same(rest, text) else ("text_link", href)
    if scheme == "tel":
        return ("phone", "") if _digits(rest) == _digits(text) else ("text_link", href)
    mention = _MENTION.fullmatch(href)
    if mention and text.lower() == f"@{mention[1]}".lower():
        return "mention", ""
    if _STICKER.search(href) and ":" not in href and not href.startswith("/"):
        return "custom_emoji", ""
    href = _unwrapped(href)
    return ("url", "") if _same(href, text) else ("text_link", href)


def _unwrapped(href: str) -> str:
    """The page behind the address of its Instant View."""
    try:
        parts = urlsplit(href)
        if parts.hostname == "t.me" and parts.path == "/iv":
            return parse_qs(parts.query).get("url", [href])[0]
    except ValueError:
        pass
    return href


def _same(address: str, text: str) -> bool:
    """Whether the text is the address, as far as Telegram changes one for the other."""
    first, second = (
        re.sub(r"^https?://", "", unquote(one).strip(), flags=re.IGNORECASE).rstrip("/").lower()
        for one in (address, text)
    )
    return first == second


def _digits(number: str) -> str:
    return re.sub(r"\D", "", unquote(number))
