"""The static publisher keeps what all publishers promise."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from crosspost.model import Remote
from crosspost.publishers import Context
from crosspost.publishers.static import StaticPublisher, StaticSettings

pytest.register_assert_rewrite("contract.publisher_contract")
from contract.publisher_contract import PublisherContract, World  # noqa: E402


class StaticWorld:
    """A folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "public"
        self.made: list[StaticPublisher] = []

    def make(self) -> StaticPublisher:
        settings = StaticSettings(path=Path("public"), url="https://example.com/blog")
        context = Context(name="local", base=self.folder, language="ru", timezone="Asia/Omsk")
        self.made.append(StaticPublisher.open(settings, context))
        return self.made[-1]

    def page(self, remote: Remote) -> Path:
        path = unquote(urlsplit(remote.url).path).removeprefix("/blog/")
        assert ".." not in path.split("/")
        return self.site / path

    def public(self, remote: Remote) -> str | None:
        from bs4 import BeautifulSoup

        page = self.page(remote)
        if not page.exists():
            return None
        found = BeautifulSoup(page.read_text("utf-8"), "lxml").find("main")
        assert found is not None
        return found.get_text(" ", strip=True)

    def edit(self, remote: Remote, words: str) -> None:
        page = self.page(remote)
        text = page.read_text("utf-8")
        page.write_text(text.replace('<div class="body">', f'<div class="body"><p>{words}</p>'))

    def retitle(self, remote: Remote, title: str) -> None:
        page = self.page(remote)
        text = page.read_text("utf-8")
        page.write_text(re.sub("<h1>.*?</h1>", f"<h1>{title}</h1>", text))

    def delete(self, remote: Remote) -> None:
        self.page(remote).unlink()

    def articles(self) -> int:
        return sum(1 for path in self.site.glob("*/*.html") if path.name[0].isdigit())

    def files(self) -> int:
        folders = (self.site / "media", self.site / ".crosspost" / "files")
        found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
        return sum(1 for path in found if "-" not in path.name)

    def picture(self, number: int = 0) -> Path:
        from PIL import Image

        path = self.folder / f"foto-{number}.png"
        Image.new("RGB", (400, 300), (90 * number, 60, 30)).save(path)
        return path


@pytest.fixture
def static_world(tmp_path: Path) -> Iterator[StaticWorld]:
    world = StaticWorld(tmp_path)
    yield world
    for publisher in world.made:
        publisher.close()


class TestStatic(PublisherContract):
    @pytest.fixture
    def world(self, static_world: StaticWorld) -> World:
        return static_world
