"""The same posts as a blog of Hugo and one of Pelican: plain themes that show what ours shows (an
article, lists of twenty, tags, a feed), and nothing of ours in them."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from html import escape
from pathlib import Path
from typing import Final

from bench import channel
from bench._tools import Cost, cost

PAGE: Final = (
    "<!doctype html><html lang=ru><meta charset=utf-8><title>{}</title><body>{}</body></html>"
)
HUGO: Final = {
    "config.toml": "baseURL = 'http://blog.test/'\nlanguageCode = 'ru'\ntitle = 'Мастерская'\n"
    "paginate = 20\n[taxonomies]\ntag = 'tags'\n[markup.goldmark.renderer]\nunsafe = true\n",
    "layouts/_default/single.html": PAGE.format(
        "{{ .Title }}",
        "<h1>{{ .Title }}</h1><time>{{ .Date }}</time>{{ .Content }}"
        "{{ range .Params.tags }}<a href='/tags/{{ . | urlize }}/'>{{ . }}</a> {{ end }}"
        "{{ with .PrevInSection }}<a href='{{ .RelPermalink }}'>{{ .Title }}</a>{{ end }}"
        "{{ with .NextInSection }}<a href='{{ .RelPermalink }}'>{{ .Title }}</a>{{ end }}",
    ),
    "layouts/_default/list.html": PAGE.format(
        "{{ .Title }}",
        "{{ $p := .Paginate .RegularPagesRecursive }}{{ range $p.Pages }}<h2><a"
        " href='{{ .RelPermalink }}'>{{ .Title }}</a></h2>{{ .Summary }}{{ end }}"
        '{{ template "_internal/pagination.html" . }}',
    ),
}
PELICAN: Final = (
    "SITENAME = 'Мастерская'\nSITEURL = 'http://blog.test'\nPATH = 'content'\nTIMEZONE = 'UTC'\n"
    "DEFAULT_LANG = 'ru'\nTHEME = 'simple'\nDEFAULT_PAGINATION = 20\nFEED_ALL_ATOM = 'feed.xml'\n"
    "FEED_MAX_ITEMS = 20\nCATEGORY_FEED_ATOM = None\nAUTHOR_FEED_ATOM = None\n"
    "OUTPUT_PATH = 'output'\nDELETE_OUTPUT_DIRECTORY = False\nLOAD_CONTENT_CACHE = True\n"
    "CACHE_CONTENT = True\nCONTENT_CACHING_LAYER = 'generator'\n"
)

ARCHIVE: Final = """
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, username TEXT, first_name TEXT,
    last_name TEXT, tags TEXT, avatar TEXT);
CREATE TABLE IF NOT EXISTS media (id INTEGER PRIMARY KEY, type TEXT, url TEXT, title TEXT,
    description TEXT, thumb TEXT);
CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, type TEXT, date TIMESTAMP,
    edit_date TIMESTAMP, content TEXT, reply_to INTEGER, user_id INTEGER, media_id INTEGER);
"""


class Hugo:
    """A site of Hugo in ``folder``."""

    name = "hugo"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name, text in HUGO.items():
            _write(folder / name, text)

    @staticmethod
    def here() -> bool:
        return shutil.which("hugo") is not None

    def add(self, first: int, posts: int) -> None:
        """Writes the sources of these posts."""
        for number, title, date, tags, html in _articles(first, posts):
            told = ", ".join(f'"{tag}"' for tag in tags)
            head = f'---\ntitle: "{title}"\ndate: {date}Z\ntags: [{told}]\n---\n'
            _write(self._folder / "content" / "b" / f"{number}.html", head + html)

    def build(self) -> Cost:
        return cost(["hugo", "--quiet"], self._folder)


class Pelican:
    """A site of Pelican in ``folder``."""

    name = "pelican"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _write(folder / "pelicanconf.py", PELICAN)

    @staticmethod
    def here() -> bool:
        return _pelican().exists()

    def add(self, first: int, posts: int) -> None:
        """Writes the sources of these posts."""
        for number, title, date, tags, html in _articles(first, posts):
            metas = {"date": date, "tags": ", ".join(tags), "slug": str(number)}
            head = "".join(f'<meta name="{name}" content="{text}">' for name, text in metas.items())
            page = f"<html><head><title>{title}</title>{head}</head><body>{html}</body></html>"
            _write(self._folder / "content" / f"{number}.html", page)

    def build(self) -> Cost:
        return cost([str(_pelican()), "-q", "-s", "pelicanconf.py"], self._folder)


class TgArchive:
    """A site of tg-archive in ``folder``: pages of five hundred messages each, as they stand in its
    database. It is looked for on the PATH, for it needs a Telethon and a setuptools older than
    ours."""

    name = "tg-archive"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            cost(["tg-archive", "--new", "--path", str(folder)], folder.parent)
            (folder / "config.yaml").write_text("group: workshop\nper_page: 500\n")

    @staticmethod
    def here() -> bool:
        return shutil.which("tg-archive") is not None

    def add(self, first: int, posts: int) -> None:
        """Puts these posts into its database."""
        with closing(sqlite3.connect(self._folder / "data.sqlite")) as db, db:
            db.executescript(ARCHIVE)
            db.execute("INSERT OR IGNORE INTO users VALUES (1, 'workshop', 'М', '', '', '')")
            db.executemany(
                "INSERT INTO messages VALUES (?, 'message', ?, NULL, ?, NULL, 1, NULL)",
                (
                    (one["id"], one["date"].replace("T", " "), _words(one))
                    for one in channel.messages(posts, first=first)
                    if one["text_entities"]
                ),
            )

    def build(self) -> Cost:
        return cost(["tg-archive", "--build"], self._folder)


def _words(message: channel.Message) -> str:
    return "".join(piece["text"] for piece in message["text_entities"])


def _pelican() -> Path:
    return Path(sys.executable).with_name("pelican")


def _articles(first: int, posts: int) -> Iterator[tuple[int, str, str, list[str], str]]:
    """The channel's posts as plain HTML: what an author would have written."""
    for message in channel.messages(posts, first=first):
        pieces = message["text_entities"]
        if pieces:
            title = escape(pieces[0]["text"])
            html = "".join(map(_html, pieces[1:])).replace("\n\n", "</p>\n<p>")
            tags = [one["text"][1:] for one in pieces if one["type"] == "hashtag"]
            yield message["id"], title, message["date"], tags, f"<p>{html}</p>"


def _html(piece: dict[str, str]) -> str:
    text, kind = escape(piece["text"]), piece["type"]
    if kind == "text_link":
        return f'<a href="{escape(piece["href"])}">{text}</a>'
    tag = {"bold": "b", "italic": "i", "code": "code", "blockquote": "q"}.get(kind)
    return f"<{tag}>{text}</{tag}>" if tag else text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def others(folder: Path, size: int, most: int) -> list[Hugo | Pelican | TgArchive]:
    """The other programs that are on this machine, each with so many posts to build. Pelican is
    asked for no more than ``most``: it would take hours."""
    found: list[Hugo | Pelican | TgArchive] = []
    for make in (Hugo, Pelican, TgArchive):
        if make.here() and (make is not Pelican or size <= most):
            fresh = not (folder / f"{make.name}-{size}").exists()
            site = make(folder / f"{make.name}-{size}")
            if fresh:
                site.add(1, size)
            found.append(site)
    return found
