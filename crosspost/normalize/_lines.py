"""What a line is besides prose: hashtags, a credit, a photo's caption, a call to subscribe.

Each recognizer looks at one line and says what it found or None; whether the line's place in the
post allows it is for ``_layout`` to judge.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple
from unicodedata import normalize
from urllib.parse import urlsplit

from crosspost.normalize._text import EMOJI

LONGEST_CREDIT: Final = 120
LONGEST_CAPTION: Final = 1000
LONGEST_FOOTER: Final = 200

HASHTAG: Final = re.compile(r"(?<![\w#&/])#(\w*[^\W\d]\w*)(?:@\w+)?")
_CYRILLIC: Final = re.compile("[а-я]")
_LOOKALIKES: Final = str.maketrans("aeopcxykmtbh", "аеорсхукмтвн")
_BETWEEN_TAGS: Final = re.compile(rf"(?:{EMOJI}|[\s,;|·•/.])*")
_TAGS_AT_END: Final = re.compile(rf"(?:(?:^|(?<=\s)){HASHTAG.pattern}[\s,;|·•]*)+$")

_GAP: Final = re.compile(r"[\s,:;|·•]+")
_TAIL: Final = re.compile(
    r"[.!?…»\")]\s+((?:фото|photo|на\s+фото|на\s+снимке|слева\s+направо)\b|[📷📸©])", re.IGNORECASE
)

_LABEL: Final = re.compile(
    r"(?:[📷📸🎥📹]\ufe0f?\s*)?(?P<label>(?P<both>фото и видео|photos? and videos?)"
    r"|(?P<video>видео|видеосъёмка|video)"
    r"|(?:(?:автор|источник)\s+(?:фото|фотографи[ий]|снимк(?:а|ов))"
    r"|фото|фотографии|фотография|фотограф|снимки|снимок|photos?|pictures?|images?|photographer"
    r"|photo credit|credit)(?:\s*/\s*видео)?)"
    r"(?:\s*[:©—–]\s*|\s+-\s+|\s+by:?\s+)(?P<who>\S.*)",
    re.IGNORECASE,
)
_SIGN: Final = re.compile(
    r"(?:(?P<video>[🎥📹])|[📷📸]|(?:фото\s*)?©|\([cс]\)\s)\ufe0f?\s*(?P<who>\S.*)", re.IGNORECASE
)
_WHOLE: Final = re.compile(
    r"фото\s+(?:автора|мо[её]|моя|из\s+(?:\S+\s+){0,3}(?:архива|блога|сети|соцсетей|чата|группы|канала|сообщества|источников)\b.*)"
    r"|фото\s+(?-i:[А-ЯЁ][а-яё]+(?:\s+[А-ЯЁ](?:[а-яё]+|\.)){1,2})|photo by (?:the )?author"
    r"|photos?\s+(?:courtesy\s+of|provided\s+by)\s+\S.*",
    re.IGNORECASE,
)
_SOURCE: Final = re.compile(
    r"пресс|из\b|с\s+(?:сайта|страниц)|со\s+страниц|архив|личн|предоставлен|соцсет|скриншот|автор"
    r"|редакц|кадр|открыт|сообществ|канал|мо[йяёе]|наш|муж|жен|сын|доч|courtesy|from|via|by|press"
    r"|author|provided|screenshot|archive|the\b|\S*[./@]\S",
    re.IGNORECASE,
)
"""How a credit that is no name begins: where the photo is from."""
_SENTENCE: Final = re.compile(r"[^\W\d_]{3,}[.!?…]\s+\S|[!?…]$")

_LABELLED: Final = re.compile(r"[^\w]*(?:на|in|on)\b[^:—–]{0,40}[:—–]\s*", re.IGNORECASE)
_CAPTION: Final = re.compile(
    r"(?P<what>на\s+(?:(?P<ordinal>перв|втор|трет|четв[её]рт|пят|шест|седьм|восьм|девят|десят)\w*\s+)?"
    r"(?:фото|фотографи[ия]х?|снимк[еа]х?|(?P<video>видео))|(?:in|on)\s+the\s+(?:photos?|pictures?|(?P<clip>video))"
    r"|pictured|photo(?=\s\d))(?:\s+(?:№\s*)?(?P<number>\d{1,2}))?\b(?P<rest>[^:—–\n]{0,60}[:—–]\s*\S|\s+(?-i:[А-ЯЁ«])\S)"
    r"|(?P<row>слева\s+направо|справа\s+налево|left\s+to\s+right|from\s+left)\b[^:—–\n]{0,40}[:—–,]\s*\S",
    re.IGNORECASE,
)
_ORDINALS: Final = (
    "перв",
    "втор",
    "трет",
    "четв",
    "пят",
    "шест",
    "седьм",
    "восьм",
    "девят",
    "десят",
)

_SUBSCRIBE: Final = re.compile(
    r"\W*(?:подпи(?:саться|шись|шитесь|сывайтесь|сывайся|ска)|читайте нас"
    r"|мы в (?:телеграм|telegram)|subscribe|follow|join)\b",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(
    r"(?:https?://)?(?:www\.)?(?:t|telegram)\.(?:me|dog)/(?P<name>s/\w+|c/\d+|\+[\w-]+|joinchat/[\w-]+|\w+)"
    r"(?P<more>/\d+)?[^\s]*|(?<![\w@])@(?P<at>\w{4,})",
    re.IGNORECASE,
)
_VISIBLE: Final = re.compile(
    r"https?://|\b[\w-]+\.[a-zа-я]{2,}/|(?<!\w)@\w|\w@\w+\.\w", re.IGNORECASE
)
_LEGAL: Final = re.compile(
    r"\berid\b|\bрекламодател|^\W*(?:на правах рекламы|рекламный пост|advertisement|sponsored"
    r"|paid partnership)\b|^\W*реклама\s*(?:\d+\+)?\s*(?:[\W_]|$)"
    r"|\bреклам[аы]\.?\s*(?:ооо|ип|ао|пао|зао|ано|инн)\b|иностранн\w+\s+агент|\bиноагент"
    r"|не\s+является\s+публичной\s+офертой|имеются\s+противопоказания|необходима\s+консультация",
    re.IGNORECASE,
)


class Credit(NamedTuple):
    """Who made the pictures: ``start`` of the name in the line (0: the line says it whole)."""

    start: int
    end: int
    kind: str
    whole: bool = False


class Caption(NamedTuple):
    """Which picture the line describes: ``number`` from 1, 0 if it says none."""

    number: int
    video: bool


def tags(line: str) -> list[tuple[int, int]]:
    """The ranges of the hashtags of a line that holds nothing else; [] for any other line."""
    found = [match.span() for match in HASHTAG.finditer(line)] if "#" in line else []
    at = 0
    for start, end in found:
        gap = _BETWEEN_TAGS.match(line, at, start)
        if gap is None or gap.end() != start:
            return []
        at = end
    rest = _BETWEEN_TAGS.match(line, at)
    return found if rest and rest.end() == len(line) else []


def tags_at_end(line: str) -> list[tuple[int, int]]:
    """The ranges of the hashtags that follow the last sentence of a line."""
    tail = _TAGS_AT_END.search(line) if "#" in line and len(line) < 5000 else None
    if tail is None or tail.start() == 0:
        return []
    before = line[: tail.start()].rstrip()
    if not re.search(rf"(?:[.!?…»”\")]|{EMOJI})$", before):
        return []
    return [match.span() for match in HASHTAG.finditer(line, tail.start())]


def tags_at_start(line: str) -> list[tuple[int, int]]:
    """The ranges of the hashtags before a line's first sentence («#вопрос Можно ли…»)."""
    found: list[tuple[int, int]] = []
    at = 0
    while (match := HASHTAG.match(line, at)) and len(found) < 5:
        found.append(match.span())
        space = _GAP.match(line, match.end())
        at = space.end() if space else match.end()
    return found if found and line[at : at + 1].isupper() else []


def tail(line: str) -> int:
    """Where a last sentence begins that names the photo or who made it; -1 if there is none."""
    found = [match.start(1) for match in _TAIL.finditer(line, max(0, len(line) - LONGEST_CAPTION))]
    return found[-1] if found else -1


@lru_cache(maxsize=128)
def legal(line: str) -> bool:
    """Whether the law puts the line there (an advertiser and his erid, an agent, a warning): such
    a line is never cut out."""
    return len(line) < 5000 and _LEGAL.search(line) is not None


def tag_name(hashtag: str) -> str:
    """A tag as the site shows it: «малый бизнес» for ``#малый_бизнес``."""
    return hashtag.removeprefix("#").partition("@")[0].replace("_", " ").strip()


@lru_cache(maxsize=4096)
def tag_key(name: str) -> str:
    """By what a tag is known again: «НДС», «ндс» and «НДC» with a Latin C are one, and so are
    «Всё» and «все», «малый бизнес» and «малыйбизнес»."""
    folded = normalize("NFKC", name).casefold().replace("ё", "е")
    if _CYRILLIC.search(folded):
        folded = folded.translate(_LOOKALIKES)
    return re.sub(r"[\W_]+", "", folded)


def credit(line: str) -> Credit | None:
    """Who made the photo, if the line says that and nothing else; it may stand in brackets."""
    found = _credit(line)
    if found is None and line.startswith("(") and line.rstrip(".").endswith(")"):
        inner = _credit(line[1:].rstrip(".")[:-1])
        return inner._replace(start=inner.start + 1, end=inner.end + 1) if inner else None
    return found


def _credit(line: str) -> Credit | None:
    if len(line) > LONGEST_CREDIT:
        return None
    if _WHOLE.fullmatch(line.rstrip(".")):
        return Credit(0, len(line.rstrip(".")), "photo", whole=True)
    found = _LABEL.fullmatch(line)
    if found is None:
        found = _SIGN.fullmatch(line)
        if found is None or not _is_name(found["who"]):
            return None
        kind = "video" if found["video"] else "photo"
    else:
        kind = "photo and video" if found["both"] else "video" if found["video"] else "photo"
    who = found["who"].rstrip(" .,;")
    if not who or _SENTENCE.search(who) or (who[0].islower() and not _SOURCE.match(who)):
        return None
    return Credit(found.start("who"), found.start("who") + len(who), kind)


def _is_name(words: str) -> bool:
    """Whether these words could be somebody's name and nothing more."""
    parts = words.split()
    large = sum(part.lstrip('«"(@')[:1].isupper() or "@" in part or "/" in part for part in parts)
    return len(parts) <= 6 and len(words) <= 80 and 2 * large > len(parts)


def caption(line: str) -> Caption | None:
    """Which photo the line describes."""
    found = _CAPTION.match(line.lstrip(" ↑⬆👆️📷")) if len(line) <= LONGEST_CAPTION else None
    if found is None:
        return None
    number = int(found["number"] or 0)
    if found["ordinal"]:
        said = found["ordinal"].lower()
        number = next(n for n, word in enumerate(_ORDINALS, 1) if said.startswith(word))
    return Caption(number, bool(found["video"] or found["clip"]))


def described(line: str) -> str:
    """What a caption says without «На фото:», for who hears it instead of seeing the photo."""
    words = " ".join(line.split())
    label = _LABELLED.match(words) if caption(words) else None
    said = words[label.end() :] if label else words
    return said[:1].upper() + said[1:]


@lru_cache(maxsize=256)
def own_names(*addresses: str) -> frozenset[str]:
    """What the channel is called in links to it: its user name, or ``c/<id>``, in lower case."""
    found = set()
    for address in addresses:
        match = _ADDRESS.fullmatch(address if "/" in address else f"@{address}")
        if match:
            found.add((match["name"] or match["at"] or "").lower().removeprefix("s/"))
    return frozenset(found - {""})


def linked(words: str) -> bool:
    """Whether an address can be seen in these words."""
    return _VISIBLE.search(words) is not None


def names(words: str) -> frozenset[str]:
    """The names of channels that the addresses in these words lead to, posts of theirs aside."""
    found = (match for match in _ADDRESS.finditer(words[:2000]) if not match["more"])
    return frozenset((m["name"] or m["at"]).lower().removeprefix("s/") for m in found)


def footer(line: str, beside: str, targets: Iterable[str], own: frozenset[str], title: str) -> bool:
    """Whether the line only calls to subscribe to this very channel, is its name with the link,
    or consists of links of which one is its («Телеграм | ВК | Сайт»). ``targets`` are the
    addresses under its words, ``beside`` what of the line is under none."""
    if len(line) > LONGEST_FOOTER:
        return False
    found = [*_ADDRESS.finditer(line), *(_ADDRESS.fullmatch(target) for target in targets)]
    known = [match for match in found if match]
    roots = {(match["name"] or match["at"]).lower() for match in known if not match["more"]}
    names = {name.removeprefix("s/") for name in roots}
    words = re.sub(r"\W+", " ", _ADDRESS.sub("", beside)).strip().casefold()
    if names & own and words in ("", re.sub(r"\W+", " ", title).strip().casefold()):
        return True
    if not names or len(known) < len(found) or any(match["more"] for match in known):
        return False
    return (names <= own or not own) and _SUBSCRIBE.match(line) is not None


def own_post(url: str, own: frozenset[str]) -> int:
    """The number of the post of this channel that the address shows, 0 for any other address."""
    found = _ADDRESS.fullmatch(url) if own else None
    if found is None or not found["more"]:
        return 0
    name = (found["name"] or "").lower().removeprefix("s/")
    parts = urlsplit(url)
    plain = not parts.fragment and parts.query in ("", "single") and url.count("/") < 6
    number = found["more"][1:]
    return int(number) if name in own and plain and len(number) < 16 else 0
