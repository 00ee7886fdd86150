"""A newsroom's own CMS as its author, its editor and a visitor meet it: fixtures for tests.

newsroom  the server, started once a session
desk      the site as it was when it was new, with ``make`` for publishers
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup
from pydantic import SecretStr

from crosspost.model import Remote
from crosspost.publishers import Context
from crosspost.publishers.form import FormPublisher, FormSettings
from sites.newsroom import PEOPLE, Newsroom

ADMIN = "/admin/news/article"
PICTURES = "/admin/news/picture"


def settings(url: str, **more: Any) -> dict[str, Any]:
    """The site's table in a config."""
    given: dict[str, Any] = {
        "url": url,
        "login": {
            "page": "/admin/login/",
            "user": "editor",
            "password": SecretStr(PEOPLE["editor"]),
        },
        "add": f"{ADMIN}/add/",
        "edit": f"{ADMIN}/{{id}}/change/",
        "find": {"page": f"{ADMIN}/?q={{slug}}", "link": "#result_list th a"},
        "archive": {
            "page": f"{ADMIN}/",
            "link": "#result_list th a",
            "next": ".this-page + a",
        },
        "delete": {"page": f"{ADMIN}/{{id}}/delete/"},
        "public": "/{slug}/",
        "published": "is_published",
        "submit": "_continue",
        "timezone": "Asia/Omsk",
        "timeout": 30,
        "fields": {
            "title": "title",
            "slug": "slug",
            "lead": "lead",
            "body": "text",
            "date": "published_at_0",
            "time": "published_at_1",
            "cover": "cover",
            "author": {"field": "author", "value": "Павел Столяров"},
            "section": {"value": "Блоги"},
            "tags": {"field": "tags", "new": {"page": "/admin/news/tag/add/", "field": "name"}},
        },
        "upload": {
            "page": f"{PICTURES}/add/",
            "field": "file",
            "name": "name",
            "find": {"page": f"{PICTURES}/?q={{name}}", "link": "#result_list th a"},
            "edit": f"{PICTURES}/{{id}}/change/",
            "url": ".file-upload a",
            "delete": {"page": f"{PICTURES}/{{id}}/delete/"},
        },
    }
    given |= more
    return {key: value for key, value in given.items() if value is not None}


class Desk:
    """The site; ``more`` goes before the settings above."""

    def __init__(self, site: Newsroom, folder: Path) -> None:
        self.site, self.folder = site, folder
        self.made: list[FormPublisher] = []

    def make(self, **more: Any) -> FormPublisher:
        given = FormSettings(**settings(more.pop("url", self.site.url), **more))
        context = Context(name="newsroom", base=self.folder, language="ru", timezone="Asia/Omsk")
        self.made.append(FormPublisher.open(given, context))
        return self.made[-1]

    def public(self, remote: Remote) -> str | None:
        page = requests.get(remote.url, timeout=60)
        if page.status_code == 404:
            return None
        page.raise_for_status()
        found = BeautifulSoup(page.text, "lxml").find("main")
        assert found is not None
        return found.get_text(" ", strip=True)

    def edit(self, remote: Remote, words: str) -> None:
        self.site.rows(
            "UPDATE news_article SET text = ? || text WHERE id = ?", f"<p>{words}</p>", remote.id
        )

    def retitle(self, remote: Remote, title: str) -> None:
        self.change(remote, title=title)

    def change(self, remote: Remote, **columns: Any) -> None:
        for name, value in columns.items():
            self.site.rows(f"UPDATE news_article SET {name} = ? WHERE id = ?", value, remote.id)

    def delete(self, remote: Remote) -> None:
        self.site.rows("DELETE FROM news_article_tags WHERE article_id = ?", remote.id)
        self.site.rows("DELETE FROM news_article WHERE id = ?", remote.id)

    def articles(self) -> int:
        return int(self.site.rows("SELECT count(*) FROM news_article WHERE is_published")[0][0])

    def all(self) -> int:
        return int(self.site.rows("SELECT count(*) FROM news_article")[0][0])

    def column(self, name: str) -> list[Any]:
        """What the articles have there, the oldest first."""
        return [row[0] for row in self.site.rows(f"SELECT {name} FROM news_article ORDER BY id")]

    def files(self) -> int:
        return int(self.site.rows("SELECT count(*) FROM news_picture")[0][0])

    def picture(self, number: int = 0) -> Path:
        from PIL import Image

        path = self.folder / f"foto-{number}.png"
        Image.new("RGB", (400, 300), (90 * number, 60, 30)).save(path)
        return path


@pytest.fixture(scope="session")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with Newsroom(tmp_path_factory.mktemp("newsroom") / "site") as started:
        yield started


@pytest.fixture
def desk(newsroom: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    newsroom.reset()
    world = Desk(newsroom, tmp_path)
    yield world
    for publisher in world.made:
        publisher.close()
