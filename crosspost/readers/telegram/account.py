"""Logging in to Telegram and out, and what the account sees: what the commands are made of.

Nothing here reads the keyboard or writes to the screen: whoever calls gives a ``Talk``.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from crosspost.errors import ReaderError
from crosspost.model import Record
from crosspost.readers.telegram import _trouble
from crosspost.readers.telegram._channel import dialogs
from crosspost.readers.telegram._link import Link, link
from crosspost.readers.telegram._peers import public_name
from crosspost.readers.telegram._session import path_of
from crosspost.readers.telegram._settings import TelegramSettings

API_ID: Final = (
    "api_id and api_hash name this installation to Telegram: log in at https://my.telegram.org, "
    "open «API development tools», fill in a title and a short name of your choice, and copy both"
)
"""Where api_id comes from, for the command's help."""
_TRIES: Final = 3
_CODES: Final = 10
"""How many QR codes are shown before we give up; each is valid for half a minute."""
_SENT: Final = {
    "SentCodeTypeApp": "in Telegram, from the official «Telegram» chat",
    "SentCodeTypeSms": "by SMS",
    "SentCodeTypeCall": "by a phone call that says it",
    "SentCodeTypeFlashCall": "by a phone call: the caller's number holds it",
    "SentCodeTypeMissedCall": "by a missed call: the caller's last digits are the code",
    "SentCodeTypeEmailCode": "by e-mail",
    "SentCodeTypeFragmentSms": "at https://fragment.com",
}
_WRONG: Final = {
    "PhoneNumberInvalidError": "That is no phone number of Telegram: write it with +, like +7…",
    "PhoneNumberUnoccupiedError": "No Telegram account has this number",
    "PhoneCodeInvalidError": "That was not the code",
    "PhoneCodeEmptyError": "That was not the code",
    "PasswordHashInvalidError": "That was not the password",
}
"""What may be tried again."""
_OVER: Final = {
    "PhoneNumberBannedError": "Telegram has banned this number",
    "PhoneNumberFloodError": "Too many logins with this number today: try again tomorrow",
    "PhonePasswordFloodError": "Too many wrong passwords: try again tomorrow",
    "PhoneCodeExpiredError": "The code has expired: run the login again",
    "SendCodeUnavailableError": "Telegram sends no more codes to this number now: try later",
}


class Talk(Protocol):
    """Whom the login asks. Every method may raise ``KeyboardInterrupt``."""

    def phone(self) -> str:
        """The account's phone number."""

    def code(self, sent: str) -> str:
        """The login code; ``sent`` says as a clause how Telegram sends it."""

    def password(self, hint: str) -> str:
        """The two-step password; ``hint`` is what its owner noted, or ""."""

    def show(self, url: str) -> None:
        """Shows ``url`` as a QR code; called again when that one has expired."""

    def say(self, sentence: str) -> None:
        """Tells the user something."""


class Account(Record, frozen=True):
    """Who is logged in, and where: the session's file, or the StringSession itself, a secret."""

    id: int
    name: str
    username: str = ""
    file: str = ""
    text: str = ""


class Listed(Record, frozen=True):
    """A channel that the account sees. ``why`` says as a clause why it cannot be mirrored."""

    id: int
    title: str
    username: str = ""
    why: str = ""


def login(
    settings: TelegramSettings, base: Path, talk: Talk, *, qr: bool = False, text: bool = False
) -> Account:
    """Logs in and leaves the session in its file, readable by its owner alone; or, with ``text``,
    answers it as a StringSession. Raises ``ReaderError``, ``Busy``, ``Later``."""
    if settings.session_string and not text:
        raise ReaderError(
            "«session» in [telegram] is a StringSession, which is a login already: remove it to "
            "log in anew"
        )
    way = Link(settings, base, fresh=True, text=text)
    try:
        me = way.stream(lambda client: client.get_me())
        if me is None:
            me = _scanned(way, talk) if qr else _called(way, talk)
        file = "" if text else str(path_of(settings, base))
        return _account(me, file, way.stream(_string) if text else "")
    finally:
        way.shut()


def logout(settings: TelegramSettings, base: Path) -> bool:
    """Ends the login at Telegram and deletes the session's file. False when there was none.
    Raises ``ReaderError``, ``Busy``."""
    path = path_of(settings, base)
    if not settings.session_string and not path.exists():
        return False
    way = Link(settings, base, fresh=True)
    try:
        return bool(way.stream(lambda client: client.log_out()))
    finally:
        way.shut()
        if not settings.session_string:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def whoami(settings: TelegramSettings, base: Path) -> Account:
    """Who is logged in. Raises ``ReaderError`` when nobody is."""
    from telethon.tl.functions.users import GetUsersRequest  # type: ignore[import-untyped]
    from telethon.tl.types import InputUserSelf  # type: ignore[import-untyped]

    way = link(settings, base)
    try:
        file = "" if settings.session_string else str(path_of(settings, base))
        [me] = way.ask(GetUsersRequest([InputUserSelf()]))
        return _account(me, file)
    finally:
        way.close()


def channels(settings: TelegramSettings, base: Path) -> list[Listed]:
    """The channels in the account's list of chats, those that can be mirrored first. Raises
    ``ReaderError``."""
    way = link(settings, base)
    try:
        found = [_listed(chat) for chat in dialogs(way) if _is_channel(chat)]
    finally:
        way.close()
    return sorted(found, key=lambda one: (bool(one.why), one.title.casefold()))


def _is_channel(chat: Any) -> bool:
    return bool(getattr(chat, "broadcast", None))


def _listed(chat: Any) -> Listed:
    why = ""
    if type(chat).__name__ == "ChannelForbidden":
        why = "it has shut this account out"
    elif chat.restricted and any(one.platform == "all" for one in chat.restriction_reason or ()):
        why = "Telegram does not show it to anyone"
    return Listed(id=chat.id, title=chat.title, username=public_name(chat), why=why)


def _account(me: Any, file: str, text: str = "") -> Account:
    name = " ".join(filter(None, (me.first_name, me.last_name)))
    return Account(id=me.id, name=name, username=me.username or "", file=file, text=text)


async def _string(client: Any) -> str:
    return str(client.session.save())


# --- Phone, code, password --------------------------------------------------------------------


def _called(way: Link, talk: Talk) -> Any:
    """The account, by phone number and code."""

    def send() -> tuple[str, str]:
        phone = talk.phone()
        sent = way.stream(lambda client: client.send_code_request(phone))
        kind = type(sent.type).__name__
        return phone, _SENT.get(kind, "by a way that this program does not know")

    phone, sent = _tried(talk, send)

    def enter() -> Any:
        code = talk.code(sent)
        return way.stream(lambda client: client.sign_in(phone, code))

    return _with_password(way, talk, lambda: _tried(talk, enter))


def _with_password(way: Link, talk: Talk, enter: Callable[[], Any]) -> Any:
    """The account that ``enter`` leads to, by its password where it has one."""
    try:
        return enter()
    except Exception as error:
        if type(error).__name__ != "SessionPasswordNeededError":
            raise
    from telethon.tl.functions.account import (  # type: ignore[import-untyped]
        GetPasswordRequest,
    )

    hint = way.ask(GetPasswordRequest()).hint or ""

    def unlock() -> Any:
        password = talk.password(hint)
        return way.stream(lambda client: client.sign_in(password=password))

    return _tried(talk, unlock)


def _tried(talk: Talk, step: Callable[[], Any]) -> Any:
    """The step's outcome; what was mistyped may be typed again."""
    for left in range(_TRIES - 1, -1, -1):
        try:
            return step()
        except Exception as error:
            name = type(error).__name__
            if name in _OVER:
                raise ReaderError(_OVER[name]) from error
            if name not in _WRONG:
                raise _ended(error) from error.__cause__
            if not left:
                raise ReaderError(
                    f"{_WRONG[name]}, {_TRIES} times: look it up and try again"
                ) from (error)
            talk.say(f"{_WRONG[name]}.")
    raise AssertionError("unreachable")


def _ended(error: Exception) -> Exception:
    """Telegram's refusal as a sentence, anything else as it is."""
    name = type(error).__name__
    if name == "SessionPasswordNeededError" or not hasattr(error, "message"):
        return error
    return _trouble.sentence(error, "the account")


# --- QR code ----------------------------------------------------------------------------------


def _scanned(way: Link, talk: Talk) -> Any:
    """The account, by a QR code that is scanned in Telegram (Settings → Devices)."""

    def scan() -> Any:
        for _ in range(_CODES):
            code = way.stream(lambda client: client.qr_login())
            talk.show(code.url)
            me = way.run(_awaited(code))
            if me is not None:
                return me
        raise ReaderError("Nobody has scanned the QR code: run the login again")

    return _with_password(way, talk, scan)


async def _awaited(code: Any) -> Any:
    """The account, None when the code has expired."""
    try:
        return await code.wait()
    except TimeoutError:
        return None
