"""How an article is known again on a site that knows nothing of us.

    slug    post-<post id>-<blog>: what it is found by; no title makes it by chance
    mark    blog, post, digest, and a hash of its words: a class in its text, or a field

The hash of words tells whether the digest still speaks of what stands there, so an editor's hand is
seen even without a ledger.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from crosspost.publishers._marks import bare, blog_key, sought

__all__ = [
    "Mark",
    "blog_key",
    "of_words",
    "post_of",
    "read",
    "replaced",
    "slug",
    "sought",
    "written",
]

_MARK: Final = re.compile(
    r"\bcrosspost--([a-z0-9-]{1,60})--(\d{1,18})--([0-9a-f]{64})--([0-9a-f]{16})--"
    r"([0-9a-f]{1,24})"
)


class Mark(NamedTuple):
    """What a mark says: ``words`` is the hash of what was sent, ``cover`` that of its cover, "0"
    without."""

    blog: str
    post_id: int
    digest: str
    words: str
    cover: str


def slug(blog: str, post_id: int) -> str:
    """The article's slug on the site. No other article's holds it, since lists look for a part."""
    return f"post-{post_id}-{blog_key(blog)}"


def post_of(slug: str, blog: str) -> int | None:
    """The post of this blog whose article has the slug."""
    first, _, rest = slug.partition("-")
    number, _, key = rest.partition("-")
    ours = first == "post" and number.isascii() and number.isdigit() and key == blog_key(blog)
    return int(number) if ours else None


def written(blog: str, post_id: int, digest: str, words: str, cover: str) -> str:
    """The whole mark."""
    return f"{sought(blog, post_id)}{digest}--{words}--{cover or 0}"


def read(text: str) -> Mark | None:
    """The last mark in a text."""
    found = list(_MARK.finditer(text))
    if not found:
        return None
    blog, post_id, digest, words, cover = found[-1].groups()
    return Mark(blog, int(post_id), digest, words, cover)


def replaced(text: str, mark: str) -> str:
    """The text with this mark in place of its own."""
    return _MARK.sub(mark, text)


def of_words(texts: Iterable[str]) -> str:
    """A hash of what a visitor reads; markup, the mark and white space do not count."""
    from html import unescape

    shown = unescape(bare(_MARK.sub("", "\n".join(texts))))
    return sha256("".join(shown.split()).encode("utf-8", "replace")).hexdigest()[:16]
