"""A page of the preview → the channel, its posts in order, and what was not understood.

A page holds about twenty messages that follow each other: every message of the channel from its
lowest to its highest id is on it. That is what makes deletions visible, so whatever puts it in
doubt is said: a message that was not read, a page that the parser did not see to its end.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from crosspost.errors import ReaderError
from crosspost.model import Channel, fingerprint
from crosspost.readers.preview import _message
from crosspost.readers.preview._html import (
    Parts,
    address,
    attribute,
    classes,
    elements,
    inside,
    line,
    tree,
    words,
)
from crosspost.readers.preview._message import Found, Unread
from crosspost.readers.preview._web import Page

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

PHOTO: Final = "photo"
"""The locator of the channel's own photo."""

_MESSAGE: Final = "tgme_widget_message"
_MARK: Final = b'data-post="'
"""Telegram writes this once for every message; in the posts' words a quotation mark is escaped."""
_USERNAME: Final = re.compile(r"\w{1,64}", re.ASCII)
_CAPTCHA: Final = re.compile(rb"captcha|cf-challenge|challenge-platform|are you a robot", re.I)


class Leaf(NamedTuple):
    """A page of posts, lowest id first. ``seen``: the ids of all its messages, read or not, also
    the service messages. ``older``: whether there are posts before these. ``whole``: whether
    every message on the page was understood; if not, ``unread`` says which and why."""

    channel: Channel
    photo: str
    found: tuple[Found, ...]
    seen: tuple[int, ...]
    older: bool
    whole: bool
    unread: tuple[tuple[int, str], ...] = ()

    @property
    def mark(self) -> str:
        """Changes when a post of the page does, and not with views, reactions or addresses."""
        parts = [fingerprint(one.post) for one in self.found]
        parts += [f"{number} {why}" for number, why in self.unread]
        return sha256("\n".join([*parts, str(self.whole)]).encode()).hexdigest()


def leaf(page: Page, asked: str, name: str) -> Leaf:
    """What stands on ``page``, the answer to a request for ``asked``, a page of @name.

    Raises ``ReaderError`` when it is no page of a channel, with the reason as far as it is seen.
    """
    body = page.body or b""
    if page.status != 200:
        raise ReaderError(
            f"{asked} answered {page.status} instead of the channel's page. Open it in a browser "
            "to see what stands there."
        )
    if not body.strip():
        raise ReaderError(f"{asked} is an empty page. The next run tries again.")
    root = tree(body)
    marks = body.count(_MARK)
    parts, messages = _parted(root, marks)
    moved = urlsplit(page.url).path.strip("/") != urlsplit(asked).path.strip("/")
    if not any(map(parts.every, ("tgme_channel_history", "tgme_channel_info"))):
        raise _verdict(parts, body, moved, asked, name)
    if b"</html>" not in body[-4096:].lower():
        raise ReaderError(f"{asked} breaks off in the middle. The next run tries again.")
    return _leaf(root, parts, messages, marks, page.url, name)


def address_of(leaf: Leaf, locator: str) -> str:
    """Today's address of a file, "" where the page has none."""
    if locator == PHOTO:
        return leaf.photo
    return next((one.urls[locator] for one in leaf.found if locator in one.urls), "")


def _outside(root: "Element") -> Iterator["Element"]:
    """The elements of a page in order, the messages among them but nothing inside those."""
    left = [root]
    while left:
        tag = left.pop()
        yield tag
        if _MESSAGE not in classes(tag):
            left += reversed([child for child in tag if isinstance(child.tag, str)])


def _parted(root: "Element", marks: int) -> tuple[Parts, list["Element"]]:
    """What a page holds by class, and the messages of its history. Those of a sound page lie
    beside each other and need no look inside; on a damaged one anything may lie in anything."""
    for walk in (_outside, elements):
        parts = Parts(walk(root))
        history = parts.first("tgme_channel_history")
        messages = [
            message
            for message in parts.every(_MESSAGE)
            if any(around is history for around in message.iterancestors())
        ]
        if history is not None and len(messages) == marks:
            break
    return parts, messages


def _leaf(
    root: "Element", parts: Parts, messages: list["Element"], marks: int, url: str, name: str
) -> Leaf:
    channel_id = next(filter(None, map(_message.channel_id, messages)), 0)
    found: dict[int, Found] = {}
    seen, unread = set[int](), []
    for message in messages:
        number = 0
        try:
            number = _message.identity(message)[1]
            seen.add(number)
            if one := _message.read(message, channel_id, url):
                found[one.post.id] = one
                seen.update(one.post.ids)
        except Unread as error:
            unread.append((number, str(error)))
    whole = not unread and len(messages) == marks
    channel, photo = _channel(root, parts, url, name)
    return Leaf(
        channel=replace(channel, id=channel_id),
        photo=photo,
        found=tuple(found[number] for number in sorted(found)),
        seen=tuple(sorted(seen)),
        older=_older(root, parts),
        whole=whole,
        unread=tuple(unread),
    )


def _older(root: "Element", parts: Parts) -> bool:
    """Whether the page leads on to older posts."""
    return any(attribute(more, "data-before") for more in parts.every("tme_messages_more")) or any(
        "prev" in attribute(link, "rel").split() and link.get("href") is not None
        for link in root.iter("link")
    )


def _channel(root: "Element", parts: Parts, url: str, name: str) -> tuple[Channel, str]:
    """Who speaks, and today's address of the photo."""
    info = parts.first("tgme_channel_info")
    parts = parts if info is None else Parts(elements(info))
    picture = inside(parts.first("tgme_page_photo_image"), "img")
    src = attribute(picture, "src") or _meta(root, "og:image")
    about = words(parts.first("tgme_channel_info_description"))
    username = line(parts.first("tgme_channel_info_header_username")).removeprefix("@")
    picture_url = address(src, url)
    return (
        Channel(
            id=0,
            title=line(parts.first("tgme_channel_info_header_title")) or _meta(root, "og:title"),
            username=username if _USERNAME.fullmatch(username) else name,
            about=about or _meta(root, "og:description"),
            photo=PHOTO if picture_url else "",
        ),
        picture_url,
    )


def _meta(root: "Element", name: str) -> str:
    return attribute(inside(root, "meta", property=name), "content").strip()


def _verdict(parts: Parts, body: bytes, moved: bool, asked: str, name: str) -> ReaderError:
    """Why there are no posts. Telegram sends on to t.me/<name>, the page with the button that
    opens the app, for whatever has no preview; its small print tells what the name belongs to."""
    if parts.first("tgme_page") is None:
        if _CAPTCHA.search(body):
            return ReaderError(
                f"{asked} wants to know whether a person is asking. Open it in a browser on this "
                "machine, or wait an hour; read it seldomer from now on."
            )
        return ReaderError(
            f"{asked} is a page of a form that is not known here{', elsewhere' if moved else ''}. "
            "If a browser shows the channel's posts there, Telegram has changed the page: "
            "look for a newer Crosspost."
        )
    if parts.first("tgme_page_title") is None:
        return ReaderError(
            f"There is no channel @{name} on Telegram. Check the spelling in «channel»; a channel "
            "may also have been renamed or deleted."
        )
    told = line(parts.first("tgme_page_extra")).lower()
    kind = _kind(told, parts, name)
    if kind:
        return ReaderError(
            f"@{name} is a {kind}, not a channel. Put the channel's own name into «channel»."
        )
    return ReaderError(
        f"The channel @{name} has no preview on the web: Telegram shows none of a channel that is "
        'restricted or has sensitive posts. Read it with reader = "telegram", or from an export.'
    )


def _kind(told: str, parts: Parts, name: str) -> str:
    if "subscriber" in told:
        return ""
    if re.search(r"\bmembers?\b", told):
        return "group"
    action = line(parts.first("tgme_page_action")).lower()
    if "bot" in action or name.lower().endswith("bot") or "monthly users" in told:
        return "bot"
    return "person" if told.startswith("@") or "send message" in action else ""
