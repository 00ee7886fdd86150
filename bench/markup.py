"""Entities → HTML, beside what the libraries of the Telegram API do, each given its own objects.

python -m bench.markup WAY POSTS     one way, in a process of its own: its seconds, its flaws
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from bench import channel
from bench._tools import PYTHON, ROOT, Section

MOST: Final = 100_000
Entity = tuple[str, int, int, str]
"""What kind, from where, how long (in UTF-16 code units, as Telegram counts), its address."""
TELETHON: Final = {"strikethrough": "Strike", "text_link": "TextUrl"}
PYROGRAM: Final = {"text_link": "TEXT_LINK"}


def measure(folder: Path, most: int, runs: int) -> Section:
    found = Section("markup")
    size = min(most, MOST)
    best: dict[str, dict[str, Any]] = {}
    for _ in range(runs):
        for name in WAYS:
            said = _asked(name, size, folder)
            if said and (name not in best or said["cpu"] < best[name]["cpu"]):
                best[name] = said
    for name, said in best.items():
        rate = round(said["posts"] / said["cpu"])
        found.rows.append(
            {"way": name, **said, "cpu": round(said["cpu"], 2), "posts_a_second": rate}
        )
    others = [one["cpu"] for name, one in best.items() if name != "crosspost"]
    if others:
        times = best["crosspost"]["cpu"] / min(others)
        found.goal(f"ahead of the fastest (CPU): {times:.2f} × its time", times <= 1)
    return found


def _asked(name: str, size: int, folder: Path) -> dict[str, Any] | None:
    """What the way says of itself; None where its library is not installed."""
    done = subprocess.run(  # noqa: S603
        [PYTHON, "-m", "bench.markup", name, str(size)], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        print(f"{name}: left out: {done.stderr.strip()[-200:]}")  # noqa: T201
        return None
    said: dict[str, Any] = json.loads(done.stdout)
    return said


# --- Posts --------------------------------------------------------------------------------------


def posts(size: int) -> Iterator[tuple[str, list[Entity]]]:
    """The generator's posts; one in ten has what Telegram also stores: entities that cross each
    other and one that is longer than its text."""
    for number, message in enumerate(channel.messages(size)):
        text, at, entities = "", 0, list[Entity]()
        for piece in message["text_entities"]:
            length = len(piece["text"].encode("utf-16-le")) // 2
            if piece["type"] not in ("plain", "hashtag"):
                entities.append((piece["type"], at, length, piece.get("href", "")))
            text += piece["text"]
            at += length
        if number % 10 == 0 and at > 40:
            entities += [("bold", 5, 20, ""), ("italic", 15, 25, ""), ("underline", at - 9, 30, "")]
            entities.sort(key=lambda one: (one[1], -one[2]))
        if text:
            yield text, entities


# --- Ways: each makes its objects first, then the HTML of them all ------------------------------

Way = Callable[[list[tuple[str, list[Entity]]]], tuple[list[Any], Callable[[Any], str]]]


def ours(found: list[tuple[str, list[Entity]]]) -> tuple[list[Any], Callable[[Any], str]]:
    from crosspost.markup import blocks, utf16
    from crosspost.model import Entity as Ours

    made = []
    for text, entities in found:
        points = utf16(text)
        told = []
        for kind, at, length, value in entities:
            start, end = points(at), points(at + length)
            told.append(Ours(type=kind, offset=start, length=end - start, value=value))
        made.append((text, tuple(told)))
    return made, lambda one: blocks(*one)


def telethon(found: list[tuple[str, list[Entity]]]) -> tuple[list[Any], Callable[[Any], str]]:
    from telethon.extensions import html
    from telethon.tl import types

    def made(kind: str, at: int, length: int, value: str) -> Any:
        name = TELETHON.get(kind, kind.title())
        make = getattr(types, f"MessageEntity{name}")
        return make(at, length, value) if value else make(at, length)

    return (
        [(text, [made(*one) for one in entities]) for text, entities in found],
        lambda one: str(html.unparse(*one)),
    )


def aiogram(found: list[tuple[str, list[Entity]]]) -> tuple[list[Any], Callable[[Any], str]]:
    from aiogram.types import MessageEntity
    from aiogram.utils.text_decorations import html_decoration

    def made(kind: str, at: int, length: int, value: str) -> Any:
        return MessageEntity(type=kind, offset=at, length=length, url=value or None)

    return (
        [(text, [made(*one) for one in entities]) for text, entities in found],
        lambda one: html_decoration.unparse(*one),
    )


def kurigram(found: list[tuple[str, list[Entity]]]) -> tuple[list[Any], Callable[[Any], str]]:
    from pyrogram.enums import MessageEntityType
    from pyrogram.parser.html import HTML
    from pyrogram.types import MessageEntity

    def made(kind: str, at: int, length: int, value: str) -> Any:
        kind_of = getattr(MessageEntityType, kind.upper())
        return MessageEntity(type=kind_of, offset=at, length=length, url=value or None)

    return (
        [(text, [made(*one) for one in entities]) for text, entities in found],
        lambda one: str(HTML.unparse(*one)),
    )


WAYS: Final[dict[str, Way]] = {
    "crosspost": ours,
    "telethon": telethon,
    "aiogram": aiogram,
    "kurigram": kurigram,
}


class _Reading(HTMLParser):
    """Whether tags close in the order they were opened, and what text they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.well, self.text = True, ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag != "br":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.well &= bool(self._open) and self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def end(self) -> bool:
        self.close()
        return self.well and not self._open


def flaws(text: str, html: str) -> tuple[bool, bool]:
    """Whether the HTML is malformed, and whether its text is another (white space aside)."""
    reading = _Reading()
    reading.feed(html)
    return not reading.end(), "".join(reading.text.split()) != "".join(text.split())


def main(name: str, size: int) -> None:
    found = list(posts(size))
    made, convert = WAYS[name](found)
    begin, cpu = time.perf_counter(), time.process_time()
    failed, pages = 0, []
    for one in made:
        try:
            pages.append(convert(one))
        except Exception:
            failed += 1
            pages.append("<")
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - begin
    wrong = [flaws(text, html) for (text, _), html in zip(found, pages, strict=True)]
    said = {"posts": len(found), "seconds": round(seconds, 2), "cpu": cpu, "raised": failed}
    said |= {"malformed": sum(one for one, _ in wrong), "altered": sum(one for _, one in wrong)}
    print(json.dumps(said))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
