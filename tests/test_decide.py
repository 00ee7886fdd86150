"""A person's decisions by the whole program: resolve --merge, withdraw, undo; show and verify."""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from blogs import Blog
from test_archive import message

from crosspost.cli._diff import Line, difference
from crosspost.model import Remote
from crosspost.publishers import Unknown
from crosspost.publishers.static import StaticPublisher

FIRST = "Пекарня на Садовой\n\nВчера она открылась. Пекут там ночью, а утром продают."


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    blog = Blog(tmp_path)
    blog.write(message(1, FIRST, line=""), message(2, line=""), message(3, line=""))
    assert blog.sync().code == 0
    return blog


def retitle(blog: Blog, post: int, title: str) -> None:
    page = blog.page_of(post)
    assert page is not None
    page.write_text(re.sub("<h1>.*?</h1>", f"<h1>{title}</h1>", page.read_text("utf-8")), "utf-8")


def corrected(blog: Blog, text: str) -> None:
    blog.write(message(1, text, line=""), message(2, line=""), message(3, line=""))


def json_of(blog: Blog, *words: str) -> Any:
    return json.loads(blog.run(*words, "--json").text)


# --- Both changed -----------------------------------------------------------------------------


def test_a_conflict_says_who_changed_what_and_that_it_can_be_merged(blog: Blog) -> None:
    retitle(blog, 1, "Хлеб пекут ночью")
    corrected(blog, FIRST.replace("Вчера", "Позавчера"))
    answer = blog.sync()
    assert answer.code == 1
    assert "It was to be changed (text), and a person had changed it (headline)" in answer.text
    assert "--merge" in answer.text
    assert "Хлеб пекут ночью" in blog.page(1)


def test_show_tells_both_versions_apart_word_by_word(blog: Blog) -> None:
    retitle(blog, 1, "Пекарня на Невском")
    corrected(blog, FIRST.replace("Вчера", "Позавчера"))
    blog.sync()
    told = blog.run("show", "b/1").text
    assert "    ~ Пекарня на [-Невском-]{+Садовой+}\n" in told
    assert "[-Вчера-]{+Позавчера+} она открылась" in told


def test_show_tells_both_choices_of_tags_apart(blog: Blog) -> None:
    tagged = f"{FIRST} #хлеб"
    corrected(blog, tagged)
    blog.sync()
    page = blog.page_of(1)
    assert page is not None
    page.write_text(page.read_text("utf-8").replace(">хлеб</a>", ">печи</a>"), "utf-8")
    corrected(blog, tagged.replace("Вчера", "Позавчера"))
    assert "changed it (tags)" in blog.sync().text
    assert "    ~ Tags: [-печи-]{+хлеб+}\n" in blog.run("show", "b/1").text
    assert blog.run("resolve", "b/1", "--merge").code == 0
    assert ">печи</a>" in blog.page(1)


def test_a_merge_keeps_the_editors_headline_and_takes_the_new_text(blog: Blog) -> None:
    retitle(blog, 1, "Хлеб пекут ночью")
    corrected(blog, FIRST.replace("Вчера", "Позавчера"))
    blog.sync()
    answer = blog.run("resolve", "b/1", "--merge")
    assert (answer.code, answer.text) == (0, "1 updated.\n")
    assert "<h1>Хлеб пекут ночью</h1>" in blog.page(1)
    assert "Позавчера" in blog.page(1)
    blog.unchanged()
    assert "Kept as an editor wrote it there: headline" in blog.run("show", "b/1").text


def test_what_was_merged_stays_the_editors_when_the_post_changes_again(blog: Blog) -> None:
    retitle(blog, 1, "Хлеб пекут ночью")
    corrected(blog, FIRST.replace("Вчера", "Позавчера"))
    blog.sync()
    blog.run("resolve", "b/1", "--merge")
    corrected(blog, FIRST.replace("Вчера", "В среду").replace("Пекарня", "Булочная"))
    assert blog.sync().code == 0
    assert "<h1>Хлеб пекут ночью</h1>" in blog.page(1)
    assert "В среду" in blog.page(1)
    blog.run("resolve", "b/1", "--ours")
    assert "<h1>Булочная на Садовой</h1>" in blog.page(1)


def test_a_headline_that_is_written_here_later_goes_before_the_merged_one(blog: Blog) -> None:
    retitle(blog, 1, "Хлеб пекут ночью")
    corrected(blog, FIRST.replace("Вчера", "Позавчера"))
    blog.sync()
    blog.run("resolve", "b/1", "--merge")
    assert blog.run("edit", "b/1", "--headline", "Ночная пекарня").code == 0
    assert "<h1>Ночная пекарня</h1>" in blog.page(1)


def test_a_ledger_that_was_lost_can_tell_an_editors_hand_from_then_on(blog: Blog) -> None:
    (blog.root / "ledger.db").unlink()
    blog.sync()
    retitle(blog, 1, "Хлеб пекут ночью")
    corrected(blog, FIRST.replace("Вчера", "Позавчера"))
    assert "changed it (headline)" in blog.sync().text
    assert blog.run("resolve", "b/1", "--merge").code == 0
    assert "<h1>Хлеб пекут ночью</h1>" in blog.page(1)
    assert "Позавчера" in blog.page(1)


def test_what_both_changed_cannot_be_merged(blog: Blog) -> None:
    retitle(blog, 1, "Хлеб пекут ночью")
    corrected(blog, FIRST.replace("Пекарня", "Булочная"))
    assert "--merge" not in blog.sync().text
    answer = blog.run("resolve", "b/1", "--merge")
    assert answer.code == 1
    both = "headline (there «Хлеб пекут ночью», in the post «Булочная на Садовой»)"
    assert f"by hand and in Telegram the same changed: {both}" in answer.text
    assert "<h1>Хлеб пекут ночью</h1>" in blog.page(1)
    assert blog.run("resolve", "b/1", "--theirs").code == 0
    assert "<h1>Хлеб пекут ночью</h1>" in blog.page(1)
    blog.unchanged()


def test_an_editors_text_is_never_merged_away(blog: Blog) -> None:
    page = blog.page_of(1)
    assert page is not None
    page.write_text(page.read_text("utf-8").replace("открылась", "закрылась"), "utf-8")
    corrected(blog, FIRST.replace("утром", "днём"))
    assert "--merge" not in blog.sync().text
    answer = blog.run("resolve", "b/1", "--merge")
    assert "its text was changed by hand" in answer.text
    assert "закрылась" in blog.page(1)


def test_without_a_conflict_there_is_nothing_to_merge(blog: Blog) -> None:
    answer = blog.run("resolve", "b/1", "--merge")
    assert (answer.code, "is in no conflict" in answer.text) == (1, True)


# --- withdraw ---------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("--remove",)])
def test_a_withdrawn_article_stays_away_until_a_person_publishes_it(
    blog: Blog, words: tuple[str, ...]
) -> None:
    answer = blog.run("withdraw", "b/2", *words)
    assert (answer.code, answer.text) == (0, "1 withdrawn.\n")
    assert blog.posts == [1, 3]
    blog.unchanged()
    blog.write(message(1, FIRST, line=""), message(2, "Исправлено", line=""), message(3, line=""))
    blog.sync()
    assert blog.posts == [1, 3], "an edit does not bring it back"
    assert blog.run("resolve", "b/2", "--publish").code == 0
    assert "Исправлено" in blog.page(2)


def test_an_article_that_outlived_its_post_can_be_withdrawn(tmp_path: Path) -> None:
    blog = Blog(tmp_path, settings="on_delete = 'keep'")
    blog.write(*(message(n, line="") for n in range(1, 4)))
    blog.sync()
    blog.write(*(message(n, line="") for n in (1, 3)))
    blog.sync()
    assert blog.posts == [1, 2, 3]
    assert blog.run("withdraw", "b/2").text == "1 withdrawn.\n"
    assert blog.posts == [1, 3]
    blog.unchanged()


# --- undo -------------------------------------------------------------------------------------


@pytest.fixture
def filled(tmp_path: Path) -> Blog:
    """A blog of which one run made posts 1 to 3 and another the rest."""
    blog = Blog(tmp_path)
    blog.write(*(message(n, line="") for n in range(1, 7)))
    blog.run("backfill", "b", "--ids", "1-3")
    blog.run("backfill", "b", "--ids", "4-6")
    assert blog.posts == [1, 2, 3, 4, 5, 6]
    return blog


def test_undo_lists_the_runs_that_made_something(filled: Blog) -> None:
    *lines, last = filled.run("undo").text.splitlines()
    assert last == "To see what one would take back: crosspost undo RUN --dry-run"
    assert [line.split("  ")[-1] for line in lines] == ["backfill b: 3 created"] * 2
    runs = json_of(filled, "undo")["runs"]
    assert [(one["command"], one["created"]) for one in runs] == [("backfill", 3)] * 2


def test_undo_takes_back_what_one_run_made_and_nothing_else(filled: Blog) -> None:
    run = json_of(filled, "undo")["runs"][0]["id"]
    assert "3 withdrawn" in filled.run("undo", str(run), "--dry-run").text
    assert len(filled.posts) == 6
    assert filled.run("undo", str(run)).code == 2, "nobody is there to ask"
    assert filled.run("undo", str(run), "--yes").text == "3 withdrawn.\n"
    assert filled.posts == [1, 2, 3]
    filled.sync()
    assert filled.posts == [1, 2, 3], "a sync does not bring them back"
    assert filled.run("undo", str(run), "--yes").text == "Nothing to do.\n"


def test_a_backfill_brings_back_what_was_taken_back(filled: Blog) -> None:
    run = json_of(filled, "undo")["runs"][0]["id"]
    filled.run("undo", str(run), "--yes")
    filled.settings = "credit = 'архив'"
    assert "2 created" in filled.run("backfill", "b", "--ids", "4-5").text
    assert filled.posts == [1, 2, 3, 4, 5]


def test_undo_leaves_what_a_person_has_edited_since(filled: Blog) -> None:
    run = json_of(filled, "undo")["runs"][0]["id"]
    retitle(filled, 5, "Как решил редактор")
    answer = filled.run("undo", str(run), "--yes")
    assert answer.code == 1
    assert "A person has edited it on the site since: it stays there" in answer.text
    assert filled.posts == [1, 2, 3, 5]
    assert "Как решил редактор" in filled.page(5)
    filled.sync()
    assert filled.posts == [1, 2, 3, 5]


def test_undo_of_an_older_run_leaves_what_a_later_one_put_there_again(filled: Blog) -> None:
    run = str(json_of(filled, "undo")["runs"][0]["id"])
    filled.run("undo", run, "--yes")
    filled.run("backfill", "b", "--ids", "4-5")
    assert filled.run("undo", run, "--yes").text == "Nothing to do.\n"
    assert filled.posts == [1, 2, 3, 4, 5]


def test_what_was_taken_back_is_quoted_no_more(tmp_path: Path) -> None:
    blog = Blog(tmp_path)
    blog.write(
        message(1, "Мост закрыт\n\nДо августа.\n\n", line=""),
        message(2, "Мост открыли\n\nРаньше срока.\n\n", line="", reply_to_message_id=1),
    )
    blog.run("backfill", "b", "--ids", "1-1")
    blog.run("backfill", "b", "--ids", "2-2")
    assert "Мост закрыт" in blog.page(2)
    run = str(json_of(blog, "undo")["runs"][1]["id"])
    assert blog.run("undo", run, "--yes").text == "1 withdrawn.\n"
    blog.sync()
    assert blog.posts == [2]
    assert "Мост закрыт" not in blog.page(2)


def test_show_says_how_to_bring_back_what_a_person_took_off(filled: Blog) -> None:
    filled.run("withdraw", "b/5")
    said = "To publish it: crosspost resolve b/5 --publish"
    assert said in filled.run("show", "b/5").text
    filled.run("resolve", "b/5", "--publish")
    assert said not in filled.run("show", "b/5").text


def test_what_a_person_withdrew_stays_away_after_an_undo_too(filled: Blog) -> None:
    run = str(json_of(filled, "undo")["runs"][0]["id"])
    filled.run("withdraw", "b/5")
    assert filled.run("undo", run, "--yes").text == "2 withdrawn.\n"
    filled.run("backfill", "b", "--ids", "4-6")
    assert filled.posts == [1, 2, 3, 4, 6]


def test_a_conflict_outlives_an_undo(filled: Blog) -> None:
    run = str(json_of(filled, "undo")["runs"][0]["id"])
    retitle(filled, 5, "Как решил редактор")
    filled.write(
        *(message(n, "Исправлено автором" if n == 5 else "", line="") for n in range(1, 7))
    )
    assert filled.sync().code == 1
    filled.run("undo", run, "--yes")
    assert filled.posts == [1, 2, 3, 5]
    (waiting,) = json_of(filled, "status")["blogs"][0]["sites"][0]["waiting"]
    assert (waiting["post"], waiting["state"]) == ("b/5", "conflict")
    assert filled.run("resolve", "b/5", "--ours").code == 0
    assert "Исправлено автором" in filled.page(5)


@pytest.mark.parametrize("arrives", [True, False])
def test_an_undo_that_is_cut_goes_on_with_the_next_run(
    filled: Blog, monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    run = str(json_of(filled, "undo")["runs"][0]["id"])
    withdraw = StaticPublisher.withdraw

    def cut(self: StaticPublisher, remote: Remote, how: Any) -> Any:
        if arrives or remote.id != "b/5":
            withdraw(self, remote, how)
        if remote.id == "b/5":
            raise Unknown("the connection was cut")

    monkeypatch.setattr(StaticPublisher, "withdraw", cut)
    assert filled.run("undo", run, "--yes").code == 1
    monkeypatch.undo()
    assert filled.sync().code == 0
    assert filled.posts == [1, 2, 3]
    assert json_of(filled, "status")["blogs"][0]["sites"][0]["states"] == {"live": 3, "skipped": 3}
    filled.unchanged()


def test_a_run_that_only_found_what_was_there_takes_nothing_back(filled: Blog) -> None:
    (filled.root / "ledger.db").unlink()
    filled.sync()
    assert json_of(filled, "undo")["runs"] == []


def test_undo_of_a_run_that_never_was_is_told(filled: Blog) -> None:
    answer = filled.run("undo", "999")
    assert (answer.code, "there was no run 999" in answer.text) == (2, True)


# --- verify -----------------------------------------------------------------------------------


def test_a_site_in_step_with_the_ledger_passes(blog: Blog) -> None:
    answer = blog.run("verify")
    assert (answer.code, answer.text) == (0, "The sites are as the ledger says.\n")


def test_verify_tells_what_is_gone_and_what_a_person_changed(blog: Blog) -> None:
    retitle(blog, 1, "Как решил редактор")
    page = blog.page_of(2)
    assert page is not None
    page.unlink()
    answer = blog.run("verify")
    assert answer.code == 1
    assert "changed: b/1 → local" in answer.text
    assert "a person changed it on the site (headline)" in answer.text
    assert "gone: b/2 → local" in answer.text
    assert "crosspost resolve b/2 --ours" in answer.text
    assert answer.text.endswith("1 changed, 1 gone.\n")
    quiet = blog.run("verify", "-q")
    assert "changed: b/1" not in quiet.text
    assert blog.run("resolve", "b/2", "--ours").code == 0
    assert blog.run("verify").code == 0, "that an editor corrects an article is no trouble"


def test_verify_finds_what_the_ledger_does_not_know(blog: Blog) -> None:
    (blog.root / "ledger.db").unlink()
    blog.write(message(1, FIRST, line=""))
    blog.run("backfill", "b", "--ids", "1")
    found = json_of(blog, "verify")
    assert found["exit_code"] == 1
    assert [(one["what"], one["post_id"]) for one in found["differences"]] == [
        ("unknown", 2),
        ("unknown", 3),
    ]


def test_verify_changes_nothing(blog: Blog) -> None:
    retitle(blog, 1, "Как решил редактор")
    before = {path: path.stat().st_mtime_ns for path in blog.site.rglob("*.html")}
    ledger = (blog.root / "ledger.db").read_bytes()
    blog.run("verify")
    assert {path: path.stat().st_mtime_ns for path in blog.site.rglob("*.html")} == before
    assert (blog.root / "ledger.db").read_bytes() == ledger


def illustrated(tmp_path: Path) -> Blog:
    from PIL import Image

    blog = Blog(tmp_path)
    Image.new("RGB", (60, 40), (90, 60, 30)).save(blog.export / "foto.jpg")
    shown = {"photo": "foto.jpg", "width": 60, "height": 40}
    blog.write(message(1, line="") | shown, message(2, line=""))
    assert blog.sync().code == 0
    return blog


def test_verify_tells_which_article_has_lost_its_picture_and_how_to_mend_it(
    tmp_path: Path,
) -> None:
    blog = illustrated(tmp_path)
    assert blog.run("verify").code == 0
    (picture,) = blog.site.glob("media/*/*.jpg")
    picture.unlink()
    answer = blog.run("verify")
    assert (answer.code, "lost: b/1 → local" in answer.text) == (1, True)
    assert picture.name in answer.text
    assert "it must be sent again" in blog.run("resolve", "b/1", "--ours").text
    assert blog.run("retry", "b/1").code == 0
    assert picture.exists()
    assert blog.run("verify").code == 0


def test_verify_tells_of_a_file_that_is_in_no_article(tmp_path: Path) -> None:
    blog = illustrated(tmp_path)
    blog.run("withdraw", "b/1")
    (blog.root / "ledger.db").unlink()
    blog.write(message(2, line=""))
    blog.sync()
    with closing(sqlite3.connect(blog.site / ".crosspost" / "site.db")) as catalogue, catalogue:
        catalogue.execute("DELETE FROM use")
    answer = blog.run("verify")
    assert "stray: b → local: Crosspost sent this file" in answer.text
    assert "unknown: b/1 → local" in answer.text, "a draft that the ledger does not know"


def test_an_article_that_was_withdrawn_may_be_deleted_but_not_be_public_again(blog: Blog) -> None:
    blog.run("withdraw", "b/2")
    assert blog.run("verify").code == 0
    with closing(sqlite3.connect(blog.site / ".crosspost" / "site.db")) as catalogue, catalogue:
        catalogue.execute("UPDATE article SET status = 'live', drawn = '' WHERE post_id = 2")
    assert "back: b/2 → local" in blog.run("verify").text
    with closing(sqlite3.connect(blog.site / ".crosspost" / "site.db")) as catalogue, catalogue:
        catalogue.execute("DELETE FROM article WHERE post_id = 2")
    assert blog.run("verify").text == "The sites are as the ledger says.\n"


def test_a_site_that_was_deleted_is_looked_for_and_not_made(blog: Blog) -> None:
    shutil.rmtree(blog.site)
    answer = blog.run("verify")
    assert (answer.code, answer.text.splitlines()[-1]) == (1, "3 gone.")
    assert not blog.site.exists()


def test_a_site_without_a_clear_answer_is_told_in_a_sentence(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unclear(self: StaticPublisher, name: str) -> Any:
        raise Unknown("502 Bad Gateway")

    monkeypatch.setattr(StaticPublisher, "listed", unclear)
    answer = blog.run("verify")
    assert (answer.code, "not compared to the end: 502 Bad Gateway" in answer.text) == (4, True)


# --- Two texts --------------------------------------------------------------------------------


def test_a_difference_is_told_word_by_word_where_lines_are_alike() -> None:
    site = ["Заголовок", "", "Один  два три.", "Только там."]
    post = ["Заголовок", "Один четыре три.", "Совсем другие слова здесь"]
    assert list(difference(site, post)) == [
        Line(" ", "Заголовок"),
        Line("~", "Один [-два-]{+четыре+} три."),
        Line("-", "Только там."),
        Line("+", "Совсем другие слова здесь"),
    ]


def test_a_paragraph_is_told_beside_the_one_it_was_though_another_came_before_it() -> None:
    site = ["Под фото: дверь.", "Взял рубанок и поправил её."]
    post = ["Взял рубанок, стамеску и поправил её."]
    assert list(difference(site, post)) == [
        Line("-", "Под фото: дверь."),
        Line("~", "Взял рубанок{+, стамеску+} и поправил её."),
    ]
    assert [line.sign for line in difference(post, site)] == ["+", "~"]


# --- Links ------------------------------------------------------------------------------------


def test_a_backfill_leads_its_links_to_posts_that_come_later_in_it(tmp_path: Path) -> None:
    blog = Blog(tmp_path)
    link = {"type": "text_link", "text": "дальше", "href": "https://t.me/workshop/2"}
    first = message(1, line="") | {"text": ["Смотри ", link], "text_entities": [
        {"type": "plain", "text": "Смотри "}, link]}  # fmt: skip
    blog.write(first, message(2, line=""))
    blog.run("backfill", "b")
    target = blog.page_of(2)
    assert target is not None
    assert f'href="{target.name}"' in blog.page(1)
    assert blog.sync().text == "Nothing to do.\n"
