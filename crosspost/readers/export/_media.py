"""The file of a message, or of a block in it: where it lies, or why it is missing."""

import json
import re
from typing import Any, Final

from msgspec.structs import replace

from crosspost.model import Media, MediaKind
from crosspost.readers.export._records import Message, mend
from crosspost.readers.export._values import string

_LEFT_OUT: Final = re.compile(
    r"(?:.* )?\((?:File|Photo) (not included|exceeds maximum size|unavailable)\b[^()]*\)", re.DOTALL
)
MISSING: Final = {
    "not included": "it was not included in the export",
    "exceeds maximum size": "it is larger than the limit chosen for the export",
    "unavailable": "Telegram could not give it when the export was made",
}
"""Why Desktop left a file out, by the words it writes instead of a path."""
_SKIPPED: Final = {
    "date_limits": "it lies outside the dates chosen for the export",
    "file_size": MISSING["exceeds maximum size"],
    "file_type": MISSING["not included"],
    "unavailable": MISSING["unavailable"],
}
"""The same, by the reason it writes in a block of a rich message."""
_FIELDS: Final = {
    "photo": ("photo_file_size", "width", "height"),
    "file": (
        "file_name", "file_size", "thumbnail", "media_type", "mime_type", "sticker_emoji",
        "performer", "title", "duration_seconds", "width", "height",
    ),
}  # fmt: skip
"""What a block of a rich message tells of its file, in the words of a message."""
_KINDS: Final[dict[str, MediaKind]] = {
    "sticker": "sticker",
    "video_message": "round_video",
    "voice_message": "voice",
    "animation": "animation",
    "video_file": "video",
    "audio_file": "audio",
}


def block_media(block: dict[str, Any], kind: str, locator: str) -> Media:
    """The file of a block of a rich message, which is a ``photo`` or a ``file``; where it is
    missing ``locator`` names it."""
    told = {name: block[name] for name in _FIELDS[kind] if name in block}
    told |= {kind: string(block.get(kind)), "media_spoiler": block.get("spoiler") is True}
    found = message_media(mend(json.dumps(told | {"id": 1}).encode()))
    assert found is not None
    if not found.missing:
        return found
    why = _SKIPPED.get(string(block.get(f"{kind}_skip_reason")), found.missing)
    return replace(found, locator=locator, missing=why)


def message_media(message: Message) -> Media | None:
    """The file of a message, None if it has none."""
    if message.photo is not None:
        locator, missing = _place(message.photo, message.id)
        return Media(
            kind="photo",
            locator=locator,
            size=max(message.photo_file_size, 0),
            width=max(message.width, 0),
            height=max(message.height, 0),
            spoiler=message.media_spoiler,
            missing=missing,
        )
    if message.file is None:
        return None
    locator, missing = _place(message.file, message.id)
    thumb, no_thumb = _place(message.thumbnail or "", message.id)
    return Media(
        kind=_KINDS.get(message.media_type, "document"),
        locator=locator,
        mime=message.mime_type,
        size=max(message.file_size, 0),
        width=max(message.width, 0),
        height=max(message.height, 0),
        duration=max(message.duration_seconds, 0),
        name=message.file_name or ("" if missing else locator.rpartition("/")[2]),
        title=message.title,
        performer=message.performer,
        alt=message.sticker_emoji,
        thumb="" if no_thumb else thumb,
        spoiler=message.media_spoiler,
        missing=missing,
    )


def _place(path: str, message_id: int) -> tuple[str, str]:
    """Where the file is, and why it is missing: one of both says something. A file that is
    missing is named after its message."""
    found = _LEFT_OUT.fullmatch(path) if path.endswith(")") else None
    if found:
        return f"{message_id}/0", MISSING[found[1]]
    return (path, "") if path else (f"{message_id}/0", MISSING["not included"])
