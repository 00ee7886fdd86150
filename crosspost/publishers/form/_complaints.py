"""What a page says is wrong: the words, and the field they are about."""

import re
from typing import TYPE_CHECKING, Final

from crosspost.publishers.form._controls import attr, label_of, shown
from crosspost.publishers.form._page import Page

if TYPE_CHECKING:
    from bs4 import Tag

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


def complaints(page: Page, selector: str = "") -> dict[str, str]:
    """What the page says is wrong: the words, and the label of the field they are about, ""
    where they are about none. What is not shown does not count."""
    found: dict[str, str] = {}
    for tag in page.select(", ".join([*_COMPLAINT, *([selector] if selector else [])])):
        words = shown(tag.get_text(" "))
        nested = any(words != known and known in words for known in found)
        around = tag.name in ("input", "select", "textarea", "body", "form")
        if words and words not in found and not (nested or around or _is_hidden(tag)):
            found[words] = _about(page, tag)
    for tag in page.soup.select("[aria-invalid=true]"):
        told = attr(tag, "aria-describedby") or attr(tag, "aria-errormessage")
        for one in told.split():
            note = page.soup.find(id=one)
            words = shown(note.get_text(" ")) if note else ""
            if words and "error" in one.lower() and words not in found:
                found[words] = label_of(tag, page.labels)
    return found


def _is_hidden(tag: "Tag") -> bool:
    for one in (tag, *tag.parents):
        style = attr(one, "style").replace(" ", "").lower()
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
        seen = [one for one in inside if attr(one, "type").lower() != "hidden"]
        names = {attr(one, "name").rpartition("_")[0] or attr(one, "name") for one in seen}
        if seen:
            return label_of(seen[0], page.labels) if len(names) == 1 or len(seen) == 1 else ""
    return ""
