"""Ten thousand damaged inputs for each reader: none of them ends in a traceback, takes more than a
moment or keeps memory; what stands beside the damage is read.

The inputs are made of the sample channel and of the golden pages by a mutator with a seed, which
is named when one of them fails: ``CROSSPOST_SEED=<seed> pytest -m '' tests/test_fuzz.py`` plays
that one alone.
"""

import copy
import json
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from blogs import Blog

from crosspost.errors import ReaderError
from crosspost.markup import blocks
from crosspost.model import Post, decode_post, encode
from crosspost.readers import FIRST_MOMENT, LAST_MOMENT, Context, Note
from crosspost.readers.export import ExportReader
from crosspost.readers.preview import _page, _web

CHANNEL = Path(__file__).parents[1] / "examples" / "channel"
GOLDEN = Path(__file__).parent / "golden"
INPUTS = 10_000
LONGEST = 3.0
"""Seconds for one input, on a busy machine."""
GROWTH = 120 * 2**20
"""Bytes that the process may grow over all inputs of a reader."""
START = 1_700_000_000

ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**31, -(2**31), 2**53 + 1, 2**63, 2**64, -(2**70), 10**400),
    *(0.5, -1e308, 1e-300, float("nan"), float("inf"), float("-inf")),
    *("", " ", "\n", "\x00", "0", "-1", "1e9", "9" * 400, "null", "true", "\ud83d", "\udc00"),
    *("\u202e", "\ufeff", "\u2028", "👨‍👩‍👧‍👦" * 30, "é" * 200, "а" * 20_000),
    *("../../etc/passwd", "/", "C:\\x", "javascript:alert(1)", "https://[::1", "http://\x00/"),
    *("<script>", "</div>", "&#0;&#xD800;&bogus;", "]]>", "{{ 7*7 }}", "%s%n", "\\u0000"),
    *("1970-01-01T00:00:00", "9999-12-31T23:59:59", "2025-02-30T25:61:00", "0000-00-00"),
    *([], {}, [[]], [{}], {"": ""}, [None] * 50, [[[[[[[[]]]]]]]], {"type": "link"}),
]
BITS: list[bytes] = [
    *(b"\x00", b"\xff", b"\xfe\xff", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\r"),
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"'", b"<", b">", b"</", b"/>", b"&", b"="),
    *(b"<!--", b"-->", b"<![CDATA[", b"<div>", b"</div>" * 9, b"<script>", b"<table>", b"<p"),
    *(b"&#x110000;", b"&amp" * 50, b'class="', b' data-post="', b'datetime="', b"9" * 400),
    *(b"NaN", b"[" * 3000, b"<b>" * 300, b"\x1b", b"-"),
]


def seeds() -> Iterator[int]:
    given = os.environ.get("CROSSPOST_SEED")
    return iter([int(given)]) if given else iter(range(INPUTS))


def size() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def each_of(attempt: Callable[[random.Random], None]) -> None:
    """``attempt`` with each seed; a failure names its seed."""

    def too_long(*_: object) -> None:
        raise AssertionError("it never ends")

    before, warm = 0, 500
    old = signal.signal(signal.SIGALRM, too_long)
    try:
        for seed in seeds():
            signal.setitimer(signal.ITIMER_REAL, 20)
            begun = time.process_time()
            try:
                attempt(random.Random(seed))
            except BaseException as error:
                error.add_note(f"CROSSPOST_SEED={seed}")
                raise
            took = time.process_time() - begun
            assert took < LONGEST, f"CROSSPOST_SEED={seed}: {took:.1f} s"
            if seed == warm:
                before = size()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert not before or size() - before < GROWTH, f"{(size() - before) / 2**20:.0f} MB more"


def sound(post: Post) -> None:
    """A post that the ledger and all behind it can go on with."""
    assert decode_post(encode(post)) == post
    assert FIRST_MOMENT <= post.date <= LAST_MOMENT
    assert 0 < min(post.ids) <= post.id < 2**63
    assert post.text.encode() is not None, "no half of a character"
    blocks(post.text, post.entities)


# --- Mutators -----------------------------------------------------------------------------------


def places(value: Any, deep: int = 30) -> Iterator[tuple[Any, Any]]:
    """Every place in a tree of JSON where something stands: what holds it, and its key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list) and deep:
            yield from places(inner, deep - 1)


def bend(tree: Any, dice: random.Random) -> None:
    """Changes a few places of a tree: other values, keys that go, come or are another's."""
    for _ in range(dice.choice([1, 1, 2, 3, 8])):
        found = list(places(tree))
        if not found:
            return
        holder, key = dice.choice(found)
        what = dice.randrange(6)
        if what == 0:
            del holder[key]
        elif what == 1:
            other, name = dice.choice(found)
            with suppress(KeyError, IndexError):  # it may be gone already
                holder[key] = copy.deepcopy(other[name])
        elif what == 2:
            holder[key] = [holder[key]]
        elif what == 3 and isinstance(holder, list):
            holder[key:key] = [holder[key]] * dice.choice([1, 2, 40])
        elif what == 4:
            inner: Any = holder[key]
            for _ in range(dice.choice([5, 30, 90])):
                inner = {"text": inner} if dice.random() < 0.5 else [inner]
            holder[key] = inner
        else:
            holder[key] = copy.deepcopy(dice.choice(ODD))


def scratch(data: bytes, dice: random.Random) -> bytes:
    """Changes some bytes: flipped, taken out, put in, moved, cut off."""
    made = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 4, 16])):
        at = dice.randrange(len(made) + 1)
        to = min(at + dice.choice([1, 2, 8, 60, 700]), len(made))
        what = dice.randrange(6)
        if what == 0 and at < len(made):
            made[at] ^= 1 << dice.randrange(8)
        elif what == 1:
            del made[at:to]
        elif what == 2:
            made[at:at] = dice.choice(BITS)
        elif what == 3:
            piece = made[at:to]
            there = dice.randrange(len(made) + 1)
            made[there:there] = piece * dice.choice([1, 1, 3, 30])
        elif what == 4:
            made[at:to] = dice.randbytes(to - at)
        elif dice.random() < 0.3:
            del made[at:]
    return bytes(made)


# --- Exports ------------------------------------------------------------------------------------

MESSAGES: list[dict[str, Any]] = json.loads((CHANNEL / "result.json").read_text("utf-8"))[
    "messages"
]


def well(number: int) -> dict[str, Any]:
    """A message that nothing is wrong with."""
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(START + number),
        "text": f"Цело {number}",
        "text_entities": [{"type": "plain", "text": f"Цело {number}"}],
    }


FIRST, LAST = 11, 100_000_007


def exported(path: Path, data: bytes) -> list[Any]:
    path.write_bytes(data)
    context = Context(base=path.parent, cache=path.parent / "cache", timezone="Asia/Omsk")
    reader = ExportReader.open(ExportReader.Settings(), path.name, context)
    try:
        found = list(reader.changes(None))
        channel = reader.channel()
        assert -(2**63) <= channel.id < 2**63
        assert channel.title.encode() is not None
    finally:
        reader.close()
    for one in found:
        if isinstance(one, Post):
            sound(one)
    return found


def bent_export(path: Path, dice: random.Random) -> None:
    """Messages of any form between two that are well; sometimes the channel's head too."""
    chosen = copy.deepcopy(dice.sample(MESSAGES, dice.choice([1, 1, 2, 4])))
    bend(chosen, dice)
    whole = {"name": "М", "type": "public_channel", "id": 4_900_000_017}
    if headed := dice.random() < 0.1:
        bend(whole, dice)
    messages = {"messages": [well(FIRST), *chosen, well(LAST)]}
    text = json.dumps(
        whole | messages, indent=dice.choice([None, 1]), ensure_ascii=dice.random() < 0.5
    )
    try:
        found = exported(path, text.encode("utf-8", "surrogatepass"))
    except ReaderError:
        assert headed
        return
    texts = [one.text for one in found if isinstance(one, Post)]
    lost = any(isinstance(one, Note) and one.lost for one in found)
    assert f"Цело {FIRST}" in texts or headed
    assert f"Цело {LAST}" in texts or lost or headed, "what is not read is said"


def scratched_export(path: Path, dice: random.Random) -> None:
    """Bytes that are broken after the first message."""
    chosen = [well(FIRST), *dice.sample(MESSAGES, 2), well(LAST)]
    whole = {"name": "М", "type": "public_channel", "id": 4_900_000_017, "messages": chosen}
    data = json.dumps(whole, indent=1, ensure_ascii=False).encode()
    border = data.index(b"}", data.index("Цело".encode())) + 25
    found = exported(path, data[:border] + scratch(data[border:], dice))
    assert any(isinstance(one, Post) and one.text == f"Цело {FIRST}" for one in found)


@pytest.mark.slow
def test_ten_thousand_damaged_exports_in_json(tmp_path: Path) -> None:
    def attempt(dice: random.Random) -> None:
        dice.choice([bent_export, scratched_export])(tmp_path / "result.json", dice)

    each_of(attempt)


@pytest.mark.parametrize(
    "path", sorted((GOLDEN / "crafted").glob("*.json")), ids=lambda one: one.stem
)
def test_a_crafted_export_is_read_and_what_is_well_in_it_too(path: Path, tmp_path: Path) -> None:
    """What once went wrong, and what might; add a file and it is tried."""
    found = exported(tmp_path / "result.json", path.read_bytes())
    texts = [one.text for one in found if isinstance(one, Post)]
    assert {"Цело 11", "Цело 99"} <= set(texts)


def pieces(page: str, mark: str) -> tuple[str, list[str], str]:
    """A page's beginning, its messages, and its end."""
    head, *found = page.split(mark)
    last, close, tail = found[-1].rpartition("</div>")
    return head, [mark + one for one in [*found[:-1], last]], close + tail


@pytest.mark.slow
def test_ten_thousand_damaged_exports_in_html(tmp_path: Path) -> None:
    page = (GOLDEN / "export" / "html" / "messages2.html").read_text("utf-8")
    head, found, tail = pieces(page, '<div class="message ')

    def attempt(dice: random.Random) -> None:
        chosen = "".join(dice.sample(found, 3)) + tail
        damaged = (head + chosen).encode() if dice.random() < 0.2 else chosen.encode()
        before = b"" if damaged.startswith(head.encode()) else head.encode()
        try:
            exported(tmp_path / "messages.html", before + scratch(damaged, dice))
        except ReaderError as error:
            told = str(error)
            assert "messages.html" in told or not before, told

    each_of(attempt)


# --- The preview's page -------------------------------------------------------------------------

WRAP = '<div class="tgme_widget_message_wrap'
HEALTHY = (
    f'{WRAP} js-widget_message_wrap"><div class="tgme_widget_message js-widget_message" '
    'data-post="Workshop/7"><div class="tgme_widget_message_bubble">'
    '<div class="tgme_widget_message_text js-message_text" dir="auto">Цело</div>'
    '<a class="tgme_widget_message_date" href="https://t.me/Workshop/7">'
    '<time datetime="2026-03-01T09:00:00+00:00" class="time">09:00</time></a></div></div></div>\n'
)


@pytest.mark.slow
def test_ten_thousand_damaged_preview_pages() -> None:
    page = (GOLDEN / "preview" / "kinds.html").read_text("utf-8")
    head, found, tail = pieces(page, WRAP)
    url, read = "https://t.me/s/Workshop", [0]
    before = (head + HEALTHY).encode()

    def attempt(dice: random.Random) -> None:
        damaged = "".join(dice.sample(found, 2)) + tail
        if everything := dice.random() < 0.1:
            data = scratch(before + damaged.encode(), dice)
        else:
            data = before + scratch(damaged.encode(), dice)
        try:
            leaf = _page.leaf(_web.Page(url, 200, data), url, "Workshop")
        except ReaderError as error:
            assert "orkshop" in str(error)  # noqa: PT017
            return
        for one in leaf.found:
            sound(one.post)
        assert leaf.mark
        whole = [one.post for one in leaf.found if one.post.id == 7]
        read[0] += bool(whole)
        assert everything or not leaf.whole or whole

    each_of(attempt)
    assert read[0] > INPUTS * 0.7 or os.environ.get("CROSSPOST_SEED")


# --- What Telegram answers ----------------------------------------------------------------------


def told() -> list[Any]:
    """The sample channel's messages as Telegram has them, out of their own bytes."""
    from telegram_server.sample import fill
    from telegram_server.world import World

    channel = World().channel("Мастерская", "workshop", id=4_900_000_017)
    fill(channel, CHANNEL)
    return [one for one in channel.messages.values() if type(one).__name__ == "Message"]


NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 65_536, 10]
WORDS = [
    "",
    " ",
    "\n" * 50,
    "\x00",
    "<script>",
    "😀" * 99,
    "я" * 9000,
    "\u202e",
    "javascript:x",
    "@",
]


def twist(thing: Any, dice: random.Random, others: list[Any]) -> None:
    """Changes a field of a TL object, however deep: another value, another object, nothing."""
    at = thing
    for _ in range(dice.randrange(6)):
        held = [
            one
            for value in vars(at).values()
            for one in (value if isinstance(value, list) else [value])
        ]
        inner = [one for one in held if hasattr(one, "CONSTRUCTOR_ID")]
        if not inner:
            break
        at = dice.choice(inner)
    names = [name for name in vars(at) if at is not thing or name not in ("id", "date")]
    if not names:
        return
    name = dice.choice(names)
    value = vars(at)[name]
    if isinstance(value, bool) or value is None or dice.random() < 0.2:
        made: Any = dice.choice(
            [None, True, dice.choice(NUMBERS), dice.choice(WORDS), dice.choice(others)]
        )
    elif isinstance(value, int):
        made = dice.choice(NUMBERS)
    elif isinstance(value, str):
        made = dice.choice(WORDS)
    elif isinstance(value, list):
        made = dice.choice([[], value * 30, [dice.choice(others)], value[1:]])
    else:
        made = dice.choice([None, b"", datetime(1970, 1, 1, tzinfo=UTC), dice.choice(others)])
    vars(at)[name] = copy.deepcopy(made)


def twisted(data: bytes, dice: random.Random, others: list[Any]) -> Any:
    """The message in ``data`` with other fields, as far as Telegram can send such a thing: out of
    its own bytes again. None where there is no message."""
    found = read(data)
    for _ in range(dice.choice([1, 2, 4, 9]) if found is not None else 0):
        for _ in range(5):
            changed = copy.deepcopy(found)
            twist(changed, dice, others)
            try:
                again = read(bytes(changed))
            except Exception:  # no bytes for such a thing
                continue
            if again is not None:
                found = again
                break
    return found


def read(data: bytes) -> Any:
    """The message in these bytes, None when the library reads none: the link says so then."""
    from telethon.extensions import BinaryReader

    try:
        with BinaryReader(data) as reader:
            found = reader.tgread_object()
    except Exception:
        return None
    return found if type(found).__name__ == "Message" else None


@pytest.mark.slow
def test_ten_thousand_damaged_messages_of_telegram(tmp_path: Path) -> None:
    """Objects of any kind in any place, and bytes that are broken on their way: what cannot be
    read links to its original."""
    from crosspost.readers.telegram._history import History
    from crosspost.readers.telegram._peers import Manner

    messages = told()
    raw = [bytes(one) for one in messages]
    donors = [one.media for one in messages if one.media]
    donors += [entity for one in messages for entity in one.entities or ()]
    history = History(None, "@workshop", tmp_path, Manner(channel_id=4_900_000_017))  # type: ignore[arg-type]
    count = [0, 0]

    def attempt(dice: random.Random) -> None:
        data = dice.choice(raw)
        if dice.random() < 0.3:
            data = data[:24] + scratch(data[24:], dice)
        message = twisted(data, dice, donors)
        if message is None or getattr(message.rich_message, "part", False):
            return
        part = history.part(message, {})
        notes = list(history.said())
        count[0] += 1
        count[1] += bool(notes)
        assert all(isinstance(one, Note) and one.post_id == message.id for one in notes)
        assert part is not None
        if part.post.id > 0 and FIRST_MOMENT <= part.post.date <= LAST_MOMENT:
            sound(part.post)

    each_of(attempt)
    print(count)
    assert count[0] > INPUTS / 2 or os.environ.get("CROSSPOST_SEED")


# --- The whole way ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_channel_of_damaged_messages_becomes_a_blog(tmp_path: Path) -> None:
    """No post of 2,000, however odd, is one that no article can be made of."""
    dice = random.Random(1)
    made = []
    for number in range(2000):
        [message] = held = [copy.deepcopy(dice.choice(MESSAGES))]
        bend(held, dice)
        if isinstance(message, dict):
            told = {"id": 10 * number + 10, "type": "message"}
            made.append(message | told | {"date_unixtime": str(START + 100 * number)})
    blog = Blog(tmp_path / "blog")
    blog.write(*made)
    answer = blog.sync()
    assert answer.code == 1, answer.text[-2000:]
    assert "No article could be made" not in answer.text
    assert "itself failed" not in answer.text
    assert len(blog.posts) > 300
    assert blog.sync().text == "Nothing to do.\n"
