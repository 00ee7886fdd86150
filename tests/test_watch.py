"""Watching: what happens in Telegram is on the site within seconds, until told to stop."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from blogs import Blog
from telegram_server import Channel, TelegramServer

from crosspost.config import load
from crosspost.ledger import Ledger
from crosspost.report import Report
from crosspost.watch import Watch, watch


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def channel(server: TelegramServer) -> Channel:
    return server.world.channel("Мастерская", "workshop")


@pytest.fixture
def blog(tmp_path: Path, server: TelegramServer) -> Blog:
    return live_blog(tmp_path / "blog", server)


def live_blog(root: Path, server: TelegramServer, timeout: str = "5s") -> Blog:
    """A blog that reads the server's channel live."""
    settings = server.settings()
    table = (
        f"[telegram]\napi_id = {settings['api_id']}\napi_hash = '{settings['api_hash']}'\n"
        f"session = '{settings['session']}'\ntimeout = '{timeout}'\npause = 0.01\n"
        f"server = {{dc = 2, address = '127.0.0.1', port = {server.port}}}\n"
    )
    blog = Blog(root, reader="telegram", settings="settle = '0s'", tables=table)
    blog.configure("@workshop")
    return blog


@contextmanager
def watching(blog: Blog, interval: float = 60, grace: float = 5) -> Iterator[list[Report]]:
    """Watches in a thread of its own; ends it and sees that it ended well."""
    config = load(blog.root / "crosspost.toml")
    told: list[Report] = []
    wanted = Watch(
        open_ledger=lambda: Ledger.open(config.ledger),
        tell=told.append,
        interval=timedelta(seconds=interval),
        grace=timedelta(seconds=grace),
    )
    thread = threading.Thread(target=watch, args=(wanted, list(config.blogs.values())))
    thread.start()
    try:
        yield told
    finally:
        wanted.stop.set()
        thread.join(15)
    assert not thread.is_alive()


def test_what_happens_in_the_channel_is_on_the_site_within_seconds(
    blog: Blog, channel: Channel
) -> None:
    """A new post, an edit and a deletion ring the bell; nobody waits for the interval."""
    first = channel.post("Первая запись\n\nОна о хлебе.")
    with watching(blog):
        until(lambda: blog.posts == [first])
        second = channel.post("Вторая запись\n\nОна о дверях.")
        until(lambda: blog.posts == [first, second])
        channel.edit(first, "Первая запись\n\nОна теперь о пирогах.")
        until(lambda: "пирогах" in blog.page(first))
        channel.delete(second)
        until(lambda: blog.posts == [first])


@pytest.mark.slow
def test_a_lost_connection_and_a_restarted_server_cost_only_time(
    blog: Blog, channel: Channel, server: TelegramServer
) -> None:
    """Every connection is cut while posts arrive; none is missing in the end."""
    numbers = [channel.post("Запись 0\n\nТекст.")]
    with watching(blog, interval=2):
        until(lambda: blog.posts == numbers)
        for number in range(1, 4):
            server.restart()
            numbers.append(channel.post(f"Запись {number}\n\nТекст."))
            time.sleep(0.2)
        until(lambda: blog.posts == numbers)


def test_a_source_that_hangs_does_not_hold_up_the_end(
    tmp_path: Path, server: TelegramServer, channel: Channel
) -> None:
    """Told to stop while Telegram does not answer, it ends long before the time limit does."""
    channel.post("Запись\n\nТекст.")
    blog = live_blog(tmp_path / "b", server, timeout="60s")
    server.fault("GetHistoryRequest", hang=True)
    begun = time.monotonic()
    with watching(blog, grace=1):
        until(lambda: "GetHistoryRequest" in server.requests)
    assert time.monotonic() - begun < 12


def test_trouble_that_lasts_is_told_once(
    blog: Blog, channel: Channel, server: TelegramServer
) -> None:
    """A login that is gone is one message, however often it is tried again."""
    channel.post("Запись\n\nТекст.")
    server.revoke()
    with watching(blog, interval=1) as told:
        until(lambda: len(told) == 1)
        time.sleep(1)
        assert len(told) == 1
    assert told[0].exit_code == 3


@pytest.mark.slow
def test_a_post_waits_for_its_settle_time_and_no_longer(
    tmp_path: Path, server: TelegramServer, channel: Channel
) -> None:
    """What is corrected within the settle time is published once, corrected."""
    blog = live_blog(tmp_path / "b", server)
    blog.settings = "settle = '3s'"
    blog.configure("@workshop")
    with watching(blog) as told:
        number = channel.post("Запись с ашипкой\n\nТекст.", date=datetime.now(UTC))
        until(lambda: any(report.counts["waits"] for report in told))
        channel.edit(number, "Запись без ошибки\n\nТекст.")
        until(lambda: blog.posts == [number])
        assert "без ошибки" in blog.page(number)
    assert sum(report.counts["created"] for report in told) == 1
    assert sum(report.counts["updated"] for report in told) == 0


def test_systemd_hears_that_it_is_ready_alive_and_stopping(tmp_path: Path) -> None:
    """SIGTERM ends the real process well, in the middle of waiting; the socket of systemd hears of
    it. Until then an export that is replaced is read again."""
    blog = Blog(tmp_path / "blog")
    message = {
        "id": 1,
        "type": "message",
        "date": "2025-05-01T10:00:00",
        "date_unixtime": "1746082800",
    }
    blog.write({**message, "text": "Первая запись\n\nТекст."})
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(address))
        heard.settimeout(20)
        process = subprocess.Popen(
            [sys.executable, "-m", "crosspost", "watch", "--interval", "1s"],
            cwd=blog.root,
            env={**os.environ, "NOTIFY_SOCKET": str(address)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = {heard.recv(4096).decode()}
        try:
            until(lambda: blog.posts == [1])
            blog.write(
                {**message, "text": "Первая запись\n\nТекст."},
                {**message, "id": 2, "text": "Вторая запись\n\nТекст."},
            )
            until(lambda: blog.posts == [1, 2])
        finally:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=20)
        heard.setblocking(False)
        while True:
            try:
                said.add(heard.recv(4096).decode())
            except BlockingIOError:
                break
    assert process.returncode == 0, err
    assert {"READY=1", "WATCHDOG=1", "STOPPING=1"} <= said
    assert "STATUS=1 post read, 1 created." in said
    assert "Traceback" not in out + err
