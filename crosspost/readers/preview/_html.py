"""Elements of Telegram's pages: their classes, words, counts and addresses."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from bs4 import Tag

LARGEST_ID: Final = 2**31 - 1
POST_LINK: Final = re.compile(
    r"https?://(?:t|telegram)\.(?:me|dog)/(?:s/)?([A-Za-z0-9_]{1,64})/(?:\d+/)?(\d{1,10})(?:\?.*)?",
    re.ASCII,
)
"""A link to a post: the channel's name and the id."""

_COUNT: Final = re.compile(r"([\d\s.,]*\d)\s*([KMB]?)", re.ASCII)
_BACKGROUND: Final = re.compile(r"background-image\s*:\s*url\(\s*(['\"]?)(.*?)\1\s*\)", re.ASCII)
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_STYLE: Final = 16_384
"""Characters of a style that are looked at."""


def attribute(tag: "Tag | None", name: str) -> str:
    """An attribute's value, "" where there is none."""
    value = tag.get(name) if tag is not None else None
    return value if isinstance(value, str) else " ".join(value or ())


def classes(tag: "Tag") -> list[str]:
    """The class names of an element."""
    value: str | list[str] = tag.attrs.get("class", [])
    return value.split() if isinstance(value, str) else value


def words(tag: "Tag | None") -> str:
    """The text a person sees in an element, its line breaks kept, its edges trimmed."""
    if tag is None:
        return ""
    from bs4 import NavigableString, Tag

    parts = []
    for node in tag.descendants:
        if isinstance(node, Tag):
            parts.append("\n" if node.name == "br" else "")
        elif type(node) is NavigableString:
            parts.append(_SPACE.sub(" ", node))
    return "\n".join(part.strip() for part in "".join(parts).split("\n")).strip()


def line(tag: "Tag | None") -> str:
    """The same on one line."""
    return " ".join(words(tag).split())


def count(text: str) -> int | None:
    """``1.2K`` → 1200, ``10 518`` → 10518, "" → None."""
    found = _COUNT.match(text)
    if not found:
        return None
    number, factor = found[1], {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}[found[2]]
    digits = re.sub(r"[\s,]" if factor > 1 else r"[\s.,]", "", number)
    with suppress(ValueError):
        return round(float(digits[:15]) * factor)
    return None


def address(url: str, base: str) -> str:
    """An absolute http(s) address, "" for anything else (``data:`` pictures among them)."""
    with suppress(ValueError):
        url = urljoin(base, url.strip()) if url.strip() else ""
        return url if urlsplit(url).scheme in ("http", "https") else ""
    return ""


def style(tag: "Tag | None") -> str:
    """The beginning of an element's style."""
    return attribute(tag, "style")[:_STYLE]


def background(tag: "Tag | None", base: str) -> str:
    """The address of an element's background picture."""
    found = _BACKGROUND.search(style(tag))
    return address(found[2], base) if found else ""


def inside(tag: "Tag | None", name: str | None = None, **attributes: Any) -> "Tag | None":
    """The first element of this name and these attributes in ``tag``."""
    from bs4 import Tag

    found = tag.find(name, **attributes) if tag is not None else None
    return found if isinstance(found, Tag) else None


def elements(tag: "Tag") -> Iterator["Tag"]:
    """The elements in ``tag``, in order. Cheaper than ``find_all``, which weighs every one."""
    from bs4 import Tag

    return (node for node in tag.descendants if isinstance(node, Tag))


def every(tag: "Tag", name: str) -> Iterator["Tag"]:
    """The elements of this class in ``tag``, in order."""
    return (node for node in elements(tag) if name in classes(node))


def first(tag: "Tag | None", name: str) -> "Tag | None":
    """The first element of this class in ``tag``."""
    return next(every(tag, name), None) if tag is not None else None
