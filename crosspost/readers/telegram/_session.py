"""The login: a file that Telethon keeps, or a text; locked, and readable by its owner alone.

Nobody's name is written into the file: what a channel's name leads to is remembered elsewhere.
"""

from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from crosspost.errors import Busy, ReaderError
from crosspost.readers.telegram import _trouble
from crosspost.readers.telegram._settings import TelegramSettings


def path_of(settings: TelegramSettings, base: Path) -> Path:
    """Where the session's file is. Telethon insists on its suffix."""
    path = base / Path(settings.session.get_secret_value()).expanduser()
    return path if path.suffix == ".session" else path.with_name(path.name + ".session")


def key(settings: TelegramSettings, base: Path) -> str:
    """What names a session in this process, without giving it away."""
    if settings.session_string:
        return sha256(settings.session_string.encode()).hexdigest()[:32]
    return str(path_of(settings, base).absolute())


def locked(settings: TelegramSettings, base: Path) -> Any:
    """The lock of the session, held; it dies with the process. Raises ``Busy``, ``ReaderError``."""
    from filelock import FileLock, Timeout

    name = key(settings, base)
    path = Path(f"{name}.lock")
    if settings.session_string:
        path = Path(gettempdir()) / f"crosspost-{name}.lock"
    if not path.parent.is_dir():
        raise ReaderError(f"There is no folder {path.parent} for the Telegram session")
    lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise Busy(
            "Another crosspost uses this Telegram session: wait for it to end, or log in "
            "with a session of its own for this one"
        ) from error
    except OSError as error:
        raise unusable(settings, base, error) from error
    return lock


def opened(settings: TelegramSettings, base: Path, *, fresh: bool, text: bool) -> Any:
    """Telethon's session. ``fresh``: also without a login in it; ``text``: a new StringSession.
    Raises ``ReaderError``."""
    from telethon.sessions import StringSession  # type: ignore[import-untyped]

    if text:
        session = StringSession()
    elif settings.session_string:
        session = _from_text(settings.session_string)
    else:
        session = _from_file(settings, base, fresh)
    if not fresh and not session.auth_key:
        raise ReaderError(_trouble.ACCOUNT["AuthKeyUnregisteredError"])
    if server := settings.server:
        session.set_dc(server.dc, server.address, server.port)
    return session


def unusable(settings: TelegramSettings, base: Path, error: Exception) -> ReaderError:
    """The session's file is damaged, locked or out of reach."""
    return ReaderError(
        f"The Telegram session {path_of(settings, base)} cannot be used ({error}): mend that, or "
        "delete the file and run «crosspost login»"
    )


def _from_text(text: str) -> Any:
    from telethon.sessions import StringSession

    try:
        return StringSession(text)
    except Exception as error:
        raise ReaderError(
            "The Telegram session is not complete: copy it again, or run «crosspost login»"
        ) from error


def _from_file(settings: TelegramSettings, base: Path, fresh: bool) -> Any:
    from sqlite3 import DatabaseError

    from telethon.sessions import SQLiteSession

    path = path_of(settings, base)
    if not fresh and not path.exists():
        raise ReaderError(
            f"No one is logged in to Telegram ({path} does not exist): run «crosspost login»"
        )
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
        session = SQLiteSession(str(path))
    except (OSError, DatabaseError) as error:
        raise unusable(settings, base, error) from error
    session.save_entities = False
    return session
