"""A site of one PHP page (page.php) as its author and a visitor meet it: fixtures for tests."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
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


def settings(url: str, **more: Any) -> dict[str, Any]:
    """The site's table in a config."""
    given: dict[str, Any] = {
        "url": url,
        "login": {"page": "/enter", "user": "author", "password": SecretStr("пароль")},
        "add": "/article",
        "edit": "/article?id={id}",
        "find": {"page": "/list", "link": 'tr:has(td:-soup-contains-own("{slug}")) a'},
        "delete": {"submit": "drop"},
        "public": "/read/{id}",
        "published": {"field": "state", "live": "v", "draft": "h"},
        "submit": "save",
        "accepted": "Статья сохранена",
        "gone": "Такой статьи нет",
        "errors": ".bad",
        "timeout": 30,
        "fields": {
            "title": "title",
            "slug": "code",
            "body": "text",
            "date": {"field": "day", "format": "%d.%m.%Y"},
            "tags": "tags",
            "cover": "cover",
            "rubric": {"value": "Блоги"},
        },
    }
    return given | more


class Plain:
    """The site in a folder of its own."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache
        folder.mkdir()
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{found.getsockname()[1]}"
        self.made: list[FormPublisher] = []
        assert shutil.which("php"), "these tests need php: apt-get install php-cli (scripts/test)"
        page = Path(__file__).with_name("page.php")
        with (folder / "php.log").open("wb") as log:
            self.process = subprocess.Popen(
                ["php", "-S", self.url.removeprefix("http://"), str(page)],
                env=os.environ | {"CROSSPOST_SITE": str(folder)},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        for _ in range(100):
            try:
                requests.get(f"{self.url}/enter", timeout=10)
                return
            except requests.ConnectionError:
                time.sleep(0.05)
        raise AssertionError((folder / "php.log").read_text())

    def close(self) -> None:
        for publisher in self.made:
            publisher.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def make(self, **more: Any) -> FormPublisher:
        given = FormSettings(**settings(more.pop("url", self.url), **more))
        context = Context(name="plain", base=self.folder, language="ru", timezone="Asia/Omsk")
        self.made.append(FormPublisher.open(given, context))
        return self.made[-1]

    def stored(self) -> dict[str, Any]:
        """The articles by their ids."""
        path = self.folder / "articles.json"
        found = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return found or {}

    def store(self, articles: dict[str, Any]) -> None:
        (self.folder / "articles.json").write_text(json.dumps(articles), "utf-8")

    def public(self, remote: Remote) -> str | None:
        page = requests.get(remote.url, timeout=60)
        if page.status_code == 404:
            return None
        found = BeautifulSoup(page.content, "lxml", from_encoding="windows-1251").find("main")
        assert found is not None
        return found.get_text(" ", strip=True)

    def edit(self, remote: Remote, words: str) -> None:
        articles = self.stored()
        articles[remote.id]["text"] = f"<p>{words}</p>" + articles[remote.id]["text"]
        self.store(articles)

    def retitle(self, remote: Remote, title: str) -> None:
        articles = self.stored()
        articles[remote.id]["title"] = title
        self.store(articles)

    def delete(self, remote: Remote) -> None:
        articles = self.stored()
        del articles[remote.id]
        self.store(articles)

    def articles(self) -> int:
        return sum(not one["hidden"] for one in self.stored().values())

    def files(self) -> int:
        """A cover waits on this machine until it goes with its article's form."""
        return sum(1 for path in self.cache.rglob("*.png"))

    def picture(self, number: int = 0) -> Path:
        from PIL import Image

        path = self.folder / f"foto-{number}.png"
        Image.new("RGB", (400, 300), (90 * number, 60, 30)).save(path)
        return path


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plain]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    world = Plain(tmp_path / "plain", tmp_path / "user-cache")
    yield world
    world.close()
