"""An editor who looks at every post: approve, skip, render, by the whole program."""

import json
from pathlib import Path

import pytest
from blogs import Blog
from test_archive import message

LOOKED_AT = "Every post of this blog is looked at first"


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    blog = Blog(tmp_path, settings="review = true")
    blog.configure()
    blog.write(*(message(n, line="") for n in range(1, 7)))
    return blog


def test_a_blog_under_review_publishes_nothing_by_itself(blog: Blog) -> None:
    answer = blog.sync()
    assert answer.code == 1
    assert answer.text.count(LOOKED_AT) == 6
    assert blog.posts == []
    blog.settings = "review = true\nrule = [{action = 'publish'}]"
    blog.configure()
    blog.sync()
    assert blog.posts == [], "a rule speaks for it, and a person has not looked"


def test_a_whole_archive_that_waits_is_no_wall_of_lines(blog: Blog) -> None:
    blog.write(*(message(n, line="") for n in range(1, 31)))
    told = blog.sync().text
    assert (told.count("held: b/"), "held: 20 more like these: crosspost status" in told) == (
        10,
        True,
    )
    assert told.endswith("30 posts read, 30 held for a person.\n")
    assert blog.run("status").text.count(LOOKED_AT) == 30


def test_what_waits_is_listed_when_no_post_is_named(blog: Blog) -> None:
    assert blog.run("approve").text == "Nothing waits for a word.\n"
    blog.sync()
    for words in (("approve",), ("skip", "b")):
        told = blog.run(*words)
        assert told.code == 0
        assert told.text.startswith(f"b/1  «Встреча 1»  → local\n    {LOOKED_AT}\nb/2")
        assert f"crosspost {words[0]} b 1, or --all" in told.text
    found = json.loads(blog.run("approve", "--json").text)["blogs"][0]
    assert [one["post"] for one in found["waiting"]] == [f"b/{n}" for n in range(1, 7)]
    assert blog.posts == []


@pytest.mark.parametrize(
    ("words", "posts"),
    [
        (("2",), [2]),
        (("b", "2", "4-5"), [2, 4, 5]),
        (("b/2-3", "b/6"), [2, 3, 6]),
        (("https://t.me/workshop/3",), [3]),
        (("--all",), [1, 2, 3, 4, 5, 6]),
        (("b", "--all"), [1, 2, 3, 4, 5, 6]),
    ],
)
def test_posts_are_approved_by_number_range_link_or_all(
    blog: Blog, words: tuple[str, ...], posts: list[int]
) -> None:
    blog.sync()
    answer = blog.run("approve", *words, "-v")
    assert answer.code == 0
    assert blog.posts == posts
    made = [int(line.split()[1][2:]) for line in answer.text.splitlines() if "created: " in line]
    assert made == posts, "oldest first, in one run"
    blog.unchanged()


def test_an_approved_post_is_kept_in_step_without_another_look(blog: Blog) -> None:
    blog.sync()
    blog.run("approve", "2")
    blog.write(
        *(message(n, "Мост\n\nОткрыли.\n\n" if n == 2 else "", line="") for n in range(1, 7))
    )
    blog.sync()
    assert "Мост" in blog.page(2)


def test_what_is_skipped_stays_out_and_leaves_the_site(blog: Blog) -> None:
    blog.sync()
    blog.run("approve", "1-2")
    answer = blog.run("skip", "b", "1", "3")
    assert answer.code == 0
    assert blog.posts == [2]
    blog.sync()
    assert blog.posts == [2]
    assert blog.run("skip", "4-6").code == 0
    assert blog.run("approve").text == "Nothing waits for a word.\n"
    assert blog.run("approve", "3").code == 0
    assert blog.posts == [2, 3], "a word may be taken back"


def test_a_range_touches_nothing_that_does_not_wait(blog: Blog) -> None:
    blog.sync()
    blog.run("approve", "1-3")
    blog.run("skip", "1-6")
    assert blog.posts == [1, 2, 3]


def test_what_was_on_the_site_before_stays_and_is_kept_in_step(tmp_path: Path) -> None:
    blog = Blog(tmp_path)
    blog.write(message(1, line=""))
    blog.sync()
    blog.settings = "review = true"
    blog.configure()
    blog.write(message(1, "Мост\n\nОткрыли.\n\n", line=""), message(2, line=""))
    blog.sync()
    assert blog.posts == [1]
    assert "Мост" in blog.page(1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("7",), "the ledger knows no post"),
        (("5-4",), "ends before it begins"),
        (("70-80",), "no post of «b» waits in 70-80"),
        (("a/1-2",), "say of which blog"),
        (("1", "--all"), "name no posts with it"),
        (("https://t.me/other/1",), "the ledger knows no post"),
    ],
)
def test_words_that_name_no_post_are_told(blog: Blog, words: tuple[str, ...], told: str) -> None:
    blog.sync()
    answer = blog.run("approve", *words)
    assert answer.code == 2
    assert told in answer.text
    assert blog.posts == []


def test_what_is_there_already_or_gone_is_noted(blog: Blog) -> None:
    blog.sync()
    blog.run("approve", "1")
    again = blog.run("approve", "1", "2")
    assert again.code == 0
    assert "note: b/1: It is on the site already: http://blog.test/b/1" in again.text
    assert blog.posts == [1, 2]
    blog.write(*(message(n, line="") for n in (1, 3, 4, 5, 6)))
    blog.sync()
    assert "b/2: It was deleted in Telegram" in blog.run("approve", "2").text
    assert blog.posts == [1]
