"""A message of ``result.json`` as Telegram Desktop writes it, and how it is decoded.

The keys are those that Telegram Desktop writes, from its first JSON export (version 1.3, 2018) on:
https://github.com/telegramdesktop/tdesktop, ``export/output/export_output_json.cpp``. What changed
on the way:

    2018-06  text is one string; no chat id; ``edited`` is 1970 for what was never edited
    2018-12  text is a string or a list of strings and objects; chat and user ids with their
             kind added (2 << 32 for a channel)
    2021-04  bare chat ids
    2022-06  ``date_unixtime``: dates no longer depend on the computer's time zone
    2022-09  ``text_entities``: every piece of text is an object
    2024–25  spoilers, reactions, file sizes, paid media, to-do lists
    2026     rich messages: blocks instead of text
"""

import json
import re
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Raw, UnsetType

from crosspost.model import Record

LARGEST_ID: Final = 2**31 - 1
"""A channel's message ids are positive 32-bit numbers."""
NOTHING: Final = Raw(b"null")
"""What an undecoded field holds when it is not there."""
_ESCAPE: Final = re.compile(r"\\(?:(\\)|x([0-9A-Fa-f]{2}))")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_FIELD: Final = re.compile(r"at `\$\.(\w+)")


class Piece(msgspec.Struct, gc=False):
    """A piece of text as Desktop writes it. There are a dozen to a message and no cycles, so the
    garbage collector is not told of them (https://jcristharif.com/msgspec/structs.html)."""

    text: str = ""
    type: str = "plain"
    href: str | None = None
    language: str | None = None
    user_id: int | str | None = None
    document_id: int | str | None = None
    collapsed: bool | None = None
    unixtime: int | str | None = None


class Message(msgspec.Struct, gc=False):
    """What is used of a message; what is seldom there stays undecoded."""

    id: int
    type: str = "message"
    date: str = ""
    date_unixtime: int | str = ""
    edited: str = ""
    edited_unixtime: int | str = ""
    sender: str | None = msgspec.field(default=None, name="from")
    from_id: int | str | None = None
    author: str | None = None
    forwarded_from: str | UnsetType | None = UNSET
    forwarded_from_id: int | str | None = None
    reply_to_message_id: int | None = None
    reply_to_peer_id: int | str | None = None
    via_bot: str | None = None
    text: Raw = NOTHING
    text_entities: list[Piece] = []
    rich_message: Raw = NOTHING
    photo: str | None = None
    photo_file_size: int = 0
    file: str | None = None
    file_name: str | None = None
    file_size: int = 0
    thumbnail: str | None = None
    media_type: str = ""
    mime_type: str = ""
    sticker_emoji: str = ""
    performer: str = ""
    title: str = ""
    duration_seconds: float = 0
    width: int = 0
    height: int = 0
    media_spoiler: bool = False
    reactions: Raw = NOTHING
    poll: Raw = NOTHING
    todo_list: Raw = NOTHING
    location_information: Raw = NOTHING
    place_name: str = ""
    address: str = ""
    contact_information: Raw = NOTHING
    game_title: str | UnsetType = UNSET
    game_description: str = ""
    game_link: str = ""
    invoice_information: Raw = NOTHING
    giveaway_information: Raw = NOTHING
    giveaway_results: Raw = NOTHING
    paid_stars_amount: int | UnsetType = UNSET


class Mended(Message, gc=False):
    """A message that lost the fields in ``odd`` because their form is unknown."""

    odd: tuple[str, ...] = ()


class Manner(Record, frozen=True):
    """How messages are read: the zone of dates without one, the channel they belong to, whether
    a contact's phone number may be kept."""

    zone: ZoneInfo
    channel_id: int = 0
    phone_numbers: bool = False


_decoder: Final = msgspec.json.Decoder(Message)
_list_decoder: Final = msgspec.json.Decoder(list[Message])
_mended: Final = msgspec.json.Decoder(Mended)


def decode_all(data: bytes) -> list[Message]:
    """The messages in ``data``, a list. Raises ``msgspec.DecodeError``, ``RecursionError``."""
    return _list_decoder.decode(data)


def decode(data: bytes) -> Message:
    """The message in ``data``. Raises ``msgspec.DecodeError``, ``RecursionError``."""
    return _decoder.decode(data)


def mend(data: bytes) -> Mended:
    """The message in ``data`` that ``decode`` refused, without what made it refuse.

    Desktop writes control characters as ``\\x0B``, which is no JSON; a cut emoji leaves half a
    surrogate pair; a field of an unknown form is left out. Raises ``ValueError`` with a clause
    for a person, ``RecursionError``."""
    try:
        known = json.loads(_valid(data), strict=False)
    except ValueError as error:
        raise ValueError("it is not valid JSON") from error
    if not isinstance(known, dict):
        raise ValueError("it is not a message")
    odd: list[str] = []
    while True:
        known["odd"] = odd
        written = _LONE_SURROGATE.sub("\ufffd", json.dumps(known, ensure_ascii=False))
        try:
            return _mended.decode(written.encode())
        except msgspec.ValidationError as error:
            field = _FIELD.search(str(error))
            if field is None or field[1] == "id" or field[1] not in known:
                raise ValueError("it has no valid id") from error
            del known[field[1]]
            odd.append(field[1])


def _valid(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return _ESCAPE.sub(lambda found: r"\\" if found[1] else rf"\u00{found[2]}", text)
