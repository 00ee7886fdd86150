"""Pictures, films, sounds and files in the mark-up of Ghost's own cards."""

from collections.abc import Iterator
from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from crosspost.model import Media, Upload
from crosspost.publishers.ghost._words import Words, number, value

if TYPE_CHECKING:
    from bs4 import Tag

FILMS: Final = frozenset({"video/mp4", "video/webm", "video/ogg"})
SOUNDS: Final = frozenset({"audio/mpeg", "audio/wav", "audio/x-wav", "audio/ogg", "audio/mp4",
                           "audio/x-m4a"})  # fmt: skip
MOST: Final = 9
"""Ghost's editor puts so many pictures into a gallery."""
_UNITS: Final = ("Bytes", "KB", "MB", "GB")


class Figures(Words):
    """Writes the figures of one article."""

    def _image(self, index: int, upload: Upload, alt: str, caption: str) -> str:
        kind = "kg-card kg-image-card" + (" kg-card-hascaption" if caption else "")
        return (
            f'<figure class="{kind}">{self._img_of(index, upload, alt)}{_caption(caption)}</figure>'
        )

    def _img_of(self, index: int, upload: Upload, alt: str) -> str:
        figures = self._article.figures
        if not alt and index < len(figures):
            alt = figures[index].alt or figures[index].media.alt
        return (
            f'<img src="{escape(upload.url)}" class="kg-image" alt="{escape(alt)}"'
            f"{_size(upload.width, upload.height)}>"
        )

    def _film(self, index: int, upload: Upload, loop: bool, caption: str) -> str:
        """A video card; a file card for a film that Ghost does not play."""
        media = self._media_of(index)
        if upload.mime not in FILMS:
            return self._file_card(index, upload) + "".join(self._paragraph(caption))
        thumb = f' data-kg-thumbnail="{escape(upload.poster)}"' if upload.poster else ""
        size = _size(media.width or 640, media.height or 360)
        length = f'<div class="kg-video-duration">{_length(media)}</div>' if media.duration else ""
        return (
            f'<figure class="kg-card kg-video-card kg-width-regular"{thumb}>'
            f'<div class="kg-video-container"><video src="{escape(upload.url)}"{size}'
            f"{' loop' if loop else ''}></video>{length}</div>{_caption(caption)}</figure>"
        )

    def _sound(self, index: int, upload: Upload) -> Iterator[str]:
        media = self._media_of(index)
        title = " — ".join(one for one in (media.performer, media.title) if one)
        if not title:
            title = self._say.voice if media.kind == "voice" else media.name or self._say.file
        if set("<>&") & set(title):  # an audio card shows these as their codes
            yield from self._paragraph(escape(title, quote=False))
            title = self._say.file
        length = (
            f'<span class="kg-audio-duration">{_length(media)}</span>' if media.duration else ""
        )
        yield (
            '<div class="kg-card kg-audio-card"><div class="kg-audio-player-container">'
            f'<audio src="{escape(upload.url)}" preload="metadata"></audio>'
            f'<div class="kg-audio-title">{title}</div>{length}</div></div>'
        )

    def _file(self, node: "Tag", link: "Tag", caption: str) -> Iterator[str]:
        index = number(value(link, "href"))
        upload = self._uploads.get(index)
        if upload is None:
            size = node.find(class_="size")
            told = [one.get_text().strip() for one in (link, size) if one is not None]
            yield from self._paragraph(escape(" · ".join(filter(None, told)), quote=False))
        else:
            yield self._file_card(index, upload, link.get_text().strip())
        yield from self._paragraph(caption)

    def _file_card(self, index: int, upload: Upload, title: str = "") -> str:
        media = self._media_of(index)
        title = title or media.name or self._say.file
        shown = escape(PurePosixPath(title).stem if title == media.name else title)
        parts = f'<div class="kg-file-card-title">{shown}</div><div class="kg-file-card-metadata">'
        parts += f'<div class="kg-file-card-filename">{escape(media.name) or shown}</div>'
        parts += (
            f'<div class="kg-file-card-filesize">{_bytes(media.size or upload.size)}</div></div>'
        )
        return (
            '<div class="kg-card kg-file-card"><a class="kg-file-card-container" '
            f'href="{escape(upload.url)}"><div class="kg-file-card-contents">{parts}'
            "</div></a></div>"
        )

    def _row(self, pictures: list[str], caption: str = "") -> list[str]:
        if len(pictures) < 2:
            kind = "kg-card kg-image-card" + (" kg-card-hascaption" if caption else "")
            return [f'<figure class="{kind}">{one}{_caption(caption)}</figure>' for one in pictures]
        count = -(-len(pictures) // MOST)
        each = -(-len(pictures) // count)
        return [
            '<figure class="kg-card kg-gallery-card kg-width-wide">'
            '<div class="kg-gallery-container">'
            + "".join(
                f'<div class="kg-gallery-image">{one}</div>' for one in pictures[at : at + each]
            )
            + f"</div>{_caption(caption)}</figure>"
            for at in range(0, len(pictures), each)
        ]

    def _media_of(self, index: int) -> Media:
        figures = self._article.figures
        return (
            figures[index].media
            if 0 <= index < len(figures)
            else Media(kind="document", locator="")
        )


def _caption(html: str) -> str:
    return f"<figcaption>{html}</figcaption>" if html else ""


def _size(width: int, height: int) -> str:
    return f' width="{width}" height="{height}"' if width and height else ""


def _length(media: Media) -> str:
    minutes, seconds = divmod(round(media.duration), 60)
    return f"{minutes}:{seconds:02}"


def _bytes(size: int) -> str:
    """A size as Ghost reads it back."""
    power = 0
    while size >= 1024 ** (power + 1) and power < len(_UNITS) - 1:
        power += 1
    return f"{size / 1024**power:.1f}".removesuffix(".0") + f" {_UNITS[power]}"
