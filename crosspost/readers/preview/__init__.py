"""Reads a channel from its public web preview, t.me/s/<channel>, without an account.

    [[blog]]
    reader  = "preview"
    channel = "@name"            # or name, t.me/name, https://t.me/s/name, a link to a post

Telegram shows about twenty messages a page and older ones behind ``?before=<id>``. The rooms of
this folder:

    _web      the way to Telegram: slow, polite, and nowhere else
    _page     a page → its posts, and why there are none
    _message  a message of the page → a post
    _files    the files of a message
    _html     elements and their words
    _cursor   what is remembered from run to run

A run with nothing new asks for one page. When that page has changed, the newest ``window``
messages are looked through again for edits and deletions; an edit of an older post is not seen,
nor is one in the window's older part until the newest page changes. What a page does not tell is
listed in ``_message``.
"""

import re
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, ClassVar, Final, NamedTuple, Self
from urllib.parse import urlsplit

from msgspec.structs import replace
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from crosspost.errors import ReaderError
from crosspost.model import Channel, Media, Post, decode_post, encode
from crosspost.readers import Bounds, Change, Checkpoint, Complete, Context, Gone, Note
from crosspost.readers.preview import _cursor, _page, _web
from crosspost.readers.preview._cursor import State
from crosspost.readers.preview._files import NO_FILE
from crosspost.readers.preview._message import Found
from crosspost.readers.preview._page import Leaf

__all__ = ["PreviewReader", "PreviewSettings"]

_LARGEST: Final = 10
"""Telegram's limit for one album: https://core.telegram.org/api/files#albums-grouped-media"""
_FULL: Final = 16
"""A page with older ones behind it has no fewer messages than this."""
_CUTTABLE: Final = ("photo", "video", "audio", "document")
_KNOWN: Final = 5000
"""Addresses of files kept in mind."""
_NOTES: Final = 100
_LOCATOR: Final = re.compile(r"(\d{1,10})/\d{1,3}(/thumb)?", re.ASCII)
_ENDING: Final = re.compile(r"\.[a-z0-9]{1,5}", re.ASCII)
_USERNAME: Final = r"([A-Za-z][A-Za-z0-9_]{3,31})"
_HOST: Final = r"(?:https?://)?(?:www\.)?(?:t|telegram)\.(?:me|dog)/"
_FORMS: Final = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"@?{_USERNAME}",
        rf"{_HOST}(?:s/)?{_USERNAME}(?:/\d+)?/?(?:[?#].*)?",
        rf"(?:https?://)?{_USERNAME}\.t\.me(?:/(?:s/)?\d*)?/?(?:[?#].*)?",
    )
)
_PRIVATE: Final = re.compile(rf"{_HOST}(?:\+|joinchat/|c/).*|-?\d+", re.ASCII | re.IGNORECASE)


def _place(value: str) -> str:
    parts = urlsplit(value)
    local = _web.loopback(parts.hostname or "")
    if not parts.hostname or parts.scheme not in (("http", "https") if local else ("https",)):
        raise ValueError("it takes an https address such as https://t.me/s/")
    return value if value.endswith("/") else f"{value}/"


class PreviewSettings(BaseModel):
    """How to read a channel's web preview.

    ``preview``: where it is; the channel's name is added to it. ``window``: how many of the newest
    messages are looked through again for edits and deletions when something has changed.
    ``max_file``: megabytes of one file. ``pause``: seconds between two requests; ``timeout``:
    seconds an answer may keep one waiting; ``attempts``: how often a request is tried, with
    ``backoff`` seconds and more between; ``patience``: the longest wait, in seconds, that the
    server may ask for before the run ends and the next one goes on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    preview: Annotated[str, AfterValidator(_place)] = "https://t.me/s/"
    window: int = Field(default=40, ge=1, le=10_000)
    max_file: int = Field(default=200, ge=1)
    pause: float = Field(default=0.2, ge=0, le=60)
    timeout: float = Field(default=30, gt=0, le=600)
    attempts: int = Field(default=5, ge=1, le=20)
    backoff: float = Field(default=1, ge=0, le=60)
    patience: float = Field(default=120, ge=0, le=3600)


class _Stretch(NamedTuple):
    """Posts read in one go: all there are from id ``first`` to ``last``, if ``whole``."""

    found: tuple[Found, ...]
    first: int
    last: int
    whole: bool
    notes: tuple[Note, ...]
    beginning: bool


class PreviewReader:
    """A channel from its web preview. See ``crosspost.readers.Reader`` for each method."""

    name: ClassVar[str] = "preview"
    sees_edits: ClassVar[bool] = True
    sees_deletions: ClassVar[bool] = True
    Settings: ClassVar[type[PreviewSettings]] = PreviewSettings

    def __init__(self, username: str, settings: PreviewSettings, context: Context) -> None:
        self._username = username
        self._settings = settings
        self._context = context
        self._url = f"{settings.preview}{username}"
        self._urls: OrderedDict[str, str] = OrderedDict()
        self._channel: Channel | None = None
        self.on_wait: Callable[[float], None] | None = None
        manners = _web.Manners(
            timeout=settings.timeout,
            attempts=settings.attempts,
            backoff=settings.backoff,
            pause=settings.pause,
            patience=settings.patience,
        )
        self._web = _web.Web(settings.preview, manners)

    @classmethod
    def open(cls, settings: PreviewSettings, channel: str, context: Context) -> Self:
        """The reader of a public channel, named as a person would: ``@name``, ``name``, a link to
        it or to one of its posts. Asks nobody yet. Raises ``ReaderError``."""
        channel = channel.strip()
        for form in _FORMS:
            if found := form.fullmatch(channel):
                return cls(found[1], settings, context)
        if _PRIVATE.fullmatch(channel):
            raise ReaderError(
                f"«{channel}» names a private channel, which has no preview on the web: read it "
                'with reader = "telegram", or from an export'
            )
        raise ReaderError(
            f"«{channel}» is no name of a public channel: «channel» takes @name or its link, "
            "https://t.me/name"
        )

    def channel(self) -> Channel:
        if self._channel is None:
            self._leaf(None)
        assert self._channel is not None
        return self._channel

    def read(self, bounds: Bounds, *, newest_first: bool = False) -> Iterator[Post | Note]:
        if newest_first:
            return self._backwards(bounds)
        return self._reversed(self._backwards(bounds))

    def changes(self, cursor: str | None) -> Iterator[Change]:
        state = _cursor.load(cursor)
        if state is None:
            state = State(newest=self._context.newest if cursor is None else 0)
        page = self._web.page(self._url, etag=state.etag, modified=state.modified)
        if page.body is not None:
            leaf = self._read(page, self._url)
            self._same_channel(state, leaf)
            if leaf.mark != state.mark and (leaf.seen or state.newest):
                state, stretch = self._news(state, leaf, page)
                yield from _told(stretch, state)
        while state.left:
            low, high = state.left[0]
            for stretch in self._walk(high + 1, low):
                first = 0 if stretch.beginning else stretch.first
                state = replace(state, left=_cursor.below(state.left, first))
                yield from _told(stretch, state)
            if (low, high) in state.left:
                state = replace(state, left=state.left[1:])
                yield Checkpoint(_cursor.dump(state))

    def fetch(self, media: Media) -> Path:
        if media.missing:
            raise Gone(media.missing)
        locator = media.locator
        if locator != _page.PHOTO and not _LOCATOR.fullmatch(locator):
            raise Gone(f"«{locator}» is no file of the preview's")
        known = self._urls.get(locator)
        if known:
            with suppress(_web.Expired):
                return self._file(locator, known)
        try:
            return self._file(locator, self._fresh(locator))
        except _web.Expired as error:
            raise Gone(f"Telegram does not give it any more: {error}") from error

    def wait(self, seconds: float) -> bool:
        time.sleep(max(seconds, 0))
        return False

    def close(self) -> None:
        self._web.close()

    # --- Pages --------------------------------------------------------------------------------

    def _leaf(self, before: int | None) -> Leaf:
        asked = self._url if before is None else f"{self._url}?before={before}"
        return self._read(self._web.page(asked), asked)

    def _read(self, page: _web.Page, asked: str) -> Leaf:
        leaf = _page.leaf(page, asked, self._username)
        self._channel = leaf.channel
        for one in leaf.found:
            self._urls.update(one.urls)
        if leaf.photo:
            self._urls[_page.PHOTO] = leaf.photo
        while len(self._urls) > _KNOWN:
            self._urls.popitem(last=False)
        return leaf

    def _walk(self, before: int | None, low: int) -> Iterator[_Stretch]:
        """The posts below ``before`` (None: all), newest page first, until ``low`` is reached."""
        while True:
            stretch = _stretch(self._leaf(before), before)
            if stretch is None:
                return
            yield stretch
            if stretch.beginning or stretch.first <= low:
                return
            before = stretch.first

    def _news(self, state: State, leaf: Leaf, page: _web.Page) -> tuple[State, _Stretch]:
        """The newest page as a stretch, and what is left to read because of it."""
        stretch = _stretch(leaf, None)
        if stretch is None:
            raise ReaderError(
                f"{self._url} shows no posts at all, though there were some. If they were deleted "
                "on purpose, take the articles down by hand."
            )
        newest = max(state.newest, stretch.last)
        left = _cursor.union(
            *state.left,
            (state.newest + 1, newest),
            (max(1, newest - self._settings.window + 1), newest),
        )
        state = State(
            channel=leaf.channel.id or state.channel,
            newest=newest,
            mark=leaf.mark,
            etag=page.etag,
            modified=page.modified,
            left=_cursor.below(left, 0 if stretch.beginning else stretch.first),
        )
        return state, stretch._replace(last=newest)

    def _same_channel(self, state: State, leaf: Leaf) -> None:
        if state.channel and leaf.channel.id and state.channel != leaf.channel.id:
            raise ReaderError(
                f"@{self._username} is another channel now than the one read so far: the name "
                "has changed hands. Put the new name of yours into «channel»; for another "
                "channel begin another blog."
            )

    # --- Histories ----------------------------------------------------------------------------

    def _backwards(self, bounds: Bounds) -> Iterator[Post | Note]:
        """The posts within ``bounds``, from the last to the first."""
        before = None
        if bounds.last_id is not None:
            before = max(1, bounds.last_id) + _LARGEST
        elif bounds.until is not None:
            before = self._after(bounds.until)
        for stretch in self._walk(before, bounds.first_id or 1):
            posts = [one.post for one in stretch.found]
            yield from (post for post in reversed(posts) if bounds.hold(post))
            yield from stretch.notes
            if bounds.since and posts and posts[-1].date < bounds.since:
                return

    def _after(self, moment: datetime) -> int | None:
        """An id above every post that is not younger than ``moment``, found by halving; None for
        the newest page."""
        leaf = self._leaf(None)
        if not leaf.found or leaf.found[0].post.date <= moment:
            return None
        low, high = 1, leaf.found[0].post.id
        while high - low > 2 * _LARGEST:
            middle = (low + high) // 2
            found = self._leaf(middle).found
            if found and found[0].post.date > moment:
                high = found[0].post.id
            else:
                low = middle
        return high

    def _reversed(self, found: Iterable[Post | Note]) -> Iterator[Post | Note]:
        """The posts from the last to the first, by way of a file on disk; then the notes."""
        from tempfile import TemporaryFile

        self._context.cache.mkdir(parents=True, exist_ok=True)
        ends, notes = array("Q", [0]), list[Note]()
        with TemporaryFile(dir=self._context.cache) as spool:
            for one in found:
                if isinstance(one, Post):
                    ends.append(ends[-1] + spool.write(encode(one)))
                elif len(notes) < _NOTES:
                    notes.append(one)
            for index in range(len(ends) - 1, 0, -1):
                spool.seek(ends[index - 1])
                yield decode_post(spool.read(ends[index] - ends[index - 1]))
        yield from notes

    # --- Files --------------------------------------------------------------------------------

    def _fresh(self, locator: str) -> str:
        """Today's address of a file. Raises ``Gone``."""
        if locator == _page.PHOTO:
            pages: tuple[int | None, ...] = (None,)
            member = 0
        else:
            member = int(locator.partition("/")[0])
            pages = (member + _LARGEST, member + 1)
        for before in pages:
            leaf = self._leaf(before)
            if url := _page.address_of(leaf, locator):
                return url
            if member in leaf.seen:
                raise Gone(NO_FILE)
        raise Gone("the channel's preview does not show it any more")

    def _file(self, locator: str, url: str) -> Path:
        """The file in the cache. Named after what it is and its address without the pass that
        expires, so that a photo replaced in Telegram is another file here."""
        path = urlsplit(url).path
        ending = _ENDING.fullmatch(Path(path).suffix.lower())
        stamp = sha256(path.encode()).hexdigest()[:12]
        name = f"{locator.replace('/', '-')}-{stamp}{ending[0] if ending else ''}"
        if (self._context.cache / name).is_file():
            return self._context.cache / name
        limit = self._context.max_media or self._settings.max_file * 2**20
        return self._web.file(url, self._context.cache, name, limit)


def _stretch(leaf: Leaf, before: int | None) -> _Stretch | None:
    """What a page tells about the ids below ``before``; None for nothing.

    The border of a page may cut an album, so the lowest post that could be one is left to the
    next page, where it stands whole. That nothing comes before the channel's first post is
    believed of a page that is not full: one without a link to older posts may be a changed page.
    """
    seen = [number for number in leaf.seen if before is None or number < before]
    if not seen:
        return None
    found = [one for one in leaf.found if before is None or one.post.id < before]
    first = 1 if not leaf.older and len(leaf.seen) < _FULL else seen[0]
    if leaf.older and found and found[0].post.id == first and _may_be_cut(found[0].post):
        above = found[0].post.ids[-1] + 1
        if seen[-1] >= above:
            first, found = above, found[1:]
    return _Stretch(
        found=tuple(found),
        first=first,
        last=seen[-1] if before is None else before - 1,
        whole=leaf.whole,
        notes=_notes(leaf),
        beginning=not leaf.older,
    )


def _may_be_cut(post: Post) -> bool:
    return any(one.kind in _CUTTABLE for one in post.media)


def _notes(leaf: Leaf) -> tuple[Note, ...]:
    notes = [
        Note(text=f"Message {number} of the preview is left out: {why}", post_id=number)
        for number, why in leaf.unread[:_NOTES]
    ]
    if not leaf.whole and not leaf.unread:
        notes.append(
            Note(text="A page of the preview is damaged: some of its messages are missing")
        )
    return tuple(notes)


def _told(stretch: _Stretch, state: State) -> Iterator[Change]:
    """What a stretch says, ending with the checkpoint."""
    yield from (one.post for one in stretch.found)
    yield from stretch.notes
    if stretch.whole and stretch.first <= stretch.last:
        yield Complete(first=stretch.first, last=stretch.last)
    yield Checkpoint(_cursor.dump(state))
