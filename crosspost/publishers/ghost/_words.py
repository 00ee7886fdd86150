"""Words with their formatting, as Ghost's converter keeps them.

``source=html`` drops tags that it does not know together with the spaces around them, so only what
Lexical has is written: bold, italic, underlined, struck, code, sub- and superscript, links, breaks.
"""

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

from crosspost.markup import sanitize
from crosspost.model import Article, Upload

if TYPE_CHECKING:
    from bs4 import Tag
    from bs4.element import PageElement

_KEPT: Final = {
    "strong": "strong", "em": "em", "u": "u", "ins": "u", "s": "s", "del": "s", "code": "code",
    "sub": "sub", "sup": "sup",
}  # fmt: skip
INLINE: Final = frozenset({*_KEPT, "a", "span", "br", "time", "mark", "small", "cite", "meter"})
"""What stands inside a paragraph."""
RAW: Final = frozenset({
    "p", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "details", "summary", "ul", "ol", "li",
    "dl", "dt", "dd", "hr", "table", "caption", "thead", "tbody", "tr", "th", "td", "div",
    "figure", "figcaption", "section", "aside",
})  # fmt: skip
"""What stands on lines of its own."""
_SCHEMES: Final = ("http:", "https:", "mailto:", "tel:", "tg:")
_DEPTH: Final = 64
"""Formatting deeper than this is left out."""


class Wording(NamedTuple):
    """What cards say in our words: above a covered picture, above folded text without a summary,
    and as the title of a voice message and of a file without a name."""

    hidden: str = ""
    more: str = ""
    voice: str = ""
    file: str = ""


class Words:
    """Writes one article. ``address`` answers the address of a post of the blog or ""."""

    def __init__(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        address: Callable[[int], str],
        wording: Wording,
    ) -> None:
        self._article, self._uploads = article, uploads
        self._address, self._say = address, wording

    def fragment(self, html: str) -> str:
        """An inline fragment of the article, as the site may have it."""
        return self.inline(parsed(html)).strip() if html else ""

    def _paragraph(self, html: str) -> list[str]:
        return [f"<p>{html.strip()}</p>"] if html.strip() else []

    def inline(self, node: "Tag", depth: int = 0, covered: str = "") -> str:
        """The words of a node with their formatting; blocks in it leave theirs, on lines of their
        own. ``covered`` is the opening tag for words that are hidden until one looks."""
        out = ""
        for child in node.children:
            piece = self.word(child, depth, covered)
            if name(child) in RAW and out and piece and not out.endswith("<br>"):
                out += "<br>"
            out += piece
        return out

    def word(self, child: "PageElement", depth: int, covered: str = "") -> str:
        from bs4 import NavigableString, Tag

        if isinstance(child, NavigableString):
            return escape(str(child), quote=False)
        if not isinstance(child, Tag) or child.name in ("img", "video", "audio", "meter"):
            return ""
        if child.name == "br":
            return "<br>"
        if depth > _DEPTH:
            return escape(child.get_text(), quote=False)
        inside = self.inline(child, depth + 1, covered)
        if child.name == "a":
            return self._anchor(child, inside)
        if covered and child.name == "span" and "spoiler" in classes(child):
            return f"{covered}{inside}</span>"
        kept = _KEPT.get(child.name, "")
        return f"<{kept}>{inside}</{kept}>" if kept and inside else inside

    def _anchor(self, node: "Tag", inside: str) -> str:
        href = value(node, "href")
        if href.startswith("post:"):
            href = self._address(number(href))
        elif href.startswith("media:"):
            upload = self._uploads.get(number(href))
            href = upload.url if upload else ""
        if not href.lower().startswith(_SCHEMES) or not inside:
            return inside
        rel = f' rel="{escape(value(node, "rel"))}"' if node.get("rel") else ""
        return f'<a href="{escape(href)}"{rel}>{inside}</a>'


def parsed(fragment: str) -> "Tag":
    """The fragment's tree, with nothing in it that an article may not hold."""
    from bs4 import BeautifulSoup

    return BeautifulSoup(sanitize(fragment), "html.parser")


def name(node: "PageElement") -> str:
    return str(getattr(node, "name", None) or "")


def value(node: "Tag", name: str) -> str:
    found = node.get(name)
    return " ".join(found) if isinstance(found, list) else str(found or "")


def classes(node: "PageElement") -> list[str]:
    from bs4 import Tag

    return value(node, "class").split() if isinstance(node, Tag) else []


def number(address: str) -> int:
    """The index in ``media:<n>`` or the id in ``post:<n>``, -1 in anything else."""
    digits = address.partition(":")[2]
    return int(digits) if re.fullmatch(r"\d{1,18}", digits, re.ASCII) else -1
