"""A channel filled from a Telegram Desktop export: the messages it was made of.

``fill(channel, folder)`` puts every message of ``folder``/result.json into the channel, with its
id, date, text, entities, files and reactions. Albums, which the export does not name, are given.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from telethon.tl import types

from telegram_server.world import Channel

_ENTITIES = {
    "bold": types.MessageEntityBold,
    "italic": types.MessageEntityItalic,
    "underline": types.MessageEntityUnderline,
    "strikethrough": types.MessageEntityStrike,
    "spoiler": types.MessageEntitySpoiler,
    "code": types.MessageEntityCode,
    "link": types.MessageEntityUrl,
    "email": types.MessageEntityEmail,
    "phone": types.MessageEntityPhone,
    "mention": types.MessageEntityMention,
    "hashtag": types.MessageEntityHashtag,
    "cashtag": types.MessageEntityCashtag,
    "bot_command": types.MessageEntityBotCommand,
    "bank_card": types.MessageEntityBankCard,
}
Message = dict[str, Any]


def fill(channel: Channel, folder: Path, albums: Iterable[tuple[int, ...]] = ()) -> None:
    """Puts the export's messages into the channel, which takes over its title."""
    export = json.loads((folder / "result.json").read_text("utf-8"))
    groups = {number: album[0] for album in albums for number in album}
    channel.title = export["name"]
    Filler(channel, folder, groups).fill(export["messages"])


class Filler:
    """Turns messages of the export into those they were."""

    def __init__(self, channel: Channel, folder: Path, groups: dict[int, int]) -> None:
        self.channel = channel
        self.world = channel.world
        self.folder = folder
        self.groups = groups
        self.date = datetime(2025, 1, 1, tzinfo=UTC)

    def fill(self, messages: list[Message]) -> None:
        for message in messages:
            self.put(message)

    def put(self, message: Message) -> int:
        """One message; its id."""
        if "date_unixtime" in message:
            self.date = datetime.fromtimestamp(int(message["date_unixtime"]), UTC)
        if message["type"] == "service":
            self.channel._last = message["id"] - 1
            self.channel._clock = self.date
            return self.channel.service(types.MessageActionPinMessage())
        text, entities = written(message.get("text_entities", ()))
        edited = message.get("edited_unixtime")
        return self.channel.post(
            text,
            number=message["id"],
            date=self.date,
            entities=entities,
            media=self.media(message),
            rich_message=self.rich(message.get("rich_message")),
            grouped_id=self.groups.get(message["id"]),
            edit_date=datetime.fromtimestamp(int(edited), UTC) if edited else None,
            fwd_from=self.forward(message),
            reply_to=self.reply(message),
            via_bot_id=self.bot(message),
            post_author=message.get("author"),
            reactions=reactions(message.get("reactions", ())),
        )

    # --- Around the text ---

    def forward(self, message: Message) -> Any:
        if "forwarded_from" not in message:
            return None
        number = message.get("forwarded_from_id", "")
        if not number.startswith("channel"):
            return types.MessageFwdHeader(self.date, from_name=message["forwarded_from"])
        source = int(number.removeprefix("channel"))
        self.world.chats[source] = types.Channel(
            source,
            message["forwarded_from"],
            photo=types.ChatPhotoEmpty(),
            date=self.date,
            access_hash=1,
            broadcast=True,
        )
        return types.MessageFwdHeader(self.date, from_id=types.PeerChannel(source))

    def reply(self, message: Message) -> Any:
        number = message.get("reply_to_message_id")
        return types.MessageReplyHeader(reply_to_msg_id=number) if number else None

    def bot(self, message: Message) -> int | None:
        name = message.get("via_bot")
        if "game_link" in message:
            name = message["game_link"].removeprefix("https://t.me/").partition("?")[0]
        if not name:
            return None
        number = sum(name.encode())
        self.world.users[number] = types.User(
            number,
            first_name=name,
            username=name.removeprefix("@"),
            bot=True,
            bot_info_version=1,
            access_hash=1,
        )
        return number

    # --- Media ---

    def media(self, message: Message) -> Any:
        if message["type"] == "unsupported":
            return types.MessageMediaUnsupported()
        if "photo" in message:
            photo = self.photo(message)
            return types.MessageMediaPhoto(photo=photo, spoiler=message.get("media_spoiler"))
        if "file" in message:
            return types.MessageMediaDocument(document=self.document(message))
        for key, make in _MEDIA.items():
            if key in message:
                return make(message)
        return None

    def photo(self, message: Message) -> Any:
        path = self.folder / message["photo"]
        data = (
            path.read_bytes() if path.is_file() else bytes(message.get("photo_file_size") or 1000)
        )
        return self.world.photo(data, message.get("width", 1), message.get("height", 1))

    def document(self, message: Message) -> Any:
        path = self.folder / message["file"]
        thumb = self.folder / message.get("thumbnail", "none")
        return self.world.document(
            path.read_bytes() if path.is_file() else b"",
            message.get("mime_type", "application/octet-stream"),
            *attributes(message),
            thumb=thumb.read_bytes() if thumb.is_file() else b"",
            size=message.get("file_size", 0),
        )

    # --- Rich messages ---

    def rich(self, rich: Any) -> Any:
        if not rich:
            return None
        self.photos: list[Any] = []
        return types.RichMessage([self.block(one) for one in rich["blocks"]], self.photos, [])

    def block(self, block: Message) -> Any:
        kind = block["type"]
        if kind == "heading":
            return getattr(types, f"PageBlockHeading{block['level']}")(rich(block["text"]))
        if kind == "photo":
            self.photos.append(self.photo(block))
            return types.PageBlockPhoto(self.photos[-1].id, caption(block["caption"]))
        if kind == "table":
            rows = [
                types.PageTableRow([cell(one) for one in row["cells"]]) for row in block["rows"]
            ]
            return types.PageBlockTable(
                rich(block["title"]), rows, bordered=block["bordered"], striped=block["striped"]
            )
        if kind == "list":
            return listed(block)
        if kind == "quote":
            return types.PageBlockBlockquote(rich(block["text"]), rich(block["caption"]))
        if kind == "details":
            inner = [self.block(one) for one in block["blocks"]]
            return types.PageBlockDetails(inner, rich(block["title"]), open=block["open"])
        if kind == "divider":
            return types.PageBlockDivider()
        return {"paragraph": types.PageBlockParagraph, "footer": types.PageBlockFooter}[kind](
            rich(block["text"])
        )


def written(pieces: Iterable[Message]) -> tuple[str, list[Any]]:
    """The text of Desktop's pieces and its entities, in UTF-16 code units."""
    text, at, entities = "", 0, []
    for piece in pieces:
        length = len(piece["text"].encode("utf-16-le")) // 2
        if piece["type"] != "plain":
            entities.append(entity(piece, at, length))
        text += piece["text"]
        at += length
    return text, entities


def entity(piece: Message, at: int, length: int) -> Any:
    kind = piece["type"]
    if kind == "text_link":
        return types.MessageEntityTextUrl(at, length, piece["href"])
    if kind == "pre":
        return types.MessageEntityPre(at, length, piece["language"])
    if kind == "blockquote":
        return types.MessageEntityBlockquote(at, length, collapsed=piece["collapsed"] or None)
    if kind == "mention_name":
        return types.MessageEntityMentionName(at, length, int(piece["user_id"]))
    if kind == "custom_emoji":
        number = piece["document_id"]
        return types.MessageEntityCustomEmoji(at, length, int(number) if number.isdigit() else 1)
    return _ENTITIES[kind](at, length)


def reactions(found: Iterable[Message]) -> Any:
    counts = []
    for one in found:
        emoji = types.ReactionPaid() if one["type"] == "paid" else None
        emoji = emoji or types.ReactionEmoji(one.get("emoji", ""))
        counts.append(types.ReactionCount(emoji, one["count"]))
    return types.MessageReactions(counts) if counts else None


def attributes(message: Message) -> list[Any]:
    """What a document is, as its attributes."""
    kind, seconds = message.get("media_type"), message.get("duration_seconds", 0)
    width, height = message.get("width", 0), message.get("height", 0)
    found: list[Any] = []
    if kind in ("video_file", "animation", "video_message"):
        round_ = kind == "video_message"
        found.append(types.DocumentAttributeVideo(seconds, width, height, round_message=round_))
    if kind == "animation":
        found.append(types.DocumentAttributeAnimated())
    if kind == "sticker":
        empty = types.InputStickerSetEmpty()
        found.append(types.DocumentAttributeImageSize(width, height))
        found.append(types.DocumentAttributeSticker(message["sticker_emoji"], empty))
    if kind in ("voice_message", "audio_file"):
        title, performer = message.get("title"), message.get("performer")
        voice = kind == "voice_message"
        found.append(types.DocumentAttributeAudio(seconds, voice, title, performer))
    if "file_name" in message:
        found.append(types.DocumentAttributeFilename(message["file_name"]))
    return found


def plain(text: str) -> Any:
    return types.TextWithEntities(text, [])


def poll(message: Message) -> Any:
    told = message["poll"]
    answers = [
        types.PollAnswer(plain(one["text"]), bytes([index]))
        for index, one in enumerate(told["answers"])
    ]
    counts = [
        types.PollAnswerVoters(bytes([index]), voters=one["voters"], recent_voters=[])
        for index, one in enumerate(told["answers"])
    ]
    question = types.Poll(1, plain(told["question"]), answers, 0, closed=told["closed"] or None)
    results = types.PollResults(results=counts, total_voters=told["total_voters"])
    return types.MessageMediaPoll(question, results)


def place(message: Message) -> Any:
    where = message["location_information"]
    point = types.GeoPoint(where["longitude"], where["latitude"], 0)
    if "place_name" in message:
        name, address = message["place_name"], message["address"]
        return types.MessageMediaVenue(point, name, address, "", "", "")
    return types.MessageMediaGeo(point)


def todo(message: Message) -> Any:
    told = message["todo_list"]
    items = [types.TodoItem(one["id"], plain(one["text"])) for one in told["answers"]]
    return types.MessageMediaToDo(types.TodoList(plain(told["title"]), items))


def contact(message: Message) -> Any:
    told = message["contact_information"]
    names = told["first_name"], told["last_name"]
    return types.MessageMediaContact(told["phone_number"], *names, "", 0)


def giveaway(message: Message) -> Any:
    told = message["giveaway_information"]
    until = datetime(2026, 6, 12, tzinfo=UTC)
    return types.MessageMediaGiveaway(
        told["channels"], told["quantity"], until, prize_description=told["additional_prize"]
    )


def results(message: Message) -> Any:
    told = message["giveaway_results"]
    return types.MessageMediaGiveawayResults(
        told["channel"],
        told["launch_message_id"],
        told["winners_count"],
        told["unclaimed_count"],
        told["winners"],
        datetime(2026, 6, 12, tzinfo=UTC),
        prize_description=told["additional_prize"],
    )


def invoice(message: Message) -> Any:
    told = message["invoice_information"]
    words = told["title"], told["description"], told["currency"]
    return types.MessageMediaInvoice(*words, told["amount"], "start")


def game(message: Message) -> Any:
    title, description = message["game_title"], message["game_description"]
    name = message["game_link"].partition("game=")[2]
    return types.MessageMediaGame(types.Game(1, 1, name, title, description, types.PhotoEmpty(1)))


def paid(message: Message) -> Any:
    return types.MessageMediaPaidMedia(message["paid_stars_amount"], [])


_MEDIA = {
    "poll": poll,
    "location_information": place,
    "todo_list": todo,
    "contact_information": contact,
    "giveaway_information": giveaway,
    "giveaway_results": results,
    "invoice_information": invoice,
    "game_title": game,
    "paid_stars_amount": paid,
}


def rich(text: Message) -> Any:
    """A rich text."""
    kind = text["type"]
    if kind == "concat":
        return types.TextConcat([rich(one) for one in text["text"]])
    if kind == "plain":
        return types.TextPlain(text["text"])
    if kind == "text_link":
        return types.TextUrl(rich(text["text"]), text["href"], 0)
    return {"bold": types.TextBold}[kind](rich(text["text"]))


def caption(told: Message) -> Any:
    return types.PageCaption(rich(told["text"]), rich(told["credit"]))


def cell(told: Message) -> Any:
    return types.PageTableCell(
        header=told["header"] or None,
        align_right=told["align"] == "right" or None,
        text=rich(told["text"]),
    )


def listed(block: Message) -> Any:
    items = []
    ordered = block["kind"] == "ordered"
    make = types.PageListOrderedItemText if ordered else types.PageListItemText
    for one in block["items"]:
        state = one["task_state"]
        checkbox, checked = state != "none" or None, state == "checked" or None
        items.append(make(rich(one["text"]), checkbox=checkbox, checked=checked))
    return (types.PageBlockOrderedList if ordered else types.PageBlockList)(items)
