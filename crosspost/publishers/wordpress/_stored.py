"""An article as the site tells of it.

    version     status, time of the last change, and a hash of what an editor can change

Its mark is a class of its attribution: that survives the filter for authors and the block editor.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from html import unescape
from typing import Any, Final

from crosspost.model import Remote
from crosspost.publishers._marks import MARKUP, read

_BREAKS: Final = re.compile(r"<br\s*/?>|</(?:p|h\d|li|tr|figcaption|summary|pre)>")


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


def remote(found: Mapping[str, Any]) -> Remote:
    """The article as the site tells of it."""
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
    )


def theirs(found: Mapping[str, Any]) -> str:
    """The article's words, for a diff."""
    lines = unescape(MARKUP.sub("", _BREAKS.sub("\n", raw(found, "content")))).split("\n")
    told = [unescape(MARKUP.sub("", raw(found, "title"))), *(line.strip() for line in lines)]
    return "\n\n".join(line for line in told if line)
