"""What an editor finds in his CMS after Crosspost has filled its form, and what he is told."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from crosspost.errors import PublisherError
from crosspost.model import Figure, Media, Remote, Upload, digest
from crosspost.publishers import Changed, Refused

pytest.register_assert_rewrite(
    "contract.publisher_contract", "sites.desk", "sites.news", "sites.classic", "sites.plain"
)
from contract.publisher_contract import PHOTO, article  # noqa: E402
from sites.classic import Classic  # noqa: E402
from sites.desk import Desk, settings  # noqa: E402
from sites.plain import Plain  # noqa: E402

pytest_plugins = ("sites.desk", "sites.news", "sites.classic", "sites.plain")
pytestmark = pytest.mark.servers

FIGURES = (Figure(media=PHOTO, alt="Печь"), Figure(media=PHOTO, caption="Мука", alt="Мешок"))


def fields(**more: Any) -> dict[str, Any]:
    """The map of fields, with these instead; None takes one away."""
    found = settings("http://localhost")["fields"] | more
    return {key: value for key, value in found.items() if value is not None}


def illustrated(desk: Desk, site: Any, **more: Any) -> tuple[Any, dict[int, Upload]]:
    uploads = {number: site.upload(desk.picture(number), PHOTO) for number in (0, 1)}
    body = (
        '<p>Текст</p><figure class="photo"><img src="media:1" alt="Мешок">'
        "<figcaption>Мука</figcaption></figure>"
    )
    one = article(figures=FIGURES, cover=0, lead="Вступление <em>важное</em>", body=body, **more)
    return one, uploads


def test_each_part_arrives_in_its_field_and_all_others_stay(desk: Desk) -> None:
    site = desk.make()
    one, uploads = illustrated(desk, site, tags=("хлеб", "Малый бизнес"))
    site.put(one, uploads, None)
    assert desk.column("title") == ["Запись 1"]
    assert desk.column("slug") == ["post-1-business"]
    assert desk.column("lead") == ["Вступление важное"]
    assert desk.column("published_at") == ["2025-05-01 10:00:00"], "16:00 in Omsk"
    assert desk.column("section") == ["blogs"]
    assert desk.column("comments") == [1]
    assert desk.column("note") == ["от редакции"]
    (author,) = desk.site.rows(
        "SELECT name FROM news_author JOIN news_article ON news_author.id = author_id"
    )
    assert author == ("Павел Столяров",)
    tags = desk.site.rows("SELECT name FROM news_tag ORDER BY id")
    assert tags == [("хлеб",), ("Малый бизнес",)]
    assert desk.site.rows("SELECT count(*) FROM news_article_tags") == [(2,)]
    (cover,) = desk.column("cover")
    assert (desk.site.folder / "media" / cover).read_bytes() == desk.picture(0).read_bytes()
    (text,) = desk.column("text")
    assert f'src="{uploads[1].url}"' in text
    assert 'width="400"' in text
    assert "media:" not in text


def test_an_update_leaves_what_it_does_not_fill_and_sends_no_cover_twice(desk: Desk) -> None:
    site = desk.make()
    one, uploads = illustrated(desk, site)
    remote = site.put(one, uploads, None)
    desk.change(remote, note="срочно", comments=0, section="sport")
    again = desk.make().put(replace(one, title="Новый заголовок"), uploads, remote)
    assert again.id == remote.id
    assert desk.column("title") == ["Новый заголовок"]
    assert (desk.column("note"), desk.column("section")) == (["срочно"], ["sport"])
    assert desk.column("comments") == [0]
    assert len(list((desk.site.folder / "media" / "covers").iterdir())) == 1


def test_a_cover_is_replaced_and_taken_away(desk: Desk) -> None:
    site = desk.make()
    one, uploads = illustrated(desk, site)
    remote = site.put(one, uploads, None)
    (first,) = desk.column("cover")
    remote = site.put(replace(one, cover=1), uploads, remote)
    (second,) = desk.column("cover")
    assert second not in ("", first)
    site.put(replace(one, cover=None), uploads, remote)
    assert desk.column("cover") == [""]


def test_a_cover_that_is_gone_from_this_machine_is_asked_for_again(desk: Desk) -> None:
    site = desk.make()
    one, uploads = illustrated(desk, site)
    for path in (desk.folder / "user-cache").rglob("*.png"):
        path.unlink()
    with pytest.raises(Refused, match="must be sent again"):
        site.put(one, uploads, None)
    assert desk.all() == 0
    uploads = {number: site.upload(desk.picture(number), PHOTO) for number in (0, 1)}
    site.put(one, uploads, None)
    assert desk.files() == 2


@pytest.mark.parametrize("part", ["title", "lead", "tags"])
def test_what_the_editor_keeps_stays_and_the_rest_is_new(desk: Desk, part: str) -> None:
    site = desk.make()
    before = article(lead="Прежде", tags=("хлеб",))
    after = article(title="После", lead="Потом", tags=("мука",), words="Новое")
    remote = site.put(before, {}, None)
    again = site.put(after, {}, remote, keep=(part,))
    assert again.digest == digest(after)
    assert again.parts is not None
    told = {"title": again.parts.title, "lead": again.parts.lead, "tags": again.parts.tags}
    old = {"title": "Запись 1", "lead": "Прежде", "tags": ("хлеб",)}
    new = {"title": "После", "lead": "Потом", "tags": ("мука",)}
    assert told == new | {part: old[part]}
    assert "Новое" in again.parts.text


def test_a_lead_in_the_text_is_kept_there(desk: Desk) -> None:
    site = desk.make(fields=fields(lead=None))
    remote = site.put(article(lead="Прежде"), {}, None)
    assert remote.parts is not None
    assert (remote.parts.lead, "Прежде" in remote.parts.text) == ("Прежде", False)
    again = site.put(article(lead="Потом", words="Новое"), {}, remote, keep=("lead",))
    assert again.parts is not None
    assert again.parts.lead == "Прежде"
    assert again.parts.text.split("\n")[0] == "Новое"


def test_a_refusal_names_the_field_in_the_sites_words(desk: Desk) -> None:
    wrong = desk.make(fields=fields(date={"field": "published_at_0", "format": "%d-%m"}))
    with pytest.raises(Refused, match=r"Дата публикации: Введите правильную дату"):
        wrong.put(article(), {}, None)
    assert desk.all() == 0


def test_an_article_whose_slug_another_has_is_refused_with_the_reason(desk: Desk) -> None:
    site = desk.make()
    remote = site.put(article(), {}, None)
    desk.change(remote, text="<p>Совсем другое</p>")
    lost = desk.make(find={"page": "/admin/news/article/?q=x{slug}", "link": "th a"})
    with pytest.raises(Refused, match=r"Адрес: .*уже существует"):
        lost.put(article(), {}, None)
    assert desk.all() == 1


def test_a_form_that_lost_a_field_stops_before_anything_is_sent(desk: Desk) -> None:
    site = desk.make(fields=fields(title="headline"))
    with pytest.raises(PublisherError, match=r"no field «headline» \(title\).*also has.*«title»"):
        site.put(article(), {}, None)
    assert desk.all() == 0
    wrong = [finding.what for finding in site.check() if not finding.ok]
    assert wrong == ["title → «headline»", "«Заголовок» (title)"]


def test_a_required_field_that_nothing_fills_stops_before_anything_is_sent(desk: Desk) -> None:
    site = desk.make(fields=fields(section=None))
    with pytest.raises(PublisherError, match=r"«Рубрика» \(section\) that must be filled"):
        site.put(article(), {}, None)
    assert desk.all() == 0
    assert [one.what for one in site.check() if not one.ok] == ["«Рубрика» (section)"]


def test_a_constant_that_is_no_choice_is_told_with_those_that_are(desk: Desk) -> None:
    site = desk.make(fields=fields(section={"value": "Культура"}))
    with pytest.raises(PublisherError, match="no choice «Культура»; it has «Новости», «Блоги»"):
        site.put(article(), {}, None)
    assert desk.all() == 0


def test_an_unknown_author_is_told(desk: Desk) -> None:
    site = desk.make(fields=fields(author="author"))
    site.put(article(), {}, None)
    unknown = replace(article(2).author, name="Некто")
    with pytest.raises(PublisherError, match="no choice «Некто»; it has «Анна Круглова»"):
        site.put(article(2, author=unknown), {}, None)
    assert desk.all() == 1


def test_a_draft_that_the_editor_publishes_is_still_ours(desk: Desk) -> None:
    site = desk.make(status="draft")
    remote = site.put(article(), {}, None)
    assert remote.status == "draft"
    assert desk.articles() == 0
    desk.change(remote, is_published=1)
    again = site.put(article(words="Поправка"), {}, remote)
    assert again.status == "live"
    desk.change(remote, is_published=0)
    with pytest.raises(Changed):
        site.put(article(words="Ещё"), {}, again)


def test_an_editors_hand_is_seen_without_the_ledger(desk: Desk) -> None:
    remote = desk.make().put(article(), {}, None)
    desk.edit(remote, "Рука редактора")
    site = desk.make()
    found = site.find(article())
    assert found is not None
    assert found.digest == ""
    with pytest.raises(Changed):
        site.put(article(words="Новое"), {}, found)


def test_pictures_that_have_no_place_leave_their_captions_and_a_link(desk: Desk) -> None:
    site = desk.make(upload=None)
    one, uploads = illustrated(desk, site)
    assert [upload.url for upload in uploads.values()] == ["", ""]
    video = Figure(media=Media(kind="video", locator="9/0", mime="video/mp4"))
    site.put(replace(one, figures=(*FIGURES, video)), uploads, None)
    (text,) = desk.column("text")
    assert "<img" not in text
    assert "<p>Мука</p>" in text
    assert '<a href="https://t.me/example/1">Фотографии и файлы — в оригинальной записи' in text
    assert len(list((desk.site.folder / "media" / "covers").iterdir())) == 1


def test_what_the_author_hid_stays_hidden_without_any_style_of_ours(desk: Desk) -> None:
    site = desk.make()
    uploads = {0: site.upload(desk.picture(), PHOTO)}
    body = (
        '<p>Это <span class="spoiler" tabindex="0">секрет</span></p>'
        '<figure class="photo spoiler"><img src="media:0" alt="Печь"></figure>'
    )
    site.put(article(figures=FIGURES[:1], body=body), uploads, None)
    (text,) = desk.column("text")
    assert "<details><summary>Изображение скрыто. Показать</summary><figure" in text
    assert '<span class="crosspost-spoiler" style="background:#333;color:#333">секрет' in text


def test_a_covers_caption_is_not_lost(desk: Desk) -> None:
    site = desk.make()
    uploads = {0: site.upload(desk.picture(), PHOTO)}
    figures = (Figure(media=PHOTO, caption="На фото: <strong>Анна</strong>"),)
    site.put(article(figures=figures, cover=0), uploads, None)
    other = desk.make(fields=fields(caption="note"))
    other.put(article(2, figures=figures, cover=0), uploads, None)
    first, second = desk.column("text")
    assert '<p class="crosspost-caption">На фото: <strong>Анна</strong></p>' in first
    assert "На фото" not in second
    assert desk.column("note") == ["от редакции", "На фото: Анна"]


def test_links_lead_to_articles_that_visitors_see(desk: Desk) -> None:
    site = desk.make()
    body = '<p><a href="post:1">там</a> и <a href="post:7">здесь</a></p>'
    first = site.put(article(1), {}, None)
    site.put(article(2, body=body), {}, None)
    text = desk.column("text")[1]
    assert f'<a href="{first.url}"' in text
    assert '<a href="https://t.me/example/7"' in text


def test_the_link_that_the_admin_shows_is_the_address(desk: Desk) -> None:
    site = desk.make(public={"link": ".viewsitelink", "redirect": True})
    remote = site.put(article(), {}, None)
    assert remote.url == f"{desk.site.url}/post-1-business/"


def test_a_trial_article_is_made_looked_at_and_removed(desk: Desk) -> None:
    found = desk.make().check(write=True)
    assert all(finding.ok for finding in found)
    told = {finding.what: finding.detail for finding in found}
    assert told["title → «Заголовок» (title)"] == "text, required, at most 200 characters"
    assert told["«Заметка редакции» (note)"].endswith("stays as the form gives it: «от редакции»")
    assert told["the mark"].startswith("the site keeps it")
    assert desk.all() == 0


def test_only_a_list_that_answers_is_believed(desk: Desk) -> None:
    for number in range(41):
        desk.site.rows(
            "INSERT INTO news_article (title, slug, lead, text, published_at, cover, author_id,"
            " section, comments, note, is_published) VALUES"
            " ('т', ?, '', '', '2025-05-01 10:00', '', 1, 'news', 1, '', 1)",
            f"staraya-{number}",
        )
    site = desk.make(
        find={"page": "/admin/news/article/?all=&o={slug}", "link": "#result_list th a"}
    )
    with pytest.raises(PublisherError, match="it does not look for one article"):
        site.find(article())


# --- WordPress's classic editor ---


def test_the_classic_editor_takes_date_tags_cover_and_pictures(classic: Classic) -> None:
    site = classic.make()
    uploads = {number: site.upload(classic.picture(number), PHOTO) for number in (0, 1)}
    body = '<p>Текст</p><figure><img src="media:1" alt="Мешок"></figure>'
    one = article(figures=FIGURES, cover=0, body=body, tags=("хлеб", "мука"), lead="Вступление")
    remote = site.put(one, uploads, None)
    (stored,) = classic.posts()
    assert stored["date"] == "2025-05-01T16:00:00", "Omsk's time"
    assert stored["slug"] == "post-1-business"
    assert stored["excerpt"]["raw"] == "Вступление"
    assert str(stored["featured_media"]) == uploads[0].id.partition(":")[0]
    assert len(stored["tags"]) == 2
    assert uploads[1].url in stored["content"]["raw"]
    again = site.put(replace(one, title="Другой", tags=("мука",)), uploads, remote)
    (stored,) = classic.posts()
    assert (stored["status"], len(stored["tags"])) == ("publish", 1)
    assert again.parts is not None
    assert again.parts.tags == ("мука",)


def test_a_site_that_corrects_what_is_saved_is_no_hand(classic: Classic) -> None:
    classic.site.plugin(
        "typography",
        "add_filter('content_save_pre', fn($text) => str_replace('слово', 'словечко', $text));",
    )
    made = classic.make().put(article(), {}, None)
    assert made.digest == digest(article())
    found = classic.make().find(article())
    assert found is not None
    assert (found.version, found.digest) == (made.version, made.digest)


def test_a_site_that_drops_the_mark_is_told_by_the_check(classic: Classic) -> None:
    drop = "add_filter('content_save_pre', fn($t) => preg_replace('/ class=..?[^\"]*\"/', '', $t));"
    classic.site.plugin("strict", drop)
    site = classic.make(
        find={"page": "/wp-admin/edit.php?s=trial&for={slug}", "link": "a.row-title"}
    )
    told = {finding.what: finding for finding in site.check(write=True)}
    assert not told["the mark"].ok
    assert "field of its own" in told["the mark"].remedy
    assert classic.articles() == 0


# --- A plain page ---


def test_a_plain_page_says_its_reasons_in_its_own_encoding(plain: Plain) -> None:
    with pytest.raises(Refused, match="Текст: это слово нельзя"):
        plain.make().put(article(words="Приходите в казино"), {}, None)
    assert plain.stored() == {}
    with pytest.raises(PublisherError, match="Имя или пароль неверны"):
        plain.make(login={"page": "/enter", "user": "x", "password": "y"}).find(article())


def test_letters_that_a_page_cannot_hold_arrive_all_the_same(plain: Plain) -> None:
    site = plain.make()
    uploads = {0: site.upload(plain.picture(), PHOTO)}
    one = article(title="Хлеб № 1", words="Пекарь 🥖 и «ёлка»", figures=FIGURES[:1], cover=0)
    remote: Remote = site.put(one, uploads, None)
    assert "Пекарь 🥖 и «ёлка»" in (plain.public(remote) or "")
    (stored,) = plain.stored().values()
    assert stored["title"] == "Хлеб № 1"
    assert stored["day"] == "01.05.2025"
    assert (plain.folder / "files" / stored["cover"]).is_file()
    assert plain.make().find(one) == remote
    assert datetime.now(UTC) > one.date


def test_an_article_made_twice_at_once_is_there_once(plain: Plain) -> None:
    """Its page does not say which article it has made."""
    one = plain.make().put(article(), {}, None)
    two = plain.make().put(article(), {}, None)
    assert (two.id, two.version) == (one.id, one.version)
    assert list(plain.stored()) == ["1"]


def test_all_articles_are_listed_over_all_pages_with_doubles(desk: Desk) -> None:
    site = desk.make()
    for number in range(1, 8):
        site.put(article(number), {}, None)
    desk.site.rows(
        "INSERT INTO news_article (title, slug, lead, text, published_at, cover, author_id,"
        " section, comments, note, is_published) SELECT title, slug || '-2', lead, text,"
        " published_at, cover, author_id, section, comments, note, 1 FROM news_article"
        " WHERE slug = 'post-4-business'"
    )
    found = desk.make().listed("business")
    assert found is not None
    assert sorted(number for number, _ in found) == [1, 2, 3, 4, 4, 5, 6, 7]
    assert desk.make(archive=None).listed("business") is None


TEXT = {"title": "title", "body": {"field": "text", "type": "text"}, "rubric": {"value": "Блоги"}}
WORDS = '<h2>Печь</h2><p>Раз, <a href="https://example.com/">два</a></p><ul><li>три</li></ul>'


def test_a_text_without_html_and_without_slug_is_known_by_its_original(plain: Plain) -> None:
    """Whether a person was at it cannot be told there, so it is not overwritten."""
    site = plain.make(fields=TEXT, find={"page": "/list?for={source}", "link": "td a"})
    for number in (1, 11, 2):
        site.put(article(number, body=WORDS), {}, None)
    (first, *_) = plain.stored().values()
    assert first["text"].replace("\r", "") == (
        "Печь\n\nРаз, два (https://example.com/)\n\nтри\n\n"
        "Оригинал (https://t.me/example/1) в Телеграме"
    )
    found = plain.make(fields=TEXT, find={"page": "/list?for={source}", "link": "td a"}).find(
        article(1)
    )
    assert found is not None
    assert (found.id, found.digest) == ("1", "")
    with pytest.raises(Changed):
        site.put(article(1, body=WORDS), {}, found)


def test_a_mark_may_have_a_field_of_its_own(plain: Plain) -> None:
    more = {
        "fields": {**TEXT, "mark": "code"},
        "find": {"page": "/list", "link": 'tr:has(td:-soup-contains("{mark}")) a'},
    }
    made = plain.make(**more).put(article(body=WORDS), {}, None)
    found = plain.make(**more).find(article(body=WORDS))
    assert found == made
    assert found.digest == digest(article(body=WORDS))
    plain.edit(made, "Рука редактора")
    touched = plain.make(**more).find(article(body=WORDS))
    assert touched is not None
    assert touched.digest == ""


def test_posts_whose_numbers_end_alike_are_told_apart_in_a_list_of_pages(desk: Desk) -> None:
    """The newsroom's list shows three articles a page, the newest first."""
    site = desk.make()
    left = {number: site.put(article(number), {}, None) for number in (1, 11, 21, 31, 41)}
    for number, remote in left.items():
        found = desk.make().find(article(number))
        assert found is not None
        assert found.id == remote.id
