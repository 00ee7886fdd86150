"""Which channel is meant: what a person writes → a pointer → Telegram's own record of it.

Forms (https://core.telegram.org/api/links): ``@name``, ``name``, ``t.me/name`` and links to its
posts and its preview page, ``t.me/+hash`` and ``t.me/joinchat/hash`` (invite links), a numeric id
with or without the mark -100, ``t.me/c/<id>/…``.

A name costs a request that Telegram allows a few hundred times a day, so what it led to is
remembered in the reader's cache; a channel that was renamed since is still found.
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import unquote

import msgspec

from crosspost.errors import ReaderError
from crosspost.model import Record
from crosspost.readers.telegram import _trouble
from crosspost.readers.telegram._link import Link
from crosspost.readers.telegram._peers import public_name

_FILE: Final = "channel.json"
_DIALOGS: Final = 100
_PEER_IDS: Final = ("channel_id", "chat_id", "user_id")
_LINK: Final = re.compile(
    r"(?:https?://)?(?:www\.)?(?:t|telegram)\.(?:me|dog)/(?P<path>.+)", re.IGNORECASE
)
_ID: Final = re.compile(r"(?:-100)?(\d{5,19})", re.ASCII)
_NAME: Final = re.compile(r"@?([A-Za-z]\w{2,31})", re.ASCII)
_INVITE: Final = re.compile(r"(?:\+|joinchat/)([\w-]{8,64})", re.ASCII)
_RESOLVE: Final = re.compile(r"tg://(?:resolve\?domain=|join\?invite=(?P<invite>))", re.IGNORECASE)


class Pointer(NamedTuple):
    """What leads to a channel: its @name, the secret part of an invite link, or its id."""

    kind: Literal["name", "invite", "id"]
    value: str


class Known(Record, frozen=True):
    """A channel that was found, and the key under which this account may ask for it."""

    pointer: str
    id: int
    access_hash: int


def pointer(text: str) -> Pointer:
    """What a person's words mean. Raises ``ReaderError``."""
    path = unquote(text.strip())
    if found := _LINK.fullmatch(path):
        path = found["path"]
    elif found := _RESOLVE.match(path):
        path = ("+" if found["invite"] is not None else "") + path[found.end() :]
    path = path.partition("?")[0].strip("/")
    if found := _INVITE.fullmatch(path):
        return Pointer("invite", found[1])
    parts = path.split("/")
    if len(parts) > 1 and parts[0] in ("c", "s"):
        parts = parts[1:]
    if found := _ID.fullmatch(parts[0]):
        return Pointer("id", found[1])
    if found := _NAME.fullmatch(parts[0]):
        return Pointer("name", found[1])
    raise ReaderError(
        f"«{text}» names no Telegram channel: write @name, a t.me link, an invite link or the "
        "numeric id («crosspost channels» lists them)"
    )


def remembered(cache: Path, text: str) -> Known | None:
    """What ``text`` led to in an earlier run."""
    try:
        known = msgspec.json.decode((cache / _FILE).read_bytes(), type=Known)
    except (OSError, msgspec.DecodeError):
        return None
    return known if known.pointer == text else None


def remember(cache: Path, known: Known) -> None:
    """Keeps it for later runs; they can do without."""
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        path = cache / _FILE
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.encode(known))


def find(link: Link, text: str) -> Known:
    """Asks Telegram for the channel. Raises ``ReaderError``."""
    meant = pointer(text)
    try:
        chat = _LOOK[meant.kind](link, meant.value)
    except Exception as error:
        if isinstance(error, ReaderError) or not hasattr(error, "message"):
            raise
        raise _trouble.sentence(error, text) from error
    return Known(pointer=text, id=chat.id, access_hash=checked(chat, text).access_hash)


def checked(chat: Any, text: str) -> Any:
    """The TL Channel, if it is one that can be mirrored. Raises ``ReaderError``."""
    kind = type(chat).__name__
    if kind == "ChannelForbidden":
        raise ReaderError(_trouble.CHANNEL["ChannelPrivateError"].format(channel=text))
    if getattr(chat, "migrated_to", None):
        raise ReaderError(
            f"{text} is a group that has moved to a supergroup with the id "
            f"{chat.migrated_to.channel_id}: crosspost mirrors channels"
        )
    if kind == "User" or kind.startswith("Chat") or not getattr(chat, "broadcast", None):
        what = "a person or a bot" if kind == "User" else "a group"
        raise ReaderError(f"{text} is {what}: crosspost mirrors channels")
    for one in chat.restriction_reason or () if chat.restricted else ():
        if one.platform == "all":
            raise ReaderError(f"Telegram does not show {text} to anyone: {one.text}")
    return chat


def _by_name(link: Link, name: str) -> Any:
    from telethon.tl.functions.contacts import (  # type: ignore[import-untyped]
        ResolveUsernameRequest,
    )

    found = link.ask(ResolveUsernameRequest(name))
    number = getattr(found.peer, "channel_id", None) or getattr(found.peer, "user_id", 0)
    return next(one for one in (*found.chats, *found.users) if one.id == number)


def _by_invite(link: Link, secret: str) -> Any:
    from telethon.tl.functions.messages import (  # type: ignore[import-untyped]
        CheckChatInviteRequest,
    )

    found = link.ask(CheckChatInviteRequest(secret))
    if hasattr(found, "chat"):
        return found.chat
    raise ReaderError(
        f"This account is no member of «{found.title}»: open the invite link with it in Telegram "
        "and join, then run again"
    )


def _by_id(link: Link, number: str) -> Any:
    for chat in dialogs(link):
        if chat.id == int(number):
            return chat
    raise ReaderError(
        f"This account sees no channel with the id {number}: join it with the account, or write "
        "its @name or invite link («crosspost channels» lists what it sees)"
    )


_LOOK: Final = {"name": _by_name, "invite": _by_invite, "id": _by_id}


def dialogs(link: Link) -> list[Any]:
    """The groups and channels in the account's list of chats, as TL Chats."""
    from telethon.tl.functions.messages import GetDialogsRequest
    from telethon.tl.types import InputPeerEmpty  # type: ignore[import-untyped]

    found: dict[int, Any] = {}
    date, last, peer = None, 0, InputPeerEmpty()
    while True:
        page = link.ask(GetDialogsRequest(date, last, peer, limit=_DIALOGS, hash=0))
        before = len(found)
        found.update({chat.id: chat for chat in page.chats})
        oldest = _oldest(page)
        if oldest is None or len(page.dialogs) < _DIALOGS or len(found) == before:
            return list(found.values())
        chats = {one.id: one for one in (*page.chats, *page.users)}
        date, last, peer = oldest.date, oldest.id, _input(oldest.peer_id, chats)


def _oldest(page: Any) -> Any:
    """The last message of the page's last chat that has one: the next page begins there."""
    messages = {(str(one.peer_id), one.id): one for one in page.messages}
    tops = (messages.get((str(one.peer), one.top_message)) for one in reversed(page.dialogs))
    return next((one for one in tops if one is not None), None)


def _input(peer: Any, chats: dict[int, Any]) -> Any:
    from telethon.utils import get_input_peer  # type: ignore[import-untyped]

    number = next(getattr(peer, one) for one in _PEER_IDS if hasattr(peer, one))
    return get_input_peer(chats[number])


def title(chat: Any) -> str:
    """What a person would call the channel."""
    name = public_name(chat)
    return f"{chat.title} (@{name})" if name else str(chat.title)
