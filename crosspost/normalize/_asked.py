"""What a layout is asked, and what it answers with."""

from collections.abc import Mapping
from typing import NamedTuple

from crosspost.model import Part


class Claim(NamedTuple):
    """``text[start:end]`` goes to ``part``, for ``reason``."""

    start: int
    end: int
    part: Part
    reason: str
    figure: int = -1


class Asked(NamedTuple):
    """What the layout needs to know beside the post: ``figures`` maps an index into
    ``post.media`` to the figure's, for those that can be shown; ``card`` is the address of the
    link's card or "", ``cover`` the index of the cover's photo in ``post.media`` or -1.
    ``footers`` are the keys of the lines that are known to repeat and under how many posts,
    ``pinned`` and ``forbidden`` the lines a person wants to be footers, or never. ``no_tags``,
    ``renamed`` and ``spelled`` have the keys of tags: those that are none, are called otherwise,
    or were spelled before. ``keep_sentence`` and ``keep_lead``: a headline that is a sentence of
    the text, and a lead, stay in it. ``goes_on``: the text has neither, since it goes on below
    another."""

    own: frozenset[str]
    title: str
    limit: int
    no_tags: frozenset[str]
    figures: dict[int, int]
    card: str
    cover: int
    footers: Mapping[str, int] = {}
    pinned: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = {}
    spelled: Mapping[str, str] = {}
    keep_sentence: bool = False
    keep_lead: bool = False
    goes_on: bool = False
