"""The export reader: Desktop's files of every vintage, and what hostile hands make of them.

Golden pairs lie in ``golden/export``: an export, and beside it what the reader said about it, one
line a post. ``CROSSPOST_REWRITE_GOLDEN=1 pytest tests/test_export.py`` rewrites them.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from threading import Timer
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosspost.errors import ReaderError
from crosspost.markup import blocks, text_of
from crosspost.model import Media, Post, decode_post, encode
from crosspost.readers import Bounds, Checkpoint, Complete, Context, Gone, Note, Unsafe
from crosspost.readers import export as export_reader
from crosspost.readers.export import ExportReader, _messages, _reading, _records, _rich, _stream
from crosspost.readers.export._albums import LARGEST, Part, albums, join

GOLDEN = Path(__file__).parent / "golden" / "export"
FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is not here")


def reader(path: Path, suffix: str = "", **more: Any) -> ExportReader:
    context = Context(
        base=path.parent, cache=path.parent / "cache", timezone=more.pop("timezone", "Asia/Omsk")
    )
    return ExportReader.open(ExportReader.Settings(**more), path.name + suffix, context)


def message(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_746_000_000 + number * 60),
        "text": text or f"Запись {number}",
    } | more


def chat(messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    head = {"name": "Хлеб и соль", "type": "public_channel", "id": 1311303753}
    return head | more | {"messages": messages}


def export(folder: Path, content: Any, indent: int | None = 1) -> Path:
    """A folder with this ``result.json``."""
    folder.mkdir(exist_ok=True)
    text = content if isinstance(content, str) else dump(content, indent)
    (folder / "result.json").write_text(text, "utf-8")
    return folder


def dump(content: Any, indent: int | None = 1) -> str:
    return json.dumps(content, ensure_ascii=False, indent=indent)


def page(messages: str, title: str = "Хлеб и соль") -> str:
    return (
        '<!DOCTYPE html><html><body><div class="page_wrap"><div class="page_header">'
        f'<div class="content"><div class="text bold">\n{title} \n</div></div></div>'
        f'<div class="page_body chat_page"><div class="history">{messages}</div></div></div>'
        "</body></html>\n"
    )


def html_message(number: int, text: str, sender: str = "Хлеб и соль") -> str:
    return (
        f'<div class="message default clearfix" id="message{number}"><div class="body">'
        f'<div class="pull_right date details" title="01.05.2025 12:00:{number % 60:02}"></div>'
        f'<div class="from_name">\n{sender} \n</div><div class="text">\n{text}\n</div></div></div>'
    )


def ids(found: list[Any]) -> list[int]:
    return [one.id for one in found if isinstance(one, Post)]


def notes(found: list[Any]) -> list[str]:
    return [one.text for one in found if isinstance(one, Note)]


def of_kind(found: list[Any], kind: type) -> list[Any]:
    return [one for one in found if isinstance(one, kind)]


# --- What posts come out ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source", [*sorted(GOLDEN.glob("*.json")), GOLDEN / "html"], ids=lambda path: path.stem
)
def test_every_vintage_gives_the_posts_written_beside_it(source: Path) -> None:
    opened = reader(source)
    found = [opened.channel(), *(one for one in opened.changes(None))]
    lines = [msgspec.json.encode(one) for one in found if not isinstance(one, Checkpoint)]
    told = b"\n".join(lines).decode() + "\n"
    expected = GOLDEN / f"{source.stem}.posts.txt"
    if os.environ.get("CROSSPOST_REWRITE_GOLDEN"):
        expected.write_text(told, "utf-8")
    assert told == expected.read_text("utf-8")


def test_a_phone_number_is_kept_only_when_the_setting_says_so() -> None:
    kept = reader(GOLDEN / "special.json", phone_numbers=True)
    assert any(
        extra.value == "+7 000 000 00 00" for post in kept.read(Bounds(first_id=8, last_id=8))
        if isinstance(post, Post) for extra in post.extras
    )  # fmt: skip


@fixtures
@pytest.mark.parametrize("name", ["clansty/result.b76dfd83.json", "clansty/result.fd099dca.json"])
def test_every_message_of_a_real_channel_is_a_post_an_album_member_or_service(name: str) -> None:
    source = FIXTURES / name
    known = json.loads(source.read_text("utf-8"))["messages"]
    found = list(reader(source).changes(None))
    told = [number for post in of_kind(found, Post) for number in post.ids]
    assert told == [one["id"] for one in known if one["type"] != "service"]
    assert not notes(found)
    for one in known:
        text = "".join(piece["text"] for piece in one["text_entities"])
        post = next((post for post in of_kind(found, Post) if one["id"] in post.ids), None)
        assert post is None or text in post.text


@fixtures
@pytest.mark.parametrize(
    "source", sorted(FIXTURES.glob("frozenspider/*.json")), ids=lambda p: p.stem
)
def test_every_message_of_the_format_vectors_is_read(source: Path) -> None:
    manner = _records.Manner(zone=ZoneInfo("UTC"))
    for chat_ in json.loads(source.read_text("utf-8"))["chats"]["list"]:
        for one in chat_["messages"]:
            part = _messages.part(_records.decode(msgspec.json.encode(one)), manner, None)
            assert (part is None) == (one["type"] == "service")
            assert part is None or part.post.text or part.post.media or part.post.extras


@fixtures
def test_every_message_of_a_real_html_export_is_read(tmp_path: Path) -> None:
    for name in ("messages2.html", "messages3.html", "messages4.html"):
        (tmp_path / name).symlink_to(FIXTURES / "scox3" / name)
    found = list(reader(tmp_path, timezone="Europe/Moscow").changes(None))
    told = [number for post in of_kind(found, Post) for number in post.ids]
    raw = "".join((tmp_path / f"messages{n}.html").read_text("utf-8") for n in (2, 3, 4))
    assert len(told) == raw.count('<div class="message default')
    assert sum(len(post.media) for post in of_kind(found, Post)) == raw.count("media_wrap")
    assert notes(found) == ["Pages of the export are missing: messages.html"]
    assert not of_kind(found, Complete)
    assert all(post.text or post.media for post in of_kind(found, Post))


# --- Albums -------------------------------------------------------------------------------------

_parts = st.lists(
    st.builds(
        lambda gap, later, kind, caption, sender: (gap, later, kind, caption, sender),
        st.integers(1, 3),
        st.integers(0, 2),
        st.sampled_from(["photo", "photo", "video", "document", "audio", "voice", ""]),
        st.booleans(),
        st.sampled_from(["a", "a", "a", "b"]),
    ),
    max_size=60,
)


def _made(steps: list[tuple[int, int, str, bool, str]]) -> list[Part]:
    parts: list[Part] = []
    number, date = 0, datetime(2025, 5, 1, tzinfo=UTC)
    for gap, later, kind, caption, sender in steps:
        number, date = number + gap, date + timedelta(seconds=later)
        media = (Media(kind=kind, locator=f"{number}"),) if kind else ()  # type: ignore[arg-type]
        text = f"подпись {number}" if caption or not kind else ""
        parts.append(
            Part(Post(id=number, ids=(number,), date=date, text=text, media=media), sender)
        )
    return parts


@settings(max_examples=200, deadline=None)
@given(_parts)
def test_albums_keep_every_message_in_order_and_hold_what_albums_hold(
    steps: list[tuple[int, int, str, bool, str]],
) -> None:
    parts = _made(steps)
    groups = list(albums(parts))
    assert [part for group in groups for part in group] == parts
    for group in groups:
        assert len(group) <= LARGEST
        if len(group) == 1:
            continue
        posts = [part.post for part in group]
        kinds = {post.media[0].kind for post in posts}
        assert kinds <= {"photo", "video"} or len(kinds) == 1
        assert not kinds & {"voice"}
        assert sum(bool(post.text) for post in posts) <= 1
        assert {part.sender for part in group} == {group[0].sender}
        assert posts[-1].date - posts[0].date <= timedelta(seconds=1)
        assert all(one.id < other.id for one, other in pairwise(posts))


@settings(max_examples=100, deadline=None)
@given(_parts)
def test_a_joined_album_finds_each_caption_where_its_photo_says(
    steps: list[tuple[int, int, str, bool, str]],
) -> None:
    for group in albums(_made(steps)):
        post = join(group)
        assert post.ids == tuple(part.post.id for part in group)
        for part, media in zip(group, post.media, strict=False):
            if len(group) > 1 and media.caption:
                start, length = media.caption
                assert post.text[start : start + length] == part.post.text
            else:
                assert len(group) == 1 or not part.post.text


def test_bulk_posting_splits_at_tens_and_at_captions() -> None:
    bulk = _made([(1, 0, "photo", False, "a")] * 23)
    assert [len(group) for group in albums(bulk)] == [10, 10, 3]
    captioned = _made([(1, 0, "photo", number in (0, 2, 5), "a") for number in range(7)])
    assert [len(group) for group in albums(captioned)] == [2, 3, 2]


def test_an_album_stays_one_when_a_photo_of_it_was_deleted() -> None:
    rest = _made([(1, 0, "photo", False, "a"), (2, 0, "photo", True, "a")])
    assert [len(group) for group in albums(rest)] == [2]


# --- Rich messages ------------------------------------------------------------------------------


def rich_golden() -> list[Post]:
    return of_kind(list(reader(GOLDEN / "rich.json").changes(None)), Post)


def shown(post: Post) -> list[str]:
    """The text and what stands over it, in the form of ``golden/telegram/rich_blocks.txt``; which
    medium stands where depends on what else the message holds."""
    lines = [f"  | {line}" for line in post.text.split("\n")]
    for one in post.entities:
        words = post.text[one.offset : one.offset + one.length].replace("\n", "⏎")
        value = f" {one.value}" if one.value and one.type != "media" else ""
        attrs = "".join(f" {name}={told}" for name, told in one.attrs.items())
        lines.append(f"  {one.type} «{words}»{value}{attrs}")
    return lines + [f"  extra {one.kind}" for one in post.extras]


def test_a_rich_message_of_an_export_is_what_it_is_live() -> None:
    """Each message of ``rich.json`` that is signed with the name of a live block or text holds the
    same one. Desktop does not write whether a quotation is collapsed."""
    live: dict[str, list[str]] = {}
    for name in ("rich_blocks.txt", "rich_texts.txt"):
        for line in (GOLDEN.parent / "telegram" / name).read_text("utf-8").splitlines():
            if not line.startswith(" "):
                told = live[line] = []
            else:
                told.append(re.sub("(media «») .*", r"\1", line).removesuffix(" collapsed=true"))
    signed = {post.author_signature: shown(post) for post in rich_golden() if post.author_signature}
    assert signed == {name: live[name] for name in signed}
    assert live.keys() - signed.keys() == {"PageBlockKicker", "PageBlockSubtitle"}, (
        "both are headings to Desktop"
    )


def test_every_block_and_text_that_desktop_writes_is_among_the_golden_ones() -> None:
    met: set[str] = set()

    def walk(value: Any) -> None:
        for one in value.values() if isinstance(value, dict) else value:
            if isinstance(one, dict | list):
                walk(one)
            elif isinstance(value, dict) and value.get("type") == one:
                met.add(one)

    walk(json.loads((GOLDEN / "rich.json").read_text("utf-8")))
    assert _rich.ANY.keys() <= met


def test_a_rich_message_reaches_the_page_with_every_word() -> None:
    for post in rich_golden():
        html = blocks(post.text, post.entities)
        assert "".join(text_of(html).split()) == "".join(post.text.split())


def test_a_rich_message_is_no_part_of_an_album() -> None:
    found = {post.id: post for post in rich_golden()}
    assert all(len(post.ids) == 1 for post in found.values())
    one, other = (
        Part(msgspec.structs.replace(found[78], id=number, ids=(number,)), "") for number in (1, 2)
    )
    assert [len(group) for group in albums([one, other])] == [1, 1]


def nested(depth: int, make: Callable[[Any], Any], inner: Any) -> Any:
    for _ in range(depth):
        inner = make(inner)
    return inner


@pytest.mark.parametrize(
    "make",
    [
        lambda inner: {"type": "details", "title": "", "blocks": [inner]},
        lambda inner: {"type": "list", "items": [{"blocks": [inner]}]},
        lambda inner: {"type": "cover", "block": inner},
        lambda inner: {"type": "paragraph", "text": inner},
        lambda inner: {"type": "quote", "text": {"type": "bold", "text": inner}},
        lambda inner: {"type": "unheard", "of": [[inner]]},
        lambda inner: [inner],
    ],
    ids=["details", "list", "cover", "paragraph", "quote", "unknown", "brackets"],
)
@pytest.mark.parametrize("depth", [60, 200])
def test_absurdly_nested_blocks_keep_their_words(
    tmp_path: Path, depth: int, make: Callable[[Any], Any]
) -> None:
    deep = nested(depth, make, {"type": "plain", "text": "Сердце"})
    rich = {"blocks": [deep, {"type": "paragraph", "text": "После"}]}
    found = list(
        reader(export(tmp_path / "deep", chat([message(1, rich_message=rich)]))).changes(None)
    )
    (post,) = of_kind(found, Post)
    assert post.text.split() == ["Сердце", "После"]
    assert [one.kind for one in post.extras] == ["unsupported"]
    assert len(post.entities) < 200
    assert "Сердце" in text_of(blocks(post.text, post.entities))


def test_a_table_of_a_hundred_thousand_cells_costs_no_more_than_its_words(tmp_path: Path) -> None:
    table = {"type": "table", "rows": [{"cells": [{}] * 1000}] * 100}
    rich = {"blocks": [table, {"type": "paragraph", "text": {"type": "bold", "text": "После"}}]}
    opened = reader(export(tmp_path / "wide", chat([message(1, rich_message=rich)]), None))
    (post,) = of_kind(list(opened.changes(None)), Post)
    assert post.text.split() == ["После"]
    assert len(post.entities) == 20_000
    assert [one.kind for one in post.extras] == ["unsupported"]


def test_a_file_of_a_rich_message_is_kept_inside_the_export(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("тайна")
    rich = {"blocks": [{"type": "photo", "photo": "../secret", "photo_id": "1"}]}
    opened = reader(export(tmp_path / "out", chat([message(1, rich_message=rich)])))
    (post,) = of_kind(list(opened.changes(None)), Post)
    with pytest.raises(Unsafe):
        opened.fetch(post.media[0])


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5) | st.sampled_from(sorted(_rich.ANY)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            "type", "text", "blocks", "items", "caption", "title", "rows", "cells", "photo", "file",
            "photo_id", "document_id", "level", "start", "geo", "latitude", "longitude", "zoom",
            "block", "articles", "channel", "button", "buttons", "url", "poster_photo_id", "width",
        ]), inner, max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(_json, max_size=4))
@pytest.mark.slow
def test_blocks_of_any_form_end_in_a_post_that_can_be_kept(made: list[Any]) -> None:
    data = json.dumps(message(1, rich_message={"blocks": made})).encode()
    part = _messages.part(_records.mend(data), _records.Manner(zone=ZoneInfo("UTC")), None)
    assert part
    post = part.post
    assert decode_post(encode(post)) == post
    assert all(
        0 <= one.offset <= one.offset + one.length <= len(post.text) for one in post.entities
    )
    assert all(int(one.value) < len(post.media) for one in post.entities if one.type == "media")
    blocks(post.text, post.entities)


# --- The stream ---------------------------------------------------------------------------------

_texts = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ['"', "\\", '\\"', "{", "}]", '\n  }\n  ,{"id":', "👩‍🍳", "\u2028"]
)


@settings(max_examples=100, deadline=None)
@given(
    texts=st.lists(_texts, max_size=8),
    indent=st.sampled_from([None, 0, 1, 4]),
    sort=st.booleans(),
    chunk=st.integers(1, 50),
)
def test_any_layout_of_the_same_json_gives_the_same_posts(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    indent: int | None,
    sort: bool,
    chunk: int,
) -> None:
    folder = tmp_path_factory.mktemp("layout")
    content = chat([message(number, text) for number, text in enumerate(texts, 1)])
    written = json.dumps(content, ensure_ascii=False, indent=indent, sort_keys=sort)
    export(folder, written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream, "CHUNK", chunk)
        found = list(reader(folder).changes(None))
    posts = of_kind(found, Post)
    assert [post.text for post in posts] == [one["text"] for one in content["messages"]]
    assert not notes(found)
    assert len(of_kind(found, Complete)) == bool(texts)


def streamed(data: bytes, *ways: Callable[[bytes], Any]) -> Iterator[Any]:
    """The messages of the first chat in ``data``, and where it breaks off."""
    window = _stream.Window(BytesIO(data), data.index(b'"messages": [') + 13)
    try:
        yield from _stream.messages(window, *ways)
    except _stream.Damaged as damage:
        yield damage.at, str(damage)


def never(data: bytes) -> Any:
    raise ValueError(f"{len(data)} bytes may not be read in this way")


@pytest.mark.parametrize("chunk", [300, 10_000])
@pytest.mark.parametrize("chats", [1, 2])
@pytest.mark.parametrize(
    "noise", [b"}", b'"', b"]", b"\n    }", b",", b"\\x0b", b"\xff", b"[" * 5000]
)
def test_messages_read_at_one_stroke_are_those_read_one_by_one(
    monkeypatch: pytest.MonkeyPatch, noise: bytes, chats: int, chunk: int
) -> None:
    """Also where there is noise among them, and with another chat's behind them."""
    monkeypatch.setattr(_stream, "CHUNK", chunk)
    found = [chat([message(number) for number in range(at, at + 4)]) for at in (1, 7)[:chats]]
    whole = dump({"chats": found}).encode()
    singly = (_records.decode, _records.mend)
    for at in range(whole.index(b'"messages": [') + 13, len(whole), 7):
        data = whole[:at] + noise + whole[at:]
        together = [*streamed(data, _records.decode_all, *singly)]
        assert together == [*streamed(data, never, *singly)], at


def test_all_messages_in_memory_are_read_at_one_stroke() -> None:
    whole = dump(chat([message(number) for number in range(1, 9)])).encode()
    found = [*streamed(whole, _records.decode_all, never, never)]
    assert [one.id for one in found] == [*range(1, 9)]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_broken_tail_gives_the_posts_before_it_and_says_where(
    tmp_path: Path, indent: int | None
) -> None:
    whole = dump(chat([message(number) for number in range(1, 6)]), indent)
    begin = whole.index('"messages"')
    for cut in range(begin + 14, len(whole) - 4, 7):
        folder = export(tmp_path / "cut", whole[:cut])
        found = list(reader(folder).changes(None))
        complete = sum(whole[:cut].count(f'Запись {number}"') for number in range(1, 6))
        assert len(ids(found)) in (complete, complete - 1)
        (note,) = notes(found)
        assert "damaged at byte" in note
        assert "export the channel again" in note
        assert not of_kind(found, Complete)
        assert isinstance(found[-1], Checkpoint)


def test_one_message_that_is_no_json_costs_only_itself(tmp_path: Path) -> None:
    written = dump(chat([message(number) for number in range(1, 6)]))
    written = written.replace("Запись 3", 'Запись "3')
    found = list(reader(export(tmp_path / "one", written)).changes(None))
    assert ids(found) == [1, 2, 4, 5]
    (note,) = notes(found)
    at = written[: written.index('"id": 3')].rindex("{")
    assert f"byte {len(written[:at].encode())} of result.json" in note
    assert not of_kind(found, Complete)


READ: Final = """
import re, sys
from pathlib import Path
from crosspost.readers import Context
from crosspost.readers.export import ExportReader

path = Path(sys.argv[1])
context = Context(base=path.parent, cache=path.parent)
for one in ExportReader.open(ExportReader.Settings(), path.name, context).changes(None):
    told = getattr(one, "id", None) or getattr(one, "text", None)
    if told:
        print(told)
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def read_apart(folder: Path) -> tuple[list[str], int]:
    """The ids and notes that a process of its own reads, and the most megabytes it took."""
    command = [sys.executable, "-c", READ, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *told, kilobytes = done.stdout.splitlines()
    return told, int(kilobytes) // 1024


@pytest.mark.parametrize("indent", [None, 1])
def test_an_enormous_message_costs_only_itself_and_no_memory(
    tmp_path: Path, indent: int | None
) -> None:
    many = chat([message(1), message(2, "Я" * 20_000_000), message(3)])
    folder = export(tmp_path / "large", many, indent)
    del many
    told, megabytes = read_apart(folder)
    assert told[:2] == ["1", "3"]
    assert "larger than 4 MB" in told[2]
    assert megabytes < 120


@pytest.mark.parametrize("depth", [500, 100_000])
@pytest.mark.parametrize("field", ["text", "poll", "unknown"])
def test_absurd_nesting_costs_at_most_its_message(tmp_path: Path, depth: int, field: str) -> None:
    nested = "[" * depth + "]" * depth
    written = dump(chat([message(1), message(2, **{field: "NEST"}), message(3)]))
    found = list(reader(export(tmp_path / "deep", written.replace('"NEST"', nested))).changes(None))
    assert {1, 3} <= set(ids(found))
    assert len(ids(found)) + len(notes(found)) == 3


def test_a_flood_of_bad_messages_is_told_in_few_words(tmp_path: Path) -> None:
    many = [{"id": "x", "type": "message", "text": "."}] * 1000 + [message(7)]
    found = list(reader(export(tmp_path / "flood", chat(many))).changes(None))
    assert ids(found) == [7]
    assert len(notes(found)) == 101
    assert notes(found)[-1] == "900 more things like these were met"


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_bytes_changed_anywhere_end_in_posts_notes_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    source = data.draw(st.sampled_from([*sorted(GOLDEN.glob("*.json")), *GOLDEN.glob("html/*")]))
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=5))
    changed = tmp_path_factory.mktemp("changed") / source.name
    changed.write_bytes(content)
    with contextlib.suppress(ReaderError):
        found = list(reader(changed).changes(None))
        assert isinstance(found[-1], Checkpoint)
        assert all(0 < one.id <= one.ids[-1] and one.date.tzinfo for one in of_kind(found, Post))


@pytest.mark.slow
def test_a_million_messages_are_read_within_200_megabytes(tmp_path: Path) -> None:
    folder = tmp_path / "million"
    folder.mkdir()
    with (folder / "result.json").open("w", encoding="utf-8") as file:
        head, tail = dump(chat([])).split("[]")
        file.write(head + "[")
        for number in range(1_000_000):
            text = dump(message(number + 1, "слово " * 40)).replace("\n", "\n  ")
            file.write((",\n  " if number else "\n  ") + text)
        file.write("\n ]" + tail)
    told, megabytes = read_apart(folder)
    assert len(told) == 1_000_000
    assert megabytes < 200


# --- The contract -------------------------------------------------------------------------------


def test_an_unchanged_export_is_not_even_opened(tmp_path: Path) -> None:
    folder = export(tmp_path / "same", chat([message(1)]))
    cursor = list(reader(folder).changes(None))[-1].cursor
    file = folder / "result.json"
    before = file.stat()
    file.write_text("x" * before.st_size)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(reader(folder).changes(cursor)) == []
    file.write_text(dump(chat([message(1), message(2)])), "utf-8")
    assert ids(list(reader(folder).changes(cursor))) == [1, 2]


def test_a_complete_pass_names_the_range_it_covers_before_its_checkpoint(tmp_path: Path) -> None:
    found = list(reader(export(tmp_path / "x", chat([message(3), message(9)]))).changes(None))
    assert found[-2] == Complete(first=3, last=9)
    assert isinstance(found[-1], Checkpoint)


def test_an_export_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    folder = export(tmp_path / "x", chat([message(1), message(2)]))
    changes = reader(folder).changes(None)
    next(changes)
    export(folder, chat([message(1), message(2), message(3)]))
    *_, note, checkpoint = changes
    assert "was changed while it was read" in note.text
    assert ids(list(reader(folder).changes(checkpoint.cursor))) == [1, 2, 3]


def test_another_time_zone_in_the_config_reads_the_export_again(tmp_path: Path) -> None:
    folder = export(tmp_path / "x", chat([message(1)]))
    cursor = list(reader(folder).changes(None))[-1].cursor
    assert list(reader(folder, timezone="Europe/Moscow").changes(cursor))


def test_reading_newest_first_gives_the_same_posts_in_reverse(tmp_path: Path) -> None:
    folder = export(tmp_path / "x", chat([message(number) for number in range(1, 30)]))
    opened = reader(folder)
    forward = list(opened.read(Bounds(first_id=5, last_id=20)))
    assert ids(forward) == list(range(5, 21))
    assert list(opened.read(Bounds(first_id=5, last_id=20), newest_first=True)) == forward[::-1]
    assert not list((tmp_path / "cache").iterdir())


def test_the_doorbell_rings_when_the_export_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_reader, "_STEP", 0.02)
    folder = export(tmp_path / "x", chat([message(1)]))
    opened = reader(folder)
    assert opened.wait(0.01) is False
    timer = Timer(0.1, lambda: export(folder, chat([message(1), message(2)])))
    timer.start()
    begin = time.monotonic()
    assert opened.wait(10) is True
    assert time.monotonic() - begin < 5
    timer.join()


def test_one_channel_of_a_whole_accounts_export_is_chosen_by_its_id(tmp_path: Path) -> None:
    one, two = chat([message(1)], id=11, name="Один"), chat([message(2)], id=22, name="Два")
    person = chat([message(3)], id=33, name="Ада", type="personal_chat")
    account = {"about": "…", "chats": {"list": [person, one]}, "left_chats": {"list": [two]}}
    folder = export(tmp_path / "account", account)
    opened = reader(folder, "#22")
    assert opened.channel().title == "Два"
    assert ids(list(opened.changes(None))) == [2]
    with pytest.raises(ReaderError, match=r"append #<id>.*«Один» #11, «Два» #22"):
        reader(folder).channel()
    with pytest.raises(ReaderError, match="holds no channel 33"):
        reader(folder, "#33").channel()


# --- Files --------------------------------------------------------------------------------------

HOSTILE = [
    "../secret.txt",
    "photos/../../secret.txt",
    "/etc/passwd",
    "C:/secret.txt",
    "C:secret.txt",
    "..\\secret.txt",
    "photos\\1.jpg",
    "\\\\host\\share",
    "photos/1.jpg\0.png",
    "a" * 5000,
    "link.jpg",
    "linked/secret.txt",
    "photos",
    "pipe",
    "",
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    folder = export(tmp_path / "files", chat([message(1)]))
    (folder / "photos").mkdir()
    (folder / "photos" / "1.jpg").write_bytes(b"photo")
    (folder / "link.jpg").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize("locator", HOSTILE, ids=lambda one: repr(one[:20]))
def test_a_path_that_leaves_the_export_is_refused(files: Path, locator: str) -> None:
    with pytest.raises(Unsafe) as refusal:
        reader(files).fetch(Media(kind="photo", locator=locator))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


def test_a_file_of_the_export_is_handed_out_where_it_lies(files: Path) -> None:
    found = reader(files).fetch(Media(kind="photo", locator="photos/1.jpg"))
    assert found == (files / "photos" / "1.jpg").resolve()


def test_a_file_that_is_not_there_is_gone_and_one_left_out_says_why(files: Path) -> None:
    with pytest.raises(Gone, match=r"«photos/2\.jpg» is not in the export"):
        reader(files).fetch(Media(kind="photo", locator="photos/2.jpg"))
    with pytest.raises(Gone, match="it was not included"):
        reader(files).fetch(Media(kind="photo", locator="1/0", missing="it was not included"))


def packed(path: Path, members: dict[str, str | bytes], prefix: str = "ChatExport/") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(prefix + name, content)
    return path


def test_a_file_above_the_blogs_limit_stays_in_telegram(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{}")
    (tmp_path / "clip.mp4").write_bytes(b"x" * 11)
    limited = Context(base=tmp_path, cache=tmp_path / "cache", max_media=10)
    made = ExportReader.open(ExportReader.Settings(), str(tmp_path), limited)
    with pytest.raises(Gone, match="the setting max_media"):
        made.fetch(Media(kind="video", locator="clip.mp4"))


@pytest.mark.parametrize("prefix", ["", "ChatExport/", "a/b/"])
def test_a_zip_gives_the_same_posts_and_files_as_its_folder(tmp_path: Path, prefix: str) -> None:
    content = dump(chat([message(1, photo="photos/1.jpg"), message(2)]))
    folder = export(tmp_path / "folder", content)
    archive = packed(
        tmp_path / "export.zip", {"result.json": content, "photos/1.jpg": b"photo"}, prefix
    )
    opened = reader(archive)
    found = list(opened.changes(None))
    assert found[:-1] == list(reader(folder).changes(None))[:-1]
    assert list(opened.changes(found[-1].cursor)) == []
    file = opened.fetch(found[0].media[0])
    assert file.read_bytes() == b"photo"
    assert file.parent == tmp_path / "cache"
    assert file.suffix == ".jpg"
    assert opened.fetch(found[0].media[0]) == file
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert [one.id for one in opened.read(Bounds(), newest_first=True)] == [2, 1]
    opened.close()


def test_a_zip_keeps_what_is_hostile_inside(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("ChatExport/link.jpg")
    link.external_attr = 0o120777 << 16
    archive = packed(
        tmp_path / "x.zip",
        {"result.json": dump(chat([message(1)])), "bomb.png": b"\0" * 50_000_000},
    )
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(link, "/etc/passwd")
        file.writestr("secret.txt", "secret")
    opened = reader(archive)
    for locator, why in [
        ("bomb.png", "would grow enormously"),
        ("link.jpg", "is a link"),
        ("../secret.txt", "leads out of"),
        ("/ChatExport/link.jpg", "leads out of"),
    ]:
        with pytest.raises(Unsafe, match=why):
            opened.fetch(Media(kind="photo", locator=locator))
    with pytest.raises(Gone):
        opened.fetch(Media(kind="photo", locator="photos/none.jpg"))
    assert not (tmp_path / "cache").exists()
    opened.close()


def test_a_damaged_file_in_a_zip_is_gone_and_leaves_nothing_behind(tmp_path: Path) -> None:
    noise = os.urandom(5000)
    archive = packed(
        tmp_path / "x.zip", {"result.json": dump(chat([message(1)])), "photos/1.jpg": noise}
    )
    data = archive.read_bytes()
    archive.write_bytes(data.replace(noise[1000:1100], bytes(100)))
    opened = reader(archive)
    with pytest.raises(Gone, match="damaged"):
        opened.fetch(Media(kind="photo", locator="photos/1.jpg"))
    assert not list((tmp_path / "cache").iterdir())
    opened.close()


# --- HTML ---------------------------------------------------------------------------------------


def test_a_page_that_breaks_off_gives_its_whole_messages(tmp_path: Path) -> None:
    whole = page("".join(html_message(number, "Текст") for number in range(1, 5)))
    (tmp_path / "messages.html").write_text(whole[: whole.index("message4") + 150], "utf-8")
    (tmp_path / "messages2.html").write_text(page(html_message(9, "Дальше")), "utf-8")
    found = list(reader(tmp_path / "messages.html").changes(None))
    assert ids(found) == [1, 2, 3, 9]
    assert "messages.html is damaged at byte" in notes(found)[0]
    assert not of_kind(found, Complete)


def test_pages_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(1, 12):
        name = f"messages{number if number > 1 else ''}.html"
        (tmp_path / name).write_text(page(html_message(number, "Текст")), "utf-8")
    assert ids(list(reader(tmp_path).changes(None))) == list(range(1, 12))
    assert ids(list(reader(tmp_path / "messages3.html").changes(None))) == [3]


@pytest.mark.parametrize("chunk", [7, 1000])
def test_an_enormous_or_deep_html_message_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(_stream, "CHUNK", chunk)
    monkeypatch.setattr(_stream, "MESSAGE_LIMIT", 20_000)
    deep = "<b>" * 3000 + "дно" + "</b>" * 3000
    texts = ["Первое", "Я" * 20_000, deep, "Последнее"]
    content = page("".join(html_message(number, text) for number, text in enumerate(texts, 1)))
    (tmp_path / "messages.html").write_text(content, "utf-8")
    found = list(reader(tmp_path).changes(None))
    assert ids(found)[0] == 1
    assert ids(found)[-1] == 4
    assert 2 not in ids(found)
    assert len(ids(found)) + len(notes(found)) == 4


def test_a_chat_of_several_people_is_no_channel(tmp_path: Path) -> None:
    both = html_message(1, "Привет", "Ада") + html_message(2, "И тебе", "Борис")
    (tmp_path / "messages.html").write_text(page(both, title="Ада"), "utf-8")
    with pytest.raises(ReaderError, match=r"messages of others than «Ада» \(Борис\)"):
        list(reader(tmp_path).changes(None))


def test_a_stranger_far_down_a_page_is_left_out_with_what_he_goes_on_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_reading, "_HEAD", 600)
    joined = html_message(3, "Ещё").replace('clearfix"', 'clearfix joined"', 1)
    joined = joined.replace('<div class="from_name">\nХлеб и соль \n</div>', "")
    content = html_message(1, "Текст") + html_message(2, "Чужое", "Борис") + joined
    (tmp_path / "messages.html").write_text(page(content), "utf-8")
    found = list(reader(tmp_path).changes(None))
    assert ids(found) == [1]
    assert [one.post_id for one in of_kind(found, Note)] == [2, 3]


def test_files_of_a_chat_in_a_whole_accounts_html_export_are_found(tmp_path: Path) -> None:
    chat_folder = tmp_path / "chats" / "chat_1"
    (chat_folder / "photos").mkdir(parents=True)
    (chat_folder / "photos" / "1.jpg").write_bytes(b"photo")
    (tmp_path / "export_results.html").write_text("<html></html>")
    wrap = (
        '</div><div class="media_wrap clearfix"><a class="photo_wrap clearfix pull_left" '
        'href="../../chats/chat_1/photos/1.jpg"></a></div><div>'
    )
    (chat_folder / "messages.html").write_text(page(html_message(1, wrap)), "utf-8")
    opened = reader(chat_folder)
    (post,) = of_kind(list(opened.changes(None)), Post)
    assert opened.fetch(post.media[0]).read_bytes() == b"photo"


# --- Clear words --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is no Telegram export"),
        ("not json", "is no Telegram export"),
        ("[]", "is no Telegram export"),
        ("{}", "is no Telegram export"),
        ('{"a": {"messages": []}}', "is no Telegram export"),
        ('{"name": "x", "typ', "is damaged at byte"),
        (chat([], type="personal_chat"), "is the export of a personal chat, not of a channel"),
        (chat([], type="private_supergroup"), "is the export of a private supergroup"),
        ({"chats": {"list": []}}, "holds no channel"),
    ],
)
def test_what_is_no_channels_export_is_named_with_its_remedy(
    tmp_path: Path, content: Any, says: str
) -> None:
    folder = export(tmp_path / "wrong", content)
    with pytest.raises(ReaderError, match=says) as error:
        list(reader(folder).changes(None))
    assert str(folder / "result.json") in str(error.value)
    assert ":" in str(error.value)


def test_a_path_that_leads_to_no_export_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="there is no export at"):
        reader(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReaderError, match=r"neither result\.json nor messages\.html"):
        reader(tmp_path / "empty").channel()
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ReaderError, match="is no Telegram export"):
        reader(tmp_path / "a.txt")
    (tmp_path / "messages.html").write_text("<html><body>Hello</body></html>")
    with pytest.raises(ReaderError, match="is no page of a Telegram export"):
        reader(tmp_path / "messages.html").channel()
    (tmp_path / "a.zip").write_bytes(b"x")
    with pytest.raises(ReaderError, match="is no zip file"):
        reader(tmp_path / "a.zip").channel()
    packed(tmp_path / "b.zip", {"one/result.json": "{}", "two/result.json": "{}"})
    with pytest.raises(ReaderError, match="holds several exports"):
        reader(tmp_path / "b.zip").channel()
