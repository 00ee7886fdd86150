"""A real WordPress keeps what all publishers promise, and what this one promises beside."""

from pathlib import Path

import msgspec
import pytest

from crosspost.errors import PublisherError
from crosspost.model import Figure, Media, digest
from crosspost.publishers import Changed, Refused, Vanished

pytest.register_assert_rewrite("contract.publisher_contract", "sites.news")
from contract.publisher_contract import (  # noqa: E402
    PHOTO,
    PublisherContract,
    World,
    article,
)
from sites.news import News  # noqa: E402

pytest_plugins = ("sites.news",)
pytestmark = pytest.mark.servers


class TestWordPress(PublisherContract):
    @pytest.fixture
    def world(self, news: News) -> World:
        return news


# --- What an article is on the site ---


def test_an_article_has_all_that_the_site_has_a_place_for(news: News) -> None:
    site = news.make(category="Блоги", user="editor")
    cover, second = (site.upload(news.picture(number), PHOTO) for number in (0, 1))
    one = article(
        lead="Вступление <strong>коротко</strong>.",
        tags=("Хлеб", "Малый бизнес"),
        figures=(
            Figure(media=PHOTO, alt="Печь", caption="На фото: печь"),
            Figure(media=PHOTO, alt="Мука"),
        ),
        cover=0,
        body='<figure class="photo"><img src="media:1" alt="Мука"></figure>',
        credit="Фото: автор",
    )
    remote = site.put(one, {0: cover, 1: second}, None)
    found = news.raw(remote)
    assert found["title"]["raw"] == "Запись 1"
    assert found["excerpt"]["raw"] == "Вступление коротко."
    assert found["date_gmt"] == "2025-05-01T10:00:00"
    assert found["date"] == "2025-05-01T16:00:00", "Omsk is six hours ahead"
    assert found["slug"] == "1-business"
    assert found["featured_media"] == int(cover.id)
    names = [news.site.ask("GET", f"tags/{number}")["name"] for number in found["tags"]]
    assert sorted(names) == ["Малый бизнес", "Хлеб"]
    (category,) = found["categories"]
    assert news.site.ask("GET", f"categories/{category}")["name"] == "Блоги"
    media = {one["id"]: one for one in news.media()}
    assert media[int(cover.id)]["alt_text"] == "Печь"
    assert media[int(cover.id)]["caption"]["raw"] == "На фото: печь"
    assert media[int(second.id)]["alt_text"] == "Мука"
    order = ["Вступление", f"wp-image-{second.id}", "На фото: печь", "Оригинал", "Фото: автор"]
    places = [found["content"]["raw"].index(words) for words in order]
    assert places == sorted(places)


def test_a_tag_or_category_in_another_case_is_the_same_one(news: News) -> None:
    site = news.make(category="блоги", user="editor")
    news.site.ask("POST", "tags", json={"name": "ХЛЕБ"})
    news.site.ask("POST", "tags", json={"name": "Мука", "slug": "flour"})
    news.site.ask("POST", "categories", json={"name": "Блоги"})
    site.put(article(tags=("хлеб", "Мука", "Хлеб", "новое")), {}, None)
    news.make(category="БЛОГИ", user="editor").put(article(2, tags=("Новое",)), {}, None)
    tags = [one["name"] for one in news.site.ask("GET", "tags", params={"per_page": 100})]
    assert sorted(tags) == ["Мука", "ХЛЕБ", "новое"]
    categories = [one["name"] for one in news.site.ask("GET", "categories")]
    assert sorted(categories) == ["Uncategorized", "Блоги"]


def test_an_author_is_told_that_the_category_must_be_made_for_him(news: News) -> None:
    site = news.make(category="Блоги")
    with pytest.raises(PublisherError, match=r"no category «Блоги».*Make it"):
        site.put(article(), {}, None)
    assert [finding.what for finding in site.check() if not finding.ok] == ["the category «Блоги»"]
    assert news.posts() == []


@pytest.mark.parametrize("status", ["draft", "pending"])
def test_what_an_editor_publishes_himself_stays_published(news: News, status: str) -> None:
    site = news.make(status=status)
    remote = site.put(article(), {}, None)
    assert (remote.status, news.raw(remote)["status"]) == ("draft", status)
    news.change(remote, status="publish")
    again = site.put(article(words="Исправлено"), {}, remote)
    assert again.status == "live"
    assert "Исправлено" in (news.public(again) or "")


def test_an_editor_may_write_in_anothers_name(news: News) -> None:
    site = news.make(user="editor", author="blogger")
    remote = site.put(article(), {}, None)
    (blogger,) = news.site.ask("GET", "users", params={"slug": "blogger"})
    assert news.raw(remote)["author"] == blogger["id"]
    with pytest.raises(PublisherError, match="no user «nobody»"):
        news.make(user="editor", author="nobody").put(article(2), {}, None)


def test_links_to_other_posts_lead_to_their_articles(news: News) -> None:
    site = news.make()
    target = site.put(article(7), {}, None)
    words = '<a href="post:7">там</a>, <a href="post:8">нет</a>'
    for publisher, number in ((site, 1), (news.make(), 2)):
        remote = publisher.put(article(number, words=words), {}, None)
        content = news.raw(remote)["content"]["raw"]
        assert f'<a href="{target.url}">там</a>, нет' in content


def test_a_link_finds_its_article_after_the_editor_gave_it_another_address(news: News) -> None:
    target = news.make().put(article(7), {}, None)
    news.change(target, slug="hleb")
    remote = news.make().put(article(1, words='<a href="post:7">там</a>'), {}, None)
    assert 'hleb/">там</a>' in news.raw(remote)["content"]["raw"]


# --- Known again ---


def test_find_knows_the_article_by_its_mark_when_its_slug_was_changed(news: News) -> None:
    remote = news.make().put(article(), {}, None)
    news.change(remote, slug="another-address")
    found = news.make().find(article())
    assert found is not None
    assert (found.id, found.digest) == (remote.id, digest(article()))


def test_find_knows_the_article_by_its_slug_when_its_mark_was_removed(news: News) -> None:
    remote = news.make().put(article(), {}, None)
    news.change(remote, content="<!-- wp:paragraph -->\n<p>Всё иначе</p>\n<!-- /wp:paragraph -->")
    site = news.make()
    found = site.find(article())
    assert found is not None
    assert (found.id, found.digest) == (remote.id, "")
    with pytest.raises(Changed) as caught:
        site.put(article(words="Новое"), {}, found)
    assert "Всё иначе" in caught.value.theirs


def test_many_articles_looked_for_at_once_are_found_as_each_by_itself(news: News) -> None:
    made = {number: news.make().put(article(number), {}, None) for number in range(1, 6)}
    news.change(made[1], slug="another-address")
    news.change(made[2], content="<!-- wp:paragraph -->\n<p>Иначе</p>\n<!-- /wp:paragraph -->")
    news.change(made[3], status="draft", slug="draft-of-an-editor")
    news.delete(made[4])
    site, alone = news.make(), news.make()
    site.coming("business", range(1, 15))
    for number in range(1, 15):
        assert site.find(article(number)) == alone.find(article(number)), number
    assert site.find(article(4)) is not None


def test_what_was_learned_of_many_articles_counts_once(news: News) -> None:
    site = news.make()
    site.coming("business", range(1, 9))
    assert site.find(article(1)) is None
    remote = news.make().put(article(1), {}, None)
    found = site.find(article(1))
    assert found is not None
    assert found.id == remote.id
    news.make().put(article(2), {}, None)
    second = site.put(article(2), {}, site.find(article(2)))
    assert second.id == str(news.posts()[1]["id"]), "what another made meanwhile is no double"
    assert len(news.posts()) == 2


def test_a_contributors_draft_has_no_slug_and_is_found(news: News) -> None:
    site = news.make(user="guest", status="pending")
    remote = site.put(article(), {}, None)
    found = site.find(article())
    assert found is not None
    assert (found.id, found.status) == (remote.id, "draft")


def test_without_a_ledger_what_an_editor_changed_is_not_overwritten(news: News) -> None:
    remote = news.make().put(article(), {}, None)
    news.edit(remote, "Поправлено редактором")
    site = news.make()
    found = site.find(article())
    assert found is not None
    assert found.digest == "", "it is not what was sent"
    with pytest.raises(Changed, match="not the one we left"):
        site.put(article(words="Новое"), {}, found)
    assert len(news.posts()) == 1


@pytest.mark.parametrize(
    "change", [{"title": "Редакция решила иначе"}, {"excerpt": "Другой анонс"}, {"status": "draft"}]
)
def test_any_change_of_an_editor_is_respected(news: News, change: dict[str, str]) -> None:
    site = news.make()
    remote = site.put(article(), {}, None)
    news.change(remote, **change)
    with pytest.raises(Changed):
        site.put(article(words="Новое"), {}, remote)


def test_what_was_trashed_is_not_resurrected_unless_a_person_says_so(news: News) -> None:
    site = news.make()
    remote = site.put(article(), {}, None)
    news.delete(remote)
    found = site.find(article())
    assert found is not None
    assert (found.id, found.status) == (remote.id, "trash")
    with pytest.raises(Vanished, match="trash"):
        site.put(article(words="Новое"), {}, found)
    again = site.put(article(words="Снова"), {}, msgspec.structs.replace(found, version=""))
    assert (again.id, again.url, again.status) == (remote.id, remote.url, "live")
    assert len(news.posts()) == 1


def test_an_article_deleted_for_good_has_vanished(news: News) -> None:
    site = news.make()
    remote = site.put(article(), {}, None)
    news.site.ask("DELETE", f"posts/{remote.id}", params={"force": "true"})
    for version in (remote.version, ""):
        with pytest.raises(Vanished):
            site.put(article(), {}, msgspec.structs.replace(remote, version=version))
    assert site.find(article()) is None
    assert site.withdraw(remote, "remove") is None


def test_two_machines_at_once_leave_one_article(news: News) -> None:
    first = news.make().put(article(), {}, None)
    second = news.make().put(article(words="Чуть позже"), {}, None)
    assert second.id == first.id
    assert len(news.posts()) == 1


def test_a_plugin_that_corrects_quotes_on_saving_is_no_editor(news: News) -> None:
    news.site.plugin(
        "quotes",
        "add_filter('content_save_pre', fn($x) => str_replace(['«', '»'], ['„', '“'], $x));",
    )
    site = news.make()
    remote = site.put(article(words="«Хлеб»"), {}, None)
    assert "„Хлеб“" in news.raw(remote)["content"]["raw"]
    found = site.find(article())
    assert found is not None
    assert found.digest == digest(article(words="«Хлеб»"))
    assert found.version == remote.version
    assert site.put(article(words="«Соль»"), {}, found).id == remote.id


# --- Files ---


def test_a_file_that_the_editor_deleted_is_told_so_that_it_is_sent_again(news: News) -> None:
    site = news.make()
    upload = site.upload(news.picture(), PHOTO)
    news.site.ask("DELETE", f"media/{upload.id}", params={"force": "true"})
    one = article(figures=(Figure(media=PHOTO),), cover=0)
    with pytest.raises(Refused, match="must be sent again"):
        news.make().put(one, {0: upload}, None)
    assert news.posts() == []


def test_an_alt_text_that_the_editor_wrote_stays(news: News) -> None:
    upload = news.make().upload(news.picture(), PHOTO)
    news.site.ask("POST", f"media/{upload.id}", json={"alt_text": "Печь мастера"})
    one = article(figures=(Figure(media=PHOTO, alt="Фото"),), cover=0)
    news.make().put(one, {0: upload}, None)
    assert news.media()[0]["alt_text"] == "Печь мастера"


def test_a_pictures_words_go_with_it_and_stay_words(news: News) -> None:
    """They are part of a form, and know where its next part begins no better than we do."""
    file = news.picture()
    alt = 'Печь «Большая» "1"\r\n--x\r\nContent-Disposition: form-data; name="status"\r\n\r\ntrash'
    figure = Figure(media=PHOTO, alt=alt, caption="На фото: <em>печь</em> [gallery]")
    site = news.make()
    site.sending([(file, figure)])
    upload = site.upload(file, PHOTO)
    (there,) = news.media()
    assert there["alt_text"].startswith('Печь «Большая» "1" --x Content-Disposition')
    assert there["caption"]["raw"].startswith("На фото: печь &#")
    assert (there["status"], str(there["id"])) == ("inherit", upload.id)


def test_files_that_are_there_are_found_together(news: News) -> None:
    files = [(news.picture(number), Figure(media=PHOTO)) for number in range(3)]
    first = [news.make().upload(file, PHOTO).id for file, _ in files[:2]]
    site = news.make()
    site.sending(files)
    assert [site.upload(file, PHOTO).id for file, _ in files[:2]] == first
    site.upload(files[2][0], PHOTO)
    assert news.files() == 3


def test_a_file_of_a_type_that_the_site_does_not_take_is_refused_in_its_words(
    news: News, tmp_path: Path
) -> None:
    file = tmp_path / "setup.exe"
    file.write_bytes(b"MZ" * 100)
    media = Media(kind="document", locator="1", name="setup.exe", mime="application/x-msdownload")
    with pytest.raises(Refused, match="not allowed to upload this file type"):
        news.make().upload(file, media)
    assert news.files() == 0


def test_a_file_that_an_editor_uses_is_not_discarded(news: News) -> None:
    site = news.make()
    upload = site.upload(news.picture(), PHOTO)
    remote = site.put(article(), {}, None)
    news.site.ask("POST", f"media/{upload.id}", json={"post": int(remote.id)})
    site.discard(upload)
    assert news.files() == 1


# --- Hostile ---


def test_shortcodes_and_lone_addresses_in_a_text_do_nothing(news: News) -> None:
    news.site.plugin("code", "add_shortcode('secret', fn() => 'ВЫПОЛНЕНО');")
    news.site.plugin(
        "embed",
        "add_filter('pre_oembed_result', fn() => 'ВСТАВЛЕНО', 99); "
        "wp_embed_register_handler('all', '#https?://.*#', fn() => 'ВСТАВЛЕНО');",
    )
    words = "[secret] и [[secret]]</p><p>https://example.com/video</p><p>дальше"
    code = "<pre><code>первая\nhttps://example.com/other\n[secret]</code></pre>"
    one = article(title="[secret]", body=f"<p>{words}</p>{code}", lead="[secret] вступление")
    for user in ("blogger", "admin"):
        site = news.make(user=user)
        remote = site.put(msgspec.structs.replace(one, post_id=len(user)), {}, None)
        shown = news.public(remote) or ""
        assert "ВЫПОЛНЕНО" not in shown
        assert "ВСТАВЛЕНО" not in shown
        assert "[secret] и [[secret]]" in shown
        assert "https://example.com/video" in shown


def test_mark_up_in_a_headline_stays_words_even_for_an_administrator(news: News) -> None:
    title = "<script>alert(1)</script> & <b>жирно</b>"
    remote = news.make(user="admin").put(article(title=title), {}, None)
    assert title in (news.public(remote) or "")


# --- Doctor ---


def test_check_names_the_right_that_is_missing(news: News) -> None:
    found = [finding for finding in news.make(user="guest").check() if not finding.ok]
    (finding,) = found
    assert finding.what == "the user"
    assert "may not publish articles" in finding.detail
    assert "upload pictures and files" in finding.detail
    assert "Author" in finding.remedy


def test_check_changes_nothing(news: News) -> None:
    before = (news.posts(), news.media())
    assert all(finding.ok for finding in news.make(category="Uncategorized").check())
    assert (news.posts(), news.media()) == before


def test_a_type_of_the_sites_own_is_written_to(news: News) -> None:
    news.site.plugin(
        "story",
        "add_action('init', fn() => register_post_type('story', ['public' => true, "
        "'show_in_rest' => true, 'rest_base' => 'stories', 'capability_type' => 'post', "
        "'map_meta_cap' => true, 'supports' => ['title', 'editor', 'author']]));",
    )
    site = news.make(post_type="stories")
    remote = site.put(article(), {}, None)
    assert news.posts() == []
    assert [one["id"] for one in news.site.ask("GET", "stories")] == [int(remote.id)]
    assert site.look(remote) == remote == site.find(article())
    assert all(finding.ok for finding in site.check())
    with pytest.raises(PublisherError, match="post_type"):
        news.make(post_type="nothing").find(article())


def test_a_site_without_permalinks_is_written_to(news: News) -> None:
    news.site.plugin("plain", "add_filter('pre_option_permalink_structure', fn() => '');")
    site = news.make()
    remote = site.put(article(words="Без красивых адресов"), {}, None)
    assert "?p=" in remote.url
    found = news.make().find(article())
    assert found is not None
    assert found.id == remote.id
