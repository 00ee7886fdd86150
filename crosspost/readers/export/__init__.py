"""Reads a channel from what Telegram Desktop exported: JSON or HTML, a folder, a file or a zip.

    [[blog]]
    reader  = "export"
    channel = "exports/ChatExport_2025-05-01"    # or …/result.json, …/messages.html, ….zip
    channel = "exports/account#1234567890"       # one channel of a whole account's export

Desktop's formats are its own source (https://github.com/telegramdesktop/tdesktop, folder
``Telegram/SourceFiles/export/output``). Both are read as streams: memory does not grow with the
history. The rooms of this folder:

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
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, Self
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ConfigDict

from crosspost.errors import ReaderError
from crosspost.model import Channel, Media, Post, decode_post, encode
from crosspost.readers import Bounds, Change, Checkpoint, Complete, Context, Gone, Note
from crosspost.readers.export import _html, _messages, _records, _stream
from crosspost.readers.export._albums import Part, albums, join
from crosspost.readers.export._chats import Chat, choose
from crosspost.readers.export._files import Store, Zip, folder, gaps, readable, zip_stamp
from crosspost.readers.export._records import Manner, Mended, Message
from crosspost.readers.export._stream import Damaged, Refused, Window

__all__ = ["ExportReader", "ExportSettings"]

_CHOICE: Final = re.compile(r"(.+)#(\d{1,19})", re.ASCII)
_SUFFIXES: Final = (".json", ".html", ".htm", ".zip")
_NOTES: Final = 100
_STEP: Final = 1.0
_FORM: Final = 2
"""Higher when the same file gives other posts than before: then it is read again."""
_HEAD: Final = 4 * 1024 * 1024
"""A page of a thousand messages takes some two or three megabytes."""


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
        self._chat: Chat | None = None
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
        if self._pages:
            return Channel(id=0, title=self._title())
        chat = self._choose()
        return Channel(id=chat.id, title=chat.name)

    def read(self, bounds: Bounds, *, newest_first: bool = False) -> Iterator[Post | Note]:
        pass_ = _Pass()
        posts = (post for post in self._posts(pass_) if bounds.hold(post))
        yield from self._reversed(posts) if newest_first else posts
        yield from pass_.notes()

    def changes(self, cursor: str | None) -> Iterator[Change]:
        before = self._cursor()
        if cursor == before:
            return
        self.close()
        pass_ = _Pass()
        yield from self._posts(pass_)
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
        self._store = self._chat = None

    @property
    def _files(self) -> Store:
        if self._store is None:
            packed = self._path.suffix.lower() == ".zip" and self._path.is_file()
            self._store = Zip(self._path) if packed else folder(self._path)
        return self._store

    @property
    def _pages(self) -> bool:
        return self._files.sources[0].lower().endswith((".html", ".htm"))

    def _stamp(self) -> list[list[str | int]]:
        """What the sources look like from outside: nothing is opened for it."""
        if self._path.suffix.lower() == ".zip" and self._path.is_file():
            return zip_stamp(self._path)
        return folder(self._path).stamp()

    def _cursor(self) -> str:
        """The stamp, and what else decides what the posts are."""
        decides = (_FORM, self._wanted, self._zone.key, self._settings.phone_numbers, self._stamp())
        return msgspec.json.encode(decides).decode()

    def _posts(self, pass_: "_Pass") -> Iterator[Post]:
        parts = self._html_parts(pass_) if self._pages else self._json_parts(pass_)
        for group in albums(parts):
            post = join(group)
            pass_.saw(post)
            yield post

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

    def _json_parts(self, pass_: "_Pass") -> Iterator[Part]:
        source = self._files.sources[0]
        chat = self._choose()
        manner = self._manner(chat.id)
        previous: datetime | None = None
        with self._files.open(source) as file:
            window = Window(file, chat.at)
            try:
                for found in _stream.messages(window, _records.decode, _records.mend):
                    if isinstance(found, Refused):
                        pass_.refuse(source, found)
                        continue
                    part = self._json_part(source, found, manner, previous, pass_)
                    if part:
                        previous = part.post.date
                        yield part
            except Damaged as damage:
                pass_.damage(source, damage)

    def _json_part(
        self,
        source: str,
        message: Message,
        manner: Manner,
        previous: datetime | None,
        pass_: "_Pass",
    ) -> Part | None:
        try:
            part = _messages.part(message, manner, previous)
        except (ValueError, RecursionError) as error:
            pass_.leave_out(f"Message {message.id} in {source} is left out: {error}", message.id)
            return None
        if isinstance(message, Mended) and message.odd:
            pass_.say(
                f"Message {message.id} in {source} is read without what is of an unknown form: "
                f"{', '.join(message.odd)}",
                message.id,
            )
        if part and part.odd:
            pass_.say(
                f"Message {message.id} in {source} has blocks of unknown kinds, which are read "
                f"as plain text: {', '.join(part.odd)}",
                message.id,
            )
        return part

    def _html_parts(self, pass_: "_Pass") -> Iterator[Part]:
        sources, title = self._files.sources, self._title()
        missing = gaps(sources)
        if missing:
            pass_.leave_out(f"Pages of the export are missing: {', '.join(missing)}")
        before = _html.Before()
        for source in sources:
            with self._files.open(source) as file:
                try:
                    for found in _stream.pages(Window(file)):
                        if isinstance(found, Refused):
                            pass_.refuse(source, found)
                            continue
                        part, before = self._html_part(source, found, title, before, pass_)
                        if part:
                            yield part
                except Damaged as damage:
                    pass_.damage(source, damage)

    def _html_part(
        self,
        source: str,
        found: tuple[int, bytes],
        title: str,
        before: _html.Before,
        pass_: "_Pass",
    ) -> tuple[Part | None, _html.Before]:
        number, data = found

        def locate(path: str) -> str:
            return self._files.locate(source, path)

        try:
            element = _html.parse(data)
            part, before = _html.part(element, number, self._manner(0), before, locate)
            if part and part.sender not in ("", title):
                raise ValueError(f"«{part.sender}» sent it, not «{title}»")
        except ValueError as error:
            pass_.leave_out(f"Message {number} in {source} is left out: {error}", number)
            return None, before
        return part, before

    def _title(self) -> str:
        """The channel's title on its first page. Raises ``ReaderError`` if the page is none of a
        channel's: Desktop does not say what it exported, but in a channel all posts bear its
        title."""
        source = self._files.sources[0]
        with self._files.open(source) as file:
            head = file.read(_HEAD)
        title = _html.title(head)
        if title is None:
            raise ReaderError(
                f"{self._place(source)} is no page of a Telegram export, or is damaged: export "
                "the channel again"
            )
        strangers = sorted(_html.senders(head) - {title})
        if strangers:
            raise ReaderError(
                f"{self._place(source)} shows messages of others than «{title}» "
                f"({', '.join(strangers[:3])}), so it is not a channel's: export the channel "
                "itself; if its posts bear their authors' profiles, export it as JSON"
            )
        return title

    def _choose(self) -> Chat:
        if self._chat is None:
            source = self._files.sources[0]
            with self._files.open(source) as file:
                self._chat = choose(file, self._place(source), self._wanted)
        return self._chat

    def _manner(self, channel_id: int) -> Manner:
        return Manner(
            zone=self._zone,
            channel_id=channel_id,
            phone_numbers=self._settings.phone_numbers,
        )

    def _place(self, source: str) -> str:
        """What a person would call the file."""
        place = self._files.place
        return f"{source} in {place}" if place.is_file() else str(place / source)


class _Pass:
    """What one reading has seen: the range of ids, and what was left out."""

    def __init__(self) -> None:
        self.whole = True
        self.first = self.last = 0
        self._notes: list[Note] = []
        self._more = 0

    def saw(self, post: Post) -> None:
        self.first = min(self.first or post.id, post.id)
        self.last = max(self.last, *post.ids)

    def say(self, text: str, post_id: int = 0, *, lost: bool = False) -> None:
        """Something the report should say."""
        if len(self._notes) < _NOTES:
            self._notes.append(Note(text=text, post_id=post_id, lost=lost))
        else:
            self._more += 1

    def leave_out(self, text: str, post_id: int = 0) -> None:
        """Something is missing, so what was not seen is not gone."""
        self.whole = False
        self.say(text, post_id, lost=True)

    def refuse(self, source: str, found: Refused) -> None:
        self.leave_out(f"The message at byte {found.at} of {source} is left out: {found.why}")

    def damage(self, source: str, found: Damaged) -> None:
        self.leave_out(
            f"{source} is damaged at byte {found.at} ({found}): what comes after it is not read; "
            "export the channel again"
        )

    def notes(self) -> Iterator[Note]:
        yield from self._notes
        if self._more:
            yield Note(text=f"{self._more} more things like these were met", lost=not self.whole)
