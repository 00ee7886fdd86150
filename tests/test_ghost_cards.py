"""An article becomes HTML that Ghost's converter takes whole: its own cards, and what Lexical has.

``golden/ghost`` holds what the body with everything in it (``golden/wordpress``) becomes;
``UPDATE_GOLDEN=1 pytest tests/test_ghost_cards.py`` rewrites it. That Ghost itself keeps every word
is shown in ``test_ghost.py``.
"""

import html
import json
import os
import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

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
from crosspost.publishers import Context, Vanished
from crosspost.publishers.ghost import GhostPublisher, GhostSettings, _stored
from crosspost.publishers.ghost._cards import Writer
from crosspost.publishers.ghost._media import Library
from crosspost.publishers.ghost._words import Wording

GOLDEN = Path(__file__).parent / "golden"
SITE = "https://magazine.example/content"
KINDS = {
    0: ("photo", "image/jpeg", ""),
    1: ("photo", "image/png", ""),
    2: ("video", "video/mp4", ""),
    3: ("voice", "audio/ogg", ""),
    4: ("document", "application/pdf", "смета.pdf"),
    5: ("photo", "image/jpeg", ""),
}
BODY = (GOLDEN / "wordpress" / "article.body.html").read_text("utf-8")
WORDING = Wording(hidden="Скрыто. Показать", more="Ещё", voice="Голос", file="Файл")
PLAIN = {"p", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre", "code", "hr",
         "br", "strong", "em", "u", "s", "sub", "sup", "a"}  # fmt: skip
"""What Ghost's converter keeps outside of cards."""


def article(body: str = BODY, **more: object) -> Article:
    figures = tuple(
        Figure(media=Media(kind=kind, locator=str(n), mime=mime, name=name, duration=61, size=1500))  # type: ignore[arg-type]
        for n, (kind, mime, name) in KINDS.items()
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
        "body": body,
        "figures": figures,
        "attribution": '<a href="https://t.me/example/15">Оригинал</a> в Телеграме.',
        "credit": "Фото: автор",
    }
    return Article(**given | more)  # type: ignore[arg-type]


UPLOADS = {
    number: Upload(id=str(number), url=f"{SITE}/crosspost-{number}", mime=mime, width=4, height=3)
    for number, (_, mime, _) in KINDS.items()
}


def written(one: Article, *, lead: bool = False, cover: bool = False) -> str:
    def address(post_id: int) -> str:
        return "https://magazine.example/7-business/" if post_id == 7 else ""

    return Writer(one, UPLOADS, address, WORDING).whole(lead=lead, cover=cover)


def shown(content: str) -> str:
    """The words of a text, without white space."""
    return "".join(html.unescape(re.sub(r"<!--.*?-->|<[^>]*>", "", content)).split())


def test_every_kind_of_card_is_written_as_its_golden_page_says() -> None:
    file = GOLDEN / "ghost" / "article.cards.html"
    starts = r"p>|h\d|ul|ol|pre|hr|blockquote|figure|div class=\"kg-card|!--kg-card-begin"
    content = re.sub(f"(?=<(?:{starts}))", "\n", written(article())).strip()
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(f"{content}\n", "utf-8")
    assert f"{content}\n" == file.read_text("utf-8")


def test_outside_of_cards_there_is_nothing_that_ghost_would_flatten() -> None:
    page = BeautifulSoup(written(article(), lead=True, cover=True), "html.parser")
    inside = False
    found: set[str] = set()
    for node in page.children:
        if "kg-card-" in str(node) and not getattr(node, "name", None):
            inside = "begin" in str(node)
        elif not inside and "kg-card" not in node.get("class", []):  # type: ignore[union-attr]
            found |= {one.name for one in [node, *node.find_all(True)]}  # type: ignore[union-attr]
    assert found <= PLAIN
    assert {"p", "h2", "blockquote", "ul", "pre", "hr", "a"} <= found


def test_an_html_card_holds_one_element_since_ghost_drops_words_beside_it() -> None:
    for inside in re.findall(
        r"<!--kg-card-begin: html-->(.*?)<!--kg-card-end: html-->", written(article()), re.DOTALL
    ):
        (element,) = BeautifulSoup(inside, "html.parser").children
        assert getattr(element, "name", None)


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
def test_every_word_of_any_body_stands_in_its_cards(text: str, entities: list[Entity]) -> None:
    body = blocks(text, entities)
    said = shown(written(article(body, credit="", attribution="")))
    for extra in ("Ещё", "☑", "☐", "·"):
        said = said.replace(extra, "")
    assert said == "".join(text_of(body).replace("·", "").split())


def test_deep_quotations_end_in_words() -> None:
    body = "<blockquote>" * 200 + "<p>дно</p>" + "</blockquote>" * 200
    assert "дно" in written(article(body))


def pictures(*captions: str) -> str:
    inside = "".join(
        f'<figure class="photo"><img src="media:{n % 2}" alt="{n}">'
        f"<figcaption>{one}</figcaption></figure>"
        for n, one in enumerate(captions)
    )
    return f'<div class="gallery">{inside}</div>'


@pytest.mark.parametrize(
    ("captions", "rows"),
    [
        ([""] * 3, [3]),
        ([""] * 9, [9]),
        ([""] * 10, [5, 5]),
        ([""], [1]),
        (["", "", "На фото: печь", "", ""], [2, 1, 2]),
        (["раз", "два"], [1, 1]),
    ],
)
def test_an_album_is_as_many_galleries_as_ghosts_editor_can_hold(
    captions: list[str], rows: list[int]
) -> None:
    """A gallery takes nine pictures and has no caption for one of them."""
    content = written(article(pictures(*captions), credit="", attribution=""))
    assert [one.count("<img") for one in content.split("</figure>")[:-1]] == rows
    assert all(one in content for one in captions)


def test_the_cover_stands_in_the_text_only_where_the_theme_needs_it() -> None:
    figures = (Figure(media=Media(kind="photo", locator="0"), caption="На фото: печь"),)
    one = article("<p>Текст</p>", cover=0, figures=figures)
    without, within = written(one), written(one, cover=True)
    assert "crosspost-0" not in without
    assert within.index("crosspost-0") < within.index("На фото: печь") < within.index("Текст")


# --- Versions ---


def stored(**more: object) -> dict[str, object]:
    text = (
        '{"root":{"type":"root","children":[{"type":"toggle","version":1,"heading":"Кто",'
        '"content":"Все"},{"type":"paragraph","direction":null,"children":[{"type":'
        '"extended-text","text":"слова","format":0}]}]}}'
    )
    given: dict[str, object] = {"title": "Хлеб", "lexical": text, "status": "published", "tags": []}
    return given | more


def test_what_the_editor_fills_in_on_saving_is_no_change() -> None:
    saved = str(stored()["lexical"]).replace('"direction":null', '"direction":"ltr","indent":0')
    saved = saved.replace('"Кто"', r'"<span style=\"white-space: pre-wrap;\">Кто</span>"')
    saved = saved.replace('"Все"', r'"<p><span style=\"white-space: pre-wrap;\">Все</span></p>"')
    assert saved != stored()["lexical"]
    assert _stored.version(stored(lexical=saved)) == _stored.version(stored())


@pytest.mark.parametrize(
    ("before", "after"),
    [('"слова"', '"слово"'), ('"format":0', '"format":1'), ('"Все"', '"Никто"'), ("Кто", "Кому")],
)
def test_a_word_or_its_formatting_is_a_change(before: str, after: str) -> None:
    changed = str(stored()["lexical"]).replace(before, after)
    assert _stored.version(stored(lexical=changed)) != _stored.version(stored())


def test_publishing_a_draft_as_it_is_changes_nothing_and_the_reverse_does() -> None:
    assert _stored.same("draft|abc", "published|abc")
    assert not _stored.same("published|abc", "draft|abc")
    assert not _stored.same("draft|abc", "published|abd")


DEEP = '{"children":[' * 400 + "]}" * 400


@pytest.mark.parametrize(
    "lexical", ["", "{", "[]", '{"root": []}', '{"root": {"children": 5}}', None, 5,
                f'{{"root": {DEEP}}}', "[" * 100_000]
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_an_empty_text(lexical: object) -> None:
    found = stored(lexical=lexical, tags="x", id="1", email=5, url=None)
    assert _stored.parts(found).text == ""
    assert _stored.theirs(found) == "Хлеб"
    assert _stored.remote(found).digest == ""


def test_an_id_of_another_kind_of_site_is_no_address(tmp_path: Path) -> None:
    key = "a" * 24 + ":" + "0" * 64
    settings = GhostSettings(url="http://localhost/", admin_key=key)  # type: ignore[arg-type]
    site = GhostPublisher.open(settings, Context(name="magazine", base=tmp_path))
    with pytest.raises(Vanished, match="no article"):
        site.look(Remote(id="../users", url="", version="x"))


# --- Files that are there already ---

IMAGE = '<figure class="kg-card kg-image-card"><img src="{0}" class="kg-image"></figure>'
SHOWN = [
    ("", IMAGE.format("{0}"), True),
    ("{0}", "", True),
    ("", '<figure class="kg-card kg-video-card" data-kg-thumbnail="{0}"></figure>', True),
    ("", "<video style=\"background: transparent url('{0}') 50% 50%\"></video>", True),
    ("", '<img src="x" srcset="{0} 600w">', True),
    ("", "<p>{0}</p>", False),
    ("", '<p><a href="{0}">Снимок</a></p>', False),
    ("", '<p>src="{0}"</p><img src="x" alt="{0}">', False),
]


@pytest.mark.parametrize(("cover", "html", "shown"), SHOWN)
def test_a_file_is_where_an_article_shows_it_and_not_where_a_text_says(
    tmp_path: Path, cover: str, html: str, shown: bool
) -> None:
    """Else a post could make the blog show a picture from anybody's host."""
    file = tmp_path / "photo.png"
    Image.new("RGB", (4, 4), (9, 8, 7)).save(file)
    name = f"crosspost-{sha256(file.read_bytes()).hexdigest()[:24]}.png"
    there = f"https://elsewhere.example/content/images/2025/01/{name}"

    class Site:
        clock = None

        def rows(self, *_: object) -> list[dict[str, str]]:
            return [{"feature_image": cover.format(there), "html": html.format(there)}]

        def is_there(self, _: str) -> bool:
            return False

        def upload(self, *_: object) -> dict[str, str]:
            return {"url": f"{SITE}/images/2025/11/{name}"}

    media = Media(kind="photo", locator="1", mime="image/png")
    upload = Library(Site()).add(file, media)  # type: ignore[arg-type]
    assert upload.url == (there if shown else f"{SITE}/images/2025/11/{name}")


@pytest.mark.parametrize("kind", [["x"], {"a": 1}, 5, None])
def test_a_text_of_kinds_that_ghost_has_not_is_read_all_the_same(kind: object) -> None:
    state = {"root": {"children": [{"type": kind, "children": [{"type": "text", "text": "Да"}]}]}}
    assert _stored.parts({"lexical": json.dumps(state)}).text in ("", "Да")
