"""The same channel as an export, as its preview page and live becomes the same articles.

What a source does not know, and so cannot tell, is listed here, post by post.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from preview_server import PreviewServer
from telegram_server import TelegramServer
from telegram_server.sample import fill

from crosspost.model import Author, Channel, Post
from crosspost.normalize import Style, normalize
from crosspost.readers import Bounds, Context, Reader
from crosspost.readers.export import ExportReader
from crosspost.readers.preview import PreviewReader
from crosspost.readers.telegram import TelegramReader

SAMPLE = Path(__file__).parents[1] / "examples" / "channel"
ALBUMS = [
    (11, 12, 13, 14),
    (28, 29),
    (34, 35, 36),
    (53, 54, 55, 56),
    (78, 79, 80, 81, 82),
    (105, 106, 108),
]
STYLE = Style(
    blog="business",
    channel=Channel(id=4_900_000_017, title="Мастерская", username="workshop"),
    link="https://t.me/workshop",
    language="ru",
    timezone="Asia/Omsk",
    credit="из блога автора",
    author=Author(name="Павел Сомов"),
)
WITHOUT_KIND = "the page says only that the post is to be seen in Telegram"
UNKNOWN = {
    "export": {
        25: "when the original of a forward was posted",
        67: "the photo: it was not included",
        76: "when the original of a forward was posted",
    },
    "preview": {
        25: "when the original of a forward was posted, and by which channel without a name",
        44: "audio tracks: the page gives no file",
        46: "documents: the page gives no file",
        66: "the emoji of a sticker",
        68: WITHOUT_KIND,
        70: WITHOUT_KIND,
        76: "when the original of a forward was posted",
        96: "that several answers could be chosen",
        99: "how large a video is, so it is not left out for its size",
        109: WITHOUT_KIND,
        110: WITHOUT_KIND,
        116: WITHOUT_KIND,
        117: "games",
        120: WITHOUT_KIND,
        121: WITHOUT_KIND,
    },
}


def articles(reader: Reader) -> dict[int, dict[str, Any]]:
    """What visitors would read of each post."""
    found = {}
    for one in reader.read(Bounds()):
        if isinstance(one, Post):
            article = normalize(one, STYLE)
            found[one.id] = {
                "title": article.title,
                "lead": article.lead,
                "body": article.body,
                "tags": article.tags,
                "cover": article.cover,
                "credit": article.credit,
                "attribution": article.attribution,
                "figures": [(one.media.kind, one.caption, one.alt) for one in article.figures],
            }
    reader.close()
    return found


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("live")
    with TelegramServer() as server:
        channel = server.world.channel("", "workshop", id=4_900_000_017)
        fill(channel, SAMPLE, ALBUMS)
        settings = TelegramReader.Settings(**server.settings())
        context = Context(base=folder, cache=folder)
        return articles(TelegramReader.open(settings, "@workshop", context))


def exported(folder: Path) -> dict[int, dict[str, Any]]:
    context = Context(base=SAMPLE, cache=folder, timezone="Asia/Omsk")
    return articles(ExportReader.open(ExportReader.Settings(), ".", context))


def previewed(folder: Path) -> dict[int, dict[str, Any]]:
    messages = json.loads((SAMPLE / "result.json").read_text("utf-8"))["messages"]
    before: dict[str, Any] = {}
    for one in messages:  # as in the export, what has no date has that before it
        one.setdefault("date_unixtime", before.get("date_unixtime"))
        before = one
    with PreviewServer(files=SAMPLE) as server:
        server.albums = list(ALBUMS)
        server.messages = {one["id"]: one for one in messages}
        settings = PreviewReader.Settings(preview=server.home, pause=0, backoff=0)
        context = Context(base=folder, cache=folder)
        return articles(PreviewReader.open(settings, "@workshop", context))


@pytest.mark.parametrize(("source", "read"), [("export", exported), ("preview", previewed)])
def test_the_same_channel_becomes_the_same_articles(
    live: dict[int, dict[str, Any]], tmp_path: Path, source: str, read: Any
) -> None:
    others = read(tmp_path)
    assert others.keys() == live.keys()
    for number, article in live.items():
        if number in UNKNOWN[source]:
            assert others[number] != article, f"{number}: {UNKNOWN[source][number]}"
        else:
            assert others[number] == article
