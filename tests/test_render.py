"""After a change of rules, settings or templates: how many change, and how."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from blogs import Blog
from PIL import Image
from test_archive import message
from test_docs import DOCS, rows, sections
from test_normalize import STYLE, photo, post

from crosspost.model import Parts
from crosspost.normalize import normalize
from crosspost.pipeline._render import differences


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    blog = Blog(tmp_path)
    Image.new("RGB", (640, 480), "red").save(blog.export / "a.jpg")
    blog.write(
        message(1, line="", photo="a.jpg"),
        message(2, "Мост\n\nОткрыли.\n\n#мост ", line=""),
        message(3, "Отпуск\n\nДо мая.\n\n#личное ", line=""),
    )
    assert blog.sync().code == 0
    return blog


def changed(blog: Blog, settings: str) -> None:
    blog.settings = settings
    blog.configure()


def test_nothing_changes_where_nothing_was_changed(blog: Blog) -> None:
    answer = blog.run("render")
    assert answer.code == 0
    assert answer.text == "b → local: 0 of 3 articles change\n3 left as they are.\n"


def test_what_would_change_is_counted_and_shown_and_nothing_is_done(blog: Blog) -> None:
    changed(blog, "tags = {'мост' = 'Мосты'}")
    before = {path: path.stat().st_mtime_ns for path in blog.site.rglob("*") if path.is_file()}
    answer = blog.run("render", "--dry-run")
    assert answer.code == 0
    assert "b → local: 1 of 3 articles change\n  b/2  «Мост»  http://blog.test/b/2" in answer.text
    assert "    tags\n      - мост\n      + Мосты\n" in answer.text
    assert answer.text.endswith("It would be: 1 updated, 2 unchanged.\n")
    after = {path: path.stat().st_mtime_ns for path in blog.site.rglob("*") if path.is_file()}
    assert after == before
    assert ">мост<" in blog.page(2)


def test_the_articles_are_made_anew_without_the_source(blog: Blog) -> None:
    shutil.rmtree(blog.export)
    templates = blog.root / "templates"
    (templates / "article").mkdir(parents=True)
    ours = Path(__file__).parents[1] / "crosspost/templates/article/ru.html"
    text = ours.read_text("utf-8").replace("в Телеграм-канале автора", "в канале мастера")
    (templates / "article" / "ru.html").write_text(text, "utf-8")
    config = blog.root / "crosspost.toml"
    config.write_text("templates = 'templates'\n" + config.read_text("utf-8"), "utf-8")
    answer = blog.run("render", "-v")
    assert answer.code == 0, answer.text
    assert "b → local: 3 of 3 articles change" in answer.text
    lines = ("- Оригинал — в Телеграм-канале автора.", "+ Оригинал — в канале мастера.")
    assert answer.text.count("    text\n      {}\n      {}\n".format(*lines)) == 3
    assert answer.text.endswith("3 updated.\n")
    assert all("в канале мастера" in blog.page(n) for n in (1, 2, 3))
    assert "a.jpg" not in answer.text
    assert blog.run("render").text.startswith("b → local: 0 of 3")


def test_a_sync_after_it_has_nothing_to_change(blog: Blog) -> None:
    changed(blog, "tags = {'мост' = 'Мосты'}")
    blog.run("render")
    assert ">Мосты<" in blog.page(2)
    answer = blog.run("sync", "-v")
    assert "updated" not in answer.text
    blog.unchanged()


def test_what_a_rule_turned_against_stays_and_what_it_lets_go_is_for_the_sync(blog: Blog) -> None:
    changed(blog, "rule = [{hashtag = 'личное', action = 'skip'}]")
    answer = blog.run("render")
    assert "1 stay there as they are: a rule now speaks against their posts (3)" in answer.text
    assert blog.posts == [1, 2, 3]
    blog.write(
        message(1, line="", photo="a.jpg"),
        message(2, "Мост\n\nОткрыли.\n\n#мост ", line=""),
        message(3, "Отпуск\n\nДо мая.\n\n#личное ", line=""),
        message(4, "Баня\n\nДо утра.\n\n#личное ", line=""),
    )
    blog.sync()
    assert blog.posts == [1, 2, 3]
    changed(blog, "")
    assert "1 are not there yet and should be: crosspost sync (4)" in blog.run("render").text
    assert blog.posts == [1, 2, 3]


def test_an_article_that_shows_a_file_the_site_has_not_is_for_the_sync(blog: Blog) -> None:
    import sqlite3

    with sqlite3.connect(blog.root / "ledger.db") as ledger:
        ledger.execute("DELETE FROM media")
    ledger.close()
    changed(blog, "category = 'Дела'")
    answer = blog.run("render")
    assert answer.code == 0
    assert "2 of 3 articles change" in answer.text
    assert "1 change too, but need files from the source: crosspost sync (1)" in answer.text
    assert "2 updated" in answer.text


def test_a_site_that_cannot_be_read_is_told_once_and_left_alone(blog: Blog) -> None:
    catalogue = next(path for path in (blog.site / ".crosspost").iterdir() if path.suffix == ".db")
    for path in (blog.site / ".crosspost").glob(f"{catalogue.name}*"):
        path.unlink()
    catalogue.mkdir()
    changed(blog, "tags = {'мост' = 'Мосты'}")
    answer = blog.run("render")
    assert answer.code == 4
    assert answer.text.count("b → local: ") == 2, "how many would change, and the trouble, once"
    assert ">мост<" in blog.page(2)


def test_the_object_says_how_each_changes(blog: Blog) -> None:
    changed(blog, "tags = {'мост' = 'Мосты'}")
    told = json.loads(blog.run("render", "-n", "--json").text)
    assert told["updated"] == 1
    (site,) = told["sites"]
    assert (site["blog"], site["site"], site["same"]) == ("b", "local", 2)
    (change,) = site["changes"]
    assert change["parts"] == [{"part": "tags", "gone": ["мост"], "come": ["Мосты"]}]
    assert change["post_id"] == 2
    assert {"post_id", "title", "url", "parts"} <= set(change)
    page = sections((DOCS / "reports.md").read_text("utf-8"))
    assert set(site) == set(rows(page["A site in `sites` of `render`"]))
    assert set(change) <= set(rows(page["An article in `changes`"]))


def test_a_person_is_asked_first_and_may_say_no(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    from crosspost.cli import render

    changed(blog, "tags = {'мост' = 'Мосты'}")
    asked: list[str] = []

    def no(text: str, default: bool) -> bool:
        asked.append(text)
        return default

    monkeypatch.setattr(render, "_is_there", lambda: True)
    monkeypatch.setattr(click, "confirm", no)
    assert blog.run("render").code == 0
    assert asked == ["Update 1 article on local?"]
    assert ">мост<" in blog.page(2)
    blog.run("render", "--yes")
    assert ">Мосты<" in blog.page(2)


# --- What differs -----------------------------------------------------------------------------


LAST = (
    "Подрядчик обещает закончить обе полосы к началу учебного года, и новые ограждения до зимы, "
    "если хватит краски."
)
ARTICLE = normalize(
    post(
        "Мост открыли\n\nПервыми проехали «автобусы» — и корова.\n\n"
        f"{LAST}\n\nНа фото: корова\n\n#мост",
        media=(photo(),),
    ),
    STYLE,
)
THERE = Parts(
    title="Мост открыли",
    lead='Первыми проехали "автобусы" - и корова.',
    text=LAST,
    tags=("мост",),
)


def test_what_a_site_makes_of_quotes_and_spaces_is_no_difference() -> None:
    assert list(differences(THERE, ARTICLE)) == []
    with_below = THERE.text + "\nОригинал — в Телеграм-канале автора.\nФото: из блога автора"
    whole = Parts(title=THERE.title, lead=THERE.lead, text=f"На фото: корова\n{with_below}")
    assert list(differences(whole, ARTICLE)) == [], "told with the text or not"
    within = Parts(title=THERE.title, text=f"{THERE.lead}\n{THERE.text}", tags=THERE.tags)
    assert list(differences(within, ARTICLE)) == [], "the lead stands in the text there"


def test_the_lines_that_go_and_come_are_told_by_part() -> None:
    there = Parts(
        title="Мост",
        lead=THERE.lead,
        text=f"{THERE.text}\nПодписаться: @most\nСначала — в канале.",
        tags=("мосты",),
    )
    assert list(differences(there, ARTICLE)) == [
        ("headline", ("Мост",), ("Мост открыли",)),
        ("tags", ("мосты",), ("мост",)),
        (
            "text",
            ("Подписаться: @most", "Сначала — в канале."),
            ("Оригинал — в Телеграм-канале автора.", "Фото: из блога автора"),
        ),
    ]


@pytest.mark.parametrize("answer", ["no", "Ctrl-C"])
def test_no_bar_is_drawn_over_a_question(blog: Blog, answer: str) -> None:
    changed(blog, "tags = {'мост' = 'Мосты'}")
    ours, theirs = pty.openpty()
    words = ["-c", str(blog.root / "crosspost.toml"), "render"]
    with subprocess.Popen(
        [sys.executable, "-m", "crosspost", *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        while b"[y/N]" not in said:
            assert select.select([ours], [], [], 30)[0], said
            said += os.read(ours, 65536)
        assert "→ render".encode() in said, "there was no bar to take away"
        quiet = not select.select([ours], [], [], 0.5)[0]
        if answer == "no":
            os.write(ours, b"n\n")
        else:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == (0 if answer == "no" else 1)
    os.close(ours)
    assert quiet
    assert said.rpartition(b"\n")[2].endswith(b"Update 1 article on local? [y/N]: ")
