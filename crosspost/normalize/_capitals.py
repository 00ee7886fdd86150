"""Headlines in capitals: no shouting, but only where nothing can go wrong."""

import re
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_COMMON: Final = frozenset(
    word
    for line in (
        "а без более бы был была были было в вам вас во вот все всё всем всех где да для до",
        "его её если есть ещё же за и из или им их к как какие какой ко когда кому которые",
        "кто ли мне много можно мы на над надо нам нас наш наша наше наши не нельзя нет ни но",
        "новая новое новости новый новые нужно о об он она они от очень по под после почему",
        "при про с самое сегодня скоро со так там теперь то только у уже хорошо чего чем что",
        "чтобы это этой этот я внимание срочно важно завтра вчера итоги год года году день",
        "дня дни нового новом новой",
        "a an and are at but by do for from how in is it new no not of on or our the",
        "this to today tomorrow we what when where who why with you",
    )
    for word in line.split()
)


def shouted(words: str) -> bool:
    """Whether the words are all in capitals: three words of letters, or two long ones."""
    letters = [char for char in words if char.isalpha()]
    return (
        len(letters) >= 8
        and len([w for w in _WORD.findall(words) if len(w) > 1]) >= 2
        and sum(char.isupper() for char in letters) > 0.9 * len(letters)
    )


def lowered(title: str, rest: str) -> str:
    """The headline in small letters, if the rest of the post shows how each word is written;
    as it is if one of them might be a name."""
    rest = rest[:20_000]
    small = {word[:5] for word in _WORD.findall(rest) if word.islower()}
    exact = {word for word in _WORD.findall(rest) if word.isupper() and len(word) > 1}
    names = {word[:5]: word for word in re.findall(r"(?<=[а-яёa-z,] )[А-ЯЁA-Z][а-яёa-z]+", rest)}
    begun = {word[:5].capitalize() for word in _WORD.findall(rest) if word.istitle()}
    words = []
    for found in _WORD.finditer(title):
        word = found[0]
        low = word.lower()
        if word in exact:
            words.append(word)
        elif low in _COMMON or (low[:5] in small and low[:5].capitalize() not in names):
            words.append(low)
        elif (not words and low[:5].capitalize() in begun) or (
            low[:5].capitalize() in names and low[:5] not in small
        ):
            words.append(low.capitalize())
        else:
            return title
    parts = iter(words)
    quiet = _WORD.sub(lambda _: next(parts), title)
    return quiet[:1].upper() + quiet[1:]
