"""Whether two posts say the same: by the words they share, in the order they share them.

A text is cut into shingles, runs of ``_WIDTH`` words (https://en.wikipedia.org/wiki/W-shingling).
Two texts are alike when most of their shingles are the same. So that the ledger finds the few that
might be without reading all, a text has ``signs``: for each of several ways to mix it up, the
smallest of its shingles' hashes (https://en.wikipedia.org/wiki/MinHash); texts that are alike share
some of them.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from crosspost.model import Post

_WIDTH: Final = 3
_SIGNS: Final = 12
_SHORTEST: Final = 12
"""A post of fewer words says nothing that could not be said twice («Доброе утро!»)."""
_LONGEST: Final = 5000
_ALIKE: Final = 0.7
"""So much of both texts must be the same."""
_ADDRESS: Final = re.compile(r"https?://\S+|@\w+|#\w+")
_WORD: Final = re.compile(r"\w+")
_NUMBER: Final = re.compile(r"\d+")
_LARGE: Final = (1 << 61) - 1


def signs(post: Post) -> tuple[int, ...]:
    """The post's signs; none if it says too little."""
    found = [_hash(shingle) for shingle in shingles(post.text)]
    if not found:
        return ()
    ways = [(2 * n + 3, (n * 0x9E3779B97F4A7C15) % _LARGE) for n in range(1, _SIGNS + 1)]
    return tuple(min((a * one ^ b) % _LARGE for one in found) for a, b in ways)


def alike(one: Post, other: Post) -> bool:
    """Whether they say the same, all but a few words. Other numbers are other news (a report of
    every day, a price)."""
    if _numbers(one) != _numbers(other):
        return False
    first, second = set(shingles(one.text)), set(shingles(other.text))
    if not first or not second:
        return False
    return len(first & second) >= _ALIKE * len(first | second)


def _numbers(post: Post) -> list[str]:
    return _NUMBER.findall(_ADDRESS.sub(" ", post.text))


def shingles(text: str) -> Iterator[str]:
    """The runs of words of a text; none if it says too little. Addresses and hashtags, which
    often change when a text is sent again, do not count."""
    words = _WORD.findall(_ADDRESS.sub(" ", text).casefold().replace("ё", "е"))[:_LONGEST]
    if len(words) < _SHORTEST:
        return
    for at in range(len(words) - _WIDTH + 1):
        yield " ".join(words[at : at + _WIDTH])


def _hash(words: str) -> int:
    data = blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(data, "big") % _LARGE
