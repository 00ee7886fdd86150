"""How an article is known again on the site, whoever asks.

    slug        <post id>-<blog>: what it is found by; no title makes it by chance
    mark        a class of its attribution: blog, post, digest and a hash of its words
    version     status, time of the last change, and a hash of what an editor can change

The mark survives the filter for authors and the block editor. Its hash of words tells whether the
digest still speaks of what stands there, so an editor's hand is seen even without a ledger.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from html import unescape
from typing import Any, Final, NamedTuple

from crosspost.model import Article, Remote

_PLAIN: Final = re.compile(r"[a-z][a-z0-9]{0,29}")
_MARK: Final = re.compile(
    r"\bcrosspost--([a-z0-9-]{1,60})--(\d{1,18})--([0-9a-f]{64})--([0-9a-f]{16})\b"
)
_MARKUP: Final = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
_BREAKS: Final = re.compile(r"<br\s*/?>|</(?:p|h\d|li|tr|figcaption|summary|pre)>")


class Mark(NamedTuple):
    """What an article's mark says. ``touched``: its words are not those that were sent."""

    blog: str
    post_id: int
    digest: str
    touched: bool


def blog_key(blog: str) -> str:
    """The blog's name as a slug can hold it: itself where that is plain, else with a hash."""
    if _PLAIN.fullmatch(blog):
        return blog
    from slugify import slugify

    short = sha256(blog.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{slugify(blog, max_length=24) or 'blog'}-{short}"


def slug(blog: str, post_id: int) -> str:
    """The article's slug on the site."""
    return f"{post_id}-{blog_key(blog)}"


def sought(blog: str, post_id: int) -> str:
    """The mark's beginning, which a search for it finds."""
    return f"crosspost--{blog_key(blog)}--{post_id}--"


def mark(article: Article, digest: str, title: str, content: str) -> str:
    """The mark of an article that says ``title`` and ``content`` (without its mark)."""
    return f"{sought(article.blog, article.post_id)}{digest}--{_of_words(title, content)}"


def read(title: str, content: str) -> Mark | None:
    """The last mark in an article as the site has it."""
    found = list(_MARK.finditer(content))
    if not found:
        return None
    blog, post_id, digest, hashed = found[-1].groups()
    return Mark(blog, int(post_id), digest, hashed != _of_words(title, content))


def renewed(title: str, content: str) -> str:
    """The content, the mark in it true to its words."""
    found = list(_MARK.finditer(content))
    if not found:
        return content
    start, end = found[-1].span(4)
    return f"{content[:start]}{_of_words(title, content)}{content[end:]}"


def _of_words(title: str, content: str) -> str:
    shown = unescape(_MARKUP.sub("", f"{title}\n{content}"))
    return sha256("".join(shown.split()).encode("utf-8", "replace")).hexdigest()[:16]


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
    lines = unescape(_MARKUP.sub("", _BREAKS.sub("\n", raw(found, "content")))).split("\n")
    told = [unescape(_MARKUP.sub("", raw(found, "title"))), *(line.strip() for line in lines)]
    return "\n\n".join(line for line in told if line)
