"""Reads a channel from what Telegram Desktop exported: JSON or HTML, a folder, a file or a zip.

    [[blog]]
    reader  = "export"
    channel = "exports/ChatExport_2025-05-01"    # or …/result.json, …/messages.html, ….zip
    channel = "exports/account#1234567890"       # one channel of a whole account's export

Desktop's formats are its own source (https://github.com/telegramdesktop/tdesktop, folder
``Telegram/SourceFiles/export/output``). Both are read as streams: memory does not grow with the
history. The rooms of this folder:

    _reading   its messages, one after the other
    _files     where the export lies, and the way to its files, kept inside
    _stream    the borders of messages in a file that is never held as a whole
    _chats     which chats are in a result.json, and which is meant
    _records   a message of result.json as Desktop writes it
    _messages  that message → a part of a post
    _rich      the blocks of a rich message → text, entities and media
    _media     the file of a message or of a block
    _values    what a field of an unknown form holds
    _html      a message of messages.html → a part of a post
    _albums    parts → posts

What an export does not know: the channel's @name, views and comments, link previews, and which
messages are one album (``_albums`` infers it); in HTML also the channel's id and what was edited.
"""

import re
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Self
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ConfigDict

from crosspost.errors import ReaderError
from crosspost.model import Channel, Media, Post, decode_post, encode
from crosspost.readers import Bounds, Change, Checkpoint, Complete, Context, Gone, Note
from crosspost.readers.export._files import Store, Zip, folder, readable, zip_stamp

if TYPE_CHECKING:
    from crosspost.readers.export._reading import Opened

__all__ = ["ExportReader", "ExportSettings"]

_CHOICE: Final = re.compile(r"(.+)#(\d{1,19})", re.ASCII)
_SUFFIXES: Final = (".json", ".html", ".htm", ".zip")
_STEP: Final = 1.0
_FORM: Final = 2
"""Higher when the same file gives other posts than before: then it is read again."""


class ExportSettings(BaseModel):
    """``phone_numbers``: whether a contact's phone number may be kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phone_numbers: bool = False


class ExportReader:
    """A channel from its export. See ``crosspost.readers.Reader`` for what each method does."""

    name: ClassVar[str] = "export"
    sees_edits: ClassVar[bool] = True
    sees_deletions: ClassVar[bool] = True
    Settings: ClassVar[type[ExportSettings]] = ExportSettings

    def __init__(self, path: Path, wanted: int, settings: ExportSettings, context: Context) -> None:
        self._path = path
        self._wanted = wanted
        self._settings = settings
        self._context = context
        self._zone = ZoneInfo(context.timezone)
        self._store: Store | None = None
        self._open: Opened | None = None
        self.on_wait: Callable[[float], None] | None = None

    @classmethod
    def open(cls, settings: ExportSettings, channel: str, context: Context) -> Self:
        """The reader of the export at ``channel``, a path from ``context.base``, with ``#<id>``
        behind it where the export holds several channels. Raises ``ReaderError``."""
        path, wanted = context.base / Path(channel).expanduser(), 0
        choice = _CHOICE.fullmatch(channel)
        with readable(path):
            if choice and not path.exists():
                path, wanted = context.base / Path(choice[1]).expanduser(), int(choice[2])
            if not path.exists():
                raise ReaderError(f"there is no export at {path}: look at «channel» in the config")
            known = path.is_dir() or path.suffix.lower() in _SUFFIXES
        if not known:
            raise ReaderError(
                f"{path} is no Telegram export: it should be a folder with result.json or "
                "messages.html in it, one of these files, or a zip of the folder"
            )
        return cls(path, wanted, settings, context)

    def channel(self) -> Channel:
        return self._opened.channel()

    def read(self, bounds: Bounds, *, newest_first: bool = False) -> Iterator[Post | Note]:
        from crosspost.readers.export._reading import Pass

        pass_ = Pass()
        posts = (post for post in self._opened.posts(pass_) if bounds.hold(post))
        yield from self._reversed(posts) if newest_first else posts
        yield from pass_.notes()

    def changes(self, cursor: str | None) -> Iterator[Change]:
        before = self._cursor()
        if cursor == before:
            return
        from crosspost.readers.export._reading import Pass

        self.close()
        pass_ = Pass()
        yield from self._opened.posts(pass_)
        if self._cursor() != before:
            pass_.whole = False
            pass_.say("The export was changed while it was read: the next run reads it again")
        yield from pass_.notes()
        if pass_.whole and pass_.last:
            yield Complete(first=pass_.first, last=pass_.last)
        yield Checkpoint(before)

    def fetch(self, media: Media) -> Path:
        if media.missing:
            raise Gone(media.missing)
        file = self._files.fetch(media.locator, self._context.cache)
        limit = self._context.max_media
        if limit and file.stat().st_size > limit:
            raise Gone(f"it is larger than {limit / 2**20:,.0f} MB, the setting max_media")
        return file

    def wait(self, seconds: float) -> bool:
        before = self._stamp()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _STEP))
            if self._stamp() != before:
                self.close()
                return True
        return False

    def close(self) -> None:
        if self._store:
            self._store.close()
        self._store = self._open = None

    @property
    def _files(self) -> Store:
        if self._store is None:
            packed = self._path.suffix.lower() == ".zip" and self._path.is_file()
            self._store = Zip(self._path) if packed else folder(self._path)
        return self._store

    @property
    def _opened(self) -> "Opened":
        if self._open is None:
            from crosspost.readers.export._reading import Opened

            phones = self._settings.phone_numbers
            self._open = Opened(self._files, self._wanted, self._zone, phones)
        return self._open

    def _stamp(self) -> list[list[str | int]]:
        """What the sources look like from outside: nothing is opened for it."""
        if self._path.suffix.lower() == ".zip" and self._path.is_file():
            return zip_stamp(self._path)
        return folder(self._path).stamp()

    def _cursor(self) -> str:
        """The stamp, and what else decides what the posts are."""
        decides = (_FORM, self._wanted, self._zone.key, self._settings.phone_numbers, self._stamp())
        return msgspec.json.encode(decides).decode()

    def _reversed(self, posts: Iterator[Post]) -> Iterator[Post]:
        """The posts from the last to the first, by way of a file on disk."""
        from tempfile import TemporaryFile

        self._context.cache.mkdir(parents=True, exist_ok=True)
        ends = array("Q", [0])
        with TemporaryFile(dir=self._context.cache) as spool:
            for post in posts:
                ends.append(ends[-1] + spool.write(encode(post)))
            for index in range(len(ends) - 1, 0, -1):
                spool.seek(ends[index - 1])
                yield decode_post(spool.read(ends[index] - ends[index - 1]))
