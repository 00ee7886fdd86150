"""Two texts side by side, as a person reads them: what is only on the site, what is only in the
post, word by word within a paragraph that both have."""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]")
_ALIKE: Final = 0.5
_AHEAD: Final = 8
"""So many paragraphs are looked at for the one that a paragraph has become."""
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
    """Each paragraph beside the one that it was, where others came or went before it."""
    start = 0
    for before in old:
        ahead = new[start : start + _AHEAD]
        found = next((n for n, after in enumerate(ahead) if _alike(before, after)), None)
        if found is None:
            yield Line("-", before)
            continue
        yield from (Line("+", after) for after in ahead[:found])
        yield _changed(before, ahead[found])
        start += found + 1
    yield from (Line("+", after) for after in new[start:])


def _alike(before: str, after: str) -> bool:
    match = SequenceMatcher(None, _WORDS.findall(before), _WORDS.findall(after), False)
    return match.quick_ratio() >= _ALIKE and match.ratio() >= _ALIKE


def _changed(before: str, after: str) -> Line:
    a, b = _WORDS.findall(before), _WORDS.findall(after)
    match = SequenceMatcher(None, a, b, False)
    pieces = []
    for what, first, last, start, end in match.get_opcodes():
        if what == "equal":
            pieces.append("".join(a[first:last]))
            continue
        gone, come = "".join(a[first:last]), "".join(b[start:end])
        pieces.append((f"[-{gone}-]" if gone else "") + (f"{{+{come}+}}" if come else ""))
    return Line("~", "".join(pieces))


def _flat(line: str) -> str:
    return " ".join(line.split())


def _short(line: str) -> str:
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1].rstrip()}…"
