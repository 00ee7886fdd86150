"""Messages of ``result.json`` → parts of posts.

Offsets are computed from the pieces, in code points: there are none in the file.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Raw

from crosspost.model import (
    INLINE_ENTITIES,
    Answer,
    Entity,
    Extra,
    Forward,
    Media,
    MediaKind,
    Place,
    Poll,
    Post,
    Reaction,
    Reply,
)
from crosspost.readers import FIRST_MOMENT, LAST_MOMENT
from crosspost.readers.export._albums import Part
from crosspost.readers.export._records import LARGEST_ID, NOTHING, Manner, Message, Piece

_FIRST_EDIT: Final = datetime(2013, 8, 1, tzinfo=UTC)
"""Telegram's birth: an earlier date means none."""
_LEFT_OUT: Final = re.compile(
    r"(?:.* )?\((?:File|Photo) (not included|exceeds maximum size|unavailable)\b[^()]*\)", re.DOTALL
)
MISSING: Final = {
    "not included": "it was not included in the export",
    "exceeds maximum size": "it is larger than the limit chosen for the export",
    "unavailable": "Telegram could not give it when the export was made",
}
"""Why Desktop left a file out, by the words it writes instead of a path."""
_KINDS: Final[dict[str, MediaKind]] = {
    "sticker": "sticker",
    "video_message": "round_video",
    "voice_message": "voice",
    "animation": "animation",
    "video_file": "video",
    "audio_file": "audio",
}
_ENTITIES: Final = {"link": "url", "formatted_date": "date", "strike": "strikethrough"} | {
    name: name for name in INLINE_ENTITIES | {"pre", "blockquote"}
}
"""Desktop's names of entities and ours; any other kind is plain text."""


def part(message: Message, manner: Manner, previous: datetime | None) -> Part | None:
    """The message as a post of its own; None for a service message.

    A message of a kind that Desktop does not know has no date in the export: it gets that of the
    message before it, ``previous``. Raises ``ValueError`` with a clause for a person."""
    if message.type == "service":
        return None
    if not 0 < message.id <= LARGEST_ID:
        raise ValueError("it has no valid id")
    if message.type == "unsupported":
        date = previous
    else:
        date = _moment(message.date_unixtime, message.date, manner.zone)
    if date is None:
        raise ValueError("it has no valid date")
    edited = _moment(message.edited_unixtime, message.edited, manner.zone)
    text, entities = _text(message.text_entities)
    if not text and message.text is not NOTHING:
        text, entities = _old_text(message.text)
    post = Post(
        id=message.id,
        ids=(message.id,),
        date=date,
        channel_id=manner.channel_id,
        edited=edited if edited and edited > _FIRST_EDIT else None,
        text=text,
        entities=entities,
        author_signature=message.author or "",
        forward=_forward(message),
        reply_to=_reply(message),
        via_bot=(message.via_bot or "").removeprefix("@"),
        reactions=_reactions(message.reactions) if message.reactions is not NOTHING else (),
        **_content(message, manner, text),
    )
    return Part(post, str(message.from_id or message.sender or ""))


def local(text: str, zone: ZoneInfo) -> datetime:
    """An ISO date without zone, as Desktop wrote it on a computer in ``zone``, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def _moment(unixtime: int | str, date: str, zone: ZoneInfo) -> datetime | None:
    try:
        if unixtime:
            moment = datetime.fromtimestamp(int(unixtime), UTC)
        elif date:
            moment = local(date, zone)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return moment if FIRST_MOMENT <= moment <= LAST_MOMENT else None


def _text(pieces: Iterable[Piece]) -> tuple[str, tuple[Entity, ...]]:
    texts: list[str] = []
    entities: list[Entity] = []
    at = 0
    for piece in pieces:
        length = len(piece.text)
        kind = _ENTITIES.get(piece.type)
        if kind and length:
            entities.append(_entity(kind, at, length, piece))
        texts.append(piece.text)
        at += length
    return "".join(texts), tuple(entities)


def _entity(kind: str, offset: int, length: int, piece: Piece) -> Entity:
    value: int | str | None = ""
    if kind == "text_link":
        value = piece.href
    elif kind == "pre":
        value = piece.language
    elif kind == "mention_name":
        value = piece.user_id
    elif kind == "date":
        value = piece.unixtime
    elif kind == "custom_emoji":
        # Desktop replaces the id by the path of the emoji's file where it downloads it.
        value = piece.document_id if str(piece.document_id).isdigit() else ""
    attrs = {"collapsed": "true"} if kind == "blockquote" and piece.collapsed else {}
    return Entity(type=kind, offset=offset, length=length, value=str(value or ""), attrs=attrs)


def _old_text(raw: Raw | str | list[Any]) -> tuple[str, tuple[Entity, ...]]:
    """Text as a string, or a list of strings and objects."""
    value = msgspec.json.decode(raw) if isinstance(raw, Raw) else raw
    if isinstance(value, str):
        return value, ()
    pieces = []
    for item in value if isinstance(value, list) else ():
        if isinstance(item, str):
            pieces.append(Piece(text=item))
        elif isinstance(item, dict):
            pieces.append(_piece(item))
    return _text(pieces)


def _piece(item: dict[str, Any]) -> Piece:
    try:
        return msgspec.convert(item, Piece)
    except msgspec.ValidationError:
        return Piece(text=_string(item.get("text")))


def _forward(message: Message) -> Forward | None:
    if message.forwarded_from is UNSET:
        return None
    return Forward(
        name=message.forwarded_from or "", channel_id=_channel_of(message.forwarded_from_id)
    )


def _reply(message: Message) -> Reply | None:
    if not message.reply_to_message_id:
        return None
    if not message.reply_to_peer_id:
        return Reply(post_id=message.reply_to_message_id)
    channel = _channel_of(message.reply_to_peer_id)
    if not channel:
        return None
    url = f"https://t.me/c/{channel}/{message.reply_to_message_id}"
    return Reply(post_id=message.reply_to_message_id, url=url)


def _channel_of(peer: int | str | None) -> int:
    digits = str(peer).removeprefix("channel") if str(peer).startswith("channel") else ""
    return int(digits) if digits.isdecimal() and len(digits) < 20 else 0


def _reactions(raw: Raw) -> tuple[Reaction, ...]:
    value = msgspec.json.decode(raw)
    found = []
    for item in value if isinstance(value, list) else ():
        count = item.get("count") if isinstance(item, dict) else None
        if isinstance(count, int):
            emoji = "⭐" if item.get("type") == "paid" else _string(item.get("emoji"))
            found.append(Reaction(emoji=emoji, count=count))
    return tuple(found)


def _content(message: Message, manner: Manner, text: str) -> dict[str, Any]:
    """What the post holds beside its text. A post that would be empty says so."""
    media = _media(message)
    if media:
        return {"media": (media,)}
    for name, read in _SPECIAL.items():
        raw = getattr(message, name)
        if raw is not NOTHING:
            value = msgspec.json.decode(raw)
            if isinstance(value, dict):
                return read(value, message, manner)
    if message.place_name:
        return {"extras": (_unplaced(message),)}
    if message.game_title is not UNSET:
        lines = ((message.game_description, False),) if message.game_description else ()
        game = Extra(kind="game", title=message.game_title, lines=lines, value=message.game_link)
        return {"extras": (game,)}
    if message.invoice_information is not NOTHING:
        return {"extras": (_invoice(msgspec.json.decode(message.invoice_information)),)}
    if message.paid_stars_amount is not UNSET:
        return {"extras": (Extra(kind="paid_media", value=str(message.paid_stars_amount)),)}
    return {} if text else {"extras": (Extra(kind="unsupported"),)}


def _media(message: Message) -> Media | None:
    if message.photo is not None:
        locator, missing = place(message.photo, message.id)
        return Media(
            kind="photo",
            locator=locator,
            size=max(message.photo_file_size, 0),
            width=max(message.width, 0),
            height=max(message.height, 0),
            spoiler=message.media_spoiler,
            missing=missing,
        )
    if message.file is None:
        return None
    locator, missing = place(message.file, message.id)
    thumb, no_thumb = place(message.thumbnail or "", message.id)
    return Media(
        kind=_KINDS.get(message.media_type, "document"),
        locator=locator,
        mime=message.mime_type,
        size=max(message.file_size, 0),
        width=max(message.width, 0),
        height=max(message.height, 0),
        duration=max(message.duration_seconds, 0),
        name=message.file_name or ("" if missing else locator.rpartition("/")[2]),
        title=message.title,
        performer=message.performer,
        alt=message.sticker_emoji,
        thumb="" if no_thumb else thumb,
        spoiler=message.media_spoiler,
        missing=missing,
    )


def place(path: str, message_id: int) -> tuple[str, str]:
    """Where the file is, and why it is missing: one of both says something. A file that is
    missing is named after its message."""
    found = _LEFT_OUT.fullmatch(path) if path.endswith(")") else None
    if found:
        return f"{message_id}/0", MISSING[found[1]]
    return (path, "") if path else (f"{message_id}/0", MISSING["not included"])


def _poll(value: dict[str, Any], _message: Message, _manner: Manner) -> dict[str, Any]:
    answers = value.get("answers")
    return {
        "poll": Poll(
            question=_plain(value.get("question")),
            answers=tuple(
                Answer(text=_plain(answer.get("text")), voters=_count(answer.get("voters")))
                for answer in (answers if isinstance(answers, list) else ())
                if isinstance(answer, dict)
            ),
            voters=_count(value.get("total_voters")),
            closed=value.get("closed") is True,
        )
    }


def _todo(value: dict[str, Any], _message: Message, _manner: Manner) -> dict[str, Any]:
    tasks = value.get("answers")
    lines = tuple(
        (_plain(task.get("text")), False)
        for task in (tasks if isinstance(tasks, list) else ())
        if isinstance(task, dict)
    )
    return {"extras": (Extra(kind="todo", title=_plain(value.get("title")), lines=lines),)}


def _location(value: dict[str, Any], message: Message, _manner: Manner) -> dict[str, Any]:
    found = location(value.get("latitude"), value.get("longitude"), message)
    return {"place": found} if found else {"extras": (_unplaced(message),)}


def location(latitude: Any, longitude: Any, message: Message | None = None) -> Place | None:
    """The place, None if the numbers are none on Earth."""
    try:
        north, east = float(latitude), float(longitude)
    except (TypeError, ValueError):
        return None
    if not (isfinite(north) and isfinite(east) and abs(north) <= 90 and abs(east) <= 180):
        return None
    title, address = (message.place_name, message.address) if message else ("", "")
    return Place(latitude=north, longitude=east, title=title, address=address)


def _unplaced(message: Message) -> Extra:
    lines = ((message.address, False),) if message.address else ()
    return Extra(kind="unsupported", title=message.place_name, lines=lines)


def _contact(value: dict[str, Any], _message: Message, manner: Manner) -> dict[str, Any]:
    names = (_string(value.get(key)) for key in ("first_name", "last_name"))
    phone = _string(value.get("phone_number")) if manner.phone_numbers else ""
    return {"extras": (Extra(kind="contact", title=" ".join(filter(None, names)), value=phone),)}


def _giveaway(value: dict[str, Any], _message: Message, _manner: Manner) -> dict[str, Any]:
    quantity = str(_count(value.get("quantity")) or "")
    prize = _string(value.get("additional_prize"))
    return {"extras": (Extra(kind="giveaway", title=prize, value=quantity),)}


def _results(value: dict[str, Any], _message: Message, _manner: Manner) -> dict[str, Any]:
    winners = str(_count(value.get("winners_count")) or "")
    prize = _string(value.get("additional_prize"))
    return {"extras": (Extra(kind="giveaway_results", title=prize, value=winners),)}


_SPECIAL: Final[dict[str, Callable[[dict[str, Any], Message, Manner], dict[str, Any]]]] = {
    "poll": _poll,
    "todo_list": _todo,
    "location_information": _location,
    "contact_information": _contact,
    "giveaway_information": _giveaway,
    "giveaway_results": _results,
}


def _invoice(value: Any) -> Extra:
    """Desktop writes an invoice as a string that holds the object."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return Extra(kind="invoice")
    if not isinstance(value, dict):
        return Extra(kind="invoice")
    description = _string(value.get("description"))
    return Extra(
        kind="invoice",
        title=_string(value.get("title")),
        lines=((description, False),) if description else (),
        value=_price(value.get("amount"), _string(value.get("currency"))),
    )


def _price(amount: Any, currency: str) -> str:
    """The sum of money: amounts are in the currency's smallest unit
    (https://core.telegram.org/bots/payments#supported-currencies); stars have none."""
    if not isinstance(amount, int) or abs(amount) > 10**15 or not currency.isalpha():
        return ""
    from babel.numbers import get_currency_precision

    digits = 0 if currency == "XTR" else get_currency_precision(currency)
    return f"{amount / 10**digits:.{digits}f} {currency}"


def _plain(value: Any) -> str:
    return _old_text(value)[0] if isinstance(value, str | list) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
