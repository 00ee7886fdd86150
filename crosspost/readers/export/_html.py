"""Messages of ``messages.html`` → parts of posts.

Desktop's default format, as its exporter writes it:
https://github.com/telegramdesktop/tdesktop, ``export/output/export_output_html.cpp``. A message
that follows one of the same sender within minutes is ``joined``: it repeats neither its name nor,
if forwarded from the same source, whose words it is. The page tells no channel id, no edits and
no size of a file; names and dates stand in titles and lines of text.
"""

import html
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from crosspost.model import (
    Answer,
    Entity,
    Extra,
    Forward,
    Media,
    MediaKind,
    Poll,
    Post,
    Reaction,
    Record,
    Reply,
)
from crosspost.readers import FIRST_MOMENT, LAST_MOMENT
from crosspost.readers.export._albums import Part
from crosspost.readers.export._media import MISSING
from crosspost.readers.export._records import LARGEST_ID, Manner
from crosspost.readers.export._values import location

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_TITLE: Final = re.compile(
    rb'<div class="page_header">.{0,2000}?<div class="text bold">([^<]{0,2000})<', re.DOTALL
)
_SENDER: Final = re.compile(
    rb'<div class="forwarded body">\s*<div class="from_name">'
    rb'|<div class="from_name">([^<]{0,2000})<'
)
_DATE: Final = re.compile(
    r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)(?: UTC([+-]\d\d:\d\d))?", re.ASCII
)
_VIA: Final = re.compile(r"\s+via @(\w+)\s*$")
_GO_TO: Final = re.compile(r"#go_to_message(\d{1,18})$", re.ASCII)
_POINT: Final = re.compile(r"[?&]q=(-?[\d.]+),(-?[\d.]+)", re.ASCII)
_CLOCK: Final = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d\d)\b", re.ASCII)
_PIXELS: Final = re.compile(r"(\d{1,6})\s*[x×]\s*(\d{1,6})", re.ASCII)
_VOTES: Final = re.compile(r"(\d+) votes?\b", re.ASCII)
_UNSUPPORTED: Final = "This message is not supported by this version of Telegram Desktop"
_WRAPS: Final[dict[str, MediaKind]] = {
    "photo_wrap": "photo",
    "video_file_wrap": "video",
    "animated_wrap": "animation",
    "sticker_wrap": "sticker",
}
_GENERIC: Final[dict[str, MediaKind]] = {
    "media_photo": "photo",
    "media_video": "video",
    "media_voice_message": "voice",
    "media_audio_file": "audio",
    "media_file": "document",
}
_TITLES: Final[dict[str, MediaKind]] = {
    "Sticker": "sticker",
    "Animation": "animation",
    "Video message": "round_video",
}


class Before(Record, frozen=True):
    """What a joined message takes from the one before it."""

    sender: str = ""
    forward: Forward | None = None
    date: datetime | None = None


def parse(data: bytes) -> "HtmlElement":
    """The first element of a message's HTML. Raises ``ValueError`` with a clause."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(encoding="utf-8")
    try:
        root = document_fromstring(data, parser=parser)
    except etree.LxmlError as error:
        raise ValueError("it is not HTML") from error
    if any(error.level == etree.ErrorLevels.FATAL for error in parser.error_log):
        raise ValueError("it is nested too deeply or not HTML")
    element: HtmlElement | None = root.find(".//div[@id]")
    if element is None:
        raise ValueError("it is not a message")
    return element


def part(
    element: "HtmlElement",
    number: int,
    manner: Manner,
    before: Before,
    locate: Callable[[str], str],
) -> tuple[Part | None, Before]:
    """The message as a post of its own, and what the next one may take from it.

    None for a service message. ``locate`` turns an address on the page into a path inside the
    export. Raises ``ValueError`` with a clause for a person."""
    body = _child(element, "body")
    if body is None:
        raise ValueError("it has no body")
    if "service" in _classes(element):
        return _service(body, number, manner, before), Before(date=before.date)
    date = _date(_child(body, "date"), manner.zone)
    if date is None:
        raise ValueError("it has no valid date")
    if not 0 < number <= LARGEST_ID:
        raise ValueError("it has no valid id")
    name, via = _name(_child(body, "from_name"))
    sender = name or before.sender
    inner, forward = body, None
    forwarded = _child(body, "forwarded", "body")
    if forwarded is not None:
        inner = forwarded
        heading = _child(forwarded, "from_name")
        forward = _forward(heading, manner.zone) if heading is not None else before.forward
        via = via or _name(heading)[1]
        forward = forward or Forward(name="")
    text, entities = _text(_child(inner, "text"))
    post = Post(
        id=number,
        ids=(number,),
        date=date,
        channel_id=manner.channel_id,
        text=text,
        entities=entities,
        author_signature=_words(_child(inner, "signature")),
        forward=forward,
        reply_to=_reply(_child(inner, "reply_to")),
        via_bot=via,
        reactions=tuple(_reactions(body)),
        **_content(inner, number, manner, bool(text), locate),
    )
    return Part(post, sender), Before(sender=sender, forward=forward, date=date)


def title(head: bytes) -> str | None:
    """The channel's title from the beginning of a page, None if it is no page of an export."""
    found = _TITLE.search(head)
    return _unescaped(found[1]) if found else None


def senders(head: bytes) -> set[str]:
    """Who sent the messages at the beginning of a page, whoever wrote what they forwarded."""
    names = (found[1] for found in _SENDER.finditer(head))
    return {_VIA.sub("", _unescaped(name)) for name in names if name is not None}


def _unescaped(name: bytes) -> str:
    return html.unescape(name.decode("utf-8", "replace")).strip()


def _service(body: "HtmlElement", number: int, manner: Manner, before: Before) -> Part | None:
    """A post of a kind that Desktop did not know stands there as a service message without a
    date: it gets that of the message before it."""
    if number <= 0 or not _words(body).startswith(_UNSUPPORTED) or before.date is None:
        return None
    post = Post(
        id=number,
        ids=(number,),
        date=before.date,
        channel_id=manner.channel_id,
        extras=(Extra(kind="unsupported"),),
    )
    return Part(post, "")


def _content(
    inner: "HtmlElement", number: int, manner: Manner, text: bool, locate: Callable[[str], str]
) -> dict[str, Any]:
    """What the post holds beside its text. A post that would be empty says so."""
    wrap = _child(inner, "media_wrap")
    for element in wrap if wrap is not None else ():
        classes = _classes(element)
        for name in classes & _WRAPS.keys():
            return {"media": (_shown(element, _WRAPS[name], number, locate),)}
        if "media_poll" in classes:
            return _poll(element)
        if "media_giveaway" in classes:
            return {"extras": (_giveaway(element),)}
        if "media" in classes:
            return _generic(element, classes, number, manner, locate)
    return {} if text else {"extras": (Extra(kind="unsupported"),)}


def _shown(
    element: "HtmlElement", kind: MediaKind, number: int, locate: Callable[[str], str]
) -> Media:
    """A photo or video that stands on the page with its preview."""
    image = element.find(".//img")
    thumb = image.get("src", "") if image is not None else ""
    path = element.get("href", "")
    duration = _seconds(_words(next(iter(element.find_class("video_duration")), None)))
    return Media(
        kind=kind,
        locator=locate(path) if path else f"{number}/0",
        missing="" if path else MISSING["not included"],
        thumb=locate(thumb) if thumb else "",
        duration=duration,
        name="" if kind == "photo" else path.rpartition("/")[2],
    )


def _generic(
    element: "HtmlElement",
    classes: frozenset[str],
    number: int,
    manner: Manner,
    locate: Callable[[str], str],
) -> dict[str, Any]:
    """What stands on the page as an icon with a title, a description and a status."""
    body = _child(element, "body")
    heading, description, status = (
        _words(_child(body, name)) if body is not None else ""
        for name in ("title", "description", "status")
    )
    kind = next((_GENERIC[name] for name in classes & _GENERIC.keys()), None)
    if kind is not None:
        kind = _TITLES.get(heading, kind)
        return {"media": (_filed(element, kind, number, heading, description, status, locate),)}
    if classes & {"media_location", "media_live_location", "media_venue"}:
        point = _POINT.search(element.get("href", ""))
        place = location(point[1], point[2]) if point else None
        venue = heading if "media_venue" in classes else ""
        if place:
            from msgspec.structs import replace

            return {"place": replace(place, title=venue, address=description)}
        lines = ((description, False),) if description else ()
        return {"extras": (Extra(kind="unsupported", title=venue, lines=lines),)}
    return {"extras": (_extra(classes, element, manner, heading, description, status),)}


def _filed(
    element: "HtmlElement",
    kind: MediaKind,
    number: int,
    heading: str,
    description: str,
    status: str,
    locate: Callable[[str], str],
) -> Media:
    path = element.get("href", "")
    missing = "" if path else _missing(description)
    thumb = next((image.get("src", "") for image in element.findall("img")), "")
    pixels = _PIXELS.search(status) if kind == "photo" else None
    performer, dash, song = heading.partition(" – ") if kind == "audio" else ("", "", "")
    named = kind == "document" or (kind == "audio" and not dash and heading != "Audio file")
    return Media(
        kind=kind,
        locator=locate(path) if path else f"{number}/0",
        missing=missing,
        name=heading if named and heading != "File" else path.rpartition("/")[2],
        performer=performer if dash else "",
        title=song,
        duration=_seconds(status),
        width=int(pixels[1]) if pixels else 0,
        height=int(pixels[2]) if pixels else 0,
        alt=status.partition(",")[0] if kind == "sticker" else "",
        thumb=locate(thumb) if thumb else "",
    )


def _extra(
    classes: frozenset[str],
    element: "HtmlElement",
    manner: Manner,
    heading: str,
    description: str,
    status: str,
) -> Extra:
    lines = ((description, False),) if description else ()
    if "media_contact" in classes:
        phone = status.removesuffix(" - vCard") if manner.phone_numbers else ""
        return Extra(kind="contact", title=heading, value=phone)
    if "media_game" in classes:
        return Extra(kind="game", title=heading, lines=lines, value=element.get("href", ""))
    if "media_invoice" in classes:
        if not heading:
            return Extra(kind="paid_media", value="".join(filter(str.isdigit, status)))
        return Extra(kind="invoice", title=heading, lines=lines, value=status)
    return Extra(kind="unsupported", title=heading, lines=lines)


def _poll(element: "HtmlElement") -> dict[str, Any]:
    question = _words(_child(element, "question"))
    kind = _words(_child(element, "details"))
    answers = [child for child in element if "answer" in _classes(child)]
    if kind == "To-do List":
        tasks = tuple((_answer(one)[0], False) for one in answers)
        return {"extras": (Extra(kind="todo", title=question, lines=tasks),)}
    total = _VOTES.search(_words(_child(element, "total")))
    return {
        "poll": Poll(
            question=question,
            answers=tuple(
                Answer(text=words, voters=votes) for words, votes in map(_answer, answers)
            ),
            voters=int(total[1]) if total else 0,
            closed=kind == "Final results",
        )
    }


def _answer(element: "HtmlElement") -> tuple[str, int]:
    details = next((span for span in element.findall("span") if "details" in _classes(span)), None)
    votes = None
    if details is not None:
        votes = _VOTES.search(_words(details))
        element.remove(details)
    return _words(element).removeprefix("- "), int(votes[1]) if votes else 0


def _giveaway(element: "HtmlElement") -> Extra:
    """The first line says which of both it is, the second begins with a number in bold and, for
    one that is not decided yet, ends with the prize."""
    first, body = (
        next((one for one in element if name in _classes(one)), None)
        for name in ("section_title", "section_body")
    )
    number = body.find("b") if body is not None else None
    value = _words(number)
    if "Winner" in _words(first):
        return Extra(kind="giveaway_results", value=value)
    prize = (number.tail or "").strip() if number is not None else ""
    return Extra(kind="giveaway", title=prize, value=value)


def _text(element: "HtmlElement | None") -> tuple[str, tuple[Entity, ...]]:
    if element is None:
        return "", ()
    from crosspost.markup import from_html

    text, entities = from_html(element)
    return text, tuple(entities)


def _name(element: "HtmlElement | None") -> tuple[str, str]:
    """A name's line without its date, and the bot it came through."""
    if element is None:
        return "", ""
    words = element.text or ""
    via = _VIA.search(words)
    return words[: via.start() if via else None].strip(), via[1] if via else ""


def _forward(heading: "HtmlElement", zone: ZoneInfo) -> Forward:
    date = heading.find("span")
    return Forward(name=_name(heading)[0], date=_date(date, zone))


def _date(element: "HtmlElement | None", zone: ZoneInfo) -> datetime | None:
    found = _DATE.search(element.get("title") or _words(element)) if element is not None else None
    if found is None:
        return None
    day, month, year, time, offset = found.groups()
    try:
        date = datetime.fromisoformat(f"{year}-{month}-{day}T{time}{offset or ''}")
        date = (date if offset else date.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return date if FIRST_MOMENT <= date <= LAST_MOMENT else None


def _reply(element: "HtmlElement | None") -> Reply | None:
    """The post of this channel that is answered; what is in another chat is not told."""
    link = element.find("a") if element is not None else None
    found = _GO_TO.search(link.get("href", "")) if link is not None else None
    return Reply(post_id=int(found[1])) if found else None


def _reactions(body: "HtmlElement") -> Iterator[Reaction]:
    """A reaction with few senders shows their pictures instead of a number."""
    holder = _child(body, "reactions")
    for element in holder if holder is not None else ():
        emoji = _child(element, "emoji")
        number = _words(_child(element, "count"))
        people = _child(element, "userpics")
        count = int(number) if number.isdecimal() and len(number) < 12 else 0
        custom = emoji is not None and emoji.find("a") is not None
        yield Reaction(
            emoji="" if custom else _words(emoji),
            count=count or (len(people) if people is not None else 0),
        )


def _missing(description: str) -> str:
    known = (why for words, why in MISSING.items() if words in description.lower())
    return next(known, MISSING["not included"])


def _seconds(words: str) -> float:
    clock = _CLOCK.search(words)
    if clock is None:
        return 0
    return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + int(clock[3])


def _child(element: "HtmlElement", *names: str) -> "HtmlElement | None":
    """The first child with all these classes."""
    wanted = frozenset(names)
    return next((child for child in element if wanted <= _classes(child)), None)


def _classes(element: "HtmlElement") -> frozenset[str]:
    return frozenset((element.get("class") or "").split())


def _words(element: "HtmlElement | None") -> str:
    return "" if element is None else element.text_content().strip()
