"""What is new, edited or gone since a cursor.

The history is the truth about what is new; ``updates.getChannelDifference`` with the stored pts
(https://core.telegram.org/api/updates) is Telegram's own record of edits and deletions since then.
Both are asked for in one packet. Where Telegram's record does not reach back far enough, the recent
messages are read again, and ``Complete`` tells what of them is gone.

The first run walks the whole history upwards. Its cursor holds the pts from before the walk, so
what changes on the way is learned at its end; a walk that stops goes on where it was. It tells
``Complete`` too, for a blog that knows posts from an export which are deleted by now.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from crosspost.model import Post, Record
from crosspost.readers import Change, Checkpoint, Complete, Deleted, Note
from crosspost.readers.telegram._albums import Part, join
from crosspost.readers.telegram._history import PAGE, History, Page, grouped
from crosspost.readers.telegram._peers import peers

FORM: Final = 1
"""Higher when the same messages give other posts than before: then they are read again."""
WINDOW: Final = 1000
"""How many messages are read again where Telegram's record has a gap."""
_HIGHEST: Final = 2**31 - 1
"""Message ids are 32 bits: https://core.telegram.org/constructor/message."""
_NEIGHBOURS: Final = 10
"""How far another part of an album may be."""
_LOST: Final = ("PersistentTimestampInvalidError", "PersistentTimestampEmptyError")


Told = deque[int]
"""The messages that were told last."""
_TOLD: Final = 20 * WINDOW


class Cursor(Record, frozen=True):
    """Where a reading stands: all messages up to ``newest`` are known as they were at ``pts``.
    ``walk`` is the message the first walk has still to reach, 0 after it. ``closing``: polls that
    will close by themselves, which is no change that Telegram tells, and when (unix time)."""

    form: int
    channel: int
    pts: int
    newest: int = 0
    walk: int = 0
    closing: tuple[tuple[int, int], ...] = ()

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


def _mark(history: History, cursor: Cursor) -> Checkpoint:
    """The cursor as a checkpoint, with the open polls that were met by now."""
    return Checkpoint(replace(cursor, closing=tuple(history.closing.items())).text())


def read(text: str | None) -> Cursor | None:
    """The cursor that ``text`` says; None where there is none of this form."""
    if not text:
        return None
    try:
        cursor = msgspec.json.decode(text, type=Cursor)
    except msgspec.DecodeError:
        return None
    return cursor if cursor.form == FORM else None


def changes(history: History, text: str | None) -> Iterator[Change]:
    """See ``crosspost.readers.Reader.changes``."""
    cursor = read(text)
    if cursor is None:
        top = history.page(limit=1)
        last = top.messages[-1].id if top.messages else 0
        cursor = Cursor(form=FORM, channel=history.id, pts=top.pts, walk=last)
        yield _mark(history, cursor)
    history.closing.update(cursor.closing)
    history.must_be(cursor.channel)
    told: Told = deque(maxlen=_TOLD)
    if cursor.walk:
        yield from _noted(_walk(history, cursor), told)
        cursor = replace(cursor, newest=cursor.walk, walk=0)
    yield from _noted(_since(history, cursor, told), told)


def _noted(found: Iterator[Change], told: Told) -> Iterator[Change]:
    """The changes; the messages of the posts among them are left in ``told``."""
    for change in found:
        if isinstance(change, Post):
            told.extend(change.ids)
        yield change


def _walk(history: History, cursor: Cursor) -> Iterator[Change]:
    """The first walk, from where it stopped up to ``cursor.walk``. What another reader has told
    before and is not met on the way is gone."""
    first = history.page(after=cursor.newest)
    known, end = cursor.newest, cursor.walk if cursor.newest else _HIGHEST
    count = 0
    for post in history.posts(history.up(first)):
        if post.id > cursor.walk:
            break
        if max(post.ids) <= cursor.newest:
            continue
        yield post
        count += 1
        if count % PAGE == 0:
            yield from history.said()
            yield Complete(first=known + 1, last=post.id)
            yield _mark(history, replace(cursor, newest=post.id))
            known = post.id
    yield from history.said()
    yield Complete(first=known + 1, last=end)
    yield _mark(history, replace(cursor, newest=cursor.walk, walk=0))


def _since(history: History, cursor: Cursor, told: Told) -> Iterator[Change]:
    """What is new, then what else Telegram says has changed."""
    new, difference = _both(history, cursor)
    closed = history.closed()
    if not new.messages and _says_nothing(difference) and not closed:
        return
    if closed:
        for part in history.parts(history.some(closed)):
            yield part.post
    seen = [cursor.newest]
    for count, post in enumerate(history.posts(_noting(history.up(new), seen)), start=1):
        yield post
        if count % PAGE == 0:
            yield _mark(history, replace(cursor, newest=post.id))
    yield from history.said()
    now = replace(cursor, newest=max(seen))
    if difference is None:
        yield from _window(history, now, told)
        return
    now, whole = yield from _differences(history, now, difference, cursor.newest)
    if not whole:
        yield from _window(history, now, told)


def _noting(pages: Iterable[Page], seen: list[int]) -> Iterator[Page]:
    """The pages; the highest id on them is left in ``seen``."""
    for page in pages:
        seen[0] = max(seen[0], page.messages[-1].id)
        yield page


def _both(history: History, cursor: Cursor) -> tuple[Page, Any]:
    """New messages, and the first difference; None where Telegram does not know the pts."""
    try:
        answer, difference = history.ask(
            lambda: history.request(after=cursor.newest),
            lambda: _request(history, cursor.pts),
        )
    except Exception as error:
        if type(error.__context__).__name__ not in _LOST:
            raise
        return history.page(after=cursor.newest), None
    page = history.turned(answer)
    return page._replace(messages=[one for one in page.messages if one.id > cursor.newest]), (
        difference
    )


def _request(history: History, pts: int) -> Any:
    from telethon.tl.functions.updates import (  # type: ignore[import-untyped]
        GetChannelDifferenceRequest,
    )
    from telethon.tl.types import (  # type: ignore[import-untyped]
        ChannelMessagesFilterEmpty,
    )

    return GetChannelDifferenceRequest(
        history.channel(), ChannelMessagesFilterEmpty(), pts=max(pts, 1), limit=PAGE, force=False
    )


def _says_nothing(difference: Any) -> bool:
    return type(difference).__name__ == "ChannelDifferenceEmpty" and bool(difference.final)


def _differences(
    history: History, cursor: Cursor, difference: Any, known: int
) -> Generator[Change, None, tuple[Cursor, bool]]:
    """The differences from ``cursor.pts`` on, of which the first is here, up to the last.
    Messages above ``known`` were read from the history just now. Returns where one stands, and
    whether Telegram's record reached back far enough.

    What is gone is told at the end, all at once: an album may have been deleted in parts, and
    what is left of it shows only now. So there is no checkpoint between."""
    gone: set[int] = set()
    while type(difference).__name__ != "ChannelDifferenceTooLong":
        cursor = replace(cursor, pts=difference.pts)
        if type(difference).__name__ == "ChannelDifference":
            history.learn(difference.chats)
            yield from _edited(history, difference, known, gone)
            yield from history.said()
        if difference.final:
            yield from _deleted(history, gone, cursor.newest)
            yield _mark(history, cursor)
            return cursor, True
        if not gone:
            yield _mark(history, cursor)
        [difference] = history.ask(partial(_request, history, cursor.pts))
    yield from _deleted(history, gone, cursor.newest)
    return cursor, False


def _edited(history: History, difference: Any, known: int, gone: set[int]) -> Iterator[Change]:
    """The posts that a difference says were edited, as they are now. What it says is gone is
    added to ``gone``."""
    messages = {one.id: one for one in difference.new_messages if one.id <= known}
    pages: set[int] = set()
    for update in difference.other_updates:
        kind = type(update).__name__
        if kind in ("UpdateEditChannelMessage", "UpdateNewChannelMessage"):
            messages[update.message.id] = update.message
        elif kind == "UpdateDeleteChannelMessages":
            gone.update(update.messages)
        elif kind == "UpdateChannelWebPage":
            pages.add(update.webpage.id)
    named = peers(difference.users, difference.chats)
    parts: set[int] = set()
    for message in messages.values():
        part = history.part(message, named) if message.id not in gone else None
        if part and part.group:
            parts.add(message.id)
        elif part:
            yield part.post
    yield from _albums_of(_around(history, parts)[0], parts)
    if pages:
        yield from _with_pages(history, pages)


def _deleted(history: History, gone: set[int], newest: int) -> Iterator[Change]:
    """What is left of albums, then what is gone.

    Around each message that is gone Telegram is asked what is there now, and all that is not is
    told with it: the rest of an album may have been deleted since, and would come alone later."""
    if not gone:
        return
    parts, there = _around(history, gone)
    yield from _albums_of(parts, gone)
    yield from history.said()
    missing = {one for one in set().union(*map(_near, gone)) if one <= newest} - there
    yield Deleted(ids=tuple(sorted(missing | gone)))


def _near(message_id: int, reach: int = _NEIGHBOURS) -> set[int]:
    return set(range(max(message_id - reach, 1), message_id + reach + 1))


def _around(history: History, changed: set[int]) -> tuple[list[Part], set[int]]:
    """What is near ``changed`` messages, and what is near that, so that albums are whole; and
    the ids of all messages there."""
    ids = sorted(set().union(*(_near(one, 2 * _NEIGHBOURS) for one in changed)))
    parts: list[Part] = []
    there: set[int] = set()
    for start in range(0, len(ids), PAGE):
        page = history.some(ids[start : start + PAGE])
        parts += history.parts(page)
        there |= {one.id for one in page.messages}
    return parts, there


def _albums_of(parts: list[Part], changed: set[int]) -> Iterator[Change]:
    """The albums that ``changed`` messages are in, or may have been in."""
    groups: dict[int, list[Part]] = {}
    for part in parts:
        if part.group:
            groups.setdefault(part.group, []).append(part)
    for group in groups.values():
        if changed & set().union(*(_near(part.post.id) for part in group)):
            yield join(group)


def _with_pages(history: History, pages: set[int]) -> Iterator[Change]:
    """Recent posts whose link preview Telegram has made only now."""
    page = history.page()
    for message in page.messages:
        web = getattr(message.media, "webpage", None) if hasattr(message, "media") else None
        part = history.part(message, page.peers) if web is not None and web.id in pages else None
        if part:
            yield part.post


def _window(history: History, cursor: Cursor, told: Told) -> Iterator[Change]:
    """The recent messages read again, because Telegram no longer tells what changed. What was
    ``told`` in this pass and is no longer there is gone since."""
    top = history.page()
    last = top.messages[-1].id if top.messages else cursor.newest
    pages, count = [], 0
    for page in history.down(top):
        pages.append(page)
        count += len(page.messages)
        if count >= WINDOW:
            break
    whole = count < WINDOW
    first = 1 if whole else pages[-1].messages[0].id
    cut = 0 if whole or not grouped(pages[-1].messages[0]) else first
    for post in history.posts(reversed(pages)):
        if cut in post.ids:
            first = max(post.ids) + 1
        else:
            yield post
    yield from history.said()
    newest = max(last, cursor.newest)
    there = {message.id for page in pages for message in page.messages}
    if gone := {one for one in told if one >= first} - there:
        yield Deleted(ids=tuple(sorted(gone)))
    yield Complete(first=first, last=_HIGHEST)
    if not whole:
        yield Note(
            text=f"Telegram no longer tells what was edited or deleted since the last run: the "
            f"last {count} messages were read again; «crosspost backfill» reads older ones"
        )
    yield _mark(history, replace(cursor, pts=top.pts or cursor.pts, newest=newest))
