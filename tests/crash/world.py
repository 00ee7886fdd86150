"""A small channel in two states: what was written, and what became of it."""

import json
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

CONFIG = """
language = "ru"
timezone = "Asia/Omsk"
ledger = "ledger.db"
cache = "cache"
[[blog]]
name = "business"
channel = "channel"
reader = "export"
site = "local"
link = "https://t.me/example"
on_delete = "draft"
[blog.author]
name = "Павел Столяров"
photo = "author.png"
[site.local]
type = "static"
path = "public"
url = "https://example.com/"
"""
START = 1_746_090_000
BOTH, FIRST, SECOND = (1, 2), (1,), (2,)


def _message(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    entities = [{"type": "plain", "text": text}] if text else []
    given = {
        "id": number,
        "type": "message",
        "date_unixtime": str(START + number * 3600),
        "from": "Мастерская",
        "from_id": "channel777",
        "text": text,
        "text_entities": entities,
    }
    return given | more


def _album(number: int, head: int, text: str = "") -> dict[str, Any]:
    photo = {"photo": f"photos/{number}.png", "width": 400, "height": 300}
    return _message(number, text, date_unixtime=str(START + head * 3600), **photo)


def _linked(number: int, text: str, target: int) -> dict[str, Any]:
    link = {"type": "text_link", "text": "туда", "href": f"https://t.me/example/{target}"}
    return _message(number, text, text_entities=[{"type": "plain", "text": f"{text} "}, link])


def channel(state: int) -> list[dict[str, Any]]:
    """The channel's messages: an album that loses its first photo, a photo, links to a later
    post, to an earlier one and to an album's second photo, an edit, a deletion, an advertisement
    that a person must see, a post of the second day."""
    told = "Первая запись о хлебе\n\nХлеб пекут ночью."
    messages = [
        (BOTH, _message(1, told if state == 1 else f"{told} Исправлено. #хлеб")),
        (BOTH, _linked(2, "Вторая запись. Об этом скажу дальше", 7)),
        (FIRST, _album(3, 3, "Альбом о печи\n\nТри снимка.")),
        (FIRST, _album(4, 3)),
        (SECOND, _album(4, 3, "Альбом о печи\n\nТри снимка.")),
        (BOTH, _album(5, 3)),
        (BOTH, _album(6, 6, "Снимок муки #мука")),
        (FIRST, _linked(7, "Запись, которую удалят, как и сказал", 1)),
        (BOTH, _message(8, "Станки со скидкой. Реклама. erid: 2VtzqxSAMPLE")),
        (BOTH, _linked(9, "Запись о втором снимке альбома #мука", 4)),
        (SECOND, _linked(10, "Запись второго дня и ссылка", 6)),
    ]
    return [message for states, message in messages if state in states]


def lay(folder: Path) -> None:
    """Makes the channel's first state and its config in ``folder``."""
    from PIL import Image

    (folder / "channel" / "photos").mkdir(parents=True)
    for number in (3, 4, 5, 6):
        picture = Image.new("RGB", (400, 300), (number * 40 % 256, 90, 200 - number * 20))
        picture.save(folder / "channel" / "photos" / f"{number}.png")
    Image.new("RGB", (64, 64), (200, 180, 90)).save(folder / "author.png")
    (folder / "crosspost.toml").write_text(CONFIG, "utf-8")
    turn(folder, 1)


def turn(folder: Path, state: int) -> None:
    """The channel is exported anew."""
    export = {
        "name": "Мастерская",
        "type": "public_channel",
        "id": 777,
        "messages": channel(state),
    }
    (folder / "channel" / "result.json").write_text(json.dumps(export, ensure_ascii=False), "utf-8")


class Seen(NamedTuple):
    """What is compared: the public files and their bytes, the files that wait, how many articles
    the site knows, how each post stands in the ledger, and what was left lying about."""

    public: dict[str, bytes]
    waiting: set[str]
    articles: list[tuple[Any, ...]]
    ledger: list[tuple[Any, ...]]
    left: list[str]


def look(folder: Path) -> Seen:
    """The site and the ledger in ``folder``."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    public = folder / "public"
    hidden = public / ".crosspost" / "files"
    return Seen(
        public={
            str(path.relative_to(public)): path.read_bytes()
            for path in files
            if public in path.parents and ".crosspost" not in path.parts
        },
        waiting={path.name for path in hidden.iterdir()} if hidden.is_dir() else set(),
        articles=_rows(
            public / ".crosspost" / "site.db",
            "SELECT post_id, file, status, version, digest, drawn, drawing FROM article ORDER BY 1",
        )
        + _rows(public / ".crosspost" / "site.db", "SELECT count(*) FROM mark"),
        ledger=_rows(
            folder / "ledger.db",
            "SELECT post_id, state, due, slug, digest, sending, remote_id, url, version, reason"
            " FROM delivery ORDER BY 1",
        )
        + _rows(folder / "ledger.db", "SELECT count(*), sum(unfinished) FROM target"),
        left=[
            str(path.relative_to(folder))
            for path in folder.rglob("*")
            if path.suffix in (".part", ".tmp") or path.name.startswith(("making-", "tmp"))
        ],
    )


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(path)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()
