"""Where each key of a TOML file stands, since tomllib does not tell.

The text is known to be right: tomllib has read it. So this walk only has to find keys, and to step
over values (https://toml.io/en/v1.0.0).
"""

import re
import tomllib
from bisect import bisect_right
from typing import Final

Path = tuple[str | int, ...]

_DEEPEST: Final = 16
"""No setting of ours lies deeper."""
_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK: Final = re.compile(r"[ \t]*")
_PART: Final = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING: Final = re.compile(
    r"""
    "{3} (?: [^\\] | \\. )*? "{3,5} (?!")   # several lines, with escapes
    | '{3} .*? '{3,5} (?!')                 # several lines, as they are
    | " (?: [^"\\\n] | \\. )* "
    | ' [^'\n]* '
    """,
    re.DOTALL | re.VERBOSE,
)
_SCALAR: Final = re.compile(r"[^,\]}#\n]*")


def places(text: str) -> dict[Path, int]:
    """The line (from 1) of each table, key and array element; arrays are counted from 0."""
    return _Walk(text).found


def line_of(path: Path, found: dict[Path, int]) -> int:
    """The line of the key, or of the nearest thing around it that has one."""
    while path and path not in found:
        path = path[:-1]
    return found.get(path, 1)


class _Walk:
    def __init__(self, text: str) -> None:
        self.found: dict[Path, int] = {}
        self._text, self._at = text, 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._counts: dict[Path, int] = {}
        self._file()

    def _file(self) -> None:
        table: Path = ()
        while self._step(_SPACE) is not None and self._at < len(self._text):
            start = self._at
            if self._text.startswith("[", start):
                array = self._text.startswith("[[", start)
                self._at += 2 if array else 1
                table = self._resolved(self._key(), array)
                self._at += 2 if array else 1
                self._note(table, start)
            else:
                self._pair(table)

    def _step(self, pattern: re.Pattern[str]) -> str:
        """Steps over what the pattern matches here."""
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at + 1
        return match[0] if match else ""

    def _note(self, path: Path, at: int) -> None:
        for length in range(1, min(len(path), _DEEPEST) + 1):
            self.found.setdefault(path[:length], bisect_right(self._breaks, at - 1) + 1)

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._step(_BLANK)
            part = self._step(_PART)
            parts.append(tomllib.loads(f"k={part}")["k"] if part[:1] in ('"', "'") else part)
            self._step(_BLANK)
            if not self._text.startswith(".", self._at):
                return tuple(parts)
            self._at += 1

    def _pair(self, table: Path) -> None:
        start = self._at
        path = (*table, *self._key())
        self._note(path, start)
        self._at += 1  # the sign =
        self._step(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        sign = self._text[self._at : self._at + 1]
        if sign in ('"', "'"):
            self._step(_STRING)
        elif sign == "[":
            self._items("]", path)
        elif sign == "{":
            self._items("}", path)
        else:
            self._step(_SCALAR)

    def _items(self, closing: str, path: Path) -> None:
        """An array or an inline table."""
        self._at += 1
        number = 0
        while self._step(_SPACE) is not None and self._at < len(self._text):
            if self._text[self._at] == closing:
                self._at += 1
                return
            if closing == "]":
                self._note((*path, number), self._at)
                self._value((*path, number))
            else:
                self._pair(path)
            number += 1
            self._step(_SPACE)
            if self._text.startswith(",", self._at):
                self._at += 1

    def _resolved(self, path: Path, array: bool) -> Path:
        """``blog.author`` inside the last ``[[blog]]`` → ``blog.0.author``."""
        resolved: Path = ()
        for number, part in enumerate(path):
            resolved = (*resolved, part)
            last = number == len(path) - 1
            if last and array:
                self._counts[resolved] = self._counts.get(resolved, -1) + 1
            if resolved in self._counts and (array or not last):
                resolved = (*resolved, self._counts[resolved])
        return resolved
