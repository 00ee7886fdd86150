"""The preview reader: Telegram's web pages, the way to them, and what hostile hands make of both.

Golden pairs lie in ``golden/preview``: a page, and beside it what the reader said about it, one
line a post. ``UPDATE_GOLDEN=1 pytest tests/test_preview.py`` rewrites them.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from contract.reader_contract import Archive
from contract.worlds import CHANNEL, ExportWorld, PreviewWorld
from preview_server import Fault, PreviewServer, landing, plain

from crosspost.errors import CrosspostError, Later, ReaderError
from crosspost.model import Extra, Media, Post, Reply, fingerprint
from crosspost.readers import Bounds, Checkpoint, Complete, Context, Gone, Note, Unsafe
from crosspost.readers.preview import PreviewReader, _cursor, _files, _html, _message, _page, _web

GOLDEN = Path(__file__).parent / "golden" / "preview"
FIXTURES = Path(
    os.environ.get("CROSSPOST_FIXTURES") or Path(__file__).parents[2] / "shared" / "fixtures"
)
fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is not here")

Open = Callable[..., PreviewReader]


@pytest.fixture
def server() -> Iterator[PreviewServer]:
    with PreviewServer([message(number) for number in range(1, 31)]) as running:
        yield running


@pytest.fixture
def reader(server: PreviewServer, tmp_path: Path) -> Iterator[Open]:
    """Opens readers of the server, and closes them."""
    opened: list[PreviewReader] = []

    def make(channel: str = "@workshop", newest: int = 0, **more: Any) -> PreviewReader:
        told = {"preview": server.home, "pause": 0, "backoff": 0, "attempts": 3} | more
        context = Context(base=tmp_path, cache=tmp_path / "cache", newest=newest)
        opened.append(PreviewReader.open(PreviewReader.Settings(**told), channel, context))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def message(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_746_000_000 + number * 3600),
        "text": text or f"Запись {number}",
    } | more


def posts(found: Any) -> list[Post]:
    return [one for one in found if isinstance(one, Post)]


def ids(found: Any) -> list[int]:
    return [one.id for one in posts(found)]


def cursor(found: Any) -> str:
    return [one.cursor for one in found if isinstance(one, Checkpoint)][-1]


def page(body: str | bytes, url: str = "https://t.me/s/workshop") -> _page.Leaf:
    data = body.encode() if isinstance(body, str) else body
    return _page.leaf(_web.Page(url, 200, data), url, "workshop")


def parsed(html: str) -> Post:
    """The post of a page with this one message."""
    with PreviewServer([message(1, " ", html=html)]) as server:
        return page(server.page(None)).found[0].post


# --- What posts come out ------------------------------------------------------------------------


@pytest.mark.parametrize("source", sorted(GOLDEN.glob("*.html")), ids=lambda path: path.stem)
def test_every_kind_of_message_gives_the_post_written_beside_it(source: Path) -> None:
    found = page(source.read_bytes())
    lines = [msgspec.json.encode(found.channel)]
    for one in found.found:
        lines.append(msgspec.json.encode(one.post))
        lines += [f"  {locator} {url}".encode() for locator, url in one.urls.items()]
    told = b"\n".join(lines).decode() + "\n"
    expected = source.with_suffix(".posts.txt")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(told, "utf-8")
    assert told == expected.read_text("utf-8")


NOT_ON_THE_PAGE = {"mention_name", "bank_card", "bot_command"}


def test_the_export_and_the_preview_of_a_channel_give_the_same_posts(tmp_path: Path) -> None:
    with PreviewServer(files=CHANNEL) as server:
        world = PreviewWorld(tmp_path, server)
        shown = {one.id: one for one in posts(world.reader().read(Bounds()))}
        world.readers[0].close()
    exported = {one.id: one for one in posts(ExportWorld(tmp_path).reader().read(Bounds()))}
    assert shown.keys() == exported.keys()
    same = 0
    for number, one in shown.items():
        other = exported[number]
        if other.rich:  # which this page leaves to the app
            assert one.extras == (Extra(kind="unsupported"),)
            continue
        assert (one.ids, one.date, one.text) == (other.ids, other.date, other.text)
        assert one.entities == tuple(
            entity for entity in other.entities if entity.type not in NOT_ON_THE_PAGE
        )
        assert [media.kind for media in one.media] == [media.kind for media in other.media]
        assert [media.spoiler for media in one.media] == [media.spoiler for media in other.media]
        assert (one.reply_to, one.via_bot) == (other.reply_to, other.via_bot)
        assert one.author_signature == other.author_signature
        assert (one.place, one.channel_id) == (other.place, other.channel_id)
        assert (one.poll is None) == (other.poll is None)
        words = not (one.media or one.poll or one.forward or other.extras)
        if words and one.entities == other.entities:
            assert fingerprint(one) == fingerprint(other)
            same += 1
    assert same > 20


@fixtures
@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("apkawa-rust-any2feed/full.html", "topwar_official",
         {"posts": 12, "albums": 2, "forwards": 5, "cards": 1, "channel": 1084368520}),
        ("juandresrodca-sherlock-telegram/channel_feed.html", "durov",
         {"posts": 20, "albums": 0, "forwards": 0, "cards": 4, "channel": 1006503122}),
        ("lifemodel/telegram-test-channel.html", "test_channel",
         {"posts": 3, "albums": 2, "forwards": 1, "cards": 0, "channel": 0}),
    ],
)  # fmt: skip
def test_a_real_page_is_read_whole(path: str, name: str, expected: dict[str, int]) -> None:
    url = f"https://t.me/s/{name}"
    leaf = _page.leaf(_web.Page(url, 200, (FIXTURES / path).read_bytes()), url, name)
    found = [one.post for one in leaf.found]
    assert leaf.whole
    assert leaf.older
    assert {
        "posts": len(found),
        "albums": sum(len(one.ids) > 1 for one in found),
        "forwards": sum(one.forward is not None for one in found),
        "cards": sum(one.link_preview is not None for one in found),
        "channel": leaf.channel.id,
    } == expected
    for one in found:
        assert one.views
        assert one.text or one.media or one.extras
        assert all(media.missing or media.locator for media in one.media)


@fixtures
def test_what_only_the_app_shows_is_no_empty_article() -> None:
    url = "https://t.me/s/test_channel"
    body = (FIXTURES / "lifemodel/telegram-test-channel.html").read_bytes()
    found = _page.leaf(_web.Page(url, 200, body), url, "test_channel").found
    assert [one.post.extras for one in found] == [(), (Extra(kind="unsupported"),), ()]


@fixtures
def test_a_real_page_of_custom_emoji_keeps_each_with_its_number() -> None:
    url = "https://t.me/s/durov"
    body = (FIXTURES / "juandresrodca-sherlock-telegram/channel_feed.html").read_bytes()
    found = [one.post for one in _page.leaf(_web.Page(url, 200, body), url, "durov").found]
    emoji = [e for one in found for e in one.entities if e.type == "custom_emoji"]
    assert all(entity.value.isdigit() for entity in emoji)
    own = sum(reaction.emoji == "" for one in found for reaction in one.reactions)
    assert body.count(b"<tg-emoji") == len(emoji) + own


@fixtures
@pytest.mark.parametrize(
    ("name", "kinds", "more"),
    [
        ("message_poll", [], "poll"),
        ("message_media_round_video", ["round_video"], ""),
        ("message_voice", ["voice"], "forward"),
        ("message_sticker", ["sticker"], ""),
        ("message_media_file", ["document"], "forward"),
        ("message_media_photo_and_video", ["video", "photo", "photo"], ""),
        ("message_link_preview", ["photo"], "link_preview"),
        ("message_link_preview_text_only", [], "link_preview"),
        ("message_with_from_author", [], "author_signature"),
    ],
)
def test_a_real_message_of_every_kind(name: str, kinds: list[str], more: str) -> None:
    root = _html.tree((FIXTURES / f"apkawa-rust-any2feed/{name}.html").read_bytes())
    element = _html.first(root, "tgme_widget_message")
    assert element is not None
    found = _message.read(element, 1, "https://t.me/s/x")
    assert found is not None
    assert [one.kind for one in found.post.media] == kinds
    assert not more or getattr(found.post, more)
    assert not found.post.extras


def test_a_video_too_big_for_the_page_says_so() -> None:
    post = parsed(
        '<a class="tgme_widget_message_video_player not_supported" href="https://t.me/workshop/1">'
        '<div class="message_media_not_supported_label">Media is too big</div></a>'
    )
    assert [(one.kind, one.missing) for one in post.media] == [("animation", _files.TOO_BIG)]


def test_a_service_message_is_no_post(server: PreviewServer, reader: Open) -> None:
    server.messages[3] = {"id": 3, "type": "service", "date_unixtime": "1746000000"}
    assert 3 not in ids(reader().read(Bounds()))


def test_what_is_answered_in_the_same_channel_is_known_by_its_id(
    server: PreviewServer, reader: Open
) -> None:
    server.messages[30]["reply_to_message_id"] = 7
    assert posts(reader().read(Bounds(first_id=30)))[0].reply_to == Reply(post_id=7)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.2K", 1200), ("10 518", 10518), ("3M", 3_000_000), ("950", 950), ("", None), ("x", None)],
)
def test_counts_are_read_as_telegram_shortens_them(text: str, number: int | None) -> None:
    assert _html.count(text) == number


def test_the_channel_is_who_it_says(server: PreviewServer, reader: Open, tmp_path: Path) -> None:
    opened = reader("https://t.me/workshop")
    channel = opened.channel()
    assert (channel.id, channel.title, channel.username, channel.about) == (
        4_900_000_017,
        "Мастерская",
        "workshop",
        "О малом деле\nи о хлебе",
    )
    photo = opened.fetch(Media(kind="photo", locator=channel.photo))
    assert photo.read_bytes() == b"bytes of avatar.jpg"
    assert photo.suffix == ".jpg"


# --- Names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "@workshop", "workshop", " workshop ", "t.me/workshop", "t.me/s/workshop",
        "https://t.me/workshop", "https://t.me/s/workshop", "http://t.me/workshop/",
        "https://t.me/workshop/123", "https://t.me/s/workshop?before=10", "telegram.me/workshop",
        "https://workshop.t.me/", "https://t.me/workshop/12?single",
    ],
)  # fmt: skip
def test_a_channel_may_be_named_as_people_do(reader: Open, name: str) -> None:
    assert ids(reader(name).read(Bounds(first_id=30))) == [30]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("https://t.me/+AbCdEf123", "private channel"),
        ("t.me/joinchat/AAAA", "private channel"),
        ("https://t.me/c/1234567/5", "private channel"),
        ("-1001234567890", "private channel"),
        ("две мастерские", "no name"),
        ("https://example.org/workshop", "no name"),
        ("../../etc", "no name"),
        ("work/../shop", "no name"),
        ("", "no name"),
        ("a" * 40, "no name"),
    ],
)
def test_what_names_no_public_channel_is_refused(reader: Open, name: str, why: str) -> None:
    with pytest.raises(ReaderError, match=why):
        reader(name)


@pytest.mark.parametrize(
    "value", ["t.me/s/", "http://t.me/s/", "file:///etc/", "ftp://t.me/", "https://", ""]
)
def test_the_preview_is_at_an_https_address(value: str) -> None:
    with pytest.raises(ValueError, match="https"):
        PreviewReader.Settings(preview=value)


# --- Histories ----------------------------------------------------------------------------------


def test_a_history_is_read_to_its_beginning(server: PreviewServer, reader: Open) -> None:
    server.messages = {number: message(number) for number in range(5, 200, 2)}
    assert ids(reader().read(Bounds())) == list(range(5, 200, 2))
    assert len(server.asked) == 5


def test_an_album_on_the_border_of_a_page_is_whole(server: PreviewServer, reader: Open) -> None:
    for shift in (0, 7):
        for cut in (True, False):
            server.cuts_albums = cut
            _albums(server, [2, 10, 3, 5, 1, 10, 10, 4], shift)
            found = posts(reader().read(Bounds()))
            assert [one.ids for one in found if one.media] == [
                album for album in server.albums if len(album) > 0
            ]
            told = [one for one in reader().changes(None) if isinstance(one, Post)]
            assert {one.ids for one in told} == {one.ids for one in found}


def _albums(server: PreviewServer, sizes: list[int], shift: int) -> None:
    server.messages, server.albums = {}, []
    number = 1
    for size in sizes:
        album = tuple(range(number, number + size))
        for one in album:
            server.messages[one] = message(one, " ", photo=f"{one}.jpg")
        server.albums.append(album)
        number += size
        server.messages[number] = message(number)
        number += 1
    for _ in range(shift):
        server.messages[number] = message(number)
        number += 1


def test_only_the_pages_that_are_wanted_are_asked_for(server: PreviewServer, reader: Open) -> None:
    server.messages = {number: message(number) for number in range(1, 3001)}
    opened = reader()
    assert ids(opened.read(Bounds(first_id=2990))) == list(range(2990, 3001))
    assert len(server.asked) == 1
    assert ids(opened.read(Bounds(first_id=100, last_id=105))) == list(range(100, 106))
    assert len(server.asked) == 2
    since = datetime.fromtimestamp(1_746_000_000 + 2995 * 3600, UTC)
    assert ids(opened.read(Bounds(since=since))) == list(range(2995, 3001))
    assert len(server.asked) <= 4


def test_a_day_long_ago_is_found_by_halving(server: PreviewServer, reader: Open) -> None:
    server.messages = {number: message(number) for number in range(1, 3001)}
    day = datetime.fromtimestamp(1_746_000_000 + 500 * 3600, UTC)
    bounds = Bounds(since=day, until=day + timedelta(hours=30))
    assert ids(reader().read(bounds)) == list(range(500, 531))
    assert len(server.asked) < 20


def test_a_channel_without_posts_has_none(server: PreviewServer, reader: Open) -> None:
    server.messages = {}
    assert list(reader().read(Bounds())) == []
    assert list(reader().changes(None)) == []


# --- What changes -------------------------------------------------------------------------------


def test_nothing_new_costs_one_conditional_request(server: PreviewServer, reader: Open) -> None:
    known = cursor(reader().changes(None))
    server.asked.clear()
    server.heard.clear()
    assert list(reader().changes(known)) == []
    assert server.asked == ["/s/workshop"]
    assert server.heard[0]["If-None-Match"]


def test_nothing_new_costs_one_request_where_the_server_knows_no_conditions(
    server: PreviewServer, reader: Open
) -> None:
    server.validators = False
    known = cursor(reader().changes(None))
    server.asked.clear()
    assert list(reader().changes(known)) == []
    assert server.asked == ["/s/workshop"]


def test_a_server_that_tells_a_date_is_asked_by_it(server: PreviewServer, reader: Open) -> None:
    server.validators, server.modified = False, "Sat, 01 Nov 2025 10:00:00 GMT"
    known = cursor(reader().changes(None))
    server.messages[31] = message(31)  # which the server does not notice
    assert list(reader().changes(known)) == []
    server.modified = "Sat, 01 Nov 2025 11:00:00 GMT"
    assert 31 in ids(reader().changes(known))


def test_views_and_new_addresses_of_files_are_no_news(server: PreviewServer, reader: Open) -> None:
    server.messages[30]["photo"] = "a.jpg"
    known = cursor(reader().changes(None))
    server.views += 1000
    server.expire()
    assert list(reader().changes(known)) == []


def test_an_edit_deeper_in_the_window_comes_with_the_next_post(
    server: PreviewServer, reader: Open
) -> None:
    server.messages = {number: message(number) for number in range(1, 101)}
    known = cursor(reader().changes(None))
    server.messages[70]["text"] = "Исправлено"
    server.messages[101] = message(101)
    server.asked.clear()
    told = list(reader().changes(known))
    assert next(one for one in posts(told) if one.id == 70).text == "Исправлено"
    assert {101, 70} <= set(ids(told))
    assert min(ids(told)) > 40
    assert len(server.asked) <= 4


def test_the_window_is_a_setting(server: PreviewServer, reader: Open) -> None:
    server.messages = {number: message(number) for number in range(1, 201)}
    known = cursor(reader().changes(None))
    server.messages[201] = message(201)
    server.asked.clear()
    list(reader(window=20).changes(known))
    assert len(server.asked) == 1
    list(reader(window=100).changes(known))
    assert len(server.asked) == 1 + 5


def test_many_new_posts_are_read_to_the_last_known_one(server: PreviewServer, reader: Open) -> None:
    known = cursor(reader().changes(None))
    server.messages |= {number: message(number) for number in range(31, 131)}
    told = list(reader(window=1).changes(known))
    assert set(ids(told)) >= set(range(31, 131))
    assert min(ids(told)) > 10


def test_the_first_run_after_a_backfill_starts_where_that_ended(
    server: PreviewServer, reader: Open
) -> None:
    server.messages = {number: message(number) for number in range(1, 201)}
    told = list(reader(newest=190, window=10).changes(None))
    assert set(ids(told)) >= set(range(191, 201))
    assert len(server.asked) == 1


def test_a_deleted_post_is_missing_from_what_is_complete(
    server: PreviewServer, reader: Open
) -> None:
    known = cursor(reader().changes(None))
    del server.messages[25]
    told = list(reader().changes(known))
    assert 25 not in ids(told)
    assert any(one.first <= 25 <= one.last for one in told if isinstance(one, Complete))


def test_the_first_posts_of_a_channel_can_be_deleted_too(
    server: PreviewServer, reader: Open
) -> None:
    server.messages = {number: message(number) for number in range(1, 11)}
    archive = Archive()
    archive.pull(reader())
    del server.messages[1], server.messages[2]
    archive.pull(reader())
    assert archive.gone == {1, 2}


def test_a_full_page_without_a_link_to_older_ones_calls_nothing_gone(
    server: PreviewServer, reader: Open
) -> None:
    archive = Archive()
    archive.pull(reader())
    server.rewrite = lambda page: page.replace("prev", "x").replace("data-before", "data-x")
    server.messages[31] = message(31)
    archive.pull(reader())
    assert 31 in archive.posts
    assert not archive.gone


def test_a_message_that_is_not_understood_is_noted_and_nothing_is_called_gone(
    server: PreviewServer, reader: Open
) -> None:
    server.rewrite = lambda page: page.replace("2025-05-01T02:00:00", "yesterday")
    told = list(reader().changes(None))
    lost = 30 - len(ids(told))
    assert lost == 1
    noted = [one for one in told if isinstance(one, Note)]
    assert len(noted) == 1
    assert "no date" in noted[0].text
    number = noted[0].post_id
    assert not any(one.first <= number <= one.last for one in told if isinstance(one, Complete))
    again = reader().changes(cursor(told))
    assert list(again) == []


def test_what_was_left_to_read_may_be_gone_when_the_run_goes_on(
    server: PreviewServer, reader: Open
) -> None:
    archive = Archive()
    archive.pull(reader(), stop_after=25)
    assert archive.cursor
    assert min(archive.posts) == 11
    server.messages = {number: one for number, one in server.messages.items() if number > 10}
    archive.pull(reader())
    assert min(archive.posts) == 11
    assert archive.pull(reader()) == []


def test_a_name_that_went_to_another_channel_is_not_followed(
    server: PreviewServer, reader: Open
) -> None:
    known = cursor(reader().changes(None))
    server.channel_id += 1
    with pytest.raises(ReaderError, match="another channel now"):
        list(reader().changes(known))


def test_when_all_posts_are_gone_nothing_is_believed(server: PreviewServer, reader: Open) -> None:
    known = cursor(reader().changes(None))
    server.messages = {}
    with pytest.raises(ReaderError, match="no posts at all"):
        list(reader().changes(known))


def test_ranges_of_ids_are_kept_apart_and_shrink_from_above() -> None:
    assert _cursor.union((1, 5), (6, 9), (20, 30), (25, 40), (9, 3)) == ((20, 40), (1, 9))
    assert _cursor.below(((20, 40), (1, 9)), 25) == ((20, 24), (1, 9))
    assert _cursor.below(((20, 40), (1, 9)), 5) == ((1, 4),)
    assert _cursor.below(((20, 40), (1, 9)), 0) == ()


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 60))]
)
def test_whatever_happens_between_and_within_runs_the_archive_follows(
    server: PreviewServer, reader: Open, seed: int
) -> None:
    random = Random(seed)
    server.validators = seed % 2 == 0
    server.cuts_albums = seed % 3 == 0
    server.written = random.randint(1, 150)
    server.messages = {number: message(number) for number in range(1, server.written + 1)}
    archive, lost = Archive(), set[int]()
    for _ in range(12):
        for _ in range(random.randint(0, 3)):
            lost |= _something(server, random)
        archive.pull(reader(), stop_after=random.choice([None, 1, 5, 20, 30]))
    newest = _write(server, random.choice([1, 1, 30]))[-1]
    archive.pull(reader())
    truth = {one.id: one for one in posts(reader().read(Bounds()))}
    assert archive.posts.keys() - lost == truth.keys() - lost
    assert truth.keys() <= archive.alive.keys()
    window = [number for number in truth if number > newest - 40]
    assert [archive.alive[number].text for number in window] == [
        truth[number].text for number in window
    ]
    assert {number for number in archive.alive if number > newest - 40} == set(window)
    assert archive.gone <= lost
    assert archive.pull(reader()) == []


def _something(server: PreviewServer, random: Random) -> set[int]:
    """The author does something; answers what was deleted."""
    what = random.choice(["write", "album", "edit", "delete", "delete many", "write many"])
    if what.startswith("write"):
        _write(server, random.randint(2, 60) if what == "write many" else 1)
    elif what == "album":
        server.albums.append(_write(server, random.randint(2, 10), photo="a.jpg"))
        _write(server, 1)
    elif what == "edit":
        one = random.choice(list(server.messages.values())[-40:])
        one["text"] = f"Исправлено {random.random()}"
    else:
        albums = {number for album in server.albums for number in album}
        recent = [one for one in sorted(server.messages)[1:][-30:] if one not in albums]
        count = 1 if what == "delete" else 25
        gone = set(recent[-count:] if random.random() < 0.5 else recent[:count])
        if len(gone) < len(server.messages) - 1:
            for number in gone:
                del server.messages[number]
            return gone
    return set()


def _write(server: PreviewServer, count: int, **more: Any) -> tuple[int, ...]:
    """New messages, with ids that were never used; answers them."""
    numbers = tuple(range(server.written + 1, server.written + count + 1))
    server.messages |= {number: message(number, **more) for number in numbers}
    server.written += count
    return numbers


# --- Why there are no posts ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (landing("workshop"), "There is no channel @workshop"),
        (
            landing("workshop", title="Мастерская", extra="1 234 subscribers"),
            "no preview on the web",
        ),
        (landing("workshop", title="Болталка", extra="12 members, 3 online"), "is a group"),
        (landing("workshop", title="Павел", extra="@workshop", action="Send Message"), "a person"),
        (landing("workshop", title="Робот", extra="5 monthly users", action="Start Bot"), "a bot"),
        (
            "<html><body><div class='g-recaptcha'></div>Are you a robot?</body></html>",
            "a person is",
        ),
        ("<html><body>Hello</body></html>", "form that is not known"),
        (" ", "empty page"),
    ],
)
def test_each_reason_for_no_posts_has_its_own_words(
    server: PreviewServer, reader: Open, other: str, why: str
) -> None:
    server.other_page = other
    for act in (
        lambda: list(reader().read(Bounds())),
        lambda: list(reader().changes(None)),
        lambda: reader().channel(),
    ):
        with pytest.raises(ReaderError, match=why):
            act()


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_is_told_with_its_number(
    server: PreviewServer, reader: Open, status: int
) -> None:
    server.fail(Fault(status))
    with pytest.raises(ReaderError, match=f"answered {status}"):
        list(reader().read(Bounds()))


def test_a_page_that_breaks_off_is_not_believed(server: PreviewServer, reader: Open) -> None:
    whole = server.page(None)
    server.fail(Fault(200, whole[: len(whole) // 2], Content_Type="text/html"))
    with pytest.raises(ReaderError, match="breaks off"):
        list(reader().changes(None))


def test_it_is_sent_nowhere_else(server: PreviewServer, reader: Open) -> None:
    for location in ("http://169.254.169.254/", "https://example.org/s/workshop", "//[bad"):
        server.fail(*[Fault(302, Location=location)] * 3)
        with pytest.raises(ReaderError):
            list(reader().read(Bounds()))
        server.faults.clear()


def test_going_round_in_circles_ends(server: PreviewServer, reader: Open) -> None:
    server.fail(*[Fault(302, Location="/s/workshop")] * 100)
    with pytest.raises(ReaderError, match="without end"):
        list(reader().read(Bounds()))


# --- Manners ------------------------------------------------------------------------------------


def test_it_says_who_it_is_on_one_connection(server: PreviewServer, reader: Open) -> None:
    list(reader().read(Bounds()))
    assert len(server.asked) == 2
    assert server.connections == 1
    assert all(one["User-Agent"].startswith("Crosspost/") for one in server.heard)
    assert not any("Cookie" in one for one in server.heard)


def test_it_tries_again_after_a_fault(server: PreviewServer, reader: Open) -> None:
    server.fail(Fault(502), Fault(200, "x" * 1000, cut=10))
    assert len(ids(reader().read(Bounds()))) == 30


def test_it_gives_up_in_the_end(server: PreviewServer, reader: Open) -> None:
    server.fail(*[Fault(500)] * 3)
    with pytest.raises(ReaderError, match="cannot be reached: it answered 500"):
        list(reader().read(Bounds()))
    assert len(server.asked) == 3


def test_a_short_wait_is_waited(server: PreviewServer, reader: Open) -> None:
    begin = time.monotonic()
    server.fail(Fault(429, Retry_After="1"))
    assert len(ids(reader().read(Bounds()))) == 30
    assert time.monotonic() - begin >= 1


def test_a_long_wait_ends_the_run_until_later(server: PreviewServer, reader: Open) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    for value in ("3600", moment):
        server.asked.clear()
        server.fail(Fault(429, Retry_After=value))
        with pytest.raises(Later, match="seconds"):
            list(reader(patience=5).read(Bounds()))
        assert len(server.asked) == 1


def test_too_many_requests_without_a_word_on_when_is_later_too(
    server: PreviewServer, reader: Open
) -> None:
    server.fail(*[Fault(429)] * 3)
    with pytest.raises(Later):
        list(reader().read(Bounds()))


def test_no_network_is_told_plainly(reader: Open) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ReaderError, match="there is no connection"):
        list(reader(preview=f"http://127.0.0.1:{port}/s/").read(Bounds()))


def test_what_was_read_before_the_fault_is_kept(server: PreviewServer, reader: Open) -> None:
    server.messages = {number: message(number) for number in range(1, 101)}
    changes = reader().changes(None)
    told = [next(changes) for _ in range(40)]
    server.fail(*[Fault(500)] * 30)
    with pytest.raises(ReaderError):
        told.extend(changes)
    server.faults.clear()
    rest = list(reader().changes(cursor(told)))
    assert {*ids(told), *ids(rest)} == {*range(1, 101)}
    assert 80 not in ids(rest)


def test_opening_a_reader_loads_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys, crosspost.readers.preview\n"
        "heavy = {'bs4', 'lxml', 'requests', 'stamina', 'PIL', 'jinja2'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


# --- Files --------------------------------------------------------------------------------------


def photo(number: int = 30) -> Media:
    return Media(kind="photo", locator=f"{number}/0")


def test_an_address_that_expired_is_asked_for_again(server: PreviewServer, reader: Open) -> None:
    server.messages[5]["photo"] = "photos/5.jpg"
    opened = reader()
    found = posts(opened.read(Bounds()))[4]
    server.expire()
    server.asked.clear()
    assert opened.fetch(found.media[0]).read_bytes() == b"bytes of photos/5.jpg"
    assert [one.partition("?")[0] for one in server.asked] == [
        "/file/photos/5.jpg",
        "/s/workshop",
        "/file/photos/5.jpg",
    ]


def test_a_file_is_had_by_its_locator_alone_and_once(server: PreviewServer, reader: Open) -> None:
    server.messages[5]["photo"] = "photos/5.jpg"
    path = reader().fetch(photo(5))
    assert path.read_bytes() == b"bytes of photos/5.jpg"
    server.asked.clear()
    assert reader().fetch(photo(5)) == path
    assert not any("/file/" in one for one in server.asked)


def test_the_files_of_a_page_cost_one_page(server: PreviewServer, reader: Open) -> None:
    for number in range(11, 20):
        server.messages[number]["photo"] = f"{number}.jpg"
    opened = reader()
    for number in range(11, 20):
        opened.fetch(photo(number))
    assert sum("/s/" in one for one in server.asked) == 1


def test_a_photo_of_an_album_is_had_alone(server: PreviewServer, reader: Open) -> None:
    _albums(server, [10, 10, 10], 3)
    server.cuts_albums = True
    for number in (1, 10, 12, 16, 21, 32):
        assert reader().fetch(photo(number)).read_bytes() == f"bytes of {number}.jpg".encode()


def test_a_preview_frame_is_a_file_too(server: PreviewServer, reader: Open) -> None:
    server.messages[30] |= {"file": "v.mp4", "thumbnail": "v.jpg", "media_type": "video_file"}
    media = posts(reader().read(Bounds(first_id=30)))[0].media[0]
    frame = reader().fetch(Media(kind="photo", locator=media.thumb))
    assert frame.read_bytes() == b"bytes of v.jpg"


def test_a_file_that_left_the_channel_is_gone(server: PreviewServer, reader: Open) -> None:
    with pytest.raises(Gone, match="no file"):
        reader().fetch(photo(30))
    with pytest.raises(Gone, match="does not show it"):
        reader().fetch(photo(3000))


def test_a_file_that_stays_expired_is_gone(server: PreviewServer, reader: Open) -> None:
    server.messages[30]["photo"] = "a.jpg"
    address = server.address
    server.address = lambda path: address(path) + "0"  # type: ignore[method-assign]
    with pytest.raises(Gone, match="does not give it any more"):
        reader().fetch(photo())


def test_a_page_instead_of_a_file_is_no_file(server: PreviewServer, reader: Open) -> None:
    server.messages[30]["photo"] = "a.jpg"
    opened = reader()
    list(opened.read(Bounds()))
    html = Fault(200, "<html>", Content_Type="text/html")
    server.fail(html)
    assert opened.fetch(photo()).read_bytes() == b"bytes of a.jpg"


def test_a_file_cut_off_is_never_kept(server: PreviewServer, reader: Open, tmp_path: Path) -> None:
    server.messages[30]["photo"] = "a.jpg"
    opened = reader()
    list(opened.read(Bounds()))
    server.fail(*[Fault(200, b"x" * 5000, cut=100)] * 3)
    with pytest.raises(ReaderError):
        opened.fetch(photo())
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_file_larger_than_the_setting_is_refused(
    server: PreviewServer, reader: Open, tmp_path: Path
) -> None:
    server.messages[30]["photo"] = "a.jpg"
    opened = reader(max_file=1)
    list(opened.read(Bounds()))
    server.fail(Fault(200, b"x" * (2**20 + 1)))
    with pytest.raises(Unsafe, match="larger than 1 MB"):
        opened.fetch(photo())
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:1/x.jpg",
        "https://cdn4.telesco.pe/file/x.jpg",
        "file:///etc/passwd",
    ],
)
def test_the_test_server_can_send_for_no_file_elsewhere(
    server: PreviewServer, reader: Open, url: str
) -> None:
    server.messages[30]["photo"] = "a.jpg"
    server.address = lambda path: url  # type: ignore[method-assign]
    with pytest.raises((Unsafe, Gone)):
        reader().fetch(photo())


def test_trying_again_writes_nothing_on_the_terminal() -> None:
    """In a process of its own: where logging is set up, as in pytest, it would go elsewhere."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        code = (
            "from crosspost.errors import ReaderError\n"
            "from crosspost.readers.preview._web import Manners, Web\n"
            f"home = 'http://127.0.0.1:{closed.getsockname()[1]}/s/'\n"
            "try:\n"
            "    Web(home, Manners(attempts=3, backoff=0, pause=0)).page(home + 'workshop')\n"
            "except ReaderError as error:\n"
            "    print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
        )
    assert "cannot be reached" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x", "https://10.0.0.1/x",
        "https://169.254.169.254/x", "https://192.168.1.1/x", "https://0.0.0.0/x",
        "https://[::ffff:127.0.0.1]/x", "https://[fd00::1]/x", "http://cdn4.telesco.pe/x",
        "https://user:pass@cdn4.telesco.pe/x", "ftp://cdn4.telesco.pe/x", "https://[bad/x",
        "https://2130706433/x", "https://0x7f.1/x",
    ],
)  # fmt: skip
def test_no_file_is_fetched_from_an_inside_address(url: str, tmp_path: Path) -> None:
    web = _web.Web("https://t.me/s/", _web.Manners(attempts=1, backoff=0, pause=0, timeout=2))
    with pytest.raises((Unsafe, ReaderError)) as caught:
        web.file(url, tmp_path, "x", 1000)
    web.close()
    assert isinstance(caught.value, Unsafe) or "cannot be reached" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_name_server_cannot_lead_inside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        port = inside.getsockname()[1]
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        web = _web.Web("https://t.me/s/", _web.Manners(attempts=1, backoff=0, pause=0, timeout=2))
        with pytest.raises(Unsafe, match="private network"):
            web.file("https://cdn4.example.org/x.jpg", tmp_path, "x", 1000)
        web.close()


# --- Hostile pages ------------------------------------------------------------------------------


def test_a_link_that_is_a_script_stays_a_word(server: PreviewServer, reader: Open) -> None:
    server.messages[30]["text_entities"] = [
        {"type": "text_link", "text": "нажми", "href": "javascript:alert(1)"},
        {"type": "plain", "text": " <script>alert(2)</script>"},
    ]
    from crosspost.markup import blocks

    post = posts(reader().read(Bounds(first_id=30)))[0]
    assert post.text == "нажми <script>alert(2)</script>"
    assert "javascript:" not in blocks(post.text, post.entities)
    assert "<script" not in blocks(post.text, post.entities)


def test_a_link_preview_that_is_a_script_is_none() -> None:
    card = '<a class="tgme_widget_message_link_preview" href="javascript:alert(1)"></a>Слово'
    assert parsed(card).link_preview is None


@pytest.mark.parametrize(
    "told",
    [
        "", "====", "%%%", "\x00", "A" * 10_000,
        base64.b64encode(b'{"c": "x"}').decode(),
        base64.b64encode(b'{"c": 1e400}').decode(),
        base64.b64encode(b'{"c": [[[]]]}').decode(),
        base64.b64encode(b"[1]").decode(),
        base64.b64encode(b'{"c": ' + b"9" * 500 + b"}").decode(),
        base64.b64encode(b'{"x": ' + b"[" * 5000).decode(),
    ],
)  # fmt: skip
def test_a_crafted_data_view_tells_nothing(told: str) -> None:
    element = _html.first(
        _html.tree(f'<div class="m" data-view="{escape(told)}"></div>'.encode()), "m"
    )
    assert element is not None
    assert _message.channel_id(element) == 0


def test_a_channel_id_with_the_mark_of_the_bot_api_is_the_bare_one() -> None:
    told = base64.urlsafe_b64encode(b'{"c": -1001311303753, "t": 5}').decode()
    element = _html.first(_html.tree(f'<div class="m" data-view="{told}"></div>'.encode()), "m")
    assert element is not None
    assert _message.channel_id(element) == 1311303753


def test_what_stands_behind_a_stray_end_of_the_page_is_read_too(server: PreviewServer) -> None:
    leaf = page(server.page(None).replace("<main", "</html><main"))
    assert [one.post.text for one in leaf.found] == [f"Запись {number}" for number in range(11, 31)]
    assert leaf.whole


def test_the_words_behind_a_card_stay_whatever_characters_they_hold() -> None:
    card = '<a class="tgme_widget_message_link_preview" href="https://example.org/"><b>Нет</b></a>'
    body = f'<div class="js-message_text">Было{card}, есть\x01</div>'
    post = parsed(body)
    assert (post.text.rstrip("\x01"), post.entities) == ("Было, есть", ())
    assert post.link_preview is not None


def test_two_spaces_between_two_words_in_bold_stay_two() -> None:
    body = '<div class="js-message_text"><b>раз</b>  <b>два</b></div>'
    assert parsed(body).text == "раз  два"


def test_a_class_said_twice_counts_once() -> None:
    body = '<span class="tgme_reaction tgme_reaction"><b>👍</b>7</span>'
    assert len(parsed(body).reactions) == 1


@pytest.mark.parametrize("number", ["0", "99999999999", "-5", "x", "1/2", "٣"])
def test_a_message_with_an_impossible_id_is_left_out(server: PreviewServer, number: str) -> None:
    body = server.page(None).replace("workshop/30", f"workshop/{number}")
    leaf = page(body)
    assert len(leaf.found) == 19
    assert not leaf.whole


def test_messages_that_get_lost_on_a_page_are_not_called_gone(
    server: PreviewServer, reader: Open
) -> None:
    archive = Archive()
    archive.pull(reader())
    server.messages[31] = message(31)
    wrap = '<div class="tgme_widget_message_wrap'
    server.rewrite = lambda page: f"<!--{wrap}".join(page.rsplit(wrap, 3))
    told = archive.pull(reader())
    assert 28 in ids(told)
    assert not {29, 30, 31} & set(ids(told))
    assert any("damaged" in one.text for one in told if isinstance(one, Note))
    assert not archive.gone
    server.rewrite = lambda page: page
    archive.pull(reader())
    assert 31 in archive.posts


def test_deep_nesting_costs_a_note_and_no_time(server: PreviewServer) -> None:
    deep = "<b>" * 5_000 + "x" + "</b>" * 5_000
    body = server.page(None).replace("Запись 30", deep)
    begin = time.process_time()
    leaf = page(body)
    assert time.process_time() - begin < 3
    assert not leaf.whole
    assert {one.post.id for one in leaf.found} <= set(range(11, 31))


def test_a_message_of_thousands_of_texts_takes_no_time() -> None:
    body = '<p class="js-message_text">Слово</p>' * 10_000
    begin = time.process_time()
    post = parsed(body)
    assert time.process_time() - begin < 5
    assert post.text == "\n\n".join(["Слово"] * 10_000)


def test_a_message_of_too_many_parts_is_left_out(server: PreviewServer) -> None:
    body = server.page(None).replace("Запись 30", "<i></i>" * 30_000)
    begin = time.process_time()
    leaf = page(body)
    assert time.process_time() - begin < 5
    assert [number for number, _ in leaf.unread] == [30]
    assert len(leaf.found) == 19


def test_a_style_of_a_megabyte_costs_no_time(server: PreviewServer) -> None:
    style = "background-image:url('" * 50_000
    body = server.page(None).replace(
        "Запись 30", f'<a class="tgme_widget_message_photo_wrap" style="{style}"></a>'
    )
    begin = time.process_time()
    assert page(body).found[-1].post.media[0].missing
    assert time.process_time() - begin < 3


def test_a_page_without_end_is_not_read_to_its_end(server: PreviewServer, reader: Open) -> None:
    server.fail(Fault(200, b"<html>" + b" " * (_web.PAGE + 1), Content_Type="text/html"))
    with pytest.raises(ReaderError, match="larger than 8 MB"):
        list(reader().read(Bounds()))


def test_a_compressed_bomb_is_not_unpacked(server: PreviewServer, reader: Open) -> None:
    import gzip

    bomb = gzip.compress(b" " * (_web.PAGE * 2))
    server.fail(Fault(200, bomb, Content_Type="text/html", Content_Encoding="gzip"))
    with pytest.raises(ReaderError, match="larger than 8 MB"):
        list(reader().read(Bounds()))


def test_bytes_gone_wrong_end_in_posts_or_in_a_sentence() -> None:
    body = (GOLDEN / "kinds.html").read_bytes()
    random = Random(5)
    outcomes = Counter[str]()
    for _ in range(12):
        data = bytearray(body)
        for _ in range(random.randint(1, 40)):
            at = random.randrange(len(data))
            data[at : at + random.randint(0, 30)] = random.randbytes(random.randint(0, 10))
        try:
            page(bytes(data))
        except CrosspostError as error:
            outcomes[str(error)[-1]] += 1
        else:
            outcomes["read"] += 1
    assert outcomes["read"]
    assert outcomes.keys() <= {"read", "."}


def test_a_poll_of_the_sample_says_what_was_asked() -> None:
    sample = json.loads((CHANNEL / "result.json").read_text("utf-8"))["messages"]
    with PreviewServer(one for one in sample if "poll" in one) as server:
        found = [one.post for one in page(server.page(None)).found]
    asked = [plain(one["poll"]["question"]) for one in sample if "poll" in one]
    assert [one.poll.question for one in found if one.poll] == asked
