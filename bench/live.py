"""How fast a live channel is read, beside bare Telethon through the same server in the same run.

    python bench/live.py [--posts 10000] [--runs 5] [--json FILE]

The server is the tests' own (``tests/telegram_server``), in a process of its own on 127.0.0.1, so
there is no network in the numbers: only what client and server do. Four ways, in turn, ``runs``
times each; the fastest of each counts:

    telethon   ``iter_messages(wait_time=0, reverse=True)``: TL objects, thrown away
    reader     ``TelegramReader.read``: complete ``Post`` records
    changes    ``TelegramReader.changes(None)``: the same with cursors, as a first run reads
    pull       ``pipeline.pull`` into an empty ledger on this disk, as ``crosspost sync`` does
"""

# ruff: noqa: T201

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

TEXT = "Хлеб пекут ночью, а пишут о нём утром, после смены. "


def fill(channel: Any, count: int) -> None:
    """A realistic mix: of twenty posts twelve are text with formatting, four have a photo, one is
    an album of four, one a forward, one a poll, one a video; each of some 700 characters."""
    from telegram_server.world import BEGIN
    from telethon.tl import types

    world = channel.world

    def photo() -> Any:
        return types.MessageMediaPhoto(photo=world.photo(b"\xff" * 64, 1280, 960))

    def entities() -> list[Any]:
        return [
            types.MessageEntityBold(0, 4),
            types.MessageEntityItalic(10, 5),
            types.MessageEntityTextUrl(20, 6, "https://example.org/bread"),
            types.MessageEntityHashtag(60, 5),
        ]

    made = 0
    while made < count:
        kind, fields = made % 20, dict[str, Any]()
        if kind == 16 and count - made >= 4:
            channel.album([photo() for _ in range(4)], [f"🎉 {made}. " + TEXT * 8])
            made += 4
            continue
        if kind in (3, 7, 11, 15):
            fields["media"] = photo()
        elif kind == 17:
            fields["fwd_from"] = types.MessageFwdHeader(BEGIN, from_name="Соседка")
        elif kind == 18:
            answers = [
                types.PollAnswer(types.TextWithEntities(text, []), text.encode())
                for text in ("Да", "Нет")
            ]
            asked = types.Poll(1, types.TextWithEntities("Печь?", []), answers, 0)
            fields["media"] = types.MessageMediaPoll(asked, types.PollResults())
        elif kind == 19:
            video = types.DocumentAttributeVideo(60, 1280, 720)
            document = world.document(b"\0" * 64, "video/mp4", video, thumb=b"\xff" * 16)
            fields["media"] = types.MessageMediaDocument(document=document)
        channel.post(f"🎉 {made}. " + TEXT * 13, entities=entities(), **fields)
        made += 1


def serve(count: int, pipe: Any) -> None:
    """The server's process."""
    from telegram_server import TelegramServer

    with TelegramServer() as server:
        fill(server.world.channel("Мастерская", "workshop"), count)
        pipe.send((server.settings(), server.session(), server.api_id))
        pipe.recv()


@contextmanager
def running(count: int) -> Iterator[tuple[dict[str, Any], str, int]]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(count, there))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("end")
        process.join()


# --- The ways -----------------------------------------------------------------------------------


def telethon(session: str, api_id: int) -> int:
    from telethon import TelegramClient
    from telethon.sessions import StringSession

    async def read() -> int:
        client = TelegramClient(StringSession(session), api_id, "x", receive_updates=False)
        await client.connect()
        count = 0
        async for _ in client.iter_messages("workshop", wait_time=0, reverse=True):
            count += 1
        await client.disconnect()
        return count

    return asyncio.run(read())


@contextmanager
def reading(settings: dict[str, Any]) -> Iterator[Any]:
    from crosspost.readers import Context
    from crosspost.readers.telegram import TelegramReader

    with TemporaryDirectory() as folder:
        context = Context(base=Path(folder), cache=Path(folder))
        made = TelegramReader.open(TelegramReader.Settings(**settings), "@workshop", context)
        try:
            yield made
        finally:
            made.close()


def reader(settings: dict[str, Any]) -> int:
    from crosspost.readers import Bounds

    with reading(settings) as made:
        return sum(len(post.ids) for post in made.read(Bounds()))


def changes(settings: dict[str, Any]) -> int:
    from crosspost.model import Post

    with reading(settings) as made:
        return sum(len(one.ids) for one in made.changes(None) if isinstance(one, Post))


def pull(settings: dict[str, Any]) -> int:
    from crosspost import pipeline
    from crosspost.config import load
    from crosspost.ledger import Ledger
    from crosspost.report import Report

    with TemporaryDirectory() as folder:
        path = Path(folder) / "crosspost.toml"
        server = ", ".join(f"{key} = {json.dumps(one)}" for key, one in settings["server"].items())
        lines = [f"{key} = {json.dumps(one)}" for key, one in settings.items() if key != "server"]
        path.write_text(
            "ledger = 'ledger.db'\ncache = 'cache'\n[[blog]]\nname = 'b'\nchannel = '@workshop'\n"
            "reader = 'telegram'\nsite = 'local'\n[site.local]\ntype = 'static'\npath = 'public'\n"
            "url = 'http://blog.test/'\n[telegram]\n"
            + "\n".join([*lines, f"server = {{{server}}}"])
        )
        config = load(path)
        with Ledger.open(config.ledger) as ledger:
            run = pipeline.Run(ledger=ledger, report=Report("sync"))
            pipeline.pull(run, config.blogs["b"])
            run.close()
            return sum(len(one.post.ids) for one in ledger.posts("b"))


def timed(way: Callable[[], int], count: int) -> tuple[float, float]:
    """Seconds of the clock and of this process's CPU."""
    begin, cpu = time.perf_counter(), time.process_time()
    found = way()
    taken = time.perf_counter() - begin, time.process_time() - cpu
    assert found == count, (found, count)
    return taken


def measure(posts: int, runs: int) -> dict[str, list[tuple[float, float]]]:
    with running(posts) as (settings, session, api_id):
        ways: dict[str, Callable[[], int]] = {
            "telethon": lambda: telethon(session, api_id),
            "reader": lambda: reader(settings),
            "changes": lambda: changes(settings),
            "pull": lambda: pull(settings),
        }
        for way in ways.values():  # imports and caches are nobody's merit
            way()
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(runs):
            for name, way in ways.items():
                taken[name].append(timed(way, posts))
        return taken


def versions() -> dict[str, str]:
    from importlib.metadata import version

    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    model = names[0] if names else platform.machine()
    return {
        "machine": f"{model}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "telethon": version("telethon"),
        "cryptg": version("cryptg"),
        "sqlite": sqlite3.sqlite_version,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    taken = measure(wanted.posts, wanted.runs)
    bare = min(seconds for seconds, _ in taken["telethon"])
    rows = []
    for name, found in taken.items():
        seconds, cpu = min(found)
        row = {
            "way": name,
            "seconds": round(seconds, 3),
            "cpu": round(cpu, 3),
            "posts_a_second": round(wanted.posts / seconds),
            "of_telethon": round(bare / seconds, 2),
        }
        rows.append(row)
    report = {
        "what": "live",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "posts": wanted.posts,
        "runs": wanted.runs,
        **versions(),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "rows": rows,
    }
    print("| way | seconds | CPU seconds | messages a second | of bare Telethon |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        print(
            f"| {row['way']} | {row['seconds']:.2f} | {row['cpu']:.2f} "
            f"| {row['posts_a_second']:,} | {row['of_telethon']:.2f} × |"
        )
    text = json.dumps(report, indent=1)
    if wanted.json:
        wanted.json.write_text(f"{text}\n")
    else:
        print(f"\n{text}")


if __name__ == "__main__":
    main()
