"""How large a file a WordPress takes: its REST does not tell, so it is tried.

The limits are PHP's ``upload_max_filesize`` and ``post_max_size``
(https://www.php.net/manual/en/ini.core.php) and the web server's own; a site may have a lower one.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from crosspost.errors import CrosspostError, PublisherError
from crosspost.model import Media, Upload
from crosspost.publishers import Finding, Refused, Unknown
from crosspost.publishers.wordpress._client import Client
from crosspost.publishers.wordpress._media import Library

_TRIED: Final = (2, 8, 32)
_NEEDED: Final = 8
"""Megabytes: Telegram's photos and most of its documents are smaller."""
_LINE: Final = b"A trial of Crosspost, to be removed\n"
_DOT: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)
"""A picture of one pixel: every site takes pictures, whatever stands behind their end."""
_MEDIA: Final = Media(kind="photo", locator="trial", mime="image/png", name="trial.png")
_REMEDY: Final = (
    "Raise upload_max_filesize and post_max_size in the site's php.ini (or .user.ini), and nginx's "
    'client_max_body_size or Apache\'s LimitRequestBody; or put max_media = "{} MB" into the '
    "blog: larger files then stay in Telegram, linked."
)


def limits(client: Client) -> Iterator[Finding]:
    """Sends files of growing sizes until one is refused, and removes each again, also those that
    an earlier trial left. Raises ``PublisherError`` when one stays there."""
    library = Library(client)
    taken, reason = 0, ""
    with TemporaryDirectory(prefix="crosspost-") as folder:
        for size in _TRIED:
            file = Path(folder) / f"{size}.png"
            stem = _fill(file, size)
            _remove(client, library, stem)
            try:
                library.add(file, _MEDIA)
            except (Refused, Unknown) as error:
                reason = str(error)
                break
            finally:
                _remove(client, library, stem)
            taken = size
    yield _told(taken, reason)


def _told(taken: int, reason: str) -> Finding:
    what = "the size of files"
    if not reason:
        return Finding(what=what, ok=True, detail=f"{taken} MB arrive, more was not tried")
    refused = _TRIED[_TRIED.index(taken) + 1] if taken else _TRIED[0]
    said = f"{refused} MB do not arrive ({reason.rstrip('.')})"
    detail = f"{taken} MB arrive, {said}" if taken else said
    remedy = _REMEDY.format(taken or 1)
    well = taken >= _NEEDED
    return Finding(what=what, ok=well, detail=detail, remedy=remedy)


def _fill(file: Path, size: int) -> str:
    """Writes a picture of so many megabytes, and tells what the library will call them."""
    content = sha256(_DOT)
    lines = _LINE * (1024 * 1024 // len(_LINE))
    with file.open("wb") as opened:
        opened.write(_DOT)
        for _ in range(size):
            opened.write(lines)
            content.update(lines)
    return f"crosspost-{content.hexdigest()[:24]}"


def _remove(client: Client, library: Library, stem: str) -> None:
    """Deletes the trial's file, whoever left it and whatever was answered about it."""
    try:
        asked = {"slug[]": stem, "context": "edit", "_fields": "id", "per_page": 10}
        for found in client.rows("media", asked):
            library.discard(Upload(id=str(found.get("id")), url=""))
    except (CrosspostError, Refused, Unknown) as error:
        raise PublisherError(
            f"A trial file may be left on the site ({error}). Delete «{stem}» in Media, Library; "
            "the next «crosspost doctor --write» does so too."
        ) from error
