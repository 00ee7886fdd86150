"""The ledger: what was read, what was delivered, what is due. The only SQL of Crosspost.

    Ledger.open(path)        the file, made or migrated when needed
    Ledger.rehearsal(path)   a copy that vanishes, for ``--dry-run`` and ``preview``

The two halves of a run meet here and nowhere else. Reading stores posts and, in the same
transaction, marks their deliveries due; delivering asks what is due, writes down what it is about
to do (``sending``) and, after the site's answer, what became of it (``live``). What is due is a
query over a partial index, so a run with nothing to do costs the same however long the history.

SQLite in WAL mode with ``synchronous=FULL``: a commit has reached the disk when it returns
(https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, Self

import msgspec

from crosspost.errors import LedgerError
from crosspost.ledger import schema
from crosspost.model import (
    Channel,
    Post,
    Record,
    Upload,
    decode_post,
    decode_upload,
    encode,
    fingerprint,
)

State = Literal[
    "new",  # never sent
    "sending",  # about to be sent, or nobody knows
    "live",
    "held",  # waits for a person
    "skipped",  # a rule, a setting or a person says: not here
    "failed",  # the site said no
    "conflict",  # a person changed it on the site, and it changed in Telegram
    "missing",  # a person removed it from the site
    "withdrawn",  # a draft there, because the post is gone
    "gone",  # the post is gone and nothing of it is there
]
WAITING: Final = ("held", "failed", "conflict", "missing")
"""States that need a person."""

Stored = Literal["new", "changed", "same", "back"]


class Delivery(Record, frozen=True):
    """One post on one site.

    ``digest`` is that of the article the site has of us, ``sending`` of the one on its way.
    ``word`` is what a person decided: ``publish``, ``skip``, ``ours``, ``theirs`` or "".
    ``theirs`` is the site's text when it is a conflict. ``not_before`` is a time in UTC.
    """

    blog: str
    post_id: int
    site: str
    state: State = "new"
    due: bool = True
    not_before: str = ""
    word: str = ""
    slug: str = ""
    title: str = ""
    digest: str = ""
    sending: str = ""
    remote_id: str = ""
    url: str = ""
    version: str = ""
    reason: str = ""
    remedy: str = ""
    theirs: str = ""
    attempts: int = 0
    changed_at: str = ""

    @property
    def public(self) -> bool:
        """Whether visitors find the article, as far as we know: what is held, failed or on its
        way again is still there as it was."""
        away = self.state in ("withdrawn", "missing", "gone")
        return bool(self.remote_id and self.url) and not away


class StoredPost(Record, frozen=True):
    """A post as it stands in the ledger. ``reader`` and ``source`` say who can fetch its files;
    ``gone`` is "", ``asked`` (it vanished, a person is asked) or ``gone``."""

    post: Post
    reader: str
    source: str
    gone: Literal["", "asked", "gone"] = ""
    stored_at: str = ""
    changed_at: str = ""
    gone_at: str = ""


class Event(Record, frozen=True):
    """A line of a post's history."""

    at: str
    run: int
    site: str
    what: str
    detail: str


class Run(Record, frozen=True):
    """A run that was. ``ended_at`` is "" while it goes on, or when it was killed."""

    id: int
    blog: str
    command: str
    started_at: str
    ended_at: str
    exit_code: int | None
    summary: str


class Target(Record, frozen=True):
    """A blog on a site: ``counts`` of its deliveries by state, ``due`` ones among them."""

    blog: str
    site: str
    counts: dict[str, int]
    due: int
    success_at: str
    unfinished: bool


_DELIVERY: Final = ", ".join(Delivery.__struct_fields__)
_INSERT_DELIVERY: Final = (
    f"INSERT OR REPLACE INTO delivery ({_DELIVERY}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(Delivery.__struct_fields__))})"
)
_TOLD: Final = ("title", "username", "about", "photo")
_PAGE: Final = 200
_NEAR: Final = 10
"""The post a message is part of is among so many before it: an album has ten messages at most,
and each may have been a post of its own once."""


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A time as the ledger writes it: UTC, to the second, sortable as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Ledger:
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
            connection = _connect(path)
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

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; durable when it ends. May be nested, the outermost counts."""
        with explained(self.path):
            if self._depth:
                yield
                return
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

    # --- The blog and its source ---

    def bind(self, blog: str, channel: Channel, *, aside: bool = False) -> None:
        """Ties the blog to its channel, for ever. Raises ``LedgerError`` when the blog's posts
        came from another one; a source that does not know its channel's id (0) passes. What a
        source ``aside`` of the blog's own says of the channel only fills what is not known."""
        found = self._one("SELECT channel_id, channel FROM blog WHERE name = ?", blog)
        known = found[0] if found else 0
        if known and channel.id and known != channel.id:
            raise LedgerError(
                f"The blog «{blog}» mirrors the channel {known} in {self.path}, but its config now "
                f"leads to the channel {channel.id} («{channel.title}»). Correct «channel», or "
                "give the other channel a blog of its own."
            )
        if aside and found:
            before = msgspec.json.decode(found[1], type=Channel)
            told = {name: getattr(before, name) or getattr(channel, name) for name in _TOLD}
            channel = msgspec.structs.replace(channel, **told)
        data = encode(channel).decode()
        if found is None or (known or channel.id) != known or data != found[1]:
            self._do(
                "INSERT INTO blog (name, channel_id, channel) VALUES (?1, ?2, ?3) ON CONFLICT "
                "(name) DO UPDATE SET channel_id = ?2, channel = ?3",
                blog,
                known or channel.id,
                data,
            )

    def channel(self, blog: str) -> Channel:
        """What the blog's channel last said of itself."""
        found = self._one("SELECT channel FROM blog WHERE name = ?", blog)
        return msgspec.json.decode(found[0], type=Channel) if found else Channel(id=0)

    def cursor(self, blog: str, reader: str, source: str) -> str | None:
        """How far this reader has read this source."""
        found = self._one(
            "SELECT value FROM cursor WHERE blog = ? AND reader = ? AND source = ?",
            blog,
            reader,
            source,
        )
        return found[0] if found else None

    def set_cursor(self, blog: str, reader: str, source: str, value: str) -> None:
        """What was read so far is stored for good."""
        self._do(
            "INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?, ?)",
            blog,
            reader,
            source,
            value,
            stamp(self.clock()),
        )

    def newest(self, blog: str) -> int:
        """The highest message id the blog has, 0 if none."""
        found = self._one(
            "SELECT max(last_id) FROM post WHERE blog = ?1 AND id >= "
            "(SELECT max(id) FROM post WHERE blog = ?1)",
            blog,
        )
        return found[0] or 0

    # --- Posts ---

    def store(
        self, blog: str, post: Post, reader: str, source: str, sites: Sequence[str]
    ) -> tuple[Stored, int]:
        """Stores the post as read and marks its deliveries due where that changes anything.

        Answers what it was to the ledger, and the id it is known by: an album whose first photo
        was deleted keeps the id it had, until its first photo turns out to be a post of its own.
        The same content from another way of reading is the same.
        """
        with self.transaction():
            key = self._key(blog, post)
            old = self.post(blog, key)
            if key != post.id:
                post = msgspec.structs.replace(post, id=key)
            if old and not old.gone and self._same(old, post, reader, source):
                return "same", key
            self._write(blog, post, reader, source)
            for site in sites:
                self._make_due(blog, key, site)
            self._set_aside(blog, post, old, sites)
            if old is None:
                return "new", key
            self.tell(blog, key, "", "back" if old.gone else "edited", "")
            return ("back" if old.gone else "changed"), key

    def _write(self, blog: str, post: Post, reader: str, source: str) -> None:
        self._db.execute(
            "INSERT INTO post (blog, id, last_id, date, edited, fingerprint, data, reader,"
            " source, stored_at, changed_at) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?10)"
            " ON CONFLICT (blog, id) DO UPDATE SET last_id=?3, date=?4, edited=?5,"
            " fingerprint=?6, data=?7, reader=?8, source=?9, changed_at=?10, gone='',"
            " gone_at=NULL, lined=0",
            (
                blog,
                post.id,
                max(post.ids),
                stamp(post.date),
                stamp(post.edited) if post.edited else None,
                fingerprint(post),
                encode(post).decode(),
                reader,
                source,
                stamp(self.clock()),
            ),
        )

    def _set_aside(
        self, blog: str, post: Post, old: StoredPost | None, sites: Sequence[str]
    ) -> None:
        """What stood under the ids of this post: parts of it are no posts of their own, and what
        is none of it becomes one."""
        found = [self.post(blog, number) for number in post.ids if number != post.id]
        others = [one for one in found if one and one.gone != "gone"]
        for other in others:
            self._lose(blog, other.post.id, "gone", f"it is part of the album {post.id}")
        for other in [*others, *([old] if old and not old.gone else [])]:
            if set(post.ids).isdisjoint(other.post.ids):
                rest = msgspec.structs.replace(other.post, id=other.post.ids[0])
                self._write(blog, rest, other.reader, other.source)
                for site in sites:
                    self._make_due(blog, rest.id, site)

    def _key(self, blog: str, post: Post) -> int:
        """The id this post is known by: its own, or that of the album it is what is left of."""
        key = self.post_of(blog, post.id)
        if key is None or key == post.id:
            return post.id
        before = self.post(blog, key)
        assert before is not None
        now, then = set(post.ids), set(before.post.ids)
        return key if now == then or (now < then and before.gone != "gone") else post.id

    def _same(self, old: StoredPost, post: Post, reader: str, source: str) -> bool:
        if fingerprint(old.post) != fingerprint(post) or old.post.ids != post.ids:
            return False
        if (old.reader, old.source) == (reader, source):
            return old.post.media == post.media
        # Files of another way of reading cannot be compared; an edit may have replaced them.
        return not (post.media and post.edited and post.edited != old.post.edited)

    def _make_due(self, blog: str, post_id: int, site: str) -> None:
        self._db.execute(
            "INSERT INTO delivery (blog, post_id, site, state, due, changed_at)"
            " VALUES (?1, ?2, ?3, 'new', 1, ?4)"
            " ON CONFLICT DO UPDATE SET due = 1, not_before = '', attempts = 0",
            (blog, post_id, site, stamp(self.clock())),
        )

    def post(self, blog: str, post_id: int) -> StoredPost | None:
        """The post known by this id."""
        found = self._one(
            "SELECT data, reader, source, gone, stored_at, changed_at, coalesce(gone_at, '')"
            " FROM post WHERE blog = ? AND id = ?",
            blog,
            post_id,
        )
        if found is None:
            return None
        with explained(self.path):
            return StoredPost(
                post=decode_post(found[0]),
                reader=found[1],
                source=found[2],
                gone=found[3],
                stored_at=found[4],
                changed_at=found[5],
                gone_at=found[6],
            )

    def post_of(self, blog: str, message_id: int) -> int | None:
        """The id of the post that this message is part of: an album's, or its own."""
        found = self._one(
            "SELECT id FROM (SELECT id, last_id, gone FROM post WHERE blog = ?1 AND id <= ?2"
            " ORDER BY id DESC LIMIT ?3) WHERE last_id >= ?2"
            " ORDER BY gone = 'gone', id DESC LIMIT 1",
            blog,
            message_id,
            _NEAR,
        )
        return found[0] if found else None

    def posts(self, blog: str, *, newest_first: bool = False) -> Iterator[StoredPost]:
        """The blog's posts that are not gone. Memory does not grow with their number."""
        last, order, side = (2**62, "DESC", "<") if newest_first else (-1, "ASC", ">")
        while True:
            page = self._all(
                f"SELECT id FROM post WHERE blog = ? AND id {side} ? AND gone = ''"  # noqa: S608
                f" ORDER BY id {order} LIMIT ?",
                blog,
                last,
                _PAGE,
            )
            for (post_id,) in page:
                if found := self.post(blog, post_id):
                    yield found
            if not page:
                return
            last = page[-1][0]

    # --- Lines that repeat ---

    def unlined(self, blog: str, limit: int = _PAGE) -> list[StoredPost]:
        """Posts, oldest first, whose lines are not written down as they stand now."""
        rows = self._all(
            "SELECT id FROM post WHERE blog = ? AND lined = 0 ORDER BY id LIMIT ?", blog, limit
        )
        return [found for (post_id,) in rows if (found := self.post(blog, post_id))]

    def write_lines(self, blog: str, post_id: int, text: str, keys: Iterable[str]) -> None:
        """These are the lines that the post may end with, and ``text`` stands for its words."""
        with self.transaction():
            self._db.execute("DELETE FROM line WHERE blog = ? AND post_id = ?", (blog, post_id))
            self._db.executemany(
                "INSERT OR IGNORE INTO line VALUES (?, ?, ?, ?)",
                [(blog, key, post_id, text) for key in keys],
            )
            self._db.execute("UPDATE post SET lined = 1 WHERE blog = ? AND id = ?", (blog, post_id))

    def standing(self, blog: str, key: str, near: int, recent: int = 20) -> tuple[int, int]:
        """Under how many of the last ``recent`` posts up to ``near`` the line stands, the same
        words counted once, and how many posts lie between the first of them and ``near``."""
        first, count = self._one(
            "SELECT min(first), count(*) FROM (SELECT max(post_id) AS first FROM (SELECT post_id,"
            " text FROM line WHERE blog = ?1 AND key = ?2 AND post_id <= ?3 ORDER BY post_id DESC"
            " LIMIT 200) GROUP BY text ORDER BY first DESC LIMIT ?4)",
            blog,
            key,
            near,
            recent,
        )
        if not count:
            return 0, 0
        (among,) = self._one(
            "SELECT count(*) FROM (SELECT 1 FROM post WHERE blog = ? AND id BETWEEN ? AND ?"
            " AND gone != 'gone' LIMIT 1000)",
            blog,
            first,
            near,
        )
        return count, among

    def learn_footer(self, blog: str, key: str, line: str) -> None:
        """The line is a footer from now on; what has it is due again, wherever it stands."""
        with self.transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO footer VALUES (?, ?, ?, ?)",
                (blog, key, line, stamp(self.clock())),
            )
            self._db.execute(
                "UPDATE delivery SET due = 1, not_before = '' WHERE blog = ?1 AND post_id IN"
                " (SELECT post_id FROM line WHERE blog = ?1 AND key = ?2)"
                " AND state NOT IN ('gone', 'withdrawn')",
                (blog, key),
            )

    def footers(self, blog: str) -> dict[str, tuple[str, int]]:
        """The blog's footers by key: what the line says, and under how many posts it stands."""
        rows = self._all(
            "SELECT key, line, (SELECT count(*) FROM line l WHERE l.blog = f.blog AND"
            " l.key = f.key) FROM footer f WHERE blog = ? ORDER BY 3 DESC, key",
            blog,
        )
        return {key: (line, count) for key, line, count in rows}

    # --- Deletions ---

    def saw(self, ids: Iterable[int]) -> None:
        """Remembers, until ``forget_seen``, that these posts were met in this pass."""
        with explained(self.path):
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY)")
            self._db.executemany("INSERT OR IGNORE INTO seen VALUES (?)", ((id_,) for id_ in ids))

    def forget_seen(self) -> None:
        """A new pass begins."""
        with explained(self.path):
            self._db.execute("DROP TABLE IF EXISTS temp.seen")

    def unseen(self, blog: str, first: int, last: int) -> list[int]:
        """The posts within these ids that this pass did not meet."""
        self.saw(())
        rows = self._all(
            "SELECT id FROM post WHERE blog = ? AND id BETWEEN ? AND ? AND gone = ''"
            " AND id NOT IN (SELECT id FROM temp.seen)",
            blog,
            first,
            last,
        )
        return [row[0] for row in rows]

    def lose(self, blog: str, ids: Iterable[int], how: Literal["asked", "gone"]) -> None:
        """These posts are gone from Telegram, or seem to be and a person is asked."""
        with self.transaction():
            for post_id in ids:
                self._lose(blog, post_id, how, "")

    def _lose(self, blog: str, post_id: int, how: str, why: str) -> None:
        moment = stamp(self.clock())
        done = self._do(
            "UPDATE post SET gone = ?, gone_at = ? WHERE blog = ? AND id = ? AND gone != 'gone'",
            how,
            moment,
            blog,
            post_id,
        )
        if done and how == "gone":
            self._do("UPDATE delivery SET due = 1 WHERE blog = ? AND post_id = ?", blog, post_id)
            self.tell(blog, post_id, "", "deleted", why)

    def asked(self, blog: str) -> list[int]:
        """The posts that vanished and wait for a person's word."""
        rows = self._all("SELECT id FROM post WHERE blog = ? AND gone = 'asked'", blog)
        return [row[0] for row in rows]

    # --- Deliveries ---

    def retarget(self, blog: str, site: str, style: str) -> None:
        """Makes everything due, and the site unfinished, when the blog is new there or what
        decides about its look has changed."""
        found = self._one("SELECT style FROM target WHERE blog = ? AND site = ?", blog, site)
        if found and found[0] == style:
            return
        with self.transaction():
            self._db.execute(
                "INSERT INTO target (blog, site, style) VALUES (?1, ?2, ?3)"
                " ON CONFLICT DO UPDATE SET style = ?3, unfinished = 1",
                (blog, site, style),
            )
            self._db.execute(
                "INSERT INTO delivery (blog, post_id, site, state, due, changed_at)"
                " SELECT blog, id, ?2, 'new', 1, ?3 FROM post WHERE blog = ?1 AND gone = ''"
                " ON CONFLICT DO UPDATE SET due = 1, not_before = ''"
                " WHERE state NOT IN ('gone', 'withdrawn')",
                (blog, site, stamp(self.clock())),
            )

    def has_due(self, blog: str, site: str) -> bool:
        """Whether anything is due now, or a run was cut before it finished."""
        return bool(
            self._one(
                "SELECT 1 FROM delivery WHERE due = 1 AND blog = ? AND site = ?"
                " AND not_before <= ? LIMIT 1",
                blog,
                site,
                stamp(self.clock()),
            )
        ) or self.unfinished(blog, site)

    def count_due(self, blog: str, site: str) -> int:
        """How many deliveries are due now."""
        return int(
            self._one(
                "SELECT count(*) FROM delivery WHERE due = 1 AND blog = ? AND site = ?"
                " AND not_before <= ?",
                blog,
                site,
                stamp(self.clock()),
            )[0]
        )

    def next_due(self, blog: str) -> datetime | None:
        """When the next delivery of the blog that waits becomes due; None if none waits."""
        found = self._one("SELECT min(not_before) FROM delivery WHERE due = 1 AND blog = ?", blog)
        return datetime.fromisoformat(found[0]) if found[0] else None

    def due(self, blog: str, site: str, *, limit: int = _PAGE) -> Iterator[list[Delivery]]:
        """What is due now, oldest post first, in pages; each delivery at most once however it
        ends."""
        last, moment = -1, stamp(self.clock())
        while True:
            rows = self._all(
                f"SELECT {_DELIVERY} FROM delivery WHERE due = 1 AND blog = ? AND site = ?"  # noqa: S608
                " AND post_id > ? AND not_before <= ? ORDER BY post_id LIMIT ?",
                blog,
                site,
                last,
                moment,
                limit,
            )
            if not rows:
                return
            page = [_delivery(row) for row in rows]
            last = page[-1].post_id
            yield page

    def delivery(self, blog: str, post_id: int, site: str) -> Delivery | None:
        """This post on this site."""
        row = self._one(
            f"SELECT {_DELIVERY} FROM delivery WHERE blog = ? AND post_id = ? AND site = ?",  # noqa: S608
            blog,
            post_id,
            site,
        )
        return _delivery(row) if row else None

    def deliveries(self, blog: str, post_id: int) -> list[Delivery]:
        """This post on every site."""
        rows = self._all(
            f"SELECT {_DELIVERY} FROM delivery WHERE blog = ? AND post_id = ? ORDER BY site",  # noqa: S608
            blog,
            post_id,
        )
        return [_delivery(row) for row in rows]

    def waiting(self, blog: str, site: str) -> Iterator[Delivery]:
        """What needs a person, oldest post first."""
        with explained(self.path):
            yield from map(
                _delivery,
                self._db.execute(
                    f"SELECT {_DELIVERY} FROM delivery WHERE blog = ? AND site = ? AND state IN"  # noqa: S608
                    " ('held', 'failed', 'conflict', 'missing') ORDER BY post_id",
                    (blog, site),
                ),
            )

    def by_url(self, url: str) -> tuple[str, int] | None:
        """The blog and post whose article has this address on some site."""
        found = self._one(
            "SELECT blog, post_id FROM delivery WHERE url = ? AND url != '' LIMIT 1", url
        )
        return (found[0], found[1]) if found else None

    def settle(self, delivery: Delivery, what: str = "", detail: str = "") -> None:
        """Writes the delivery down, and in the post's history what happened to it."""
        with self.transaction():
            moment = stamp(self.clock())
            row = msgspec.structs.replace(delivery, changed_at=moment)
            self._db.execute(
                _INSERT_DELIVERY, tuple(getattr(row, f) for f in row.__struct_fields__)
            )
            if what:
                self.tell(delivery.blog, delivery.post_id, delivery.site, what, detail)

    def live(self, blog: str, post_id: int, site: str) -> bool:
        """Whether the post's article can be linked to on the site."""
        found = self.delivery(blog, post_id, site)
        return found is not None and found.public

    def relink(self, blog: str, post_id: int, targets: Iterable[int]) -> None:
        """This post's article points to these posts."""
        wanted = {(blog, target, post_id) for target in targets}
        known = {
            tuple(row)
            for row in self._all(
                "SELECT blog, target, post_id FROM link WHERE blog = ? AND post_id = ?",
                blog,
                post_id,
            )
        }
        if wanted == known:
            return
        with self.transaction():
            self._db.execute("DELETE FROM link WHERE blog = ? AND post_id = ?", (blog, post_id))
            self._db.executemany("INSERT INTO link VALUES (?, ?, ?)", sorted(wanted))

    def stir(self, blog: str, target: int, site: str) -> None:
        """What points to this post, or to any message of it, is due, since it came to or left
        the site."""
        self._do(
            "UPDATE delivery SET due = 1, not_before = '' WHERE blog = ?1 AND site = ?3 AND state"
            " NOT IN ('gone', 'withdrawn') AND post_id IN"
            " (SELECT post_id FROM link WHERE blog = ?1 AND post_id != ?2 AND target BETWEEN ?2"
            " AND (SELECT last_id FROM post WHERE blog = ?1 AND id = ?2))",
            blog,
            target,
            site,
        )

    def unfinished(self, blog: str, site: str) -> bool:
        """Whether articles were put there and the site was not finished since."""
        found = self._one("SELECT unfinished FROM target WHERE blog = ? AND site = ?", blog, site)
        return bool(found and found[0])

    def set_unfinished(self, blog: str, site: str, unfinished: bool) -> None:
        """Articles are about to be put there, or the site is finished."""
        self._do(
            "UPDATE target SET unfinished = ? WHERE blog = ? AND site = ?",
            int(unfinished),
            blog,
            site,
        )

    def succeeded(self, blog: str, site: str) -> None:
        """All that was due has been dealt with."""
        self._do(
            "UPDATE target SET success_at = ? WHERE blog = ? AND site = ?",
            stamp(self.clock()),
            blog,
            site,
        )

    # --- Files ---

    def content(self, blog: str, source: str, locator: str, mark: str) -> str | None:
        """The hash of a file fetched before, if ``mark`` (its size and shape) is still the same."""
        found = self._one(
            "SELECT hash FROM media WHERE blog = ? AND source = ? AND locator = ? AND stamp = ?",
            blog,
            source,
            locator,
            mark,
        )
        return found[0] if found else None

    def upload(self, site: str, content: str) -> Upload | None:
        """What the site has of this content."""
        found = self._one("SELECT data FROM upload WHERE site = ? AND hash = ?", site, content)
        return decode_upload(found[0]) if found else None

    def uploaded(
        self, site: str, content: str, upload: Upload, where: tuple[str, str, str, str]
    ) -> None:
        """The site has this content; ``where``: blog, source, locator and mark of its file."""
        with self.transaction():
            self._db.execute("INSERT OR IGNORE INTO spare VALUES (?, ?, '')", (site, content))
            self._db.execute(
                "INSERT OR REPLACE INTO upload VALUES (?, ?, ?, ?)",
                (site, content, encode(upload).decode(), stamp(self.clock())),
            )
            self._db.execute(
                "INSERT OR REPLACE INTO media VALUES (?, ?, ?, ?, ?)", (*where, content)
            )

    def shows(self, delivery: Delivery, contents: Collection[str], *, only: bool) -> None:
        """The article shows these contents, and ``only`` these, or will if it arrives."""
        place = (delivery.site, delivery.blog, delivery.post_id)
        with self.transaction():
            if only:
                rows = self._all(
                    "SELECT hash FROM shown WHERE site = ? AND blog = ? AND post_id = ?", *place
                )
                past = {row[0] for row in rows} - set(contents)
                self._db.executemany(
                    "DELETE FROM shown WHERE site = ? AND blog = ? AND post_id = ? AND hash = ?",
                    [(*place, content) for content in past],
                )
                self._db.executemany(
                    "INSERT OR IGNORE INTO spare VALUES (?, ?, '')",
                    [(delivery.site, content) for content in past],
                )
            self._db.executemany(
                "INSERT OR IGNORE INTO shown (site, blog, post_id, hash) VALUES (?, ?, ?, ?)",
                [(*place, content) for content in contents],
            )

    def spare(self, site: str) -> list[tuple[str, Upload]]:
        """What ended up in no article, to be taken back: known no more by ``upload``, and here
        until ``taken_back``. Nothing while anything is due there, since that may show it yet."""
        with self.transaction():
            self._db.execute(
                "DELETE FROM spare WHERE site = ?1 AND EXISTS (SELECT 1 FROM shown s WHERE"
                " s.site = ?1 AND s.hash = spare.hash)",
                (site,),
            )
            if self._one("SELECT 1 FROM delivery WHERE due = 1 AND site = ? LIMIT 1", site):
                return []
            self._db.execute(
                "UPDATE spare SET data = coalesce((SELECT data FROM upload u WHERE u.site = ?1"
                " AND u.hash = spare.hash), data) WHERE site = ?1",
                (site,),
            )
            self._db.execute(
                "DELETE FROM upload WHERE site = ?1 AND hash IN"
                " (SELECT hash FROM spare WHERE site = ?1)",
                (site,),
            )
            self._db.execute("DELETE FROM spare WHERE site = ? AND data = ''", (site,))
            rows = self._all("SELECT hash, data FROM spare WHERE site = ?", site)
        with explained(self.path):
            return [(content, decode_upload(data)) for content, data in rows]

    def taken_back(self, site: str, content: str) -> None:
        """The site has it no more."""
        self._do("DELETE FROM spare WHERE site = ? AND hash = ?", site, content)

    def forget_upload(self, site: str, upload: Upload) -> None:
        """The site may have lost this file: it is sent again when next needed."""
        self._do(
            "DELETE FROM upload WHERE site = ? AND json_extract(data, '$.id') = ?", site, upload.id
        )

    # --- Runs and history ---

    def begin(self, blog: str, command: str) -> None:
        """A run starts; what happens from now on is its doing."""
        with self.transaction():
            done = self._db.execute(
                "INSERT INTO run (blog, command, started_at) VALUES (?, ?, ?)",
                (blog, command, stamp(self.clock())),
            )
            self.run_id = done.lastrowid or 0

    def end(self, exit_code: int, summary: str) -> None:
        """The run is over."""
        if self.run_id:
            self._do(
                "UPDATE run SET ended_at = ?, exit_code = ?, summary = ? WHERE id = ?",
                stamp(self.clock()),
                exit_code,
                summary,
                self.run_id,
            )
            self.run_id = 0

    def runs(self, blog: str, limit: int = 1) -> list[Run]:
        """The blog's last runs, newest first."""
        rows = self._all(
            "SELECT id, blog, command, started_at, coalesce(ended_at, ''), exit_code, summary"
            " FROM run WHERE blog = ? ORDER BY id DESC LIMIT ?",
            blog,
            limit,
        )
        return [Run(**dict(zip(Run.__struct_fields__, row, strict=True))) for row in rows]

    def tell(self, blog: str, post_id: int, site: str, what: str, detail: str) -> None:
        """A line for the post's history."""
        self._do(
            "INSERT INTO event (at, run, blog, post_id, site, what, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            stamp(self.clock()),
            self.run_id,
            blog,
            post_id,
            site,
            what,
            detail,
        )

    def history(self, blog: str, post_id: int) -> list[Event]:
        """What happened to the post, oldest first."""
        rows = self._all(
            "SELECT at, run, site, what, detail FROM event WHERE blog = ? AND post_id = ?"
            " ORDER BY id",
            blog,
            post_id,
        )
        return [Event(**dict(zip(Event.__struct_fields__, row, strict=True))) for row in rows]

    def targets(self, blog: str) -> list[Target]:
        """How the blog stands on each site."""
        targets = []
        for site, success, unfinished in self._all(
            "SELECT site, coalesce(success_at, ''), unfinished FROM target WHERE blog = ?", blog
        ):
            counts = self._all(
                "SELECT state, count(*) FROM delivery WHERE blog = ? AND site = ? GROUP BY state",
                blog,
                site,
            )
            due = self._one(
                "SELECT count(*) FROM delivery WHERE due = 1 AND blog = ? AND site = ?", blog, site
            )
            targets.append(
                Target(
                    blog=blog,
                    site=site,
                    counts=dict(counts),
                    due=due[0],
                    success_at=success,
                    unfinished=bool(unfinished),
                )
            )
        return targets


def _delivery(row: Sequence[Any]) -> Delivery:
    values = dict(zip(Delivery.__struct_fields__, row, strict=True))
    return Delivery(**{**values, "due": bool(values["due"])})


def _connect(path: Path) -> sqlite3.Connection:
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
            _migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection) -> None:
    """Makes or renews the tables at one stroke. Several processes may meet here: SQLite does not
    wait for its lock where the journal's mode changes, so we do."""
    for pause in (*(0.05,) * 200, None):
        try:
            db.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            if pause is None:
                raise
            time.sleep(pause)
    db.execute("BEGIN IMMEDIATE")
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] < schema.VERSION:
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
    return "Check the permissions of the file and its folder, and the disk."
