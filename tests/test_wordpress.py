"""A real WordPress keeps what all publishers promise, and what this one promises beside."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup
from pydantic import SecretStr
from sites.wordpress import WordPress

from crosspost.model import Remote
from crosspost.publishers import Context
from crosspost.publishers.wordpress import WordPressPublisher, WordPressSettings

pytest.register_assert_rewrite("contract.publisher_contract")
from contract.publisher_contract import PublisherContract, World  # noqa: E402

pytestmark = pytest.mark.servers


class WordPressWorld:
    """The site as an author and a visitor meet it; ``user`` is who publishes."""

    def __init__(self, site: WordPress, folder: Path, user: str = "blogger") -> None:
        self.site, self.folder, self.user = site, folder, user
        self.made: list[WordPressPublisher] = []

    def make(self, **more: Any) -> WordPressPublisher:
        given = {
            "url": self.site.url,
            "user": self.user,
            "password": SecretStr(self.site.passwords[self.user]),
        }
        settings = WordPressSettings(**given | more)
        context = Context(name="news", base=self.folder, language="ru", timezone="Asia/Omsk")
        self.made.append(WordPressPublisher.open(settings, context))
        return self.made[-1]

    def public(self, remote: Remote) -> str | None:
        page = requests.get(remote.url, timeout=30)
        if page.status_code == 404:
            return None
        page.raise_for_status()
        found = BeautifulSoup(page.text, "lxml").find("main")
        assert found is not None
        return found.get_text(" ", strip=True)

    def edit(self, remote: Remote, words: str) -> None:
        old = self.raw(remote)["content"]["raw"]
        more = f"<!-- wp:paragraph -->\n<p>{words}</p>\n<!-- /wp:paragraph -->\n\n"
        self.site.ask("POST", f"posts/{remote.id}", json={"content": more + old}, user="editor")

    def delete(self, remote: Remote) -> None:
        self.site.ask("DELETE", f"posts/{remote.id}", user="editor")

    def raw(self, remote: Remote) -> Any:
        return self.site.ask("GET", f"posts/{remote.id}", params={"context": "edit"})

    def posts(self) -> list[Any]:
        every = "publish,future,draft,pending,private,trash"
        params = {"status": every, "per_page": 100, "context": "edit"}
        found: list[Any] = self.site.ask("GET", "posts", params=params)
        return found

    def articles(self) -> int:
        return len(self.site.ask("GET", "posts", params={"per_page": 100}))

    def files(self) -> int:
        return len(self.site.ask("GET", "media", params={"per_page": 100}))

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
def news(site: WordPress, tmp_path: Path) -> Iterator[WordPressWorld]:
    site.reset()
    world = WordPressWorld(site, tmp_path)
    yield world
    for publisher in world.made:
        publisher.close()


class TestWordPress(PublisherContract):
    @pytest.fixture
    def world(self, news: WordPressWorld) -> World:
        return news
