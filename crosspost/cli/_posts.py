"""The posts that a person names on the command line: numbers, ranges, links, of a blog named before
them."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from crosspost.cli._common import post_of

if TYPE_CHECKING:
    from crosspost.config import Config
    from crosspost.ledger import Ledger
    from crosspost.pipeline import Blog

_RANGE: Final = re.compile(r"(?:(.+)/)?(\d{1,15})-(\d{1,15})", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,15}", re.ASCII)


class _Range(NamedTuple):
    """The posts of a blog from one number to another."""

    blog: str
    first: int
    last: int


def sorted_out(config: "Config", words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Which of the words name blogs, and which posts. Raises ``click.UsageError``."""
    blogs: list[str] = []
    posts: list[str] = []
    for word in words:
        (blogs if word in config.blogs else posts).append(word)
    if posts and len(blogs) > 1:
        raise click.UsageError("Name one blog before its posts, or each post as BLOG/ID.")
    return blogs, posts


def chosen(
    config: "Config",
    ledger: "Ledger",
    blogs: Sequence[str],
    posts: Iterable[str],
    candidates: Callable[["Blog"], Iterable[int]],
    what: str,
) -> dict[str, set[int]]:
    """The posts that the words name, by blog, in the config's order; of ``candidates``, which are
    ``what``, those that a range holds. Raises ``click.BadParameter``."""
    alone = next(iter(blogs or config.blogs)) if blogs or len(config.blogs) == 1 else ""
    found: dict[str, set[int]] = {name: set() for name in config.blogs}
    for word in posts:
        span = _range(config, word, alone)
        if span:
            known = candidates(config.blogs[span.blog])
            within = {one for one in known if span.first <= one <= span.last}
            if not within:
                raise click.BadParameter(f"no post of «{span.blog}» {what} in {word}")
            found[span.blog] |= within
        else:
            named = f"{alone}/{word}" if alone and _NUMBER.fullmatch(word) else word
            name, post_id = post_of(config, ledger, named)
            found[name].add(post_id)
    return found


def _range(config: "Config", word: str, alone: str) -> _Range | None:
    """``40-60`` or ``blog/40-60``; None for anything else."""
    found = _RANGE.fullmatch(word)
    if not found:
        return None
    blog, first, last = found[1] or alone, int(found[2]), int(found[3])
    if blog not in config.blogs:
        raise click.BadParameter(f"say of which blog: BLOG {word} ({', '.join(config.blogs)})")
    if last < first:
        raise click.BadParameter(f"«{word}» ends before it begins")
    return _Range(blog, first, last)
