"""Logging in to Telegram and out, against a server of our own."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from telegram_server import TelegramServer
from telethon.tl import types

from crosspost.errors import Busy, Later, ReaderError
from crosspost.readers.telegram import TelegramSettings, account


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


class Person:
    """Answers what the login asks, each time with the next of what it was given."""

    def __init__(
        self, phone: str = "+79991234567", code: str = "12345", password: str = ""
    ) -> None:
        self.phones = phone.split()
        self.codes = code.split()
        self.passwords = password.split()
        self.heard: list[str] = []
        self.urls: list[str] = []
        self.shown = threading.Event()

    def phone(self) -> str:
        return self.phones.pop(0)

    def code(self, sent: str) -> str:
        self.heard.append(f"sent {sent}")
        return self.codes.pop(0)

    def password(self, hint: str) -> str:
        self.heard.append(f"hint {hint}")
        return self.passwords.pop(0)

    def show(self, url: str) -> None:
        self.urls.append(url)
        self.shown.set()

    def say(self, sentence: str) -> None:
        self.heard.append(sentence)


@pytest.fixture
def settings(server: TelegramServer, tmp_path: Path) -> TelegramSettings:
    """Settings whose session exists, but in which nobody is logged in yet."""
    server.session_file(tmp_path / "telegram.session", logged_in=False)
    return TelegramSettings(**server.settings(session="telegram.session"))


def test_a_code_logs_in_and_the_session_is_its_owners_alone(
    settings: TelegramSettings, tmp_path: Path
) -> None:
    (tmp_path / "telegram.session").chmod(0o644)
    person = Person()
    who = account.login(settings, tmp_path, person)
    assert (who.name, who.username) == ("Tester", "me")
    assert who.file == str(tmp_path / "telegram.session")
    assert Path(who.file).stat().st_mode & 0o777 == 0o600
    assert person.heard == ["sent in Telegram, from the official «Telegram» chat"]
    assert account.whoami(settings, tmp_path) == who


def test_a_first_login_needs_no_session(server: TelegramServer, tmp_path: Path) -> None:
    server.give_keys()
    made = TelegramSettings(**server.settings(session="new"))
    who = account.login(made, tmp_path, Person())
    assert who.file == str(tmp_path / "new.session")
    assert Path(who.file).stat().st_mode & 0o777 == 0o600
    assert account.whoami(made, tmp_path).id == 777


def test_a_login_may_be_a_text_instead_of_a_file(server: TelegramServer, tmp_path: Path) -> None:
    server.give_keys()
    made = TelegramSettings(**server.settings(session="new"))
    who = account.login(made, tmp_path, Person(), text=True)
    assert list(tmp_path.iterdir()) == []
    again = TelegramSettings(**server.settings(session=who.text))
    assert again.session_string
    assert account.whoami(again, tmp_path).id == 777
    assert who.text not in str(again)


def test_what_is_mistyped_may_be_typed_again(
    server: TelegramServer, settings: TelegramSettings, tmp_path: Path
) -> None:
    server.login.password = "секрет"
    person = Person("123 +79991234567", "11111 12345", "тайна секрет")
    assert account.login(settings, tmp_path, person).id == 777
    assert "That was not the code." in person.heard
    assert "hint the usual" in person.heard
    assert "That was not the password." in person.heard
    assert any("phone number" in one for one in person.heard)


def test_three_wrong_codes_end_it(settings: TelegramSettings, tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="not the code, 3 times"):
        account.login(settings, tmp_path, Person(code="1 2 3"))
    with pytest.raises(ReaderError, match="crosspost login"):
        account.whoami(settings, tmp_path)


def test_who_is_logged_in_is_not_asked_again(server: TelegramServer, tmp_path: Path) -> None:
    server.session_file(tmp_path / "telegram.session")
    made = TelegramSettings(**server.settings(session="telegram.session"))
    assert account.login(made, tmp_path, Person("")).id == 777


@pytest.mark.parametrize("password", ["", "секрет"])
def test_a_qr_code_logs_in(
    server: TelegramServer, settings: TelegramSettings, tmp_path: Path, password: str
) -> None:
    server.login.password = password
    person = Person(password=password)

    def scan() -> None:
        person.shown.wait(5)
        time.sleep(0.1)
        server.scan()

    other = threading.Thread(target=scan)
    other.start()
    assert account.login(settings, tmp_path, person, qr=True).id == 777
    other.join()
    assert person.urls[0].startswith("tg://login?token=")


@pytest.mark.parametrize(
    ("error", "told", "kind"),
    [
        ("PHONE_NUMBER_BANNED", "banned this number", ReaderError),
        ("PHONE_NUMBER_FLOOD", "try again tomorrow", ReaderError),
        ("FLOOD_WAIT_8000", "asks to wait 2 h 13 min 20 s", Later),
        ("API_ID_INVALID", "https://my.telegram.org", ReaderError),
    ],
)
def test_what_telegram_refuses_is_a_sentence(
    server: TelegramServer,
    settings: TelegramSettings,
    tmp_path: Path,
    error: str,
    told: str,
    kind: Any,
) -> None:
    server.fault("SendCodeRequest", error=error)
    with pytest.raises(kind, match=told):
        account.login(settings, tmp_path, Person())


def test_a_session_in_use_is_not_logged_in_to(settings: TelegramSettings, tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / "telegram.session.lock"), pytest.raises(Busy):
        account.login(settings, tmp_path, Person())


def test_a_string_that_is_a_login_already_is_not_overwritten(
    server: TelegramServer, tmp_path: Path
) -> None:
    made = TelegramSettings(**server.settings())
    with pytest.raises(ReaderError, match="a login already"):
        account.login(made, tmp_path, Person())


def test_logging_out_ends_the_session_there_and_here(
    server: TelegramServer, tmp_path: Path
) -> None:
    path = server.session_file(tmp_path / "telegram.session")
    made = TelegramSettings(**server.settings(session="telegram.session"))
    assert account.logout(made, tmp_path)
    assert not path.exists()
    assert not server.login.keys
    assert not account.logout(made, tmp_path)


def test_the_channels_of_the_account_are_listed_with_their_ids(
    server: TelegramServer, tmp_path: Path
) -> None:
    shown = server.world.channel("Мастерская", "workshop")
    shown.post("одна")
    closed = server.world.channel("Закрытая", None)
    closed.post("одна")
    server.world.channel("Беседа", "group", broadcast=False, megagroup=True).post("одна")
    server.world.channel("Чужая", "strange", member=False).post("одна")
    server.world.chats[9] = types.ChannelForbidden(9, 1, "Прежняя", broadcast=True)
    found = account.channels(TelegramSettings(**server.settings()), tmp_path)
    assert [(one.id, one.title, one.username) for one in found] == [
        (closed.id, "Закрытая", ""),
        (shown.id, "Мастерская", "workshop"),
        (9, "Прежняя", ""),
    ]
    assert [bool(one.why) for one in found] == [False, False, True]
