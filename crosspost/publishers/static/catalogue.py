"""The site's own memory: a SQLite file that says what the site holds and what must be redrawn.

    article   every article with its uploads; live, draft (withdrawn) or missing (its page was
              deleted by hand); the hash of the page we left, and of the one we are about to write
    listing   the live articles of each series (the blog itself: "", and each tag) in their order
    total     how many these are: SQLite would have to count them
    mention   which article links to which post
    upload, use   the files, and which article shows which
    mark      what changed since the site was last drawn
    leaves    how many numbered pages each series had when it was last drawn

The site is a pure function of this file. Each change and its marks are one transaction; drawing
clears a mark only after the pages stand on disk. So a run killed anywhere is completed by the
next ``finish``, and the order in which articles arrive leaves no trace.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final, Literal, NamedTuple

import msgspec

from crosspost.errors import PublisherError
from crosspost.model import Article, Record, Upload

VERSION: Final = 2
_CATALOGUE: Final = "site.db"
_IDENTITY: Final = "site.id"
FOLLOWERS: Final = 30
"""An article's page shows its author's preceding posts, and picks the most read out of this many;
so this many later pages may change with it."""

_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE article (
    blog TEXT NOT NULL, post_id INTEGER NOT NULL,
    file TEXT NOT NULL, status TEXT NOT NULL,
    date TEXT NOT NULL, views INTEGER NOT NULL,
    version TEXT NOT NULL, digest TEXT NOT NULL, teaser TEXT NOT NULL, data BLOB NOT NULL,
    drawn TEXT NOT NULL DEFAULT '', drawing TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (blog, post_id)
);
CREATE INDEX most_read ON article (blog, views DESC, post_id DESC) WHERE status = 'live';
CREATE TABLE listing (
    blog TEXT NOT NULL, series TEXT NOT NULL, date TEXT NOT NULL, post_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (blog, series, date, post_id)
) WITHOUT ROWID;
CREATE TABLE mention (
    blog TEXT NOT NULL, target INTEGER NOT NULL, post_id INTEGER NOT NULL,
    PRIMARY KEY (blog, target, post_id)
) WITHOUT ROWID;
CREATE TABLE upload (id TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE use (
    upload TEXT NOT NULL, blog TEXT NOT NULL, post_id INTEGER NOT NULL,
    PRIMARY KEY (upload, blog, post_id)
) WITHOUT ROWID;
CREATE INDEX used_by ON use (blog, post_id);
CREATE TABLE mark (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, blog TEXT NOT NULL, name TEXT NOT NULL,
    date TEXT NOT NULL, post_id INTEGER NOT NULL,
    UNIQUE (kind, blog, name, date, post_id)
);
CREATE TABLE leaves (
    kind TEXT NOT NULL, blog TEXT NOT NULL, series TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (kind, blog, series)
) WITHOUT ROWID;
"""

_TOTALS: Final = (
    """
    CREATE TABLE total (
        blog TEXT NOT NULL, series TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (blog, series)
    ) WITHOUT ROWID
    """,
    "INSERT INTO total SELECT blog, series, count(*) FROM listing GROUP BY blog, series",
    """
    CREATE TRIGGER listed AFTER INSERT ON listing BEGIN
        INSERT INTO total VALUES (new.blog, new.series, 1)
            ON CONFLICT DO UPDATE SET count = count + 1;
    END
    """,
    """
    CREATE TRIGGER unlisted AFTER DELETE ON listing BEGIN
        UPDATE total SET count = count - 1 WHERE blog = old.blog AND series = old.series;
        DELETE FROM total WHERE blog = old.blog AND series = old.series AND count = 0;
    END
    """,
)

Place = tuple[str, int]
"""Where an article stands in its listings: date in UTC, then the post's id."""

FIRST: Final[Place] = ("", -(2**63))


class Mark(NamedTuple):
    """Something to redraw.

    ``article``: that article's page. ``at``: the list page of the series ``name`` that holds this
    place; ``from``: every list page from there on. ``media``: the file ``name``, shown or not.
    ``gone``: the page file ``name`` of an article that is no longer live.
    """

    kind: Literal["article", "at", "from", "media", "gone"]
    blog: str
    name: str = ""
    date: str = ""
    post_id: int = 0


class Entry(Record, frozen=True):
    """An article and what of it the other pages show."""

    article: Article
    uploads: dict[int, str] = msgspec.field(default_factory=dict)
    """The upload's id for each figure that has a file."""
    posters: dict[int, str] = msgspec.field(default_factory=dict)
    portrait: str = ""
    """The upload of the author's photo, or ""."""
    mentions: tuple[int, ...] = ()
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    """Each tag's spelling by its key."""


class Row(NamedTuple):
    """An article's row. ``drawn`` is the hash of the page file as we left it, ``drawing`` of the
    one about to replace it; either may stand on disk."""

    blog: str
    post_id: int
    file: str
    status: str
    date: str
    version: str
    digest: str
    teaser: str
    data: bytes
    drawn: str
    drawing: str

    @property
    def entry(self) -> Entry:
        """The article itself."""
        return _entries.decode(self.data)

    @property
    def place(self) -> Place:
        """Where it stands in its listings."""
        return self.date, self.post_id


_COLUMNS: Final = ", ".join(Row._fields)
_entries = msgspec.json.Decoder(Entry)
_uploads = msgspec.json.Decoder(Upload)


def identity_of(folder: Path) -> str:
    """The word that the catalogue in ``folder`` was given when it was made; "" if there is
    none. Raises ``OSError`` when that cannot be told, which is no sign of an emptied site."""
    with suppress(FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        (folder / _CATALOGUE).stat()
        return (folder / _IDENTITY).read_text(encoding="ascii")[:64]
    return ""


class Catalogue:
    """The catalogue at ``path``, made when absent. Raises ``PublisherError`` when it cannot be
    used. One thread at a time."""

    def __init__(self, path: Path) -> None:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            word = path.with_name(_IDENTITY)
            if not path.exists():
                word.unlink(missing_ok=True)
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            if self._version() < VERSION:
                with self.change():
                    self._renew(self._version())
            if self._version() == VERSION:
                self._keep_identity(word)
        self.path = path
        if self._version() > VERSION:
            self.close()
            raise PublisherError(
                f"The site's catalogue {path} was written by a newer Crosspost; "
                "update Crosspost to write this site."
            )

    def _renew(self, version: int) -> None:
        """Makes the tables, or brings those of an older version up to this one."""
        statements = [*(_SCHEMA.split(";\n") if not version else ()), *_TOTALS]
        for statement in statements if version < VERSION else ():
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version = {max(version, VERSION)}")

    def _keep_identity(self, file: Path) -> None:
        """A catalogue has a word of its own from its beginning on; ``file`` says it to those who do
        not open the catalogue, whatever was killed before it could be written."""
        told = identity_of(file.parent)
        if not (word := self.meta("identity")):
            with self.change():
                word = self.meta("identity") or told or token_hex(8)
                self.set_meta("identity", word)
        if told != word:
            fresh = file.with_suffix(".new")
            fresh.write_text(word, encoding="ascii")
            with suppress(FileNotFoundError):  # another process was as quick, with the same word
                fresh.replace(file)

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction: all of it or nothing. Within another one it is a part of that."""
        begin, end, back = (
            ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part")
            if self._db.in_transaction
            else ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
        )
        self._db.execute(begin)
        try:
            yield
            self._db.execute(end)
        except BaseException:
            if self._db.in_transaction:  # a full disk has rolled back already
                self._db.execute(back)
            raise

    # --- Articles ---

    def row(self, blog: str, post_id: int) -> Row | None:
        """The article's row, whatever its status."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM article WHERE blog = ? AND post_id = ?",  # noqa: S608
            (blog, post_id),
        ).fetchone()
        return Row(*found) if found else None

    def all(self, blog: str) -> Iterator[Row]:
        """The blog's articles that are public or drafts, oldest first."""
        last = -(2**63)
        while found := self._db.execute(
            f"SELECT {_COLUMNS} FROM article WHERE blog = ? AND post_id > ? AND status IN "  # noqa: S608
            "('live', 'draft') ORDER BY post_id LIMIT 200",
            (blog, last),
        ).fetchall():
            rows = [Row(*one) for one in found]
            last = rows[-1].post_id
            yield from rows

    def store(self, row: Row, views: int, now: Entry) -> None:
        """Puts the live article ``row`` in the place of what was there, and marks what shows it."""
        old = self.row(row.blog, row.post_id)
        self._db.execute(
            f"INSERT OR REPLACE INTO article ({_COLUMNS}, views) "  # noqa: S608
            f"VALUES ({', '.join('?' * (len(row) + 1))})",
            (*row, views),
        )
        self._replace(old if old and old.status == "live" else None, row, now)
        self._keep_links(row, now)
        self._mark(Mark("article", row.blog, post_id=row.post_id))

    def retire(self, row: Row, status: Literal["draft", "missing", "removed"]) -> None:
        """Takes a live article out of the listings; its page goes when the site is drawn."""
        if row.status == "live":
            self._replace(row, None, row.entry)
            self._mark(Mark("gone", row.blog, row.file, post_id=row.post_id))
        key = (row.blog, row.post_id)
        if status == "removed":
            for table in ("use", "mention"):
                self._db.execute(f"DELETE FROM {table} WHERE blog = ? AND post_id = ?", key)  # noqa: S608
            self._db.execute("DELETE FROM article WHERE blog = ? AND post_id = ?", key)
        else:
            self._db.execute(
                "UPDATE article SET status = ? WHERE blog = ? AND post_id = ?", (status, *key)
            )

    def _replace(self, old: Row | None, new: Row | None, now: Entry) -> None:
        """Moves the article from where it was to where it is, marking both neighbourhoods."""
        before = old.entry if old else Entry(article=now.article)
        same = old is not None and new is not None and old.place == new.place
        moved = not same
        teased = moved or (old is not None and new is not None and old.teaser != new.teaser)
        blog, post_id = now.article.blog, now.article.post_id
        if old and teased:
            self._mark_around(old)
        old_series = {"": "", **before.tags} if old else {}
        new_series = {"": "", **now.tags} if new else {}
        for series in sorted(old_series.keys() | new_series.keys()):
            was, will = old_series.get(series), new_series.get(series)
            change: Literal["from", "at"] = "from" if moved or was != will else "at"
            for row, name in ((old, was), (new, will)):
                if row and name is not None and (change == "from" or teased or not series):
                    self._mark(Mark(change, blog, series, *row.place))
            if change == "from":
                self._relist(blog, series, (old, was), (new, will))
        if new and teased:
            self._mark_around(new)
        if moved and (old is None or new is None):
            self._mark_mentions(blog, post_id)
        shown = {*_files(before), *_files(now)} if old else set(_files(now))
        for name in sorted(shown):
            self._mark(Mark("media", "", name))

    def _relist(
        self,
        blog: str,
        series: str,
        old: tuple[Row | None, str | None],
        new: tuple[Row | None, str | None],
    ) -> None:
        if old[0] and old[1] is not None:
            self._db.execute(
                "DELETE FROM listing WHERE blog = ? AND series = ? AND date = ? AND post_id = ?",
                (blog, series, *old[0].place),
            )
        if new[0] and new[1] is not None:
            self._db.execute(
                "INSERT INTO listing VALUES (?, ?, ?, ?, ?)",
                (blog, series, *new[0].place, new[1]),
            )

    def _keep_links(self, row: Row, now: Entry) -> None:
        key = (row.blog, row.post_id)
        for table in ("use", "mention"):
            self._db.execute(f"DELETE FROM {table} WHERE blog = ? AND post_id = ?", key)  # noqa: S608
        self._db.executemany(
            "INSERT INTO use VALUES (?, ?, ?)", [(name, *key) for name in sorted(_files(now))]
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO mention VALUES (?, ?, ?)",
            [(row.blog, target, row.post_id) for target in now.mentions],
        )

    # --- What must be redrawn ---

    def _mark(self, mark: Mark) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO mark (kind, blog, name, date, post_id) VALUES (?, ?, ?, ?, ?)",
            mark,
        )

    def _mark_around(self, row: Row) -> None:
        near = [*self.before(row.blog, row.place, 1), *self.after(row.blog, row.place, FOLLOWERS)]
        for post_id in near:
            self._mark(Mark("article", row.blog, post_id=post_id))

    def _mark_mentions(self, blog: str, target: int) -> None:
        found = self._db.execute(
            "SELECT post_id FROM mention WHERE blog = ? AND target = ?", (blog, target)
        ).fetchall()
        for (post_id,) in found:
            self._mark(Mark("article", blog, post_id=post_id))

    def mark_all(self, blog: str) -> None:
        """Marks every page and file of the blog."""
        self._db.execute(
            "INSERT OR REPLACE INTO mark (kind, blog, name, date, post_id) "
            "SELECT 'article', blog, '', '', post_id FROM article "
            "WHERE blog = ? AND status = 'live'",
            (blog,),
        )
        self._db.execute(
            "INSERT OR REPLACE INTO mark (kind, blog, name, date, post_id) "
            "SELECT 'media', '', upload, '', 0 FROM use WHERE blog = ? GROUP BY upload",
            (blog,),
        )
        for series in self.series(blog):
            self._mark(Mark("from", blog, series, *FIRST))

    def last_mark(self) -> int:
        """The number of the newest mark; 0 where nothing is marked. What is marked while the site
        is drawn, or marked again, gets a higher one."""
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM mark").fetchone()[0])

    def count_marks(self, kind: str) -> int:
        """How many marks of this kind there are."""
        found = self._db.execute("SELECT count(*) FROM mark WHERE kind = ?", (kind,)).fetchone()
        return int(found[0])

    def marked(self, kind: str, upto: int) -> Iterator[Mark]:
        """The marks of this kind up to that number, by blog, name and post. Memory does not grow
        with how many these are."""
        last = ("", "", "", -(2**63))
        while found := self._db.execute(
            "SELECT blog, name, date, post_id FROM mark WHERE kind = ? AND seq <= ?"
            " AND (blog, name, date, post_id) > (?, ?, ?, ?)"
            " ORDER BY blog, name, date, post_id LIMIT 500",
            (kind, upto, *last),
        ).fetchall():
            last = found[-1]
            yield from (Mark(kind, *one) for one in found)  # type: ignore[arg-type]

    def marked_blogs(self, upto: int) -> list[str]:
        """The blogs of which something is marked."""
        found = self._db.execute(
            "SELECT DISTINCT blog FROM mark WHERE kind <> 'media' AND seq <= ? ORDER BY 1", (upto,)
        )
        return [row[0] for row in found]

    def marked_series(self, blog: str, upto: int) -> list[str]:
        """The blog's series of which list pages are marked."""
        found = self._db.execute(
            "SELECT DISTINCT name FROM mark WHERE kind IN ('at', 'from') AND blog = ?"
            " AND seq <= ? ORDER BY 1",
            (blog, upto),
        )
        return [row[0] for row in found]

    def marked_pages(self, blog: str, series: str, upto: int, size: int, last: int) -> set[int]:
        """Which of the pages 1…``last``, of ``size`` articles each from the oldest on, hold a place
        that is marked ``at``, or come after one that is marked ``from``."""
        some = "FROM mark m WHERE m.kind = ? AND m.blog = ? AND m.name = ? AND m.seq <= ?"
        start = self._db.execute(
            f"SELECT date, post_id {some} ORDER BY date, post_id LIMIT 1",
            ("from", blog, series, upto),
        ).fetchone()
        found = (
            set(range(self.count(blog, series, start) // size + 1, last + 1)) if start else set()
        )
        few = self._db.execute(
            f"SELECT date, post_id {some} LIMIT 17",
            ("at", blog, series, upto),
        ).fetchall()
        if len(few) <= 16:  # each is counted from the end; to count all costs the whole listing
            return found | {self.count(blog, series, place) // size + 1 for place in few}
        rows = self._db.execute(
            "SELECT DISTINCT l.rank / ? + 1 FROM (SELECT date, post_id,"  # noqa: S608
            " row_number() OVER (ORDER BY date, post_id) - 1 AS rank FROM listing"
            f" WHERE blog = ? AND series = ?) l WHERE EXISTS (SELECT 1 {some}"
            " AND m.date = l.date AND m.post_id = l.post_id)",
            (size, blog, series, "at", blog, series, upto),
        )
        return found | {row[0] for row in rows}

    def unmark(self, upto: int) -> None:
        """Clears the marks up to that number."""
        self._db.execute("DELETE FROM mark WHERE seq <= ?", (upto,))

    def leaves(self, kind: str, blog: str, series: str) -> int:
        """How many numbered pages the series had when it was last drawn."""
        found = self._db.execute(
            "SELECT count FROM leaves WHERE kind = ? AND blog = ? AND series = ?",
            (kind, blog, series),
        ).fetchone()
        return int(found[0]) if found else 0

    def set_leaves(self, kind: str, blog: str, series: str, count: int) -> None:
        """Remembers that number."""
        self._db.execute(
            "INSERT OR REPLACE INTO leaves VALUES (?, ?, ?, ?)", (kind, blog, series, count)
        )

    def set_drawing(self, pages: Iterable[tuple[str, int, str]]) -> None:
        """Says, before it happens, that the page files of these articles (blog, post) will have
        these hashes."""
        self._db.executemany(
            "UPDATE article SET drawing = ?3 WHERE blog = ?1 AND post_id = ?2", pages
        )

    def set_drawn(self, pages: Iterable[tuple[str, int, str]]) -> None:
        """Says that it has happened."""
        self._db.executemany(
            "UPDATE article SET drawn = ?3, drawing = '' "
            "WHERE blog = ?1 AND post_id = ?2 AND drawing = ?3",
            pages,
        )

    def meta(self, key: str) -> str:
        """What is remembered under this key, or ""."""
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else ""

    def set_meta(self, key: str, value: str) -> None:
        """Remembers it."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # --- Listings ---

    def blogs(self) -> list[str]:
        """The blogs that have a live article."""
        found = self._db.execute("SELECT blog FROM total WHERE series = '' ORDER BY 1")
        return [row[0] for row in found]

    def known(self) -> list[str]:
        """The blogs that are or were drawn."""
        found = self._db.execute("SELECT blog FROM total UNION SELECT blog FROM leaves ORDER BY 1")
        return [row[0] for row in found]

    def series(self, blog: str) -> list[str]:
        """The blog's series that are or were drawn: "" and the keys of its tags."""
        found = self._db.execute(
            "SELECT series FROM total WHERE blog = ?1 UNION "
            "SELECT series FROM leaves WHERE blog = ?1 ORDER BY 1",
            (blog,),
        )
        return [row[0] for row in found]

    def topics(self, blog: str, limit: int) -> list[tuple[str, int]]:
        """The blog's most used tags (keys) and how many posts each has."""
        return self._db.execute(
            "SELECT series, count FROM total WHERE blog = ? AND series <> '' "
            "ORDER BY count DESC, series LIMIT ?",
            (blog, limit),
        ).fetchall()

    def count(self, blog: str, series: str, before: Place | None = None) -> int:
        """How many live articles the series has, or has before that place: those from there on
        are counted, for what is new stands at the end."""
        found = self._db.execute(
            "SELECT count FROM total WHERE blog = ? AND series = ?", (blog, series)
        ).fetchone()
        total = int(found[0]) if found else 0
        if before is None or not total:
            return total
        (after,) = self._db.execute(
            "SELECT count(*) FROM listing WHERE blog = ? AND series = ?"
            " AND (date, post_id) >= (?, ?)",
            (blog, series, *before),
        ).fetchone()
        return total - int(after)

    def slice(self, blog: str, series: str, start: int, stop: int | None) -> list[Row]:
        """The live articles with these ranks (from 0, oldest first), newest first."""
        total = self.count(blog, series)
        stop = total if stop is None else min(stop, total)
        found = self._db.execute(  # from the end: what is new stands there
            f"SELECT {_columns('a')} FROM (SELECT * FROM listing WHERE blog = ? AND series = ? "  # noqa: S608
            "ORDER BY date DESC, post_id DESC LIMIT ? OFFSET ?) l "
            "JOIN article a ON a.blog = l.blog AND a.post_id = l.post_id "
            "ORDER BY l.date DESC, l.post_id DESC",
            (blog, series, max(0, stop - start), total - stop),
        )
        return [Row(*row) for row in found]

    def newest(self, blog: str, series: str, limit: int) -> list[Row]:
        """The newest live articles of the series, newest first."""
        found = self._db.execute(
            f"SELECT {_columns('a')} FROM listing l "  # noqa: S608
            "JOIN article a ON a.blog = l.blog AND a.post_id = l.post_id "
            "WHERE l.blog = ? AND l.series = ? ORDER BY l.date DESC, l.post_id DESC LIMIT ?",
            (blog, series, limit),
        )
        return [Row(*row) for row in found]

    def spelling(self, blog: str, series: str) -> str:
        """How the oldest article with this tag writes it."""
        found = self._db.execute(
            "SELECT name FROM listing WHERE blog = ? AND series = ? ORDER BY date, post_id LIMIT 1",
            (blog, series),
        ).fetchone()
        return str(found[0]) if found else series

    def before(self, blog: str, place: Place, limit: int) -> list[int]:
        """The ids of the live articles before that place, nearest first."""
        return self._near(blog, place, limit, "<", "DESC")

    def after(self, blog: str, place: Place, limit: int) -> list[int]:
        """The ids of the live articles after that place, nearest first."""
        return self._near(blog, place, limit, ">", "ASC")

    def _near(self, blog: str, place: Place, limit: int, side: str, order: str) -> list[int]:
        found = self._db.execute(
            "SELECT post_id FROM listing WHERE blog = ? AND series = '' "  # noqa: S608
            f"AND (date, post_id) {side} (?, ?) ORDER BY date {order}, post_id {order} LIMIT ?",
            (blog, *place, limit),
        )
        return [row[0] for row in found]

    def most_read(self, blog: str, limit: int) -> list[Row]:
        """The blog's most viewed articles; those nobody counted are not among them."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM article WHERE blog = ? AND status = 'live' AND views > 0 "  # noqa: S608
            "ORDER BY views DESC, post_id DESC LIMIT ?",
            (blog, limit),
        )
        return [Row(*row) for row in found]

    # --- Files ---

    def upload(self, name: str) -> Upload | None:
        """The file's record, its addresses relative to the site's folder."""
        found = self._db.execute("SELECT data FROM upload WHERE id = ?", (name,)).fetchone()
        return _uploads.decode(found[0]) if found else None

    def uploads(self, stem: str) -> list[Upload]:
        """The records of files called ``<stem>.<suffix>``."""
        found = self._db.execute(
            "SELECT data FROM upload WHERE id > ? AND id < ?", (f"{stem}.", f"{stem}/")
        )
        return [_uploads.decode(row[0]) for row in found]

    def library(self) -> Iterator[tuple[Upload, bool]]:
        """Every file's record, and whether an article, live or not, has it."""
        last = ""
        while found := self._db.execute(
            "SELECT id, data, EXISTS (SELECT 1 FROM use WHERE upload = id) FROM upload"
            " WHERE id > ? ORDER BY id LIMIT 200",
            (last,),
        ).fetchall():
            last = found[-1][0]
            yield from ((_uploads.decode(data), bool(used)) for _, data, used in found)

    def add_upload(self, upload: Upload) -> None:
        """Remembers the file."""
        self._db.execute(
            "INSERT OR REPLACE INTO upload VALUES (?, ?)",
            (upload.id, msgspec.json.encode(upload)),
        )

    def drop_upload(self, name: str) -> bool:
        """Forgets the file unless an article, live or not, still has it."""
        done = self._db.execute(
            "DELETE FROM upload WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM use WHERE upload = ?1)",
            (name,),
        )
        return done.rowcount > 0

    def shown(self, name: str) -> bool:
        """Whether a live article shows the file."""
        return bool(
            self._db.execute(
                "SELECT 1 FROM use u JOIN article a USING (blog, post_id) "
                "WHERE u.upload = ? AND a.status = 'live' LIMIT 1",
                (name,),
            ).fetchone()
        )


def _files(entry: Entry) -> set[str]:
    portrait = {entry.portrait} if entry.portrait else set()
    return {*entry.uploads.values(), *entry.posters.values(), *portrait}


def _columns(table: str) -> str:
    return ", ".join(f"{table}.{name}" for name in Row._fields)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns trouble with the disk or the catalogue into a sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PublisherError(
            f"The site's folder cannot be written: {path}: {reason}. "
            "Check its free space and its permissions, then run again."
        ) from error
