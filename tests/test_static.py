"""The static blog: a pure function of its articles, drawn again only where it changed."""

import json
import os
import random
import shutil
import sqlite3
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from pydantic import ValidationError

from crosspost.errors import PublisherError
from crosspost.model import (
    Article,
    Author,
    Comments,
    Figure,
    Media,
    Remote,
    Upload,
    digest,
)
from crosspost.publishers import Context, Refused
from crosspost.publishers.static import (
    StaticPublisher,
    StaticSettings,
    bodies,
    drawing,
    files,
    names,
)
from crosspost.publishers.static.catalogue import Catalogue, identity_of

EXAMPLES = Path(__file__).parents[1] / "examples"
PHOTOS = sorted((EXAMPLES / "channel" / "photos").glob("*.jpg"))
VOID = frozenset({"meta", "link", "img", "br", "hr", "input", "source", "wbr"})


def site(folder: Path, **more: Any) -> StaticPublisher:
    url = more.pop("url", "https://example.com/blog/")
    settings = StaticSettings(path=folder, url=url, title=more.pop("title", ""))
    given = {"name": "local", "base": folder.parent, "language": "ru", "timezone": "Asia/Omsk"}
    return StaticPublisher.open(settings, Context(**given | more))


def article(number: int, **more: Any) -> Article:
    given: dict[str, Any] = {
        "blog": "business",
        "post_id": number,
        "slug": f"{number}-zapis",
        "title": f"Запись {number}",
        "date": datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=number),
        "timezone": "Asia/Omsk",
        "language": "ru",
        "author": Author(
            name="Павел Столяров", about="Столяр из Омска", url="https://t.me/example"
        ),
        "source_url": f"https://t.me/example/{number}",
        "lead": f"Вступление {number}.",
        "body": f"<p>Текст {number}.</p>",
        "attribution": f'<a href="https://t.me/example/{number}">Оригинал</a>',
        "views": number * 37 % 101,
    }
    return Article(**given | more)


def tree(folder: Path) -> dict[str, bytes]:
    """The public files and their bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".crosspost" not in path.parts
    }


def build(folder: Path, articles: Iterable[Article]) -> dict[str, bytes]:
    with closing(site(folder)) as publisher:
        for one in articles:
            publisher.put(one, {}, None)
        publisher.finish()
    return tree(folder)


def changed(folder: Path, work: Callable[[StaticPublisher], None]) -> set[str]:
    """Which files ``work`` and ``finish`` write or take away."""
    before = {name: (folder / name).stat().st_mtime_ns for name in tree(folder)}
    for name in before:
        os.utime(folder / name, ns=(10**18, 10**18))
    with closing(site(folder)) as publisher:
        work(publisher)
        publisher.finish()
    after = {name: (folder / name).stat().st_mtime_ns for name in tree(folder)}
    return {name for name in before | after if after.get(name) != 10**18}


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text("utf-8")


# --- What is written, and what is not ---------------------------------------------------------


def test_drawing_again_writes_nothing(tmp_path: Path) -> None:
    build(tmp_path / "site", [article(number) for number in range(1, 8)])
    assert changed(tmp_path / "site", lambda publisher: None) == set()


def test_a_site_of_the_first_version_goes_on_and_counts_its_articles(tmp_path: Path) -> None:
    build(tmp_path / "site", [article(number, tags=("дело",)) for number in range(1, 8)])
    whole = build(tmp_path / "other", [article(number, tags=("дело",)) for number in range(1, 9)])
    with closing(sqlite3.connect(tmp_path / "site" / ".crosspost" / "site.db")) as db, db:
        db.executescript(
            "DROP TRIGGER listed; DROP TRIGGER unlisted; DROP TABLE total; PRAGMA user_version = 1"
        )
    assert build(tmp_path / "site", [article(8, tags=("дело",))]) == whole


def test_an_article_that_comes_back_while_another_run_takes_its_page_away_is_there(
    tmp_path: Path,
) -> None:
    build(tmp_path / "site", [article(1), article(2)])
    with closing(site(tmp_path / "site")) as publisher:
        gone = publisher.withdraw(publisher.find(article(2)), "draft")
        publisher.put(article(2), {}, gone)
        (tmp_path / "site" / "business" / "2-zapis.html").unlink()
        publisher.finish()
        assert publisher.find(article(2)).status == "live"
    assert "Текст 2." in (tmp_path / "site" / "business" / "2-zapis.html").read_text("utf-8")


@pytest.mark.parametrize("moment", ["before the page", "before its end is noted", "after all"])
def test_an_article_that_changes_while_another_run_draws_its_page_is_drawn_again(
    tmp_path: Path, moment: str
) -> None:
    """The other run's page is no hand of a person."""
    folder = tmp_path / "site"
    build(folder, [article(1), article(2)])
    page, theirs = folder / "business" / "2-zapis.html", b"<p>drawn by another run</p>"
    drawn = [("business", 2, files.digest(theirs))]
    other = Catalogue(folder / ".crosspost" / "site.db")
    with closing(site(folder)) as publisher, closing(other):
        before = publisher.find(article(2))

        def change() -> None:
            publisher.put(article(2, body="<p>Другие слова.</p>"), {}, before)

        other.set_drawing(drawn)
        if moment == "before the page":
            change()
        page.write_bytes(theirs)
        assert publisher.look(before).status == "live"
        if moment == "before its end is noted":
            change()
        other.set_drawn(drawn)
        if moment == "after all":
            change()
        publisher.finish()
        assert "Другие слова." in page.read_text("utf-8")
        now = publisher.look(before)
        assert "+" not in now.version, "it counts as edited by hand"


@pytest.mark.parametrize("hand", ["edits it", "puts it back"])
def test_what_a_person_does_to_a_page_while_it_is_drawn_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand: str
) -> None:
    folder = tmp_path / "site"
    page = folder / "business" / "2-zapis.html"
    build(folder, [article(1), article(2)])
    whole, edited = page.read_bytes(), b"<p>A person was here.</p>"
    if hand == "puts it back":
        page.unlink()
    drawn = drawing.staged

    def slow(*given: Any) -> Iterator[list[Any]]:
        for batch in drawn(*given):
            page.write_bytes(edited if hand == "edits it" else whole)
            yield batch

    monkeypatch.setattr(drawing, "staged", slow)
    with closing(site(folder)) as publisher:
        publisher.put(article(3), {}, None)  # its neighbour's page is drawn anew
        publisher.finish()
        assert page.read_bytes() == (edited if hand == "edits it" else whole)
        assert publisher.find(article(2)).status == "live"
    assert not list(folder.rglob("*.part"))


@pytest.mark.parametrize("step", ["_renew", "_keep_identity", "set_meta"])
def test_a_site_keeps_its_identity_whatever_is_killed_while_it_begins(
    tmp_path: Path, step: str
) -> None:
    """Else all of it would be put there again."""
    hidden = tmp_path / "site" / ".crosspost"
    child = os.fork()
    if not child:
        whole = getattr(Catalogue, step)
        setattr(Catalogue, step, lambda *given: (whole(*given), os._exit(9)))
        Catalogue(hidden / "site.db")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    told = identity_of(hidden)
    Catalogue(hidden / "site.db").close()
    now = identity_of(hidden)
    assert now
    assert told in ("", now)
    Catalogue(hidden / "site.db").close()
    assert identity_of(hidden) == now


def test_putting_the_same_article_again_writes_nothing(tmp_path: Path) -> None:
    build(tmp_path / "site", [article(number) for number in range(1, 8)])
    assert (
        changed(tmp_path / "site", lambda it: it.put(article(3), {}, it.find(article(3)))) == set()
    )


def test_a_new_post_costs_its_page_its_neighbour_the_newest_lists_and_the_feeds(
    tmp_path: Path,
) -> None:
    articles = [article(number, tags=("дело",) if number % 2 else ()) for number in range(1, 51)]
    build(tmp_path / "site", articles)
    cost = changed(tmp_path / "site", lambda it: it.put(article(51, tags=("дело",)), {}, None))
    assert cost == {
        "index.html",
        "business/index.html",
        "business/51-zapis.html",
        "business/50-zapis.html",
        "business/tag/дело.html",
        "business/feed.xml",
        "business/rss.xml",
        "business/sitemap-1.xml",
    }


def test_a_post_that_completes_a_page_costs_that_page_and_the_one_before(tmp_path: Path) -> None:
    build(tmp_path / "site", [article(number) for number in range(1, 60)])
    assert (tmp_path / "site/business/page-1.html").exists()
    assert not (tmp_path / "site/business/page-2.html").exists()
    cost = changed(tmp_path / "site", lambda it: it.put(article(60), {}, None))
    pages = {name for name in cost if "page-" in name}
    assert pages == {"business/page-1.html", "business/page-2.html"}
    assert "business/58-zapis.html" not in cost


def test_numbered_pages_count_from_the_oldest(tmp_path: Path) -> None:
    build(tmp_path / "site", [article(number) for number in range(1, 46)])
    first, newest = read(tmp_path, "site/business/page-1.html"), read(tmp_path, "site/index.html")
    assert 'href="1-zapis.html"' in first
    assert 'href="20-zapis.html"' in first
    assert 'href="21-zapis.html"' not in first
    assert 'href="business/45-zapis.html"' in newest
    assert 'href="business/21-zapis.html"' in newest


def test_an_edited_body_costs_its_own_page(tmp_path: Path) -> None:
    build(tmp_path / "site", [article(number) for number in range(1, 30)])
    edited = article(5, body="<p>Совсем другой текст.</p>")
    cost = changed(tmp_path / "site", lambda it: it.put(edited, {}, it.find(edited)))
    assert cost == {"business/5-zapis.html"}


def test_a_withdrawn_article_leaves_its_page_lists_tag_and_feeds(tmp_path: Path) -> None:
    articles = [article(1), article(2, tags=("Редкое",)), article(3)]
    build(tmp_path / "site", articles)

    def withdraw(publisher: StaticPublisher) -> None:
        remote = publisher.find(article(2))
        assert remote is not None
        publisher.withdraw(remote, "draft")

    changed(tmp_path / "site", withdraw)
    left = tree(tmp_path / "site")
    assert left == build(tmp_path / "other", [article(1), article(3)])
    assert not any("2-zapis" in name or "tag" in name for name in left)


def test_a_shrinking_blog_takes_its_last_page_away(tmp_path: Path) -> None:
    articles = [article(number) for number in range(1, 41)]
    build(tmp_path / "site", articles)
    assert (tmp_path / "site/business/page-1.html").exists()
    with closing(site(tmp_path / "site")) as publisher:
        remote = publisher.find(article(7))
        assert remote is not None
        publisher.withdraw(remote, "remove")
        publisher.finish()
    del articles[6]
    assert tree(tmp_path / "site") == build(tmp_path / "clean", articles)
    assert not (tmp_path / "site/business/page-1.html").exists()


def test_a_new_word_about_the_author_reaches_every_list(tmp_path: Path) -> None:
    before = article(1, tags=("дело",))
    after = article(1, tags=("дело",), author=Author(name="Павел Столяров", about="Мастер"))
    build(tmp_path / "site", [before])
    with closing(site(tmp_path / "site")) as publisher:
        publisher.put(after, {}, publisher.find(after))
        publisher.finish()
    assert tree(tmp_path / "site") == build(tmp_path / "clean", [after])


# --- A pure function of its articles ----------------------------------------------------------


def random_life(chance: random.Random, publisher: StaticPublisher) -> dict[int, Article]:
    """Many changes in any order; answers what is live in the end."""
    live: dict[int, Article] = {}
    for _ in range(chance.randint(60, 120)):
        number = chance.randint(1, 70)
        act = chance.random()
        if act < 0.65:
            one = article(
                number,
                title=f"Заголовок {chance.randint(1, 3)} записи {number}",
                views=chance.randint(0, 5) * 100,
                tags=tuple(chance.sample(["Дело", "дело", "Омск и мы", "C++", "CON"], 2)),
                body=f'<p>Текст, <a href="post:{chance.randint(1, 70)}">ссылка</a></p>',
                date=datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=chance.randint(1, 70)),
                author=Author(name="Павел", about=chance.choice(["Столяр", "Мастер"])),
                language=chance.choice(["ru", "ru", "en"]),
            )
            publisher.put(one, {}, publisher.find(one))
            live[number] = one
        elif act < 0.8 and (remote := publisher.find(article(number))):
            publisher.withdraw(remote, chance.choice(["draft", "remove"]))
            live.pop(number, None)
        elif act > 0.8:
            publisher.finish()
    publisher.finish()
    return live


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 60))]
)
def test_the_way_to_the_articles_leaves_no_trace(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with closing(site(tmp_path / "lived")) as publisher:
        live = random_life(chance, publisher)
    articles = list(live.values())
    chance.shuffle(articles)
    assert tree(tmp_path / "lived") == build(tmp_path / "clean", articles)


def test_a_hand_between_put_and_finish_is_respected(tmp_path: Path) -> None:
    build(tmp_path / "site", [article(1)])
    page = tmp_path / "site" / "business" / "1-zapis.html"
    with closing(site(tmp_path / "site")) as publisher:
        publisher.put(article(1, body="<p>Новое</p>"), {}, publisher.find(article(1)))
        page.write_text("Рука редактора")
        publisher.finish()
    assert page.read_text() == "Рука редактора"


def test_links_follow_posts_that_come_and_go(tmp_path: Path) -> None:
    early = article(1, body='<p><a href="post:60">дальше</a></p>')
    build(tmp_path / "site", [early, *(article(number) for number in range(2, 8))])
    page = tmp_path / "site" / "business" / "1-zapis.html"
    assert "<a>дальше</a>" in page.read_text()
    build(tmp_path / "site", [article(60)])
    assert '<a href="60-zapis.html">дальше</a>' in page.read_text()
    with closing(site(tmp_path / "site")) as publisher:
        remote = publisher.find(article(60))
        assert remote is not None
        publisher.withdraw(remote, "draft")
        publisher.finish()
    assert "<a>дальше</a>" in page.read_text()


def test_every_inner_link_leads_somewhere(tmp_path: Path) -> None:
    with closing(site(tmp_path / "site")) as publisher:
        random_life(random.Random(7), publisher)
    pages = {name: data.decode() for name, data in tree(tmp_path / "site").items()}
    for name, page in pages.items():
        if name.endswith(".html"):
            for address in links(page):
                target = (tmp_path / "site" / name).parent / unquote(address.partition("#")[0])
                assert target.is_file() or address.startswith("#"), (name, address)


def links(page: str) -> list[str]:
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            if given.get("rel") == "canonical":
                return
            found.extend(value for key in ("href", "src", "poster") if (value := given.get(key)))
            candidates = (given.get("srcset") or "").split(",")
            found.extend(candidate.split()[0] for candidate in candidates if candidate.strip())

    Reader().feed(page)
    outside = ("https://", "http://", "tg:", "mailto:", "tel:")
    return [address for address in found if not address.startswith(outside)]


# --- Killed anywhere --------------------------------------------------------------------------

FIRST = [
    article(number, tags=("дело",), body='<p><a href="post:3">три</a></p>') for number in (1, 2)
]
NOW = [
    article(1, title="Новый заголовок", tags=("Омск",)),
    article(
        2, tags=("дело",), cover=0, figures=(Figure(media=Media(kind="photo", locator="2/0")),)
    ),
    article(3),
    article(4, figures=(Figure(media=Media(kind="document", locator="4/0", name="a.pdf")),)),
]


def deliver(folder: Path, articles: list[Article]) -> None:
    """What a run does, as often as it takes."""
    with closing(site(folder)) as publisher:
        for one in articles:
            found = publisher.find(one)
            if found is None or found.digest != digest(one) or found.status != "live":
                source = folder.parent / "source.jpg"
                uploads = {
                    number: publisher.upload(source, figure.media)
                    for number, figure in enumerate(one.figures)
                }
                publisher.put(one, uploads, found)
        gone = publisher.find(article(9))
        if gone and gone.status == "live":
            publisher.withdraw(gone, "remove")
        publisher.finish()


def killed(at: int, work: Callable[[], None]) -> bool:
    """Runs ``work`` in a process that dies at its ``at``-th step on the disk; whether it died."""
    child = os.fork()
    if child == 0:
        left = at

        def hook(event: str, args: tuple[Any, ...]) -> None:
            nonlocal left
            writes = event == "open" and isinstance(args[1], str) and args[1] not in ("r", "rb")
            if writes or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
                left -= 1
                if left == 0:
                    os._exit(9)

        sys.addaudithook(hook)
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_anywhere_and_run_again_it_is_the_byte_same_site(tmp_path: Path, step: int) -> None:
    from PIL import Image

    Image.new("RGB", (700, 500), "teal").save(tmp_path / "source.jpg")
    build(tmp_path / "start", [*FIRST, article(9)])
    shutil.copytree(tmp_path / "start", tmp_path / "clean")
    deliver(tmp_path / "clean", NOW)
    expected = tree(tmp_path / "clean")
    deaths = 0
    for at in range(1, 10_000, step):
        folder = tmp_path / "site"
        shutil.copytree(tmp_path / "start", folder)
        died = killed(at, lambda: deliver(folder, NOW))  # noqa: B023
        deliver(folder, NOW)
        assert tree(folder) == expected, f"killed at step {at}"
        shutil.rmtree(folder)
        if not died:
            break
        deaths += 1
    assert deaths > 40 // step


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_half_written_files_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    seen = 0
    for at in range(1, 200):
        folder = tmp_path / str(at)
        died = killed(at, lambda: build(folder, [article(1), article(2)]) and None)  # noqa: B023
        if not died or seen == 3:
            break
        if list(folder.rglob("*.part")):
            seen += 1
            with closing(site(folder)) as publisher:
                if remote := publisher.find(article(2)):
                    publisher.withdraw(remote, "remove")
                publisher.finish()
            assert not list(folder.rglob("*.part"))
    assert seen


# --- Pages ------------------------------------------------------------------------------------


class Strict(HTMLParser):
    """Says what is not well formed: tags left open or crossed, ids and attributes twice, links in
    links, scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs), f"<{tag}> says something twice"
        assert not any(name.startswith("on") or name == "style" for name in given)
        assert tag != "script" or given == {"type": "application/ld+json"}
        assert tag != "a" or "a" not in self.open
        if (name := given.get("id")) is not None:
            assert name not in self.ids
            self.ids.add(name)
        if tag == "img":
            assert {"width", "height", "alt", "decoding"} <= given.keys()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" not in self.open:
            self.text.append(data)


def strictly(page: str) -> Strict:
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


BODY = """<p>Слова с <strong>жирным</strong> и <span class="spoiler" tabindex="0">тайной</span>.</p>
<div class="gallery"><figure class="photo"><img src="media:1" alt="Станок"><figcaption>Подпись</figcaption></figure><figure class="photo spoiler"><img src="media:2" alt=""></figure></div>
<figure class="video"><video src="media:3" controls="" playsinline="" preload="metadata"></video></figure>
<figure class="voice"><audio src="media:4" controls="" preload="none"></audio></figure>
<figure class="card file"><a href="media:5" class="title">Смета.pdf</a> <span class="size">30 КБ</span></figure>
<section class="poll closed"><p class="question">Кто?</p><ul class="answers"><li class="answer correct">Я <span class="share">60%</span> <meter value="60" min="0" max="100"></meter></li></ul><p class="voters">10</p></section>
<table class="bordered"><tbody><tr><th>А</th><td class="right">1</td></tr></tbody></table>
<blockquote>Цитата<cite>Кто-то</cite></blockquote><pre><code class="language-python">print("&lt;b&gt;")</code></pre>
<p>См. <a href="post:1">раньше</a> и <a href="post:77">чего нет</a>.</p>"""  # noqa: E501
KINDS = ("photo", "photo", "photo", "video", "voice", "document")


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with one article of every kind of piece between two plain ones, to look at."""
    tmp_path = tmp_path_factory.mktemp("rich")
    folder = tmp_path / "site"
    figures, uploads = [], {}
    with closing(site(folder)) as publisher:
        for number, kind in enumerate(KINDS):
            media = Media(kind=kind, locator=f"2/{number}", name=f"Файл {number}.pdf")
            source = PHOTOS[number]
            if kind != "photo":
                source = tmp_path / f"{number}.bin"
                source.write_bytes(b"%d" % number)
                mime = {"video": "video/mp4", "voice": "audio/ogg"}.get(kind, "application/pdf")
                media = msgspec.structs.replace(media, mime=mime, width=320, height=240)
            upload = publisher.upload(source, media)
            if kind == "video":
                poster = publisher.upload(PHOTOS[7], Media(kind="photo", locator="2/thumb"))
                upload = msgspec.structs.replace(upload, poster=poster.url)
            figures.append(Figure(media=media, caption="Под <em>фото</em>" if number == 0 else ""))
            uploads[number] = upload
        whole = article(
            2,
            body=BODY,
            cover=0,
            figures=tuple(figures),
            tags=("малый бизнес", "Омск"),
            credit="Фото: из блога автора",
            views=12345,
            comments=Comments(count=3, url="https://t.me/example/2?comment=1"),
            author=msgspec.structs.replace(article(1).author, photo=str(EXAMPLES / "author.jpg")),
        )
        for one in (article(1), whole, article(3)):
            publisher.put(one, uploads if one is whole else {}, None)
        publisher.finish()
    return folder


def test_every_page_is_well_formed(rich: Path) -> None:
    for name, data in tree(rich).items():
        if name.endswith(".html"):
            strictly(data.decode())


def test_an_article_page_holds_what_an_article_is(rich: Path) -> None:
    page = read(rich, "business/2-zapis.html")
    words = " ".join("".join(strictly(page).text).split())
    for part in (
        "Запись 2",
        "Вступление 2.",
        "3 января 2025",
        "12 345 просмотров",
        "Под фото",
        "Подпись",
        "Фото: из блога автора",
        "Оригинал",
        "малый бизнес",
        "3 комментария",
        "Столяр из Омска",
        "Записи автора",
        "Самое читаемое",
        "Предыдущая запись Запись 1",
        "Следующая запись Запись 3",
    ):
        assert part in words.replace("\xa0", " "), part


def test_pictures_come_in_widths_and_do_not_jump(rich: Path) -> None:
    page = read(rich, "business/2-zapis.html")
    assert page.count("fetchpriority") == 1
    cover, gallery = page.index("fetchpriority"), page.index('class="gallery"')
    assert cover < gallery
    assert "320w, " in page
    assert 'alt="Станок"' in page


def test_a_hidden_picture_is_no_link_and_opens_by_keyboard(rich: Path) -> None:
    page = read(rich, "business/2-zapis.html")
    assert '<figure class="photo spoiler" tabindex="0"><img' in page


def test_a_link_to_a_post_leads_to_its_page_or_nowhere(rich: Path) -> None:
    page = read(rich, "business/2-zapis.html")
    assert '<a href="1-zapis.html">раньше</a>' in page
    assert "<a>чего нет</a>" in page


def test_a_file_is_offered_under_its_own_name(rich: Path) -> None:
    assert 'download="Файл 5.pdf"' in read(rich, "business/2-zapis.html")


def test_a_video_has_a_poster_and_loads_nothing_before_it_is_asked(rich: Path) -> None:
    page = read(rich, "business/2-zapis.html")
    video = page[page.index("<video") : page.index("</video>")]
    assert 'preload="none"' in video
    assert 'poster="../media/' in video
    assert 'width="320" height="240"' in video


def test_nothing_asks_another_host(rich: Path) -> None:
    for name, data in tree(rich).items():
        if name.endswith(".html"):
            page = data.decode()
            assert "default-src 'none'" in page
            assert all(not url.startswith("//") for url in links(page))
            assert 'src="http' not in page
        if name.endswith(".css"):
            assert b"url(" not in data
            assert b"@import" not in data


def test_search_engines_are_told_who_wrote_what_and_when(rich: Path) -> None:
    page = read(rich, "business/2-zapis.html")
    start = page.index("ld+json") + len('ld+json">')
    told = json.loads(page[start : page.index("</script>", start)])
    assert told["@type"] == "NewsArticle"
    assert told["author"][0]["name"] == "Павел Столяров"
    assert told["image"][0].startswith("https://example.com/blog/media/")
    assert told["mainEntityOfPage"] == "https://example.com/blog/business/2-zapis.html"


def test_feeds_carry_the_whole_article_with_public_addresses(rich: Path) -> None:
    atom = ET.fromstring(read(rich, "business/feed.xml"))
    space = {"a": "http://www.w3.org/2005/Atom"}
    entries = atom.findall("a:entry", space)
    assert [entry.findtext("a:title", "", space) for entry in entries] == [
        "Запись 3",
        "Запись 2",
        "Запись 1",
    ]
    content = entries[1].findtext("a:content", "", space)
    assert 'src="https://example.com/blog/media/' in content
    assert 'href="https://example.com/blog/business/1-zapis.html"' in content
    assert "media:" not in content
    strictly(content)
    rss = ET.fromstring(read(rich, "business/rss.xml"))
    assert len(rss.findall("channel/item")) == 3


def test_no_character_breaks_a_page_or_a_feed(tmp_path: Path) -> None:
    odd = "a\x00b\x0bc\x1bd\x7fe\ufffef\uffff ]]> <![CDATA[ & &#0; \u202e"
    one = article(1, title=odd, lead=odd, body=f"<p>{odd}</p>", tags=(odd,))
    pages = build(tmp_path / "site", [one])
    for name, data in pages.items():
        if name.endswith(".xml"):
            ET.fromstring(data)
        assert not set(data) & {0, 11, 27, 127}
    title = ET.fromstring(pages["business/rss.xml"]).findtext("channel/item/title", "")
    assert title == "abcdef ]]> <![CDATA[ & &#0; \u202e"


def test_the_sitemap_lists_every_article_once(rich: Path) -> None:
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    index = ET.fromstring(read(rich, "sitemap.xml"))
    files = [loc.text for loc in index.findall("s:sitemap/s:loc", space)]
    assert files == ["https://example.com/blog/business/sitemap-1.xml"]
    urls = ET.fromstring(read(rich, "business/sitemap-1.xml")).findall("s:url/s:loc", space)
    found = [url.text for url in urls]
    assert found.count("https://example.com/blog/business/2-zapis.html") == 1
    assert len(found) == 4


def test_one_blog_is_the_sites_first_page_and_several_share_a_hub(tmp_path: Path) -> None:
    alone = build(tmp_path / "site", [article(1)])
    assert "Запись 1" in alone["index.html"].decode()
    assert 'href="https://example.com/blog/business/"' in alone["index.html"].decode()
    both = build(tmp_path / "site", [article(1, blog="other", author=Author(name="Анна"))])
    hub = both["index.html"].decode()
    assert 'href="business/index.html"' in hub
    assert 'href="other/index.html"' in hub
    strictly(hub)


def test_the_title_names_the_only_blog_or_what_several_share(tmp_path: Path) -> None:
    two = [article(1), article(1, blog="other", author=Author(name="Анна"))]
    for one, title in ((two[0], "Слово мастера"), (two[1], "Анна")):
        with closing(site(tmp_path / "site", title="Слово мастера")) as publisher:
            publisher.put(one, {}, None)
            publisher.finish()
        page = read(tmp_path, f"site/{one.blog}/1-zapis.html")
        assert f"<title>Запись 1 — {title}</title>" in page
    assert "<title>Запись 1 — Павел Столяров</title>" in read(
        tmp_path, "site/business/1-zapis.html"
    )
    assert "Слово мастера" in read(tmp_path, "site/index.html")


def test_a_site_without_articles_says_so(tmp_path: Path) -> None:
    assert "пока нет" in build(tmp_path / "site", [])["index.html"].decode()


def test_the_blogs_language_is_the_articles(tmp_path: Path) -> None:
    pages = build(tmp_path / "site", [article(1, language="en"), article(2, language="xx")])
    page = pages["business/1-zapis.html"].decode()
    assert '<html lang="en">' in page
    assert "Skip to the text" in page
    assert "January 2, 2025" in page


def test_a_users_template_replaces_ours_and_redraws_the_site(tmp_path: Path) -> None:
    build(tmp_path / "site", [article(1)])
    own = tmp_path / "templates" / "static"
    own.mkdir(parents=True)
    (own / "style.css").write_text("body { color: teal }")
    with closing(site(tmp_path / "site", templates=tmp_path / "templates")) as publisher:
        publisher.finish()
    styles = list((tmp_path / "site" / "assets").glob("style-*.css"))
    assert [path.read_text() for path in styles] == ["body { color: teal }"]
    assert styles[0].name in read(tmp_path, "site/business/1-zapis.html")


# --- Files ------------------------------------------------------------------------------------


def test_a_photo_is_published_without_a_word_about_where(tmp_path: Path) -> None:
    from PIL import Image

    photo = Image.new("RGB", (900, 600), "olive")
    exif = Image.Exif()
    exif[0x010E] = "секретное место"
    exif.get_ifd(0x8825)[2] = (54.0, 59.0, 7.0)
    photo.save(tmp_path / "gps.jpg", exif=exif)
    media = Media(kind="photo", locator="1/0")
    with closing(site(tmp_path / "site")) as publisher:
        upload = publisher.upload(tmp_path / "gps.jpg", media)
        publisher.put(article(1, cover=0, figures=(Figure(media=media),)), {0: upload}, None)
        publisher.finish()
    made = list((tmp_path / "site" / "media").rglob("*.jpg"))
    assert len(made) == 3
    for path in made:
        with Image.open(path) as image:
            assert not image.getexif()
    assert (upload.width, upload.height) == (900, 600)
    assert [variant.width for variant in upload.variants] == [320, 640]


def test_files_are_public_only_while_a_live_article_shows_them(tmp_path: Path) -> None:
    media = Media(kind="photo", locator="1/0")
    one = article(1, cover=0, figures=(Figure(media=media),))
    with closing(site(tmp_path / "site")) as publisher:
        upload = publisher.upload(PHOTOS[0], media)
        assert not (tmp_path / "site" / "media").exists()
        remote = publisher.put(one, {0: upload}, None)
        publisher.finish()
        shown = sorted(path.name for path in (tmp_path / "site" / "media").rglob("*.jpg"))
        assert shown
        draft = publisher.withdraw(remote, "draft")
        publisher.finish()
        assert not (tmp_path / "site" / "media").exists()
        publisher.discard(upload)
        publisher.put(one, {0: upload}, draft)
        publisher.finish()
        assert sorted(path.name for path in (tmp_path / "site" / "media").rglob("*.jpg")) == shown


@pytest.mark.parametrize(
    ("name", "mime", "suffix"),
    [
        ("page.html", "text/html", "bin"),
        ("logo.svg", "image/svg+xml", "bin"),
        ("x.php", "application/x-php", "bin"),
        (".htaccess", "", "bin"),
        ("../../смета.PDF", "application/pdf", "pdf"),
        ("", "video/mp4", "mp4"),
    ],
)
def test_what_a_server_might_run_is_stored_as_bytes(
    tmp_path: Path, name: str, mime: str, suffix: str
) -> None:
    (tmp_path / "given").write_bytes(b"<svg onload='alert(1)'/>")
    media = Media(kind="document", locator="1/0", name=name, mime=mime)
    with closing(site(tmp_path / "site")) as publisher:
        upload = publisher.upload(tmp_path / "given", media)
    assert upload.url.startswith("https://example.com/blog/media/")
    assert upload.url.endswith(f".{suffix}")


def test_a_photo_that_is_none_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"this is not a picture")
    with closing(site(tmp_path / "site")) as publisher:
        with pytest.raises(Refused, match="not a picture"):
            publisher.upload(tmp_path / "photo.jpg", Media(kind="photo", locator="1/0"))
        assert not list((tmp_path / "site").rglob("*.jpg"))


def test_a_lost_file_is_asked_for_again(tmp_path: Path) -> None:
    lost = Upload(id="0" * 32 + ".jpg", url="https://example.com/x.jpg")
    one = article(1, figures=(Figure(media=Media(kind="photo", locator="1/0")),))
    with closing(site(tmp_path / "site")) as publisher, pytest.raises(Refused, match="sent again"):
        publisher.put(one, {0: lost}, None)


# --- The site as a whole ----------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file where the folder should be")
    with closing(site(tmp_path / "site")) as publisher:
        with pytest.raises(PublisherError, match="cannot be written"):
            publisher.put(article(1), {}, None)
        assert [finding.ok for finding in publisher.check()] == [False]


def test_a_damaged_catalogue_is_said(tmp_path: Path) -> None:
    build(tmp_path / "site", [article(1)])
    for path in (tmp_path / "site" / ".crosspost").glob("site.db*"):
        path.write_bytes(b"this is no database" * 999)
    with closing(site(tmp_path / "site")) as publisher:
        with pytest.raises(PublisherError, match="not a database"):
            publisher.find(article(1))
        assert not all(finding.ok for finding in publisher.check())


def test_a_site_of_a_newer_crosspost_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    build(tmp_path / "site", [article(1)])
    with closing(sqlite3.connect(tmp_path / "site" / ".crosspost" / "site.db")) as catalogue:
        catalogue.execute("PRAGMA user_version = 99")
    newer = pytest.raises(PublisherError, match="newer Crosspost")
    with closing(site(tmp_path / "site")) as publisher, newer:
        publisher.put(article(2), {}, None)


def apart(*works: Callable[[], None]) -> list[int]:
    """Runs each in a process of its own, at the same time; their exit codes."""
    children = []
    for work in works:
        if (child := os.fork()) == 0:
            try:
                work()
            except PublisherError:
                os._exit(4)
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_disk_that_is_full_ends_the_run_with_a_sentence_and_the_next_goes_on(
    tmp_path: Path,
) -> None:
    import resource
    import signal

    articles = [article(number, body="<p>слово</p>" * 50) for number in range(1, 40)]

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
        build(tmp_path / "site", articles)

    assert apart(full) == [4]
    with closing(site(tmp_path / "site")) as publisher:
        for one in articles:
            if publisher.find(one) is None:
                publisher.put(one, {}, None)
        publisher.finish()
    assert tree(tmp_path / "site") == build(tmp_path / "clean", articles)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_runs_of_several_blogs_at_the_same_time_share_the_site(tmp_path: Path) -> None:
    blogs = {
        name: [article(number, blog=name, author=Author(name=name)) for number in range(1, 9)]
        for name in ("one", "two", "three")
    }
    works = [lambda own=own: build(tmp_path / "site", own) and None for own in blogs.values()]
    assert apart(*works) == [0, 0, 0]
    everything = [one for own in blogs.values() for one in own]
    assert tree(tmp_path / "site") == build(tmp_path / "clean", everything)


def test_opening_a_site_touches_nothing(tmp_path: Path) -> None:
    with closing(site(tmp_path / "site")) as publisher:
        assert all(finding.ok for finding in publisher.check())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com/", "https://", "https://a/?b"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValidationError, match="must be the site"):
        StaticSettings(path=Path("public"), url=url)


def test_an_id_of_another_site_is_no_article_of_ours(tmp_path: Path) -> None:
    from crosspost.publishers import Vanished

    with closing(site(tmp_path / "site")) as publisher, pytest.raises(Vanished):
        publisher.look(Remote(id="business/x' OR 1=1", url="", version="1"))


# --- Names and words --------------------------------------------------------------------------


@pytest.mark.parametrize("blog", ["..", ".", "", "a/b", "media", "CON", "Дело", "a--b", "x" * 300])
def test_no_name_leaves_its_folder_or_meets_another(blog: str) -> None:
    folder = names.folder(blog)
    assert "/" not in folder
    assert folder.strip(".")
    assert folder.isascii()
    assert len(folder) < 110
    assert folder not in (names.folder(blog + " "), "media", "assets")


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("<p>Раз<br>два</p><p>три</p>", "Раз два три"),
        ("<p>a &lt;b&gt; &amp;amp;</p>", "a <b> &amp;"),
        ("<ul><li>раз</li><li>два</li></ul>", "раз два"),
        ("сло<strong>во</strong>", "слово"),
    ],
)
def test_a_teaser_keeps_words_apart(fragment: str, words: str) -> None:
    assert bodies.plain(fragment) == words


def test_a_long_teaser_ends_at_a_word() -> None:
    assert bodies.shorten("Слово за слово, и готово", 17) == "Слово за слово…"
    assert bodies.shorten("Слово", 5) == "Слово"
