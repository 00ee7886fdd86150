"""The ledger's file: opened, copied for a rehearsal, written in transactions, and a sentence for
whatever is wrong with it."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import msgspec

from crosspost.errors import LedgerError
from crosspost.ledger import schema
from crosspost.ledger.records import now


class File:
    """An open ledger. One thread at a time; any number of processes.

    Every method raises ``LedgerError`` when the file cannot be used. Methods that write do so in
    a transaction of their own unless ``transaction()`` is open around them.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        clock: Callable[[], datetime] = now,
        folder: "TemporaryDirectory[str] | None" = None,
    ) -> None:
        self.path = path
        self.rehearsing = folder is not None
        self.scratch = Path(folder.name) if folder else None
        self.clock = clock
        self.run_id = 0
        self._db = connection
        self._folder = folder
        self._depth = 0

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], datetime] = now) -> Self:
        """The ledger at ``path``, made for its owner's eyes alone when absent. Raises
        ``LedgerError`` when it is damaged, of a newer version, or cannot be written."""
        with explained(path):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = _connect(path, keep=path)
        return cls(connection, path, clock)

    @classmethod
    def rehearsal(cls, path: Path, *, clock: Callable[[], datetime] = now) -> Self:
        """A copy of the ledger at ``path`` (an empty one if there is none), deleted when closed:
        whatever a run does with it changes nothing."""
        folder = TemporaryDirectory(prefix="crosspost-", ignore_cleanup_errors=True)
        try:
            with explained(path):
                copy = Path(folder.name) / "rehearsal.db"
                if path.exists():
                    _copied(path, copy)
                connection = _connect(copy)
        except BaseException:
            folder.cleanup()
            raise
        return cls(connection, path, clock, folder)

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()
        if self._folder:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All of it or nothing; durable when it ends. May be nested, the outermost counts."""
        return explained(self.path) if self._depth else self._outermost()

    @contextmanager
    def _outermost(self) -> Iterator[None]:
        with explained(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled back already
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def _all(self, sql: str, *values: Any) -> list[Any]:
        with explained(self.path):
            return self._db.execute(sql, values).fetchall()

    def _one(self, sql: str, *values: Any) -> Any:
        with explained(self.path):
            return self._db.execute(sql, values).fetchone()

    def _do(self, sql: str, *values: Any) -> int:
        with self.transaction():
            return self._db.execute(sql, values).rowcount


def _connect(path: Path, keep: Path | None = None) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > schema.VERSION:
            raise LedgerError(
                f"The ledger {path} was written by a newer Crosspost (its version is {version}, "
                f"this one knows {schema.VERSION}). Update Crosspost: pip install -U crosspost"
            )
        db.execute("PRAGMA synchronous = FULL")
        if version < schema.VERSION:
            _migrate(db, keep)
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, keep: Path | None) -> None:
    """Makes or renews the tables at one stroke. The way back to an older Crosspost is a copy of the
    ledger ``keep`` as it was, beside it. Several processes may meet here: SQLite does not
    wait for its lock where the journal's mode changes, so we do."""
    for pause in (*(0.05,) * 200, None):
        try:
            db.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if pause is None or "locked" not in str(error):
                raise
            time.sleep(pause)
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version < schema.VERSION:
            if keep and version:
                older = keep.with_name(f"{keep.name}.v{version}")
                os.close(os.open(older, os.O_CREAT | os.O_RDWR, 0o600))
                _copied(keep, older)
            schema.migrate(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _copied(path: Path, copy: Path) -> None:
    """Copies the ledger and leaves nothing beside it: opened read-only, SQLite does not take away
    the files it makes for reading, so that is only for a ledger in use. One that nobody uses and
    that we may not write is read as it lies (https://www.sqlite.org/wal.html#readonly)."""
    used = path.with_name(f"{path.name}-wal").exists()
    ways = ("mode=ro",) if used else ("mode=rw", "mode=ro&immutable=1")
    for way in ways:
        source = sqlite3.connect(f"{path.absolute().as_uri()}?{way}", uri=True, timeout=60)
        target = sqlite3.connect(copy)
        try:
            source.execute("PRAGMA query_only = 1")
            source.backup(target)
        except sqlite3.OperationalError:
            if way == ways[-1]:
                raise
        else:
            return
        finally:
            source.close()
            target.close()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns trouble with the file into a sentence."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise LedgerError(f"The ledger {path} cannot be used: {error}. {_remedy(error)}") from error
    except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
        raise LedgerError(
            f"{path} is no ledger, or is damaged ({error}). Restore it from a backup; without one, "
            "move it away and run again: what is on the sites is found there, not sent twice."
        ) from error
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be opened: {error.strerror}. Check «ledger» in the config "
            "and the permissions of its folder."
        ) from error


def _remedy(error: sqlite3.OperationalError) -> str:
    text = str(error)
    if "full" in text:
        return "Make room on its disk and run again; nothing is lost."
    if "locked" in text or "busy" in text:
        return "Another program holds it; run again when that is done."
    return (
        "Check the permissions of the file and its folder, the room on its disk, and how many "
        "files may be open (ulimit -n)."
    )
