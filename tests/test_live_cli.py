"""The commands for a live channel, as a person at a terminal meets them."""

import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest
from blogs import Answer, Blog
from click.testing import CliRunner
from telegram_server import TelegramServer
from telethon.sessions import StringSession

from crosspost.cli import group
from crosspost.readers import Context
from crosspost.readers.telegram import TelegramReader, Unreachable

pytest.register_assert_rewrite("live_channel")
from live_channel import LiveChannel, live_blog  # noqa: E402

API_HASH = "0123456789abcdef"
PHONE = "+79991234567"


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def author(server: TelegramServer) -> LiveChannel:
    author = LiveChannel(server)
    author.post()
    return author


@pytest.fixture
def blog(server: TelegramServer, author: LiveChannel, tmp_path: Path) -> Blog:
    """A blog whose session is a file of a person who has not logged in yet."""
    server.session_file(tmp_path / "telegram.session", logged_in=False)
    session = str(tmp_path / "telegram.session")
    return live_blog(tmp_path / "blog", server, session=session)


def typed(blog: Blog, *words: str, keys: str = "") -> tuple[Answer, str]:
    """The command with these lines typed; what it says on stdout alone."""
    config = str(blog.root / "crosspost.toml")
    result = CliRunner().invoke(group, ["--config", config, *words], input=keys)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert API_HASH not in result.output
    return Answer(result.exit_code, result.output), result.stdout


class Terminal:
    """The real program in a terminal; ends when the block does."""

    def __init__(self, blog: Blog, *words: str) -> None:
        self.text = ""
        self._hand, other = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "crosspost", *words],
            cwd=blog.root,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # Linux says EIO where the other side is closed
            while data := os.read(self._hand, 4096):
                self.text += data.decode(errors="replace")

    def until(self, words: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not re.search(words, self.text):
            assert time.monotonic() < end, self.text
            time.sleep(0.02)

    def type(self, line: str) -> None:
        os.write(self._hand, f"{line}\n".encode())

    def end(self) -> int:
        code = self.process.wait(20)
        self._reader.join(5)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.end()
        os.close(self._hand)


# --- Logging in ---------------------------------------------------------------------------------


def test_a_person_logs_in_at_a_terminal_with_code_and_password(
    blog: Blog, server: TelegramServer
) -> None:
    """The password is not shown, the session is the owner's alone, and the blog can be mirrored."""
    server.login.password = "солнце"
    with Terminal(blog, "login") as terminal:
        terminal.until("Phone number")
        terminal.type(PHONE)
        terminal.until(r"The code \(in Telegram")
        terminal.type(server.login.code)
        terminal.until("Two-step password")
        time.sleep(0.1)
        terminal.type("солнце")
        terminal.until("Logged in as Tester")
        assert terminal.end() == 0
    assert "солнце" not in terminal.text
    assert API_HASH not in terminal.text
    session = blog.root.parent / "telegram.session"
    assert session.stat().st_mode & 0o777 == 0o600
    assert blog.sync().code == 0
    assert blog.posts == [1]


def test_a_first_login_needs_no_session_and_forgives_a_wrong_code(
    server: TelegramServer, author: LiveChannel, tmp_path: Path
) -> None:
    server.give_keys()
    blog = live_blog(tmp_path / "blog", server, session="new")
    answer, _ = typed(blog, "login", "--phone", PHONE, keys="11111\n12345\n")
    assert answer.code == 0
    assert "That was not the code" in answer.text
    assert "Next: crosspost channels" in answer.text
    assert (blog.root / "new.session").stat().st_mode & 0o777 == 0o600


def test_a_login_as_a_string_is_printed_once_and_kept_nowhere(
    server: TelegramServer, author: LiveChannel, tmp_path: Path
) -> None:
    """It stands alone on stdout, so that it can go straight into a secret store; it works."""
    server.give_keys()
    blog = live_blog(tmp_path / "blog", server, session="new")
    answer, out = typed(blog, "login", "--string", "--phone", PHONE, keys="12345\n")
    assert answer.code == 0
    assert answer.text.count(out.strip()) == 1
    assert StringSession(out.strip()).auth_key
    assert not list(blog.root.glob("*.session"))
    made = live_blog(tmp_path / "other", server, session=out.strip())
    assert made.sync().code == 0
    assert made.posts == [1]
    assert not any(
        out.strip().encode() in path.read_bytes()
        for path in _files(made.root) - {made.root / "crosspost.toml"}
    )


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_qr_code_is_shown_and_logs_in(blog: Blog, server: TelegramServer) -> None:
    def scan() -> None:
        end = time.monotonic() + 10
        while "ExportLoginTokenRequest" not in server.requests and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)
        server.scan()

    person = threading.Thread(target=scan)
    person.start()
    answer, _ = typed(blog, "login", "--qr")
    person.join()
    assert answer.code == 0
    assert re.search("[▀▄█]{6}", answer.text)
    assert "Logged in as Tester" in answer.text


def test_logging_out_ends_the_login_there_and_here(blog: Blog, server: TelegramServer) -> None:
    typed(blog, "login", "--phone", PHONE, keys="12345\n")
    assert typed(blog, "logout")[0] == Answer(0, "Logged out.\n")
    assert not (blog.root.parent / "telegram.session").exists()
    assert typed(blog, "logout")[0] == Answer(0, "Nobody was logged in.\n")
    answer = blog.sync()
    assert answer.code == 3
    assert "crosspost login" in answer.text


def test_the_channels_of_the_account_are_listed_with_what_the_config_takes(
    blog: Blog, server: TelegramServer
) -> None:
    typed(blog, "login", "--phone", PHONE, keys="12345\n")
    server.world.channel("Закрытая", None).post("одна")
    answer, _ = typed(blog, "channels")
    assert answer.code == 0
    assert re.search(r"4900000017 +@workshop +Мастерская", answer.text)
    found = json.loads(typed(blog, "channels", "--json")[1])["channels"]
    closed: dict[str, Any] = next(one for one in found if one["title"] == "Закрытая")
    blog.configure(str(closed["id"]))
    assert blog.sync().code == 0
    assert blog.posts == [1]


# --- Waiting ------------------------------------------------------------------------------------


@pytest.fixture
def known(server: TelegramServer, author: LiveChannel, tmp_path: Path) -> Blog:
    """A blog whose session is a file of a person who is logged in."""
    session = server.session_file(tmp_path / "telegram.session")
    return live_blog(tmp_path / "blog", server, session=str(session))


@pytest.mark.slow
def test_a_pause_that_telegram_asks_for_is_shown(known: Blog, server: TelegramServer) -> None:
    server.fault("GetHistoryRequest", error="FLOOD_WAIT_2")
    with Terminal(known, "sync") as terminal:
        terminal.until("asks to wait 2 s")
        terminal.until("1 post read, 1 created.")
        assert terminal.end() == 0
    assert known.posts == [1]


def test_a_pause_beyond_patience_ends_the_run_with_7_and_the_next_goes_on(
    known: Blog, server: TelegramServer
) -> None:
    server.fault("GetHistoryRequest", error="FLOOD_WAIT_900", after=1)
    answer = known.sync()
    assert answer.code == 7
    assert "asks to wait 15 min" in answer.text
    assert known.sync().code == 0
    assert known.posts == [1]


@pytest.mark.slow
def test_one_session_is_never_used_by_two_processes(
    known: Blog, server: TelegramServer, author: LiveChannel
) -> None:
    """Telegram would end it for both. Another blog's run waits for nobody and says so: exit 5."""
    other = live_blog(
        known.root.parent / "other", server, session=str(known.root.parent / "telegram.session")
    )
    with Terminal(known, "watch") as terminal:
        terminal.until("1 post read, 1 created.")
        answer = other.sync()
        assert answer.code == 5
        assert "uses this Telegram session" in answer.text
        author.post()
        terminal.until("1 post read, 1 created.[^$]*1 post read, 1 created.")
    assert terminal.process.returncode == 0
    assert known.posts == [1, 2]
    assert other.sync().code == 0


def test_telegrams_own_trouble_while_connecting_is_a_sentence_not_the_end_of_watching(
    server: TelegramServer, author: LiveChannel, tmp_path: Path
) -> None:
    reader = TelegramReader.open(
        TelegramReader.Settings(**server.settings()),
        "@workshop",
        Context(base=tmp_path, cache=tmp_path),
    )
    reader.channel()
    server.restart()
    server.fault("GetConfigRequest", error="INTERDC_2_CALL_ERROR", code=500, times=4)
    with pytest.raises(Unreachable, match="trouble of its own"):
        reader.wait(0)
    reader.wait(0)
    reader.close()
