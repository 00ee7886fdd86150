"""An article becomes blocks that say all its words and mean nothing else to WordPress.

``golden/wordpress`` holds a body with everything in it and the blocks it becomes;
``UPDATE_GOLDEN=1 pytest tests/test_wordpress_blocks.py`` rewrites them. That WordPress itself finds
each block whole is shown in ``test_wordpress_editor.py``.
"""

import html
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosspost.markup import blocks, text_of
from crosspost.model import (
    BLOCK_ENTITIES,
    INLINE_ENTITIES,
    Article,
    Author,
    Entity,
    Figure,
    Media,
    Remote,
    Upload,
)
from crosspost.publishers import Context, Vanished, _marks
from crosspost.publishers.wordpress import WordPressPublisher, WordPressSettings, _stored
from crosspost.publishers.wordpress._blocks import Writer

GOLDEN = Path(__file__).parent / "golden" / "wordpress"
SITE = "https://news.example/wp-content/uploads"
KINDS = {
    0: ("photo", "image/jpeg"),
    1: ("photo", "image/png"),
    2: ("video", "video/mp4"),
    3: ("voice", "audio/ogg"),
    4: ("document", "application/pdf"),
    5: ("photo", "image/jpeg"),
}
BODY = (GOLDEN / "article.body.html").read_text("utf-8")


def article(body: str = BODY, **more: object) -> Article:
    figures = tuple(
        Figure(media=Media(kind=kind, locator=str(number), mime=mime))  # type: ignore[arg-type]
        for number, (kind, mime) in KINDS.items()
    )
    given: dict[str, object] = {
        "blog": "business",
        "post_id": 15,
        "slug": "15-hleb",
        "title": "Хлеб",
        "date": datetime(2025, 5, 1, tzinfo=UTC),
        "timezone": "Asia/Omsk",
        "language": "ru",
        "author": Author(name="Павел"),
        "source_url": "https://t.me/example/15",
        "lead": "Вступление <em>сразу</em>.",
        "body": body,
        "figures": figures,
        "attribution": '<a href="https://t.me/example/15">Оригинал</a> в Телеграме.',
        "credit": "Фото: автор",
    }
    return Article(**given | more)  # type: ignore[arg-type]


UPLOADS = {
    number: Upload(id=str(100 + number), url=f"{SITE}/crosspost-{number}", mime=mime)
    for number, (_, mime) in KINDS.items()
}


def written(one: Article, *, cover: bool = False) -> str:
    def address(post_id: int) -> str:
        return "https://news.example/2025/05/7-business/" if post_id == 7 else ""

    return Writer(one, UPLOADS, address, "Скрыто. Показать", "Ещё").whole("MARK", cover)


def shown(content: str) -> str:
    """The words of blocks, without white space."""
    return "".join(html.unescape(re.sub(r"<!--.*?-->|<[^>]*>", "", content)).split())


def test_every_kind_of_block_is_written_as_its_golden_page_says() -> None:
    file = GOLDEN / "article.blocks.html"
    content = written(article())
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(f"{content}\n", "utf-8")
    assert f"{content}\n" == file.read_text("utf-8")


def test_the_golden_page_holds_every_kind_of_block() -> None:
    kinds = set(
        re.findall(r"<!-- wp:([a-z-]+)", (GOLDEN / "article.blocks.html").read_text("utf-8"))
    )
    assert kinds == {
        "paragraph", "heading", "list", "list-item", "quote", "pullquote", "image", "gallery",
        "video", "audio", "file", "details", "table", "code", "separator", "group", "html",
    }  # fmt: skip


WORDS = st.text(st.sampled_from("аб \n[]<>&:/-\"'😀") | st.characters(codec="utf-8"), max_size=40)
ENTITIES = st.lists(
    st.builds(
        Entity,
        type=st.sampled_from(sorted((INLINE_ENTITIES | BLOCK_ENTITIES) - {"media", "gallery"})),
        offset=st.integers(-2, 40),
        length=st.integers(-2, 40),
        value=st.sampled_from(["", "https://example.com/", "python", "1"]),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(WORDS, ENTITIES)
def test_every_word_of_any_body_stands_in_its_blocks(text: str, entities: list[Entity]) -> None:
    body = blocks(text, entities)
    content = written(article(body, lead="", credit="", attribution=""))
    said = shown(content)
    for extra in ("Ещё", "☑", "☐"):
        said = said.replace(extra, "")
    assert said == "".join(text_of(body).split())


@settings(max_examples=60, deadline=None)
@given(WORDS, ENTITIES)
def test_blocks_are_opened_and_closed_in_order_whatever_the_text(
    text: str, entities: list[Entity]
) -> None:
    content = written(article(blocks(text, entities), lead=html.escape(text)))
    opened: list[str] = []
    for closing, name in re.findall(r"<!-- (/?)wp:([a-z-]+)", content):
        if closing:
            assert opened.pop() == name
        else:
            opened.append(name)
    assert opened == []
    assert "[" not in re.sub(r"<!--.*?-->", "", content), "no shortcode begins anywhere"


def test_deep_quotations_end_in_words() -> None:
    body = "<blockquote>" * 200 + "<p>дно</p>" + "</blockquote>" * 200
    content = written(article(body))
    assert content.count("<!-- wp:quote") < 30
    assert "дно" in content


def test_the_cover_stands_in_the_text_only_where_the_theme_needs_it() -> None:
    figures = (Figure(media=Media(kind="photo", locator="0"), caption="На фото: печь"),)
    one = article("<p>Текст</p>", cover=0, figures=figures)
    without, within = written(one), written(one, cover=True)
    assert "wp-image-100" not in without
    assert without.index("Текст") < without.index("На фото: печь")
    assert within.index("wp-image-100") < within.index("На фото: печь") < within.index("Текст")


# --- Marks ---


@pytest.mark.parametrize(
    "blog", ["business", "Дело", "дело", "a-b", "a--b", "день/ночь", "x" * 64, "1news", ""]
)
def test_every_blog_has_a_slug_of_its_own_that_its_mark_holds(blog: str) -> None:
    names = ("business", "Дело", "дело", "a-b", "a--b")
    others = {_marks.slug(name, 15) for name in names if name != blog}
    slug = _marks.slug(blog, 15)
    assert re.fullmatch(r"15-[a-z0-9]+(?:-[a-z0-9]+)*", slug)
    assert slug not in others
    one = article(blog=blog)
    mark = _marks.mark(one, "f" * 64, "Хлеб", "<p>слова</p>")
    found = _marks.read("Хлеб", f'<p>слова</p><p class="crosspost-source {mark}"></p>')
    assert found == (_marks.blog_key(blog), 15, "f" * 64, False)


def test_a_mark_tells_a_changed_word_from_a_changed_space() -> None:
    mark = _marks.mark(article(), "f" * 64, "Хлеб", "<p>одно &amp; два</p>")
    same = _marks.read("Хлеб", f'<p>одно  &#38;\n<b>два</b></p><p class="{mark}"></p>')
    other = _marks.read("Хлеб", f'<p>одно &amp; три</p><p class="{mark}"></p>')
    title = _marks.read("Соль", f'<p>одно &amp; два</p><p class="{mark}"></p>')
    assert same is not None
    assert other is not None
    assert title is not None
    assert (same.touched, other.touched, title.touched) == (False, True, True)


def test_publishing_a_draft_as_it_is_changes_nothing_and_the_reverse_does() -> None:
    draft, live = "draft|2025-05-01T10:00:00|abc", "publish|2025-05-02T10:00:00|abc"
    assert _stored.same(draft, live)
    assert not _stored.same(live, draft)
    assert not _stored.same(draft, "publish|2025-05-02T10:00:00|abd")
    assert not _stored.same(live, "publish|2025-05-02T10:00:01|abc")


# --- Settings ---


@pytest.mark.parametrize(
    ("url", "more", "words"),
    [
        ("http://news.example/", {}, "https://"),
        ("ftp://news.example/", {}, "address"),
        ("https://me:secret@news.example/", {}, "no password"),
        ("https://news.example/?x", {}, "address"),
    ],
)
def test_an_address_that_would_show_the_password_is_refused(
    url: str, more: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        WordPressSettings(url=url, user="me", password="abcd efgh", **more)  # type: ignore[arg-type]
    assert "abcd efgh" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost/news", "https://news.example"]
)
def test_this_machine_and_https_are_well(url: str) -> None:
    made = WordPressSettings(url=url, user="me", password="abcd efgh")  # type: ignore[arg-type]
    assert made.url.endswith("/")
    assert "abcd" not in repr(made)


def test_an_id_of_another_kind_of_site_is_no_address(tmp_path: Path) -> None:
    given = WordPressSettings(url="http://localhost/", user="me", password="x")  # type: ignore[arg-type]
    site = WordPressPublisher.open(given, Context(name="news", base=tmp_path))
    with pytest.raises(Vanished, match="no article"):
        site.look(Remote(id="../users", url="", version="x"))
