"""How many requests a post costs in a real WordPress, by the whole program. docs/wordpress.md says
why each is needed; a request more is a change that somebody must want."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from click.testing import CliRunner

from crosspost.cli import group

pytest.register_assert_rewrite("sites.news")
from sites.faulty import Faulty  # noqa: E402
from sites.news import CONFIG, News  # noqa: E402

pytest_plugins = ("sites.news",)
pytestmark = pytest.mark.servers


class Channel:
    """A channel, the newspaper that shows it, and what the one asks the other."""

    def __init__(self, news: News) -> None:
        self.news, self.root = news, news.folder
        (self.root / "channel").mkdir()
        self.config(news.site.url)
        self.messages: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.threads: set[str] = set()

    def config(self, url: str) -> None:
        given = {"url": url, "password": self.news.site.passwords["blogger"]}
        (self.root / "crosspost.toml").write_text(CONFIG.format(**given), "utf-8")

    def write(self, text: str, photos: int = 0) -> None:
        """A post more; an album's messages are of the same second."""
        number = len(self.messages) + 1
        at = 1_746_000_000 + 3600 * number
        for part in range(max(photos, 1)):
            words = text if not part else ""
            message = {
                "id": number + part,
                "type": "message",
                "date_unixtime": str(at),
                "text": words,
                "text_entities": [{"type": "plain", "text": words}] if words else [],
            }
            if photos:
                name = f"{number + part}.png"
                self._picture(self.root / "channel" / name, number + part)
                message |= {"photo": name, "width": 400, "height": 300}
            self.messages.append(message)

    def correct(self, index: int, text: str) -> None:
        told = [{"type": "plain", "text": text}]
        self.messages[index] |= {"text": text, "text_entities": told}

    def number(self, slug: str) -> int:
        """Of the article with this slug."""
        (found,) = [one["id"] for one in self.news.posts() if one["slug"] == slug]
        self.asked.clear()
        return int(found)

    def _picture(self, path: Path, number: int) -> None:
        from PIL import Image

        Image.new("RGB", (400, 300), (20 * number % 256, 60, number % 256)).save(path)

    def sync(self, *command: str) -> list[str]:
        """What the run asked the site, in order."""
        whole = {"name": "М", "type": "public_channel", "id": 49, "messages": self.messages}
        (self.root / "channel" / "result.json").write_text(json.dumps(whole), "utf-8")
        self.asked.clear()
        words = ["--config", str(self.root / "crosspost.toml"), *(command or ["sync"])]
        result = CliRunner().invoke(group, words)
        assert result.exit_code == 0, result.output
        return list(self.asked)

    def seen(self, request: requests.PreparedRequest) -> None:
        parts = urlsplit(str(request.url))
        params = parse_qs(parts.query)
        by = next((name for name in ("slug[]", "search", "include") if name in params), "")
        what = parts.path.removeprefix("/wp-json/").removeprefix("wp/v2/").rstrip("/")
        told = f"{request.method} {what or 'wp-json'}" + (f" by {by.strip('[]')}" if by else "")
        self.asked.append(told)
        self.threads.add(threading.current_thread().name)


@pytest.fixture
def channel(news: News, monkeypatch: pytest.MonkeyPatch) -> Channel:
    made = Channel(news)
    send: Callable[..., Any] = requests.Session.send

    def counted(self: Any, request: requests.PreparedRequest, **given: Any) -> Any:
        made.seen(request)
        return send(self, request, **given)

    monkeypatch.setattr(requests.Session, "send", counted)
    return made


BEGIN = ["GET wp-json", "GET users/me"]
"""Where REST is, and whether it sees who asks: once a run, before all else."""
LOOK = ["GET posts by slug", "GET posts by search"]
NAMES = ["GET categories by include"]
"""What WordPress calls the category it chose: once a run."""


def test_a_text(channel: Channel) -> None:
    channel.write("Пекарня на Садовой\n\nОткрылась вчера.")
    assert channel.sync() == [*BEGIN, *LOOK, "POST posts", *NAMES]


def test_a_tag_is_looked_for_and_made_once(channel: Channel) -> None:
    channel.write("Пекарня на Садовой\n\nОткрылась вчера. #хлеб")
    channel.write("Пекарня на Речной\n\nОткрылась сегодня. #хлеб")
    tags = ["GET tags by slug", "POST tags"]
    first = [*BEGIN, *LOOK, *tags, "POST posts", *NAMES]
    assert channel.sync() == [*first, *LOOK, "POST posts"]


def test_a_photo_takes_its_words_along(channel: Channel) -> None:
    channel.write("Печь\n\nСложена в мае.", photos=1)
    files = ["GET media by slug", "POST media"]
    assert channel.sync() == [*BEGIN, *files, *LOOK, "POST posts", *NAMES]
    (there,) = channel.news.media()
    assert there["alt_text"] == "Печь"


def test_an_album_is_looked_for_at_once_and_sent_by_several_threads(channel: Channel) -> None:
    channel.write("Печь\n\nСложена в мае.", photos=4)
    files = ["GET media by slug", *["POST media"] * 4]
    assert channel.sync() == [*BEGIN, *files, *LOOK, "POST posts", *NAMES]
    assert channel.threads > {"MainThread"}
    assert channel.news.files() == 4


def test_a_change_looks_at_what_it_replaces(channel: Channel) -> None:
    channel.write("Пекарня\n\nОткрылась вчера.")
    channel.write("Печь\n\nСложена в мае.", photos=4)
    channel.sync()
    number = channel.number("1-b")
    channel.correct(0, "Пекарня\n\nОткрылась позавчера.")
    assert channel.sync() == [*BEGIN, f"GET posts/{number}", f"POST posts/{number}", *NAMES]
    number = channel.number("2-b")
    channel.correct(1, "Печь\n\nСложена в июне.")
    files = ["GET media by include"]  # an editor may have deleted one
    change = [f"GET posts/{number}", *files, f"POST posts/{number}"]
    assert channel.sync() == [*BEGIN, *change, *NAMES]


def test_nothing_new_asks_nothing(channel: Channel) -> None:
    channel.write("Пекарня\n\nОткрылась вчера.", photos=1)
    channel.sync()
    assert channel.sync() == []


def test_in_a_backfill_a_text_is_one_request_and_a_photo_two_more(channel: Channel) -> None:
    """Twenty-five are looked for at once; the blog is searched for articles that an editor gave
    another address once."""
    for number in range(45):
        channel.write(f"Запись {number}\n\nО хлебе.", photos=int(number % 5 == 0))
    asked = channel.sync("backfill", "b")
    assert asked.count("POST posts") == 45
    assert asked.count("POST media") == asked.count("GET media by slug") == 9
    assert asked.count("GET posts by slug") == 2
    assert asked.count("GET posts by search") == 1
    assert len(asked) == 45 + 2 * 9 + 2 + 1 + len([*BEGIN, *NAMES])


def test_each_thread_keeps_one_connection(
    channel: Channel, news: News, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a web server that keeps them, as the one before PHP does."""
    with Faulty(news.site.url) as way:
        accept, connections = way.server.get_request, []
        monkeypatch.setattr(
            way.server,
            "get_request",
            lambda: connections.append(1) or accept(),  # type: ignore[func-returns-value]
        )
        channel.config(way.url)
        for number in range(1, 4):
            channel.write(f"Печь {number}\n\nСложена в мае.", photos=4)
        asked = channel.sync()
    assert len(asked) > 20
    assert len(connections) <= 4
    assert news.files() == 12
