"""Pictures and files: on the site, where it has a page that takes them, each once; and here, for a
cover that goes with its article's form.

A file's name is a hash of its content, so one that arrived without an answer is found again in the
site's list instead of doubled.
"""

import logging
import mimetypes
import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Final

from crosspost.errors import PublisherError
from crosspost.model import Media, Upload
from crosspost.publishers import Context, Refused, Unknown
from crosspost.publishers.form import _remove
from crosspost.publishers.form._complaints import complaints
from crosspost.publishers.form._controls import File
from crosspost.publishers.form._find import ids, listed
from crosspost.publishers.form._page import Page
from crosspost.publishers.form._session import Gone, LoggedOut, Session
from crosspost.publishers.form._settings import FormSettings, UploadPage

IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_ENDINGS: Final = {"image/jpeg": ".jpg", "audio/ogg": ".ogg", "audio/mpeg": ".mp3"}
_log: Final = logging.getLogger(__name__)
_NAME: Final = re.compile(r"[0-9a-f]{24}\.[a-z0-9]{1,8}")
_TRIES: Final = 2


class Library:
    """The files of one site."""

    def __init__(self, session: Session, settings: FormSettings, context: Context) -> None:
        self._session, self._settings = session, settings
        self._context = context
        self._covers = any(one.type in ("", "file") for one in settings.places("cover"))

    def add(self, file: Path, media: Media) -> Upload:
        """The file: on the site where that has a page for it, kept here for a cover."""
        mime, width, height = _look(file, media)
        content = sha256()
        with file.open("rb") as opened:
            while chunk := opened.read(256 * 1024):
                content.update(chunk)
        name = f"{content.hexdigest()[:24]}{_ending(file, media, mime)}"
        if self._covers and mime in IMAGE_TYPES:
            self._keep(file, name)
        made = Upload(
            id=f":{name}",
            url="",
            mime=mime,
            width=width,
            height=height,
            size=file.stat().st_size,
        )
        if self._settings.upload is None:
            return made
        site_id, url = self._there(self._settings.upload, File(file, f"crosspost-{name}", mime))
        return Upload(
            id=f"{site_id}:{name}", url=url, mime=mime, width=width, height=height, size=made.size
        )

    def cover(self, upload: Upload) -> tuple[File | None, str, str]:
        """The file as it is kept here (None: not any more), the site's id for it, its stem."""
        site_id, name = _split(upload)
        path = self._folder / name
        there = File(path, f"crosspost-{name}", upload.mime) if name and path.is_file() else None
        return there, site_id, f"crosspost-{name.partition('.')[0]}"

    def discard(self, upload: Upload) -> None:
        """Takes a file back; where the site has no way to delete one, it stays there."""
        site_id, name = _split(upload)
        if name:
            (self._folder / name).unlink(missing_ok=True)
        page = self._settings.upload
        if page is None or not site_id:
            return
        if page.delete is None:
            _log.warning(
                "The file %s stays on the site: its config has no way to delete", upload.url
            )
            return
        try:
            _remove.remove(self._session, self._settings, page.delete, page.edit, site_id)
        except Gone:
            return

    # --- Here ---

    @property
    def _folder(self) -> Path:
        from platformdirs import user_cache_path

        place = f"{self._context.base.absolute()}\0{self._context.name}\0{self._settings.url}"
        return user_cache_path("crosspost") / "form" / sha256(place.encode()).hexdigest()[:16]

    def _keep(self, file: Path, name: str) -> None:
        target = self._folder / name
        if target.is_file() and target.stat().st_size == file.stat().st_size:
            return
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.with_name(f"{name}.new")
            shutil.copyfile(file, beside)
            beside.replace(target)
        except OSError as error:
            raise PublisherError(
                f"A cover cannot be kept in {target.parent}: {error.strerror or error}. Look at "
                "the space on its disk and its permissions."
            ) from error

    # --- On the site ---

    def _there(self, page: UploadPage, file: File) -> tuple[str, str]:
        """The id and address of the file on the site: as it was found, or sent."""
        for _ in range(_TRIES):
            if found := self._found(page, file):
                return found
            try:
                self._send(page, file)
            except LoggedOut:
                self._session.login()
                continue
            if found := self._found(page, file):
                return found
            raise Unknown(f"the site does not list the file {file.name} that was sent to it")
        raise PublisherError(f"{self._settings.url} does not keep us logged in at {page.page}.")

    def _found(self, page: UploadPage, file: File) -> tuple[str, str] | None:
        stem = file.name.rpartition(".")[0]
        for site_id in ids(listed(self._session, self._settings, page.find, name=stem), page.edit):
            try:
                shown = self._session.get(self._settings.whole(page.edit, id=site_id))
            except Gone:
                continue
            if stem in shown.body.decode("utf-8", "replace"):
                return site_id, self._address(page, shown)
        return None

    def _address(self, page: UploadPage, shown: Page) -> str:
        url = shown.link(page.url)
        if not re.match(r"https?://", url):
            raise PublisherError(
                f"{shown.url} shows no address of the file by «{page.url}». Correct «url» of the "
                "site's «upload»."
            )
        return url

    def _send(self, page: UploadPage, file: File) -> None:
        shown = self._session.named("upload", self._settings.whole(page.page), [page.field])
        form = shown.form([page.field])
        control = form.control(page.field) if form else None
        if form is None or control is None:
            raise PublisherError(
                f"{shown.url} has no form with the field «{page.field}»; nothing was sent. Correct "
                "«field» of the site's «upload»."
            )
        control.file = file
        if page.name and (named := form.control(page.name)):
            named.value = file.name.rpartition(".")[0]
        before = complaints(shown, self._settings.errors)
        after = self._session.send(form, form.button(page.submit) or form.button(), [page.field])
        said = complaints(after, self._settings.errors)
        told = "; ".join(words for words in said if words not in before)
        if told:
            raise Refused(told)
        if after.status >= 400:
            raise Refused(f"the site answered {after.status}: {after.text[:200]}")


def _split(upload: Upload) -> tuple[str, str]:
    """The site's id of a file, and its name here; "" where it has none."""
    site_id, _, name = upload.id.rpartition(":")
    return site_id, name if _NAME.fullmatch(name) else ""


def _look(file: Path, media: Media) -> tuple[str, int, int]:
    """The file's kind, width and height; 0 where it is no picture."""
    from crosspost.images import BadImage, probe

    try:
        seen = probe(file)
    except BadImage:
        given = media.mime or mimetypes.guess_type(file.name)[0] or ""
        fine = re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,80}", given, re.ASCII)
        return given if fine else "application/octet-stream", media.width, media.height
    return seen.mime, seen.width, seen.height


def _ending(file: Path, media: Media, mime: str) -> str:
    if mime in _ENDINGS:
        return _ENDINGS[mime]
    for name in (media.name, file.name):
        own = Path(name.replace("\0", "")).suffix.lower()
        if not mime.startswith("image/") and re.fullmatch(r"\.[a-z0-9]{1,8}", own, re.ASCII):
            return own
    return mimetypes.guess_extension(mime) or ".bin"
