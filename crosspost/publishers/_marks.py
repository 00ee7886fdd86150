"""How a site's article is known again, whoever asks: what publishers share.

    slug    <post id>-<blog>: what it is found by; no title makes it by chance
    mark    one word that stands in the article: blog, post, digest and a hash of its words

The hash of words tells whether the digest still speaks of what stands there, so an editor's hand
is seen even without a ledger.
"""

import re
from hashlib import sha256
from html import unescape
from typing import Final, NamedTuple

from crosspost.model import Article

_PLAIN: Final = re.compile(r"(?=.{1,40}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_MARK: Final = re.compile(
    r"\bcrosspost--([a-z0-9-]{1,60})--(\d{1,18})--([0-9a-f]{64})--([0-9a-f]{16})\b"
)


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


def bare(html: str) -> str:
    """The words without tags and comments. Read once, however odd the mark-up is."""
    kept, at, comments = [], 0, True
    while (start := html.find("<", at)) >= 0:
        end = -1
        if comments and html.startswith("<!--", start):
            end = html.find("-->", start + 4)
            comments = end >= 0
        end = end + 3 if end >= 0 else html.find(">", start) + 1
        if not end:
            break
        kept.append(html[at:start])
        at = end
    return "".join([*kept, html[at:]])


def _of_words(title: str, content: str) -> str:
    shown = unescape(bare(f"{title}\n{content}"))
    return sha256("".join(shown.split()).encode("utf-8", "replace")).hexdigest()[:16]
