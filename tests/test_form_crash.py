"""Killed at every request that changes a newsroom's CMS, with and without its ledger, a run is made
good by the next one: each post is there once, each file is there once."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from crash.world import CONFIG, lay, turn

pytest.register_assert_rewrite("sites.desk")
from sites.desk import Desk  # noqa: E402
from sites.newsroom import PEOPLE  # noqa: E402

pytest_plugins = ("sites.desk",)
pytestmark = pytest.mark.servers

DYING = Path(__file__).parent / "sites" / "dying.py"
EACH = 9
"""Every so many steps are tried in one run of the tests."""
SITE = """
[site.local]
type = "form"
url = "{url}"
add = "/admin/news/article/add/"
edit = "/admin/news/article/{{id}}/change/"
public = "/{{slug}}/"
published = "is_published"
submit = "_continue"
delete = {{page = "/admin/news/article/{{id}}/delete/"}}
find = {{page = "/admin/news/article/?q={{slug}}", link = "#result_list th a"}}
login = {{page = "/admin/login/", user = "editor", password = "{password}"}}
[site.local.fields]
title = "title"
slug = "slug"
lead = "lead"
body = "text"
date = "published_at_0"
time = "published_at_1"
cover = "cover"
author = "author"
section = {{value = "Блоги"}}
tags = {{field = "tags", new = {{page = "/admin/news/tag/add/", field = "name"}}}}
[site.local.upload]
page = "/admin/news/picture/add/"
field = "file"
name = "name"
edit = "/admin/news/picture/{{id}}/change/"
url = ".file-upload a"
find = {{page = "/admin/news/picture/?q={{name}}", link = "#result_list th a"}}
delete = {{page = "/admin/news/picture/{{id}}/delete/"}}
"""


def sync(folder: Path, at: int = -1) -> tuple[int, int]:
    """The exit code and the number of steps."""
    done = subprocess.run(
        [sys.executable, str(DYING), str(folder), str(at)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (0, 99), done.stdout + done.stderr
    return done.returncode, int((done.stdout.split() or ["0"])[0])


def laid(desk: Desk, name: str) -> Path:
    folder = desk.folder / name
    lay(folder)
    site = SITE.format(url=desk.site.url, password=PEOPLE["editor"])
    (folder / "crosspost.toml").write_text(CONFIG.partition("[site.local]")[0] + site, "utf-8")
    return folder


def seen(desk: Desk) -> tuple[dict[str, Any], Counter[str], Counter[str], int]:
    """Each article's state by its slug, how often each file and tag is there, and the covers."""
    rows = desk.site.rows("SELECT slug, title, is_published FROM news_article")
    articles = {slug: rest for slug, *rest in rows}
    assert len(articles) == len(rows)
    files = Counter(row[0] for row in desk.site.rows("SELECT name FROM news_picture"))
    tags = Counter(row[0] for row in desk.site.rows("SELECT name FROM news_tag"))
    covers = len({row[0] for row in desk.site.rows("SELECT cover FROM news_article") if row[0]})
    return articles, files, tags, covers


@pytest.mark.parametrize("day", [1, 2])
def test_killed_at_a_request_nothing_is_doubled_lost_or_orphaned(desk: Desk, day: int) -> None:
    clean = laid(desk, "clean")
    _, steps = sync(clean)
    if day == 2:
        turn(clean, 2)
        _, steps = sync(clean)
    right = seen(desk)
    assert steps > 4
    assert max(right[1].values()) == 1
    for number, step in enumerate(range(day % EACH, steps, EACH)):
        desk.site.reset()
        folder = laid(desk, f"killed-{step}")
        if day == 2:
            sync(folder)
            turn(folder, 2)
        assert sync(folder, step)[0] == 99, "it died where it was told"
        if number % 2 and day == 1:
            (folder / "ledger.db").unlink()
        sync(folder)
        now = seen(desk)
        assert now == right, step
        assert sync(folder)[1] == 0, "and then there is nothing to do"


def test_a_lost_ledger_adopts_every_article(desk: Desk) -> None:
    folder = laid(desk, "lost")
    sync(folder)
    right = seen(desk)
    (folder / "ledger.db").unlink()
    sync(folder)
    assert seen(desk) == right
    assert sync(folder)[1] == 0, "and then there is nothing to do"


def test_two_machines_at_once_make_no_double(desk: Desk) -> None:
    folders = [laid(desk, name) for name in ("one", "two")]
    running = [
        subprocess.Popen(
            [sys.executable, str(DYING), str(folder), "-1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for folder in folders
    ]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
    for folder in folders:
        sync(folder)
    articles, _, _, _ = seen(desk)
    alone = laid(desk, "alone")
    desk.site.reset()
    sync(alone)
    assert articles.keys() == seen(desk)[0].keys()
