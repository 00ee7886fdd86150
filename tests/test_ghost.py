"""A real Ghost keeps what all publishers promise, and what this one promises beside."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from crosspost.errors import PublisherError
from crosspost.markup import blocks, text_of
from crosspost.model import Entity, Figure, Media, Remote, digest
from crosspost.publishers import Changed, Refused, Vanished
from crosspost.publishers.ghost import GhostSettings

pytest.register_assert_rewrite("contract.publisher_contract", "sites.magazine")
from contract.publisher_contract import PHOTO, PublisherContract, World, article  # noqa: E402
from sites.magazine import Magazine  # noqa: E402
from test_ghost_cards import ENTITIES, WORDS  # noqa: E402

pytest_plugins = ("sites.magazine",)
pytestmark = pytest.mark.servers

GOLDEN = Path(__file__).parent / "golden"


class TestGhost(PublisherContract):
    @pytest.fixture
    def world(self, magazine: Magazine) -> World:
        return magazine


# --- What an article is on the site ---


def test_an_article_has_all_that_the_site_has_a_place_for(magazine: Magazine) -> None:
    site = magazine.make(category="Блоги", author="pavel")
    cover, second = (site.upload(magazine.picture(number), PHOTO) for number in (0, 1))
    one = article(
        lead="Вступление <strong>коротко</strong>.",
        tags=("Хлеб", "Малый бизнес"),
        figures=(
            Figure(media=PHOTO, alt="Печь", caption="На фото: <em>печь</em>"),
            Figure(media=PHOTO, alt="Мука"),
        ),
        cover=0,
        body='<figure class="photo"><img src="media:1" alt="Мука"></figure>',
        credit="Фото: автор",
    )
    remote = site.put(one, {0: cover, 1: second}, None)
    found = magazine.raw(remote)
    assert found["title"] == "Запись 1"
    assert found["custom_excerpt"] == "Вступление коротко."
    assert found["published_at"] == "2025-05-01T10:00:00.000Z"
    assert found["slug"] == "1-business"
    assert found["feature_image"] == cover.url
    assert found["feature_image_alt"] == "Печь"
    assert found["feature_image_caption"] == "На фото: <em>печь</em>"
    assert [tag["name"] for tag in found["tags"]] == ["Блоги", "Хлеб", "Малый бизнес"]
    assert [person["slug"] for person in found["authors"]] == ["pavel"]
    picture, origin, credit = magazine.cards(remote)
    assert (picture["type"], picture["src"], picture["alt"]) == ("image", second.url, "Мука")
    assert (picture["width"], picture["height"]) == (400, 300)
    assert origin["children"][0]["url"] == "https://t.me/example/1"
    assert credit["children"][0]["text"] == "Фото: автор"
    shown = magazine.public(remote) or ""
    assert shown.index("Вступление коротко.") < shown.index("На фото: печь") < shown.index("Фото:")
    assert shown.count("Вступление") == 1


@pytest.mark.parametrize("lead", ["Слово " * 60, 'Со <a href="https://example.com/">ссылкой</a>'])
def test_a_lead_that_is_no_excerpt_stands_in_the_text_whole(magazine: Magazine, lead: str) -> None:
    remote = magazine.make().put(article(lead=lead), {}, None)
    assert magazine.raw(remote)["custom_excerpt"] is None
    assert " ".join(lead.split("<")[0].split()) in (magazine.public(remote) or "")
    assert lead.strip() in magazine.raw(remote)["html"]


def test_a_tag_in_another_case_is_the_same_one(magazine: Magazine) -> None:
    for name in ("ХЛЕБ", "Мука"):
        magazine.site.ask("POST", "tags/", json={"tags": [{"name": name}]})
    site = magazine.make(category="блоги")
    site.put(article(tags=("хлеб", "мука", "Хлеб", "#новое", ", ,")), {}, None)
    site.put(article(2, tags=("НОВОЕ",)), {}, None)
    magazine.make(category="Блоги").put(article(3, tags=("Новое",)), {}, None)
    assert magazine.tags() == ["ХЛЕБ", "Мука", "блоги", "новое"]


def test_an_article_goes_by_no_newsletter_unless_a_setting_says_so(magazine: Magazine) -> None:
    now = datetime.now(UTC) - timedelta(minutes=5)
    plain = magazine.make().put(article(1, date=now), {}, None)
    assert magazine.raw(plain)["email"] is None
    site = magazine.make(newsletter="default-newsletter")
    sent = site.put(article(2, date=now), {}, None)
    assert sent.status == "live"
    first = magazine.raw(sent)["email"]
    assert first["subject"] == "Запись 2"
    assert magazine.raw(sent)["published_at"][:19] == now.isoformat()[:19]
    again = site.put(article(2, date=now, words="Исправлено"), {}, sent)
    draft = site.withdraw(again, "draft")
    site.put(article(2, date=now, words="Снова"), {}, draft)
    assert magazine.raw(sent)["email"]["id"] == first["id"], "and never twice"


def test_a_backfill_is_never_sent_by_mail(magazine: Magazine) -> None:
    site = magazine.make(newsletter="default-newsletter")
    old = datetime.now(UTC) - timedelta(days=2)
    remote = site.put(article(date=old), {}, None)
    assert (remote.status, magazine.raw(remote)["email"]) == ("live", None)


def test_what_an_editor_publishes_himself_stays_published(magazine: Magazine) -> None:
    site = magazine.make(status="draft")
    remote = site.put(article(), {}, None)
    assert (remote.status, magazine.raw(remote)["status"]) == ("draft", "draft")
    magazine.change(remote, status="published")
    again = site.put(article(words="Исправлено"), {}, remote)
    assert again.status == "live"
    assert "Исправлено" in (magazine.public(again) or "")


def test_an_author_who_is_not_on_the_staff_is_told(magazine: Magazine) -> None:
    assert magazine.make(author="PAVEL@example.com").put(article(), {}, None)
    with pytest.raises(PublisherError, match=r"no person «nobody».*there are: .*pavel"):
        magazine.make(author="nobody").put(article(2), {}, None)


def test_links_to_other_posts_lead_to_their_articles(magazine: Magazine) -> None:
    target = magazine.make().put(article(7), {}, None)
    magazine.make().put(article(8), {}, None)
    magazine.change(target, slug="hleb")
    address = f"{magazine.site.url}/hleb/"
    words = '<a href="post:7">там</a>, <a href="post:9">нет</a>'
    for number in (1, 2):
        remote = magazine.make().put(article(number, words=words), {}, None)
        assert f'<a href="{address}">там</a>, нет' in magazine.raw(remote)["html"]


def test_the_cover_stands_in_the_text_too_where_the_theme_shows_none(magazine: Magazine) -> None:
    site = magazine.make(cover_in_text=True)
    upload = site.upload(magazine.picture(), PHOTO)
    one = article(figures=(Figure(media=PHOTO, alt="Печь"),), cover=0)
    assert magazine.cards(site.put(one, {0: upload}, None))[0]["src"] == upload.url


def test_a_post_whose_time_is_still_to_come_by_the_sites_clock_is_public(
    magazine: Magazine,
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=10)
    remote = magazine.make().put(article(date=soon), {}, None)
    assert (remote.status, magazine.raw(remote)["status"]) == ("live", "published")
    assert "Слово за слово" in (magazine.public(remote) or "")


# --- Parts ---


def test_the_parts_are_what_a_visitor_reads(magazine: Magazine) -> None:
    one = article(lead="Коротко.", tags=("хлеб",), body="<p>Раз<br>два</p><h2>Три</h2>")
    site = magazine.make(category="Блоги")
    remote = site.put(one, {}, None)
    parts = remote.parts
    assert parts is not None
    assert (parts.title, parts.lead, parts.tags) == ("Запись 1", "Коротко.", ("Блоги", "хлеб"))
    assert parts.text == "Раз\nдва\nТри\nОригинал в Телеграме"
    assert magazine.make(category="Блоги").look(remote).parts == parts


def test_what_is_kept_stays_as_the_editor_has_it(magazine: Magazine) -> None:
    site = magazine.make()
    remote = site.put(article(lead="Наше.", tags=("хлеб",)), {}, None)
    magazine.change(
        remote,
        title="Заголовок редактора",
        custom_excerpt="Анонс редактора",
        tags=[{"name": "выпечка"}, {"name": "город"}],
    )
    now = site.look(remote)
    new = article(words="Новый текст", lead="Новое.", title="Новый", tags=("мука",))
    kept = site.put(new, {}, now, keep={"title", "lead", "tags"})
    assert kept.parts is not None
    assert kept.parts.title == "Заголовок редактора"
    assert kept.parts.lead == "Анонс редактора"
    assert kept.parts.tags == ("выпечка", "город")
    assert "Новый текст" in kept.parts.text
    assert kept.digest == digest(new)


# --- Known again ---


def test_find_knows_the_article_by_its_mark_when_its_slug_was_changed(magazine: Magazine) -> None:
    remote = magazine.make().put(article(), {}, None)
    magazine.make().put(article(11), {}, None)
    magazine.change(remote, slug="another-address")
    found = magazine.make().find(article())
    assert found is not None
    assert (found.id, found.digest) == (remote.id, digest(article()))


def test_find_knows_the_article_by_its_slug_when_its_mark_was_removed(magazine: Magazine) -> None:
    remote = magazine.make().put(article(), {}, None)
    magazine.change(remote, codeinjection_head=None)
    site = magazine.make()
    found = site.find(article())
    assert found is not None
    assert (found.id, found.digest) == (remote.id, "")
    with pytest.raises(Changed):
        site.put(article(words="Новое"), {}, found)


def test_what_others_put_into_the_head_stays(magazine: Magazine) -> None:
    site = magazine.make()
    remote = site.put(article(), {}, None)
    magazine.change(
        remote,
        codeinjection_head="<style>a{}</style>\n" + magazine.raw(remote)["codeinjection_head"],
    )
    again = site.put(article(words="Новое"), {}, remote)
    head = magazine.raw(again)["codeinjection_head"]
    assert head.startswith("<style>a{}</style>\n<meta")
    assert head.count("crosspost--business--1--") == 1
    assert site.look(again).digest == digest(article(words="Новое"))


@pytest.mark.parametrize("edited", ["words", "title", "excerpt"])
def test_without_a_ledger_what_an_editor_changed_is_not_overwritten(
    magazine: Magazine, edited: str
) -> None:
    remote = magazine.make().put(article(lead="Анонс"), {}, None)
    if edited == "words":
        magazine.edit(remote, "Поправлено редактором")
    else:
        name = {"title": "title", "excerpt": "custom_excerpt"}[edited]
        magazine.change(remote, **{name: "Поправлено редактором"})
    site = magazine.make()
    found = site.find(article())
    assert found is not None
    assert found.digest == "", "it is not what was sent"
    with pytest.raises(Changed, match="not the one we left") as caught:
        site.put(article(words="Новое"), {}, found)
    assert "Поправлено редактором" in caught.value.theirs
    assert len(magazine.posts()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Редакция решила иначе"},
        {"custom_excerpt": "Другой анонс"},
        {"status": "draft"},
        {"tags": [{"name": "город"}]},
        {"feature_image": "https://example.com/other.jpg"},
        {"feature_image_caption": "Другая подпись"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_of_an_editor_is_respected(magazine: Magazine, change: dict[str, Any]) -> None:
    site = magazine.make()
    remote = site.put(article(), {}, None)
    magazine.change(remote, **change)
    with pytest.raises(Changed):
        site.put(article(words="Новое"), {}, remote)


@pytest.mark.parametrize(
    "change",
    [{"featured": True}, {"slug": "hleb"}, {"visibility": "members"}, {"email_subject": "X"}],
)
def test_what_we_never_write_is_no_conflict_and_stays(
    magazine: Magazine, change: dict[str, Any]
) -> None:
    site = magazine.make()
    remote = site.put(article(), {}, None)
    magazine.change(remote, **change)
    again = site.put(article(words="Новое"), {}, remote)
    found = magazine.raw(again)
    assert {name: found[name] for name in change} == change


def test_a_save_in_the_midst_of_ours_is_a_change(
    magazine: Magazine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ghost compares the time of the last change itself."""
    site = magazine.make()
    remote = site.put(article(), {}, None)
    magazine.change(remote, updated_at=magazine.raw(remote)["updated_at"], featured=True)
    demand = site._demand

    def late(one: Remote) -> dict[str, Any]:
        before = demand(one)
        return before | {"updated_at": "2025-01-01T00:00:00.000Z"}

    monkeypatch.setattr(site, "_demand", late)
    with pytest.raises(Changed):
        site.put(article(words="Новое"), {}, remote)
    assert "Слово за слово" in (magazine.public(remote) or "")


def test_an_article_deleted_for_good_has_vanished(magazine: Magazine) -> None:
    site = magazine.make()
    remote = site.put(article(), {}, None)
    magazine.delete(remote)
    for version in (remote.version, ""):
        with pytest.raises(Vanished):
            site.put(article(), {}, msgspec.structs.replace(remote, version=version))
    assert site.find(article()) is None
    assert site.withdraw(remote, "remove") is None


def test_two_machines_at_once_leave_one_article(magazine: Magazine) -> None:
    first = magazine.make().put(article(), {}, None)
    second = magazine.make().put(article(words="Чуть позже"), {}, None)
    assert second.id == first.id
    assert len(magazine.posts()) == 1


def test_four_machines_in_the_same_instant_leave_one_article(magazine: Magazine) -> None:
    def make(number: int) -> Remote:
        return magazine.make().put(article(words=f"Машина {number}", tags=("хлеб",)), {}, None)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(4)))
    (left,) = magazine.posts()
    assert {one.id for one in made} == {left["id"]}
    assert left["slug"] == "1-business"
    assert magazine.tags() == ["хлеб"]


def test_a_page_of_that_address_is_no_article_of_ours(magazine: Magazine) -> None:
    page = {"title": "Занято", "slug": "1-business", "status": "published"}
    magazine.site.ask("POST", "pages/", json={"pages": [page]})
    site = magazine.make()
    remote = site.put(article(), {}, None)
    assert site.find(article()) == remote
    assert site.put(article(words="Новое"), {}, remote).id == remote.id
    assert len(magazine.posts()) == 1


# --- Files ---


def test_films_sounds_and_files_go_where_ghost_keeps_them(
    magazine: Magazine, tmp_path: Path
) -> None:
    given = {
        "film.mp4": ("video", "video/mp4", "media"),
        "voice.ogg": ("voice", "audio/ogg", "media"),
        "film.mov": ("video", "video/quicktime", "files"),
        "Отчёт за год.PDF": ("document", "application/pdf", "files"),
        "x.1": ("document", "", "files"),
    }
    for name, (kind, mime, place) in given.items():
        file = tmp_path / "file"
        file.write_bytes(name.encode() * 100)
        media = Media(kind=kind, locator="1", mime=mime, name=name)  # type: ignore[arg-type]
        first, second = (magazine.make().upload(file, media) for _ in range(2))
        assert first == second
        assert f"/content/{place}/" in first.url
        assert requests.get(first.url, timeout=30).content == file.read_bytes()
    assert magazine.files() == len(given)


def test_a_file_is_found_in_the_article_that_shows_it_in_whatever_month_it_came(
    magazine: Magazine,
) -> None:
    site = magazine.make()
    uploads = {number: site.upload(magazine.picture(number), PHOTO) for number in (0, 1)}
    content = magazine.site.folder / "content/images"
    (month,) = content.glob("*/*")
    month.rename(content / "2024-01")
    (content / "2024").mkdir()
    (content / "2024-01").rename(content / "2024/01")
    stamp = "/".join(month.parts[-2:])
    moved = {
        number: msgspec.structs.replace(one, url=one.url.replace(stamp, "2024/01"))
        for number, one in uploads.items()
    }
    body = '<figure class="photo"><img src="media:1" alt=""></figure>'
    one = article(figures=(Figure(media=PHOTO), Figure(media=PHOTO)), cover=0, body=body)
    site.put(one, moved, None)
    for number in (0, 1):
        assert magazine.make().upload(magazine.picture(number), PHOTO).url == moved[number].url
    assert magazine.files() == 2


def test_a_picture_that_ghost_cannot_read_is_refused_in_its_words(
    magazine: Magazine, tmp_path: Path
) -> None:
    file = tmp_path / "broken.png"
    file.write_bytes(magazine.picture().read_bytes()[:200])
    with pytest.raises(Refused, match=r"(?i)image|picture"):
        magazine.make().upload(file, PHOTO)
    assert magazine.files() == 0


# --- Hostile ---

SCRIPT = "<script>window.bad=1</script> & <img src=x onerror=bad()>"
QUOTED = "&lt;script&gt;window.bad=1&lt;/script&gt; &amp; &lt;img src=x onerror=bad()&gt;"


def test_words_stay_words_in_every_card(magazine: Magazine) -> None:
    """Ghost writes some fields of its cards into the page as they are."""
    names = {"name": SCRIPT, "title": SCRIPT, "performer": SCRIPT}
    figures = (
        Figure(media=PHOTO, alt=SCRIPT, caption=QUOTED),
        Figure(media=Media(kind="audio", locator="1", mime="audio/mpeg", duration=5, **names)),
        Figure(media=Media(kind="document", locator="2", mime="application/pdf", **names)),
    )
    body = (
        f'<figure class="audio"><audio src="media:1" controls=""></audio><figcaption>{QUOTED}'
        f'</figcaption></figure><figure class="card file"><a href="media:2">{QUOTED}</a></figure>'
        f'<figure class="photo"><img src="media:0" alt="{QUOTED}"><figcaption>{QUOTED}</figcaption>'
        f"</figure><details><summary>{QUOTED}</summary><p>{QUOTED}</p></details>"
        f"<details><summary>a</summary>{QUOTED}</details><pre><code>{QUOTED}</code></pre>"
        f'<section class="card link"><p class="title"><a href="https://e.com/?a=&quot;&gt;">'
        f'{QUOTED}</a></p><p class="site">{QUOTED}</p><p class="description">{QUOTED}</p></section>'
        f"<table><tr><td>{QUOTED}</td></tr></table><blockquote>{QUOTED}</blockquote>"
        f'<ul><li>{QUOTED}</li></ul><p><span class="spoiler">{QUOTED}</span></p>'
    )
    site = magazine.make(cover_in_text=True)
    upload = site.upload(magazine.picture(), PHOTO)
    sound, paper = (
        msgspec.structs.replace(upload, mime=mime) for mime in ("audio/mpeg", "application/pdf")
    )
    one = article(
        title=SCRIPT,
        lead=QUOTED,
        tags=(SCRIPT,),
        figures=figures,
        cover=0,
        body=body,
        credit=QUOTED,
    )
    remote = site.put(one, {0: upload, 1: sound, 2: paper}, None)
    page = BeautifulSoup(requests.get(remote.url, timeout=30).text, "lxml")
    assert [one for one in page.find_all("script") if "window.bad" in one.get_text()] == []
    assert page.find_all("img", src="x") == []
    assert page.find_all(onerror="bad()") == []
    assert (magazine.public(remote) or "").count("window.bad=1") >= 14


# --- Every word ---


def test_ghost_keeps_every_word_of_the_article_with_everything(magazine: Magazine) -> None:
    body = (GOLDEN / "wordpress" / "article.body.html").read_text("utf-8")
    # a table's caption stands below it
    assert sorted(_kept(magazine, 1, body)) == sorted(_words(text_of(body)))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(WORDS, ENTITIES)
def test_ghost_keeps_every_word_of_any_body(
    magazine: Magazine, text: str, entities: list[Entity]
) -> None:
    body = blocks(text, entities)
    assert _kept(magazine, 1, body) == _words(text_of(body))


def _kept(magazine: Magazine, number: int, body: str) -> str:
    """The words that Ghost has in the end; it was sent what it has, so the article is known."""
    site = magazine.make()
    one = article(number, body=body, attribution="", title="Всё")
    remote = site.put(one, {}, site.find(one))
    assert remote.digest == digest(one)
    assert remote.parts is not None
    return _words(remote.parts.text)


def _words(text: str) -> str:
    for ours in ("☑", "☐", "·", "Подробнее"):
        text = text.replace(ours, "")
    return "".join(text.split())


# --- Settings and doctor ---


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"admin_key": "22444f78447824223cefc48062"}, "a colon and 64 more"),
        ({"admin_key": "x" * 24 + ":" + "0" * 64}, "copy it from Settings, Integrations"),
        ({"url": "http://example.com"}, "insecure = true"),
        ({"url": "ftp://example.com"}, "must be the site's address"),
        ({"url": "https://a:b@example.com"}, "must hold no password"),
        ({"newsletter": "а b"}, "newsletter"),
        ({"status": "pending"}, "status"),
    ],
)
def test_a_wrong_setting_is_told_without_its_secret(given: dict[str, str], told: str) -> None:
    good = {"url": "https://example.com/ghost/", "admin_key": "a" * 24 + ":" + "0" * 64}
    assert GhostSettings(**good).url == "https://example.com/"
    with pytest.raises(ValidationError, match=told) as caught:
        GhostSettings(**good | given)
    assert good["admin_key"] not in str(caught.value)


def test_check_names_each_step_and_changes_nothing(magazine: Magazine) -> None:
    site = magazine.make(category="Блоги", author="pavel", newsletter="default-newsletter")
    found = site.check()
    assert [finding.what for finding in found if finding.ok] == [
        "the Admin API", "the key", "the clock", "the author", "the category «Блоги»",
        "the newsletter",
    ]  # fmt: skip
    assert "Ghost 5.130" in found[0].detail
    assert (magazine.posts(), magazine.tags(), magazine.files()) == ([], [], 0)


def test_check_may_make_a_draft_and_takes_it_away(magazine: Magazine) -> None:
    last = magazine.make().check(write=True)[-1]
    assert (last.what, last.ok) == ("a draft", True)
    assert "kept all of its text" in last.detail
    assert magazine.posts() == []


def test_check_names_the_newsletters_there_are(magazine: Magazine) -> None:
    (wrong,) = [one for one in magazine.make(newsletter="weekly").check() if not one.ok]
    assert wrong.what == "the newsletter"
    assert "default-newsletter" in wrong.remedy


def test_an_article_whose_lexical_is_odd_is_read_all_the_same(magazine: Magazine) -> None:
    remote = magazine.make().put(article(), {}, None)
    odd = {"root": {"type": "root", "version": 1, "children": [{"type": "markdown", "version": 1,
           "markdown": "# Разметка"}, {"type": "paywall", "version": 1}]}}  # fmt: skip
    magazine.change(remote, lexical=json.dumps(odd))
    found = magazine.make().look(remote)
    assert found.digest == ""
    assert found.parts is not None
    assert found.parts.text == "# Разметка"
