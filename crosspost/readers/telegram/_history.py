"""The channel's history, page by page, up or down.

``messages.getHistory`` (https://core.telegram.org/method/messages.getHistory, paging as in
https://core.telegram.org/api/offsets): with ``add_offset`` = -``limit`` it gives what comes after
the offset. A page may be short or hold less than it should in the middle of a history, so only an
empty one is its end.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from crosspost.errors import ReaderError
from crosspost.model import Post
from crosspost.readers import Note
from crosspost.readers.telegram import _peers, _records, _trouble
from crosspost.readers.telegram._albums import Part, albums
from crosspost.readers.telegram._channel import Known, checked, find, remember, remembered
from crosspost.readers.telegram._link import Link
from crosspost.readers.telegram._peers import Manner, Peers

PAGE: Final = 100
"""Telegram's limit for one answer."""
_BORDER: Final = 10
"""As many messages as an album may have."""
_KEEP: Final = 500

log = logging.getLogger("crosspost.telegram")


class Page(NamedTuple):
    """Messages, the lowest id first, who is named in them, and the channel's pts (0: unknown)."""

    messages: list[Any]
    peers: Peers
    pts: int = 0


class History:
    """One channel as this account sees it."""

    def __init__(self, link: Link, text: str, cache: Path, manner: Manner) -> None:
        self.link = link
        self.manner = manner
        self.notes: list[Note] = []
        self.recent: dict[int, Any] = {}
        """The last messages that were read, by id: where their files are."""
        self.closing: dict[int, int] = {}
        """Open polls that will close by themselves, and when, as far as they were met."""
        self.chat: Any = None
        """The TL Channel as last seen."""
        self._text = text
        self._cache = cache
        self._known: Known | None = None
        self._sure = False

    # --- Asking ---

    @property
    def id(self) -> int:
        return self.known().id

    def known(self) -> Known:
        """The channel, from the cache or from Telegram."""
        if self._known is None:
            self._known = remembered(self._cache, self._text)
            if self._known is None:
                self._find()
        assert self._known is not None
        return self._known

    def _find(self) -> None:
        self._known, self._sure = find(self.link, self._text), True
        remember(self._cache, self._known)

    def channel(self) -> Any:
        """The TL InputChannel."""
        from telethon.tl.types import InputChannel  # type: ignore[import-untyped]

        known = self.known()
        return InputChannel(known.id, known.access_hash)

    def peer(self) -> Any:
        """The TL InputPeerChannel."""
        from telethon.tl.types import InputPeerChannel

        known = self.known()
        return InputPeerChannel(known.id, known.access_hash)

    def ask(self, *make: Callable[[], Any]) -> list[Any]:
        """The answers to the requests that ``make`` makes, in one packet. A remembered way to the
        channel that leads nowhere is looked for again, once. Raises ``ReaderError``, ``Later``."""
        known = self.known()
        try:
            return self._ask(make)
        except Exception as error:
            if type(error).__name__ not in _trouble.WRONG_POINTER or self._sure:
                raise self._ended(error) from error.__cause__
        self._find()
        self.must_be(known.id)
        try:
            return self._ask(make)
        except Exception as error:
            raise self._ended(error) from error.__cause__

    def must_be(self, channel_id: int) -> None:
        """Raises ``ReaderError`` if the channel is another one than before."""
        if self.id != channel_id:
            raise ReaderError(
                f"{self._text} now leads to another channel (id {self.id}) than the one mirrored "
                f"so far (id {channel_id}): if you mean the old one, write its id as «channel» in "
                "the config; if you mean the new one, give it a blog with a name of its own"
            )

    def _ask(self, make: Iterable[Callable[[], Any]]) -> list[Any]:
        requests = [one() for one in make]
        if len(requests) == 1:
            return [self.link.ask(requests[0])]
        return self.link.ask_both(*requests)

    def _ended(self, error: Exception) -> Exception:
        """Telegram's refusal as the run's end; other errors as they are."""
        if type(error).__name__ == "TypeNotFoundError" or isinstance(error, RecursionError):
            return ReaderError(
                f"{self._text} holds something that this version cannot read: upgrade crosspost "
                "and telethon"
            )
        if hasattr(error, "code") and hasattr(error, "message"):
            return _trouble.sentence(error, self._text)
        return error

    # --- Pages ---

    def request(
        self,
        *,
        after: int | None = None,
        since: datetime | None = None,
        before: int = 0,
        until: datetime | None = None,
        limit: int = PAGE,
    ) -> Any:
        """The request for the first messages with ids above ``after`` or from ``since`` on; or
        for the last ones with ids below ``before`` or dated before ``until`` (neither: of all)."""
        from telethon.tl.functions.messages import (  # type: ignore[import-untyped]
            GetHistoryRequest,
        )

        up = after is not None or since is not None
        return GetHistoryRequest(
            self.peer(),
            offset_id=before if after is None else after + 1,
            offset_date=until if since is None else since,
            add_offset=-limit if up else 0,
            limit=limit,
            max_id=0,
            min_id=0,
            hash=0,
        )

    def page(self, **where: Any) -> Page:
        [answer] = self.ask(lambda: self.request(**where))
        return self.turned(answer)

    def turned(self, answer: Any) -> Page:
        """Telegram's answer as a page; the channel is learned from it."""
        self.learn(answer.chats)
        messages = sorted(answer.messages, key=lambda one: one.id)
        messages = [one for one in messages if type(one).__name__ != "MessageEmpty"]
        peers = _peers.peers(answer.users, answer.chats)
        return Page(messages, peers, getattr(answer, "pts", 0))

    def learn(self, chats: Iterable[Any]) -> None:
        """The channel's present name, from the chats of an answer. Raises ``ReaderError``."""
        for chat in chats:
            if chat.id == self.id and not getattr(chat, "min", False):
                self.chat = checked(chat, self._text)
                name = _peers.public_name(chat)
                self.manner = replace(self.manner, channel_id=self.id, username=name)

    def some(self, ids: Iterable[int]) -> Page:
        """The messages with these ids that still exist, at most a hundred."""
        from telethon.tl.functions.channels import (  # type: ignore[import-untyped]
            GetMessagesRequest,
        )
        from telethon.tl.types import InputMessageID

        wanted = [InputMessageID(one) for one in ids]
        [answer] = self.ask(lambda: GetMessagesRequest(self.channel(), wanted))
        return self.turned(answer)

    def up(self, page: Page, *, after: int = 0) -> Iterator[Page]:
        """``page`` and the pages after it, to the end; with the beginning of an album that
        ``page`` breaks into."""
        page = Page([one for one in page.messages if one.id > after], page.peers, page.pts)
        first = True
        while page.messages:
            if first and grouped(page.messages[0]):
                page = self._completed(page, page.messages[0], before=page.messages[0].id)
            first = False
            yield page
            last = page.messages[-1].id
            page = self.page(after=last)
            page = Page([one for one in page.messages if one.id > last], page.peers, page.pts)

    def down(self, page: Page) -> Iterator[Page]:
        """``page`` and the pages before it, to the beginning; with the end of an album that
        ``page`` breaks into."""
        first = True
        while page.messages:
            if first and grouped(page.messages[-1]):
                page = self._completed(page, page.messages[-1], after=page.messages[-1].id)
            first = False
            yield page
            last = page.messages[0].id
            page = self.page(before=last)
            page = Page([one for one in page.messages if one.id < last], page.peers, page.pts)

    def _completed(self, page: Page, at: Any, **where: int) -> Page:
        """The page with the rest of the album of ``at``, the message at its border."""
        beyond = self.page(**where, limit=_BORDER)
        rest = [one for one in beyond.messages if grouped(one) == grouped(at)]
        messages = sorted((*page.messages, *rest), key=lambda one: one.id)
        return Page(messages, {**beyond.peers, **page.peers}, page.pts)

    # --- Posts ---

    def posts(self, pages: Iterable[Page], *, down: bool = False) -> Iterator[Post]:
        """The posts on the pages, complete albums only."""
        return albums(
            part
            for page in pages
            for part in (reversed(self.parts(page)) if down else self.parts(page))
        )

    def parts(self, page: Page) -> list[Part]:
        """The page's messages as parts of posts; what cannot be read is said in ``notes``."""
        found = []
        for message in page.messages:
            part = self.part(message, page.peers)
            if part:
                found.append(part)
        return found

    def part(self, message: Any, peers: Peers) -> Part | None:
        if type(message).__name__ != "Message":
            return None
        if getattr(message.rich_message, "part", False):
            message = self._whole(message)
        try:
            self._keep(message)
            self._watch(message)
            return _records.part(message, self.manner, peers)
        except Exception as error:
            log.debug("message %d cannot be read", message.id, exc_info=True)
            why = f"Message {message.id} cannot be read ({type(error).__name__}: {error})"
            self.notes.append(Note(text=f"{why}: its article only links to it", post_id=message.id))
            return _records.bare(message, self.manner)

    def _whole(self, message: Any) -> Any:
        """A long rich message comes in part; its whole is asked for."""
        from telethon.tl.functions.messages import GetRichMessageRequest

        [answer] = self.ask(lambda: GetRichMessageRequest(self.peer(), message.id))
        return next((one for one in answer.messages if one.id == message.id), message)

    def _keep(self, message: Any) -> None:
        if message.media is not None or message.rich_message is not None:
            self.recent[message.id] = message
            if len(self.recent) > _KEEP:
                del self.recent[next(iter(self.recent))]

    def _watch(self, message: Any) -> None:
        poll = getattr(message.media, "poll", None)
        if poll is None:
            return
        closes = int(poll.close_date.timestamp()) if poll.close_date else 0
        if not poll.closed and closes > time.time():
            self.closing[message.id] = closes
            if len(self.closing) > PAGE:
                del self.closing[next(iter(self.closing))]
        else:
            self.closing.pop(message.id, None)

    def closed(self) -> list[int]:
        """The polls that have closed by themselves since; they are not watched any longer."""
        now = time.time()
        closed = [number for number, closes in self.closing.items() if closes <= now]
        for number in closed:
            del self.closing[number]
        return closed

    def said(self) -> Iterator[Note]:
        """What there is to say since the last time."""
        notes, self.notes = self.notes, []
        yield from notes


def grouped(message: Any) -> int:
    """The id of the album the message is part of, 0 for none."""
    return getattr(message, "grouped_id", None) or 0
