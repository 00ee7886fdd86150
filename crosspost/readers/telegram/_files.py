"""Photos and files, fetched in parts to this disk.

``upload.getFile`` (https://core.telegram.org/api/files#downloading-files) gives parts of half a
megabyte. What was fetched before a cut stays as ``….part`` and is gone on from. A file reference
that has expired is replaced by reading the message again. The file's name is made of numbers and
of a suffix from our own table: nothing of it comes from the content.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from crosspost.errors import CrosspostError, ReaderError
from crosspost.model import Media
from crosspost.readers import Gone
from crosspost.readers.telegram import _media
from crosspost.readers.telegram._history import History

PART: Final = 512 * 1024
_PARTLY: Final = ".part"
_REFRESHES: Final = 3
_STALE: Final = (
    "FileReferenceExpiredError",
    "FileReferenceInvalidError",
    "FileReferenceEmptyError",
)
_NO_FILE: Final = ("FileIdInvalidError", "LocationInvalidError", "MediaEmptyError")
_SUFFIXES: Final = {
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/x-tgsticker": ".tgs",
    "audio/flac": ".flac",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "text/plain": ".txt",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
}
"""Suffixes for what sites treat by its name; anything else is «.bin»."""


class Source(NamedTuple):
    """Where Telegram keeps a file: its TL location, data centre, bytes (0: unknown), suffix, and
    the number that tells it from other files."""

    location: Any
    dc: int
    size: int
    suffix: str
    number: int


def fetch(history: History, media: Media, cache: Path, max_size: int) -> Path:
    """The file behind ``media.locator``, complete, in ``cache``. Raises ``Gone``."""
    if media.missing:
        raise Gone(media.missing)
    find = _finder(history, media.locator)
    source = find(False)
    if why := _media.too_large(source.size, max_size):
        raise Gone(why)
    name = media.locator.replace("/", "-")
    path = cache / f"{name}-{source.number & (2**64 - 1):016x}{source.suffix}"
    if not path.exists():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            _download(history, find, source, path, max_size)
        except Gone:
            path.with_name(path.name + _PARTLY).unlink(missing_ok=True)
            raise
        except OSError as error:
            raise ReaderError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def _finder(history: History, locator: str) -> Callable[[bool], Source]:
    """The function that says where the file is; given True, by asking Telegram again."""
    parts = locator.split("/")
    if len(parts) == 2 and parts[0] == "photo" and parts[1].isdecimal():
        return lambda _fresh: _channel_photo(history, int(parts[1]))
    if len(parts) not in (2, 3) or not all(part.isdecimal() for part in parts[:2]):
        raise Gone(f"«{locator}» names no file of a Telegram message")
    if parts[2:] not in ([], ["thumb"]):
        raise Gone(f"«{locator}» names no file of a Telegram message")

    def find(fresh: bool) -> Source:
        message = _message(history, int(parts[0]), fresh)
        held = _media.files(message)
        index = int(parts[1])
        if index >= len(held):
            raise Gone("the post no longer has it")
        return _source(held[index], thumb=len(parts) == 3)

    return find


def _message(history: History, message_id: int, fresh: bool) -> Any:
    """The message, as it was read last or as it is now, its neighbours read on the way."""
    if fresh or message_id not in history.recent:
        first = max(message_id - 9, 1)
        history.recent.pop(message_id, None)
        history.parts(history.some(range(first, first + 50)))
    try:
        return history.recent[message_id]
    except KeyError:
        raise Gone("the post is no longer there") from None


def _source(file: _media.File, *, thumb: bool) -> Source:
    from telethon.tl.types import (  # type: ignore[import-untyped]
        InputDocumentFileLocation,
        InputPhotoFileLocation,
    )

    if file.file is None:
        raise Gone(_media.GONE)
    holder, size, mime = file.file, None, getattr(file.file, "mime_type", "image/jpeg")
    if thumb:
        frame = _media.frame(file)
        if frame is None:
            raise Gone("it has no preview frame")
        (holder, size), mime = frame, "image/jpeg"
    elif hasattr(holder, "sizes"):
        size = _media.largest(holder.sizes)
        if size is None:
            raise Gone(_media.GONE)
    kind = InputPhotoFileLocation if hasattr(holder, "sizes") else InputDocumentFileLocation
    letter = size.letter if size else ""
    location = kind(holder.id, holder.access_hash, holder.file_reference, letter)
    bytes_ = size.size if size else holder.size
    return Source(location, holder.dc_id, bytes_, _SUFFIXES.get(mime, ".bin"), holder.id)


def _channel_photo(history: History, number: int) -> Source:
    photo = full(history).full_chat.chat_photo
    if getattr(photo, "id", 0) != number or not hasattr(photo, "sizes"):
        raise Gone("the channel has another photo now")
    return _source(_media.File(photo), thumb=False)


def full(history: History) -> Any:
    """Telegram's full record of the channel."""
    from telethon.tl.functions.channels import (  # type: ignore[import-untyped]
        GetFullChannelRequest,
    )

    [answer] = history.ask(lambda: GetFullChannelRequest(history.channel()))
    history.learn(answer.chats)
    return answer


def _download(
    history: History, find: Callable[[bool], Source], source: Source, path: Path, max_size: int
) -> None:
    """Streams the file to ``path``, by way of ``….part``."""
    part = path.with_name(path.name + _PARTLY)
    refreshes = 0
    with part.open("ab") as file:
        while True:
            at = file.tell() // PART * PART
            file.truncate(at)
            file.seek(at)
            try:
                _stream(history, source, file, max_size)
                break
            except Exception as error:
                name = type(error).__name__
                if name in _NO_FILE:
                    raise Gone(_media.GONE) from error
                if name not in _STALE:
                    raise _ended(error) from error.__cause__
                if refreshes >= _REFRESHES:
                    raise Gone("Telegram gives no valid reference to it") from error
                refreshes += 1
                source = find(True)
        if source.size and file.tell() < source.size:
            raise Gone(f"Telegram gave {file.tell()} of its {source.size} bytes")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _ended(error: Exception) -> Exception:
    from crosspost.readers.telegram._trouble import sentence

    if isinstance(error, CrosspostError | Gone | OSError) or not hasattr(error, "code"):
        return error
    return sentence(error)


def _stream(history: History, source: Source, file: Any, max_size: int) -> None:
    """Appends the parts from ``file``'s end on. A file that is longer than it said stops it."""
    while True:
        at = file.tell()
        data = history.link.stream(partial(_part, source=source, at=at))
        if at + len(data) > max(source.size, max_size):
            raise Gone(_media.too_large(at + len(data), max_size))
        file.write(data)
        if len(data) < PART:
            return


async def _part(client: Any, *, source: Source, at: int) -> bytes:
    """The part of the file at ``at``; a short one is the last."""
    parts = client.iter_download(
        source.location,
        offset=at,
        limit=1,
        request_size=PART,
        chunk_size=PART,
        dc_id=source.dc,
        file_size=source.size or None,
    )
    try:
        async for data in parts:
            return bytes(data)
        return b""
    finally:
        with suppress(Exception):
            await parts.close()
