"""Elements of Telegram's pages: their classes, words, counts and addresses."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

LARGEST_ID: Final = 2**31 - 1
POST_LINK: Final = re.compile(
    r"https?://(?:t|telegram)\.(?:me|dog)/(?:s/)?([A-Za-z0-9_]{1,64})/(?:\d+/)?(\d{1,10})(?:\?.*)?",
    re.ASCII,
)
"""A link to a post: the channel's name and the id."""

_COUNT: Final = re.compile(r"([\d\s.,]*\d)\s*([KMB]?)", re.ASCII)
_BACKGROUND: Final = re.compile(r"background-image\s*:\s*url\(\s*(['\"]?)(.*?)\1\s*\)", re.ASCII)
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_CUT: Final = "Cut"
"""The name of what is taken out. A parser of HTML writes all names small."""
_STYLE: Final = 16_384
"""Characters of a style that are looked at."""


def tree(body: bytes) -> "Element":
    """The root of a page's tree; an empty one for what is no HTML at all. Bytes that are no UTF-8
    become U+FFFD, and what lies deeper than libxml2's limit is left out."""
    from lxml import etree

    root: Element | None = None
    with suppress(etree.LxmlError):
        root = etree.fromstring(body, etree.HTMLParser(encoding="utf-8"))
    if root is None:
        return etree.Element("html")
    root.extend(list(root.itersiblings("*")))  # what stands behind a stray </html>
    return root


def attribute(tag: "Element | None", name: str) -> str:
    """An attribute's value, "" where there is none."""
    return tag.get(name, "") if tag is not None else ""


def classes(tag: "Element") -> list[str]:
    """The class names of an element."""
    return tag.get("class", "").split()


def words(tag: "Element | None") -> str:
    """The text a person sees in an element, its line breaks kept, its edges trimmed."""
    if tag is None:
        return ""
    found = _texts()(tag) if len(tag) else [tag.text or ""]
    parts = [_SPACE.sub(" ", one) if isinstance(one, str) else "\n" for one in found]
    return "\n".join(part.strip() for part in "".join(parts).split("\n")).strip()


@cache
def _texts() -> Callable[["Element"], Any]:
    """The texts in an element that a browser shows, and its ``<br>``."""
    from lxml.etree import XPath

    unseen = "parent::script or parent::style or parent::template or parent::rt or parent::rp"
    return XPath(f"descendant::br | descendant::text()[not({unseen})]", smart_strings=False)


def line(tag: "Element | None") -> str:
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


def style(tag: "Element | None") -> str:
    """The beginning of an element's style."""
    return attribute(tag, "style")[:_STYLE]


def background(tag: "Element | None", base: str) -> str:
    """The address of an element's background picture."""
    found = _BACKGROUND.search(style(tag))
    return address(found[2], base) if found else ""


def inside(tag: "Element | None", name: str, **attributes: str) -> "Element | None":
    """The first element of this name and these attributes in ``tag``."""
    if tag is None:
        return None
    wanted = attributes.items()
    found = tag.iterdescendants(name)
    return next((one for one in found if all(one.get(key) == told for key, told in wanted)), None)


def elements(tag: "Element") -> Iterator["Element"]:
    """The elements in ``tag``, in order."""
    return tag.iterdescendants("*")


def every(tag: "Element", name: str) -> Iterator["Element"]:
    """The elements of this class in ``tag``, in order."""
    return (one for one in elements(tag) if name in one.get("class", "") and name in classes(one))


def first(tag: "Element | None", name: str) -> "Element | None":
    """The first element of this class in ``tag``."""
    return next(every(tag, name), None) if tag is not None else None


class Parts:
    """The elements in another by their class names: one walk for many a question."""

    def __init__(self, found: Iterable["Element"]) -> None:
        self.count = 0
        self._named = named = dict[str, list["Element"]]()
        for self.count, one in enumerate(found, 1):
            for name in one.get("class", "").split():
                same = named.get(name)
                if same is None:
                    named[name] = [one]
                elif same[-1] is not one:  # which may say its class twice
                    same.append(one)

    def every(self, name: str) -> Sequence["Element"]:
        """The elements of this class, in order."""
        return self._named.get(name, ())

    def first(self, name: str) -> "Element | None":
        """The first element of this class."""
        return self._named[name][0] if name in self._named else None


def cut(tag: "Element", parts: Sequence["Element"]) -> None:
    """Takes ``parts`` out of ``tag``; the words behind each of them stay."""
    from lxml.etree import strip_elements

    for part in parts:
        part.tag = _CUT
    strip_elements(tag, _CUT, with_tail=False)
