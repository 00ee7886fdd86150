"""Readers: one file per way to read a channel. This page is their contract.

A reader turns what Telegram shows into ``Post`` records and knows nothing of articles, the ledger
or sites. It is made by ``config`` as ``Reader.open(settings, channel, context)`` and closed once.
Adding one: write ``readers/<name>.py``, register it under the entry point ``crosspost.readers``,
and pass ``tests/contract/reader_contract.py``.

Heavy libraries are imported inside functions: a run with nothing new must not pay for them.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final, Protocol

from crosspost.model import Channel, Media, Post, Record


class Gone(Exception):
    """This file cannot be had (not exported, deleted, expired for good); the text says why.

    The article goes on without it and says so; the report does too."""


class Unsafe(Exception):
    """This file must not be touched: its path leaves the export, it is too large, a link. The
    post is held for a person; the text says why."""


FIRST_MOMENT: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT: Final = datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)
"""Telegram's dates are seconds in 32 bits (``date:int``, https://core.telegram.org/constructor/message):
another date is none of Telegram's, and may lie where no time zone reaches."""


class Bounds(Record, frozen=True):
    """Which posts to read: dates are inclusive, ``since`` and ``until`` in UTC; ids inclusive.
    None means unbounded."""

    since: datetime | None = None
    until: datetime | None = None
    first_id: int | None = None
    last_id: int | None = None

    def hold(self, post: Post) -> bool:
        """Whether the post lies within the bounds."""
        return (
            (self.since is None or post.date >= self.since)
            and (self.until is None or post.date <= self.until)
            and (self.first_id is None or post.id >= self.first_id)
            and (self.last_id is None or post.id <= self.last_id)
        )


class Deleted(Record, frozen=True):
    """Telegram says that these messages are gone."""

    ids: tuple[int, ...]


class Complete(Record, frozen=True):
    """Every post with an id from ``first`` to ``last`` that still exists was yielded in this
    pass: whatever else is known in that range is gone."""

    first: int
    last: int


class Checkpoint(Record, frozen=True):
    """All that was yielded so far may be stored for good, and ``cursor`` with it: the next
    ``changes(cursor)`` goes on from here."""

    cursor: str


class Note(Record, frozen=True):
    """Something the report should say. ``lost``: a part of the source could not be read, so posts
    may be missing; a person must look, and the run ends with exit code 1."""

    text: str
    post_id: int = 0
    lost: bool = False


Change = Post | Deleted | Complete | Checkpoint | Note


class Context(Record, frozen=True):
    """What a reader is given besides its settings: ``base`` is the folder relative paths in the
    config start from; ``cache`` a folder of its own for downloads, made when needed (readers
    delete nothing there that another run may use); ``timezone`` the config's, for sources that
    give local times; ``newest`` the highest post id the ledger has (0: none), so that a reader
    without a cursor can stop there; ``max_media`` the size in bytes above which a file stays where
    it is (0: what the reader's own settings say)."""

    base: Path
    cache: Path
    timezone: str = "UTC"
    newest: int = 0
    max_media: int = 0


class Reader(Protocol):
    """Reads one channel. Raises ``ReaderError`` when the channel as a whole cannot be read."""

    name: ClassVar[str]
    """The reader's type name in the config."""
    sees_edits: ClassVar[bool]
    """Whether ``changes`` reports edits of older posts."""
    sees_deletions: ClassVar[bool]
    """Whether ``changes`` reports deletions (by ``Deleted`` or ``Complete``)."""
    on_wait: Callable[[float], None] | None
    """Whoever opened the reader puts here what to call every second of a pause that the source
    asks for, with the seconds left. Readers that are never asked to wait leave it alone."""

    def channel(self) -> Channel:
        """Who speaks."""

    def read(self, bounds: Bounds, *, newest_first: bool = False) -> Iterator[Post | Note]:
        """The posts within ``bounds``, oldest first unless asked otherwise; complete albums
        only; service messages are not posts. Memory does not grow with the history."""

    def changes(self, cursor: str | None) -> Iterator[Change]:
        """What is new, edited or gone since ``cursor`` (None: everything). Ends with a
        ``Checkpoint`` when there was anything to say; yields nothing at all, at no cost, when
        the source has not changed. Re-yielding known posts is harmless."""

    def fetch(self, media: Media) -> Path:
        """The file behind ``media`` (or a ``Media`` made with its ``thumb`` as locator), on this
        disk, complete. Streams; refreshes expired addresses. Raises ``Gone`` or ``Unsafe``."""

    def wait(self, seconds: float) -> bool:
        """The doorbell: sleeps at most ``seconds``; True when something rang, now or since the
        last time it was asked."""

    def close(self) -> None:
        """Lets go of connections and files."""
