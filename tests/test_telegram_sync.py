"""A channel that is followed live, by the whole program."""

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blogs import Blog
from telegram_server import Channel, TelegramServer
from telegram_server.sample import fill
from telethon.tl import types
from test_telegram_soak import FAULTS, Events, seeds

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
    return followed(server, tmp_path, timezone="Asia/Omsk")


def followed(server: TelegramServer, root: Path, timezone: str = "UTC") -> Blog:
    """A blog that follows @workshop."""
    told = server.settings(timeout="1s", attempts=3)
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items() if key != "server"]
    inline = ", ".join(f"{key} = {json.dumps(one)}" for key, one in told["server"].items())
    table = "\n".join(["[telegram]", *lines, f"server = {{{inline}}}"])
    zone = f"timezone = '{timezone}'"
    made = Blog(root, reader="telegram", settings=zone, tables=table)
    made.configure("@workshop")
    return made


def pages(blog: Blog) -> dict[str, str]:
    """The pages of the site by name, without what tells when they were made."""
    return {
        path.name: re.sub(r"<(updated|lastmod)>.*?</", "", path.read_text("utf-8"))
        for path in sorted(blog.site.glob("b/*.html"))
    }


def test_a_blog_follows_its_channel(server: TelegramServer, tmp_path: Path) -> None:
    channel = server.world.channel("Мастерская", "workshop")
    for number in range(1, 4):
        channel.post(f"Запись {number}\n\nО том, что было в мастерской.")
    blog = followed(server, tmp_path)
    assert blog.sync().code == 0
    assert blog.posts == [1, 2, 3]
    assert "Nothing to do" in blog.sync().text
    new = channel.post("Новая запись\n\nО том, что было сегодня в мастерской.")
    channel.edit(2, "Исправленный заголовок\n\nИ исправленный текст.")
    assert blog.sync().code == 0
    assert "Новая запись" in blog.page(new)
    assert "исправленный текст" in blog.page(2)
    channel.delete(new)
    assert blog.sync().code == 0
    assert blog.posts == [1, 2, 3]
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


# --- In the end the site is the channel ----------------------------------------------------------


def picture(seed: int) -> bytes:
    """A small photo like no other."""
    from io import BytesIO

    from PIL import Image

    data = BytesIO()
    Image.new("RGB", (32, 24), (seed % 251, seed % 241, seed % 239)).save(data, "JPEG")
    return data.getvalue()


class Author(Events):
    """Events with photos."""

    def album(self) -> None:
        photos = [self.photo() for _ in range(self.dice.randint(2, 6))]
        self.channel.album(
            photos, ["", f"Альбом {self.count}\n\nВ мастерской был день {self.count}."]
        )

    def post(self) -> None:
        media = self.photo() if self.dice.random() < 0.3 else None
        self.channel.post(
            f"Запись {self.count} 🎉\n\nО том, каким был день {self.count}.", media=media
        )

    def photo(self) -> Any:
        photo = self.channel.world.photo(picture(self.dice.randrange(10**6)), 32, 24)
        return types.MessageMediaPhoto(photo=photo)


def articles(blog: Blog) -> list[str]:
    """What visitors can read, article by article, whatever its address."""
    found = []
    for page in blog.site.glob("b/[0-9]*.html"):
        article = page.read_text("utf-8").partition("<article")[2].partition("</article>")[0]
        found.append(re.sub(r'href="[^"/]*\.html"', "", article))
    return sorted(found)


def killed(blog: Blog, after: float) -> None:
    """A sync that does not live longer than ``after`` seconds."""
    command = [sys.executable, "-m", "crosspost", "-c", str(blog.root / "crosspost.toml")]
    process = subprocess.Popen(
        [*command, "sync", "--accept-deletions"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def follow(root: Path, seed: int, rounds: int) -> None:
    """The life of a channel whose blog is mirrored through trouble; then a blog that is made of
    it at once shows the same articles."""
    dice = random.Random(seed)
    with TelegramServer() as server:
        channel = server.world.channel("Мастерская", "workshop")
        author = Author(channel, dice)
        blog = followed(server, root / "mirrored")
        for _ in range(40):
            author.post()
        for _ in range(rounds):
            for _ in range(dice.randint(0, 40)):
                author.happen()
            if dice.random() < 0.5:
                server.fault(**{"after": dice.randint(0, 9), **dice.choice(FAULTS)})
            if dice.random() < 0.3:
                server.world.expire()
            if dice.random() < 0.4:
                killed(blog, dice.uniform(0.2, 2.5))
            else:
                blog.run("sync", "--accept-deletions")
        server.faults.clear()
        for _ in range(3):  # a busy machine may let an answer come too late
            if blog.run("sync", "--accept-deletions").code in (0, 1):
                break
        assert "Nothing to do" in blog.run("sync").text, seed
        fresh = followed(server, root / "fresh")
        fresh.run("sync")
    assert articles(blog)
    assert articles(blog) == articles(fresh), seed


def test_a_channel_in_trouble_and_its_blog_are_the_same_in_the_end(tmp_path: Path) -> None:
    for seed in seeds(1):
        print(f"seed {seed}")
        follow(tmp_path / str(seed), seed, rounds=3)


@pytest.mark.slow
def test_thousands_of_events_later_the_blog_is_the_channel(tmp_path: Path) -> None:
    for seed in seeds(5):
        print(f"seed {seed}")
        follow(tmp_path / str(seed), seed, rounds=25)
