"""Real sites as the crash tests see them, and a channel that goes on between the crashes.

A site is one more ``Place``: how to start it and to empty it, its part of the config, and what
stands on it, as its database and its disk have it and not as the publisher under test tells it.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sites.ghost import Ghost
from sites.newsroom import PEOPLE, Newsroom
from sites.wordpress import WordPress

from crash.world import CONFIG, START

FORM = """type = "form"
url = "{url}"
add = "/admin/news/article/add/"
edit = "/admin/news/article/{{id}}/change/"
public = "/{{slug}}/"
published = "is_published"
submit = "_continue"
delete = {{page = "/admin/news/article/{{id}}/delete/"}}
find = {{page = "/admin/news/article/?q={{slug}}", link = "#result_list th a"}}
login = {{page = "/admin/login/", user = "editor", password = "{password}"}}
[site.local.fields]
title = "title"
slug = "slug"
lead = "lead"
body = "text"
date = "published_at_0"
time = "published_at_1"
cover = "cover"
author = "author"
section = {{value = "Блоги"}}
tags = {{field = "tags", new = {{page = "/admin/news/tag/add/", field = "name"}}}}
[site.local.upload]
page = "/admin/news/picture/add/"
field = "file"
name = "name"
edit = "/admin/news/picture/{{id}}/change/"
url = ".file-upload a"
find = {{page = "/admin/news/picture/?q={{name}}", link = "#result_list th a"}}
delete = {{page = "/admin/news/picture/{{id}}/delete/"}}
"""
EVERY = "publish,future,draft,pending,private,trash"
WORD = re.compile(r"v(\d+)x(\d+)z")
"""Stands in an article's text: the post's number and its version."""
Colour = tuple[int, int, int]


class Standing(NamedTuple):
    """An article on the site."""

    words: str
    live: bool


class Place(Protocol):
    """A real site. ``cleans``: it takes back a file that no article shows."""

    cleans: bool

    def config(self) -> str:
        """The part of the config below ``[site.local]``."""

    def reset(self) -> None:
        """The site as it was when it was new."""

    def articles(self) -> list[Standing]:
        """All that is there: drafts and the trash too."""

    def pictures(self) -> list[Path]:
        """The files of the pictures it keeps, without the smaller sizes it made of them."""

    def twins(self) -> list[str]:
        """What is there twice besides articles and pictures: tags of the same name."""


class WordPressPlace:
    """WordPress, written by one of its authors."""

    cleans = True

    def __init__(self, site: WordPress) -> None:
        self._site = site
        self.reset = site.reset

    def config(self) -> str:
        return (
            f'type = "wordpress"\nurl = "{self._site.url}"\nuser = "blogger"\n'
            f'password = "{self._site.passwords["blogger"]}"\n'
        )

    def articles(self) -> list[Standing]:
        found = self._all("posts", "status,content", status=EVERY)
        return [Standing(one["content"]["raw"], one["status"] == "publish") for one in found]

    def pictures(self) -> list[Path]:
        listed = self._all("media", "source_url")
        uploads = self._site.folder / "wp-content" / "uploads"
        files = [path for path in uploads.rglob("*.*") if path.is_file()]
        assert {one["source_url"].rpartition("/")[2] for one in listed} == {
            path.name for path in files
        }, "the library and the disk agree"
        assert len(listed) == len(files)
        return files

    def twins(self) -> list[str]:
        names = Counter(one["name"].casefold() for one in self._all("tags", "name"))
        return [name for name, count in names.items() if count > 1]

    def _all(self, what: str, fields: str, **more: str) -> list[Any]:
        found: list[Any] = []
        while len(found) % 100 == 0:
            asked = {"per_page": 100, "offset": len(found), "context": "edit", "_fields": fields}
            page = self._site.ask("GET", what, params=asked | more)
            found += page
            if not page:
                break
        return found


@contextmanager
def wordpress(folder: Path) -> Iterator[Place]:
    with WordPress(folder / "wordpress") as site:
        yield WordPressPlace(site)


class GhostPlace:
    """Ghost, written with an integration's key; its API deletes no files."""

    cleans = False

    def __init__(self, site: Ghost) -> None:
        self._site = site
        self.reset = site.reset

    def config(self) -> str:
        return f'type = "ghost"\nurl = "{self._site.url}"\nadmin_key = "{self._site.key}"\n'

    def articles(self) -> list[Standing]:
        asked = {"limit": "all", "formats": "html"}
        found = self._site.ask("GET", "posts/", params=asked)["posts"]
        return [
            Standing(f"{one['custom_excerpt']} {one['html']}", one["status"] == "published")
            for one in found
        ]

    def pictures(self) -> list[Path]:
        images = self._site.folder / "content" / "images"
        return [
            path
            for path in images.rglob("*.*")
            if path.is_file() and "size" not in path.parts and not path.stem.endswith("_o")
        ]

    def twins(self) -> list[str]:
        tags = self._site.ask("GET", "tags/", params={"limit": "all"})["tags"]
        names = Counter(one["name"].casefold() for one in tags)
        return [name for name, count in names.items() if count > 1]


@contextmanager
def ghost(folder: Path) -> Iterator[Place]:
    with Ghost(folder / "ghost") as site:
        yield GhostPlace(site)


class NewsroomPlace:
    """A newsroom's own CMS, written through the forms of its admin."""

    cleans = True

    def __init__(self, site: Newsroom) -> None:
        self._site = site
        self.reset = site.reset

    def config(self) -> str:
        return FORM.format(url=self._site.url, password=PEOPLE["editor"])

    def articles(self) -> list[Standing]:
        found = self._site.rows("SELECT lead, text, is_published FROM news_article")
        return [Standing(f"{lead} {text}", bool(live)) for lead, text, live in found]

    def pictures(self) -> list[Path]:
        """Those of its library: a cover is the article's own copy."""
        media = self._site.folder / "media"
        return [media / name for (name,) in self._site.rows("SELECT file FROM news_picture")]

    def twins(self) -> list[str]:
        query = "SELECT name FROM news_tag GROUP BY name HAVING count(*) > 1"
        return [name for (name,) in self._site.rows(query)]


@contextmanager
def newsroom(folder: Path) -> Iterator[Place]:
    with Newsroom(folder / "newsroom") as site:
        yield NewsroomPlace(site)


PLACES = {"wordpress": wordpress, "ghost": ghost, "form": newsroom}


class Channel:
    """A channel as its desktop export in ``folder``, which goes on: each text names its version,
    each picture has a colour of its own."""

    def __init__(self, folder: Path, place: Place, *blogs: str) -> None:
        self.folder = folder
        self.posts: dict[int, tuple[str, tuple[int, ...], int]] = {}
        self.shown: dict[str, frozenset[Colour]] = {}
        """What pictures each version shows."""
        self.drawn = 0
        (folder / "channel" / "photos").mkdir(parents=True)
        head, _, rest = CONFIG.partition("[[blog]]")
        blog = rest.partition("[site.local]")[0].replace('photo = "author.png"\n', "")
        each = [f"[[blog]]{blog.replace('business', name)}" for name in blogs or ("business",)]
        config = f"{head}{''.join(each)}[site.local]\n{place.config()}"
        (folder / "crosspost.toml").write_text(config, "utf-8")

    def picture(self) -> int:
        """A new one; its number."""
        from PIL import Image

        self.drawn += 1
        path = self.folder / "channel" / "photos" / f"{self.drawn}.png"
        Image.new("RGB", (24, 16), _colour(self.drawn)).save(path)
        return self.drawn

    def write(self, number: int, version: int, *pictures: int, link: int = 0) -> None:
        """A post, or a new version of one. Its message ids are ``10 × number`` and on."""
        word = f"v{number}x{version}z"
        self.posts[number] = (word, pictures, link)
        self.shown[word] = frozenset(_colour(one) for one in pictures)

    def delete(self, number: int) -> None:
        del self.posts[number]

    def export(self, *only: int) -> None:
        """Writes the export down, with these posts alone if any are named."""
        numbers = [number for number in sorted(self.posts) if not only or number in only]
        messages = [one for number in numbers for one in self._messages(number)]
        told = {"name": "М", "type": "public_channel", "id": 777, "messages": messages}
        path = self.folder / "channel" / "result.json"
        path.write_text(json.dumps(told, ensure_ascii=False), "utf-8")

    def _messages(self, number: int) -> Iterator[dict[str, Any]]:
        word, pictures, link = self.posts[number]
        for index in range(max(1, len(pictures))):
            plain = f"Запись {number}\n\nСлово {word} о хлебе. " if not index else ""
            text: list[Any] = [{"type": "plain", "text": plain}] if plain else []
            if link and not index:
                href = f"https://t.me/example/{link * 10}"
                text.append({"type": "text_link", "text": "туда", "href": href})
            if not index:
                text.append({"type": "plain", "text": "\n\n"})
                text.append({"type": "hashtag", "text": f"#тема{number % 3}"})
            message = {
                "id": number * 10 + index,
                "type": "message",
                "date_unixtime": str(START + number * 3600),
                "from": "М",
                "from_id": "channel777",
                "text": text,
                "text_entities": text,
            }
            if pictures:
                message |= {"photo": f"photos/{pictures[index]}.png", "width": 24, "height": 16}
            yield message

    def lose_ledger(self) -> None:
        for path in self.folder.glob("ledger.db*"):
            path.unlink()

    def check(self, place: Place, said: str, blogs: int = 1, *, machines: int = 1) -> None:
        """Each post is there once in its newest version, what was deleted is no more than a
        draft, and each picture that is shown is there once, and no other; ``said`` is told when
        it is not so. Of ``machines`` that know nothing of one another each may have sent a
        picture in the same instant."""
        standing = [(_word(one.words), one.live) for one in place.articles()]
        live = Counter(word for word, shown in standing if shown)
        assert live == {word: blogs for word, _, _ in self.posts.values()}, (
            sorted(live),
            sorted(self.posts.items()),
            said,
        )
        numbers = Counter(WORD.sub(r"\1", word) for word, _ in standing)
        assert set(numbers.values()) <= {blogs}, (standing, said)
        kept = Counter(_colour_of(path) for path in place.pictures())
        assert max(kept.values(), default=0) <= machines, f"a picture is there twice: {kept}"
        needed = frozenset[Colour]().union(*(self.shown[word] for word, _ in standing))
        assert needed <= kept.keys(), "a picture is lost"
        if place.cleans:
            assert kept.keys() <= needed, f"left over: {kept.keys() - needed}"
        assert place.twins() == []


def _word(words: str) -> str:
    found = set(WORD.finditer(words))
    assert found, words
    return {one[0] for one in found}.pop()


def _colour(number: int) -> Colour:
    return tuple(random.Random(number).randbytes(3))  # type: ignore[return-value]


def _colour_of(path: Path) -> Colour:
    from PIL import Image

    with Image.open(path) as image:
        found: Any = image.convert("RGB").getpixel((3, 3))
    return tuple(found)  # type: ignore[return-value]
