"""The fields of a form, by HTML's rules: what each holds, what a browser sends of it, and what a
person reads beside it.

https://html.spec.whatwg.org/multipage/form-control-infrastructure.html (constructing the entry
list).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from urllib.parse import urljoin, urlsplit

from crosspost.publishers._web import short

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

    Labels = dict[str, Tag]

PRESSED: Final = ("submit", "image")
_IDLE: Final = ("button", "reset")
_SEEN: Final = "input:not([type=hidden]), select, textarea"
_ROW: Final = 3
"""A row of more fields than a date has is none."""
_LABELLED: Final = "label, th, legend, dt"


def shown(text: str) -> str:
    """A site's words on one line, fit for a terminal."""
    return short(printable(text))


def printable(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def joined(base: str, address: str) -> str:
    """The address that a page means; "" for one that is none."""
    try:
        whole = urljoin(base, address)
        _ = urlsplit(whole).port  # looks at what urljoin does not
    except ValueError:
        return ""
    return whole


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
    (select, checkbox, radio), which have theirs. ``listed``: a select that shows several
    lines; ``shown`` is what the site has for a file; ``called`` finds its label."""

    name: str
    kind: str
    called: Callable[[], str]
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

    @cached_property
    def label(self) -> str:
        """What a person reads beside it."""
        return self.called()

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
        name = shown(self.name)
        return f"«{self.label}» ({name})" if self.label else f"«{name}»"

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


# --- Reading them ---


def attr(tag: Any, name: str) -> str:
    found = tag.get(name) if tag is not None else None
    return " ".join(found) if isinstance(found, list) else str(found or "")


def owned(soup: "BeautifulSoup", form: "Tag") -> Iterator["Tag"]:
    """The form's fields: those in it, and those that name it."""
    own = attr(form, "id")
    for tag in soup.find_all(["input", "select", "textarea", "button"]):
        named = tag.get("form")
        if named is None:
            if tag.find_parent("form") is form:
                yield tag
        elif own and named == own:
            yield tag


def labels(soup: "BeautifulSoup") -> "Labels":
    """A page's labels by the fields that they name."""
    found: Labels = {}
    for one in soup.find_all("label"):
        if name := attr(one, "for"):
            found.setdefault(name, one)
    return found


def controls(soup: "BeautifulSoup", form: "Tag", found: "Labels") -> Iterator[Control]:
    """The form's controls in the page's order; boxes or buttons of one name are one."""
    groups: dict[tuple[str, str], Control] = {}
    for tag in owned(soup, form):
        if tag.find_parent("datalist") or tag.find_parent("template"):
            continue
        made = _control(tag, found)
        if made.kind in ("checkbox", "radio") and made.name:
            known = groups.setdefault((made.kind, made.name), made)
            if known is not made:
                known.choices += made.choices
                known.multiple = known.kind == "checkbox"
                known.required = known.required or (made.required and made.kind == "radio")
                continue
            made.called = partial(_group_label, tag, made.choices[0].label)
        yield made


def _control(tag: "Tag", found: "Labels") -> Control:
    kind = tag.name
    if kind in ("input", "button"):
        given = attr(tag, "type").strip().lower()
        kind = given or ("text" if kind == "input" else "submit")
    disabled = _is_disabled(tag)
    made = Control(
        name=attr(tag, "name"),
        kind=kind,
        called=partial(label_of, tag, found),
        disabled=disabled,
        multiple=tag.has_attr("multiple"),
        tag=tag,
    )
    made.required = _is_required(tag, found)
    limit = attr(tag, "maxlength")
    made.longest = int(limit) if limit.isascii() and limit.isdigit() else 0
    if kind == "select":
        made.choices = list(_options(tag))
        made.listed = attr(tag, "size").strip() not in ("", "0", "1")
    elif kind in ("checkbox", "radio"):
        value = attr(tag, "value") if tag.has_attr("value") else "on"
        made.choices = [Choice(value, label_of(tag, found), tag.has_attr("checked"), disabled)]
        made.disabled = False
    elif kind == "textarea":
        text = tag.get_text()
        made.value = re.sub(r"\r\n?", "\n", text[1:] if text[:1] == "\n" else text)
    else:
        made.value = attr(tag, "value") if kind != "file" else ""
        if kind == "file":
            made.shown = _beside(tag)
        elif kind in PRESSED and tag.name == "button":
            made.called = partial(shown, tag.get_text())
        elif kind in PRESSED:
            made.called = partial(shown, made.value)
    return made


def _options(tag: "Tag") -> Iterator[Choice]:
    for one in tag.find_all("option"):
        group = one.find_parent("optgroup")
        text = " ".join((attr(one, "label") or one.get_text()).split())
        yield Choice(
            attr(one, "value") if one.has_attr("value") else text,
            printable(text),
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


def _label_tag(tag: "Tag", known: "Labels") -> "Tag | None":
    return known.get(attr(tag, "id")) or tag.find_parent("label")


def label_of(tag: "Tag", known: "Labels") -> str:
    """What a person reads beside the field."""
    found = _label_tag(tag, known)
    text = found.get_text(" ") if found else ""
    if found is not None and tag in found.descendants and tag.name in ("select", "textarea"):
        text = text.replace(tag.get_text(" "), " ")
    if not text.strip() and attr(tag, "type").lower() in ("checkbox", "radio"):
        text = str(tag.next_sibling or "") if isinstance(tag.next_sibling, str) else ""
    for name in ("aria-label", "placeholder", "title"):
        text = text if text.strip() else attr(tag, name)
    if not text.strip():
        text = _near(tag)
    return shown(text).rstrip(" *:")


def _near(tag: "Tag") -> str:
    """The label of the row that the field stands in, which names no other field."""
    cell = tag.find_parent("td")
    before = cell.find_previous_sibling(["td", "th"]) if cell else None
    if before is not None and not cast("Tag", before).select("input, select, textarea"):
        return before.get_text(" ")
    for row in list(tag.parents)[:5]:
        if row.name in ("form", "body", "[document]"):
            break
        if len({attr(one, "name") for one in row.select(_SEEN)}) > _ROW:
            break
        found = next((one for one in row.select(_LABELLED) if not one.has_attr("for")), None)
        if found is not None:
            return found.get_text(" ")
    return ""


def _group_label(tag: "Tag", own: str) -> str:
    """What a group of boxes or buttons is called, or its only one."""
    box = tag.find_parent("fieldset")
    legend = box.find("legend") if box else None
    one = box is not None and len({attr(i, "name") for i in box.find_all("input")}) == 1
    if legend and one:
        return shown(legend.get_text(" ")).rstrip(" *:")
    around = _near(tag) if attr(tag, "type").lower() == "radio" else ""
    return shown(around).rstrip(" *:") or own


def _is_required(tag: "Tag", known: "Labels") -> bool:
    if tag.has_attr("required") or attr(tag, "aria-required") == "true":
        return True
    label = _label_tag(tag, known)
    kind = attr(tag, "type").lower()
    return bool(label and kind != "checkbox" and "required" in attr(label, "class").split())


def _beside(tag: "Tag") -> str:
    """The paths of what is linked or shown around a file's field: what the site has already."""
    row = tag.find_parent(["p", "td", "li", "div", "fieldset"])
    if row is None or len(row.find_all("input", type="file")) > 1:
        return ""
    found = [attr(one, "href") for one in row.find_all("a")]
    found += [attr(one, "src") for one in row.find_all("img")]
    paths = (urlsplit(joined("", one)).path for one in found if one and not one.startswith("#"))
    return " ".join(path for path in paths if path)
