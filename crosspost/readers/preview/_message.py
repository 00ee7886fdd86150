"""A message of the preview page → a post, and the addresses its files have today.

The page is Telegram's widget markup (https://core.telegram.org/widgets/post), which nothing
documents: what is read here was read off real pages. The posts' own words never decide about
structure: an element counts by Telegram's class names, and what stands in a reply's or a link's
card is read apart.

What a page does not tell: when a post was edited, its number of forwards and comments, the files
of documents and music, which photo of an album a text came with, who voted what.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from crosspost.model import (
    Answer,
    Entity,
    Extra,
    ExtraKind,
    Forward,
    LinkPreview,
    Media,
    Place,
    Poll,
    Post,
    Reaction,
    Reply,
)
from crosspost.readers import FIRST_MOMENT, LAST_MOMENT
from crosspost.readers.preview._files import File, files_of, is_file, shelved
from crosspost.readers.preview._html import (
    LARGEST_ID,
    POST_LINK,
    Parts,
    address,
    attribute,
    background,
    classes,
    count,
    cut,
    elements,
    every,
    first,
    inside,
    line,
    words,
)

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_MARKED: Final = 10**12
"""The Bot API writes channel ids with this mark: https://core.telegram.org/api/bots/ids"""
_DEEPEST: Final = 100
_MOST: Final = 20_000
"""Elements of a message, and how deep they may lie: a real one has hundreds, ten deep."""
_NAME: Final = re.compile(r"([A-Za-z0-9_]{1,64})/(\d{1,10})", re.ASCII)


class Unread(Exception):
    """The message's markup is not understood; the text says what is missing."""


class Found(NamedTuple):
    """A post, and the address of each of its locators."""

    post: Post
    urls: dict[str, str]


class _View(msgspec.Struct):
    """What ``data-view`` holds, as far as it is read."""

    c: int


def identity(message: "Element") -> tuple[str, int]:
    """The channel's name and the message's id, from ``data-post``. Raises ``Unread``."""
    found = _NAME.fullmatch(attribute(message, "data-post"))
    if not found or not 0 < int(found[2]) <= LARGEST_ID:
        raise Unread("it has no id")
    return found[1], int(found[2])


def channel_id(message: "Element") -> int:
    """The bare channel id from ``data-view``, base64 of ``{"c": -channel id, …}``; 0 where it
    does not say."""
    data = attribute(message, "data-view")
    with suppress(binascii.Error, ValueError, TypeError, RecursionError):
        told = msgspec.json.decode(
            base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)), type=_View
        )
        channel = abs(told.c)
        channel -= _MARKED if channel > _MARKED else 0
        return channel if channel < 2**52 else 0
    return 0


def read(message: "Element", channel: int, base: str) -> Found | None:
    """The post in a ``.tgme_widget_message`` (taken apart on the way), None for a service
    message. ``base``: the page's address, for relative links. Raises ``Unread``."""
    name, post_id = identity(message)
    parts = Parts(islice(elements(message), _MOST + 1))
    if parts.count > _DEEPEST:  # fewer cannot be too deep either
        _bounded(message)
    if "service_message" in classes(message):
        return None
    date = _date(parts)
    reply, parts = _taken(message, parts, "tgme_widget_message_reply")
    card, parts = _taken(message, parts, "tgme_widget_message_link_preview")
    # for browsers that cannot show what stands beside
    _, parts = _taken(message, parts, "media_not_supported_cont")
    files = list(files_of(message, parts, post_id, base))
    preview, picture = _link_preview(card[0], post_id, base) if card else (None, None)
    if preview and picture:
        preview = msgspec.structs.replace(preview, photo=len(files))
        files.append(picture)
    media, urls = shelved(files)
    text, entities, captions = _text(message, parts, len(media))
    post = Post(
        id=min((file.member for file in files), default=post_id),
        ids=tuple(sorted({post_id} | {file.member for file in files})),
        date=date,
        channel_id=channel,
        text=text,
        entities=entities,
        media=tuple(
            msgspec.structs.replace(one, caption=captions.get(index))
            for index, one in enumerate(media)
        ),
        url=f"https://t.me/{name}/{post_id}",
        author_signature=line(parts.first("tgme_widget_message_from_author")),
        forward=_forward(parts.first("tgme_widget_message_forwarded_from")),
        reply_to=_reply(reply[0], name) if reply else None,
        poll=_poll(parts),
        link_preview=preview,
        place=_place(parts),
        extras=_extras(parts),
        via_bot=line(parts.first("tgme_widget_message_via_bot")).removeprefix("@"),
        views=count(line(parts.first("tgme_widget_message_views"))),
        reactions=_reactions(parts),
    )
    return Found(_never_empty(post), urls)


def _bounded(message: "Element") -> None:
    """Raises ``Unread`` for a message built to keep a reader busy."""
    depths: dict[Element | None, int] = {}
    for number, tag in enumerate(elements(message), 1):
        depth = depths[tag] = depths.get(tag.getparent(), 0) + 1
        if depth > _DEEPEST or number > _MOST:
            raise Unread("it is built too deep or of too many parts")


def _never_empty(post: Post) -> Post:
    """A post of which the page shows nothing says so."""
    if post.text or post.media or post.poll or post.place or post.extras or post.link_preview:
        return post
    return msgspec.structs.replace(post, extras=(Extra(kind="unsupported"),))


def _taken(message: "Element", parts: Parts, name: str) -> tuple[Sequence["Element"], Parts]:
    """The elements of this class, taken out of the message, and what is left of it."""
    taken = parts.every(name)
    if not taken:
        return (), parts
    cut(message, taken)
    return taken, Parts(elements(message))


def _date(parts: Parts) -> datetime:
    stamp = parts.first("tgme_widget_message_date")
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(attribute(inside(stamp, "time"), "datetime"))
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        if FIRST_MOMENT <= moment <= LAST_MOMENT:
            return moment
    raise Unread("it has no date")


def _text(
    message: "Element", parts: Parts, files: int
) -> tuple[str, tuple[Entity, ...], dict[int, tuple[int, int]]]:
    """The post's text, its entities, and which part of it stands under which file. The text of
    an album is wrapped twice: the innermost counts. Several texts belong each to the file before
    it, as in a group of documents."""
    bodies = parts.every("js-message_text")
    if len(bodies) > 1:
        bodies = [body for body in bodies if first(body, "js-message_text") is None]
    places = _files_before(bodies, message) if len(bodies) > 1 else {}
    texts, start = list[str](), 0
    entities, captions = list[Entity](), dict[int, tuple[int, int]]()
    for body in bodies:
        own, found = _marked(body)
        if not own:
            continue
        if start:
            found = [msgspec.structs.replace(one, offset=one.offset + start) for one in found]
        entities += found
        place = places.get(body, 0)
        if 0 < place <= files:
            captions[place - 1] = (start, len(own))
        texts.append(own)
        start += len(own) + 2
    return "\n\n".join(texts), tuple(entities), captions


def _marked(body: "Element") -> tuple[str, list[Entity]]:
    from crosspost.markup import from_html

    return from_html(body)


def _files_before(bodies: Sequence["Element"], message: "Element") -> dict["Element", int]:
    """How many files stand before each of the texts."""
    count, found = 0, dict["Element", int]()
    wanted = set(bodies)
    for tag in elements(message):
        if tag in wanted:
            found[tag] = count
        count += is_file(tag)
    return found


def _forward(tag: "Element | None") -> Forward | None:
    if tag is None:
        return None
    name = first(tag, "tgme_widget_message_forwarded_from_name")
    url = _link(attribute(name, "href"))
    origin = POST_LINK.fullmatch(url)
    return Forward(
        name=line(name) or line(tag).removeprefix("Forwarded from").strip(),
        url=url,
        author=line(first(tag, "tgme_widget_message_forwarded_from_author")),
        post_id=int(origin[2]) if origin else 0,
    )


def _reply(tag: "Element", name: str) -> Reply | None:
    """What is answered. Of a post of the same channel only its id counts: the words the page
    shows of it are no quote, and may have changed since. Of another's, ``quote`` holds its
    beginning where that is words; a bare "Photo" is Telegram's own."""
    url = _link(attribute(tag, "href"))
    found = POST_LINK.fullmatch(url)
    if not found:
        return None
    if found[1].lower() == name.lower():
        return Reply(post_id=int(found[2]))
    return Reply(
        post_id=int(found[2]),
        url=url,
        name=line(first(tag, "tgme_widget_message_author_name")),
        quote=words(first(tag, "tgme_widget_message_text")),
    )


def _link(url: str) -> str:
    return address(url, "https://t.me/") if url else ""


def _poll(parts: Parts) -> Poll | None:
    tag = parts.first("tgme_widget_message_poll")
    if tag is None:
        return None
    kind = line(first(tag, "tgme_widget_message_poll_type")).lower()
    return Poll(
        question=words(first(tag, "tgme_widget_message_poll_question")),
        answers=tuple(
            Answer(
                text=words(first(option, "tgme_widget_message_poll_option_text")),
                percent=count(line(first(option, "tgme_widget_message_poll_option_percent"))),
            )
            for option in every(tag, "tgme_widget_message_poll_option")
        ),
        voters=count(line(parts.first("tgme_widget_message_voters"))),
        quiz="quiz" in kind,
        multiple="multiple" in classes(tag),
        anonymous="public" not in kind,
        closed="final" in kind or "closed" in kind,
    )


def _link_preview(
    tag: "Element", post_id: int, base: str
) -> tuple[LinkPreview | None, File | None]:
    url = _link(attribute(tag, "href"))
    if not url:
        return None, None
    preview = LinkPreview(
        url=url,
        site=line(first(tag, "link_preview_site_name")),
        title=line(first(tag, "link_preview_title")),
        description=words(first(tag, "link_preview_description")),
    )
    for name in ("link_preview_image", "link_preview_right_image", "link_preview_video_thumb"):
        if picture := background(first(tag, name), base):
            return preview, File(post_id, Media(kind="photo", locator=""), picture)
    return preview, None


def _place(parts: Parts) -> Place | None:
    tag = parts.first("tgme_widget_message_location_wrap")
    point = _point(attribute(tag, "href")) if tag is not None else None
    if tag is None or point is None:
        return None
    return Place(latitude=point[0], longitude=point[1], **_venue(tag))


def _venue(tag: "Element") -> dict[str, str]:
    return {
        "title": line(first(tag, "tgme_widget_message_location_title")),
        "address": line(first(tag, "tgme_widget_message_location_address")),
    }


def _point(href: str) -> tuple[float, float] | None:
    """Degrees from a map's address, ``…?q=55.03,82.92``."""
    with suppress(ValueError):
        query = parse_qs(urlsplit(href).query)
        for value in query.get("q", []) + query.get("ll", []):
            latitude, longitude = map(float, value.split(","))
            if abs(latitude) <= 90 and abs(longitude) <= 180:
                return latitude, longitude
    return None


_EXTRAS: Final[tuple[tuple[ExtraKind, str, str], ...]] = (
    ("contact", "tgme_widget_message_contact_wrap", "tgme_widget_message_contact_name"),
    ("game", "tgme_widget_message_game", "tgme_widget_message_game_title"),
)


def _extras(parts: Parts) -> tuple[Extra, ...]:
    extras = []
    venue = parts.first("tgme_widget_message_location_wrap")
    if venue is not None and _point(attribute(venue, "href")) is None:
        told = _venue(venue)
        lines = ((told["address"], False),) if told["address"] else ()
        extras.append(Extra(kind="unsupported", title=told["title"], lines=lines))
    for kind, box, title in _EXTRAS:
        extras += [Extra(kind=kind, title=line(first(tag, title))) for tag in parts.every(box)]
    if any(map(_stands_alone, parts.every("message_media_not_supported_label"))):
        extras.append(Extra(kind="unsupported"))
    return tuple(extras)


def _stands_alone(label: "Element") -> bool:
    """Every player carries such a label for old browsers; one outside of them is the post."""
    return not any(is_file(parent) for parent in label.iterancestors())


def _reactions(parts: Parts) -> tuple[Reaction, ...]:
    reactions = []
    for tag in parts.every("tgme_reaction"):
        own = "".join([tag.text or "", *(child.tail or "" for child in tag)])
        custom = inside(tag, "tg-emoji") is not None
        emoji = (
            "⭐"
            if "tgme_reaction_paid" in classes(tag)
            else ""
            if custom
            else line(inside(tag, "b"))
        )
        if (number := count(" ".join(own.split()))) is not None:
            reactions.append(Reaction(emoji=emoji, count=number))
    return tuple(reactions)
