"""A Telegram message (TL layer 229, https://core.telegram.org/schema) → a part of a post.

Classes are told apart by their names, so nothing of Telethon is imported; a test compares the
tables below with Telethon's own, so that a kind of a new layer fails by name. What a message holds
and cannot be shown becomes an ``Extra``: no post comes out empty.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from math import inf
from typing import Any, Final, NamedTuple

from crosspost.markup import utf16
from crosspost.model import (
    Answer,
    Comments,
    Entity,
    Extra,
    Forward,
    LinkPreview,
    Place,
    Poll,
    Post,
    Reaction,
    Record,
    Reply,
)
from crosspost.readers.telegram._albums import Part
from crosspost.readers.telegram._media import File, files, media
from crosspost.readers.telegram._rich import Page


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


def part(message: Any, manner: Manner, known: Peers) -> Part | None:
    """The message as a post of its own; None for a service message and for one that is gone."""
    if type(message).__name__ != "Message":
        return None
    text = message.message or ""
    entities = _entities(text, message.entities) if message.entities else ()
    content: Content = {}
    if message.media is not None or message.rich_message is not None or not text.strip():
        text, entities, content = _held(message, manner, known, text, entities)
    post = Post(
        id=message.id,
        ids=(message.id,),
        date=message.date,
        channel_id=manner.channel_id,
        edited=None if message.edit_hide else message.edit_date,
        text=text,
        entities=entities,
        url=address(manner.channel_id, manner.username, message.id),
        author_signature=message.post_author or "",
        forward=_forward(message.fwd_from, known) if message.fwd_from else None,
        reply_to=_reply(message.reply_to, manner, known) if message.reply_to else None,
        via_bot=known.get(message.via_bot_id, Peer("")).username if message.via_bot_id else "",
        views=message.views,
        forwards=message.forwards,
        reactions=_reactions(message.reactions) if message.reactions else (),
        comments=_comments(message, manner) if message.replies else None,
        **content,
    )
    return Part(post, message.grouped_id or 0)


def _held(
    message: Any, manner: Manner, known: Peers, text: str, entities: tuple[Entity, ...]
) -> "tuple[str, tuple[Entity, ...], Content]":
    """What a message holds beside or instead of its text."""
    found = files(message)
    content = _content(message, manner, known, found)
    if message.rich_message is not None:
        text, entities, extras = _rich(message.rich_message, found, text, entities)
        content = {**content, "rich": True, "extras": (*content.get("extras", ()), *extras)}
    if found:
        content["media"] = tuple(
            media(file, f"{message.id}/{index}", manner.max_media)
            for index, file in enumerate(found)
        )
    if not text.strip() and not any(value for name, value in content.items() if name != "rich"):
        content["extras"] = (Extra(kind="unsupported"),)
    return text, entities, content


def bare(message: Any, manner: Manner) -> Part:
    """The post of a message that ``part`` cannot read: it says so, and where the original is."""
    post = Post(
        id=message.id,
        ids=(message.id,),
        date=message.date,
        channel_id=manner.channel_id,
        url=address(manner.channel_id, manner.username, message.id),
        extras=(Extra(kind="unsupported"),),
    )
    return Part(post, 0)


def address(channel_id: int, username: str, message_id: int) -> str:
    """The address of a post; of a private channel, one that only its members can open
    (https://core.telegram.org/api/links#message-links)."""
    return f"https://t.me/{username or f'c/{channel_id}'}/{message_id}"


# --- Text -------------------------------------------------------------------------------------


def _attribute(name: str) -> Callable[[Any], str]:
    return lambda entity: str(getattr(entity, name) or "")


def _unix(entity: Any) -> str:
    return str(int(entity.date.timestamp())) if isinstance(entity.date, datetime) else ""


def _user(entity: Any) -> str:
    return str(getattr(entity.user_id, "user_id", entity.user_id))


def _nothing(_entity: Any) -> str:
    return ""


ENTITIES: Final[dict[str, tuple[str, Callable[[Any], str]]]] = {
    "MessageEntityBankCard": ("bank_card", _nothing),
    "MessageEntityBlockquote": ("blockquote", _nothing),
    "MessageEntityBold": ("bold", _nothing),
    "MessageEntityBotCommand": ("bot_command", _nothing),
    "MessageEntityCashtag": ("cashtag", _nothing),
    "MessageEntityCode": ("code", _nothing),
    "MessageEntityCustomEmoji": ("custom_emoji", _attribute("document_id")),
    "MessageEntityDiffDelete": ("delete", _nothing),
    "MessageEntityDiffInsert": ("insert", _nothing),
    "MessageEntityDiffReplace": ("insert", _nothing),
    "MessageEntityEmail": ("email", _nothing),
    "MessageEntityFormattedDate": ("date", _unix),
    "MessageEntityHashtag": ("hashtag", _nothing),
    "MessageEntityItalic": ("italic", _nothing),
    "MessageEntityMention": ("mention", _nothing),
    "MessageEntityMentionName": ("mention_name", _user),
    "MessageEntityPhone": ("phone", _nothing),
    "MessageEntityPre": ("pre", _attribute("language")),
    "MessageEntitySpoiler": ("spoiler", _nothing),
    "MessageEntityStrike": ("strikethrough", _nothing),
    "MessageEntityTextUrl": ("text_link", _attribute("url")),
    "MessageEntityUnderline": ("underline", _nothing),
    "MessageEntityUnknown": ("", _nothing),
    "MessageEntityUrl": ("url", _nothing),
    "InputMessageEntityMentionName": ("mention_name", _user),
}
"""Every kind of MessageEntity of layer 229: our name for it, and its value."""


def _entities(text: str, entities: Iterable[Any]) -> tuple[Entity, ...]:
    """The entities, their UTF-16 offsets counted in code points."""
    point = utf16(text)
    found = []
    for entity in entities:
        kind, value = ENTITIES.get(type(entity).__name__, ("", _nothing))
        if kind:
            start = point(entity.offset)
            length = point(entity.offset + entity.length) - start
            attrs = {"collapsed": "true"} if getattr(entity, "collapsed", None) else {}
            found.append(
                Entity(type=kind, offset=start, length=length, value=value(entity), attrs=attrs)
            )
    return tuple(found)


def _rich(
    rich: Any, found: list[File], text: str, entities: tuple[Entity, ...]
) -> tuple[str, tuple[Entity, ...], tuple[Extra, ...]]:
    """A rich message's text, entities, and what of it cannot be shown. Its own blocks stand for
    the message's text, which is a summary of them for older apps; they say which of the files
    ``found`` are hidden."""
    place = {id(file.file): index for index, file in enumerate(found)}
    page = Page(rich, lambda file: place.get(id(file)))
    for index in page.hidden:
        found[index] = found[index]._replace(spoiler=True)
    extras = (Extra(kind="unsupported"),) if page.unsupported or rich.part else ()
    if page.text.strip() or page.entities:
        text, entities = page.text, tuple(page.entities)
    return text, entities, extras


# --- Whose words ------------------------------------------------------------------------------


def _marked(peer: Any) -> int:
    """A TL Peer's marked id, 0 for none."""
    if peer is None:
        return 0
    return int(getattr(peer, "user_id", 0) or -(getattr(peer, "channel_id", 0) or peer.chat_id))


def _forward(header: Any, known: Peers) -> Forward:
    source = known.get(_marked(header.from_id), Peer(""))
    channel_id = getattr(header.from_id, "channel_id", 0)
    post_id = header.channel_post or 0
    url = ""
    if channel_id and post_id:
        url = address(channel_id, source.username, post_id)
    elif source.username:
        url = f"https://t.me/{source.username}"
    return Forward(
        name=header.from_name or source.name,
        url=url,
        date=header.date,
        author=header.post_author or "",
        channel_id=channel_id,
        post_id=post_id,
    )


def _reply(header: Any, manner: Manner, known: Peers) -> Reply | None:
    post_id = getattr(header, "reply_to_msg_id", None)
    if not post_id:
        return None
    quote = (header.quote_text or "") if header.quote else ""
    there = getattr(header.reply_to_peer_id, "channel_id", 0)
    if not header.reply_to_peer_id or there == manner.channel_id:
        return Reply(post_id=post_id, quote=quote)
    if not there:
        return None
    source = known.get(-there, Peer(""))
    url = address(there, source.username, post_id)
    return Reply(post_id=post_id, url=url, name=source.name, quote=quote)


def _reactions(reactions: Any) -> tuple[Reaction, ...]:
    return tuple(Reaction(emoji=_emoji(one.reaction), count=one.count) for one in reactions.results)


def _emoji(reaction: Any) -> str:
    if type(reaction).__name__ == "ReactionPaid":
        return "⭐"
    return getattr(reaction, "emoticon", "")


def _comments(message: Any, manner: Manner) -> Comments | None:
    if not message.replies.comments:
        return None
    url = address(manner.channel_id, manner.username, message.id)
    return Comments(count=message.replies.replies, url=f"{url}?comment=1")


# --- What it holds beside text and files ------------------------------------------------------

Content = dict[str, Any]
"""Fields of a Post by name."""


def _content(message: Any, manner: Manner, known: Peers, found: list[File]) -> Content:
    held = message.media
    if held is None:
        return {}
    read = MEDIA.get(type(held).__name__)
    if read is None:
        return {"extras": (Extra(kind="unsupported"),)}
    return read(held, _Around(message, manner, known, found))


class _Around(NamedTuple):
    """The message a medium is in."""

    message: Any
    manner: Manner
    known: Peers
    found: list[File]


def _files_only(_held: Any, _around: _Around) -> Content:
    return {}


def _web_page(held: Any, around: _Around) -> Content:
    page = held.webpage
    if type(page).__name__ != "WebPage":
        return {}
    preview = LinkPreview(
        url=page.url,
        site=page.site_name or "",
        title=page.title or "",
        description=page.description or "",
        photo=0 if around.found else None,
    )
    return {"link_preview": preview}


def _poll(held: Any, _around: _Around) -> Content:
    poll, results = held.poll, held.results
    counts = {one.option: one for one in results.results or ()}
    answers = []
    for answer in poll.answers:
        count = counts.get(answer.option)
        answers.append(
            Answer(
                text=answer.text.text,
                voters=count.voters if count else None,
                correct=bool(count and count.correct),
            )
        )
    record = Poll(
        question=poll.question.text,
        answers=tuple(answers),
        voters=results.total_voters,
        quiz=bool(poll.quiz),
        multiple=bool(poll.multiple_choice),
        anonymous=not poll.public_voters,
        closed=bool(poll.closed),
        solution=results.solution or "",
    )
    return {"poll": record}


def _geo(held: Any, _around: _Around) -> Content:
    return _place(held.geo, "", "")


def _venue(held: Any, _around: _Around) -> Content:
    return _place(held.geo, held.title, held.address)


def _place(geo: Any, title: str, address_: str) -> Content:
    """The place, an Extra if its numbers are none on Earth."""
    north, east = float(getattr(geo, "lat", inf)), float(getattr(geo, "long", inf))
    if abs(north) <= 90 and abs(east) <= 180:
        place = Place(latitude=north, longitude=east, title=title, address=address_)
        return {"place": place}
    lines = ((address_, False),) if address_ else ()
    return {"extras": (Extra(kind="unsupported", title=title, lines=lines),)}


def _extra(extra: Extra) -> Content:
    return {"extras": (extra,)}


def _contact(held: Any, around: _Around) -> Content:
    name = " ".join(filter(None, (held.first_name, held.last_name)))
    phone = held.phone_number if around.manner.phone_numbers else ""
    return _extra(Extra(kind="contact", title=name, value=phone))


def _dice(held: Any, _around: _Around) -> Content:
    return _extra(Extra(kind="dice", title=held.emoticon, value=str(held.value)))


def _todo(held: Any, _around: _Around) -> Content:
    done = {one.id for one in held.completions or ()}
    lines = tuple((item.title.text, item.id in done) for item in held.todo.list)
    return _extra(Extra(kind="todo", title=held.todo.title.text, lines=lines))


def _story(held: Any, around: _Around) -> Content:
    source = around.known.get(_marked(held.peer), Peer(""))
    url = f"https://t.me/{source.username}/s/{held.id}" if source.username else ""
    caption = getattr(held.story, "caption", None) or ""
    lines = ((caption, False),) if caption else ()
    return _extra(Extra(kind="story", title=source.name, lines=lines, value=url))


def _giveaway(held: Any, _around: _Around) -> Content:
    prize = held.prize_description or ""
    return _extra(Extra(kind="giveaway", title=prize, value=str(held.quantity or "")))


def _results(held: Any, _around: _Around) -> Content:
    prize = held.prize_description or ""
    return _extra(Extra(kind="giveaway_results", title=prize, value=str(held.winners_count or "")))


def _paid(held: Any, _around: _Around) -> Content:
    return _extra(Extra(kind="paid_media", value=str(held.stars_amount)))


def _invoice(held: Any, _around: _Around) -> Content:
    return _extra(
        Extra(
            kind="invoice",
            title=held.title,
            lines=((held.description, False),) if held.description else (),
            value=_price(held.total_amount, held.currency),
        )
    )


def _price(amount: int, currency: str) -> str:
    """The sum of money: amounts are in the currency's smallest unit
    (https://core.telegram.org/bots/payments#supported-currencies); stars have none."""
    if abs(amount) > 10**15 or not currency.isalpha():
        return ""
    from babel.numbers import get_currency_precision

    digits = 0 if currency == "XTR" else get_currency_precision(currency)
    return f"{amount / 10**digits:.{digits}f} {currency}"


def _game(held: Any, around: _Around) -> Content:
    game, bot = held.game, around.known.get(around.message.via_bot_id or 0, Peer(""))
    lines = ((game.description, False),) if game.description else ()
    url = f"https://t.me/{bot.username}?game={game.short_name}" if bot.username else ""
    return _extra(Extra(kind="game", title=game.title, lines=lines, value=url))


def _live(_held: Any, _around: _Around) -> Content:
    return _extra(Extra(kind="live_stream"))


def _unsupported(_held: Any, _around: _Around) -> Content:
    return _extra(Extra(kind="unsupported"))


MEDIA: Final[dict[str, Callable[[Any, _Around], Content]]] = {
    "MessageMediaContact": _contact,
    "MessageMediaDice": _dice,
    "MessageMediaDocument": _files_only,
    "MessageMediaEmpty": _files_only,
    "MessageMediaGame": _game,
    "MessageMediaGeo": _geo,
    "MessageMediaGeoLive": _geo,
    "MessageMediaGiveaway": _giveaway,
    "MessageMediaGiveawayResults": _results,
    "MessageMediaInvoice": _invoice,
    "MessageMediaPaidMedia": _paid,
    "MessageMediaPhoto": _files_only,
    "MessageMediaPoll": _poll,
    "MessageMediaStory": _story,
    "MessageMediaToDo": _todo,
    "MessageMediaUnsupported": _unsupported,
    "MessageMediaVenue": _venue,
    "MessageMediaVideoStream": _live,
    "MessageMediaWebPage": _web_page,
}
"""Every kind of MessageMedia of layer 229."""
