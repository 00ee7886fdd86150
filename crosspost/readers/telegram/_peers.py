"""Who is named in a message, and how a channel's posts are addressed."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from crosspost.model import Record


class Manner(Record, frozen=True):
    """How messages are read: the channel and its @name ("" if it has none), whether a contact's
    phone number may be kept, the size in bytes above which files are left out."""

    channel_id: int
    username: str = ""
    phone_numbers: bool = False
    max_media: int = 2**63


class Peer(NamedTuple):
    """What is known of whoever is named by an id."""

    name: str
    username: str = ""


Peers = dict[int, Peer]
"""By Telegram's marked ids: users above zero, channels and chats below."""


def peers(users: Iterable[Any], chats: Iterable[Any]) -> Peers:
    """Who is named in an answer of Telegram's."""
    found: Peers = {}
    for user in users:
        if hasattr(user, "first_name"):
            name = " ".join(filter(None, (user.first_name, user.last_name)))
            found[user.id] = Peer(name or "Deleted Account", user.username or "")
    for chat in chats:
        found[-chat.id] = Peer(getattr(chat, "title", ""), public_name(chat))
    return found


def public_name(chat: Any) -> str:
    """The name in a channel's public address, "" if it has none. It may own several."""
    if getattr(chat, "username", None):
        return str(chat.username)
    names = getattr(chat, "usernames", None) or ()
    return next((str(one.username) for one in names if one.active), "")


def address(channel_id: int, username: str, message_id: int) -> str:
    """The address of a post; of a private channel, one that only its members can open
    (https://core.telegram.org/api/links#message-links)."""
    return f"https://t.me/{username or f'c/{channel_id}'}/{message_id}"


def marked(peer: Any) -> int:
    """A TL Peer's marked id, 0 for none."""
    if peer is None:
        return 0
    return int(getattr(peer, "user_id", 0) or -(getattr(peer, "channel_id", 0) or peer.chat_id))
