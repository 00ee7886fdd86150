"""The ledger's tables, as a list of migrations that is only ever added to.

    blog      one row a blog: which channel it mirrors, what that channel calls itself
    cursor    how far a reader has read a source for a blog
    post      every post as it was read; never deleted, ``gone`` when Telegram deleted it
    target    which sites a blog goes to, and with what style its posts were last judged
    delivery  one row a post and site: what stands there, and what is due
    link      which post's article points to which other post
    media     which content a post's file had, by hash
    upload    what a site has of that content
    shown     which article shows it, as far as we know or intend
    arriving  which of it is on its way there, so nobody knows whether it came
    spare     which of it may be in no article any more, to be taken back
    line      which lines a post begins or ends with, and which text it has, by hash
    footer    which of these lines were seen to repeat, once and for all
    sign      by what posts that say the same are found
    tag       how the blog spelled a tag first
    edit      what a person wrote into a post's article
    part      which post goes on in the article of which earlier one, and why
    run       when something ran and how it ended
    event     what happened to a post, in words for a person

Times are ISO 8601 in UTC, records are JSON (``crosspost.model``). Everything can be read with
plain SQL or Datasette; nothing but ``crosspost.ledger`` writes here.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

NAME: Final = "crosspost"

_FIRST: Final = (
    """
    CREATE TABLE blog (
        name TEXT PRIMARY KEY,
        channel_id INTEGER NOT NULL DEFAULT 0,
        channel TEXT NOT NULL DEFAULT '{}'
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE cursor (
        blog TEXT NOT NULL, reader TEXT NOT NULL, source TEXT NOT NULL,
        value TEXT NOT NULL, read_at TEXT NOT NULL,
        PRIMARY KEY (blog, reader, source)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE post (
        blog TEXT NOT NULL, id INTEGER NOT NULL,
        last_id INTEGER NOT NULL,
        date TEXT NOT NULL, edited TEXT,
        fingerprint TEXT NOT NULL, data TEXT NOT NULL,
        reader TEXT NOT NULL, source TEXT NOT NULL,
        stored_at TEXT NOT NULL, changed_at TEXT NOT NULL,
        gone TEXT NOT NULL DEFAULT '',
        gone_at TEXT,
        PRIMARY KEY (blog, id)
    )
    """,
    "CREATE INDEX post_asked ON post (blog, id) WHERE gone = 'asked'",
    """
    CREATE TABLE target (
        blog TEXT NOT NULL, site TEXT NOT NULL,
        style TEXT NOT NULL, unfinished INTEGER NOT NULL DEFAULT 0, success_at TEXT,
        PRIMARY KEY (blog, site)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE delivery (
        blog TEXT NOT NULL, post_id INTEGER NOT NULL, site TEXT NOT NULL,
        state TEXT NOT NULL,
        due INTEGER NOT NULL, not_before TEXT NOT NULL DEFAULT '',
        word TEXT NOT NULL DEFAULT '',
        slug TEXT NOT NULL DEFAULT '', title TEXT NOT NULL DEFAULT '',
        digest TEXT NOT NULL DEFAULT '', sending TEXT NOT NULL DEFAULT '',
        remote_id TEXT NOT NULL DEFAULT '', url TEXT NOT NULL DEFAULT '',
        version TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '', remedy TEXT NOT NULL DEFAULT '',
        theirs TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0, changed_at TEXT NOT NULL,
        PRIMARY KEY (blog, post_id, site)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX delivery_due ON delivery (blog, site, post_id) WHERE due = 1",
    """
    CREATE INDEX delivery_waiting ON delivery (blog, site, post_id)
        WHERE state IN ('held', 'failed', 'conflict', 'missing')
    """,
    "CREATE INDEX delivery_url ON delivery (url) WHERE url != ''",
    """
    CREATE TABLE link (
        blog TEXT NOT NULL, target INTEGER NOT NULL, post_id INTEGER NOT NULL,
        PRIMARY KEY (blog, target, post_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX link_from ON link (blog, post_id)",
    """
    CREATE TABLE media (
        blog TEXT NOT NULL, source TEXT NOT NULL, locator TEXT NOT NULL, stamp TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (blog, source, locator)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE upload (
        site TEXT NOT NULL, hash TEXT NOT NULL,
        data TEXT NOT NULL, uploaded_at TEXT NOT NULL,
        PRIMARY KEY (site, hash)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY, blog TEXT NOT NULL, command TEXT NOT NULL,
        started_at TEXT NOT NULL, ended_at TEXT, exit_code INTEGER,
        summary TEXT NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX run_of ON run (blog, id)",
    """
    CREATE TABLE event (
        id INTEGER PRIMARY KEY, at TEXT NOT NULL, run INTEGER NOT NULL,
        blog TEXT NOT NULL, post_id INTEGER NOT NULL, site TEXT NOT NULL,
        what TEXT NOT NULL, detail TEXT NOT NULL
    )
    """,
    "CREATE INDEX event_of ON event (blog, post_id, id)",
)

_LINES: Final = (
    """
    CREATE TABLE line (
        blog TEXT NOT NULL, key TEXT NOT NULL, post_id INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (blog, key, post_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX line_of ON line (blog, post_id)",
    """
    CREATE TABLE footer (
        blog TEXT NOT NULL, key TEXT NOT NULL, line TEXT NOT NULL, learned_at TEXT NOT NULL,
        PRIMARY KEY (blog, key)
    ) WITHOUT ROWID
    """,
    "ALTER TABLE post ADD COLUMN lined INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX post_unlined ON post (blog, id) WHERE lined = 0",
)

_SHOWN: Final = (
    """
    CREATE TABLE shown (
        site TEXT NOT NULL, hash TEXT NOT NULL, blog TEXT NOT NULL, post_id INTEGER NOT NULL,
        PRIMARY KEY (site, hash, blog, post_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX shown_by ON shown (blog, post_id, site)",
    """
    CREATE TABLE spare (
        site TEXT NOT NULL, hash TEXT NOT NULL, data TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (site, hash)
    ) WITHOUT ROWID
    """,
)

_SIGNS: Final = (
    """
    CREATE TABLE sign (
        blog TEXT NOT NULL, sign INTEGER NOT NULL, post_id INTEGER NOT NULL,
        PRIMARY KEY (blog, sign, post_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX sign_of ON sign (blog, post_id)",
    """
    CREATE TABLE tag (
        blog TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL,
        PRIMARY KEY (blog, key)
    ) WITHOUT ROWID
    """,
    "UPDATE post SET lined = 0",
)

_EDITS: Final = (
    """
    CREATE TABLE edit (
        blog TEXT NOT NULL, post_id INTEGER NOT NULL, data TEXT NOT NULL, edited_at TEXT NOT NULL,
        PRIMARY KEY (blog, post_id)
    ) WITHOUT ROWID
    """,
)

_IDENTITY: Final = ("ALTER TABLE target ADD COLUMN identity TEXT NOT NULL DEFAULT ''",)

_PARTS: Final = (
    """
    CREATE TABLE part (
        blog TEXT NOT NULL, post_id INTEGER NOT NULL, head INTEGER NOT NULL, why TEXT NOT NULL,
        PRIMARY KEY (blog, post_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX part_of ON part (blog, head)",
)

_THREE_WAY: Final = (
    "ALTER TABLE delivery ADD COLUMN said TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE delivery ADD COLUMN keep TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX event_by ON event (run, id) WHERE what = 'created'",
)

_ARRIVING: Final = (
    """
    CREATE TABLE arriving (
        site TEXT NOT NULL, hash TEXT NOT NULL, blog TEXT NOT NULL,
        path TEXT NOT NULL, media TEXT NOT NULL,
        PRIMARY KEY (site, hash, blog)
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: Final = (
    _FIRST,
    _LINES,
    _SHOWN,
    _SIGNS,
    _EDITS,
    _IDENTITY,
    _PARTS,
    _THREE_WAY,
    _ARRIVING,
)
VERSION: Final = len(MIGRATIONS)


def migrate(connection: "sqlite3.Connection") -> None:
    """Brings the tables up to ``VERSION``, each step in one transaction with its record."""
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    steps = Migrations(NAME)

    def step(number: int, statements: tuple[str, ...]) -> None:
        @steps(name=f"{number:03}")
        def apply(db: Database) -> None:
            for statement in statements:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")

    for number, statements in enumerate(MIGRATIONS, start=1):
        step(number, statements)
    steps.apply(Database(connection))
