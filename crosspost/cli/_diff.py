"""Two texts side by side, as a person reads them: what is only on the site, what is only in the
post, word by word within a paragraph that both have."""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]")
_ALIKE: Final = 0.5
_SHOWN: Final = 72


class Line(NamedTuple):
    """``sign`` is "-" (on the site only), "+" (in the post only), "~" (in both, with changes marked
    as ``[-old-]`` and ``{+new+}``) or " " (the same)."""

    sign: str
    text: str


def difference(site: Iterable[str], post: Iterable[str]) -> Iterator[Line]:
    """The lines of both texts, blank ones left out; the same ones are shortened."""
    old, new = ([line for line in map(_flat, text) if line] for text in (site, post))
    for what, first, last, start, end in SequenceMatcher(None, old, new, False).get_opcodes():
        if what == "equal":
            yield from (Line(" ", _short(line)) for line in old[first:last])
        else:
            yield from _replaced(old[first:last], new[start:end])


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    for number in range(max(len(old), len(new))):
        before = old[number] if number < len(old) else ""
        after = new[number] if number < len(new) else ""
        if before and after:
            yield from _changed(before, after)
        elif before:
            yield Line("-", before)
        else:
            yield Line("+", after)


def _changed(before: str, after: str) -> Iterator[Line]:
    a, b = _WORDS.findall(before), _WORDS.findall(after)
    match = SequenceMatcher(None, a, b, False)
    if match.ratio() < _ALIKE:
        yield Line("-", before)
        yield Line("+", after)
        return
    pieces = []
    for what, first, last, start, end in match.get_opcodes():
        if what == "equal":
            pieces.append("".join(a[first:last]))
            continue
        gone, come = "".join(a[first:last]), "".join(b[start:end])
        pieces.append((f"[-{gone}-]" if gone else "") + (f"{{+{come}+}}" if come else ""))
    yield Line("~", "".join(pieces))


def _flat(line: str) -> str:
    return " ".join(line.split())


def _short(line: str) -> str:
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1].rstrip()}…"
