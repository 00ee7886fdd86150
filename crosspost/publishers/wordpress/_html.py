"""Pieces of HTML that mean one thing to WordPress, and a parsed fragment's parts.

WordPress reads more than HTML in a text: shortcodes in square brackets, and addresses that stand
alone, which it asks for and embeds. ``words`` takes both their meaning, as the editor's own code
block does. Classes of ours begin with ``crosspost-``, since a theme may have its own ``card``.
"""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Final

from crosspost.markup import sanitize
from crosspost.model import Upload

if TYPE_CHECKING:
    from bs4 import Tag
    from bs4.element import PageElement

_ALONE: Final = re.compile(r"(https?:)//", re.IGNORECASE)


def words(text: str) -> str:
    """Plain text as HTML that means nothing else to WordPress."""
    return _ALONE.sub(r"\1&#47;&#47;", escape(text, quote=False).replace("[", "&#91;"))


def attribute(value: str) -> str:
    return escape(value).replace("[", "&#91;")


def parsed(fragment: str) -> "Tag":
    from bs4 import BeautifulSoup

    return BeautifulSoup(sanitize(fragment), "html.parser")


def comment(name: str, attributes: Mapping[str, Any], html: str) -> str:
    """A block, its attributes written as ``serialize_block_attributes`` does."""
    given = ""
    if attributes:
        given = json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))
        for char, code in (("--", "\\u002d\\u002d"), ("<", "\\u003c"), (">", "\\u003e"),
                           ("&", "\\u0026"), ('\\"', "\\u0022")):  # fmt: skip
            given = given.replace(char, code)
        given = f" {given}"
    return f"<!-- wp:{name}{given} -->\n{html}\n<!-- /wp:{name} -->"


def inner(blocks: list[str]) -> str:
    return "\n\n".join(blocks)


def caption(html: str) -> str:
    return f'<figcaption class="wp-element-caption">{html}</figcaption>' if html else ""


def class_(name: str) -> str:
    return f' class="{name}"' if name else ""


def joined(first: str, name: str) -> str:
    return f"{first} {name}".strip()


def classes(node: "PageElement") -> list[str]:
    from bs4 import Tag

    found = node.attrs.get("class", ()) if isinstance(node, Tag) else ()
    return found.split() if isinstance(found, str) else list(found)


def ours(node: "Tag") -> str:
    return " ".join(f"crosspost-{one}" for one in classes(node))


def name(node: "PageElement") -> str:
    return str(getattr(node, "name", None) or "")


def value(node: "Tag", name: str) -> str:
    found = node.get(name)
    return " ".join(found) if isinstance(found, list) else str(found or "")


def number(address: str) -> int:
    digits = address.partition(":")[2]
    return int(digits) if re.fullmatch(r"-?\d{1,18}", digits, re.ASCII) else -1


def media_id(upload: Upload) -> int:
    return int(upload.id) if upload.id.isascii() and upload.id.isdigit() else 0
