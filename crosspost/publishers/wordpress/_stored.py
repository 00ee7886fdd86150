"""An article as the site tells of it.

    version     status, time of the last change, and a hash of what an editor can change

Its mark is a class of its attribution: that survives the filter for authors and the block editor.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import unescape
from typing import Any, Final

from crosspost.model import Parts, Remote
from crosspost.publishers._marks import bare, read

_BREAKS: Final = re.compile(r"<br\s*/?>|</(?:p|h\d|li|tr|figcaption|summary|pre)>")
_LEAD: Final = re.compile(
    r"<!-- wp:paragraph (?:(?!-->).)*\bcrosspost-lead\b.*?<!-- /wp:paragraph -->\s*", re.DOTALL
)


def raw(found: Mapping[str, Any], name: str) -> str:
    """A part of an article as it is stored; "" where the site does not tell it."""
    part = found.get(name)
    return str(part.get("raw") or "") if isinstance(part, dict) else ""


def version(found: Mapping[str, Any]) -> str:
    """What changes when someone changes the article."""
    parts = [raw(found, name) for name in ("title", "content", "excerpt")]
    hashed = sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:24]
    return f"{found.get('status')}|{found.get('modified_gmt')}|{hashed}"


def same(left: str, now: str) -> bool:
    """Whether the article is as it was left. Publishing a draft as it is changes nothing."""
    if left == now:
        return True
    (before, _, text), (after, _, found) = _split(left), _split(now)
    waited = before in ("draft", "pending") and after in ("publish", "future", "private")
    return bool(waited and text and text == found)


def _split(given: str) -> tuple[str, str, str]:
    status, _, rest = given.partition("|")
    moment, _, hashed = rest.partition("|")
    return status, moment, hashed


def remote(found: Mapping[str, Any], said: Parts | None = None) -> Remote:
    """The article as the site tells of it, with what it says where that is known."""
    status = str(found.get("status"))
    known = read(raw(found, "title"), raw(found, "content"))
    return Remote(
        id=str(found.get("id")),
        url=str(found.get("link") or ""),
        version=version(found),
        digest=known.digest if known and not known.touched else "",
        status="live"
        if status in ("publish", "future", "private")
        else "trash"
        if status == "trash"
        else "draft",
        parts=said,
    )


def parts(found: Mapping[str, Any], tags: Iterable[str], categories: Iterable[str]) -> Parts:
    """What a visitor reads of it. The lead stands in the text and, where an editor changed only
    one of them, in other words in the excerpt."""
    content = raw(found, "content")
    leads = [*_lines(lead(content)), *_lines(raw(found, "excerpt"))]
    return Parts(
        title=" ".join(_lines(raw(found, "title"))),
        lead="\n".join(dict.fromkeys(leads)),
        text="\n".join(_lines(_LEAD.sub("", content, count=1))),
        tags=tuple(tags),
        category=", ".join(categories),
    )


def lead(content: str) -> str:
    """The block of the lead in a text, "" where there is none."""
    found = _LEAD.search(content)
    return found[0] if found else ""


def with_lead(content: str, block: str) -> str:
    """The text with this block in place of its own lead."""
    return (f"{block.strip()}\n\n" if block else "") + _LEAD.sub("", content, count=1)


def theirs(found: Mapping[str, Any]) -> str:
    """The article's words, for a diff."""
    return "\n\n".join([*_lines(raw(found, "title")), *_lines(raw(found, "content"))])


def _lines(html: str) -> list[str]:
    """The words, a line a paragraph."""
    text = unescape(bare(_BREAKS.sub("\n", html)))
    return [shown for line in text.split("\n") if (shown := " ".join(line.split()))]
