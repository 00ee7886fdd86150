"""Several posts that are one article: the first gives headline, lead and address, the others go on
below it, each without its own footer, with its own pictures, polls and cards."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from crosspost.model import Article, Entity, Figure, Media, Post, Span
from crosspost.normalize._lines import tag_key

_BETWEEN: Final = "\n\n"
_TAG: Final = re.compile(r'<[a-z][^"<>]*(?:"[^"]*"[^"<>]*)*>')
_NUMBERED: Final = re.compile(r'(\s(?:src|href|poster)=")media:(\d+)(?=")')


def joined(posts: Sequence[Post]) -> Post:
    """One post out of several, under the first one's name: text, entities and media of all, in
    order. Other things of the later ones (a poll, a reply) stay with them: see ``merged``."""
    first, *others = posts
    for other in others:
        at = len(first.text) + len(_between(first.text, other.text))
        count = len(first.media)
        first = replace(
            first,
            text=first.text + _between(first.text, other.text) + other.text,
            entities=(*first.entities, *(_entity(one, at, count) for one in other.entities)),
            media=(*first.media, *(_media(one, at) for one in other.media)),
            ids=(*first.ids, *other.ids),
        )
    return first


def merged(posts: Sequence[Post], articles: Sequence[Article]) -> Article:
    """One article out of those of several posts, whose spans cover the text of ``joined``."""
    whole, text = articles[0], posts[0].text
    for post, one in zip(posts[1:], articles[1:], strict=True):
        between = _between(text, post.text)
        at, count = len(text), len(whole.figures)
        gap = [Span(start=at, end=at + len(between), part="removed", reason="white space")]
        moved = (_span(span, at + len(between), count) for span in one.spans)
        cover = one.cover + count if one.cover is not None else None
        whole = replace(
            whole,
            body="\n".join(filter(None, (whole.body, _renumbered(one.body, count)))),
            tags=_tags(whole.tags, one.tags),
            cover=cover if whole.cover is None else whole.cover,
            figures=(*whole.figures, *_figures(one.figures, count)),
            credit="; ".join(dict.fromkeys(filter(None, (whole.credit, one.credit)))),
            updated=max(filter(None, (whole.updated, one.updated)), default=None),
            spans=(*whole.spans, *(gap if between else ()), *moved),
            notes=tuple(dict.fromkeys((*whole.notes, *one.notes))),
        )
        text += between + post.text
    return whole


def _between(above: str, below: str) -> str:
    return _BETWEEN if above and below else ""


def _entity(one: Entity, at: int, count: int) -> Entity:
    moved = replace(one, offset=one.offset + at)
    if one.type == "media" and one.value.isascii() and one.value.isdecimal():
        return replace(moved, value=str(int(one.value[:6]) + count))
    return moved


def _media(one: Media, at: int) -> Media:
    if one.caption is None:
        return one
    return replace(one, caption=(one.caption[0] + at, one.caption[1]))


def _span(span: Span, at: int, count: int) -> Span:
    figure = span.figure + count if span.figure >= 0 else span.figure
    return replace(span, start=span.start + at, end=span.end + at, figure=figure)


def _figures(figures: Sequence[Figure], count: int) -> list[Figure]:
    return [replace(one, caption=_renumbered(one.caption, count)) for one in figures]


def _renumbered(html: str, count: int) -> str:
    """The fragment whose figures follow ``count`` others."""

    def moved(number: re.Match[str]) -> str:
        return f"{number[1]}media:{int(number[2]) + count}"

    return _TAG.sub(lambda tag: _NUMBERED.sub(moved, tag[0]), html) if count else html


def _tags(above: Sequence[str], below: Sequence[str]) -> tuple[str, ...]:
    found = {tag_key(tag): tag for tag in reversed((*above, *below))}
    return tuple(reversed(found.values()))


def parted(missing: Mapping[int, str], posts: Sequence[Post]) -> list[dict[int, str]]:
    """What is missing of the media of ``joined``, by post."""
    found, first = [], 0
    for post in posts:
        last = first + len(post.media)
        found.append({n - first: why for n, why in missing.items() if first <= n < last})
        first = last
    return found
