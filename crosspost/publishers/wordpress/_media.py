"""Pictures and files in the site's media library, each once.

A file's name is a hash of its content, so one that arrived without an answer is found again
instead of doubled.
"""

import mimetypes
import re
from collections.abc import Iterator, Mapping
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, Final

from crosspost.model import Article, Media, Upload
from crosspost.publishers import Refused
from crosspost.publishers._web import FileForm, Missing
from crosspost.publishers.wordpress._client import Client

IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_ENDINGS: Final = {
    "image/jpeg": ".jpg",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/x-m4a": ".m4a",
    "video/quicktime": ".mov",
}
_CHUNK: Final = 256 * 1024
_OURS: Final = re.compile(r"crosspost-[0-9a-f]{24}\b")
_FIELDS: Final = "id,source_url,mime_type,media_details,alt_text,caption,slug,post"


class Library:
    """The media of one site."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._described: set[str] = set()

    def add(self, file: Path, media: Media) -> Upload:
        """The file in the library: as it was found there, or sent."""
        content, check = _hashes(file)
        stem = f"crosspost-{content[:24]}"
        known = self._client.rows(
            "media", {"slug[]": stem, "context": "edit", "_fields": _FIELDS, "per_page": 1}
        )
        if known:
            return _upload(known[0])
        form = FileForm(file, f"{stem}{_ending(file, media)}", _mime(file, media))
        found = self._client.send(
            "media",
            params={"context": "edit", "_fields": _FIELDS},
            body=form,
            headers={"Content-Type": form.kind, "Content-MD5": check},
        )
        return _upload(found)

    def all(self) -> Iterator[Upload]:
        """Every file that Crosspost has put there, the oldest first."""
        asked = {"search": "crosspost-", "context": "edit", "_fields": _FIELDS}
        for found in self._client.all("media", asked):
            if _OURS.match(str(found.get("slug"))):
                yield _upload(found)

    def describe(self, article: Article, uploads: Mapping[int, Upload]) -> None:
        """Gives the article's pictures their alt texts and captions where they have none, so that
        they are there for the editor too. Raises ``Refused`` when the site has lost one."""
        wanted = {up.id: number for number, up in uploads.items() if up.id not in self._described}
        if not wanted:
            return
        there = self._there(sorted(wanted))
        for media_id, number in wanted.items():
            if media_id not in there:
                raise Refused(f"the site has no file {media_id} any more: it must be sent again")
            data = _told(article, number, there[media_id])
            if data:
                self._client.send(f"media/{media_id}", data, params={"_fields": "id"})
            self._described.add(media_id)

    def _there(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """What the library has of these."""
        there: dict[str, dict[str, Any]] = {}
        for start in range(0, len(ids), 100):
            asked = {"include": ",".join(ids[start : start + 100]), "per_page": 100}
            found = self._client.rows("media", {**asked, "context": "edit", "_fields": _FIELDS})
            there |= {str(one.get("id")): one for one in found}
        return there

    def discard(self, upload: Upload) -> None:
        """Deletes the file unless an editor has put it into an article."""
        self._described.discard(upload.id)
        try:
            found = self._client.row(f"media/{_number(upload)}", {"_fields": "id,post"})
            if not found.get("post"):
                self._client.send(
                    f"media/{_number(upload)}", method="DELETE", params={"force": "true"}
                )
        except Missing:
            return


def _hashes(file: Path) -> tuple[str, str]:
    """The content's SHA-256, and the MD5 that WordPress compares what arrived with."""
    content, check = sha256(), md5(usedforsecurity=False)
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            content.update(chunk)
            check.update(chunk)
    return content.hexdigest(), check.hexdigest()


def _mime(file: Path, media: Media) -> str:
    if media.kind == "photo" or media.mime.startswith("image/"):
        from crosspost.images import BadImage, probe

        try:
            return probe(file).mime
        except BadImage:
            pass
    given = media.mime or mimetypes.guess_type(file.name)[0] or ""
    return (
        given if re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,80}", given) else "application/octet-stream"
    )


def _ending(file: Path, media: Media) -> str:
    mime = _mime(file, media)
    if mime in _ENDINGS:
        return _ENDINGS[mime]
    for name in (media.name, file.name):
        own = Path(name.replace("\0", "")).suffix.lower()
        if not mime.startswith("image/") and re.fullmatch(r"\.[a-z0-9]{1,8}", own):
            return own
    return mimetypes.guess_extension(mime) or ".bin"


def _upload(found: Mapping[str, Any]) -> Upload:
    details = found.get("media_details")
    given: Mapping[str, Any] = details if isinstance(details, dict) else {}
    return Upload(
        id=str(found.get("id")),
        url=str(found.get("source_url") or ""),
        mime=str(found.get("mime_type") or ""),
        width=_whole(given.get("width")),
        height=_whole(given.get("height")),
        size=_whole(given.get("filesize")),
    )


def _told(article: Article, number: int, there: Mapping[str, Any]) -> dict[str, str]:
    from crosspost.publishers.wordpress._html import words

    if not str(there.get("mime_type", "")).startswith("image/") or number >= len(article.figures):
        return {}
    figure = article.figures[number]
    data = {}
    alt = figure.alt or figure.media.alt
    if alt and not there.get("alt_text"):
        data["alt_text"] = alt
    caption = there.get("caption")
    if figure.caption and not (isinstance(caption, dict) and caption.get("raw")):
        data["caption"] = words(_plain(figure.caption))
    return data


def _plain(fragment: str) -> str:
    from crosspost.markup import text_of

    return text_of(fragment)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _number(upload: Upload) -> int:
    return int(upload.id) if upload.id.isascii() and upload.id.isdigit() else 0
