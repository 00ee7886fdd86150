"""Reads a channel as the account that is logged in sees it, over MTProto, with Telethon.

    [telegram]
    api_id   = {env = "TELEGRAM_API_ID"}
    api_hash = {env = "TELEGRAM_API_HASH"}
    session  = "telegram.session"

    [[blog]]
    reader  = "telegram"
    channel = "@name"        # or a t.me link, an invite link, a numeric id

The rooms of this folder:

    _settings  what it has to be told
    _session   the login: a file or a text, locked
    _link      the connection: a thread, requests that end
    _trouble   what Telegram refuses, as sentences
    _channel   which channel is meant
    _history   the channel's messages, page by page
    _changes   what is new, edited or gone since a cursor
    _media     the photos and files of a message
    _rich      page blocks → text and entities
    _content   what a message holds beside text and files
    _peers     who is named in a message
    _records   a message → a part of a post
    _albums    parts → posts
    _files     photos and files, to this disk
    account    logging in and out, and what the account sees

What Telegram does not tell a reader: a poll's results before one has voted or it is closed.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final, Self

from crosspost.model import Channel, Media, Post
from crosspost.readers import Bounds, Change, Context, Note
from crosspost.readers.telegram import _changes, _files
from crosspost.readers.telegram._channel import pointer
from crosspost.readers.telegram._history import History
from crosspost.readers.telegram._link import Link, link
from crosspost.readers.telegram._peers import Manner, public_name
from crosspost.readers.telegram._settings import TelegramServer, TelegramSettings
from crosspost.readers.telegram._trouble import Unreachable

__all__ = ["TelegramReader", "TelegramServer", "TelegramSettings", "Unreachable"]

_GLANCE: Final = 1.0
"""Seconds after which a waiting reader looks whether its connection still stands."""


class TelegramReader:
    """A channel, live. See ``crosspost.readers.Reader`` for what each method does."""

    name: ClassVar[str] = "telegram"
    sees_edits: ClassVar[bool] = True
    sees_deletions: ClassVar[bool] = True
    Settings: ClassVar[type[TelegramSettings]] = TelegramSettings

    def __init__(self, settings: TelegramSettings, channel: str, context: Context) -> None:
        self._settings = settings
        self._text = channel
        self._context = context
        self._link: Link | None = None
        self._made: History | None = None
        self._channel: Channel | None = None

    @classmethod
    def open(cls, settings: TelegramSettings, channel: str, context: Context) -> Self:
        """The reader of ``channel``. Nothing is asked yet. Raises ``ReaderError`` for what can
        be no channel."""
        pointer(channel)
        return cls(settings, channel, context)

    @property
    def on_wait(self) -> Callable[[float], None] | None:
        """Called every second of a pause that Telegram asks for, with the seconds left."""
        return self._linked().on_wait

    @on_wait.setter
    def on_wait(self, call: Callable[[float], None] | None) -> None:
        self._linked().on_wait = call

    def channel(self) -> Channel:
        if self._channel is None:
            full = _files.full(self._history).full_chat
            chat = self._history.chat
            photo = full.chat_photo
            self._channel = Channel(
                id=chat.id,
                title=chat.title,
                username=public_name(chat),
                about=full.about or "",
                photo=f"photo/{photo.id}" if hasattr(photo, "sizes") else "",
            )
        return self._channel

    def read(self, bounds: Bounds, *, newest_first: bool = False) -> Iterator[Post | Note]:
        posts = self._down(bounds) if newest_first else self._up(bounds)
        for post in posts:
            yield from self._history.said()
            if bounds.hold(post):
                yield post
        yield from self._history.said()

    def _up(self, bounds: Bounds) -> Iterator[Post]:
        history, lowest = self._history, max(bounds.first_id or 1, 1)
        first = None if bounds.since is None else history.page(since=bounds.since)
        if first is None or (first.messages and first.messages[0].id < lowest):
            first = history.page(after=lowest - 1)
        for post in history.posts(history.up(first)):
            if (bounds.last_id is not None and post.id > bounds.last_id) or (
                bounds.until is not None and post.date > bounds.until
            ):
                return
            yield post

    def _down(self, bounds: Bounds) -> Iterator[Post]:
        history, highest = self._history, bounds.last_id
        until = None if bounds.until is None else bounds.until + timedelta(seconds=1)
        first = history.page(until=until) if until or highest is None else None
        if highest is not None and (
            first is None or (first.messages and first.messages[-1].id > highest)
        ):
            first = history.page(before=highest + 1)
        assert first is not None
        for post in history.posts(history.down(first), down=True):
            if (bounds.first_id is not None and post.id < bounds.first_id) or (
                bounds.since is not None and post.date < bounds.since
            ):
                return
            yield post

    def changes(self, cursor: str | None) -> Iterator[Change]:
        return _changes.changes(self._history, cursor)

    def fetch(self, media: Media) -> Path:
        cache = self._context.cache
        return _files.fetch(self._history, media, cache, self._max_media)

    def wait(self, seconds: float) -> bool:
        number = self._history.id
        end = time.monotonic() + seconds
        while True:
            bell = self._linked().bell(number)
            left = end - time.monotonic()
            if bell.wait(max(min(left, _GLANCE), 0)):
                bell.clear()
                return True
            if left <= _GLANCE:
                return False

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = self._made = None

    @property
    def _history(self) -> History:
        if self._made is None:
            manner = Manner(
                channel_id=0,
                phone_numbers=self._settings.phone_numbers,
                max_media=self._max_media,
            )
            self._made = History(self._linked(), self._text, self._context.cache, manner)
        return self._made

    @property
    def _max_media(self) -> int:
        return self._context.max_media or self._settings.max_media

    def _linked(self) -> Link:
        if self._link is None:
            self._link = link(self._settings, self._context.base)
        return self._link
