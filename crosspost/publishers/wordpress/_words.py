"""Words with their formatting, as a block holds them.

What the filter for authors drops (``kses``: time, meter, tabindex, addresses such as tg:) is not
written in the first place. A spoiler is the editor's own highlight, in one colour.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from crosspost.model import Article, Upload
from crosspost.publishers.wordpress import _html

if TYPE_CHECKING:
    from bs4 import Tag
    from bs4.element import PageElement

_KEPT: Final = frozenset(
    {"strong", "em", "u", "s", "mark", "sub", "sup", "ins", "del", "small", "cite", "code"}
)
INLINE: Final = _KEPT | {"a", "span", "br", "time"}
"""What stands inside a paragraph."""
_SCHEMES: Final = ("http:", "https:", "mailto:", "tel:")
RAW: Final = frozenset({
    "p", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "details", "summary", "ul", "ol", "li",
    "dl", "dt", "dd", "hr", "table", "caption", "thead", "tbody", "tr", "th", "td", "div",
    "figure", "figcaption",
})  # fmt: skip
"""What stands on lines of its own."""
_HIDDEN: Final = "background-color:#1e1e1e;color:#1e1e1e"
_DEPTH: Final = 96
"""Formatting deeper than this is left out."""


class Words:
    """Writes one article. ``address`` answers the address of a post of the blog or ""; ``hidden``
    and ``more`` are the words above a covered picture and above a details block without any."""

    def __init__(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        address: Callable[[int], str],
        hidden: str,
        more: str,
    ) -> None:
        self._article, self._uploads, self._address = article, uploads, address
        self._hidden, self._more = hidden, more

    def _fragment(self, html: str) -> str:
        return self.inline(_html.parsed(html)).strip() if html else ""

    def inline(self, node: "Tag", depth: int = 0) -> str:
        """The words of a node with their formatting; blocks in it leave theirs, on lines of their
        own."""
        out = ""
        for child in node.children:
            piece = self._word(child, depth)
            if _html.name(child) in RAW and out and piece and not out.endswith("<br>"):
                out += "<br>"
            out += piece
        return out

    def _word(self, child: "PageElement", depth: int) -> str:
        from bs4 import NavigableString, Tag

        if isinstance(child, NavigableString):
            return _html.words(str(child))
        if not isinstance(child, Tag):
            return ""
        name = child.name
        if name == "br":
            return "<br>"
        if name in ("img", "video", "audio", "meter"):
            return ""
        if depth > _DEPTH:
            return _html.words(child.get_text())
        inside = self.inline(child, depth + 1)
        if name == "a":
            return self._anchor(child, inside)
        if name == "span" and "spoiler" in _html.classes(child):
            return f'<mark style="{_HIDDEN}" class="has-inline-color">{inside}</mark>'
        return f"<{name}>{inside}</{name}>" if name in _KEPT and inside else inside

    def _anchor(self, node: "Tag", inside: str) -> str:
        href = str(node.get("href", ""))
        if href.startswith("post:"):
            href = self._address(_html.number(href))
        elif href.startswith("media:"):
            upload = self._uploads.get(_html.number(href))
            href = upload.url if upload else ""
        if not href.lower().startswith(_SCHEMES) or not inside:
            return inside
        more = "".join(
            f' {name}="{_html.attribute(_html.value(node, name))}"'
            for name in ("rel", "title")
            if node.get(name)
        )
        return f'<a href="{_html.attribute(href)}"{more}>{inside}</a>'
