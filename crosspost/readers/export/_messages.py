"""Messages of ``result.json`` → parts of posts.

Offsets are computed from the pieces, in code points: there are none in the file.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import replace

from crosspost.model import (
    INLINE_ENTITIES,
    Answer,
    Entity,
    Extra,
    Forward,
    Poll,
    Post,
    Reaction,
    Reply,
)
from crosspost.readers import FIRST_MOMENT, LAST_MOMENT
from crosspost.readers.export._albums import Part
from crosspost.readers.export._media import message_media
from crosspost.readers.export._records import LARGEST_ID, NOTHING, Manner, Message, Piece
from crosspost.readers.export._rich import Page
from crosspost.readers.export._values import count, location, string

_FIRST_EDIT: Final = datetime(2013, 8, 1, tzinfo=UTC)
"""Telegram's birth: an earlier date means none."""
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
    page = _page(message)
    if page and (page.text.strip() or page.entities):
        text, entities = page.text, tuple(page.entities)
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
        **_content(message, manner, page, bool(text or entities)),
    )
    odd = tuple(page.odd) if page else ()
    return Part(post, str(message.from_id or message.sender or ""), odd)


def _page(message: Message) -> Page | None:
    """The blocks of a rich message, which stand for its text: that is a summary of them. They
    count their media from the message's own on."""
    if message.rich_message is NOTHING:
        return None
    rich = msgspec.json.decode(message.rich_message)
    own = message.photo is not None or message.file is not None
    return Page(rich, message.id, int(own)) if isinstance(rich, dict) else None


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
        return Piece(text=string(item.get("text")))


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
        number = count(item.get("count")) if isinstance(item, dict) else None
        if number is not None:
            emoji = "⭐" if item.get("type") == "paid" else string(item.get("emoji"))
            found.append(Reaction(emoji=emoji, count=number))
    return tuple(found)


def _content(message: Message, manner: Manner, page: Page | None, has_text: bool) -> dict[str, Any]:
    """What the post holds beside its text. A post that would be empty says so, and one of whose
    blocks not all can be shown."""
    content = _beside(message, manner, has_text)
    if page is None:
        return content
    extras = content.get("extras", ())
    if page.unsupported and not extras:
        extras = (Extra(kind="unsupported"),)
    media = (*content.get("media", ()), *page.media)
    return content | {"rich": True, "media": media, "extras": extras}


def _beside(message: Message, manner: Manner, has_text: bool) -> dict[str, Any]:
    own = message_media(message)
    if own:
        return {"media": (own,)}
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
    return {} if has_text else {"extras": (Extra(kind="unsupported"),)}


def _poll(value: dict[str, Any], _message: Message, _manner: Manner) -> dict[str, Any]:
    answers = value.get("answers")
    return {
        "poll": Poll(
            question=_plain(value.get("question")),
            answers=tuple(
                Answer(text=_plain(answer.get("text")), voters=count(answer.get("voters")))
                for answer in (answers if isinstance(answers, list) else ())
                if isinstance(answer, dict)
            ),
            voters=count(value.get("total_voters")),
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
    found = location(value.get("latitude"), value.get("longitude"))
    if found is None:
        return {"extras": (_unplaced(message),)}
    return {"place": replace(found, title=message.place_name, address=message.address)}


def _unplaced(message: Message) -> Extra:
    lines = ((message.address, False),) if message.address else ()
    return Extra(kind="unsupported", title=message.place_name, lines=lines)


def _contact(value: dict[str, Any], _message: Message, manner: Manner) -> dict[str, Any]:
    names = (string(value.get(key)) for key in ("first_name", "last_name"))
    phone = string(value.get("phone_number")) if manner.phone_numbers else ""
    return {"extras": (Extra(kind="contact", title=" ".join(filter(None, names)), value=phone),)}


def _giveaway(value: dict[str, Any], _message: Message, _manner: Manner) -> dict[str, Any]:
    quantity = str(count(value.get("quantity")) or "")
    prize = string(value.get("additional_prize"))
    return {"extras": (Extra(kind="giveaway", title=prize, value=quantity),)}


def _results(value: dict[str, Any], _message: Message, _manner: Manner) -> dict[str, Any]:
    winners = str(count(value.get("winners_count")) or "")
    prize = string(value.get("additional_prize"))
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
    description = string(value.get("description"))
    return Extra(
        kind="invoice",
        title=string(value.get("title")),
        lines=((description, False),) if description else (),
        value=_price(value.get("amount"), string(value.get("currency"))),
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
