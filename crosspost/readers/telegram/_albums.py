"""Messages → posts: those that bear the same ``grouped_id`` are one post, an album
(https://core.telegram.org/api/files#albums-grouped-media).

The messages of an album are at most ten and follow each other closely, but another message may
stand between two of them.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from crosspost.model import Entity, Media, Post

REACH: Final = 20
"""How far apart, in message ids, the parts of one album may stand. Twice its largest size."""


class Part(NamedTuple):
    """One message as a post of its own, and its album's id (0: none)."""

    post: Post
    group: int


def albums(parts: Iterable[Part]) -> Iterator[Post]:
    """The posts that the messages are, in the messages' order, which may be up or down."""
    waiting: list[list[Part]] = []
    open_albums: dict[int, list[Part]] = {}
    for part in parts:
        group = open_albums.get(part.group) if part.group else None
        if group is not None:
            group.append(part)
        elif not waiting and not part.group:
            yield part.post
        else:
            waiting.append([part])
            if part.group:
                open_albums[part.group] = waiting[-1]
        while waiting and abs(part.post.id - waiting[0][0].post.id) > REACH:
            yield _close(waiting, open_albums)
        while waiting and not waiting[0][0].group:
            yield _close(waiting, open_albums)
    while waiting:
        yield _close(waiting, open_albums)


def _close(waiting: list[list[Part]], open_albums: dict[int, list[Part]]) -> Post:
    group = waiting.pop(0)
    open_albums.pop(group[0].group, None)
    return join(group)


def join(group: list[Part]) -> Post:
    """The one post that a group is. Captions are joined with a blank line; each medium knows
    the range of the text that came with it."""
    if len(group) == 1:
        return group[0].post
    posts = sorted((part.post for part in group), key=lambda post: post.id)
    texts: list[str] = []
    entities: list[Entity] = []
    media: list[Media] = []
    at = 0
    for post in posts:
        length = len(post.text)
        caption = (at, length) if length else None
        media += [replace(one, caption=caption) for one in post.media]
        entities += [replace(one, offset=one.offset + at) for one in post.entities]
        if length:
            texts.append(post.text)
            at += length + 2
    first = posts[0]
    counted = [post.views for post in posts if post.views is not None]
    return replace(
        first,
        ids=tuple(post.id for post in posts),
        text="\n\n".join(texts),
        entities=tuple(entities),
        media=tuple(media),
        edited=max((post.edited for post in posts if post.edited), default=None),
        views=max(counted, default=None),
        reactions=next((post.reactions for post in posts if post.reactions), ()),
        comments=next((post.comments for post in posts if post.comments), None),
    )
