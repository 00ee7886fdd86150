"""One channel, as its author goes on writing it, and whether a site shows just that.

The channel lives on a ``TelegramServer``; ``exported`` writes what Telegram Desktop would make of
it, ``previewed`` shows it on a ``PreviewServer``. Every paragraph has a word of its own and every
photo a colour of its own, so that ``same`` can tell a site's pages from what they should be:
nothing missing, nothing old, nothing twice.
"""

import io
import itertools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blogs import Blog
from preview_server import PreviewServer
from telegram_server import TelegramServer
from telethon.tl import types

Colour = tuple[int, int, int]
COLOURS: list[Colour] = [
    (red, green, blue) for red, green, blue in itertools.product(range(8, 256, 48), repeat=3)
]
_WORD = re.compile(r"\bw\d+\b")


def jpeg(colour: Colour, size: int) -> bytes:
    """A picture of so many bytes."""
    from PIL import Image

    data = io.BytesIO()
    Image.new("RGB", (24, 18), colour).save(data, "JPEG", quality=90)
    return data.getvalue().ljust(size, b"\0")


def live_blog(root: Path, server: TelegramServer, **changed: Any) -> Blog:
    """A blog that mirrors the server's channel @workshop live, at once."""
    blog = Blog(root, reader="telegram", settings="settle = '0s'\nmax_deletions = 5")
    blog.tables = telegram(server, **changed)
    blog.configure("@workshop")
    return blog


def telegram(server: TelegramServer, **changed: Any) -> str:
    """The ``[telegram]`` table of a config for the server."""

    def said(value: Any) -> str:
        if isinstance(value, dict):
            return f"{{{', '.join(f'{key} = {said(one)}' for key, one in value.items())}}}"
        return json.dumps(value)  # a JSON string is a TOML string

    told = {**server.settings(), **changed}
    return "\n".join(["[telegram]", *(f"{key} = {said(value)}" for key, value in told.items())])


@dataclass
class Shown:
    """A post as a visitor sees it: its words and its photos in order."""

    words: tuple[str, ...]
    photos: tuple[Colour, ...]


@dataclass
class LiveChannel:
    """The author. ``albums``: the ids that each album ever had, by its group."""

    server: TelegramServer
    count: int = 0
    albums: dict[int, set[int]] = field(default_factory=dict)
    colours: dict[int, Colour] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.channel = self.server.world.channel("Мастерская", "workshop", id=4_900_000_017)

    # --- What the author does ---

    def text(self) -> str:
        self.count += 1
        return f"Заголовок w{self.count}\n\nО том, что было в мастерской w{self.count + 500_000}."

    def photo(self) -> Any:
        colour = COLOURS[(len(self.colours) * 97) % len(COLOURS)]
        photo = self.server.world.photo(jpeg(colour, 1000 + len(self.colours)), 24, 18)
        self.colours[photo.id] = colour
        return types.MessageMediaPhoto(photo=photo)

    def post(self) -> int:
        return self.channel.post(self.text())

    def pictured(self) -> int:
        return self.channel.post(self.text(), media=self.photo())

    def album(self, count: int, *, captioned: int = 0) -> list[int]:
        """``captioned``: which of the photos has the caption."""
        captions = [""] * captioned + [self.text()]
        ids = self.channel.album([self.photo() for _ in range(count)], captions)
        self.albums[self.channel.messages[ids[0]].grouped_id] = set(ids)
        return ids

    def edit(self, number: int) -> None:
        """Other words where there are words; another photo where there are none."""
        message = self.channel.messages[number]
        if message.message:
            self.channel.edit(number, self.text())
        elif message.media:
            self.channel.edit(number, media=self.photo())

    def delete(self, *numbers: int) -> None:
        self.channel.delete(*numbers)

    # --- What there is ---

    @property
    def messages(self) -> list[Any]:
        found = (self.channel.messages[number] for number in self.channel.ids)
        return [one for one in found if isinstance(one, types.Message)]

    def posts(self) -> list[tuple[set[int], Shown]]:
        """Every post: the ids it may be known by, and what it shows."""
        groups: dict[int, list[Any]] = {}
        for one in self.messages:
            groups.setdefault(one.grouped_id or -one.id, []).append(one)
        return [
            (self.albums.get(group, {one.id for one in members}), self._shown(members))
            for group, members in groups.items()
        ]

    def _shown(self, members: list[Any]) -> Shown:
        words = tuple(word for one in members for word in _WORD.findall(one.message))
        photos = tuple(self.colours[one.media.photo.id] for one in members if one.media)
        return Shown(words, photos)

    # --- The other ways to read it ---

    def desktop(self, folder: Path) -> list[dict[str, Any]]:
        """The messages as Desktop writes them, their photos in ``folder``."""
        (folder / "photos").mkdir(parents=True, exist_ok=True)
        return [self._message(one, folder) for one in self.messages]

    def _message(self, one: Any, folder: Path) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": one.id,
            "type": "message",
            "date_unixtime": str(int(one.date.timestamp())),
            "from": self.channel.title,
            "from_id": f"channel{self.channel.id}",
            "text": one.message,
            "text_entities": [{"type": "plain", "text": one.message}] if one.message else [],
        }
        if one.edit_date:
            told["edited_unixtime"] = str(int(one.edit_date.timestamp()))
        if one.media:
            path = f"photos/photo_{one.media.photo.id}.jpg"
            data = self.server.world.files[one.media.photo.id, "x"]
            (folder / path).write_bytes(data)
            told |= {"photo": path, "width": 24, "height": 18, "photo_file_size": len(data)}
        return told

    def exported(self, blog: Blog) -> None:
        """Writes today's export into the blog's folder."""
        blog.write(*self.desktop(blog.export))

    def previewed(self, server: PreviewServer) -> None:
        """Shows today's channel on the preview page."""
        assert server.files
        server.messages = {one["id"]: one for one in self.desktop(server.files)}
        groups: dict[int, list[int]] = {}
        for one in self.messages:
            if one.grouped_id:
                groups.setdefault(one.grouped_id, []).append(one.id)
        server.albums = [tuple(album) for album in groups.values()]


# --- The site -----------------------------------------------------------------------------------


def same(blog: Blog, author: LiveChannel) -> None:
    """The site shows every post of the channel once, as it is now, and nothing else: pages,
    photos, feed, site map, front page."""
    site = Site(blog)
    left = dict(site.pages)
    for ids, expected in author.posts():
        found = [number for number in left if number in ids]
        assert len(found) == 1, (ids, found)
        assert (found[0], left.pop(found[0])) == (found[0], expected)
    assert left == {}
    site.lists()


class Site:
    """A blog's folder as visitors see it."""

    def __init__(self, blog: Blog) -> None:
        self.folder = blog.site / "b"
        self.names = {
            int(path.name.split("-")[0].removesuffix(".html")): path.name
            for path in self.folder.glob("[0-9]*.html")
        }
        assert len(self.names) == len(blog.posts), "a post has two pages"
        self._files: dict[Path, Colour] = {}
        self.used: set[Path] = set()
        self.pages = {number: self._page(name) for number, name in self.names.items()}

    def _page(self, name: str) -> Shown:
        from lxml import html

        [article] = html.parse(self.folder / name).findall(".//article")
        words = _WORD.findall(" ".join(article.itertext()))
        sources = [image.get("src") for image in article.iter("img")]
        return Shown(tuple(words), tuple(self._colour(self.folder / one) for one in sources))

    def _colour(self, path: Path) -> Colour:
        from PIL import Image

        path = path.resolve()
        self.used.add(path)
        if path not in self._files:
            with Image.open(path) as image:
                seen: Any = image.convert("RGB").getpixel((12, 9))
            self._files[path] = min(COLOURS, key=lambda one: _distance(one, seen))
            assert _distance(self._files[path], seen) < 300, seen
        return self._files[path]

    @property
    def uploads(self) -> set[Path]:
        """Every photo that is there."""
        return {path.resolve() for path in self.folder.parent.glob("media/*/*.jpg")}

    def entries(self) -> list[str]:
        """The pages that the feed names."""
        feed = (self.folder / "feed.xml").read_text("utf-8")
        return [
            found.rpartition("/")[2]
            for found in re.findall(r"<entry>.*?<id>(.*?)</id>", feed, re.S)
        ]

    def lists(self) -> None:
        """Feed, site map and front pages name each page once, and no other; no photo is left
        over."""
        names = [name for _, name in sorted(self.names.items(), reverse=True)]
        entries = self.entries()
        assert entries == sorted(entries, key=names.index)
        assert len(set(entries)) == len(entries) >= min(len(names), 10)
        mapped = [
            name.partition("?")[0]
            for path in self.folder.glob("sitemap-*.xml")
            for name in re.findall(r"<loc>[^<]*/(\d[^</]*\.html)</loc>", path.read_text("utf-8"))
        ]
        assert sorted(mapped) == sorted(names)
        fronts = [
            name
            for path in [*self.folder.glob("index.html"), *self.folder.glob("page-*.html")]
            for name in re.findall(r'<h2[^>]*><a href="(\d[^"]*)"', path.read_text("utf-8"))
        ]
        assert sorted(fronts) == sorted(names)
        assert self.uploads == self.used


def _distance(one: Colour, other: Colour) -> int:
    return sum((left - right) ** 2 for left, right in zip(one, other, strict=True))
