"""Whose hand was at which part of an article: the author's, in the post; an editor's, on the site.

Of every article that is put, a short hash of each part is remembered twice: as it was sent, and as
the site told it back. What differs from the first was changed in Telegram (or by a rule), what
differs from the second was changed on the site.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

import msgspec
from msgspec.structs import replace

from crosspost.ledger import Delivery
from crosspost.model import Article, Parts, Record, Remote, digest

NAMES: Final = {
    "title": "headline",
    "lead": "lead",
    "tags": "tags",
    "category": "category",
    "text": "text",
}
"""The parts, and what a person calls them."""


class _Said(Record, frozen=True):
    ours: Mapping[str, str] = msgspec.field(default_factory=dict)
    site: Mapping[str, str] = msgspec.field(default_factory=dict)


def said(article: Article, parts: Parts | None) -> str:
    """What is remembered of an article that the site shows as ``parts``."""
    return msgspec.json.encode(_Said(ours=_ours(article), site=_site(parts))).decode()


def adopted(before: str, article: Article) -> str:
    """What is remembered when a person leaves the site's article as it is: it counts as what the
    post says now."""
    return msgspec.json.encode(replace(_read(before), ours=_ours(article))).decode()


def by_post(before: str, article: Article) -> frozenset[str]:
    """The parts that the post has changed since."""
    return _differing(_read(before).ours, _ours(article))


def by_hand(before: str, parts: Parts | None) -> frozenset[str] | None:
    """The parts that were changed on the site since; None where nobody can tell."""
    known = _read(before).site
    return _differing(known, _site(parts)) if known and parts else None


def is_touched(delivery: Delivery, there: Remote) -> str | None:
    """Which parts a person changed on the site since we left the article: in words, "" for none
    that a visitor reads, None where nobody can tell."""
    parts = by_hand(delivery.said, there.parts)
    return None if parts is None else listed(parts)


def words(parts: Parts) -> str:
    """All that an article says, a line a paragraph, its tags in the last."""
    return "\n".join(filter(None, (parts.title, parts.lead, parts.text, tag_line(parts.tags))))


def tag_line(tags: Iterable[str]) -> str:
    """The tags in one line, in the same order wherever they come from; "" where there are none."""
    listed = ", ".join(sorted(tags, key=str.casefold))
    return f"Tags: {listed}" if listed else ""


def listed(parts: Iterable[str]) -> str:
    """The parts in words."""
    chosen = set(parts)
    return ", ".join(word for name, word in NAMES.items() if name in chosen)


def disputed(parts: Iterable[str], article: Article, there: Parts) -> str:
    """Both versions of each of these parts, in words: the site's, then the post's."""
    from crosspost.markup import text_of

    chosen = set(parts)
    both = {
        "title": (there.title, article.title),
        "lead": (there.lead, text_of(article.lead)),
        "tags": (", ".join(there.tags), ", ".join(article.tags)),
        "category": (there.category, article.category),
    }
    return "; ".join(
        f"{NAMES[name]} (there «{_short(theirs)}», in the post «{_short(ours)}»)"
        for name, (theirs, ours) in both.items()
        if name in chosen
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _QUOTED else f"{flat[: _QUOTED - 1].rstrip()}…"


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name in NAMES if before.get(name) != now.get(name))


def _read(before: str) -> _Said:
    return msgspec.json.decode(before, type=_Said) if before else _Said()


def _ours(article: Article) -> dict[str, str]:
    rest = digest(replace(article, title="", lead="", tags=(), category=""))
    return {
        "title": _hash(article.title),
        "lead": _hash(article.lead),
        "tags": _hash("\n".join(article.tags)),
        "category": _hash(article.category),
        "text": rest[:_LENGTH],
    }


def _site(parts: Parts | None) -> dict[str, str]:
    if parts is None:
        return {}
    told = {"title": parts.title, "lead": parts.lead, "text": parts.text}
    told |= {"tags": "\n".join(sorted(parts.tags)), "category": parts.category}
    return {name: _hash(told[name]) for name in NAMES}


_LENGTH: Final = 12
_QUOTED: Final = 120


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]
