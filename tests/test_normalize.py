"""A post becomes the article an editor would sign, and no character of it is lost on the way.

Golden articles lie in ``golden/article``: one for each post of the sample channel, as a person
would read it. ``UPDATE_GOLDEN=1 pytest tests/test_normalize.py`` rewrites them.
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crosspost.markup import sanitize, text_of
from crosspost.model import (
    BLOCK_ENTITIES,
    INLINE_ENTITIES,
    Answer,
    Article,
    Author,
    Channel,
    Entity,
    Extra,
    Forward,
    LinkPreview,
    Media,
    Place,
    Poll,
    Post,
    Reply,
)
from crosspost.normalize import Style, normalize
from crosspost.readers import Bounds, Context
from crosspost.readers.export import ExportReader, _messages, _records

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "article"
EXAMPLES = HERE.parent / "examples"
FIXTURES = Path(os.environ.get("CROSSPOST_FIXTURES", HERE.parent.parent / "shared" / "fixtures"))
ENGLISH = (17, 25, 27, 31, 37, 41, 48, 67, 68, 109, 116)
DATE = datetime(2025, 5, 1, 3, 0, tzinfo=UTC)
CHANNEL = Channel(id=4900000017, title="Мастерская")
STYLE = Style(
    blog="business",
    channel=CHANNEL,
    author=Author(name="Павел Сомов"),
    link="https://t.me/masterskaya_sib",
    language="ru",
    timezone="Asia/Omsk",
    credit="из блога автора",
)


def post(text: str = "", *entities: Entity, **more: Any) -> Post:
    return Post(**{"id": 31, "ids": (31,), "date": DATE, "text": text, "entities": entities} | more)


def made(text: str = "", *entities: Entity, **more: Any) -> Article:
    return normalize(post(text, *entities, **more), STYLE)


def photo(number: int = 0, **more: Any) -> Media:
    return Media(kind="photo", locator=f"photos/{number}.jpg", **more)


def on(text: str, part: str, kind: str, value: str = "", **attrs: str) -> Entity:
    """An entity over the first ``part`` in ``text``."""
    return Entity(type=kind, offset=text.index(part), length=len(part), value=value, attrs=attrs)


@lru_cache(maxsize=1)
def sample() -> dict[int, Post]:
    context = Context(base=EXAMPLES, cache=HERE / "nowhere", timezone="Asia/Omsk")
    reader = ExportReader.open(ExportReader.Settings(), "channel", context)
    return {one.id: one for one in reader.read(Bounds()) if isinstance(one, Post)}


# --- The conservation rule --------------------------------------------------------------------


def bare(text: str) -> str:
    """Characters without white space, in small letters, those that HTML cannot hold left out."""
    text = re.sub(
        "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffd-\uffff]",
        "",
        text,
    )
    return "".join(text.split()).casefold()


def check(source: Post, article: Article) -> None:
    """The spans cover the text, and it stands where they say."""
    text = source.text
    at = 0
    for span in article.spans:
        assert span.start == at < span.end, f"a gap or an overlap at {at}"
        at = span.end
    assert at == len(text), "the spans end before the text does"

    def said(part: str, figure: int = -1) -> str:
        return bare(
            "".join(
                text[s.start : s.end] for s in article.spans if (s.part, s.figure) == (part, figure)
            )
        )

    assert all(s.reason for s in article.spans if s.part != "body"), "a span without its reason"
    if said("headline"):
        assert bare(article.title) == said("headline")
    assert bare(text_of(article.lead)) == said("lead")
    shown = bare(text_of(article.body))
    if source == post(text, *source.entities) and "Подробнее:" not in article.body:
        assert shown == said("body")
    assert holds(shown, said("body"))
    for index, figure in enumerate(article.figures):
        assert bare(text_of(figure.caption)) == said("caption", index)
        if index != article.cover and said("caption", index):
            assert said("caption", index) in bare(text_of(article.body))
    assert holds(bare(text_of(article.credit)), said("credit"))
    tags = bare("".join(article.tags))
    for span in article.spans:
        if span.part == "tags":
            tag = text[span.start : span.end].removeprefix("#").partition("@")[0]
            assert bare(tag.replace("_", " ")) in tags


def holds(words: str, part: str) -> bool:
    """Whether all of ``part`` stands in ``words`` in order (captions and notes may be between)."""
    if part in words:
        return True
    rest = iter(words)
    return all(char in rest for char in part)


def sound(source: Post, article: Article) -> None:
    """What holds for every article, whatever the post was."""
    assert article.title.strip() == article.title != ""
    assert "\n" not in article.title
    assert len(article.title) <= STYLE.title_length
    assert not re.search(r"(?<![г.?!])[.,:;]$", article.title)
    assert re.fullmatch(r"[a-z0-9-]{1,90}", article.slug)
    assert article.slug.startswith(f"{source.id}")
    for html in (article.body, article.lead, article.attribution, article.credit):
        assert sanitize(html) == html
    assert not re.search(r"<(p|blockquote|h\d|figcaption)[^>]*>(\s|<br>)*</\1>", article.body)
    numbers = [int(n) for n in re.findall(r'(?:src|href)="media:(\d+)"', article.body)]
    wanted = [n for n in range(len(article.figures)) if n != article.cover]
    assert sorted(numbers) == wanted, "every figure stands once, the cover not in the body"
    assert "<script" not in article.body + article.attribution + article.credit + article.lead
    assert "javascript:" not in "".join(re.findall(r'href="([^"]*)"', article.body))
    assert article == normalize(source, STYLE), "the same post gives the same article"


def test_every_post_of_the_sample_is_an_article_and_keeps_each_character() -> None:
    assert len(sample()) > 50
    for source in sample().values():
        article = normalize(source, STYLE)
        check(source, article)
        sound(source, article)


def read(path: Path) -> Iterator[Post]:
    context = Context(base=path.parent, cache=HERE / "nowhere", timezone="Europe/Moscow")
    reader = ExportReader.open(ExportReader.Settings(), path.name, context)
    yield from (one for one in reader.read(Bounds()) if isinstance(one, Post))


def vectors() -> Iterator[Post]:
    manner = _records.Manner(zone=ZoneInfo("UTC"))
    for path in sorted(FIXTURES.glob("frozenspider/*.json")):
        for chat in json.loads(path.read_text("utf-8"))["chats"]["list"]:
            for message in chat["messages"]:
                record = _records.decode(msgspec.json.encode(message))
                part = _messages.part(record, manner, None)
                if part:
                    yield part.post


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is not here")
def test_real_channels_keep_each_character(tmp_path: Path) -> None:
    for name in ("messages2.html", "messages3.html", "messages4.html"):
        (tmp_path / name).symlink_to(FIXTURES / "scox3" / name)
    sources = [
        *read(tmp_path),
        *read(FIXTURES / "clansty" / "result.b76dfd83.json"),
        *read(FIXTURES / "clansty" / "result.fd099dca.json"),
        *vectors(),
    ]
    assert len(sources) > 1500
    for source in sources:
        article = normalize(source, STYLE)
        check(source, article)
        sound(source, article)


WORDS = st.sampled_from(
    [
        "Хлеб", "начинается", "в четыре утра", ".", ". ", "? ", "! ", "…", ": ", ", ", " — ", "\n",
        "\n\n", "\n \n", " ", "#тег", "#малый_бизнес", "# ", "«", "»", "(", ")", "🧾", "👨‍👩‍👧",
        "1️⃣", "На фото: Ирина", "Фото: Олег", "📷 Анна", "© Анна", "Подписаться: ",
        "t.me/masterskaya_sib", "https://t.me/masterskaya_sib/7", "@masterskaya_sib", "ПРОВЕРКИ",
        "НДС", "г. ", "<script>", "&amp;", "\u202e", "\x00", "\ud800", "\u00a0", "е\u0301",
        "Друзья",
    ]
)  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return "".join(draw(st.lists(WORDS, max_size=40)))
    return draw(st.text(max_size=200))


HOSTILE = st.sampled_from(
    [
        "", "Ярмарка", '"><script>alert(1)</script>', "{{ 7*7 }}", "a & b\n\nc",
        "javascript:alert(1)", "https://example.org/?a=1&b=2", "http://[bad", "post:7", "media:0",
        "\ud800", "\u202e",
        "&lt;b&gt;", "data:text/html,x",
    ]
)  # fmt: skip


def extras() -> st.SearchStrategy[dict[str, Any]]:
    """Everything else a post may bring, with words from hostile hands."""
    numbers = st.none() | st.integers(-1, 10**12)
    answers = st.lists(
        st.builds(
            Answer, text=HOSTILE, voters=numbers, percent=st.none() | st.integers(-5, 500),
            correct=st.booleans(),
        ),
        max_size=3,
    ).map(tuple)  # fmt: skip
    kinds = st.sampled_from(
        ["todo", "game", "invoice", "contact", "unsupported", "giveaway", "dice"]
    )
    lines = st.lists(st.tuples(HOSTILE, st.booleans()), max_size=2).map(tuple)
    return st.fixed_dictionaries(
        {
            "forward": st.none()
            | st.builds(
                Forward, name=HOSTILE, url=HOSTILE, author=HOSTILE, channel_id=st.integers(0, 3)
            ),
            "reply_to": st.none()
            | st.builds(
                Reply, post_id=st.integers(0, 99), url=HOSTILE, name=HOSTILE, quote=HOSTILE
            ),
            "poll": st.none()
            | st.builds(
                Poll, question=HOSTILE, answers=answers, voters=numbers, solution=HOSTILE,
                quiz=st.booleans(), multiple=st.booleans(), closed=st.booleans(),
            ),
            "link_preview": st.none()
            | st.builds(
                LinkPreview, url=HOSTILE, site=HOSTILE, title=HOSTILE, description=HOSTILE,
                photo=st.none() | st.integers(-1, 3),
            ),
            "place": st.none()
            | st.builds(
                Place, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), title=HOSTILE,
                address=HOSTILE,
            ),
            "extras": st.lists(
                st.builds(Extra, kind=kinds, title=HOSTILE, lines=lines, value=HOSTILE), max_size=2
            ).map(tuple),
            "author_signature": HOSTILE,
            "via_bot": HOSTILE,
        }
    )  # fmt: skip


@st.composite
def posts(draw: st.DrawFn) -> Post:
    text = draw(texts())
    near = st.integers(-2, len(text) + 3)
    values = st.sampled_from(
        ["", "0", "1", "2", "9", "javascript:x", "https://t.me/masterskaya_sib"]
    )
    entities = draw(
        st.lists(
            st.builds(
                Entity,
                type=st.sampled_from(sorted(INLINE_ENTITIES | BLOCK_ENTITIES)),
                offset=near,
                length=near,
                value=values,
            ),
            max_size=8,
        )
    )
    media = draw(
        st.lists(
            st.builds(
                Media,
                kind=st.sampled_from(["photo", "photo", "video", "document", "sticker", "voice"]),
                locator=st.just("a/b"),
                name=st.sampled_from(["", "a<b>.pdf"]),
                missing=st.sampled_from(["", "", "it is gone"]),
                caption=st.none() | st.tuples(near, near),
            ),
            max_size=4,
        )
    )
    return post(text, *entities, media=tuple(media), **draw(st.just({}) | extras()))


@settings(max_examples=120, deadline=None)
@given(posts())
@example(post("На фото: А.", media=(photo(),)))
@example(post("#а #б", media=(photo(),)))
@example(post("Фото: Олег", media=(photo(),)))
def test_no_post_whatsoever_loses_or_doubles_a_character(source: Post) -> None:
    article = normalize(source, STYLE)
    check(source, article)
    sound(source, article)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(posts())
def test_no_post_of_very_many_loses_or_doubles_a_character(source: Post) -> None:
    article = normalize(source, STYLE)
    check(source, article)
    sound(source, article)
