"""Files on disk: written whole or not at all, and only when their bytes differ.

Pictures and other files of posts wait in ``.crosspost/files`` until a live article shows them and
go back there when none does: moved, never copied, so each is in exactly one of the two places
whatever was killed.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest, sha256
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile
from typing import Final

from crosspost.images import BadImage, clean, probe, variants
from crosspost.model import Media, Upload, Variant
from crosspost.publishers import Finding, Refused

IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
WIDTHS: Final = (320, 640, 960, 1440)
_PART: Final = ".part"
_LARGEST: Final = 2048
_PICTURES: Final = frozenset({"photo", "sticker"})
_TYPES: Final = {
    "video/mp4": "mp4 m4v",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg oga opus",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "application/pdf": "pdf",
    "": "docx xlsx pptx odt ods odp doc xls ppt rtf epub fb2 djvu txt csv zip gz 7z rar",
}
"""Endings that a server may serve as they are. A page, a script or an SVG sent as a file would
run on the blog's own address: anything else is stored as ``.bin`` and offered under its name."""
_BY_MIME: Final = {mime: endings.split()[0] for mime, endings in _TYPES.items() if mime}
_SUFFIXES: Final = {suffix: mime for mime, endings in _TYPES.items() for suffix in endings.split()}


def digest(data: bytes) -> str:
    """What names these bytes."""
    return sha256(data).hexdigest()[:32]


def stem(file: Path) -> str:
    """What the site calls this file of a post, before the dot."""
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()[:32]


def digest_of(path: Path) -> str:
    """The digest of the file's bytes, "" when there is no file."""
    try:
        return digest(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return ""


def write(path: Path, data: bytes) -> bool:
    """Makes the file hold these bytes, durably and at one stroke; whether it did not already."""
    with suppress(FileNotFoundError, NotADirectoryError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
    fresh = beside(path, data)
    try:
        flush([fresh])
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return True


def beside(path: Path, data: bytes) -> Path:
    """A new file of these bytes that may take the place of ``path`` once it is durable. Its name is
    its own, so that nobody else writes it, not even a process that has yet to hear that its run was
    killed."""
    fresh = path.with_name(f".{token_hex(16)}{_PART}")
    try:
        file = fresh.open("xb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = fresh.open("xb")
    try:
        with file:
            file.write(data)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def flush(paths: Iterable[Path]) -> None:
    """Makes the bytes of these files durable: all are written before the disk is asked for the
    first, which then takes them together."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def sweep(root: Path) -> None:
    """Takes away what a killed run left half written."""
    for path in root.rglob(f".*{_PART}"):
        path.unlink(missing_ok=True)


def remove(path: Path, root: Path) -> None:
    """Takes the file away, and the folders below ``root`` that it leaves empty."""
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == root or root not in folder.parents:
            return
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return


def sync(folders: Iterable[Path]) -> None:
    """Makes the names in these folders durable, where the system can do that."""
    for folder in set(folders):
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def place(name: str) -> str:
    """The path in the site's folder of a file called ``<hash>…``."""
    return f"media/{name[:2]}/{name}"


def parts(upload: Upload) -> list[str]:
    """The names of all its files."""
    return [upload.id, *(variant.url.rpartition("/")[2] for variant in upload.variants)]


class Files:
    """The files of the posts of the site at ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hidden = root / ".crosspost" / "files"

    def fits(self, known: Upload, file: Path, media: Media) -> bool:
        """Whether ``known``, made of the same bytes, is what ``add`` would make, and is there."""
        picture = known.mime.startswith("image/")
        same = _pictured(media) if picture else known.id.endswith(f".{_suffix(file, media)}")
        return same and self.has(known)

    def has(self, upload: Upload) -> bool:
        """Whether all its files are there."""
        return all(
            (self._root / place(name)).exists() or (self._hidden / name).exists()
            for name in parts(upload)
        )

    def add(self, file: Path, media: Media, stem: str) -> Upload:
        """Makes what the site shows of ``file`` and lays it aside. Addresses in the answer are
        relative to the site's folder. Raises ``Refused`` when a photo is none."""
        if _pictured(media):
            try:
                return self._add_picture(file)
            except BadImage as error:
                if media.kind in _PICTURES:
                    raise Refused(str(error)) from error
        return self._add_file(file, media, stem)

    def _add_picture(self, file: Path) -> Upload:
        with self._making() as folder:
            full = clean(file, folder, types=IMAGE_TYPES, max_side=_LARGEST)
            seen, smaller = probe(full), variants(full, folder, WIDTHS)
            for path in (full, *(item.path for item in smaller)):
                self._lay(path)
            return Upload(
                id=full.name,
                url=place(full.name),
                mime=seen.mime,
                width=seen.width,
                height=seen.height,
                size=self._size(full.name),
                variants=tuple(
                    Variant(url=place(item.path.name), width=item.width, height=item.height)
                    for item in smaller
                ),
            )

    def _add_file(self, file: Path, media: Media, stem: str) -> Upload:
        suffix = _suffix(file, media)
        name = f"{stem}.{suffix}"
        with self._making() as folder:
            copy = folder / name
            shutil.copyfile(file, copy)
            self._lay(copy)
        return Upload(
            id=name,
            url=place(name),
            mime=_SUFFIXES.get(suffix) or media.mime or "application/octet-stream",
            width=media.width,
            height=media.height,
            size=self._size(name),
        )

    def _made(self) -> Path:
        self._hidden.mkdir(parents=True, exist_ok=True)
        return self._hidden

    def _lay(self, path: Path) -> None:
        """Moves a finished file to where the site's files wait, unless it stands there."""
        if not (self._root / place(path.name)).exists():
            with path.open("rb") as file:
                os.fsync(file.fileno())
            path.replace(self._hidden / path.name)

    def _size(self, name: str) -> int:
        for path in (self._root / place(name), self._hidden / name):
            with suppress(FileNotFoundError):
                return path.stat().st_size
        return 0

    @contextmanager
    def _making(self) -> Iterator[Path]:
        """A folder for what is half made, and beside it a lock that dies with its process."""
        from filelock import FileLock

        folder = self._made() / f"making-{token_hex(8)}"
        with FileLock(f"{folder}.lock") as lock:
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                if not folder.exists():  # else a sweep finds it by its lock
                    with suppress(OSError):
                        Path(lock.lock_file).unlink()

    def sweep(self) -> None:
        """Takes away what uploads that were killed left half made."""
        from filelock import FileLock, Timeout

        for path in self._hidden.glob("making-*.lock"):
            with suppress(Timeout, OSError), FileLock(path, timeout=0):
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                if not path.with_suffix("").exists():
                    path.unlink(missing_ok=True)

    def show(self, upload: Upload) -> None:
        """Puts its files into the public folder."""
        for name in parts(upload):
            target = self._root / place(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                (self._hidden / name).replace(target)

    def hide(self, upload: Upload) -> None:
        """Takes its files out of the public folder; they wait for another article."""
        for name in parts(upload):
            source = self._root / place(name)
            if source.exists():
                source.replace(self._made() / name)
            remove(source, self._root)

    def drop(self, upload: Upload) -> None:
        """Deletes its files."""
        for name in parts(upload):
            (self._hidden / name).unlink(missing_ok=True)
            remove(self._root / place(name), self._root)


def _pictured(media: Media) -> bool:
    if media.mime:
        return media.kind == "photo" or media.mime.startswith("image/")
    return media.kind in _PICTURES


def _suffix(file: Path, media: Media) -> str:
    given = Path(media.name or file.name).suffix.lower().lstrip(".")
    return given if given in _SUFFIXES else _BY_MIME.get(media.mime, "bin")


def trial(root: Path) -> Finding:
    """Whether a file can be written into the folder, and removed again."""
    what = "a trial file"
    try:
        with NamedTemporaryFile(dir=root, prefix=".crosspost-trial-") as made:
            made.write(b"crosspost")
            made.flush()
    except OSError as error:
        return Finding(
            what=what,
            ok=False,
            detail=f"cannot be written into {root} ({error.strerror or error})",
            remedy="Look at the room on its disk and at its permissions.",
        )
    return Finding(what=what, ok=True, detail="was written and removed")
