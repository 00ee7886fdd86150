"""A magazine's Ghost as its integration, its editor and a visitor meet it: fixtures for tests.

ghost      the server, started once a session
magazine   the site as it was when it was new, with ``make`` for publishers
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup
from pydantic import SecretStr

from crosspost.model import Remote
from crosspost.publishers import Context
from crosspost.publishers.ghost import GhostPublisher, GhostSettings
from sites.ghost import Ghost


class Magazine:
    """The site."""

    def __init__(self, site: Ghost, folder: Path) -> None:
        self.site, self.folder = site, folder
        self.made: list[GhostPublisher] = []

    def make(self, **more: Any) -> GhostPublisher:
        given = {"url": self.site.url, "admin_key": SecretStr(self.site.key), "timeout": 30}
        settings = GhostSettings(**given | more)
        context = Context(name="magazine", base=self.folder, language="ru", timezone="Asia/Omsk")
        self.made.append(GhostPublisher.open(settings, context))
        return self.made[-1]

    def public(self, remote: Remote) -> str | None:
        page = requests.get(remote.url, timeout=60)
        if page.status_code == 404:
            return None
        page.raise_for_status()
        found = BeautifulSoup(page.text, "lxml").find("article")
        assert found is not None
        return found.get_text(" ", strip=True)

    def edit(self, remote: Remote, words: str) -> None:
        """The editor adds a paragraph at the top."""
        state = json.loads(self.raw(remote)["lexical"])
        text = {"type": "extended-text", "version": 1, "text": words, "format": 0, "mode": "normal",
                "style": "", "detail": 0}  # fmt: skip
        more = {"type": "paragraph", "version": 1, "children": [text], "direction": "ltr",
                "format": "", "indent": 0}  # fmt: skip
        state["root"]["children"].insert(0, more)
        self.change(remote, lexical=json.dumps(state))

    def retitle(self, remote: Remote, title: str) -> None:
        self.change(remote, title=title)

    def change(self, remote: Remote, **fields: Any) -> None:
        """The editor changes the article."""
        data = {"updated_at": self.raw(remote)["updated_at"], **fields}
        self.site.ask("PUT", f"posts/{remote.id}/", json={"posts": [data]})

    def delete(self, remote: Remote) -> None:
        self.site.ask("DELETE", f"posts/{remote.id}/")

    def raw(self, remote: Remote) -> Any:
        """The article as it is stored."""
        asked = {"formats": "lexical,html", "include": "tags,authors,email"}
        return self.site.ask("GET", f"posts/{remote.id}/", params=asked)["posts"][0]

    def cards(self, remote: Remote) -> list[Any]:
        """Its text as the editor has it."""
        found: list[Any] = json.loads(self.raw(remote)["lexical"])["root"]["children"]
        return found

    def posts(self) -> list[Any]:
        """All articles, drafts too, the oldest first."""
        asked = {"limit": "all", "formats": "lexical,html", "order": "created_at asc, id asc"}
        found: list[Any] = self.site.ask("GET", "posts/", params=asked)["posts"]
        return found

    def tags(self) -> list[str]:
        asked = {"limit": "all", "order": "created_at asc"}
        return [one["name"] for one in self.site.ask("GET", "tags/", params=asked)["tags"]]

    def articles(self) -> int:
        return sum(one["status"] == "published" for one in self.posts())

    def stored(self) -> list[str]:
        """The names of all files that were uploaded, the site's smaller copies not counted."""
        content = self.site.folder / "content"
        return sorted(
            path.name
            for kind in ("images", "media", "files")
            for path in (content / kind).rglob("*")
            if path.is_file() and "size" not in path.parts and not path.stem.endswith("_o")
            and not path.name.startswith(".") and path.name != "README.md"
        )  # fmt: skip

    def files(self) -> int:
        return len(self.stored())

    def picture(self, number: int = 0) -> Path:
        from PIL import Image

        path = self.folder / f"foto-{number}.png"
        Image.new("RGB", (400, 300), (90 * number, 60, 30)).save(path)
        return path


@pytest.fixture(scope="session")
def ghost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ghost]:
    with Ghost(tmp_path_factory.mktemp("ghost")) as started:
        yield started


@pytest.fixture
def magazine(ghost: Ghost, tmp_path: Path) -> Iterator[Magazine]:
    ghost.reset()
    world = Magazine(ghost, tmp_path)
    yield world
    for publisher in world.made:
        publisher.close()
