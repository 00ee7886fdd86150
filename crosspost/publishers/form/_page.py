"""A web page and its forms, as a browser sees them.

    Page   an answer that is HTML
    Form   one form of it, with its controls

https://html.spec.whatwg.org/multipage/form-control-infrastructure.html (form submission).
"""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from crosspost.errors import PublisherError
from crosspost.publishers.form._controls import (
    PRESSED,
    Control,
    File,
    attr,
    controls,
    joined,
    labels,
    owned,
    printable,
)

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

    from crosspost.publishers.form._controls import Labels

_CHARSET: Final = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)


def decoded(kind: str, body: bytes) -> str:
    """The text of an answer, in the encoding that its header or its first lines name."""
    found = _CHARSET.search(kind) or _CHARSET.search(body[:2048].decode("latin-1"))
    return body.decode(_codec(found[1] if found else "") or "utf-8", "replace")


def _codec(name: str) -> str:
    """The encoding's name; "" for what no page can be in, whatever Python makes of it."""
    import codecs

    try:
        b"\xff".decode(name, "replace")
        "я".encode(name, "xmlcharrefreplace")
        return codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError):
        return ""


class Page:
    """An answer that is HTML. ``hops`` are the addresses that led here, the last is ``url``."""

    def __init__(
        self, url: str, status: int, kind: str, body: bytes, hops: tuple[str, ...] = ()
    ) -> None:
        self.url, self.status, self.body, self.hops = url, status, body, hops
        self._kind = kind
        self._soup: BeautifulSoup | None = None

    @property
    def soup(self) -> "BeautifulSoup":
        if self._soup is None:
            import warnings

            from bs4 import BeautifulSoup

            given = _CHARSET.search(self._kind)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is odd about the page helps nobody
                self._soup = BeautifulSoup(
                    self.body, "lxml", from_encoding=given[1] if given else None
                )
        return self._soup

    @cached_property
    def labels(self) -> "Labels":
        return labels(self.soup)

    @property
    def encoding(self) -> str:
        """What a browser sends this page's forms in."""
        return _codec(str(self.soup.original_encoding or "")) or "utf-8"

    @property
    def base(self) -> str:
        """What its links start from."""
        found = self.soup.find("base", href=True)
        return (joined(self.url, attr(found, "href")) if found else "") or self.url

    @property
    def asks_password(self) -> bool:
        """Whether it is a login page."""
        return self.soup.select_one("form input[type=password]") is not None

    @property
    def text(self) -> str:
        return printable(self.soup.get_text(" "))

    def select(self, selector: str) -> list["Tag"]:
        """What a selector of the config finds. Raises ``PublisherError`` when it is none."""
        from soupsieve import SelectorSyntaxError

        try:
            return list(self.soup.select(selector))
        except (SelectorSyntaxError, NotImplementedError) as error:
            raise PublisherError(
                f"«{selector}» is no CSS selector ({str(error).splitlines()[0]}). Correct it in "
                "the settings of the site."
            ) from error

    def link(self, selector: str) -> str:
        """The address in the first thing that the selector finds: a link's, a picture's, a
        field's, or its words. "" when there is none."""
        found = next(iter(self.select(selector)), None)
        if found is None:
            return ""
        address = next(
            (attr(found, name) for name in ("href", "src", "value") if found.get(name)),
            found.get_text().strip(),
        )
        return joined(self.base, address) if address else ""

    def links(self, selector: str) -> list[str]:
        """The addresses of all links that the selector finds."""
        found = self.select(selector)
        return [joined(self.base, attr(one, "href")) for one in found if one.get("href")]

    def forms(self) -> list["Form"]:
        return [Form(self, tag) for tag in self.soup.find_all("form")]

    def form(self, names: Iterable[str], selector: str = "") -> "Form | None":
        """The form that has most of these fields, one of them at least."""
        wanted = set(names)
        tags = [one for one in self.select(selector or "form") if one.name == "form"]
        fitting = [
            len(wanted & {attr(one, "name") for one in owned(self.soup, tag)}) for tag in tags
        ]
        most = max(fitting, default=0)
        return Form(self, tags[fitting.index(most)]) if most else None


class Form:
    """A form of a page, as it was given; filling its controls changes what is sent."""

    def __init__(self, page: Page, tag: "Tag") -> None:
        self.page, self.tag = page, tag
        self.controls = list(controls(page.soup, tag, page.labels))
        self.buttons = [one for one in self.controls if one.kind in PRESSED]

    @property
    def names(self) -> set[str]:
        return {one.name for one in self.controls if one.name}

    def control(self, name: str) -> Control | None:
        """The control of this name; a visible one before a hidden one, as with Rails' boxes."""
        found = [one for one in self.controls if one.name == name]
        return next((one for one in found if one.kind != "hidden"), found[0] if found else None)

    def button(self, names: Iterable[str] = ()) -> Control | None:
        """The first of these buttons that is there, by name, value or words; without names the
        form's first, which a browser presses on Enter."""
        given = list(names)
        for name in given:
            for one in self.buttons:
                if name and name in (one.name, one.value, one.label) and not one.disabled:
                    return one
        usable = [one for one in self.buttons if not one.disabled]
        return usable[0] if usable and not given else None

    def action(self, button: Control | None = None) -> str:
        own = attr(button.tag, "formaction") if button is not None and button.tag else ""
        return joined(self.page.base, own or attr(self.tag, "action") or self.page.url)

    def method(self, button: Control | None = None) -> str:
        own = attr(button.tag, "formmethod") if button is not None and button.tag else ""
        found = (own or attr(self.tag, "method") or "get").upper()
        return found if found in ("GET", "POST") else "GET"

    def is_multipart(self, button: Control | None = None) -> bool:
        own = attr(button.tag, "formenctype") if button is not None and button.tag else ""
        return (own or attr(self.tag, "enctype")).strip().lower() == "multipart/form-data"

    @property
    def encoding(self) -> str:
        given = attr(self.tag, "accept-charset").replace(",", " ").split()
        return next(filter(None, map(_codec, given)), self.page.encoding)

    def entries(self, button: Control | None) -> list[tuple[str, str | File | None]]:
        """What a browser sends when ``button`` is pressed, in the page's order."""
        found: list[tuple[str, str | File | None]] = []
        for one in self.controls:
            if one.kind not in PRESSED:
                found += one.entries()
            elif one is button and one.kind == "image":
                dot = f"{one.name}." if one.name else ""
                found += [(f"{dot}x", "0"), (f"{dot}y", "0")]
            elif one is button:
                found += one.entries()
        return [(name, self.encoding if name == "_charset_" else value) for name, value in found]
