"""A newspaper's WordPress as its author, its editor and a visitor meet it: fixtures for tests.

site   the server, started once a session
news   the site as it was when it was new, with ``make`` for publishers
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
from crosspost.publishers.wordpress import WordPressPublisher, WordPressSettings
from sites.wordpress import WordPress

CONFIG = """
language = "ru"
timezone = "Asia/Omsk"
ledger = "ledger.db"
cache = "cache"
[[blog]]
name = "b"
channel = "channel"
reader = "export"
site = "news"
link = "https://t.me/workshop"
[blog.author]
name = "Павел Столяров"
[site.news]
type = "wordpress"
url = "{url}"
user = "blogger"
password = "{password}"
"""
"""What an author's blog in this site is mirrored with."""
EVERY = "publish,future,draft,pending,private,trash"


class News:
    """The site; ``user`` is who publishes."""

    def __init__(self, site: WordPress, folder: Path, user: str = "blogger") -> None:
        self.site, self.folder, self.user = site, folder, user
        self.made: list[WordPressPublisher] = []

    def make(self, **more: Any) -> WordPressPublisher:
        user = more.get("user", self.user)
        given = {
            "url": self.site.url,
            "user": user,
            "password": SecretStr(self.site.passwords.get(user, "wrong")),
            "timeout": 30,
        }
        settings = WordPressSettings(**given | more)
        context = Context(name="news", base=self.folder, language="ru", timezone="Asia/Omsk")
        self.made.append(WordPressPublisher.open(settings, context))
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
        old = self.raw(remote)["content"]["raw"]
        more = f"<!-- wp:paragraph -->\n<p>{words}</p>\n<!-- /wp:paragraph -->\n\n"
        self.change(remote, content=more + old)

    def retitle(self, remote: Remote, title: str) -> None:
        self.change(remote, title=title)

    def change(self, remote: Remote, **fields: Any) -> None:
        """The editor changes the article."""
        self.site.ask("POST", f"posts/{remote.id}", json=fields, user="editor")

    def delete(self, remote: Remote) -> None:
        self.site.ask("DELETE", f"posts/{remote.id}", user="editor")

    def raw(self, remote: Remote) -> Any:
        """The article as it is stored."""
        return self.site.ask("GET", f"posts/{remote.id}", params={"context": "edit"})

    def posts(self) -> list[Any]:
        """All articles, the drafts and the trash too, the oldest first."""
        params = {"status": EVERY, "per_page": 100, "context": "edit", "order": "asc"}
        found: list[Any] = self.site.ask("GET", "posts", params=params)
        return found

    def media(self) -> list[Any]:
        params = {"per_page": 100, "context": "edit"}
        found: list[Any] = self.site.ask("GET", "media", params=params)
        return found

    def articles(self) -> int:
        return len(self.site.ask("GET", "posts", params={"per_page": 100}))

    def files(self) -> int:
        return len(self.media())

    def picture(self, number: int = 0) -> Path:
        from PIL import Image

        path = self.folder / f"foto-{number}.png"
        Image.new("RGB", (400, 300), (90 * number, 60, 30)).save(path)
        return path


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPress]:
    with WordPress(tmp_path_factory.mktemp("wordpress") / "site") as started:
        yield started


@pytest.fixture
def news(site: WordPress, tmp_path: Path) -> Iterator[News]:
    site.reset()
    world = News(site, tmp_path)
    yield world
    for publisher in world.made:
        publisher.close()
