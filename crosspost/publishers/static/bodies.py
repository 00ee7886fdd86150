"""An article's HTML with the site's own addresses in it.

``media:<n>`` becomes the file of figure ``n`` with everything a browser needs to lay it out before
it arrives; ``post:<id>`` the page of that post, or nothing where the site has no such page. Works
on sanitized fragments only: in them ``<`` begins a tag and attribute values stand in double quotes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape, unescape
from typing import Final, NamedTuple

from crosspost.model import Article, Media, Upload

_ATTRIBUTES: Final = re.compile(r'([^\s="<>/]+)(?:="([^"]*)")?')
_LINKED: Final = re.compile(
    r'<(img|video|audio|a)((?:\s+[^\s=>"/]+(?:="[^"]*")?)*)\s*/?>'
    r'|<div class="(?:[^"]* )?gallery\b|</div>'
    r'|<figure class="([^"]*\bspoiler\b[^"]*)">|</figure>|<table\b|</table>'
    r"|</(?:video|audio)>"
)
_FRAMED: Final = {"<table": '<div class="wide" tabindex="0"><table', "</table>": "</table></div>"}
"""A table too wide for a phone scrolls by itself, by keyboard too."""
_MENTION: Final = re.compile(r'href="post:(\d{1,18})"')
_GAPS: Final = re.compile(
    r"<br\s*/?>|</?(?:p|div|li|h\d|blockquote|tr|figure|figcaption|td|pre)\b[^>]*>"
)
_PARAGRAPH: Final = re.compile(r"<p( class=[^>]*)?>(.*?)</p>", re.DOTALL)
_NOTE: Final = re.compile(r'<p class="note [^"]*">(.*?)</p>', re.DOTALL)
_OPENING: Final = 8000
_TAGS: Final = re.compile(r"<[^>]*>")

WIDE: Final = "(min-width: 48rem) 43rem, 100vw"
NARROW: Final = "(min-width: 48rem) 21rem, 50vw"
SMALL: Final = "(min-width: 38rem) 14rem, 92vw"
"""How wide pictures stand in the column, in a gallery, and in a list."""


class Links(NamedTuple):
    """Where a page finds things and how it speaks: ``to`` writes the address of a path in the
    site's folder, ``post`` answers the path of a post's page or None."""

    to: Callable[[str], str]
    post: Callable[[int], str | None]
    language: str
    timezone: str


def mentions(article: Article) -> tuple[int, ...]:
    """The posts that the article links to."""
    captions = (figure.caption for figure in article.figures)
    whole = " ".join((article.lead, article.body, article.attribution, article.credit, *captions))
    return tuple(sorted({int(found) for found in _MENTION.findall(whole)}))


def plain(fragment: str) -> str:
    """The fragment's words on one line."""
    return " ".join(unescape(_TAGS.sub("", _GAPS.sub(" ", fragment))).split())


def opening(body: str) -> str:
    """The body's first words: the author's own paragraphs, else what we say in their place."""
    start = body[:_OPENING]
    found = [match[2] for match in _PARAGRAPH.finditer(start) if not match[1]]
    return plain(" ".join(f"<p>{text}</p>" for text in found or _NOTE.findall(start)[:1]))


def shorten(text: str, limit: int) -> str:
    """The text, cut at a word where it is longer than ``limit``."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    return f"{(cut.rpartition(' ')[0] or cut).rstrip(' .,;:—–-')}…"


def resolve(
    fragment: str, article: Article, uploads: Mapping[int, Upload], links: Links, zoom: str
) -> str:
    """The fragment with addresses in it. ``zoom`` names the link around a picture that has no
    words of its own."""
    return "".join(_pieces(fragment, article, uploads, links, zoom))


def _pieces(
    fragment: str, article: Article, uploads: Mapping[int, Upload], links: Links, zoom: str
) -> Iterator[str]:
    done, gallery, hidden, playing = 0, False, False, True
    for match in _LINKED.finditer(fragment):
        yield fragment[done : match.start()]
        done = match.end()
        name = match[1]
        if not name:
            piece = match[0]
            if piece in ("</video>", "</audio>"):
                yield piece if playing else ""
                continue
            if "div" in piece:
                gallery = piece != "</div>"
            elif "figure" in piece:
                hidden = piece != "</figure>"
            yield _FRAMED.get(piece) or (f'{piece[:-1]} tabindex="0">' if match[3] else piece)
            continue
        attributes = {key: unescape(value) for key, value in _ATTRIBUTES.findall(match[2])}
        if name == "a":
            yield _anchor(attributes, article, uploads, links)
            continue
        number = _number(attributes.get("src", ""), "media:")
        upload = uploads.get(number)
        if upload is None:
            playing = False
            continue
        media = article.figures[number].media if number < len(article.figures) else None
        playing = not upload.mime.startswith("image/")
        if not playing:
            alt = attributes.get("alt") or _alt(article, number)
            yield picture(
                upload, links, alt, NARROW if gallery else WIDE, zoom="" if hidden else zoom
            )
        else:
            poster = uploads.get(_number(attributes.pop("poster", ""), "media:"))
            yield _player(name, attributes, upload, media, poster, links)
    yield fragment[done:]


def _anchor(
    attributes: dict[str, str], article: Article, uploads: Mapping[int, Upload], links: Links
) -> str:
    href = attributes.get("href", "")
    if href.startswith("post:"):
        target = links.post(_number(href, "post:"))
        attributes.pop("href")
        return _tag("a", {"href": links.to(target), **attributes} if target else {})
    if href.startswith("media:"):
        number = _number(href, "media:")
        upload = uploads.get(number)
        attributes.pop("href")
        if upload is None:
            return _tag("a", {})
        name = article.figures[number].media.name if number < len(article.figures) else ""
        return _tag("a", {"href": links.to(upload.url), **attributes, "download": name})
    return _tag("a", attributes)


def picture(
    upload: Upload, links: Links, alt: str, sizes: str, *, zoom: str = "", eager: bool = False
) -> str:
    """An ``img`` that jumps nowhere, with every width there is; inside a link to the whole
    picture where ``zoom`` names one."""
    offered = [*upload.variants]
    middle = next((item.url for item in offered if item.width >= 640), upload.url)
    attributes = {"src": links.to(middle)}
    if offered:
        widths = [f"{links.to(item.url)} {item.width}w" for item in offered]
        attributes["srcset"] = ", ".join([*widths, f"{links.to(upload.url)} {upload.width}w"])
        attributes["sizes"] = sizes
    attributes |= {"width": str(upload.width), "height": str(upload.height), "alt": alt}
    attributes |= {"fetchpriority": "high"} if eager else {"loading": "lazy"}
    image = _tag("img", {**attributes, "decoding": "async"})
    if not zoom:
        return image
    label = {} if alt else {"aria-label": zoom}
    return f"{_tag('a', {'class': 'zoom', 'href': links.to(upload.url), **label})}{image}</a>"


def _player(
    name: str,
    attributes: dict[str, str],
    upload: Upload,
    media: Media | None,
    shown: Upload | None,
    links: Links,
) -> str:
    wanted = {"src": links.to(upload.url), "controls": "", "preload": "none"}
    if name == "video":
        width = (media.width if media else 0) or upload.width
        height = (media.height if media else 0) or upload.height
        if width and height:
            wanted |= {"width": str(width), "height": str(height)}
        if poster := shown.url if shown else upload.poster:
            wanted["poster"] = links.to(poster)
        wanted["playsinline"] = ""
    kept = {key: value for key, value in attributes.items() if key not in wanted}
    return _tag(name, {**wanted, **kept})


def _alt(article: Article, number: int) -> str:
    if number >= len(article.figures):
        return ""
    figure = article.figures[number]
    return figure.alt or figure.media.alt


def _number(address: str, scheme: str) -> int:
    digits = address.removeprefix(scheme)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else -1


def _tag(name: str, attributes: Mapping[str, str]) -> str:
    written = "".join(
        f' {key}="{escape(value)}"' if value or key in ("alt", "href") else f" {key}"
        for key, value in attributes.items()
    )
    return f"<{name}{written}>"
