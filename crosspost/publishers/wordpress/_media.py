"""Pictures and files in the site's media library, each once.

A file's name is a hash of its content, so one that arrived without an answer is found again
instead of doubled.
"""

import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from hashlib import md5, sha256
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

from crosspost.model import Article, Figure, Media, Upload
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
_FIELDS: Final = "id,source_url,mime_type,media_details,alt_text,caption.raw,slug,post"
_LOOKED: Final = {"context": "edit", "_fields": _FIELDS}


class _Print(NamedTuple):
    """What a file is known by: its name in the library, of its content's SHA-256, and the MD5 that
    WordPress compares what arrived with."""

    stem: str
    check: str


class Library:
    """The media of one site. Threads may ``add`` at the same time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._described: set[str] = set()
        self._begun, self._beginning = False, Lock()
        self._seen: dict[str, dict[str, Any]] = {}
        """By id, what the site told of a file a moment ago."""
        self._foreseen: dict[Path, tuple[_Print, str, dict[str, Any] | None, dict[str, str]]] = {}
        """Of files that are sent next: what the site has of each, what is to be kept beside it.
        Threads look into no picture: what does so sets how the whole process warns."""

    def foresee(self, files: Sequence[tuple[Path, Figure]]) -> None:
        """Asks for all of these at once."""
        prints = {file: _print(file) for file, _ in files}
        self._foreseen.clear()
        there: dict[str, dict[str, Any]] = {}
        stems = list(dict.fromkeys(one.stem for one in prints.values()))
        for start in range(0, len(stems), 50):
            asked = {"slug[]": stems[start : start + 50], "per_page": 100}
            there |= {
                str(one.get("slug")): one for one in self._client.rows("media", asked | _LOOKED)
            }
        for file, figure in files:
            known = prints[file]
            if known.stem in stems:  # of two with the same bytes the second finds the first
                stems.remove(known.stem)
                mime = _mime(file, figure.media)
                told = _words(figure) if _is_picture(mime) else {}
                self._foreseen[file] = (known, mime, there.get(known.stem), told)

    def add(self, file: Path, media: Media) -> Upload:
        """The file in the library: as it was found there, or sent."""
        foreseen = self._foreseen.pop(file, None)
        if foreseen:
            known, mime, found, told = foreseen
        else:
            known, mime, told = _print(file), _mime(file, media), {}
            asked = {"slug[]": known.stem, "per_page": 1}
            found = next(iter(self._client.rows("media", asked | _LOOKED)), None)
        if found is None:
            form = FileForm(file, f"{known.stem}{_ending(file, media, mime)}", mime, told)
            headers = {"Content-Type": form.kind, "Content-MD5": known.check}
            found = self._sent(form, headers)
        upload = _upload(found)
        self._seen[upload.id] = found
        return upload

    def _sent(self, form: FileForm, headers: dict[str, str]) -> dict[str, Any]:
        """The first file of a run goes alone: WordPress makes the month's folder for it, and
        refuses others that come while it does."""
        with nullcontext() if self._begun else self._beginning:
            found = self._client.send("media", params=_LOOKED, body=form, headers=headers)
            self._begun = True
            return found

    def all(self) -> Iterator[Upload]:
        """Every file that Crosspost has put there, the oldest first."""
        for found in self._client.all("media", {"search": "crosspost-", **_LOOKED}):
            if _OURS.match(str(found.get("slug"))):
                yield _upload(found)

    def describe(self, article: Article, uploads: Mapping[int, Upload]) -> None:
        """Gives the article's pictures their alt texts and captions where they have none, so that
        they are there for the editor too. Raises ``Refused`` when the site has lost one."""
        wanted = {up.id: number for number, up in uploads.items() if up.id not in self._described}
        there = self._there([one for one in wanted if one not in self._seen])
        for media_id, number in wanted.items():
            found = self._seen.pop(media_id, None) or there.get(media_id)
            if found is None:
                raise Refused(f"the site has no file {media_id} any more: it must be sent again")
            figure = article.figures[number] if number < len(article.figures) else None
            told = _words(figure) if figure and _is_picture(str(found.get("mime_type"))) else {}
            lacking = {name: words for name, words in told.items() if not _said(found, name)}
            if lacking:
                self._client.send(f"media/{media_id}", lacking, params={"_fields": "id"})
            self._described.add(media_id)

    def _there(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """What the library has of these."""
        there: dict[str, dict[str, Any]] = {}
        for start in range(0, len(ids), 100):
            asked = {"include": ",".join(ids[start : start + 100]), "per_page": 100}
            found = self._client.rows("media", asked | _LOOKED)
            there |= {str(one.get("id")): one for one in found}
        return there

    def discard(self, upload: Upload) -> None:
        """Deletes the file unless an editor has put it into an article."""
        self._described.discard(upload.id)
        self._seen.pop(upload.id, None)
        try:
            found = self._client.row(f"media/{_number(upload)}", {"_fields": "id,post"})
            if not found.get("post"):
                self._client.send(
                    f"media/{_number(upload)}", method="DELETE", params={"force": "true"}
                )
        except Missing:
            return


def _print(file: Path) -> _Print:
    content, check = sha256(), md5(usedforsecurity=False)
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            content.update(chunk)
            check.update(chunk)
    return _Print(f"crosspost-{content.hexdigest()[:24]}", check.hexdigest())


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


def _ending(file: Path, media: Media, mime: str) -> str:
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


def _is_picture(mime: str) -> bool:
    return mime.startswith("image/")


def _words(figure: Figure) -> dict[str, str]:
    """What the library keeps beside a picture, by REST's names."""
    from crosspost.publishers.wordpress._html import words

    told = {"alt_text": figure.alt or figure.media.alt, "caption": words(_plain(figure.caption))}
    return {name: text for name, text in told.items() if text}


def _said(found: Mapping[str, Any], name: str) -> object:
    given = found.get(name)
    return given.get("raw") if isinstance(given, dict) else given


def _plain(fragment: str) -> str:
    from crosspost.markup import text_of

    return text_of(fragment)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _number(upload: Upload) -> int:
    return int(upload.id) if upload.id.isascii() and upload.id.isdigit() else 0
