"""Where an export lies: a folder or a zip of it, and the way to its files.

Paths inside an export come from whoever made it, so they are hostile until proven inside:
``fetch`` raises ``Unsafe`` for a path that leaves the export and ``Gone`` for one that leads to
nothing. Zip files are read where they are; what is fetched from them is unpacked into the cache.
"""

import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import IO, Final, Protocol
from zipfile import BadZipFile, ZipFile, ZipInfo

from crosspost.errors import ReaderError
from crosspost.readers import Gone, Unsafe

RESULT: Final = "result.json"
_PAGE: Final = re.compile(r"messages([2-9]|[1-9]\d{1,5})?\.html", re.ASCII)
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,8}")
_BLOCK: Final = 1024 * 1024
LARGEST_FILE: Final = 4 * 1024**3
"""Telegram takes no file above 4 GB."""
LARGEST_RATIO: Final = 500
"""A packed file that grows by more than this is made to fill a disk: Deflate's best is 1032."""


class Store(Protocol):
    """An export's files."""

    place: Path
    """What a person would call it."""
    sources: tuple[str, ...]
    """The files with messages, in order: ``result.json``, or pages."""

    def stamp(self) -> list[list[str | int]]:
        """Name, size and time of each source: the same stamp, the same posts."""

    def open(self, source: str) -> IO[bytes]:
        """One of the sources, seekable."""

    def locate(self, source: str, path: str) -> str:
        """The locator of what ``source`` calls ``path``."""

    def fetch(self, locator: str, cache: Path) -> Path:
        """The file on this disk. Raises ``Gone`` or ``Unsafe``."""

    def close(self) -> None:
        """Lets go of files."""


class Folder:
    """An export as Desktop leaves it: ``sources`` lie in ``place``."""

    def __init__(self, place: Path, sources: tuple[str, ...]) -> None:
        self.place = place
        self.sources = sources
        # In the export of a whole account a chat's pages lie two folders down and point up.
        above = place.parent.parent
        chats = place.parent.name in ("chats", "left_chats")
        nested = chats and (above / "export_results.html").is_file()
        self._root = above if nested else place
        self._prefix = f"{place.parent.name}/{place.name}" if nested else ""

    def stamp(self) -> list[list[str | int]]:
        with readable(self.place):
            stats = [(name, (self.place / name).stat()) for name in self.sources]
        return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]

    def open(self, source: str) -> IO[bytes]:
        with readable(self.place / source):
            return (self.place / source).open("rb")

    def locate(self, source: str, path: str) -> str:
        if not self._prefix:
            return path
        return os.path.normpath(f"{self._prefix}/{path}").replace(os.sep, "/")

    def fetch(self, locator: str, cache: Path) -> Path:
        inner = _inside(locator)
        root = self._root.resolve()
        try:
            found = root.joinpath(*inner.parts).resolve(strict=True)
        except FileNotFoundError:
            raise Gone(f"«{_short(locator)}» is not in the export") from None
        except (OSError, RuntimeError) as error:
            why = getattr(error, "strerror", "") or "it is a link to itself"
            raise Unsafe(f"«{_short(locator)}» cannot be followed: {why}") from error
        if not found.is_relative_to(root):
            raise Unsafe(f"«{_short(locator)}» is a link that leaves the export's folder")
        if not found.is_file():
            raise Unsafe(f"«{_short(locator)}» is not a file")
        return found

    def close(self) -> None:
        """There is nothing to let go of."""


class Zip:
    """An export packed into one file, at any depth in it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        with readable(place):
            self._zip = ZipFile(place)
        self._members = {one.filename: one for one in self._zip.infolist()}
        self._prefix, self.sources = _packed(place, self._members)

    def stamp(self) -> list[list[str | int]]:
        return zip_stamp(self.place)

    def open(self, source: str) -> IO[bytes]:
        member = self._members[self._prefix + source]
        bomb = _bomb(member)
        if bomb:
            raise ReaderError(f"{source} in {self.place} {bomb}: unpack it by hand if you trust it")
        with readable(self.place):
            return self._zip.open(member)

    def locate(self, source: str, path: str) -> str:
        return path

    def fetch(self, locator: str, cache: Path) -> Path:
        member = self._members.get(self._prefix + str(_inside(locator)))
        if member is None or member.is_dir():
            raise Gone(f"«{_short(locator)}» is not in the export")
        if (member.external_attr >> 28) == 0xA:
            raise Unsafe(f"«{_short(locator)}» is a link inside the zip file")
        if member.flag_bits & 1:
            raise Unsafe(f"«{_short(locator)}» is locked with a password")
        bomb = _bomb(member) or ("is too large" if member.file_size > LARGEST_FILE else "")
        if bomb:
            raise Unsafe(f"«{_short(locator)}» {bomb}")
        return self._unpack(member, cache)

    def _unpack(self, member: ZipInfo, cache: Path) -> Path:
        """The member in the cache, under a name made of what it is."""
        identity = f"{zip_stamp(self.place)} {member.filename} {member.CRC}"
        suffix = PurePosixPath(member.filename).suffix
        name = sha256(identity.encode("utf-8", "replace")).hexdigest()[:32]
        target = cache / (name + (suffix if _SUFFIX.fullmatch(suffix) else ""))
        if target.is_file() and target.stat().st_size == member.file_size:
            return target
        cache.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=cache, prefix=".unpack-", delete=False) as copy:
            try:
                self._copy(member, copy)
            except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
                Path(copy.name).unlink()
                raise Gone(f"«{_short(member.filename)}» is damaged: {error}") from error
            except BaseException:
                Path(copy.name).unlink()
                raise
        Path(copy.name).replace(target)
        return target

    def _copy(self, member: ZipInfo, copy: IO[bytes]) -> None:
        left = member.file_size
        with self._zip.open(member) as packed:
            while block := packed.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise Unsafe(f"«{_short(member.filename)}» holds more than it declares")
                copy.write(block)

    def close(self) -> None:
        """Lets go of the zip file."""
        self._zip.close()


def folder(path: Path) -> Folder:
    """The export at ``path``: its folder, its ``result.json``, its first page, or one page.
    Raises ``ReaderError``."""
    with readable(path):
        if not path.is_dir():
            whole = path.name == "messages.html"
            return Folder(path.parent, _pages(path.parent) if whole else (path.name,))
        if (path / RESULT).is_file():
            return Folder(path, (RESULT,))
        pages = _pages(path)
    if not pages:
        raise ReaderError(
            f"{path} holds neither result.json nor messages.html: point «channel» at the folder "
            "that Telegram Desktop exported the channel into"
        )
    return Folder(path, pages)


def zip_stamp(path: Path) -> list[list[str | int]]:
    """As ``Store.stamp``, without opening the zip file."""
    with readable(path):
        stat = path.stat()
    return [[path.name, stat.st_size, stat.st_mtime_ns]]


def gaps(sources: tuple[str, ...]) -> list[str]:
    """The first pages that should be among ``sources`` and are not."""
    numbers = [_number(name) for name in sources]
    if None in numbers:
        return []
    known = {number for number in numbers if number}
    missing = (number for number in range(1, max(known) + 1) if number not in known)
    first = islice(missing, 10)
    return ["messages.html" if number == 1 else f"messages{number}.html" for number in first]


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what the system says about ``path`` into a ``ReaderError``."""
    try:
        yield
    except FileNotFoundError as error:
        raise ReaderError(f"{path} is not there any more: is the disk mounted?") from error
    except PermissionError as error:
        raise ReaderError(f"{path} may not be read: give yourself the right to") from error
    except OSError as error:
        raise ReaderError(f"{path} cannot be read: {error.strerror or error}") from error
    except (BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ReaderError(f"{path} is no zip file we can read ({error}): unpack it") from error


def _packed(place: Path, members: dict[str, ZipInfo]) -> tuple[str, tuple[str, ...]]:
    """The folder in the zip file that holds the export, and its sources there."""
    found: dict[str, list[str]] = {}
    for name in members:
        prefix, slash, last = name.rpartition("/")
        if last == RESULT or _PAGE.fullmatch(last):
            found.setdefault(prefix + slash, []).append(last)
    if not found:
        raise ReaderError(
            f"{place} holds neither result.json nor messages.html: pack the folder that Telegram "
            "Desktop exported the channel into"
        )
    depth = min(prefix.count("/") for prefix in found)
    prefixes = sorted(prefix for prefix in found if prefix.count("/") == depth)
    if len(prefixes) > 1:
        listed = ", ".join(prefixes[:20])
        raise ReaderError(f"{place} holds several exports ({listed}): pack one, or unpack it")
    names = found[prefixes[0]]
    return prefixes[0], (RESULT,) if RESULT in names else tuple(sorted(names, key=_order))


def _pages(path: Path) -> tuple[str, ...]:
    names = (entry.name for entry in os.scandir(path))
    return tuple(sorted((name for name in names if _PAGE.fullmatch(name)), key=_order))


def _number(name: str) -> int | None:
    found = _PAGE.fullmatch(name)
    return int(found[1] or 1) if found else None


def _order(name: str) -> int:
    return _number(name) or 0


def _inside(locator: str) -> PurePosixPath:
    """The locator as a path that stays inside, as far as its letters tell. Raises ``Unsafe``."""
    inner = PurePosixPath(locator)
    if "\0" in locator:
        raise Unsafe("a file's path holds a NUL character")
    if "\\" in locator or _DRIVE.match(locator) or inner.is_absolute() or ".." in inner.parts:
        raise Unsafe(f"«{_short(locator)}» leads out of the export's folder")
    if len(locator) > 4096 or not inner.parts:
        raise Unsafe(f"«{_short(locator)}» is no path")
    return inner


def _bomb(member: ZipInfo) -> str:
    grows = member.file_size > LARGEST_RATIO * max(member.compress_size, _BLOCK // LARGEST_RATIO)
    return "would grow enormously when unpacked" if grows else ""


def _short(path: str) -> str:
    shown = "".join(one if one.isprintable() else "�" for one in path[:120])
    return shown + "…" if len(path) > 120 else shown
