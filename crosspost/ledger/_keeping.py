"""Keeping a ledger for years: copies of it, what may be forgotten, whether it is sound, its rows.

What happens to the file as a whole (a copy taken back, rows saved from a damaged one) is in
``_saving``.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec

from crosspost.errors import LedgerError
from crosspost.ledger._file import explained
from crosspost.ledger._saving import written
from crosspost.ledger._uploads import Uploads
from crosspost.ledger.records import State, stamp
from crosspost.model import Post, decode_post, encode

Kind = Literal["posts", "deliveries", "runs", "history"]

_ROWS: Final[dict[str, str]] = {
    "posts": "SELECT blog, id, last_id, date, edited, gone, gone_at, stored_at, changed_at, reader,"
    " source, data FROM post {} ORDER BY blog, id",
    "deliveries": "SELECT * FROM delivery {} ORDER BY blog, post_id, site",
    "runs": "SELECT id, blog, command, started_at, ended_at, exit_code, summary FROM run {}"
    " ORDER BY id",
    "history": "SELECT id, at, run, blog, post_id, site, what, detail FROM event {} ORDER BY id",
}
_OVER: Final = ("gone", "withdrawn", "missing", "skipped")
"""States in which nothing of a deleted post is public."""
_LISTED: Final = 20


class Forgotten(NamedTuple):
    """How many of each were forgotten."""

    runs: int
    events: int
    posts: int


class Keeping(Uploads):
    """That part of the ledger."""

    def backup(self, to: Path) -> None:
        """Writes a copy to ``to``: the ledger as it is at one moment, whoever writes to it
        meanwhile; complete, sound and on the disk, or not there at all. Raises ``CrosspostError``
        when it cannot be written or is damaged. https://www.sqlite.org/backup.html"""
        with written(to) as part, explained(self.path):
            target = sqlite3.connect(part)
            try:
                self._db.backup(target)
                sound = target.execute("PRAGMA quick_check(1)").fetchone()[0]
            finally:
                target.close()
            if sound != "ok":
                raise LedgerError(
                    f"The ledger {self.path} is damaged ({sound}), so no copy was made of it and "
                    "older ones are kept. To put it right: crosspost compact --repair"
                )

    def last_turn(self, blog: str) -> str:
        """When a run last dealt with the blog, "" if never."""
        found = self._one(
            "SELECT max(at) FROM (SELECT max(started_at) AS at FROM run WHERE blog = ?1"
            " UNION ALL SELECT max(success_at) FROM target WHERE blog = ?1)",
            blog,
        )
        return found[0] or ""

    def last_run_of(self, command: str) -> str:
        """When this command last began, for whichever blog; "" if never."""
        found = self._one("SELECT max(started_at) FROM run WHERE command = ?", command)
        return found[0] or ""

    # --- What may be forgotten ---

    def forget(self, history: datetime, deleted: datetime | None) -> Forgotten:
        """Drops runs and lines of history from before ``history``, and the contents of posts
        that were deleted in Telegram before ``deleted`` and of which nothing is public. Such a
        post stays known by its ids, so that it cannot come back from an old export.

        A clock that is ahead forgets no more than what is that much older than the newest line."""
        with self.transaction():
            age = self.clock() - history
            began, happened = (
                self._one(f"SELECT max({column}) FROM {table}")[0]  # noqa: S608
                for table, column in (("run", "started_at"), ("event", "at"))
            )
            runs = self._do(
                "DELETE FROM run WHERE ended_at < ? AND id NOT IN"
                " (SELECT max(id) FROM run GROUP BY blog, command)",
                min(stamp(history), _before(began, age)),
            )
            events = self._do(
                "DELETE FROM event WHERE at < ?", min(stamp(history), _before(happened, age))
            )
            posts = self._empty(deleted) if deleted else 0
        return Forgotten(runs, events, posts)

    def _empty(self, deleted: datetime) -> int:
        rows = self._all(
            "SELECT blog, id, data FROM post WHERE gone = 'gone' AND gone_at < ?1 AND NOT EXISTS"
            " (SELECT 1 FROM delivery d WHERE d.blog = post.blog AND d.post_id = post.id"
            " AND d.state NOT IN (SELECT value FROM json_each(?2)))",
            stamp(deleted),
            json.dumps(_OVER),
        )
        emptied = 0
        for blog, post_id, data in rows:
            post = decode_post(data)
            bare = Post(
                channel_id=post.channel_id, id=post.id, ids=post.ids, date=post.date, url=post.url
            )
            if bare == post:
                continue
            emptied += 1
            self._do(
                "UPDATE post SET data = ? WHERE blog = ? AND id = ?",
                encode(bare).decode(),
                blog,
                post_id,
            )
            self._do(
                "UPDATE delivery SET title = '', theirs = '' WHERE blog = ? AND post_id = ?",
                blog,
                post_id,
            )
            for table in ("line", "sign", "edit", "event"):
                self._do(f"DELETE FROM {table} WHERE blog = ? AND post_id = ?", blog, post_id)  # noqa: S608
        return emptied

    def shrink(self) -> None:
        """Writes the file anew without what was deleted, overwriting that too. Needs room for a
        second copy. https://www.sqlite.org/lang_vacuum.html"""
        with explained(self.path):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA optimize")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # --- Whether it is sound ---

    def faults(self) -> list[str]:
        """What is wrong with the file or in it, each in a sentence; nothing when all is well."""
        try:
            found = self._db.execute(f"PRAGMA integrity_check({_LISTED})").fetchall()
        except sqlite3.OperationalError:
            with explained(self.path):
                raise
        except sqlite3.DatabaseError as error:
            found = [(error,)]
        damage = [str(row[0]) for row in found if row[0] != "ok"]
        if damage:
            return [f"The file is damaged: {line}" for line in damage]
        faults = [
            f"{blog}/{id_}: what was stored of it cannot be read" for blog, id_ in self._unread()
        ]
        faults += [
            f"{blog}/{post_id} → {site}: its post is not there"
            for blog, post_id, site in self._orphans()
        ]
        strange = self._all(
            "SELECT blog, post_id, site, state FROM delivery WHERE state NOT IN"
            " (SELECT value FROM json_each(?)) LIMIT ?",
            json.dumps(get_args(State)),
            _LISTED,
        )
        return faults + [
            f"{blog}/{post_id} → {site}: there is no state «{state}»"
            for blog, post_id, site, state in strange
        ]

    def _unread(self) -> Iterator[tuple[str, int]]:
        for blog, post_id, data in self._db.execute("SELECT blog, id, data FROM post"):
            try:
                decode_post(data)
            except (msgspec.DecodeError, UnicodeError, TypeError):
                yield blog, post_id

    def _orphans(self) -> list[tuple[str, int, str]]:
        return self._all(
            "SELECT blog, post_id, site FROM delivery d WHERE due = 1 AND NOT EXISTS"
            " (SELECT 1 FROM post p WHERE p.blog = d.blog AND p.id = d.post_id)"
        )

    def rebuild(self) -> None:
        """Makes the indexes anew from the tables, where that is possible at all."""
        with suppress(sqlite3.DatabaseError):
            self._db.execute("REINDEX")

    def mend(self) -> None:
        """Puts right what ``faults`` finds in a file that is not damaged. What cannot be read is
        read again at its source, what stands on a site is found there."""
        with self.transaction():
            for blog, post_id in list(self._unread()):
                self._do("DELETE FROM post WHERE blog = ? AND id = ?", blog, post_id)
            self._do(
                "UPDATE delivery SET due = 0 WHERE NOT EXISTS (SELECT 1 FROM post p WHERE"
                " p.blog = delivery.blog AND p.id = delivery.post_id)"
            )
            self._do(
                "UPDATE delivery SET state = 'sending', due = 1, not_before = '' WHERE state NOT IN"
                " (SELECT value FROM json_each(?))",
                json.dumps(get_args(State)),
            )
            self.read_again()

    def read_again(self) -> None:
        """Every source is read from its beginning by the next run; what is known is left alone."""
        self._do("DELETE FROM cursor")

    # --- Its rows ---

    def rows(self, kind: Kind, blogs: Collection[str]) -> Iterator[dict[str, Any]]:
        """Rows of these blogs by column, one at a time; a post as ``post``, the record."""
        where = f"WHERE blog IN ({', '.join('?' * len(blogs))})" if blogs else ""
        with explained(self.path):
            cursor = self._db.execute(_ROWS[kind].format(where), tuple(blogs))
            names = [column[0] for column in cursor.description]
            for row in cursor:
                told = dict(zip(names, row, strict=True))
                if kind == "posts":
                    told["post"] = msgspec.json.decode(told.pop("data"))
                elif kind == "deliveries":
                    told["due"] = bool(told["due"])
                yield told


def _before(moment: str | None, span: timedelta) -> str:
    """That much before a time of the ledger."""
    return stamp(datetime.fromisoformat(moment) - span) if moment else "9"
