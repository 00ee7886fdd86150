"""The ledger's file as a whole: written anew beside the old one, taken back from a copy, saved row
by row from a damaged one."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from shutil import copy2
from tempfile import NamedTemporaryFile
from typing import Final

from crosspost.errors import CrosspostError, LedgerError
from crosspost.ledger import schema
from crosspost.ledger._file import _copied, explained

_OURS: Final = frozenset({"blog", "cursor", "post", "target", "delivery", "upload", "run", "event"})
_UNKNOWN: Final = "restored"
"""Stands in ``sending`` for digests that the copy does not know."""
_SIDES: Final = ("", "-wal", "-shm")


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A file that appears complete and on the disk, for its owner's eyes alone, or not at all.
    Gives the path to write to. Raises ``CrosspostError`` where it cannot be written."""
    part = None
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as made:
            part = Path(made.name)
        yield part
        for place, how in ((part, os.O_RDWR), (path.parent, os.O_RDONLY)):
            handle = os.open(place, how)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            if place == part:
                part.replace(path)
    except OSError as error:
        raise CrosspostError(
            f"{path} cannot be written: {error.strerror or error}. Look at its folder and the "
            "room on its disk, or name another file"
        ) from error
    finally:
        if part:
            part.unlink(missing_ok=True)


def restore(copy: Path, ledger: Path, now: datetime) -> Path | None:
    """Makes ``ledger`` what ``copy`` is, and answers where the old one stands now, beside it.

    It happens at one stroke, and whoever has the ledger open sees it. What was sent since the copy
    is unknown to it, so the site is looked at before an article is changed. Raises ``LedgerError``,
    with nothing changed, when ``copy`` is damaged, no ledger, or of a newer version.
    """
    if not copy.is_file():
        raise LedgerError(f"There is no file {copy} to restore the ledger from")
    if ledger.exists() and copy.samefile(ledger):
        raise LedgerError(f"{copy} is the ledger itself; name a copy made by crosspost backup")
    with explained(ledger):
        ledger.parent.mkdir(parents=True, exist_ok=True)
    with _spare(ledger) as checked:
        _check(copy, checked)
        _doubt(checked)
        kept = _put_aside(ledger, now) if ledger.exists() else None
        with explained(ledger):
            _poured(checked, ledger)
    return kept


@contextmanager
def _spare(ledger: Path) -> Iterator[Path]:
    """A file beside the ledger, gone in the end."""
    with explained(ledger), NamedTemporaryFile(dir=ledger.parent, prefix=".restore-") as made:
        place = Path(made.name)
    try:
        yield place
    finally:
        for side in _SIDES:
            place.with_name(place.name + side).unlink(missing_ok=True)


def _check(copy: Path, place: Path) -> None:
    """Puts the copy at ``place``, and raises ``LedgerError`` unless it can be the ledger."""
    remedy = "Nothing was changed; restore another copy."
    try:
        _copied(copy, place)
        db = sqlite3.connect(place)
        try:
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
            version = db.execute("PRAGMA user_version").fetchone()[0]
            sound = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        finally:
            db.close()
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"{copy} is no ledger, or is damaged ({error}). {remedy}") from error
    if not tables >= _OURS:
        raise LedgerError(f"{copy} is a SQLite file, but no ledger of Crosspost. {remedy}")
    if version > schema.VERSION:
        raise LedgerError(
            f"{copy} was written by a newer Crosspost (its version is {version}, this one knows "
            f"{schema.VERSION}). Nothing was changed. Update Crosspost: pip install -U crosspost"
        )
    if sound != "ok":
        raise LedgerError(f"{copy} is damaged ({sound}). {remedy}")


def _doubt(place: Path) -> None:
    """Any of these articles may have been sent again since: ``deliver`` looks, and takes what is
    there for ours if it is what would be sent now."""
    db = sqlite3.connect(place)
    with db:
        db.execute(
            "UPDATE delivery SET sending = ? WHERE remote_id != '' AND digest != ''"
            " AND sending = ''",
            (_UNKNOWN,),
        )
    db.close()


def _put_aside(ledger: Path, now: datetime) -> Path:
    """A copy of the ledger beside it. One too damaged to be copied is moved there as it lies."""
    name = f"{ledger.name}.before-{now:%Y%m%dT%H%M%SZ}"
    kept, number = ledger.with_name(name), 2
    while kept.exists():  # of the same second
        kept, number = ledger.with_name(f"{name}-{number}"), number + 1
    try:
        with written(kept) as part:
            _copied(ledger, part)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            with explained(ledger):
                raise
        with explained(ledger):
            for side in reversed(_SIDES):
                with suppress(FileNotFoundError):
                    ledger.with_name(ledger.name + side).replace(kept.with_name(kept.name + side))
    return kept


def _poured(copy: Path, ledger: Path) -> None:
    os.close(os.open(ledger, os.O_CREAT | os.O_RDWR, 0o600))
    source, target = sqlite3.connect(copy), sqlite3.connect(ledger, timeout=60)
    try:
        target.execute("PRAGMA synchronous = FULL")
        source.backup(target)
        target.execute("PRAGMA journal_mode = WAL")
    finally:
        source.close()
        target.close()


def saved(ledger: Path, now: datetime) -> Path:
    """Makes a new ledger of all the rows that a damaged one still gives, and answers where the
    damaged one stands now. The next run reads every source again and looks at every post, since
    posts and deliveries may be among what was lost; what stands on a site is found there."""
    kept = ledger.with_name(f"{ledger.name}.damaged-{now:%Y%m%dT%H%M%SZ}")
    with explained(ledger), _spare(ledger) as place:
        whole = sqlite3.connect(place, isolation_level=None)
        broken = sqlite3.connect(ledger, isolation_level=None)
        try:
            schema.migrate(whole)
            whole.execute("BEGIN")
            for (table,) in _tables(whole):
                _rescue(broken, whole, table)
            whole.execute(  # of a run that is lost, so that no new one has its number
                "INSERT OR IGNORE INTO run (id, blog, command, started_at, ended_at)"
                " SELECT run, min(blog), 'unknown', min(at), max(at) FROM event WHERE run > 0"
                " GROUP BY run"
            )
            whole.execute("DELETE FROM cursor")
            whole.execute("UPDATE target SET style = ''")
            whole.execute("COMMIT")
        finally:
            whole.close()
            broken.close()
        for side in _SIDES:
            with suppress(FileNotFoundError):
                copy2(ledger.with_name(ledger.name + side), kept.with_name(kept.name + side))
        _poured(place, ledger)  # in its place: whoever has it open goes on with this one
    return kept


def _tables(db: sqlite3.Connection) -> list[tuple[str]]:
    return db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
        " ESCAPE '\\' AND name NOT LIKE '\\_%' ESCAPE '\\'"
    ).fetchall()


def _rescue(broken: sqlite3.Connection, whole: sqlite3.Connection, table: str) -> None:
    """Copies what can be read of a table: from its beginning to the damage, and from its end."""
    columns = whole.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)).fetchall()
    names = ", ".join(name for name, _ in columns)
    keys = [name for name, place in sorted(columns, key=lambda one: one[1]) if place]
    marks = ", ".join("?" * len(columns))
    for way in ("ASC", "DESC"):
        order = ", ".join(f"{key} {way}" for key in keys)
        with suppress(sqlite3.DatabaseError):
            rows = broken.execute(f"SELECT {names} FROM {table} NOT INDEXED ORDER BY {order}")  # noqa: S608
            whole.executemany(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608
