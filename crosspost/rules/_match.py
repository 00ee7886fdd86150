"""Whether a rule fits a post: all that it asks must be so; of a list, one is enough."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from crosspost.model import Article, Post, Record
from crosspost.rules._ads import advertising

Action = Literal["publish", "hold", "skip"]

KINDS: Final = (
    "text", "photo", "album", "video", "round_video", "animation", "voice", "audio", "document",
    "sticker", "poll", "quiz", "place", "link", "contact", "dice", "todo", "story", "giveaway",
    "giveaway_results", "paid_media", "invoice", "game", "live_stream", "unsupported",
)  # fmt: skip
"""What a post can be; one post may be several: an album of photos is also a photo."""
LANGUAGES: Final = ("ru", "uk", "be", "kk", "en")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PATIENCE: Final = 0.25
"""Seconds that one search for a pattern may take."""
_HASHTAG: Final = re.compile(r"(?<![\w#&/])#(\w+)")
_HOURS: Final = re.compile(
    r"([01]\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]\d|2[0-3]):([0-5]\d)", re.ASCII
)
_ENGLISH: Final = re.compile(
    r"\b(?:the|and|of|to|is|are|in|that|for|with|you|we|this|it|on|our)\b", re.IGNORECASE
)
_LETTERS: Final = (("kk", "әғқңөұүһ"), ("be", "ў"), ("uk", "іїєґ"))


class Rule(Record, frozen=True):
    """One ``[[blog.rule]]``. What is None, empty or 0 is not asked.

    ``words`` are found whole, whatever their capitals; with a ``*`` at the end by how they begin.
    ``regex`` is searched in the text (https://pypi.org/project/regex/), ``longer`` and
    ``shorter`` count its characters. ``media`` asks for a photo or file, ``forward`` and ``reply``
    for these, ``forwarded_from`` for a channel's or person's name, or a part of its address.
    ``time`` is "22:00-07:00" in the blog's time zone, ``days`` are mon…sun, ``after`` and
    ``before`` moments.
    """

    name: str = ""
    hashtag: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    regex: str = ""
    kind: tuple[str, ...] = ()
    longer: int = 0
    shorter: int = 0
    media: bool | None = None
    forward: bool | None = None
    forwarded_from: tuple[str, ...] = ()
    reply: bool | None = None
    advertisement: bool | None = None
    language: tuple[str, ...] = ()
    time: str = ""
    days: tuple[str, ...] = ()
    after: datetime | None = None
    before: datetime | None = None
    action: Action | Literal[""] = ""
    category: str = ""
    status: str = ""
    tags: tuple[str, ...] = ()
    reason: str = ""


class Unclear(Exception):
    """Nobody knows whether the rule fits; says why, as a clause."""


def problem(rule: Rule) -> tuple[str, str]:
    """What is wrong with a rule: the setting, and a sentence; two empty strings if nothing is."""
    if rule.regex:
        try:
            _pattern(rule.regex)
        except ValueError as error:
            return "regex", f"it is no regular expression: {error}"
    for key, known in (("kind", KINDS), ("language", LANGUAGES), ("days", DAYS)):
        wrong = [one for one in getattr(rule, key) if one not in known]
        if wrong:
            return key, f"there is no «{wrong[0]}», only {', '.join(known)}"
    if rule.time and not _HOURS.fullmatch(rule.time):
        return "time", 'it is two times, such as "22:00-07:00"'
    if not (rule.action or rule.category or rule.status or rule.tags):
        return "", "it does nothing: give it an action, category, status or tags"
    return "", ""


def fits(rule: Rule, post: Post, article: Article) -> bool:
    """Whether all that the rule asks is so. Raises ``Unclear``."""
    return all(ask(rule, post, article) for asked, ask in _ASKED if _is_asked(rule, asked))


def _is_asked(rule: Rule, name: str) -> bool:
    value = getattr(rule, name)
    return (value is not None and value not in ("", (), 0)) or value is False


def _hashtag(rule: Rule, post: Post, _: Article) -> bool:
    has = {found.casefold() for found in _HASHTAG.findall(post.text)}
    return any(_bare(one) in has for one in rule.hashtag)


def _bare(hashtag: str) -> str:
    return hashtag.strip().lstrip("#").replace(" ", "_").casefold()


def _words(rule: Rule, post: Post, _: Article) -> bool:
    return _word_pattern(rule.words).search(_spoken(post).replace("ё", "е")) is not None


@lru_cache(maxsize=256)
def _word_pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    parts = []
    for word in words:
        spaced = r"\s+".join(re.escape(one) for one in word.rstrip("*").casefold().split())
        parts.append(spaced.replace("ё", "е") + (r"\w*" if word.endswith("*") else ""))
    return re.compile(rf"(?<!\w)(?:{'|'.join(filter(None, parts)) or '(?!)'})(?!\w)", re.IGNORECASE)


def _spoken(post: Post) -> str:
    """All words of a post: its text, the poll's question, the file's title."""
    poll = post.poll.question if post.poll else ""
    return "\n".join(
        filter(None, (post.text, poll, *(one.title for one in post.extras)))
    ).casefold()


@lru_cache(maxsize=256)
def _pattern(text: str) -> "Callable[[str], bool]":
    import regex

    try:
        pattern = regex.compile(text, regex.IGNORECASE | regex.MULTILINE)
    except (regex.error, RecursionError) as error:
        raise ValueError(str(error)) from None

    def search(words: str) -> bool:
        return pattern.search(words, timeout=PATIENCE) is not None

    return search


def _regex(rule: Rule, post: Post, _: Article) -> bool:
    try:
        return _pattern(rule.regex)(post.text)
    except TimeoutError:
        raise Unclear(f"its pattern took more than {PATIENCE} seconds") from None


def kinds(post: Post) -> frozenset[str]:
    """All that the post is, of ``KINDS``."""
    return frozenset(_kinds(post)) or frozenset({"text"})


def _kinds(post: Post) -> Iterator[str]:
    shown = [one for number, one in enumerate(post.media) if number != _card(post)]
    yield from (one.kind for one in shown)
    if len(post.ids) > 1 and len(shown) > 1:
        yield "album"
    if post.poll:
        yield "poll"
        if post.poll.quiz:
            yield "quiz"
    if post.place:
        yield "place"
    if post.link_preview:
        yield "link"
    yield from (extra.kind for extra in post.extras)


def _card(post: Post) -> int | None:
    return post.link_preview.photo if post.link_preview else None


def _kind(rule: Rule, post: Post, _: Article) -> bool:
    return not kinds(post).isdisjoint(rule.kind)


def _media(rule: Rule, post: Post, _: Article) -> bool:
    has = any(number != _card(post) for number in range(len(post.media)))
    return has is rule.media


def _from(rule: Rule, post: Post, _: Article) -> bool:
    if post.forward is None:
        return False
    said = f"{post.forward.name}\n{post.forward.author}\n{post.forward.url}".casefold()
    names = (one.casefold().strip().lstrip("@") for one in rule.forwarded_from)
    return any(name and name in said for name in names)


def language_of(text: str) -> str:
    """The language of a text by its letters and smallest words, of ``LANGUAGES``; "" for one that
    is too short to tell, or another."""
    letters = [char for char in text[:4000].casefold() if char.isalpha()]
    if len(letters) < 12:
        return ""
    cyrillic = sum("Ѐ" <= char <= "ԯ" for char in letters)
    if 2 * cyrillic >= len(letters):
        told = (name for name, own in _LETTERS if sum(c in own for c in letters) * 60 > cyrillic)
        return next(told, "ru")
    words = max(len(text[:4000].split()), 1)
    return "en" if 8 * len(_ENGLISH.findall(text[:4000])) > words else ""


def _time(rule: Rule, post: Post, article: Article) -> bool:
    found = _HOURS.fullmatch(rule.time)
    if found is None:
        return False
    local = post.date.astimezone(ZoneInfo(article.timezone))
    first, last = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
    now = local.hour * 60 + local.minute
    return first <= now < last if first <= last else now >= first or now < last


def _days(rule: Rule, post: Post, article: Article) -> bool:
    return DAYS[post.date.astimezone(ZoneInfo(article.timezone)).weekday()] in rule.days


_ASKED: Final[tuple[tuple[str, Callable[[Rule, Post, Article], bool]], ...]] = (
    ("kind", _kind),
    ("media", _media),
    ("longer", lambda rule, post, _: len(post.text) > rule.longer),
    ("shorter", lambda rule, post, _: len(post.text) < rule.shorter),
    ("forward", lambda rule, post, _: (post.forward is not None) is rule.forward),
    ("forwarded_from", _from),
    ("reply", lambda rule, post, _: (post.reply_to is not None) is rule.reply),
    ("after", lambda rule, post, _: rule.after is not None and post.date >= rule.after),
    ("before", lambda rule, post, _: rule.before is not None and post.date < rule.before),
    ("time", _time),
    ("days", _days),
    ("hashtag", _hashtag),
    ("advertisement", lambda rule, post, _: bool(advertising(post)) is rule.advertisement),
    ("language", lambda rule, post, _: language_of(post.text) in rule.language),
    ("words", _words),
    ("regex", _regex),
)
"""What a rule may ask, the cheapest first."""
