"""An opened export's messages, one after the other, and what could not be read of it.

Apart from the reader, so that a look at an export that has not changed loads none of this.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from crosspost.errors import ReaderError
from crosspost.model import Channel, Post
from crosspost.readers import Note
from crosspost.readers.export import _html, _messages, _records, _stream
from crosspost.readers.export._albums import Part, albums, join
from crosspost.readers.export._chats import Chat, choose
from crosspost.readers.export._files import Store, gaps
from crosspost.readers.export._records import Manner, Mended, Message
from crosspost.readers.export._stream import Damaged, Refused, Window

_NOTES: Final = 100
_HEAD: Final = 4 * 1024 * 1024
"""A page of a thousand messages takes some two or three megabytes."""


class Pass:
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


class Opened:
    """An export as it lies in ``files``. ``wanted`` is the channel's id where there are several,
    else 0; times without a zone are in ``zone``."""

    def __init__(self, files: Store, wanted: int, zone: ZoneInfo, phone_numbers: bool) -> None:
        self._files, self._wanted = files, wanted
        self._zone, self._phone_numbers = zone, phone_numbers
        self._chat: Chat | None = None

    def channel(self) -> Channel:
        """What the export says of its channel. Raises ``ReaderError``."""
        if self._pages:
            return Channel(id=0, title=self._title())
        chat = self._choose()
        return Channel(id=chat.id, title=chat.name)

    def posts(self, pass_: Pass) -> Iterator[Post]:
        """Its posts, the oldest first; ``pass_`` hears of what is left out."""
        parts = self._html_parts(pass_) if self._pages else self._json_parts(pass_)
        for group in albums(parts):
            post = join(group)
            pass_.saw(post)
            yield post

    @property
    def _pages(self) -> bool:
        return self._files.sources[0].lower().endswith((".html", ".htm"))

    def _json_parts(self, pass_: Pass) -> Iterator[Part]:
        source = self._files.sources[0]
        chat = self._choose()
        manner = self._manner(chat.id)
        previous: datetime | None = None
        with self._files.open(source) as file:
            window = Window(file, chat.at)
            try:
                ways = _records.decode_all, _records.decode, _records.mend
                for found in _stream.messages(window, *ways):
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
        pass_: Pass,
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

    def _html_parts(self, pass_: Pass) -> Iterator[Part]:
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
        pass_: Pass,
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
            phone_numbers=self._phone_numbers,
        )

    def _place(self, source: str) -> str:
        """What a person would call the file."""
        place = self._files.place
        return f"{source} in {place}" if place.is_file() else str(place / source)
