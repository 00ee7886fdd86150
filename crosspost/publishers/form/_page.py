"""A web page and its forms, by HTML's own rules for what a browser would send.

    Page       an answer that is HTML
    Form       one form of it, with its controls
    Control    one field, filled or left as it is
    complaints what a page says is wrong, by field

The rules are those of https://html.spec.whatwg.org/multipage/form-control-infrastructure.html
(constructing the entry list, form submission).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from urllib.parse import quote_plus, urljoin

from crosspost.publishers._web import short

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_PRESSED: Final = ("submit", "image")
_IDLE: Final = ("button", "reset")
_CHARSET: Final = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_HIDDEN: Final = re.compile(r"(^|[-_])(hide|hidden|d-none|invisible|sr-only)([-_]|$)")
_COMPLAINT: Final = (
    "ul.errorlist li",
    ".errornote",
    ".error",
    ".errors",
    ".errorMessage",
    ".error-message",
    ".field-error",
    ".form-error",
    ".has-error .help-block",
    ".invalid-feedback",
    ".alert-danger",
    ".alert-error",
    ".notice-error",
    ".messages--error",
    "[role=alert]",
)
"""How Django, WordPress, Drupal, Rails, Yii and Bootstrap mark what is wrong."""
_SEEN: Final = "input:not([type=hidden]), select, textarea"
_ROW: Final = 3
"""A row of more fields than a date has is none."""
_LABELLED: Final = "label, th, legend, dt"


class File(NamedTuple):
    """A file to send."""

    path: Path
    name: str
    mime: str


@dataclass
class Choice:
    """An option, a box or a button of a group."""

    value: str
    label: str
    chosen: bool
    disabled: bool = False


@dataclass
class Control:
    """A field. ``kind``: the tag, or an input's type. ``value`` is what it holds, but for choices
    (select, checkbox, radio), which have theirs. ``label`` is what a person reads beside it;
    ``listed``: a select that shows several lines; ``shown`` is what the site has for a file."""

    name: str
    kind: str
    label: str = ""
    value: str = ""
    choices: list[Choice] = field(default_factory=list)
    multiple: bool = False
    required: bool = False
    disabled: bool = False
    longest: int = 0
    listed: bool = False
    shown: str = ""
    file: File | None = None
    tag: Any = None

    @property
    def has_choices(self) -> bool:
        return self.kind in ("select", "checkbox", "radio")

    @property
    def chosen(self) -> list[Choice]:
        """The choices as a browser shows them: a list without one shows its first."""
        found = [one for one in self.choices if one.chosen]
        if not self.multiple and self.kind != "checkbox":
            found = found[-1:]
        if not found and self.kind == "select" and not self.multiple and not self.listed:
            found = [one for one in self.choices if not one.disabled][:1]
        return found

    @property
    def held(self) -> tuple[str, ...]:
        """What it says now, for a comparison."""
        return tuple(one.value for one in self.chosen) if self.has_choices else (self.value,)

    @property
    def is_empty(self) -> bool:
        if self.kind == "file":
            return self.file is None and not self.shown
        return not any(one.strip() for one in self.held)

    def choice(self, wanted: str) -> Choice | None:
        """The choice of this value or label."""
        for one in self.choices:
            if one.value == wanted:
                return one
        folded = _folded(wanted)
        return next((one for one in self.choices if _folded(one.label) == folded), None)

    def choose(self, wanted: Iterable[Choice]) -> None:
        """Leaves these chosen and no others."""
        marks = {id(one) for one in wanted}
        for one in self.choices:
            one.chosen = id(one) in marks

    @property
    def told(self) -> str:
        """How it is named to a person."""
        return f"«{self.label}» ({self.name})" if self.label else f"«{self.name}»"

    def entries(self) -> Iterator[tuple[str, str | File | None]]:
        """What a browser sends of it; None is a file that was not chosen."""
        if self.disabled or not self.name or self.kind in _IDLE:
            return
        if self.has_choices:
            yield from ((self.name, one.value) for one in self.chosen if not one.disabled)
        elif self.kind == "file":
            yield self.name, self.file
        else:
            yield self.name, self.value


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def decoded(kind: str, body: bytes) -> str:
    """The text of an answer, in the encoding that its header or its first lines name."""
    found = _CHARSET.search(kind) or _CHARSET.search(body[:2048].decode("latin-1"))
    try:
        return body.decode(found[1] if found else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


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

    @property
    def encoding(self) -> str:
        """What a browser sends this page's forms in."""
        import codecs

        try:
            return codecs.lookup(str(self.soup.original_encoding or "utf-8")).name
        except LookupError:
            return "utf-8"

    @property
    def base(self) -> str:
        """What its links start from."""
        found = self.soup.find("base", href=True)
        return urljoin(self.url, _attr(found, "href")) if found else self.url

    @property
    def asks_password(self) -> bool:
        """Whether it is a login page."""
        return self.soup.select_one("form input[type=password]") is not None

    @property
    def text(self) -> str:
        return " ".join(self.soup.get_text(" ").split())

    def link(self, selector: str) -> str:
        """The address in the first thing that the selector finds: a link's, a picture's, a
        field's, or its words. "" when there is none."""
        found = self.soup.select_one(selector)
        if found is None:
            return ""
        address = next(
            (_attr(found, name) for name in ("href", "src", "value") if found.get(name)),
            found.get_text().strip(),
        )
        return urljoin(self.base, address) if address else ""

    def links(self, selector: str) -> list[str]:
        """The addresses of all links that the selector finds."""
        found = self.soup.select(selector)
        return [urljoin(self.base, _attr(one, "href")) for one in found if one.get("href")]

    def forms(self) -> list["Form"]:
        return [Form(self, tag) for tag in self.soup.find_all("form")]

    def form(self, names: Iterable[str], selector: str = "") -> "Form | None":
        """The form that has most of these fields, one of them at least."""
        wanted = set(names)
        if selector:
            tags = self.soup.select(selector)
            forms = [Form(self, tag) for tag in tags if tag.name == "form"]
        else:
            forms = self.forms()
        best = max(forms, key=lambda one: len(wanted & one.names), default=None)
        return best if best and (wanted & best.names or (selector and not wanted)) else None


class Form:
    """A form of a page, as it was given; filling its controls changes what is sent."""

    def __init__(self, page: Page, tag: "Tag") -> None:
        self.page, self.tag = page, tag
        self.controls = list(_controls(page.soup, tag))
        self.buttons = [one for one in self.controls if one.kind in _PRESSED]

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
        own = _attr(button.tag, "formaction") if button is not None and button.tag else ""
        return urljoin(self.page.base, own or _attr(self.tag, "action") or self.page.url)

    def method(self, button: Control | None = None) -> str:
        own = _attr(button.tag, "formmethod") if button is not None and button.tag else ""
        found = (own or _attr(self.tag, "method") or "get").upper()
        return found if found in ("GET", "POST") else "GET"

    def is_multipart(self, button: Control | None = None) -> bool:
        own = _attr(button.tag, "formenctype") if button is not None and button.tag else ""
        return (own or _attr(self.tag, "enctype")).strip().lower() == "multipart/form-data"

    @property
    def encoding(self) -> str:
        import codecs

        for one in _attr(self.tag, "accept-charset").replace(",", " ").split():
            try:
                return codecs.lookup(one).name
            except LookupError:
                continue
        return self.page.encoding

    def entries(self, button: Control | None) -> list[tuple[str, str | File | None]]:
        """What a browser sends when ``button`` is pressed, in the page's order."""
        found: list[tuple[str, str | File | None]] = []
        for one in self.controls:
            if one.kind not in _PRESSED:
                found += one.entries()
            elif one is button and one.kind == "image":
                dot = f"{one.name}." if one.name else ""
                found += [(f"{dot}x", "0"), (f"{dot}y", "0")]
            elif one is button:
                found += one.entries()
        return [(name, self.encoding if name == "_charset_" else value) for name, value in found]


def encoded(text: str, encoding: str) -> bytes:
    """The text as a form sends it; a letter that the page's encoding lacks becomes a reference,
    as in a browser."""
    lines = re.sub(r"\r\n?|\n", "\r\n", text).encode("utf-8", "replace").decode("utf-8")
    return lines.encode(encoding, "xmlcharrefreplace")


def urlencoded(entries: Iterable[tuple[str, str | File | None]], encoding: str) -> str:
    def one(text: str) -> str:
        return quote_plus(encoded(text, encoding), safe="*-._")

    return "&".join(
        f"{one(name)}={one(value.name if isinstance(value, File) else value or '')}"
        for name, value in entries
    )


class Multipart:
    """The entries as ``multipart/form-data``, files read as they are sent."""

    CHUNK: Final = 256 * 1024

    def __init__(self, entries: Iterable[tuple[str, str | File | None]], encoding: str) -> None:
        from secrets import token_hex

        self._edge = f"----crosspost{token_hex(16)}"
        self._pieces: list[bytes | Path] = []
        for name, value in entries:
            self._add(_quoted(encoded(name, encoding)), value, encoding)
        self._pieces.append(f"--{self._edge}--\r\n".encode())
        self.kind = f"multipart/form-data; boundary={self._edge}"

    def _add(self, name: bytes, value: str | File | None, encoding: str) -> None:
        head = f'--{self._edge}\r\nContent-Disposition: form-data; name="'.encode() + name + b'"'
        if isinstance(value, str):
            self._pieces.append(head + b"\r\n\r\n" + encoded(value, encoding) + b"\r\n")
            return
        file_name = _quoted(encoded(value.name, encoding)) if value else b""
        kind = value.mime if value else "application/octet-stream"
        head += b'; filename="' + file_name + f'"\r\nContent-Type: {kind}\r\n\r\n'.encode()
        self._pieces += [head, *([value.path] if value else []), b"\r\n"]

    def __len__(self) -> int:
        return sum(
            len(one) if isinstance(one, bytes) else one.stat().st_size for one in self._pieces
        )

    def __iter__(self) -> Iterator[bytes]:
        for one in self._pieces:
            if isinstance(one, bytes):
                yield one
                continue
            with one.open("rb") as opened:
                while chunk := opened.read(self.CHUNK):
                    yield chunk


def _quoted(name: bytes) -> bytes:
    return name.replace(b"\r", b"%0D").replace(b"\n", b"%0A").replace(b'"', b"%22")


# --- Reading a form ---


def _attr(tag: Any, name: str) -> str:
    found = tag.get(name) if tag is not None else None
    return " ".join(found) if isinstance(found, list) else str(found or "")


def _owned(soup: "BeautifulSoup", form: "Tag") -> Iterator["Tag"]:
    """The form's fields: those in it, and those that name it."""
    own = _attr(form, "id")
    for tag in soup.find_all(["input", "select", "textarea", "button"]):
        named = tag.get("form")
        if named is None:
            if tag.find_parent("form") is form:
                yield tag
        elif own and named == own:
            yield tag


def _controls(soup: "BeautifulSoup", form: "Tag") -> Iterator[Control]:
    groups: dict[tuple[str, str], Control] = {}
    for tag in _owned(soup, form):
        if tag.find_parent("datalist") or tag.find_parent("template"):
            continue
        made = _control(soup, tag)
        if made.kind in ("checkbox", "radio") and made.name:
            known = groups.setdefault((made.kind, made.name), made)
            if known is not made:
                known.choices += made.choices
                known.multiple = known.kind == "checkbox"
                known.required = known.required or (made.required and made.kind == "radio")
                continue
            around = short(_near(tag)).rstrip(" *:") if made.kind == "radio" else ""
            made.label = _group_label(tag) or around or made.label
        yield made


def _control(soup: "BeautifulSoup", tag: "Tag") -> Control:
    kind = tag.name
    if kind in ("input", "button"):
        given = _attr(tag, "type").strip().lower()
        kind = given or ("text" if kind == "input" else "submit")
    disabled = _is_disabled(tag)
    made = Control(
        name=_attr(tag, "name"),
        kind=kind,
        label=_label(soup, tag),
        disabled=disabled,
        multiple=tag.has_attr("multiple"),
        tag=tag,
    )
    made.required = _is_required(soup, tag)
    limit = _attr(tag, "maxlength")
    made.longest = int(limit) if limit.isascii() and limit.isdigit() else 0
    if kind == "select":
        made.choices = list(_options(tag))
        made.listed = _attr(tag, "size").strip() not in ("", "0", "1")
    elif kind in ("checkbox", "radio"):
        value = _attr(tag, "value") if tag.has_attr("value") else "on"
        made.choices = [Choice(value, made.label, tag.has_attr("checked"), disabled)]
        made.disabled = False
    elif kind == "textarea":
        text = tag.get_text()
        made.value = re.sub(r"\r\n?", "\n", text[1:] if text[:1] == "\n" else text)
    else:
        made.value = _attr(tag, "value") if kind != "file" else ""
        if kind == "file":
            made.shown = _beside(tag)
        elif kind in _PRESSED and tag.name == "button":
            made.label = " ".join(tag.get_text().split())
        elif kind in _PRESSED:
            made.label = made.value
    return made


def _options(tag: "Tag") -> Iterator[Choice]:
    for one in tag.find_all("option"):
        group = one.find_parent("optgroup")
        label = " ".join((_attr(one, "label") or one.get_text()).split())
        yield Choice(
            _attr(one, "value") if one.has_attr("value") else label,
            label,
            one.has_attr("selected"),
            one.has_attr("disabled") or bool(group and group.has_attr("disabled")),
        )


def _is_disabled(tag: "Tag") -> bool:
    if tag.has_attr("disabled"):
        return True
    for one in tag.find_parents("fieldset"):
        first = one.find("legend", recursive=False)
        if one.has_attr("disabled") and not any(around is first for around in tag.parents):
            return True
    return False


def _label_tag(soup: "BeautifulSoup", tag: "Tag") -> "Tag | None":
    own = _attr(tag, "id")
    found = next((one for one in soup.find_all("label") if own and _attr(one, "for") == own), None)
    return found or tag.find_parent("label")


def _label(soup: "BeautifulSoup", tag: "Tag") -> str:
    """What a person reads beside the field."""
    found = _label_tag(soup, tag)
    text = found.get_text(" ") if found else ""
    if found is not None and tag in found.descendants and tag.name in ("select", "textarea"):
        text = text.replace(tag.get_text(" "), " ")
    if not text.strip() and _attr(tag, "type").lower() in ("checkbox", "radio"):
        text = str(tag.next_sibling or "") if isinstance(tag.next_sibling, str) else ""
    for name in ("aria-label", "placeholder", "title"):
        text = text if text.strip() else _attr(tag, name)
    if not text.strip():
        text = _near(tag)
    return short(text).rstrip(" *:")


def _near(tag: "Tag") -> str:
    """The label of the row that the field stands in, which names no other field."""
    cell = tag.find_parent("td")
    before = cell.find_previous_sibling(["td", "th"]) if cell else None
    if before is not None and not cast("Tag", before).select("input, select, textarea"):
        return before.get_text(" ")
    for row in list(tag.parents)[:5]:
        if row.name in ("form", "body", "[document]"):
            break
        if len({_attr(one, "name") for one in row.select(_SEEN)}) > _ROW:
            break
        found = next((one for one in row.select(_LABELLED) if not one.has_attr("for")), None)
        if found is not None:
            return found.get_text(" ")
    return ""


def _group_label(tag: "Tag") -> str:
    box = tag.find_parent("fieldset")
    legend = box.find("legend") if box else None
    one = box is not None and len({_attr(i, "name") for i in box.find_all("input")}) == 1
    return short(legend.get_text(" ")).rstrip(" *:") if legend and one else ""


def _is_required(soup: "BeautifulSoup", tag: "Tag") -> bool:
    if tag.has_attr("required") or _attr(tag, "aria-required") == "true":
        return True
    label = _label_tag(soup, tag)
    kind = _attr(tag, "type").lower()
    return bool(label and kind != "checkbox" and "required" in _attr(label, "class").split())


def _beside(tag: "Tag") -> str:
    """The paths of what is linked or shown around a file's field: what the site has already."""
    from urllib.parse import urlsplit

    row = tag.find_parent(["p", "td", "li", "div", "fieldset"])
    if row is None or len(row.find_all("input", type="file")) > 1:
        return ""
    found = [_attr(one, "href") for one in row.find_all("a")]
    found += [_attr(one, "src") for one in row.find_all("img")]
    return " ".join(urlsplit(one).path for one in found if one and not one.startswith("#"))


# --- Reading what is wrong ---


def complaints(page: Page, selector: str = "") -> dict[str, str]:
    """What the page says is wrong: the words, and the label of the field they are about, ""
    where they are about none. What is not shown does not count."""
    found: dict[str, str] = {}
    for tag in page.soup.select(", ".join([*_COMPLAINT, *([selector] if selector else [])])):
        words = short(tag.get_text(" "))
        nested = any(words != known and known in words for known in found)
        around = tag.name in ("input", "select", "textarea", "body", "form")
        if words and words not in found and not (nested or around or _is_hidden(tag)):
            found[words] = _about(page, tag)
    for tag in page.soup.select("[aria-invalid=true]"):
        told = _attr(tag, "aria-describedby") or _attr(tag, "aria-errormessage")
        for one in told.split():
            note = page.soup.find(id=one)
            words = short(note.get_text(" ")) if note else ""
            if words and "error" in one.lower() and words not in found:
                found[words] = _label(page.soup, tag)
    return found


def _is_hidden(tag: "Tag") -> bool:
    for one in (tag, *tag.parents):
        style = _attr(one, "style").replace(" ", "").lower()
        if one.name in ("template", "noscript", "script") or one.has_attr("hidden"):
            return True
        if "display:none" in style or any(_HIDDEN.search(name) for name in one.get("class") or ()):
            return True
    return False


def _about(page: Page, tag: "Tag") -> str:
    """The label of the one visible field around some words."""
    for row in list(tag.parents)[:5]:
        if row.name in ("form", "body", "[document]"):
            return ""
        inside = row.find_all(["input", "select", "textarea"])
        seen = [one for one in inside if _attr(one, "type").lower() != "hidden"]
        names = {_attr(one, "name").rpartition("_")[0] or _attr(one, "name") for one in seen}
        if seen:
            return _label(page.soup, seen[0]) if len(names) == 1 or len(seen) == 1 else ""
    return ""
