"""What every publisher promises (``crosspost.publishers``), as sentences.

A publisher passes by giving a ``World``, a site that the suite can look at and put a hand to, and
running this class over it:

    class TestMine(PublisherContract):
        @pytest.fixture
        def world(self, tmp_path): …
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from crosspost.model import Article, Author, Figure, Media, Remote, digest
from crosspost.publishers import Changed, Foreseeing, Publisher, Vanished


class World(Protocol):
    """A site without articles."""

    def make(self) -> Publisher:
        """A publisher of the site as another run or machine would open it; the world closes it."""

    def public(self, remote: Remote) -> str | None:
        """The words that a visitor finds at the article's address, None when there is no page."""

    def edit(self, remote: Remote, words: str) -> None:
        """Someone adds these words to the article by hand."""

    def retitle(self, remote: Remote, title: str) -> None:
        """Someone gives the article another headline by hand."""

    def delete(self, remote: Remote) -> None:
        """Someone deletes the article by hand."""

    def articles(self) -> int:
        """How many articles visitors can find."""

    def files(self) -> int:
        """How many pictures and files the site keeps, a picture's smaller sizes not counted."""

    def picture(self, number: int = 0) -> Path:
        """A picture file; another one for another number."""


def article(number: int = 1, words: str = "Слово за слово", **more: Any) -> Article:
    given: dict[str, Any] = {
        "blog": "business",
        "post_id": number,
        "slug": f"{number}-zapis",
        "title": f"Запись {number}",
        "date": datetime(2025, 5, 1, 9, tzinfo=UTC) + timedelta(hours=number),
        "timezone": "Asia/Omsk",
        "language": "ru",
        "author": Author(name="Павел Столяров", about="Столяр"),
        "source_url": f"https://t.me/example/{number}",
        "body": f"<p>{words}</p>",
        "attribution": f'<a href="https://t.me/example/{number}">Оригинал</a> в Телеграме',
    }
    return Article(**given | more)


PHOTO = Media(kind="photo", locator="1/0", mime="image/png", name="foto.png")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }} {% raw %} [shortcode] <!-- /wp:paragraph -->",
    "../../../etc/passwd\x00.html",
    "\u202e\u0000\ufffe ]]> &amp; &#x1F; \x1b[31m",
    "𝕏" * 300,
    "  ",
]


def put(publisher: Publisher, one: Article, remote: Remote | None = None, **uploads: Any) -> Remote:
    made = publisher.put(one, uploads.get("uploads", {}), remote)
    publisher.finish()
    return made


class PublisherContract:
    """The promises. A subclass gives the fixture ``world``."""

    def test_a_put_article_is_there_for_visitors(self, world: World) -> None:
        remote = put(world.make(), article(words="Хлеб пекут ночью"))
        assert remote.status == "live"
        assert remote.version
        shown = world.public(remote)
        assert shown is not None
        assert "Хлеб пекут ночью" in shown
        assert "Запись 1" in shown
        assert "Оригинал" in shown
        assert world.articles() == 1

    def test_putting_again_replaces_it_where_it_stands(self, world: World) -> None:
        site = world.make()
        first = put(site, article(words="Было"))
        second = put(site, article(words="Стало", title="Другой заголовок", slug="1-x"), first)
        assert (second.id, second.url) == (first.id, first.url)
        assert second.version != first.version
        shown = world.public(second)
        assert shown is not None
        assert "Стало" in shown
        assert "Было" not in shown
        assert world.articles() == 1

    def test_the_digest_is_the_articles_or_unknown(self, world: World) -> None:
        one = article()
        assert put(world.make(), one).digest in ("", digest(one))

    def test_find_needs_no_ledger_and_no_earlier_run(self, world: World) -> None:
        put(world.make(), article(1))
        remote = put(world.make(), article(2))
        found = world.make().find(article(2, title="Тем временем переименована"))
        assert found is not None
        assert (found.id, found.url, found.version) == (remote.id, remote.url, remote.version)
        assert found.status == "live"

    def test_what_was_never_put_is_not_found(self, world: World) -> None:
        site = world.make()
        assert site.find(article()) is None
        put(site, article(12))
        assert site.find(article(1)) is None
        assert site.find(article(2)) is None
        assert site.find(article(12, blog="other")) is None

    def test_all_articles_of_a_blog_are_listed_where_the_site_can_be_asked(
        self, world: World
    ) -> None:
        site = world.make()
        listed = site.listed("business")
        if listed is None:
            return
        assert list(listed) == []
        left = {number: put(site, article(number)) for number in (1, 2, 12)}
        put(site, article(1, blog="other"))
        draft = site.withdraw(left[2], "draft")
        assert draft is not None
        site.finish()
        found = list(world.make().listed("business") or ())
        assert sorted(number for number, _ in found) == [1, 2, 12]
        there = dict(found)
        assert {number: one.id for number, one in there.items()} == {
            number: one.id for number, one in left.items()
        }
        assert (there[1].version, there[2].status) == (left[1].version, "draft")

    def test_look_sees_what_put_left(self, world: World) -> None:
        site = world.make()
        remote = put(site, article())
        assert site.look(remote) == remote
        assert world.make().look(remote).version == remote.version

    def test_neighbours_do_not_change_an_articles_version(self, world: World) -> None:
        site = world.make()
        remote = put(site, article(5))
        for number in (4, 6, 7):
            put(site, article(number))
        assert site.look(remote).version == remote.version

    def test_a_hand_at_the_article_is_respected(self, world: World) -> None:
        remote = put(world.make(), article())
        world.edit(remote, "Поправлено редактором")
        site = world.make()
        assert site.look(remote).version != remote.version
        with pytest.raises(Changed) as caught:
            site.put(article(words="Новое"), {}, remote)
        site.finish()
        assert "Поправлено редактором" in caught.value.theirs
        assert caught.value.version == site.look(remote).version
        assert "Поправлено редактором" in (world.public(remote) or "")

    def test_a_hand_at_the_article_survives_its_neighbours(self, world: World) -> None:
        remote = put(world.make(), article(5))
        world.edit(remote, "Поправлено редактором")
        site = world.make()
        for number in (4, 6):
            put(site, article(number))
        assert "Поправлено редактором" in (world.public(remote) or "")

    @pytest.mark.parametrize("waived", [True, False])
    def test_an_agreed_or_waived_version_overwrites(self, world: World, waived: bool) -> None:
        remote = put(world.make(), article())
        world.edit(remote, "Поправлено редактором")
        site = world.make()
        agreed = "" if waived else site.look(remote).version
        again = put(site, article(words="Новое"), msgspec.structs.replace(remote, version=agreed))
        shown = world.public(again)
        assert shown is not None
        assert "Новое" in shown
        assert "Поправлено" not in shown
        assert world.articles() == 1

    def test_look_tells_what_the_article_says_and_put_says_the_same(self, world: World) -> None:
        site = world.make()
        one = article(lead="Вступление <b>коротко</b>", tags=("Хлеб",))
        remote = put(site, one)
        parts = site.look(remote).parts
        assert parts is not None
        assert parts == remote.parts
        assert parts.title == "Запись 1"
        assert "Слово за слово" in parts.text
        assert "Вступление" not in parts.text
        assert (parts.lead, parts.tags) in (
            ("Вступление коротко", ("Хлеб",)),
            ("Вступление коротко", ()),  # a form may have no field for tags
        )
        assert world.make().look(remote).parts == parts

    def test_what_a_hand_changed_is_told_by_part(self, world: World) -> None:
        site = world.make()
        remote = put(site, article(lead="Вступление", tags=("Хлеб",)))
        world.retitle(remote, "Хлеб наш")
        now = world.make().look(remote).parts
        assert now is not None
        assert remote.parts is not None
        assert now == msgspec.structs.replace(remote.parts, title="Хлеб наш")

    def test_an_editors_headline_is_kept_where_a_person_wants_that(self, world: World) -> None:
        remote = put(world.make(), article(words="Было", lead="Раньше"))
        world.retitle(remote, "Хлеб наш")
        site = world.make()
        new = article(words="Стало", title="Другой заголовок", lead="Теперь")
        made = site.put(new, {}, site.look(remote), keep=("title",))
        site.finish()
        shown = world.public(made)
        assert shown is not None
        assert "Хлеб наш" in shown
        assert "Другой заголовок" not in shown
        assert "Стало" in shown
        assert made.parts is not None
        assert (made.parts.title, made.parts.lead) == ("Хлеб наш", "Теперь")
        assert site.look(made) == made
        again = site.put(article(words="Снова"), {}, made, keep=("title",))
        assert again.parts is not None
        assert (again.parts.title, again.parts.lead) == ("Хлеб наш", "")

    def test_an_editors_lead_and_tags_are_kept_where_a_person_wants_that(
        self, world: World
    ) -> None:
        site = world.make()
        remote = put(site, article(words="Было", lead="Как решил редактор", tags=("Хлеб",)))
        before = remote.parts
        new = article(words="Стало", lead="Теперь", tags=("Соль",))
        made = site.put(new, {}, remote, keep=("lead", "tags"))
        site.finish()
        assert made.parts is not None
        assert before is not None
        assert "Стало" in made.parts.text
        assert (made.parts.lead, made.parts.tags) == (before.lead, before.tags)
        assert site.look(made) == made

    def test_an_article_deleted_by_hand_stays_away(self, world: World) -> None:
        remote = put(world.make(), article())
        world.delete(remote)
        site = world.make()
        with pytest.raises(Vanished):
            site.look(remote)
        with pytest.raises(Vanished):
            site.put(article(words="Новое"), {}, remote)
        put(site, article(2))
        assert world.public(remote) is None
        assert world.articles() == 1
        found = site.find(article())
        assert found is None or found.status == "trash"

    def test_a_withdrawn_draft_can_come_back_to_its_address(self, world: World) -> None:
        site = world.make()
        remote = put(site, article())
        draft = site.withdraw(remote, "draft")
        site.finish()
        assert draft is not None
        assert draft.status == "draft"
        assert world.public(remote) is None
        assert world.articles() == 0
        found = world.make().find(article())
        assert found is not None
        assert (found.id, found.status) == (remote.id, "draft")
        again = put(site, article(words="Снова здесь"), draft)
        assert (again.url, again.status) == (remote.url, "live")
        assert "Снова здесь" in (world.public(again) or "")
        assert world.articles() == 1

    def test_a_removed_article_leaves_nothing(self, world: World) -> None:
        site = world.make()
        remote = put(site, article())
        put(site, article(2))
        assert site.withdraw(remote, "remove") is None
        site.finish()
        assert world.public(remote) is None
        assert world.articles() == 1
        found = site.find(article())
        assert found is None or found.status == "trash"

    def test_withdrawing_respects_a_hand_at_the_article(self, world: World) -> None:
        remote = put(world.make(), article())
        world.edit(remote, "Поправлено редактором")
        site = world.make()
        with pytest.raises(Changed):
            site.withdraw(remote, "draft")
        site.finish()
        assert "Поправлено редактором" in (world.public(remote) or "")

    def test_a_file_sent_twice_is_kept_once(self, world: World) -> None:
        first = world.make().upload(world.picture(), PHOTO)
        second = world.make().upload(world.picture(), PHOTO)
        assert second.id == first.id
        assert world.files() == 1
        assert first.mime in world.make().image_types
        assert first.width > 0
        assert first.height > 0

    def test_as_many_files_as_it_says_may_be_sent_at_once(self, world: World) -> None:
        """By ``at_once`` threads, foreseen where the publisher wants that."""
        site = world.make()
        files = [(world.picture(number), Figure(media=PHOTO)) for number in range(3)]
        at_once = getattr(site, "at_once", 1)
        for _ in range(2):
            if isinstance(site, Foreseeing):
                site.sending(files)
            with ThreadPoolExecutor(at_once) if at_once > 1 else nullcontext() as pool:
                each = pool.map if pool else map
                sent = list(each(site.upload, [file for file, _ in files], [PHOTO] * 3))
            assert len({upload.id for upload in sent}) == world.files() == 3
        one = article(figures=tuple(figure for _, figure in files), cover=0)
        put(site, one, uploads=dict(enumerate(sent)))
        assert world.articles() == 1

    def test_one_upload_stands_in_any_number_of_articles(self, world: World) -> None:
        site = world.make()
        upload = site.upload(world.picture(), PHOTO)
        for number in (1, 2):
            one = article(number, figures=(Figure(media=PHOTO, alt="Станок"),), cover=0)
            put(site, one, uploads={0: upload})
        assert world.files() == 1
        assert world.articles() == 2

    def test_a_discarded_file_is_gone_and_may_be_discarded_again(self, world: World) -> None:
        """Gone where the site can delete files (``discards``); where it can't, sending it again
        makes no second one."""
        site = world.make()
        kept, dropped = (site.upload(world.picture(number), PHOTO) for number in (0, 1))
        assert world.files() == 2
        site.discard(dropped)
        site.discard(dropped)
        assert world.files() == (1 if getattr(site, "discards", True) else 2)
        assert site.upload(world.picture(0), PHOTO).id == kept.id
        assert site.upload(world.picture(1), PHOTO).id == dropped.id or world.files() == 2
        assert world.files() == 2

    def test_articles_that_were_foreseen_are_found_as_others_are(self, world: World) -> None:
        there = {1: put(world.make(), article(1)).id}
        for number in (2, 3):
            site = world.make()
            if isinstance(site, Foreseeing):
                site.coming("business", range(1, 9))
            found = {one: site.find(article(one)) for one in range(1, 9)}
            assert {one: remote.id for one, remote in found.items() if remote} == there
            there[number] = put(site, article(number)).id
            again = site.find(article(number))
            assert again is not None, "what was foreseen counts once"
            assert again.id == there[number]

    def test_finish_may_be_called_any_time(self, world: World) -> None:
        site = world.make()
        site.finish()
        remote = put(site, article())
        for _ in range(3):
            site.finish()
        world.make().finish()
        assert world.articles() == 1
        assert site.look(remote) == remote

    def test_a_run_killed_before_finish_is_completed_by_the_next(self, world: World) -> None:
        remote = world.make().put(article(words="Не дождалась"), {}, None)
        world.make().finish()
        assert "Не дождалась" in (world.public(remote) or "")
        assert world.articles() == 1

    @pytest.mark.parametrize("words", HOSTILE)
    def test_no_words_can_break_the_site(self, world: World, words: str) -> None:
        site = world.make()
        hostile = article(
            1,
            title=words,
            slug=words,
            lead="Вступление",
            tags=(words, "обычная"),
            author=Author(name=words, about=words, url=f"javascript:{words}"),
            figures=(Figure(media=Media(kind="document", locator="x", name=words)),),
            body=f'<p>Тело</p><p onclick="x()"><script>alert(1)</script>{words}</p>',
        )
        remote = put(site, hostile)
        put(site, article(2))
        assert "Тело" in (world.public(remote) or "")
        assert world.articles() == 2
        assert site.find(hostile) is not None

    def test_names_that_look_alike_do_not_meet(self, world: World) -> None:
        site = world.make()
        one = put(site, article(1, blog="Дело", slug="1-a"))
        two = put(site, article(1, blog="дело", slug="1-a"))
        three = put(site, article(11, blog="Дело", slug="1-a"))
        assert len({item.url.casefold() for item in (one, two, three)}) == 3
        assert world.articles() == 3

    def test_a_site_that_can_be_written_passes_its_check(self, world: World) -> None:
        site = world.make()
        assert all(finding.ok for finding in site.check())
        put(site, article())
        assert all(finding.ok for finding in site.check())

    def test_a_check_that_writes_leaves_nothing(self, world: World) -> None:
        site = world.make()
        remote = put(site, article())
        files = world.files()
        assert [finding for finding in site.check(write=True) if not finding.ok] == []
        assert (world.articles(), world.files()) == (1, files)
        assert site.look(remote) == remote
        listed = site.listed("business")
        assert listed is None or [number for number, _ in listed] == [1]

    def test_all_files_are_listed_where_the_site_can_be_asked(self, world: World) -> None:
        site = world.make()
        library: Any = getattr(site, "library", None)
        if library is None:
            return
        assert list(library()) == []
        sent = [site.upload(world.picture(number), PHOTO) for number in (0, 1)]
        assert {upload.id for upload, _ in library()} == {one.id for one in sent}
        site.discard(sent[0])
        assert [upload.id for upload, _ in library()] == [sent[1].id]

    def test_closing_twice_is_fine(self, world: World) -> None:
        site = world.make()
        put(site, article())
        site.close()
        site.close()
