"""A Telegram message (TL layer 229, https://core.telegram.org/schema) → a part of a post.

Classes are told apart by their names, so nothing of Telethon is imported; a test compares the
tables below with Telethon's own, so that a kind of a new layer fails by name. What a message holds
and cannot be shown becomes an ``Extra``: no post comes out empty.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from crosspost.markup import utf16
from crosspost.model import Comments, Entity, Extra, Forward, Post, Reaction, Reply
from crosspost.readers.telegram._albums import Part
from crosspost.readers.telegram._content import Content, content_of
from crosspost.readers.telegram._media import File, files, media
from crosspost.readers.telegram._peers import Manner, Peer, Peers, address, marked
from crosspost.readers.telegram._rich import Page


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
) -> tuple[str, tuple[Entity, ...], Content]:
    """What a message holds beside or instead of its text."""
    found = files(message)
    content = content_of(message, manner, known, found)
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


def _forward(header: Any, known: Peers) -> Forward:
    source = known.get(marked(header.from_id), Peer(""))
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
