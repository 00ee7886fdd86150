"""Where each key of a TOML file stands, since tomllib does not tell."""

import re
from typing import Final

Path = tuple[str | int, ...]

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(
    r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART: Final = re.compile(r"""[\w-]+|"([^"]*)"|'([^']*)'""")


def places(text: str) -> dict[Path, int]:
    """The line (from 1) of each table and key that begins a line; array tables are counted from
    0. Keys inside of inline tables count as their line's first key."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    closing = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if header := _HEADER.match(line):
            table = _resolve(_parts(header[2]), counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            path = (*table, *_parts(key[1]))
            found.setdefault(path, number)
            rest = line[key.end() :]
            closing = next((q for q in ('"""', "'''") if rest.count(q) == 1), "")
    return found


def line_of(path: Path, found: dict[Path, int]) -> int:
    """The line of the key, or of the nearest thing around it that has one."""
    while path and path not in found:
        path = path[:-1]
    return found.get(path, 1)


def _parts(dotted: str) -> Path:
    return tuple(part[1] or part[2] or part[0] for part in _PART.finditer(dotted))


def _resolve(path: Path, counts: dict[Path, int]) -> Path:
    """``blog.author`` inside the last ``[[blog]]`` → ``blog.0.author``."""
    resolved: Path = ()
    for number, part in enumerate(path):
        resolved = (*resolved, part)
        if resolved in counts and number < len(path) - 1:
            resolved = (*resolved, counts[resolved])
    return resolved
