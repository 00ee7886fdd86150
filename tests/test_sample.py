"""The sample channel holds every kind of post, in Desktop's format, and nothing private."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crosspost.model import Post
from crosspost.readers import Bounds, Context
from crosspost.readers.export import ExportReader

EXAMPLES = Path(__file__).parent.parent / "examples"
CHANNEL = EXAMPLES / "channel"
FILE_KEYS = ("photo", "file", "thumbnail")
NOT_EXPORTED = re.compile(r"\(File .*\)")
Message = dict[str, Any]


@pytest.fixture(scope="module")
def export() -> Message:
    decoded: Message = json.loads((CHANNEL / "result.json").read_text(encoding="utf-8"))
    return decoded


@pytest.fixture(scope="module")
def messages(export: Message) -> list[Message]:
    listed: list[Message] = export["messages"]
    return listed


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Post]:
    context = Context(base=EXAMPLES, cache=tmp_path_factory.mktemp("cache"), timezone="Asia/Omsk")
    reader = ExportReader.open(ExportReader.Settings(), "channel", context)
    found = list(reader.read(Bounds()))
    reader.close()
    assert all(isinstance(post, Post) for post in found), "the sample is read without a remark"
    return {post.id: post for post in found if isinstance(post, Post)}


def plain(message: Message) -> str:
    return "".join(part["text"] for part in message.get("text_entities", ()))


def paths(messages: list[Message]) -> set[str]:
    """Every path the export names, wherever it stands."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, dict):
            found.update(value[key] for key in FILE_KEYS if isinstance(value.get(key), str))
            if value.get("type") == "custom_emoji":
                found.add(value["document_id"])
            for item in value.values():
                walk(item)

    walk(messages)
    return {path for path in found if not NOT_EXPORTED.fullmatch(path)}


# --- Desktop's format -------------------------------------------------------------------------


def test_file_is_indented_like_desktop_writes_it(export: Message) -> None:
    text = (CHANNEL / "result.json").read_text(encoding="utf-8")
    assert text == json.dumps(export, ensure_ascii=False, indent=1)
    assert list(export) == ["name", "type", "id", "messages"]
    assert export["type"] == "public_channel"


def test_ids_grow_with_time_and_have_gaps(messages: list[Message]) -> None:
    ids = [message["id"] for message in messages]
    times = [int(m["date_unixtime"]) for m in messages if "date_unixtime" in m]
    assert ids == sorted(set(ids))
    assert times == sorted(times)
    assert len(ids) < ids[-1] - ids[0]


def test_local_dates_are_omsk_time(messages: list[Message]) -> None:
    for message in messages:
        for key in ("date", "edited"):
            if key in message:
                local = datetime.fromisoformat(message[key]).replace(tzinfo=ZoneInfo("Asia/Omsk"))
                assert int(local.timestamp()) == int(message[key + "_unixtime"])


def test_text_and_text_entities_say_the_same(messages: list[Message]) -> None:
    for message in messages:
        if "text_entities" in message:
            text = message["text"]
            pieces = [text] if isinstance(text, str) else text
            joined = "".join(p if isinstance(p, str) else p["text"] for p in pieces)
            assert joined == plain(message), message["id"]


# --- Every kind -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [
        "create_channel",
        "edit_group_photo",
        "edit_group_title",
        "pin_message",
        "group_call",
        "group_call_scheduled",
    ],
)
def test_holds_service_message(messages: list[Message], action: str) -> None:
    assert any(message.get("action") == action for message in messages)


@pytest.mark.parametrize(
    "entity",
    [
        "bank_card",
        "blockquote",
        "bold",
        "bot_command",
        "cashtag",
        "code",
        "custom_emoji",
        "email",
        "hashtag",
        "italic",
        "link",
        "mention",
        "mention_name",
        "phone",
        "plain",
        "pre",
        "spoiler",
        "strikethrough",
        "text_link",
        "underline",
    ],
)
def test_holds_entity(messages: list[Message], entity: str) -> None:
    assert any(part["type"] == entity for m in messages for part in m.get("text_entities", ()))


@pytest.mark.parametrize(
    "media_type",
    ["video_file", "video_message", "voice_message", "audio_file", "animation", "sticker"],
)
def test_holds_media_type(messages: list[Message], media_type: str) -> None:
    assert any(message.get("media_type") == media_type for message in messages)


@pytest.mark.parametrize(
    "key",
    [
        "author",
        "contact_information",
        "edited",
        "forwarded_from",
        "forwarded_from_id",
        "game_title",
        "giveaway_information",
        "giveaway_results",
        "inline_bot_buttons",
        "invoice_information",
        "location_information",
        "media_spoiler",
        "paid_stars_amount",
        "place_name",
        "poll",
        "reactions",
        "reply_to_message_id",
        "rich_message",
        "todo_list",
        "via_bot",
    ],
)
def test_holds_key(messages: list[Message], key: str) -> None:
    assert any(key in message for message in messages)


KINDS: dict[str, Callable[[Post], object]] = {
    "text only": lambda p: p.text and not p.media,
    "photo with a long caption": lambda p: len(p.media) == 1 and len(p.text) > 700,
    "photo without a word": lambda p: p.media and p.media[0].kind == "photo" and not p.text,
    "album captioned on its third photo": lambda p: p.media[2:] and p.media[2].caption == (0, 577),
    "album of which one photo was deleted": lambda p: p.ids[-1] - p.id >= len(p.ids) > 1,
    "document": lambda p: any(m.mime == "application/pdf" for m in p.media),
    "file left out of the export": lambda p: any(m.missing for m in p.media),
    "collapsed quotation": lambda p: any(e.attrs.get("collapsed") == "true" for e in p.entities),
    "open quotation": lambda p: any(
        e.type == "blockquote" and e.attrs.get("collapsed") != "true" for e in p.entities
    ),
    "code in a language": lambda p: any(e.type == "pre" and e.value for e in p.entities),
    "advertisement": lambda p: "Реклама." in p.text and "erid:" in p.text,
    "edited after an hour": lambda p: p.edited and (p.edited - p.date).seconds > 3600,
    "one line": lambda p: 0 < len(p.text) < 60 and "\n" not in p.text,
    "three thousand characters": lambda p: 2800 < len(p.text) < 3200,
    "bold first line": lambda p: (
        p.entities and p.entities[0].type == "bold" and not p.entities[0].offset
    ),
    "capitals as headline": lambda p: p.text.partition("\n")[0].isupper(),
    "headline led by an emoji": lambda p: re.match(r"[🎄🧾] .+\n\n", p.text),
    "hashtags at the end": lambda p: re.search(r"\n#\w+( #\w+)*$", p.text),
    "hashtag inside a sentence": lambda p: re.search(r"#\w+ —", p.text),
    "people in the photo": lambda p: "\nНа фото: " in p.text,
    "people from left to right": lambda p: "\nСлева направо: " in p.text,
    "credit in words": lambda p: "\nФото: " in p.text,
    "credit by a camera": lambda p: "\n📷 " in p.text,
    "credit by a copyright sign": lambda p: "\n© " in p.text,
    "link to a post of the channel": lambda p: re.search(r"t\.me/masterskaya_sib/\d", p.text),
    "poll closed": lambda p: p.poll and p.poll.closed,
    "poll open": lambda p: p.poll and not p.poll.closed,
    "place": lambda p: p.place and not p.place.title,
    "venue": lambda p: p.place and p.place.title and p.place.address,
    "forward from a hidden person": lambda p: p.forward and not p.forward.channel_id,
    "forward from a channel": lambda p: p.forward and p.forward.channel_id,
}


@pytest.mark.parametrize("kind", KINDS)
def test_holds_kind_of_post(posts: dict[int, Post], kind: str) -> None:
    assert any(KINDS[kind](post) for post in posts.values())


def test_about_sixty_posts(posts: dict[int, Post]) -> None:
    assert 55 <= len(posts) <= 75


def test_footer_repeats_under_many_posts(posts: dict[int, Post]) -> None:
    footer = "\n\nПодписаться: t.me/masterskaya_sib"
    assert sum(footer in post.text for post in posts.values()) >= 12


def test_one_text_was_posted_twice(posts: dict[int, Post]) -> None:
    texts = [post.text for post in posts.values() if post.text]
    assert len(texts) == len(set(texts)) + 1


def test_replies_and_links_point_at_posts_of_the_channel(posts: dict[int, Post]) -> None:
    for post in posts.values():
        addresses = [post.text, *(entity.value for entity in post.entities)]
        linked = [int(n) for a in addresses for n in re.findall(r"t\.me/masterskaya_sib/(\d+)", a)]
        replied = [post.reply_to.post_id] if post.reply_to else []
        assert set(linked + replied) <= set(posts), post.id


# --- Files ------------------------------------------------------------------------------------


def test_every_named_file_is_there_and_every_file_is_named(messages: list[Message]) -> None:
    there = {f.relative_to(CHANNEL).as_posix() for f in CHANNEL.rglob("*") if f.is_file()}
    assert there == paths(messages) | {"result.json"}


def test_sizes_are_told_truly(messages: list[Message]) -> None:
    for message in messages:
        for key, size in (("photo", "photo_file_size"), ("file", "file_size")):
            if key in message and not NOT_EXPORTED.fullmatch(message[key]):
                assert (CHANNEL / message[key]).stat().st_size == message[size]


def test_sample_stays_small() -> None:
    sizes = {f: f.stat().st_size for f in CHANNEL.rglob("*") if f.is_file()}
    assert sum(sizes.values()) < 3_500_000
    assert max(size for f, size in sizes.items() if f.suffix == ".jpg") <= 120_000
    assert max(size for f, size in sizes.items() if f.suffix == ".mp4") <= 150_000


def test_photos_are_whole_pictures_of_the_told_size(messages: list[Message]) -> None:
    from PIL import Image, ImageOps

    for message in messages:
        path = message.get("photo", "")
        if path.endswith(".jpg"):
            with Image.open(CHANNEL / path) as picture:
                picture.load()
                shown = ImageOps.exif_transpose(picture)
            assert shown.size == (message["width"], message["height"]), path


def test_some_photos_carry_a_position_and_one_an_orientation(messages: list[Message]) -> None:
    from PIL import ExifTags, Image

    positions = orientations = 0
    for path in paths(messages):
        if path.startswith("photos/"):
            with Image.open(CHANNEL / path) as picture:
                exif = picture.getexif()
            positions += bool(exif.get_ifd(ExifTags.IFD.GPSInfo))
            orientations += exif.get(ExifTags.Base.Orientation, 1) != 1
    assert (positions, orientations) == (3, 1)


def test_author_has_a_square_portrait() -> None:
    from PIL import Image

    with Image.open(EXAMPLES / "author.jpg") as portrait:
        assert portrait.size == (640, 640)


# --- Nothing private --------------------------------------------------------------------------


def test_no_address_leads_to_a_person() -> None:
    """Phones and cards are zeros, mail and links go to example.org, the tax office or us."""
    text = (CHANNEL / "result.json").read_text(encoding="utf-8")
    hosts = re.findall(r"https?://([\w.-]+)", text)
    assert set(hosts) <= {"example.org", "t.me", "www.nalog.gov.ru"}
    assert {m.partition("@")[2] for m in re.findall(r"[\w.]+@[a-z][\w.]+\w", text)} == {
        "example.org"
    }
    assert set(re.findall(r"\+7[\d ()-]{9,}\d", text)) == {"+70000000000", "+7 000 000 00 00"}
    assert set(re.findall(r"(?:\d{4} ){3}\d{4}", text)) == {"0000 0000 0000 0000"}
    assert set(re.findall(r"t\.me/(\w+)", text)) == {"masterskaya_sib", "masterskaya_bot"}
