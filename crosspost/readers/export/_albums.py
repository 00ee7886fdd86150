"""Albums, which Desktop's exports do not name: inferred from how Telegram sends them.

An album (https://core.telegram.org/api/files#albums-grouped-media) is up to ten messages that were
sent as one: their ids follow each other and their dates are the same or a second apart. A run of
messages belongs together while each of them

- has one photo or video; or one audio track; or one file (kinds do not mix otherwise),
- comes from the same sender, forwarded from the same source, answering the same post,
- has a date within a second of the first one's,
- has an id higher than the last one's and less than ten above the first one's: that also
  bounds the album to ten, and leaves room for a photo that was deleted since,
- brings no second caption: a longer run is several posts, and each caption begins another.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from crosspost.model import Entity, Media, Post

LARGEST: Final = 10
"""Telegram's limit for one album."""
_KINDS: Final = {"photo": "view", "video": "view", "audio": "audio", "document": "document"}


class Part(NamedTuple):
    """One message as a post of its own, who sent it, and which kinds of blocks in it are unknown:
    of them the words are read."""

    post: Post
    sender: str
    odd: tuple[str, ...] = ()


def albums(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """The messages in groups, each of which is one post. Order stays; nothing is lost."""
    group: list[Part] = []
    for part in parts:
        if group and not _joins(group, part):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def join(group: list[Part]) -> Post:
    """The one post that a group is. Captions are joined with a blank line; each medium knows
    the range of the text that came with it."""
    first = group[0].post
    if len(group) == 1:
        return first
    texts: list[str] = []
    entities: list[Entity] = []
    media: list[Media] = []
    at = 0
    for post, *_ in group:
        start, length = at, len(post.text)
        caption = (start, length) if length else None
        media += [replace(one, caption=caption) for one in post.media]
        entities += [replace(one, offset=one.offset + start) for one in post.entities]
        if length:
            texts.append(post.text)
            at += length + 2
    return replace(
        first,
        ids=tuple(post.id for post, *_ in group),
        text="\n\n".join(texts),
        entities=tuple(entities),
        media=tuple(media),
        edited=max((post.edited for post, *_ in group if post.edited), default=None),
        reactions=next((post.reactions for post, *_ in group if post.reactions), ()),
    )


def _joins(group: list[Part], part: Part) -> bool:
    first, last, post = group[0].post, group[-1].post, part.post
    return (
        last.id < post.id < first.id + LARGEST
        and abs((post.date - first.date).total_seconds()) <= 1
        and _kind(first) == _kind(post) != ""
        and group[0].sender == part.sender
        and _origin(first) == _origin(post)
        and not (post.text and any(one.post.text for one in group))
    )


def _kind(post: Post) -> str:
    """What kind of album the message could be part of, "" for none."""
    alone = len(post.media) == 1 and not post.rich
    return _KINDS.get(post.media[0].kind, "") if alone else ""


def _origin(post: Post) -> tuple[object, ...]:
    forward = post.forward
    source = (forward.name, forward.channel_id, forward.author) if forward else None
    return source, post.reply_to, post.via_bot, post.author_signature
