"""The live reader under random events, faults and kills: in the end it knows the channel as it is.

Every run prints its seed; ``CROSSPOST_SEED=<seed> pytest tests/test_telegram_soak.py -k seed``
plays that one again.
"""

import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from telegram_server import Channel, TelegramServer
from telethon.tl import types

from crosspost.errors import CrosspostError
from crosspost.model import Post, fingerprint
from crosspost.readers import Bounds, Change, Checkpoint, Complete, Context, Deleted
from crosspost.readers.telegram import TelegramReader


class Events:
    """What a channel's author may do, at random."""

    def __init__(self, channel: Channel, dice: random.Random) -> None:
        self.channel = channel
        self.dice = dice
        self.count = 0

    def happen(self) -> None:
        self.count += 1
        kinds = [self.post] * 5 + [self.album, self.edit, self.edit, self.edit, self.delete]
        kinds += [self.delete_several, self.rename, self.service]
        if self.count % 97 == 0:
            kinds = [self.channel.forget]
        self.dice.choice(kinds)()

    def post(self) -> None:
        self.channel.post(f"Запись {self.count} 🎉")

    def album(self) -> None:
        captions = ["", f"Альбом {self.count}"]
        self.channel.album([None] * self.dice.randint(2, 10), captions)

    def edit(self) -> None:
        if number := self.some():
            self.channel.edit(number, f"Исправлено {self.count}")

    def delete(self) -> None:
        if number := self.some():
            self.channel.delete(number)

    def delete_several(self) -> None:
        if number := self.some():
            last = number + self.dice.randint(0, 12)
            self.channel.delete(*(one for one in self.posts() if number <= one <= last))

    def rename(self) -> None:
        self.channel.title = f"Мастерская {self.count}"

    def service(self) -> None:
        self.channel.service(types.MessageActionPinMessage())

    def posts(self) -> list[int]:
        return [
            number
            for number in self.channel.ids
            if isinstance(self.channel.messages[number], types.Message)
        ]

    def some(self) -> int:
        """A message, rather a recent one; 0 if there is none."""
        found = self.posts()
        recent = found[-15:] if self.dice.random() < 0.7 else found
        return self.dice.choice(recent) if recent else 0


FAULTS: list[dict[str, Any]] = [
    {"drop": True},
    {"cut": 0},
    {"cut": 5},
    {"cut": 90},
    {"hang": True},
    {"error": "FLOOD_WAIT_900"},
    {"error": "PERSISTENT_TIMESTAMP_INVALID", "kind": "GetChannelDifferenceRequest"},
]


class Killed(Exception):
    pass


class Memory:
    """Keeps what it is told as the ledger does: for good at checkpoints only."""

    def __init__(self) -> None:
        self.cursor: str | None = None
        self.posts: dict[int, Post] = {}

    def pull(self, reader: TelegramReader, every: Any = lambda: None) -> None:
        pending: list[Change] = []
        for change in reader.changes(self.cursor):
            pending.append(change)
            if isinstance(change, Checkpoint):
                self.store(pending)
                self.cursor = change.cursor
                pending = []
            every()

    def store(self, changes: list[Change]) -> None:
        told: set[int] = set()
        for change in changes:
            if isinstance(change, Post):
                for number in change.ids:
                    self.posts.pop(self.of(number), None)
                self.posts[change.id] = change
                told.add(change.id)
            elif isinstance(change, Deleted):
                for one in list(self.posts.values()):
                    if set(one.ids) <= set(change.ids):
                        del self.posts[one.id]
        for change in changes:
            if isinstance(change, Complete):
                for number in list(self.posts):
                    if change.first <= number <= change.last and number not in told:
                        del self.posts[number]

    def of(self, number: int) -> int:
        return next((one.id for one in self.posts.values() if number in one.ids), 0)


def soak(folder: Path, seed: int, rounds: int) -> None:
    dice = random.Random(seed)
    with TelegramServer() as server:
        channel = server.world.channel("Мастерская", "workshop")
        events = Events(channel, dice)
        memory = Memory()

        def reader(timeout: float = 0.4) -> TelegramReader:
            quick = {"timeout": timedelta(seconds=timeout), "attempts": 3, "pause": 0}
            settings = TelegramReader.Settings(**server.settings(**quick))
            context = Context(base=folder, cache=folder / "cache")
            return TelegramReader.open(settings, "@workshop", context)

        def meanwhile() -> None:
            if dice.random() < 0.02:
                events.happen()
            if dice.random() < 0.01:
                raise Killed

        for _ in range(rounds):
            for _ in range(dice.randint(0, 30)):
                events.happen()
            if dice.random() < 0.5:
                server.fault(**{"after": dice.randint(0, 6), **dice.choice(FAULTS)})
            one = reader()
            try:
                memory.pull(one, meanwhile)
            except (Killed, CrosspostError):
                pass
            finally:
                one.close()
        server.faults.clear()
        one = reader(timeout=20)
        memory.pull(one)
        truth = {post.id: post for post in one.read(Bounds()) if isinstance(post, Post)}
        again = list(one.changes(memory.cursor))
        one.close()
    assert again == []
    wrong = {
        number: (memory.posts.get(number), truth.get(number))
        for number in memory.posts.keys() | truth.keys()
        if number not in truth
        or number not in memory.posts
        or fingerprint(memory.posts[number]) != fingerprint(truth[number])
    }
    assert wrong == {}


def seeds(count: int) -> Iterator[int]:
    if given := os.environ.get("CROSSPOST_SEED"):
        return iter([int(given)])
    return iter(range(1, count + 1))


def test_a_seed_of_trouble_ends_in_the_channel_as_it_is(tmp_path: Path) -> None:
    for seed in seeds(1):
        print(f"seed {seed}")
        soak(tmp_path / str(seed), seed, rounds=6)


@pytest.mark.slow
def test_a_seed_that_once_failed_does_not_fail_again(tmp_path: Path) -> None:
    """A post that is new, told, and deleted before a gap is closed is gone."""
    soak(tmp_path, 744765216, rounds=40)


@pytest.mark.slow
def test_many_seeds_of_trouble_end_in_the_channel_as_it_is(tmp_path: Path) -> None:
    for seed in seeds(10):
        print(f"seed {seed}")
        soak(tmp_path / str(seed), seed, rounds=40)


# --- The process --------------------------------------------------------------------------------

PROGRAM = """
import signal, sys
from pathlib import Path
from crosspost.readers import Bounds, Context
from crosspost.readers.telegram import TelegramReader

def stop(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, stop)
session, port, folder, what = sys.argv[1:]
settings = TelegramReader.Settings(
    api_id=12345, api_hash="x", session=session, timeout="60s",
    server={"dc": 2, "address": "127.0.0.1", "port": int(port)},
)
reader = TelegramReader.open(settings, "@workshop", Context(base=Path(folder), cache=Path(folder)))
try:
    list(reader.changes(None))
    print("ready", flush=True)
    sys.stdin.readline()
    if what == "wait":
        reader.wait(60)
    list(reader.read(Bounds()))
except KeyboardInterrupt:
    print("stopped", flush=True)
finally:
    reader.close()
"""


@pytest.mark.parametrize("what", ["wait", "hang"])
def test_a_signal_ends_it_at_once_in_the_middle_of_anything(tmp_path: Path, what: str) -> None:
    with TelegramServer() as server:
        server.world.channel("Мастерская", "workshop").post("одна")
        command = [sys.executable, "-W", "error", "-c", PROGRAM, server.session()]
        process = subprocess.Popen(
            [*command, str(server.port), str(tmp_path), what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "ready\n"
        server.fault("GetHistoryRequest", hang=True)
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        out, errors = process.communicate(timeout=10)
        assert (process.returncode, out, errors) == (0, "stopped\n", "")
        assert time.monotonic() - begin < 3


# --- Sizes --------------------------------------------------------------------------------------


def long(server: TelegramServer, count: int) -> Channel:
    channel = server.world.channel("Мастерская", "workshop")
    bold = [types.MessageEntityBold(0, 6)]
    for number in range(count):
        channel.post(f"Запись {number} о малом деле 🎉. " * 8, entities=bold)
    return channel


def live(server: TelegramServer, folder: Path) -> TelegramReader:
    settings = TelegramReader.Settings(**server.settings())
    return TelegramReader.open(settings, "@workshop", Context(base=folder, cache=folder))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_history(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        with TelegramServer() as server:
            long(server, count)
            reader = live(server, tmp_path / str(count))
            reader.channel()
            tracemalloc.start()
            for _ in reader.changes(None):
                pass
            _, highest = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            reader.close()
            return highest

    assert peak(12_000) < peak(3_000) + 1_000_000, "but for the last ids that were told"
