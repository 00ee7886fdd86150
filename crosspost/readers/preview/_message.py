"""A message of the preview page → a post, and the addresses its files have today.

The page is Telegram's widget markup (https://core.telegram.org/widgets/post), which nothing
documents: what is read here was read off real pages. The posts' own words never decide about
structure: an element counts by Telegram's class names, and what stands in a reply's or a link's
card is read apart.

What a page does not tell: when a post was edited, its number of forwards and comments, the files
of documents and music, which photo of an album a text came with, who voted what.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs, urljoin, urlsplit

import msgspec

from crosspost.model import (
    Answer,
    Entity,
    Extra,
    ExtraKind,
    Forward,
    LinkPreview,
    Media,
    Place,
    Poll,
    Post,
    Reaction,
    Reply,
)

if TYPE_CHECKING:
    from bs4 import Tag

NO_FILE: Final = "Telegram's web preview gives no file for it"
TOO_BIG: Final = "it is too big for Telegram's web preview"

_LARGEST_ID: Final = 2**31 - 1
_MARKED: Final = 10**12
"""The Bot API writes channel ids with this mark: https://core.telegram.org/api/bots/ids"""
_NAME: Final = re.compile(r"([A-Za-z0-9_]{1,64})/(\d{1,10})", re.ASCII)
_POST_LINK: Final = re.compile(
    r"https?://(?:t|telegram)\.(?:me|dog)/(?:s/)?([A-Za-z0-9_]{1,64})/(?:\d+/)?(\d{1,10})(?:\?.*)?",
    re.ASCII,
)
_COUNT: Final = re.compile(r"([\d\s.,]*\d)\s*([KMB]?)", re.ASCII)
_BYTES: Final = re.compile(r"([\d.]{1,9})\s*([KMGT]?)B", re.ASCII)
_BACKGROUND: Final = re.compile(r"background-image\s*:\s*url\(\s*(['\"]?)(.*?)\1\s*\)", re.ASCII)
_WIDTH: Final = re.compile(r"(?:^|;)\s*width\s*:\s*([\d.]{1,9})px", re.ASCII)
_RATIO: Final = re.compile(r"padding-top\s*:\s*([\d.]{1,18})%", re.ASCII)
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")

_TYPES: Final = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "mp3": "audio/mpeg",
    "tgs": "application/x-tgsticker",
}


class Unread(Exception):
    """The message's markup is not understood; the text says what is missing."""


class Found(NamedTuple):
    """A post, and the address of each of its locators."""

    post: Post
    urls: dict[str, str]


class _View(msgspec.Struct):
    """What ``data-view`` holds, as far as it is read."""

    c: int


class _File(NamedTuple):
    """A file of the message ``member``, with the addresses of itself and its preview frame."""

    member: int
    media: Media
    url: str = ""
    thumb: str = ""


def identity(message: "Tag") -> tuple[str, int]:
    """The channel's name and the message's id, from ``data-post``. Raises ``Unread``."""
    found = _NAME.fullmatch(attribute(message, "data-post"))
    if not found or not 0 < int(found[2]) <= _LARGEST_ID:
        raise Unread("it has no id")
    return found[1], int(found[2])


def channel_id(message: "Tag") -> int:
    """The bare channel id from ``data-view``, base64 of ``{"c": -channel id, …}``; 0 where it
    does not say."""
    data = attribute(message, "data-view")
    with suppress(binascii.Error, ValueError, TypeError, RecursionError):
        told = msgspec.json.decode(
            base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)), type=_View
        )
        channel = abs(told.c)
        channel -= _MARKED if channel > _MARKED else 0
        return channel if channel < 2**52 else 0
    return 0


def read(message: "Tag", channel: int, base: str) -> Found | None:
    """The post in a ``.tgme_widget_message`` (taken apart on the way), None for a service
    message. ``base``: the page's address, for relative links. Raises ``Unread``."""
    name, post_id = identity(message)
    if "service_message" in classes(message):
        return None
    date = _date(message)
    reply = _taken(message, "tgme_widget_message_reply")
    card = _taken(message, "tgme_widget_message_link_preview")
    _taken(message, "media_not_supported_cont")  # for browsers that cannot show what stands beside
    files = list(_files(message, post_id, base))
    preview, picture = _link_preview(card[0], post_id, base) if card else (None, None)
    if preview and picture:
        preview = msgspec.structs.replace(preview, photo=len(files))
        files.append(picture)
    media, urls = _shelved(files)
    text, entities, captions = _text(message, len(media))
    post = Post(
        id=min((file.member for file in files), default=post_id),
        ids=tuple(sorted({post_id} | {file.member for file in files})),
        date=date,
        channel_id=channel,
        text=text,
        entities=entities,
        media=tuple(
            msgspec.structs.replace(one, caption=captions.get(index))
            for index, one in enumerate(media)
        ),
        url=f"https://t.me/{name}/{post_id}",
        author_signature=line(first(message, "tgme_widget_message_from_author")),
        forward=_forward(first(message, "tgme_widget_message_forwarded_from")),
        reply_to=_reply(reply[0], name) if reply else None,
        poll=_poll(message),
        link_preview=preview,
        place=_place(message),
        extras=_extras(message),
        via_bot=line(first(message, "tgme_widget_message_via_bot")).removeprefix("@"),
        views=count(line(first(message, "tgme_widget_message_views"))),
        reactions=_reactions(message),
    )
    return Found(_never_empty(post), urls)


def _never_empty(post: Post) -> Post:
    """A post of which the page shows nothing says so."""
    if post.text or post.media or post.poll or post.place or post.extras or post.link_preview:
        return post
    return msgspec.structs.replace(post, extras=(Extra(kind="unsupported"),))


# --- Words ------------------------------------------------------------------------------------


def attribute(tag: "Tag | None", name: str) -> str:
    """An attribute's value, "" where there is none."""
    value = tag.get(name) if tag is not None else None
    return value if isinstance(value, str) else " ".join(value or ())


def classes(tag: "Tag") -> list[str]:
    """The class names of an element."""
    value: str | list[str] = tag.attrs.get("class", [])
    return value.split() if isinstance(value, str) else value


def words(tag: "Tag | None") -> str:
    """The text a person sees in an element, its line breaks kept, its edges trimmed."""
    if tag is None:
        return ""
    from bs4 import NavigableString, Tag

    parts = []
    for node in tag.descendants:
        if isinstance(node, Tag):
            parts.append("\n" if node.name == "br" else "")
        elif type(node) is NavigableString:
            parts.append(_SPACE.sub(" ", node))
    return "\n".join(part.strip() for part in "".join(parts).split("\n")).strip()


def line(tag: "Tag | None") -> str:
    """The same on one line."""
    return " ".join(words(tag).split())


def count(text: str) -> int | None:
    """``1.2K`` → 1200, ``10 518`` → 10518, "" → None."""
    found = _COUNT.match(text)
    if not found:
        return None
    number, factor = found[1], {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}[found[2]]
    digits = re.sub(r"[\s,]" if factor > 1 else r"[\s.,]", "", number)
    with suppress(ValueError):
        return round(float(digits[:15]) * factor)
    return None


def address(url: str, base: str) -> str:
    """An absolute http(s) address, "" for anything else (``data:`` pictures among them)."""
    with suppress(ValueError):
        url = urljoin(base, url.strip()) if url.strip() else ""
        return url if urlsplit(url).scheme in ("http", "https") else ""
    return ""


def background(tag: "Tag | None", base: str) -> str:
    """The address of an element's background picture."""
    found = _BACKGROUND.search(attribute(tag, "style"))
    return address(found[2], base) if found else ""


def inside(tag: "Tag | None", name: str | None = None, **attributes: Any) -> "Tag | None":
    """The first element of this name and these attributes in ``tag``."""
    from bs4 import Tag

    found = tag.find(name, **attributes) if tag is not None else None
    return found if isinstance(found, Tag) else None


def elements(tag: "Tag") -> Iterator["Tag"]:
    """The elements in ``tag``, in order. Cheaper than ``find_all``, which weighs every one."""
    from bs4 import Tag

    return (node for node in tag.descendants if isinstance(node, Tag))


def every(tag: "Tag", name: str) -> Iterator["Tag"]:
    """The elements of this class in ``tag``, in order."""
    return (node for node in elements(tag) if name in classes(node))


def first(tag: "Tag | None", name: str) -> "Tag | None":
    """The first element of this class in ``tag``."""
    return next(every(tag, name), None) if tag is not None else None


def _taken(message: "Tag", name: str) -> list["Tag"]:
    return [found.extract() for found in list(every(message, name))]


def _date(message: "Tag") -> datetime:
    stamp = first(message, "tgme_widget_message_date")
    with suppress(ValueError):
        moment = datetime.fromisoformat(attribute(inside(stamp, "time"), "datetime"))
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    raise Unread("it has no date")


def _text(message: "Tag", files: int) -> tuple[str, tuple[Entity, ...], dict[int, tuple[int, int]]]:
    """The post's text, its entities, and which part of it stands under which file. The text of
    an album is wrapped twice: the innermost counts. Several texts belong each to the file before
    it, as in a group of documents."""
    text, entities, captions = "", [], {}
    bodies = [
        body for body in every(message, "js-message_text") if first(body, "js-message_text") is None
    ]
    for body in bodies:
        own, found = _marked(body)
        if not own:
            continue
        start = len(text) + 2 if text else 0
        text = f"{text}\n\n{own}" if text else own
        entities += [
            msgspec.structs.replace(entity, offset=entity.offset + start) for entity in found
        ]
        place = _files_before(body, message)
        if len(bodies) > 1 and 0 < place <= files:
            captions[place - 1] = (start, len(own))
    return text, tuple(entities), captions


def _marked(body: "Tag") -> tuple[str, list[Entity]]:
    from crosspost.markup import from_html

    return from_html(body)


def _files_before(body: "Tag", message: "Tag") -> int:
    count = 0
    for tag in elements(message):
        if tag is body:
            break
        count += any(name in _FILES for name in classes(tag))
    return count


# --- Files ------------------------------------------------------------------------------------


def _files(message: "Tag", post_id: int, base: str) -> Iterator[_File]:
    for tag in elements(message):
        reader = next((_FILES[name] for name in classes(tag) if name in _FILES), None)
        if reader is not None:
            file = reader(tag, base)
            spoiler = any(
                "spoiler" in name for one in (tag, *elements(tag)) for name in classes(one)
            )
            media = msgspec.structs.replace(file.media, spoiler=spoiler)
            yield file._replace(member=_member(tag) or post_id, media=media)


def _shelved(files: list[_File]) -> tuple[list[Media], dict[str, str]]:
    """The files with their locators, and the address of each locator: the number of the message
    and which of its files it is, so that a photo gone from an album renames no other."""
    media, urls, seen = list[Media](), dict[str, str](), dict[int, int]()
    for file in files:
        index = seen[file.member] = seen.get(file.member, -1) + 1
        locator = f"{file.member}/{index}"
        thumb = f"{locator}/thumb" if file.thumb else ""
        urls |= {key: url for key, url in ((locator, file.url), (thumb, file.thumb)) if url and key}
        media.append(
            msgspec.structs.replace(
                file.media,
                locator=locator,
                thumb=thumb,
                mime=file.media.mime or mime(file.url),
                missing="" if file.url else file.media.missing or NO_FILE,
            )
        )
    return media, urls


def mime(url: str) -> str:
    """The type a file server's address tells by its ending, "" where it does not."""
    with suppress(ValueError):
        return _TYPES.get(urlsplit(url).path.rpartition(".")[2].lower(), "")
    return ""


def _member(tag: "Tag") -> int:
    """A part of an album links to itself with ``?single``."""
    href = attribute(tag, "href")
    found = _POST_LINK.fullmatch(href)
    member = int(found[2]) if found and href.endswith("?single") else 0
    return member if member <= _LARGEST_ID else 0


def _photo(tag: "Tag", base: str) -> _File:
    width, height = _size(tag, first(tag, "tgme_widget_message_photo"))
    media = Media(kind="photo", locator="", width=width, height=height)
    return _File(0, media, background(tag, base))


def _video(tag: "Tag", base: str) -> _File:
    frame = first(tag, "tgme_widget_message_video_wrap")
    width, height = _size(frame, frame)
    player = inside(frame or tag, "video", class_="js-message_video")
    lasts = first(tag, "message_video_duration")
    moving = lasts is None and first(tag, "message_video_play") is None
    media = Media(
        kind="animation" if moving else "video",
        locator="",
        width=width,
        height=height,
        duration=_seconds(lasts),
        missing=_why_missing(tag),
    )
    thumb = background(first(tag, "tgme_widget_message_video_thumb"), base)
    return _File(0, media, address(attribute(player, "src"), base), thumb)


def _round_video(tag: "Tag", base: str) -> _File:
    lasts = _seconds(first(tag, "tgme_widget_message_roundvideo_duration"))
    media = Media(kind="round_video", locator="", duration=lasts, missing=_why_missing(tag))
    thumb = background(first(tag, "tgme_widget_message_roundvideo_thumb"), base)
    return _File(0, media, address(attribute(inside(tag, "video"), "src"), base), thumb)


def _voice(tag: "Tag", base: str) -> _File:
    lasts = _seconds(first(tag, "tgme_widget_message_voice_duration"))
    media = Media(kind="voice", locator="", duration=lasts, missing=_why_missing(tag))
    return _File(0, media, address(attribute(inside(tag, "audio"), "src"), base))


def _document(tag: "Tag", base: str) -> _File:
    icon = first(tag, "tgme_widget_message_document_icon")
    title = line(first(tag, "tgme_widget_message_document_title"))
    extra = line(first(tag, "tgme_widget_message_document_extra"))
    if icon is not None and "audio" in classes(icon):
        return _File(0, Media(kind="audio", locator="", title=title, performer=extra))
    media = Media(kind="document", locator="", name=title, size=_bytes(extra))
    return _File(0, media, thumb=background(icon, base))


def _sticker(tag: "Tag", base: str) -> _File:
    still = first(tag, "tgme_widget_message_sticker")
    moving = inside(tag, "source", type="application/x-tgsticker")
    video = inside(tag, "video")
    for url in (
        attribute(still, "data-webp"),
        attribute(moving, "srcset").partition(" ")[0],
        attribute(video, "src"),
    ):
        if url:
            thumb = attribute(inside(video, "img"), "src")
            media = Media(kind="sticker", locator="", mime=mime(url))
            return _File(0, media, address(url, base), address(thumb, base) if thumb else "")
    return _File(0, Media(kind="sticker", locator=""))


_FILES: Final[dict[str, Callable[["Tag", str], _File]]] = {
    "tgme_widget_message_photo_wrap": _photo,
    "tgme_widget_message_video_player": _video,
    "tgme_widget_message_roundvideo_player": _round_video,
    "tgme_widget_message_voice_player": _voice,
    "tgme_widget_message_document_wrap": _document,
    "tgme_widget_message_sticker_wrap": _sticker,
}


def _why_missing(tag: "Tag") -> str:
    label = line(first(tag, "message_media_not_supported_label")).lower()
    return TOO_BIG if "too big" in label else NO_FILE


def _size(box: "Tag | None", inner: "Tag | None") -> tuple[int, int]:
    """Pixels: the width of the box, and its height as a share of it. The boxes of an album are
    cut to fit, so they tell nothing."""
    if box is None or "grouped_media_wrap" in classes(box) or "grouped_media" in classes(box):
        return 0, 0
    width = _WIDTH.search(attribute(box, "style"))
    ratio = _RATIO.search(attribute(inner, "style"))
    if not width or not ratio:
        return 0, 0
    with suppress(ValueError):
        across = min(round(float(width[1])), 10**6)
        return across, min(round(across * float(ratio[1]) / 100), 10**6)
    return 0, 0


def _seconds(tag: "Tag | None") -> float:
    """``1:02:03`` in seconds."""
    parts = line(tag).split(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        return 0
    total = 0
    for part in parts[:3]:
        total = total * 60 + int(part)
    return total


def _bytes(text: str) -> int:
    """``2.1 MB`` in bytes, as near as that says."""
    found = _BYTES.fullmatch(text)
    with suppress(ValueError):
        return round(float(found[1]) * 1024 ** " KMGT".index(found[2] or " ")) if found else 0
    return 0


# --- Everything else --------------------------------------------------------------------------


def _forward(tag: "Tag | None") -> Forward | None:
    if tag is None:
        return None
    name = first(tag, "tgme_widget_message_forwarded_from_name")
    url = _link(attribute(name, "href"))
    origin = _POST_LINK.fullmatch(url)
    return Forward(
        name=line(name) or line(tag).removeprefix("Forwarded from").strip(),
        url=url,
        author=line(first(tag, "tgme_widget_message_forwarded_from_author")),
        post_id=int(origin[2]) if origin else 0,
    )


def _reply(tag: "Tag", name: str) -> Reply | None:
    """What is answered. Of a post of the same channel only its id counts: the words the page
    shows of it are no quote, and may have changed since. Of another's, ``quote`` holds its
    beginning where that is words; a bare "Photo" is Telegram's own."""
    url = _link(attribute(tag, "href"))
    found = _POST_LINK.fullmatch(url)
    if not found:
        return None
    if found[1].lower() == name.lower():
        return Reply(post_id=int(found[2]))
    return Reply(
        post_id=int(found[2]),
        url=url,
        name=line(first(tag, "tgme_widget_message_author_name")),
        quote=words(first(tag, "tgme_widget_message_text")),
    )


def _link(url: str) -> str:
    return address(url, "https://t.me/") if url else ""


def _poll(message: "Tag") -> Poll | None:
    tag = first(message, "tgme_widget_message_poll")
    if tag is None:
        return None
    kind = line(first(tag, "tgme_widget_message_poll_type")).lower()
    return Poll(
        question=words(first(tag, "tgme_widget_message_poll_question")),
        answers=tuple(
            Answer(
                text=words(first(option, "tgme_widget_message_poll_option_text")),
                percent=count(line(first(option, "tgme_widget_message_poll_option_percent"))),
            )
            for option in every(tag, "tgme_widget_message_poll_option")
        ),
        voters=count(line(first(message, "tgme_widget_message_voters"))),
        quiz="quiz" in kind,
        multiple="multiple" in classes(tag),
        anonymous="public" not in kind,
        closed="final" in kind or "closed" in kind,
    )


def _link_preview(tag: "Tag", post_id: int, base: str) -> tuple[LinkPreview | None, _File | None]:
    url = _link(attribute(tag, "href"))
    if not url:
        return None, None
    preview = LinkPreview(
        url=url,
        site=line(first(tag, "link_preview_site_name")),
        title=line(first(tag, "link_preview_title")),
        description=words(first(tag, "link_preview_description")),
    )
    for name in ("link_preview_image", "link_preview_right_image", "link_preview_video_thumb"):
        if picture := background(first(tag, name), base):
            return preview, _File(post_id, Media(kind="photo", locator=""), picture)
    return preview, None


def _place(message: "Tag") -> Place | None:
    tag = first(message, "tgme_widget_message_location_wrap")
    point = _point(attribute(tag, "href"))
    if tag is None or point is None:
        return None
    return Place(latitude=point[0], longitude=point[1], **_venue(tag))


def _venue(tag: "Tag") -> dict[str, str]:
    return {
        "title": line(first(tag, "tgme_widget_message_location_title")),
        "address": line(first(tag, "tgme_widget_message_location_address")),
    }


def _point(href: str) -> tuple[float, float] | None:
    """Degrees from a map's address, ``…?q=55.03,82.92``."""
    with suppress(ValueError):
        query = parse_qs(urlsplit(href).query)
        for value in query.get("q", []) + query.get("ll", []):
            latitude, longitude = map(float, value.split(","))
            if abs(latitude) <= 90 and abs(longitude) <= 180:
                return latitude, longitude
    return None


_EXTRAS: Final[tuple[tuple[ExtraKind, str, str], ...]] = (
    ("contact", "tgme_widget_message_contact_wrap", "tgme_widget_message_contact_name"),
    ("game", "tgme_widget_message_game", "tgme_widget_message_game_title"),
)


def _extras(message: "Tag") -> tuple[Extra, ...]:
    extras = []
    venue = first(message, "tgme_widget_message_location_wrap")
    if venue is not None and _point(attribute(venue, "href")) is None:
        told = _venue(venue)
        lines = ((told["address"], False),) if told["address"] else ()
        extras.append(Extra(kind="unsupported", title=told["title"], lines=lines))
    for kind, box, title in _EXTRAS:
        extras += [Extra(kind=kind, title=line(first(tag, title))) for tag in every(message, box)]
    if any(_stands_alone(label) for label in every(message, "message_media_not_supported_label")):
        extras.append(Extra(kind="unsupported"))
    return tuple(extras)


def _stands_alone(label: "Tag") -> bool:
    """Every player carries such a label for old browsers; one outside of them is the post."""
    return not any(name in _FILES for parent in label.parents for name in classes(parent))


def _reactions(message: "Tag") -> tuple[Reaction, ...]:
    reactions = []
    for tag in every(message, "tgme_reaction"):
        own = "".join(child for child in tag.children if isinstance(child, str))
        custom = inside(tag, "tg-emoji") is not None
        emoji = (
            "⭐"
            if "tgme_reaction_paid" in classes(tag)
            else ""
            if custom
            else line(inside(tag, "b"))
        )
        if (number := count(" ".join(own.split()))) is not None:
            reactions.append(Reaction(emoji=emoji, count=number))
    return tuple(reactions)
