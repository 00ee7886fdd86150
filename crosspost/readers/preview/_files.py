"""The files of a message, with the addresses they have today."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from crosspost.model import Media
from crosspost.readers.preview._html import (
    LARGEST_ID,
    POST_LINK,
    Parts,
    address,
    attribute,
    background,
    classes,
    elements,
    every,
    first,
    inside,
    line,
    style,
)

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

NO_FILE: Final = "Telegram's web preview gives no file for it"
TOO_BIG: Final = "it is too big for Telegram's web preview"

_BYTES: Final = re.compile(r"([\d.]{1,9})\s*([KMGT]?)B", re.ASCII)
_WIDTH: Final = re.compile(r"(?:^|;)\s*width\s*:\s*([\d.]{1,9})px", re.ASCII)
_RATIO: Final = re.compile(r"padding-top\s*:\s*([\d.]{1,18})%", re.ASCII)

_TYPES: Final = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "mp3": "audio/mpeg",
    "tgs": "application/x-tgsticker",
}


class File(NamedTuple):
    """A file of the message ``member``, with the addresses of itself and its preview frame."""

    member: int
    media: Media
    url: str = ""
    thumb: str = ""


def is_file(tag: "Element") -> bool:
    """Whether the element shows a file."""
    return any(name in _FILES for name in classes(tag))


def files_of(message: "Element", parts: Parts, post_id: int, base: str) -> Iterator[File]:
    """The files that the message ``post_id`` shows, in order."""
    if not any(parts.every(name) for name in _FILES):
        return
    for tag in elements(message):
        reader = next((_FILES[name] for name in classes(tag) if name in _FILES), None)
        if reader is not None:
            file = reader(tag, base)
            spoiler = any("spoiler" in one.get("class", "") for one in tag.iter("*"))
            media = replace(file.media, spoiler=spoiler)
            yield file._replace(member=_member(tag) or post_id, media=media)


def shelved(found: list[File]) -> tuple[list[Media], dict[str, str]]:
    """The files with their locators, and the address of each locator: the number of the message
    and which of its files it is, so that a photo gone from an album renames no other."""
    media, urls, seen = list[Media](), dict[str, str](), dict[int, int]()
    for file in found:
        index = seen[file.member] = seen.get(file.member, -1) + 1
        locator = f"{file.member}/{index}"
        thumb = f"{locator}/thumb" if file.thumb else ""
        urls |= {key: url for key, url in ((locator, file.url), (thumb, file.thumb)) if url and key}
        media.append(
            replace(
                file.media,
                locator=locator,
                thumb=thumb,
                mime=file.media.mime or _mime(file.url),
                missing="" if file.url else file.media.missing or NO_FILE,
            )
        )
    return media, urls


def _mime(url: str) -> str:
    """The type a file server's address tells by its ending, "" where it does not."""
    with suppress(ValueError):
        return _TYPES.get(urlsplit(url).path.rpartition(".")[2].lower(), "")
    return ""


def _member(tag: "Element") -> int:
    """A part of an album links to itself with ``?single``."""
    href = attribute(tag, "href")
    found = POST_LINK.fullmatch(href)
    member = int(found[2]) if found and href.endswith("?single") else 0
    return member if member <= LARGEST_ID else 0


def _photo(tag: "Element", base: str) -> File:
    width, height = _size(tag, first(tag, "tgme_widget_message_photo"))
    media = Media(kind="photo", locator="", width=width, height=height)
    return File(0, media, background(tag, base))


def _video(tag: "Element", base: str) -> File:
    frame = first(tag, "tgme_widget_message_video_wrap")
    width, height = _size(frame, frame)
    players = every(tag if frame is None else frame, "js-message_video")
    player = next((one for one in players if one.tag == "video"), None)
    lasts = first(tag, "message_video_duration")
    moving = lasts is None and first(tag, "message_video_play") is None
    media = Media(
        kind="animation" if moving else "video",
        locator="",
        width=width,
        height=height,
        duration=_seconds(lasts),
        missing=_why_missing(tag),
    )
    thumb = background(first(tag, "tgme_widget_message_video_thumb"), base)
    return File(0, media, address(attribute(player, "src"), base), thumb)


def _round_video(tag: "Element", base: str) -> File:
    lasts = _seconds(first(tag, "tgme_widget_message_roundvideo_duration"))
    media = Media(kind="round_video", locator="", duration=lasts, missing=_why_missing(tag))
    thumb = background(first(tag, "tgme_widget_message_roundvideo_thumb"), base)
    return File(0, media, address(attribute(inside(tag, "video"), "src"), base), thumb)


def _voice(tag: "Element", base: str) -> File:
    lasts = _seconds(first(tag, "tgme_widget_message_voice_duration"))
    media = Media(kind="voice", locator="", duration=lasts, missing=_why_missing(tag))
    return File(0, media, address(attribute(inside(tag, "audio"), "src"), base))


def _document(tag: "Element", base: str) -> File:
    icon = first(tag, "tgme_widget_message_document_icon")
    title = line(first(tag, "tgme_widget_message_document_title"))
    extra = line(first(tag, "tgme_widget_message_document_extra"))
    if icon is not None and "audio" in classes(icon):
        return File(0, Media(kind="audio", locator="", title=title, performer=extra))
    media = Media(kind="document", locator="", name=title, size=_bytes(extra))
    return File(0, media, thumb=background(icon, base))


def _sticker(tag: "Element", base: str) -> File:
    still = first(tag, "tgme_widget_message_sticker")
    moving = inside(tag, "source", type="application/x-tgsticker")
    video = inside(tag, "video")
    for url in (
        attribute(still, "data-webp"),
        attribute(moving, "srcset").partition(" ")[0],
        attribute(video, "src"),
    ):
        if url:
            thumb = attribute(inside(video, "img"), "src")
            media = Media(kind="sticker", locator="", mime=_mime(url))
            return File(0, media, address(url, base), address(thumb, base) if thumb else "")
    return File(0, Media(kind="sticker", locator=""))


_FILES: Final[dict[str, Callable[["Element", str], File]]] = {
    "tgme_widget_message_photo_wrap": _photo,
    "tgme_widget_message_video_player": _video,
    "tgme_widget_message_roundvideo_player": _round_video,
    "tgme_widget_message_voice_player": _voice,
    "tgme_widget_message_document_wrap": _document,
    "tgme_widget_message_sticker_wrap": _sticker,
}


def _why_missing(tag: "Element") -> str:
    label = line(first(tag, "message_media_not_supported_label")).lower()
    return TOO_BIG if "too big" in label else NO_FILE


def _size(box: "Element | None", inner: "Element | None") -> tuple[int, int]:
    """Pixels: the width of the box, and its height as a share of it. The boxes of an album are
    cut to fit, so they tell nothing."""
    if box is None or "grouped_media_wrap" in classes(box) or "grouped_media" in classes(box):
        return 0, 0
    width = _WIDTH.search(style(box))
    ratio = _RATIO.search(style(inner))
    if not width or not ratio:
        return 0, 0
    with suppress(ValueError):
        across = min(round(float(width[1])), 10**6)
        return across, min(round(across * float(ratio[1]) / 100), 10**6)
    return 0, 0


def _seconds(tag: "Element | None") -> float:
    """``1:02:03`` in seconds."""
    parts = line(tag).split(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        return 0
    total = 0
    for part in parts[:3]:
        total = total * 60 + int(part)
    return total


def _bytes(text: str) -> int:
    """``2.1 MB`` in bytes, as near as that says."""
    found = _BYTES.fullmatch(text)
    with suppress(ValueError):
        return round(float(found[1]) * 1024 ** " KMGT".index(found[2] or " ")) if found else 0
    return 0
