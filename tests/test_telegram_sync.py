"""A channel that is followed live, by the whole program."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from blogs import Blog
from telegram_server import Channel, TelegramServer
from telegram_server.sample import fill

SAMPLE = Path(__file__).parents[1] / "examples" / "channel"
ALBUMS = [
    (11, 12, 13, 14),
    (28, 29),
    (34, 35, 36),
    (53, 54, 55, 56),
    (78, 79, 80, 81, 82),
    (105, 106, 108),
]


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def channel(server: TelegramServer) -> Channel:
    channel = server.world.channel("", "workshop", id=4_900_000_017)
    fill(channel, SAMPLE, ALBUMS)
    return channel


@pytest.fixture
def blog(server: TelegramServer, channel: Channel, tmp_path: Path) -> Blog:
    told = server.settings()
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items() if key != "server"]
    inline = ", ".join(f"{key} = {json.dumps(one)}" for key, one in told["server"].items())
    table = "\n".join(["[telegram]", *lines, f"server = {{{inline}}}"])
    made = Blog(tmp_path, reader="telegram", settings="timezone = 'Asia/Omsk'", tables=table)
    made.configure("@workshop")
    return made


def pages(blog: Blog) -> dict[str, str]:
    """The pages of the site by name, without what tells when they were made."""
    return {
        path.name: re.sub(r"<(updated|lastmod)>.*?</", "", path.read_text("utf-8"))
        for path in sorted(blog.site.glob("b/*.html"))
    }


def now(channel: Channel) -> None:
    """What happens next happens long enough ago to be settled."""
    channel._clock = datetime.now(UTC) - timedelta(days=1)


def test_a_blog_follows_its_channel(blog: Blog, channel: Channel) -> None:
    assert blog.sync().code in (0, 1)
    before = pages(blog)
    assert len(before) > 50
    assert "Nothing to do" in blog.sync().text
    now(channel)
    new = channel.post("Новая запись\n\nО том, что было сегодня в мастерской.")
    channel.edit(3, "Исправленный заголовок\n\nИ исправленный текст.")
    answer = blog.sync()
    assert answer.code in (0, 1), answer.text
    assert "Новая запись" in blog.page(new)
    assert "исправленный текст" in blog.page(3)
    channel.delete(new)
    blog.sync()
    assert blog.page_of(new) is None
    assert "Nothing to do" in blog.sync().text


@pytest.mark.slow
def test_what_was_backfilled_from_an_export_goes_on_live_without_a_double(
    blog: Blog, channel: Channel
) -> None:
    shutil.copytree(SAMPLE, blog.export, dirs_exist_ok=True)
    answer = blog.run("backfill", "b", "--from", str(blog.export))
    assert answer.code in (0, 1), answer.text
    before = blog.posts
    assert len(before) > 50
    assert blog.sync().code in (0, 1)
    assert blog.posts == before or {*before} < {*blog.posts}
    assert len(blog.posts) == len({*blog.posts})
    assert "Nothing to do" in blog.sync().text


@pytest.mark.slow
def test_what_is_mirrored_live_takes_nothing_twice_from_an_export(
    blog: Blog, channel: Channel
) -> None:
    blog.sync()
    before = pages(blog)
    shutil.copytree(SAMPLE, blog.export, dirs_exist_ok=True)
    blog.run("backfill", "b", "--from", str(blog.export))
    assert pages(blog) == before
