"""A Telegram message → a post: every kind of layer 229, without a network.

What the kinds of media, rich blocks and rich texts become lies in ``golden/telegram``, for review.
``UPDATE_GOLDEN=1 pytest tests/test_telegram_records.py`` rewrites it.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.extensions import BinaryReader
from telethon.tl import alltlobjects, types

from crosspost.markup import blocks, text_of
from crosspost.model import BLOCK_ENTITIES, INLINE_ENTITIES, Entity, Post, encode
from crosspost.readers.telegram import _content, _peers, _records, _rich
from crosspost.readers.telegram._albums import REACH, Part, albums
from crosspost.readers.telegram._peers import Manner, Peer, Peers

GOLDEN = Path(__file__).parent / "golden" / "telegram"
MANNER = Manner(channel_id=1900000001, username="workshop")
KNOWN: Peers = {
    -1900000402: Peer("Деловое Прииртышье", "delovoe"),
    -1900000403: Peer("Закрытая"),
    42: Peer("Павел Сомов", "somov"),
    43: Peer("Masterskaya Bot", "masterskaya_bot"),
}
DATE = datetime(2025, 5, 1, 9, tzinfo=UTC)


def message(text: str = "", number: int = 7, **fields: Any) -> Any:
    """The message as a client gets it: out of its own bytes."""
    fields.setdefault("date", DATE)
    made = types.Message(number, types.PeerChannel(1900000001), message=text, **fields)
    with BinaryReader(bytes(made)) as reader:
        return reader.tgread_object()


def post(text: str = "", manner: Manner = MANNER, **fields: Any) -> Post:
    part = _records.part(message(text, **fields), manner, KNOWN)
    assert part
    return part.post


def kinds(example: str) -> set[str]:
    """The names of all classes of the union that ``example`` is of."""
    union = getattr(types, example).SUBCLASS_OF_ID
    return {
        one.__name__
        for one in alltlobjects.tlobjects.values()
        if union == one.SUBCLASS_OF_ID and not one.__name__.endswith("Request")
    }


def compare(name: str, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


# --- Nothing is forgotten -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("example", "table"),
    [
        ("MessageEntityBold", _records.ENTITIES),
        ("MessageMediaPhoto", _content.MEDIA),
        ("PageBlockTitle", _rich.BLOCKS),
        ("TextPlain", _rich.TEXTS),
    ],
)
def test_every_kind_that_telethon_knows_is_decided_about(example: str, table: Any) -> None:
    assert kinds(example) == set(table)


def test_every_entity_has_a_name_of_ours() -> None:
    ours = {name for name, _ in _records.ENTITIES.values()} - {""}
    assert ours <= INLINE_ENTITIES | BLOCK_ENTITIES


def test_a_kind_of_a_later_layer_is_said_to_be_one() -> None:
    class MessageMediaHologram:
        pass

    odd = message("текст")
    odd.media = MessageMediaHologram()
    part = _records.part(odd, MANNER, {})
    assert part
    assert [one.kind for one in part.post.extras] == ["unsupported"]
    assert part.post.text == "текст"


# --- Text ---------------------------------------------------------------------------------------

_MORE: dict[str, tuple[Any, ...]] = {
    "MessageEntityCustomEmoji": (54321,),
    "MessageEntityDiffReplace": ("старое",),
    "MessageEntityFormattedDate": (DATE,),
    "MessageEntityMentionName": (42,),
    "MessageEntityPre": ("python",),
    "MessageEntityTextUrl": ("https://example.org",),
    "InputMessageEntityMentionName": (types.InputUser(42, 1),),
}


@pytest.mark.parametrize("name", sorted(kinds("MessageEntityBold") - {"MessageEntityUnknown"}))
def test_an_entity_stands_over_the_same_letters_in_code_points(name: str) -> None:
    text = "𝕏🎉 слово 👨‍👩‍👧 конец"
    start = len("𝕏🎉 ".encode("utf-16-le")) // 2
    made = getattr(types, name)(start, 5, *_MORE.get(name, ()))
    [entity] = post(text, entities=[made]).entities
    assert text[entity.offset : entity.offset + entity.length] == "слово"
    expected = {
        "MessageEntityCustomEmoji": "54321",
        "MessageEntityFormattedDate": str(int(DATE.timestamp())),
        "MessageEntityMentionName": "42",
        "InputMessageEntityMentionName": "42",
        "MessageEntityPre": "python",
        "MessageEntityTextUrl": "https://example.org",
    }
    assert entity.value == expected.get(name, "")


def test_a_folded_quotation_is_told_from_an_open_one() -> None:
    made = [
        types.MessageEntityBlockquote(0, 3),
        types.MessageEntityBlockquote(4, 3, collapsed=True),
        types.MessageEntityUnknown(0, 3),
    ]
    assert [one.attrs for one in post("раз два", entities=made).entities] == [
        {},
        {"collapsed": "true"},
    ]


@given(
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=5),
)
def test_entities_out_of_range_never_lead_out_of_the_text(
    text: str, ranges: list[tuple[int, int]]
) -> None:
    made = [types.MessageEntityBold(*one) for one in ranges]
    read = post(text or "x", entities=made)
    for one in read.entities:
        assert 0 <= one.offset <= len(read.text)
        assert one.offset + one.length <= len(read.text)


# --- Media --------------------------------------------------------------------------------------


def photo(number: int = 100) -> Any:
    sizes = [
        types.PhotoStrippedSize("i", b"\1"),
        types.PhotoSize("m", 320, 240, 20_000),
        types.PhotoSizeProgressive("y", 1280, 960, [10_000, 50_000, 150_000]),
        types.PhotoPathSize("j", b"\2"),
    ]
    return types.Photo(number, 1, b"r", DATE, sizes, 2)


def document(mime: str, *attributes: Any, thumbs: Any = None, number: int = 200) -> Any:
    return types.Document(number, 1, b"r", DATE, mime, 12345, 2, list(attributes), thumbs)


def file(mime: str, *attributes: Any, **fields: Any) -> Any:
    thumbs = [types.PhotoSize("m", 320, 180, 9000)] if mime == "video/mp4" else None
    return types.MessageMediaDocument(document=document(mime, *attributes, thumbs=thumbs), **fields)


def words(text: str) -> Any:
    return types.TextWithEntities(text, [])


def poll(**fields: Any) -> Any:
    answers = [types.PollAnswer(words("Да"), b"0"), types.PollAnswer(words("Нет"), b"1")]
    question = types.Poll(1, words("Ну что?"), answers, 0, **fields)
    counts = [
        types.PollAnswerVoters(b"1", voters=3, recent_voters=[]),
        types.PollAnswerVoters(b"0", voters=7, recent_voters=[], correct=True),
    ]
    results = types.PollResults(
        results=counts, total_voters=10, recent_voters=None, solution="Вот почему",
        solution_entities=[],
    )  # fmt: skip
    return types.MessageMediaPoll(question, results)


def hidden() -> Any:
    question = types.Poll(1, words("Ну что?"), [types.PollAnswer(words("Да"), b"0")], 0)
    return types.MessageMediaPoll(question, types.PollResults(min=True))


def video(**fields: Any) -> Any:
    return types.DocumentAttributeVideo(4.5, 640, 360, **fields)


def page(**fields: Any) -> Any:
    return types.WebPage(1, "https://example.org/a", "example.org/a", 0, **fields)


_STICKERS = types.InputStickerSetEmpty()
_POINT = types.GeoPoint(74.382117, 56.891204, 0)
_TODO = types.TodoList(
    words("К ярмарке"), [types.TodoItem(1, words("Ёлка")), types.TodoItem(2, words("Охрана"))]
)
HELD: dict[str, Any] = {
    "photo": types.MessageMediaPhoto(photo=photo(), spoiler=True),
    "photo that destroyed itself": types.MessageMediaPhoto(ttl_seconds=5),
    "video": file("video/mp4", video(), types.DocumentAttributeFilename("фильм.mp4")),
    "video with a cover": types.MessageMediaDocument(
        document=document("video/mp4", video()), video_cover=photo(101)
    ),
    "round video": file("video/mp4", video(round_message=True)),
    "voice that is gone": types.MessageMediaDocument(voice=True, ttl_seconds=5),
    "voice": file("audio/ogg", types.DocumentAttributeAudio(15, voice=True)),
    "audio": file("audio/mpeg", types.DocumentAttributeAudio(181, title="Песня", performer="Хор")),
    "animation": file("video/mp4", video(), types.DocumentAttributeAnimated()),
    "sticker": file(
        "image/webp",
        types.DocumentAttributeImageSize(512, 512),
        types.DocumentAttributeSticker("☕", _STICKERS),
    ),
    "moving sticker": file("video/webm", video(), types.DocumentAttributeSticker("☕", _STICKERS)),
    "document": file("application/pdf", types.DocumentAttributeFilename("../../цены.pdf")),
    "picture as a file": file("image/png", types.DocumentAttributeImageSize(10, 20)),
    "poll": poll(closed=True, multiple_choice=True, public_voters=True),
    "quiz": poll(quiz=True),
    "poll before one has voted": hidden(),
    "location": types.MessageMediaGeo(_POINT),
    "live location": types.MessageMediaGeoLive(_POINT, 900),
    "location of nowhere": types.MessageMediaGeo(types.GeoPoint(1e300, 91.0, 0)),
    "no location": types.MessageMediaGeo(types.GeoPointEmpty()),
    "venue": types.MessageMediaVenue(_POINT, "Набережная", "Речная улица, 4", "", "", ""),
    "contact": types.MessageMediaContact("+70000000000", "Анна", "Рябова", "", 0),
    "dice": types.MessageMediaDice(6, "🎲"),
    "to-do list": types.MessageMediaToDo(
        _TODO, [types.TodoCompletion(2, types.PeerUser(42), DATE)]
    ),
    "story": types.MessageMediaStory(types.PeerUser(42), 5),
    "giveaway": types.MessageMediaGiveaway([1], 3, DATE, prize_description="Три кружки"),
    "giveaway's results": types.MessageMediaGiveawayResults(1, 2, 3, 0, [1], DATE),
    "paid media": types.MessageMediaPaidMedia(
        50, [types.MessageExtendedMedia(types.MessageMediaPhoto(photo=photo()))]
    ),
    "invoice": types.MessageMediaInvoice("Книга", "Сборник", "RUB", 45000, "x"),
    "invoice in stars": types.MessageMediaInvoice("Книга", "", "XTR", 45, "x"),
    "game": types.MessageMediaGame(
        types.Game(1, 1, "rush", "Час пик", "Соберите заказы", photo(102))
    ),
    "live stream": types.MessageMediaVideoStream(types.InputGroupCall(1, 1)),
    "link preview": types.MessageMediaWebPage(
        page(site_name="Пример", title="Заголовок", description="О чём", photo=photo(103))
    ),
    "link without picture": types.MessageMediaWebPage(page(title="Заголовок")),
    "link preview to come": types.MessageMediaWebPage(types.WebPagePending(1, DATE)),
    "no link preview": types.MessageMediaWebPage(types.WebPageEmpty(1)),
    "unsupported": types.MessageMediaUnsupported(),
    "nothing": types.MessageMediaEmpty(),
}


def test_every_kind_of_media_becomes_what_it_is() -> None:
    lines = []
    for name, held in HELD.items():
        read = post(media=held, via_bot_id=43 if name == "game" else None)
        told = {
            field: value
            for field, value in msgspec.to_builtins(read).items()
            if field not in ("id", "ids", "date", "channel_id", "url")
        }
        lines.append(f"{name}: {msgspec.json.encode(told).decode()}")
    compare("media.txt", lines)
    assert {type(one).__name__ for one in HELD.values()} == kinds("MessageMediaPhoto")


@pytest.mark.parametrize("name", HELD)
def test_no_post_comes_out_empty(name: str) -> None:
    read = post(media=HELD[name])
    assert read.media or read.poll or read.place or read.link_preview or read.extras


def test_paid_media_are_not_given_away() -> None:
    assert post(media=HELD["paid media"]).media == ()


def test_a_phone_number_needs_a_setting() -> None:
    assert b"70000000000" not in encode(post(media=HELD["contact"]))
    kept = post(media=HELD["contact"], manner=Manner(channel_id=1, phone_numbers=True))
    assert kept.extras[0].value == "+70000000000"


# --- Around it ----------------------------------------------------------------------------------


def test_whose_words_a_forward_repeats_is_told_with_the_way_there() -> None:
    def forward(**fields: Any) -> Any:
        return post("x", fwd_from=types.MessageFwdHeader(DATE, **fields)).forward

    channel = types.PeerChannel(1900000402)
    public = forward(from_id=channel, channel_post=15, post_author="Редактор")
    assert (public.name, public.url) == ("Деловое Прииртышье", "https://t.me/delovoe/15")
    assert (public.channel_id, public.post_id, public.author) == (1900000402, 15, "Редактор")
    assert public.date == DATE
    private = forward(from_id=types.PeerChannel(1900000403), channel_post=4)
    assert private.url == "https://t.me/c/1900000403/4"
    assert forward(from_id=types.PeerUser(42)).url == "https://t.me/somov"
    hidden_ = forward(from_name="Дежурный Саша")
    assert (hidden_.name, hidden_.url) == ("Дежурный Саша", "")
    unknown = forward(from_id=types.PeerChat(5))
    assert (unknown.name, unknown.url, unknown.channel_id) == ("", "", 0)


def test_what_a_reply_answers_is_told_with_its_quotation() -> None:
    def reply(**fields: Any) -> Any:
        return post("x", reply_to=types.MessageReplyHeader(**fields)).reply_to

    assert reply(reply_to_msg_id=5).post_id == 5
    quoted = reply(reply_to_msg_id=5, quote=True, quote_text="слово")
    assert quoted.quote == "слово"
    here = reply(reply_to_msg_id=5, reply_to_peer_id=types.PeerChannel(1900000001))
    assert here.url == ""
    there = reply(reply_to_msg_id=5, reply_to_peer_id=types.PeerChannel(1900000402))
    assert (there.url, there.name) == ("https://t.me/delovoe/5", "Деловое Прииртышье")
    assert reply(reply_to_msg_id=5, reply_to_peer_id=types.PeerUser(42)) is None
    assert reply(forum_topic=True) is None
    story = types.MessageReplyStoryHeader(types.PeerUser(42), 5)
    assert post("x", reply_to=story).reply_to is None


def test_counters_signature_and_comments_are_told() -> None:
    reactions = [
        types.ReactionCount(types.ReactionPaid(), 2),
        types.ReactionCount(types.ReactionEmoji("🔥"), 9),
        types.ReactionCount(types.ReactionCustomEmoji(5), 1),
    ]
    read = post(
        "x",
        views=100,
        forwards=3,
        post_author="Анна Рябова",
        edit_date=DATE,
        reactions=types.MessageReactions(reactions),
        replies=types.MessageReplies(8, 0, comments=True, channel_id=5),
    )
    assert [(one.emoji, one.count) for one in read.reactions] == [("⭐", 2), ("🔥", 9), ("", 1)]
    assert (read.views, read.forwards, read.author_signature) == (100, 3, "Анна Рябова")
    assert read.edited == DATE
    assert read.comments
    assert (read.comments.count, read.comments.url) == (8, "https://t.me/workshop/7?comment=1")
    unseen = post("x", edit_date=DATE, edit_hide=True, replies=types.MessageReplies(8, 0))
    assert (unseen.edited, unseen.comments) == (None, None)


def test_a_channel_may_own_several_names() -> None:
    chat = types.Channel(
        5, "x", types.ChatPhotoEmpty(), DATE,
        usernames=[types.Username("bought"), types.Username("shown", active=True)],
    )  # fmt: skip
    assert _peers.public_name(chat) == "shown"


# --- Albums -------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 3), max_size=60))
def test_albums_lose_no_message_and_break_no_order(groups: list[int]) -> None:
    parts = [
        Part(Post(id=number, ids=(number,), date=DATE, text=f"{number}"), group)
        for number, group in enumerate(groups, start=1)
    ]
    for down in (False, True):
        found = list(albums(reversed(parts) if down else parts))
        told = sorted(number for one in found for number in one.ids)
        assert told == [part.post.id for part in parts]
        for one in found:
            assert one.ids == tuple(sorted(one.ids))
            assert one.id == one.ids[0]
            assert len({groups[number - 1] for number in one.ids}) == 1
            assert max(one.ids) - one.id <= 2 * REACH


# --- Rich messages ------------------------------------------------------------------------------


def plain(text: str) -> Any:
    return types.TextPlain(text)


def caption(text: str = "", credit: str = "") -> Any:
    empty = types.TextEmpty()
    return types.PageCaption(plain(text) if text else empty, plain(credit) if credit else empty)


def para(text: str) -> Any:
    return types.PageBlockParagraph(plain(text))


def read_rich(*made: Any, photos: Any = (), documents: Any = (), part: Any = None) -> Post:
    rich = types.RichMessage(list(made), list(photos), list(documents), part=part)
    return post("", rich_message=rich)


def shown(read: Post) -> list[str]:
    """The text and what stands over it, for people."""
    lines = [f"  | {line}" for line in read.text.split("\n")]
    for one in read.entities:
        words_ = read.text[one.offset : one.offset + one.length].replace("\n", "⏎")
        attrs = "".join(f" {name}={value}" for name, value in one.attrs.items())
        lines.append(f"  {one.type} «{words_}»{' ' + one.value if one.value else ''}{attrs}")
    lines += [f"  media {one.kind} {one.locator} {one.missing}".rstrip() for one in read.media]
    lines += [f"  extra {one.kind}" for one in read.extras]
    return lines


_URL = types.InlineButtonTypeUrl("https://example.org/button")
RICH_TEXTS: dict[str, Any] = {
    "TextAnchor": types.TextAnchor(plain("место"), "here"),
    "TextAutoEmail": types.TextAutoEmail(plain("a@example.org")),
    "TextAutoPhone": types.TextAutoPhone(plain("+70000000000")),
    "TextAutoUrl": types.TextAutoUrl(plain("example.org")),
    "TextBankCard": types.TextBankCard(plain("4242")),
    "TextBold": types.TextBold(types.TextItalic(plain("жирно и косо"))),
    "TextBotCommand": types.TextBotCommand(plain("/start")),
    "TextButton": types.TextButton(plain("Нажми"), _URL),
    "TextCashtag": types.TextCashtag(plain("$USD")),
    "TextConcat": types.TextConcat([plain("a"), types.TextBold(plain("b")), plain("c")]),
    "TextCustomEmoji": types.TextCustomEmoji(5, "🎉"),
    "TextDate": types.TextDate(plain("1 мая"), DATE),
    "TextDiff": types.TextDiff(plain("новое"), plain("старое")),
    "TextEmail": types.TextEmail(plain("пишите"), "a@example.org"),
    "TextEmpty": types.TextEmpty(),
    "TextFixed": types.TextFixed(plain("x = 1")),
    "TextHashtag": types.TextHashtag(plain("#тег")),
    "TextImage": types.TextImage(300, 16, 16),
    "TextItalic": types.TextItalic(plain("косо")),
    "TextMarked": types.TextMarked(plain("важно")),
    "TextMath": types.TextMath("x^2"),
    "TextMention": types.TextMention(plain("@somov")),
    "TextMentionName": types.TextMentionName(plain("Павел"), 42),
    "TextPhone": types.TextPhone(plain("звоните"), "+70000000000"),
    "TextPlain": plain("просто 𝕏"),
    "TextSpoiler": types.TextSpoiler(plain("тайна")),
    "TextStrike": types.TextStrike(plain("нет")),
    "TextSubscript": types.TextSubscript(plain("2")),
    "TextSuperscript": types.TextSuperscript(plain("3")),
    "TextUnderline": types.TextUnderline(plain("черта")),
    "TextUrl": types.TextUrl(plain("ссылка"), "https://example.org", 0),
}


def test_every_rich_text_becomes_text_and_entities() -> None:
    lines: list[str] = []
    for name, text in RICH_TEXTS.items():
        inside = types.TextConcat([plain("до "), text, plain(" после")])
        icon = document("image/png", number=300)
        read = read_rich(types.PageBlockParagraph(inside), documents=[icon])
        lines += [name, *shown(msgspec.structs.replace(read, media=()))]
    compare("rich_texts.txt", lines)
    assert set(RICH_TEXTS) == kinds("TextPlain")


def item(text: str, **fields: Any) -> Any:
    return types.PageListItemText(plain(text), **fields)


def step(text: str) -> Any:
    return types.PageListOrderedItemText(plain(text))


def cell(text: str | None, **fields: Any) -> Any:
    return types.PageTableCell(text=None if text is None else plain(text), **fields)


_PICTURE = types.PageBlockPhoto(100, caption("Что на фото", "Чьё фото"))
_BARE = types.PageBlockPhoto(101, caption())
_CHANNEL = types.Channel(6, "Соседи", types.ChatPhotoEmpty(), DATE, username="sosedi")
_BUTTONS = [
    types.PageButton(plain("Купить"), _URL),
    types.PageButton(plain("Позвать"), types.InlineButtonTypeCallback(b"x")),
]
_RELATED = types.PageRelatedArticle("https://example.org/b", 0, "Ещё", "О том же")
_TABLE = types.PageBlockTable(
    plain("Цены"),
    [
        types.PageTableRow(
            [cell("Что", header=True), cell("Почём", header=True, align_right=True)]
        ),
        types.PageTableRow([cell(None, colspan=2), cell("", rowspan=3, align_center=True)]),
    ],
    bordered=True,
    striped=True,
)
RICH_BLOCKS: dict[str, Any] = {
    "PageBlockAnchor": types.PageBlockAnchor("top"),
    "PageBlockAudio": types.PageBlockAudio(203, caption("Песня")),
    "PageBlockAuthorDate": types.PageBlockAuthorDate(plain("Павел Сомов"), DATE),
    "PageBlockBlockquote": types.PageBlockBlockquote(
        plain("Мысль"), plain("Мудрец"), collapsed=True
    ),
    "PageBlockBlockquoteBlocks": types.PageBlockBlockquoteBlocks(
        [para("Раз"), para("Два")], types.TextEmpty()
    ),
    "PageBlockButtonRow": types.PageBlockButtonRow(_BUTTONS),
    "PageBlockChannel": types.PageBlockChannel(_CHANNEL),
    "PageBlockCollage": types.PageBlockCollage([_PICTURE, _BARE], caption("Все вместе")),
    "PageBlockCover": types.PageBlockCover(_PICTURE),
    "PageBlockDetails": types.PageBlockDetails([para("Внутри")], plain("Снаружи"), open=True),
    "PageBlockDivider": types.PageBlockDivider(),
    "PageBlockDocument": types.PageBlockDocument(200, caption()),
    "PageBlockEmbed": types.PageBlockEmbed(caption("Ролик"), url="https://example.org/v"),
    "PageBlockEmbedPost": types.PageBlockEmbedPost(
        "https://example.org/p", 0, 0, "Сосед", DATE, [para("Его слова")], caption("Отсюда")
    ),
    "PageBlockFooter": types.PageBlockFooter(plain("Мелко")),
    "PageBlockHeader": types.PageBlockHeader(plain("Глава")),
    **{
        f"PageBlockHeading{level}": getattr(types, f"PageBlockHeading{level}")(plain(f"{level}"))
        for level in range(1, 7)
    },
    "PageBlockKicker": types.PageBlockKicker(plain("Рубрика")),
    "PageBlockList": types.PageBlockList(
        [
            item("Просто"),
            item("Сделано", checkbox=True, checked=True),
            item("Не сделано", checkbox=True),
            types.PageListItemBlocks([para("Раз"), types.PageBlockList([item("Внутри")])]),
        ]
    ),
    "PageBlockMap": types.PageBlockMap(_POINT, 15, 600, 400, caption("Здесь")),
    "PageBlockMath": types.PageBlockMath("E = mc^2"),
    "PageBlockOrderedList": types.PageBlockOrderedList(
        [step("Первый"), types.PageListOrderedItemBlocks([para("Второй")])], start=3, reversed=True
    ),
    "PageBlockParagraph": para("Абзац"),
    "PageBlockPhoto": _PICTURE,
    "PageBlockPreformatted": types.PageBlockPreformatted(plain("if x:\n    y"), "python"),
    "PageBlockPullquote": types.PageBlockPullquote(plain("Крупно"), plain("Кто")),
    "PageBlockRelatedArticles": types.PageBlockRelatedArticles(plain("Читайте"), [_RELATED]),
    "PageBlockSlideshow": types.PageBlockSlideshow([_BARE, _BARE], caption()),
    "PageBlockSubheader": types.PageBlockSubheader(plain("Подглава")),
    "PageBlockSubtitle": types.PageBlockSubtitle(plain("Подзаголовок")),
    "PageBlockTable": _TABLE,
    "PageBlockThinking": types.PageBlockThinking(plain("Думаю")),
    "PageBlockTitle": types.PageBlockTitle(plain("Заголовок")),
    "PageBlockUnsupported": types.PageBlockUnsupported(),
    "PageBlockVideo": types.PageBlockVideo(202, caption()),
    "InputPageBlockMap": types.InputPageBlockMap(
        types.InputGeoPoint(56.9, 74.4), 15, 600, 400, caption()
    ),
}
_HELD = {
    "photos": [photo(100), photo(101)],
    "documents": [
        document("application/pdf", number=200),
        document("video/mp4", video(), number=202),
        document("audio/mpeg", types.DocumentAttributeAudio(9), number=203),
    ],
}


def test_every_rich_block_becomes_text_and_entities() -> None:
    lines: list[str] = []
    for name, block in RICH_BLOCKS.items():
        told = shown(read_rich(para("До."), block, para("После."), **_HELD))
        lines += [name, *(one for one in told if not one.startswith("  media") or "«" in one)]
    compare("rich_blocks.txt", lines)
    assert set(RICH_BLOCKS) == kinds("PageBlockTitle")


@pytest.mark.parametrize("name", RICH_BLOCKS)
def test_a_rich_block_reaches_the_page_with_every_word(name: str) -> None:
    read = read_rich(para("До."), RICH_BLOCKS[name], para("После."), **_HELD)
    html = blocks(read.text, read.entities)
    assert "".join(text_of(html).split()) == "".join(read.text.split())
    for one in read.entities:
        if one.type == "media":
            assert f"media:{one.value}" in html
        assert one.type in INLINE_ENTITIES | BLOCK_ENTITIES


def test_what_a_rich_message_cannot_show_is_said() -> None:
    assert [one.kind for one in read_rich(types.PageBlockUnsupported()).extras] == ["unsupported"]
    assert [one.kind for one in read_rich(_BARE).extras] == ["unsupported"], "a picture is missing"
    assert [one.kind for one in read_rich(para("Начало"), part=True).extras] == ["unsupported"]
    assert read_rich(para("Всё")).extras == ()


def test_a_hidden_picture_of_a_rich_message_stays_hidden() -> None:
    hidden = types.PageBlockPhoto(101, caption(), spoiler=True)
    read = read_rich(_PICTURE, hidden, **_HELD)
    assert [one.spoiler for one in read.media] == [False, True, False, False, False]


def test_the_text_beside_a_rich_message_stands_where_its_blocks_say_nothing() -> None:
    rich = types.RichMessage([types.PageBlockUnsupported()], [], [])
    read = post("Откройте в новом Telegram", rich_message=rich)
    assert read.text == "Откройте в новом Telegram"
    assert read.extras


def test_entities_are_listed_outer_before_inner() -> None:
    inner = types.TextBold(types.TextItalic(plain("слово")))
    read = read_rich(types.PageBlockBlockquote(inner, types.TextEmpty()))
    assert [one.type for one in read.entities] == ["blockquote", "bold", "italic"]
    assert read.entities[0] == Entity(type="blockquote", offset=0, length=5)


_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), max_size=6)
_RICH = st.recursive(
    st.one_of(st.builds(plain, _WORDS), st.just(types.TextEmpty())),
    lambda inner: st.one_of(
        st.builds(types.TextBold, inner),
        st.builds(types.TextSpoiler, inner),
        st.builds(lambda text: types.TextUrl(text, "https://example.org", 0), inner),
        st.builds(types.TextConcat, st.lists(inner, max_size=3)),
    ),
    max_leaves=6,
)
_CAPTIONS = st.builds(types.PageCaption, _RICH, _RICH)
_BLOCKS = st.recursive(
    st.one_of(
        st.builds(types.PageBlockParagraph, _RICH),
        st.builds(types.PageBlockHeading2, _RICH),
        st.builds(types.PageBlockPullquote, _RICH, _RICH),
        st.builds(lambda told: types.PageBlockPhoto(100, told), _CAPTIONS),
        st.just(types.PageBlockDivider()),
    ),
    lambda inner: st.one_of(
        st.builds(types.PageBlockDetails, st.lists(inner, max_size=3), _RICH),
        st.builds(types.PageBlockBlockquoteBlocks, st.lists(inner, max_size=3), _RICH),
        st.builds(
            lambda items: types.PageBlockList([types.PageListItemBlocks(one) for one in items]),
            st.lists(st.lists(inner, max_size=2), max_size=3),
        ),
        st.builds(
            lambda rows: types.PageBlockTable(
                types.TextEmpty(),
                [
                    types.PageTableRow([types.PageTableCell(text=one) for one in row])
                    for row in rows
                ],
            ),
            st.lists(st.lists(_RICH, max_size=3), max_size=3),
        ),
    ),
    max_leaves=8,
)


def leaves(value: Any) -> list[str]:
    """The words in a TL object, in its own order."""
    if isinstance(value, types.TextPlain):
        return [value.text]
    if isinstance(value, types.PageBlockDetails):  # its title stands before what it hides
        return leaves(value.title) + leaves(value.blocks)
    if isinstance(value, list):
        return [word for one in value for word in leaves(one)]
    return leaves(list(vars(value).values())) if hasattr(value, "CONSTRUCTOR_ID") else []


@given(st.lists(_BLOCKS, max_size=4))
def test_any_nest_of_blocks_keeps_every_word_in_order(made: list[Any]) -> None:
    read = read_rich(*made, photos=[photo(100)])
    words_ = "".join("".join(leaves(made)).split())
    assert "".join(read.text.split()) == words_
    assert "".join(text_of(blocks(read.text, read.entities)).split()) == words_
    for one in read.entities:
        assert 0 <= one.offset <= one.offset + one.length <= len(read.text)
