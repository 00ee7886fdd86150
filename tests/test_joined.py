"""Posts that are one article: parts, bursts, and what is said again."""

import re
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from blogs import Blog
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_archive import message
from test_normalize import STYLE, check, photo, post, posts

from crosspost.model import Entity, Media, Post
from crosspost.normalize import joined, merged, normalize, parted

PART = "It is a part of the article b/"


def said(number: int, text: str, *, after: int = 0, **more: Any) -> dict[str, Any]:
    """A post of day 1, so many seconds after noon."""
    moment = {"date_unixtime": str(1_746_100_000 + after), "date": "2025-05-01T12:00:00"}
    return message(number, text, line="", **moment | more)


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    blog = Blog(tmp_path, settings="join = ['near', 'series']")
    blog.configure()
    return blog


FIRST = "Ярмарка открылась\n\nПришли трое.\n\n"
BREAD = "Хлеба хватит на всех.\n\n"


def test_posts_within_two_minutes_are_one_article(blog: Blog) -> None:
    blog.write(said(1, FIRST), said(2, BREAD, after=100), said(3, "Чай тоже.\n\n", after=220))
    answer = blog.run("sync", "-v")
    assert answer.code == 0
    assert f"skipped: b/2 → local «Хлеба хватит на всех»: {PART}1" in answer.text
    assert blog.posts == [1]
    page = blog.page(1)
    assert page.index("Пришли трое.") < page.index("Хлеба хватит") < page.index("Чай тоже")
    assert "t.me/workshop/1" in page
    assert "Goes on with b/2" in blog.run("show", "b/1").text
    blog.unchanged()


def test_a_part_that_comes_when_the_first_is_there_updates_it(blog: Blog) -> None:
    blog.write(said(1, FIRST))
    blog.sync()
    address = blog.page_of(1)
    blog.write(said(1, FIRST), said(2, BREAD, after=100))
    answer = blog.run("sync", "-v")
    assert "updated: b/1" in answer.text
    assert blog.posts == [1]
    assert blog.page_of(1) == address
    assert "Хлеба" in blog.page(1)
    blog.unchanged()


def test_an_edit_of_either_changes_the_one_article(blog: Blog) -> None:
    blog.write(said(1, FIRST), said(2, BREAD, after=60))
    blog.sync()
    edited = {"edited_unixtime": "1746200000", "edited": "2025-05-02T12:00:00"}
    blog.write(said(1, FIRST), said(2, "Хлеб кончился.\n\n", after=60, **edited))
    blog.sync()
    assert "Хлеб кончился" in blog.page(1)
    assert "хватит" not in blog.page(1)
    blog.write(
        said(1, FIRST.replace("трое", "все"), **edited),
        said(2, "Хлеб кончился.\n\n", after=60, **edited),
    )
    blog.sync()
    assert "Пришли все" in blog.page(1)
    assert "Хлеб кончился" in blog.page(1)
    assert blog.posts == [1]
    blog.unchanged()


def test_a_part_that_is_deleted_leaves_the_article(blog: Blog) -> None:
    last = said(9, "Совсем другой день\n\nИ дело другое.\n\n", after=90_000)
    blog.write(said(1, FIRST), said(2, BREAD, after=60), last)
    blog.sync()
    assert blog.posts == [1, 9]
    blog.write(said(1, FIRST), last)
    blog.sync()
    assert "хватит на всех." not in blog.page(1)
    assert blog.posts == [1, 9]
    blog.unchanged()


def test_when_the_first_is_deleted_the_others_are_an_article_of_their_own(blog: Blog) -> None:
    zero = said(1, "Накануне\n\nСтавили лавки.\n\n", after=-90_000)
    two, three = said(3, BREAD, after=60), said(4, "Чай тоже.\n\n", after=120)
    blog.write(zero, said(2, FIRST), two, three)
    blog.sync()
    assert blog.posts == [1, 2]
    blog.write(zero, two, three)
    blog.sync()
    assert blog.posts == [1, 3]
    assert "Чай тоже" in blog.page(3)
    blog.unchanged()


def test_a_part_waits_while_its_words_stand_in_an_article_that_a_person_has_changed(
    blog: Blog,
) -> None:
    """Its first post is gone: the article is the person's to take off, and holds the part's words
    until then."""
    zero = said(1, "Накануне\n\nСтавили лавки.\n\n", after=-90_000)
    blog.write(zero, said(2, FIRST), said(3, BREAD, after=60))
    blog.sync()
    (page,) = (blog.root / "public" / "b").glob("2-*.html")
    page.write_text(page.read_text("utf-8").replace("Пришли трое", "Пришли четверо"), "utf-8")
    blog.write(zero, said(3, BREAD, after=60))
    answer = blog.run("sync")
    assert answer.code == 1
    assert "Its words stand in the article b/2" in answer.text
    assert blog.posts == [1, 2]
    assert "Пришли четверо" in blog.page(2)
    blog.run("withdraw", "b/2")
    blog.run("sync")
    assert blog.posts == [1, 3]
    assert "Хлеба хватит на всех" in blog.page(3)
    blog.unchanged()


@pytest.mark.parametrize("word", ["--publish", "--skip"])
def test_a_word_about_a_part_leaves_its_text_nowhere_twice_and_at_once(
    blog: Blog, word: str
) -> None:
    blog.write(said(1, FIRST), said(2, BREAD, after=60))
    blog.sync()
    assert "хватит на всех." in blog.page(1)
    blog.run("resolve", "b/2", word)
    assert blog.posts == ([1, 2] if word == "--publish" else [1])
    assert "хватит на всех." not in blog.page(1)
    blog.unchanged()


@pytest.mark.parametrize(
    "second",
    [
        said(2, BREAD, after=121),
        said(2, BREAD, after=60, author="Анна"),
        said(2, BREAD, after=60, forwarded_from="Город"),
    ],
    ids=["later", "another author", "somebody else's words"],
)
def test_what_does_not_belong_together_stays_apart(blog: Blog, second: dict[str, Any]) -> None:
    blog.write(said(1, FIRST), second)
    blog.sync()
    assert blog.posts == [1, 2]


def test_nothing_is_joined_unless_the_blog_says_so(tmp_path: Path) -> None:
    blog = Blog(tmp_path)
    blog.write(said(1, FIRST), said(2, BREAD, after=60))
    blog.sync()
    assert blog.posts == [1, 2]
    blog.settings = "join = 'near'"
    blog.configure()
    blog.sync()
    assert blog.posts == [1, 2], "what is on the site by itself stays so"
    assert "хватит на всех." not in blog.page(1)


def test_what_was_joined_comes_apart_when_the_blog_wants_it_no_more(blog: Blog) -> None:
    blog.write(said(1, FIRST), said(2, BREAD, after=60))
    blog.sync()
    blog.settings = ""
    blog.configure()
    blog.sync()
    assert blog.posts == [1, 2]
    assert "хватит на всех." not in blog.page(1)
    assert "Хлеба" in blog.page(2)


def test_parts_of_a_series_are_one_article_with_the_pictures_of_all(blog: Blog) -> None:
    for name, colour in (("a.jpg", "red"), ("b.jpg", "blue"), ("c.jpg", "green")):
        Image.new("RGB", (640, 480), colour).save(blog.export / name)
    line = {"line": "Подписаться: @workshop"}
    one = {"photo": "a.jpg"} | line | {"date_unixtime": "1746100000"}
    two = {"photo": "b.jpg"} | line | {"date_unixtime": "1746300000"}
    blog.write(
        message(1, "Печь. Часть 1\n\nКирпич привезли.\n\n#печь\n", **one),
        message(2, "Погода\n\nДождь.\n\n", line=""),
        message(3, "Печь. Часть 2\n\nТрубу сложили.\n\n#дача\n", **two),
        message(4, "Печь. Часть 3\n\nТопим.\n\n", line="", photo="c.jpg"),
    )
    blog.sync()
    assert blog.posts == [1, 2]
    page = blog.page(1)
    order = ["Кирпич", "Печь. Часть 2", "Трубу", "Печь. Часть 3", "Топим"]
    assert sorted(order, key=page.index) == order
    assert "Подписаться" not in page, "no footer in the midst"
    assert ">печь<" in page
    assert ">дача<" in page
    shown = blog.run("show", "b/1").text
    assert shown.count("[photo") == 3
    assert shown.count("(cover)") == 1
    assert page.count("<img") >= 3
    blog.unchanged()


def test_the_first_that_has_words_gives_the_headline(blog: Blog) -> None:
    Image.new("RGB", (640, 480), "red").save(blog.export / "a.jpg")
    photo_ = said(1, "", photo="a.jpg")
    photo_ |= {"text": "", "text_entities": []}
    blog.write(photo_, said(2, FIRST, after=30), said(3, BREAD, after=60))
    blog.sync()
    assert blog.posts == [1]
    assert str(blog.page_of(1)).endswith("1-iarmarka-otkrylas.html")
    page = blog.page(1)
    assert ">Ярмарка открылась</h1>" in page
    assert "Хлеба хватит на всех." in page
    assert page.count("Ярмарка открылась</h1>") == 1


def test_a_person_who_publishes_a_part_takes_it_out_of_the_article(blog: Blog) -> None:
    blog.write(said(1, FIRST), said(2, BREAD, after=60), said(3, "Чай тоже.\n\n", after=120))
    blog.sync()
    blog.run("approve", "2")
    assert blog.posts == [1, 2]
    assert "хватит на всех." not in blog.page(1)
    assert "Чай" in blog.page(1)
    blog.run("skip", "3")
    assert "Чай" not in blog.page(1)
    assert blog.posts == [1, 2]
    blog.unchanged()


def test_a_link_to_a_part_leads_to_the_article(blog: Blog) -> None:
    link = {"type": "text_link", "text": "тут", "href": "https://t.me/workshop/2"}
    late = said(3, "О хлебе\n\nБыло вот ", after=90_000)
    late["text_entities"].append(link)
    late["text"] = late["text_entities"]
    blog.write(said(1, FIRST), said(2, BREAD, after=60), late)
    blog.sync()
    name = blog.page_of(1)
    assert name is not None
    assert f'href="{name.name}"' in blog.page(3)


def test_a_ledger_that_is_lost_makes_no_double(blog: Blog) -> None:
    blog.write(said(1, FIRST), said(2, BREAD, after=60))
    blog.sync()
    page = blog.page(1)
    (blog.root / "ledger.db").unlink()
    blog.sync()
    assert blog.posts == [1]
    assert blog.page(1) == page


def test_a_joined_article_waits_for_its_youngest_part(blog: Blog) -> None:
    import time

    now = int(time.time()) - 1_746_100_000
    blog.write(said(1, FIRST, after=now - 100), said(2, BREAD, after=now - 5))
    answer = blog.run("sync", "-v")
    assert "waits: b/1" in answer.text
    assert blog.posts == []


# --- Said again -------------------------------------------------------------------------------

NEWS = (
    "Ярмарка мастеров пройдёт в эту субботу на площади у старого рынка. Придут пекари, столяры и "
    "гончары, а для детей будет кукольный театр и чай с пряниками весь день."
)


@pytest.fixture
def merging(tmp_path: Path) -> Blog:
    blog = Blog(tmp_path, settings="rules = {repeats = 'merge'}")
    blog.configure()
    return blog


def test_what_is_said_again_gives_the_first_article_its_newest_words(merging: Blog) -> None:
    Image.new("RGB", (640, 480), "red").save(merging.export / "a.jpg")
    first = message(1, f"{NEWS}\n\n", line="", photo="a.jpg")
    merging.write(first)
    merging.sync()
    address = merging.page_of(1)
    merging.write(first, message(5, f"Напоминаем!\n\n{NEWS}\n\n", line=""))
    answer = merging.run("sync", "-v")
    assert "updated: b/1" in answer.text
    assert "It says the same as the post b/1, whose article has its words" in answer.text
    assert merging.posts == [1]
    assert merging.page_of(1) == address
    assert "Напоминаем!" in merging.page(1)
    assert "<img" in merging.page(1), "the picture of the first stays"
    merging.unchanged()


def test_a_forward_of_ones_own_words_leaves_the_first_article_alone(merging: Blog) -> None:
    first = message(1, f"{NEWS}\n\n", line="")
    merging.write(first, message(5, f"{NEWS} Да!\n\n", line="", forwarded_from="Город"))
    merging.sync()
    assert merging.posts == [1]
    assert "Да!" not in merging.page(1)


def test_when_the_first_of_twins_is_deleted_the_other_takes_its_place(merging: Blog) -> None:
    zero = message(1, "Погода\n\nДождь.\n\n", line="")
    twin = message(5, f"Напоминаем!\n\n{NEWS}\n\n", line="")
    merging.write(zero, message(2, f"{NEWS}\n\n", line=""), twin)
    merging.sync()
    assert merging.posts == [1, 2]
    merging.write(zero, twin)
    merging.sync()
    assert merging.posts == [1, 5]


def test_a_twin_that_is_edited_into_something_else_is_an_article(merging: Blog) -> None:
    first = message(1, f"{NEWS}\n\n", line="")
    merging.write(first, message(5, f"{NEWS}\n\n", line=""))
    merging.sync()
    assert merging.posts == [1]
    other = message(5, "Совсем о другом\n\nВода будет в среду.\n\n", line="")
    merging.write(first, other | {"edited_unixtime": "1746900000"})
    merging.sync()
    assert merging.posts == [1, 5]


# --- Every character once ---------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(posts(), min_size=2, max_size=3))
def test_no_posts_whatsoever_lose_or_double_a_character_when_joined(sources: list[Post]) -> None:
    whole = joined(sources)
    articles = [normalize(sources[0], STYLE)]
    for one in sources[1:]:
        under = next((a for a in articles if a.cover is not None), articles[0])
        under = msgspec.structs.replace(under, title=articles[0].title)
        articles.append(normalize(one, STYLE, below=under))
    article = merged(sources, articles)
    assert len(article.figures) == sum(len(one.figures) for one in articles)
    spans = article.spans
    assert "".join(whole.text[one.start : one.end] for one in spans) == whole.text
    assert [one.start for one in spans[1:]] == [one.end for one in spans[:-1]]
    for one in spans:
        if one.part == "caption":
            assert 0 <= one.figure < len(article.figures)
    assert [one.media for one in article.figures] == [
        media
        for source, made in zip(sources, articles, strict=True)
        for media in (figure.media for figure in made.figures)
    ]


def test_a_joined_post_is_laid_out_like_any_other() -> None:
    text = post("Печь\n\nКирпич.", media=(photo(),))
    bold = Entity(type="bold", offset=0, length=4)
    below = post("Труба\n\nГотова.\n\nНа фото: труба", bold, media=(photo(), photo()))
    made = merged(
        [text, below], [(one := normalize(text, STYLE)), normalize(below, STYLE, below=one)]
    )
    whole = joined([text, below])
    check(whole, made)
    assert made.title == "Печь"
    assert made.cover == 0
    assert "<strong>Труб</strong>а" in made.body
    assert made.body.count('src="media:1"') == made.body.count('src="media:2"') == 1
    assert made.figures[1].caption == "На фото: труба"


def test_words_that_look_like_an_address_of_ours_stay_words() -> None:
    text = post("Печь", media=(photo(),))
    below = post('Пишите src="media:0" и media:0 <img src="media:0">')
    made = merged(
        [text, below], [(one := normalize(text, STYLE)), normalize(below, STYLE, below=one)]
    )
    assert "media:1" not in made.body


def test_what_is_missing_is_told_to_the_post_that_has_it() -> None:
    one = post("а", media=(Media(kind="photo", locator="1"), Media(kind="photo", locator="2")))
    two = post("б", media=(Media(kind="photo", locator="3"),))
    assert parted({1: "gone", 2: "lost"}, [one, two]) == [{1: "gone"}, {0: "lost"}]


def test_an_older_ledger_learns_to_join(blog: Blog) -> None:
    blog.write(said(1, FIRST))
    blog.sync()
    with sqlite3.connect(blog.root / "ledger.db") as ledger:
        assert ledger.execute("SELECT count(*) FROM part").fetchone() == (0,)
    ledger.close()
    blog.write(said(1, FIRST), said(2, BREAD, after=60))
    blog.sync()
    assert blog.posts == [1]


def test_what_outlives_its_post_outlives_it_joined(blog: Blog) -> None:
    blog.settings = "join = 'near'\non_delete = 'keep'"
    blog.configure()
    zero = said(1, "Накануне\n\nСтавили лавки.\n\n", after=-90_000)
    last = said(9, "Наутро\n\nУбирали лавки.\n\n", after=90_000)
    blog.write(zero, said(2, FIRST), said(3, BREAD, after=60), last)
    blog.sync()
    blog.write(zero, said(3, BREAD, after=60), last)
    blog.sync()
    assert blog.posts == [1, 2, 9]
    assert "Хлеба хватит на всех." in blog.page(2), "nothing of it is lost, nothing is there twice"
    blog.unchanged()


# --- Once, whatever happens -------------------------------------------------------------------

STEPS = ("new", "soon", "part", "again", "edit", "delete", "skip", "approve", "setting", "lost")


class Story:
    """A channel that lives, and a blog that follows it; each post has a word of its own."""

    def __init__(self, blog: Blog, random: Random) -> None:
        self.blog, self.random = blog, random
        self.posts: dict[int, dict[str, Any]] = {}
        self.last, self.clock, self.gone = 0, 0, set[int]()
        self.joins, self.skipped, self.said = True, False, set[int]()

    def step(self, what: str) -> None:
        if what in ("new", "soon", "part", "again"):
            self.add(what)
        elif what == "setting":
            self.joins = not self.joins
            self.blog.settings = SETTINGS if self.joins else ""
            self.blog.configure()
        elif what == "lost":
            (self.blog.root / "ledger.db").unlink(missing_ok=True)
        elif self.posts and what in ("skip", "approve"):
            self.skipped = self.skipped or what == "skip"
            self.blog.run(what, f"b/{self.random.choice([*self.posts])}")
        elif self.posts:
            self.change(what)

    def add(self, what: str) -> None:
        self.last += 1
        self.clock += 60 if what == "soon" else 5_000
        text = f"Печь. Часть {self.last}" if what == "part" else f"Слово {self.last}"
        more = NEWS.replace("2", "") if what == "again" else f"Сказано дело{self.last}дело."
        self.posts[self.last] = said(self.last, f"{text}\n\n{more}\n\n", after=self.clock)
        if what != "again":
            self.said.add(self.last)

    def change(self, what: str) -> None:
        one = self.random.choice([*self.posts])
        if what == "delete" and 1 < one < self.last:
            del self.posts[one]
            self.gone.add(one)
        elif what == "edit":
            text = f"Слово {one}\n\nСказано дело{one}дело, и ещё раз.\n\n"
            moment = self.posts[one]["date_unixtime"]
            self.posts[one] = said(one, text) | {"date_unixtime": moment}
            self.said.add(one)

    def holds(self) -> None:
        """What is said stands once at most, and once if nobody said otherwise."""
        bodies = [
            BeautifulSoup(self.blog.page(one), "lxml").select_one("article.article")
            for one in self.blog.posts
        ]
        shown = "\n".join(body.get_text() for body in bodies if body)
        for one in range(1, self.last + 1):
            count = len(re.findall(rf"дело{one}дело", shown))
            assert count <= 1, f"the post {one} stands there {count} times"
            if one in self.said and one in self.posts and not self.skipped:
                assert count == 1, f"the post {one} stands nowhere"
            if one in self.gone:
                assert count == 0, f"the post {one} is gone and stands there"
        assert shown.count("кукольный театр") <= sum(
            "кукольный" in str(post) for post in self.posts.values()
        )


SETTINGS = "join = ['near', 'series']\nmax_deletions = 100\nrules = {repeats = 'merge'}"


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=pytest.mark.slow) if n > 1 else n for n in range(20)]
)
def test_no_words_stand_on_the_site_twice_whatever_happens(blog: Blog, seed: int) -> None:
    random = Random(seed)
    blog.settings = SETTINGS
    blog.configure()
    story = Story(blog, random)
    for _ in range(14):
        what = random.choice(STEPS)
        story.step(what)
        if story.posts:
            blog.write(*(story.posts[one] for one in sorted(story.posts)))
            blog.sync()
            story.holds()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 105))
def test_no_words_stand_on_the_site_twice_whenever_it_is_killed(blog: Blog, seed: int) -> None:
    random = Random(seed)
    blog.settings = SETTINGS
    blog.configure()
    story = Story(blog, random)
    for _ in range(10):
        for _ in range(random.randint(1, 3)):
            story.step(random.choice(STEPS[:7]))
        blog.write(*(story.posts[one] for one in sorted(story.posts)))
        config = str(blog.root / "crosspost.toml")
        words = [sys.executable, "-m", "crosspost", "--config", config, "sync", "-q"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            with suppress(subprocess.TimeoutExpired):
                run.wait(0.3 + random.random() * 0.7)
            run.kill()
        blog.sync()
        story.holds()
