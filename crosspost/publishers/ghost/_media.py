"""Pictures and files on the site, each once.

Ghost has no list of its files and no way to delete one over its API. A file's name is a hash of
its content, so one that arrived without an answer is found: in the articles that show it, else at
the address that Ghost gives a file of that name in a month
(https://docs.ghost.org/admin-api#uploading-an-image).
"""

import mimetypes
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from crosspost.errors import PublisherError
from crosspost.model import Media, Upload
from crosspost.publishers import Refused
from crosspost.publishers._web import FileForm
from crosspost.publishers.ghost._client import Client

IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PLAYED: Final = {
    "video/mp4": ".mp4", "video/webm": ".webm", "video/ogg": ".ogv", "audio/mpeg": ".mp3",
    "audio/wav": ".wav", "audio/x-wav": ".wav", "audio/ogg": ".ogg", "audio/mp4": ".m4a",
    "audio/x-m4a": ".m4a",
}  # fmt: skip
"""What Ghost takes as media, with the endings that it wants (core/shared/config/overrides.json)."""
_ENDINGS: Final = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif",
                   "image/webp": ".webp"}  # fmt: skip
_SHOWING: Final = ("src", "srcset", "poster", "style", "data-kg-thumbnail",
                   "data-kg-custom-thumbnail")  # fmt: skip
"""Where Ghost's cards have the addresses of what they show."""
_OURS: Final = "codeinjection_head:~'crosspost--'"
"""Articles with a mark: in another's text such an address could lead anywhere."""
_CHUNK: Final = 256 * 1024


class _Kind(NamedTuple):
    """What a file is to Ghost: the part of the API, the type it is sent as, and its ending."""

    path: str
    mime: str
    ending: str


class Library:
    """The files of one site. Threads may ``add`` at the same time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._site = ""
        self._looking = Lock()
        """One at a time: what looks into a picture sets how the whole process warns."""

    def add(self, file: Path, media: Media) -> Upload:
        """The file on the site: as it was found there, or sent."""
        with self._looking:
            kind = _kind(file, media)
        name = f"crosspost-{_hash(file)[:24]}{kind.ending}"
        url = self._found(kind.path, name) or self._sent(kind, name, file)
        with self._looking:
            width, height = _sides(file, kind, media)
        return Upload(
            id=urlsplit(url).path,
            url=url,
            mime=kind.mime,
            width=width,
            height=height,
            size=file.stat().st_size,
        )

    def _found(self, path: str, name: str) -> str:
        """The address of a file of this name, "" when none is known."""
        stem = name.rpartition(".")[0]
        shown = self._client.rows(
            "posts",
            {
                "filter": f"{_OURS}+(html:~'{stem}',feature_image:~'{stem}')",
                "formats": "html",
                "limit": 1,
            },
        )
        pattern = re.compile(
            rf"https?://[^\s\"'<>()]{{1,300}}/content/{path}/[^\s\"'<>()?]*?{re.escape(stem)}"
            r"[\w-]*\.\w{1,8}"
        )
        for post in shown:
            if found := pattern.search(" ".join(_shown(post))):
                return re.sub(
                    r"/content/images/size/[\w/]*?/(?=\d{4}/)", "/content/images/", found[0]
                )
        for month in _months(self._client.clock or datetime.now(UTC)):
            place = f"content/{path}/{month}/{name}"
            if self._client.is_there(place):
                return f"{self._base()}{place}"
        return ""

    def _base(self) -> str:
        """The site's own address, which files are below."""
        if not self._site:
            found = self._client.get("site/").get("site")
            given = found.get("url") if isinstance(found, dict) else ""
            self._site = str(given or "").rstrip("/") + "/"
        return self._site

    def _sent(self, kind: _Kind, name: str, file: Path) -> str:
        form = FileForm(file, name, kind.mime)
        found = self._client.upload(kind.path, form, form.kind)
        url = str(found.get("url") or "")
        if not url.lower().startswith(("http://", "https://")):
            raise PublisherError(
                f"The site took a file and told no address of it («{url[:80]}»). Look at its "
                "storage (Ghost's log has more)."
            )
        return url


def _shown(post: Mapping[str, Any]) -> Iterator[str]:
    """The addresses of all that an article shows: where its text names one, that is no file of
    the site's."""
    from bs4 import BeautifulSoup

    yield str(post.get("feature_image") or "")
    for tag in BeautifulSoup(str(post.get("html") or ""), "lxml").find_all(True):
        card = "kg-file-card-container" in (tag.get("class") or ())
        for name in (*_SHOWING, *(["href"] if card else [])):
            yield str(tag.get(name) or "")


def _hash(file: Path) -> str:
    content = sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            content.update(chunk)
    return content.hexdigest()


def _months(now: datetime) -> list[str]:
    """The folders a file of the last weeks may lie in, by any clock."""
    days = (now, now - timedelta(days=28), now + timedelta(days=1), now - timedelta(days=1))
    return list(dict.fromkeys(day.strftime("%Y/%m") for day in days))


def _kind(file: Path, media: Media) -> _Kind:
    mime = _mime(file, media)
    if mime in IMAGE_TYPES:
        return _Kind("images", mime, _ENDINGS[mime])
    if mime in _PLAYED:
        return _Kind("media", mime, _PLAYED[mime])
    return _Kind("files", mime, _ending(file, media, mime))


def _mime(file: Path, media: Media) -> str:
    if media.kind == "photo" or media.mime.startswith("image/"):
        from crosspost.images import BadImage, probe

        try:
            return probe(file).mime
        except BadImage:
            return "application/octet-stream"
    given = media.mime or mimetypes.guess_type(file.name)[0] or ""
    known = re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,80}", given, re.ASCII)
    return given.lower() if known else "application/octet-stream"


def _ending(file: Path, media: Media, mime: str) -> str:
    for name in (media.name, file.name):
        own = Path(name.replace("\0", "")).suffix.lower()
        if re.fullmatch(r"\.(?=[a-z0-9]*[a-z])[a-z0-9]{1,8}", own, re.ASCII):
            return own
    return mimetypes.guess_extension(mime) or ".bin"


def _sides(file: Path, kind: _Kind, media: Media) -> tuple[int, int]:
    """Width and height: Ghost does not tell them, and its galleries need them."""
    if kind.path != "images":
        return media.width, media.height
    from crosspost.images import BadImage, probe

    try:
        found = probe(file)
    except BadImage as error:
        raise Refused(str(error)) from error
    return found.width, found.height
