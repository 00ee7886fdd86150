"""Telegram Desktop's files as a stream: borders of messages, found without holding the file.

A ``Window`` is a cursor over a file with a stretch of it in memory. ``messages`` gives those of
a ``result.json``, ``pages`` those of a ``messages.html``, each from its own bytes. Positions are
byte offsets in the file.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Final, TypeVar
from zipfile import BadZipFile

import msgspec

from crosspost.model import Record

CHUNK: Final = 64 * 1024
MESSAGE_LIMIT: Final = 4 * 1024 * 1024
"""The most bytes one message may take in an export. The longest text Telegram allows is 32,768
characters (https://core.telegram.org/api/rich-messages); written twice and escaped it stays well
under a megabyte."""
SCALAR_LIMIT: Final = 64 * 1024

T = TypeVar("T")

_SPACE: Final = re.compile(rb"[\s,]*+")
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
_INSIDE: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[^\s,:\[\]{}"]++', re.DOTALL)
_MARK: Final = re.compile(rb'<div\b[^>]{0,500}?\bid="message(-?\d{1,18})"[^>]{0,500}>')
_MARK_LENGTH: Final = 1100


class Damaged(Exception):
    """The file cannot be read on from byte ``at``; the text says what was met there."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at = at


class Refused(Record, frozen=True):
    """One message that is left out: where it begins and why, as a clause."""

    at: int
    why: str


class Window:
    """A cursor over ``file``. ``pos`` is where it stands; bytes before it may be forgotten."""

    def __init__(self, file: IO[bytes], at: int = 0) -> None:
        self._file = file
        self.data = b""
        self.start = self.pos = at
        file.seek(at)

    @property
    def end(self) -> int:
        """Where the bytes in memory end."""
        return self.start + len(self.data)

    def more(self, keep: int) -> bool:
        """Reads on, forgetting what lies before ``keep``; False at the end of the file."""
        try:
            chunk = self._file.read(max(CHUNK, self.end - keep))
        except (OSError, EOFError, BadZipFile, zlib.error) as error:
            raise Damaged(self.end, f"cannot be read any further ({error})") from error
        self.data = self.data[keep - self.start :] + chunk
        self.start = keep
        return bool(chunk)

    def back(self, pos: int) -> None:
        """Stands at ``pos`` again, wherever it was."""
        self._file.seek(pos)
        self.data = b""
        self.start = self.pos = pos

    def peek(self) -> bytes:
        """The next byte after whitespace and commas, b"" at the end of the file."""
        while True:
            found = _SPACE.match(self.data, self.pos - self.start)
            self.pos = self.start + (found.end() if found else 0)
            if self.pos < self.end:
                return self.data[self.pos - self.start : self.pos - self.start + 1]
            if not self.more(self.pos):
                return b""

    def scalar(self) -> object:
        """The string, number or word that begins at ``pos``, decoded; steps over it."""
        while True:
            found = _SCALAR.match(self.data, self.pos - self.start)
            if found and self.start + found.end() < self.end:
                break
            if self.end - self.pos > SCALAR_LIMIT or not self.more(self.pos):
                if found:
                    break
                raise Damaged(self.pos, "a word or a number is broken off")
        at, self.pos = self.pos, self.start + found.end()
        try:
            return msgspec.json.decode(found[0])
        except msgspec.DecodeError as error:
            raise Damaged(at, "not valid JSON") from error

    def skip(self, limit: int = 0) -> bool:
        """Steps over the value at ``pos``. Its bytes are kept in memory while there are no more
        than ``limit`` of them; answers whether all of them still are."""
        if self.peek() not in (b"{", b"["):
            self.scalar()
            return False
        begin = self.pos
        depth, inside = 0, False
        while True:
            depth, inside = self._count(depth, inside)
            if not depth and self.pos > begin and not inside:
                return self.pos - begin <= limit
            if not self.more(begin if self.pos - begin <= limit else self.pos):
                raise Damaged(begin, "the file ends in the middle")

    def _count(self, depth: int, inside: bool) -> tuple[int, bool]:
        """Moves ``pos`` to the end of the value or of the bytes in memory, counting brackets."""
        data, start = self.data, self.start
        if inside:
            found = _INSIDE.match(data, self.pos - start)
            at = found.end() if found else len(data)
            self.pos = start + at
            if data[at : at + 1] != b'"':
                return depth, True
            self.pos += 1
        for token in _TOKEN.finditer(data, self.pos - start):
            byte = data[token.start()]
            if byte == 0x22:
                if token.end() - token.start() == 1:
                    self.pos = start + token.end()
                    return self._count(depth, True)
            elif byte in b"{[":
                depth += 1
            else:
                depth -= 1
                if not depth:
                    self.pos = start + token.end()
                    return 0, False
        self.pos = self.end
        return depth, False


def messages(
    window: Window,
    decode_all: Callable[[bytes], list[T]],
    decode: Callable[[bytes], T],
    mend: Callable[[bytes], T],
) -> Iterator[T | Refused]:
    """What ``decode`` makes of each message; ``window`` stands at the beginning of their list.

    Desktop writes one key a line, so a message ends at the first brace on a line of its own that
    is indented as its beginning. That is a guess which ``decode`` proves: bytes that are one
    valid object are the message. In a file of another layout brackets are counted. All that are
    in memory are tried first, at one stroke, as the list that ``decode_all`` takes.

    ``decode``, and ``mend`` which is tried after it, raise ``ValueError`` with a clause for a
    person, or ``RecursionError``; so does ``decode_all``. Raises ``Damaged`` where no next
    message can be found."""
    close, trusted, singly = _closing(window), False, 0
    while (byte := window.peek()) != b"]":
        begin = window.pos
        if byte != b"{":
            raise Damaged(begin, "no message begins there" if byte else "the file ends too early")
        if begin >= singly:
            several, singly = _several(window, close, decode_all)
            if several:
                yield from several
                continue
        guess = _guess(window, close)
        if guess is None:
            result = _counted(window, decode, mend)
            close = close if isinstance(result, Refused) else b""
            yield result
            continue
        result = _read(guess, begin, decode, mend)
        if isinstance(result, Refused) and not trusted:
            better = _recounted(window, decode)
            if better is not None:
                close = b""
                yield better
                continue
            trusted = True
            window.back(begin + len(guess))
        window.pos = begin + len(guess)
        yield result


def pages(window: Window) -> Iterator[tuple[int, bytes] | Refused]:
    """Each message of a ``messages.html``: its id (negative for a date line) and its bytes, from
    its opening tag to the next one's. Raises ``Damaged`` after the last whole one when the page
    does not end as pages do."""
    begin, name, keep = window.pos, 0, True
    search = window.pos
    while True:
        found = _MARK.search(window.data, search - window.start)
        if found:
            at = window.start + found.start()
            if name:
                yield _page(window, begin, at, name, keep)
            begin, name, keep = at, int(found[1]), True
            search = window.pos = window.start + found.end()
            continue
        search = max(search, window.end - _MARK_LENGTH)
        keep = keep and window.end - begin <= MESSAGE_LIMIT
        if not window.more(begin if keep and name else max(search, window.start)):
            break
    if b"</html>" not in window.data[-_MARK_LENGTH:].lower():
        raise Damaged(begin, "the page breaks off")
    if name:
        yield _page(window, begin, window.end, name, keep)


def _closing(window: Window) -> bytes:
    """What ends a message in Desktop's layout, b"" if the first one does not begin a line."""
    if window.peek() != b"{":
        return b""
    before = window.data[: window.pos - window.start]
    line = before.rfind(b"\n")
    return b"" if line < 0 or before[line + 1 :].strip(b" ") else before[line:] + b"}"


def _several(
    window: Window, close: bytes, decode_all: Callable[[bytes], list[T]]
) -> tuple[list[T], int]:
    """The messages from ``pos`` on that are in memory, as the layout suggests them; steps over
    them. None if something is wrong with one of them: then also where the last of them ends."""
    begin = window.pos - window.start
    last = window.data.rfind(close, begin) if close else -1
    end = last + len(close)
    if last < 0 or end - begin > MESSAGE_LIMIT:
        return [], 0
    try:
        found = decode_all(b"[%b]" % window.data[begin:end])
    except (ValueError, RecursionError):
        return [], window.start + end
    window.pos = window.start + end
    return found, 0


def _guess(window: Window, close: bytes) -> bytes | None:
    """The message at ``pos`` as the layout suggests it, None if nothing fits within the limit."""
    if not close:
        return None
    begin = window.pos
    while (stop := window.data.find(close, begin - window.start)) < 0:
        if window.end - begin > MESSAGE_LIMIT or not window.more(begin):
            return None
    if stop + window.start - begin > MESSAGE_LIMIT:
        return None
    return window.data[begin - window.start : stop + len(close)]


def _counted(
    window: Window, decode: Callable[[bytes], T], mend: Callable[[bytes], T]
) -> T | Refused:
    """The message at ``pos`` by its brackets; steps over it."""
    begin = window.pos
    if not window.skip(MESSAGE_LIMIT):
        return _too_large(begin)
    found = window.data[begin - window.start : window.pos - window.start]
    return _read(found, begin, decode, mend)


def _recounted(window: Window, decode: Callable[[bytes], T]) -> T | None:
    """As ``_counted``, but None when that leads to no message."""
    begin = window.pos
    try:
        result = _counted(window, decode, decode)
    except Damaged:
        result = _too_large(begin)
    return None if isinstance(result, Refused) else result


def _read(
    found: bytes, begin: int, decode: Callable[[bytes], T], mend: Callable[[bytes], T]
) -> T | Refused:
    try:
        return decode(found)
    except (ValueError, RecursionError):
        pass
    try:
        return mend(found)
    except RecursionError:
        return Refused(at=begin, why="it is nested too deeply")
    except ValueError as error:
        return Refused(at=begin, why=str(error))


def _too_large(begin: int) -> Refused:
    return Refused(at=begin, why=f"it is larger than {MESSAGE_LIMIT >> 20} MB")


def _page(
    window: Window, begin: int, end: int, name: int, keep: bool
) -> tuple[int, bytes] | Refused:
    if not keep or end - begin > MESSAGE_LIMIT:
        return _too_large(begin)
    return name, window.data[begin - window.start : end - window.start]
