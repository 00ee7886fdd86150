"""The photos and files of a message, in a stable order, and where Telegram keeps them.

``files(message)`` lists them: the position in that list is the index in a locator
``"<message id>/<index>"``, ``"<message id>/<index>/thumb"`` is the preview frame. Kinds are told
apart by the names of TL classes (https://core.telegram.org/type/MessageMedia); nothing of Telethon
is imported.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from crosspost.model import Media, MediaKind

GONE: Final = "it destroyed itself, or Telegram no longer has it"
_UNSIZED: Final = ("PhotoSizeEmpty", "PhotoStrippedSize", "PhotoPathSize")
"""Sizes that are no files: nothing, a blur, an outline."""


class File(NamedTuple):
    """A photo or file of a message: a TL Photo or Document, None when it is gone.

    ``cover`` is the TL Photo that stands for a video, if it has one of its own."""

    file: Any
    spoiler: bool = False
    cover: Any = None
    kind: MediaKind = "document"


class Size(NamedTuple):
    """A size of a photo: the letter Telegram names it by, pixels, bytes (0: not known)."""

    letter: str
    width: int
    height: int
    size: int


def files(message: Any) -> list[File]:
    """Everything in the message that has a file of its own."""
    found = list(_of(message.media))
    rich = getattr(message, "rich_message", None)
    if rich is not None:
        found += [_photo(photo) for photo in rich.photos]
        found += [_document(document) for document in rich.documents]
    return found


def _of(media: Any) -> Iterator[File]:
    """What a MessageMedia holds. Paid media are left out: who has not paid must not see them."""
    kind = type(media).__name__
    if kind == "MessageMediaPhoto":
        yield File(_real(media.photo), spoiler=bool(media.spoiler), kind="photo")
    elif kind == "MessageMediaDocument":
        document = _real(media.document)
        kind_ = document_kind(document) if document else _promised(media)
        cover = _real(media.video_cover)
        yield File(document, spoiler=bool(media.spoiler), cover=cover, kind=kind_)
    elif kind == "MessageMediaWebPage" and type(media.webpage).__name__ == "WebPage":
        if _real(media.webpage.photo):
            yield _photo(media.webpage.photo)
    elif kind == "MessageMediaPoll" and media.attached_media is not None:
        yield from _of(media.attached_media)


def _photo(photo: Any) -> File:
    return File(_real(photo), kind="photo")


def _document(document: Any) -> File:
    real = _real(document)
    return File(real, kind=document_kind(real) if real else "document")


def _real(file: Any) -> Any:
    """The file, None for PhotoEmpty and DocumentEmpty."""
    return None if file is None or type(file).__name__.endswith("Empty") else file


def _promised(media: Any) -> MediaKind:
    """What a document that is gone was."""
    if media.voice:
        return "voice"
    return "round_video" if media.round else "video" if media.video else "document"


def attributes(document: Any) -> dict[str, Any]:
    """A document's attributes by the name of their kind: «Video», «Filename» and so on."""
    return {
        type(one).__name__.removeprefix("DocumentAttribute"): one for one in document.attributes
    }


def document_kind(document: Any) -> MediaKind:
    """What a person would call the document, as Telegram's own apps decide it."""
    has = attributes(document)
    if "Sticker" in has or "CustomEmoji" in has:
        return "sticker"
    if "Video" in has and has["Video"].round_message:
        return "round_video"
    if "Audio" in has:
        return "voice" if has["Audio"].voice else "audio"
    if "Animated" in has:
        return "animation"
    return "video" if "Video" in has else "document"


def media(file: File, locator: str, max_size: int) -> Media:
    """The record of a file; one larger than ``max_size`` bytes is missing, its frame is not."""
    if file.file is None:
        return Media(kind=file.kind, locator=locator, spoiler=file.spoiler, missing=GONE)
    if hasattr(file.file, "sizes"):
        best = largest(file.file.sizes)
        return Media(
            kind="photo",
            locator=locator,
            mime="image/jpeg",
            size=best.size if best else 0,
            width=best.width if best else 0,
            height=best.height if best else 0,
            spoiler=file.spoiler,
            missing="" if best else GONE,
        )
    return _file_media(file, locator, max_size)


def _file_media(file: File, locator: str, max_size: int) -> Media:
    document = file.file
    has = attributes(document)
    shape = has.get("Video") or has.get("ImageSize")
    sound = has.get("Audio")
    clock = has.get("Video") or sound
    sticker = has.get("Sticker") or has.get("CustomEmoji")
    name = has["Filename"].file_name if "Filename" in has else ""
    return Media(
        kind=file.kind,
        locator=locator,
        mime=document.mime_type,
        size=document.size,
        width=shape.w if shape else 0,
        height=shape.h if shape else 0,
        duration=clock.duration if clock else 0,
        name=name,
        title=(sound.title or "") if sound else "",
        performer=(sound.performer or "") if sound else "",
        alt=sticker.alt if sticker else "",
        thumb=f"{locator}/thumb" if frame(file) else "",
        spoiler=file.spoiler,
        missing=too_large(document.size, max_size),
    )


def too_large(size: int, max_size: int) -> str:
    """Why a file of this size is left where it is, "" if it is not."""
    if size <= max_size:
        return ""
    return f"it has {megabytes(size)} MB, more than the limit of {megabytes(max_size)} MB"


def megabytes(size: int) -> str:
    """The size in megabytes as the config counts them, in as few digits as tell it."""
    return f"{size / 2**20:.1f}".removesuffix(".0")


def frame(file: File) -> tuple[Any, Size] | None:
    """The preview frame of a document: the TL object that has it, and its best size."""
    if file.cover is not None and (best := largest(file.cover.sizes)):
        return file.cover, best
    best = largest(getattr(file.file, "thumbs", None) or ())
    return (file.file, best) if best else None


def largest(sizes: Any) -> Size | None:
    """The largest of the sizes that are files."""
    found = [_size(one) for one in sizes if type(one).__name__ not in _UNSIZED]
    return max(found, key=lambda one: one.width * one.height, default=None)


def _size(one: Any) -> Size:
    if hasattr(one, "sizes"):
        size = max(one.sizes, default=0)
    elif hasattr(one, "bytes"):
        size = len(one.bytes)
    else:
        size = one.size
    return Size(one.type, one.w, one.h, size)
