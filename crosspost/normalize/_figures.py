"""Photos and files of a post as an article shows them: the cover, the gallery, players, cards."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from crosspost.markup import safe_url
from crosspost.model import Entity, Figure, Media, Post
from crosspost.normalize._wording import Wording

_FILMS: Final = frozenset({"video", "round_video", "animation"})
_SOUNDS: Final = frozenset({"voice", "audio"})
_PLACED: Final = re.compile(r'(<figure>|)<img src="media:(\d+)">')
_DRAWN: Final = "a moving sticker is drawn by Telegram only"
_CAMERA: Final = frozenset({"image/jpeg", "image/heic", "image/heif"})
_CAMERA_NAMES: Final = (".jpg", ".jpeg", ".heic", ".heif")
_SMALL: Final = 300
"""A picture with a shorter side of fewer pixels looks bad above an article."""
_BANNER: Final = 3
"""One so many times wider than high, or higher than wide, is a banner or a strip."""
_NUMBER: Final = re.compile(r"\d{1,6}", re.ASCII)


class Gallery(NamedTuple):
    """The post's media sorted for the article. ``figures`` maps an index into ``post.media`` to
    that of its figure, in order; ``gone`` to the English clause why there is no file; ``card`` is
    the link preview's photo and ``cover`` the cover's, both indices into ``post.media``."""

    figures: dict[int, int]
    gone: dict[int, str]
    card: int | None
    cover: int | None


def gallery(post: Post, missing: Mapping[int, str]) -> Gallery:
    """What of the post's media can be shown, and where."""
    gone = {i: missing.get(i) or media.missing for i, media in enumerate(post.media)}
    gone |= {i: _DRAWN for i, media in enumerate(post.media) if is_drawn(media) and not gone[i]}
    gone = {i: why for i, why in gone.items() if why}
    kept = [i for i in range(len(post.media)) if i not in gone]
    figures = {i: number for number, i in enumerate(kept)}
    preview = post.link_preview
    card = preview.photo if preview and safe_url(preview.url) else None
    card = card if card is not None and 0 <= card < len(post.media) else None
    photos = [i for i in kept if post.media[i].kind == "photo" and i != card]
    return Gallery(figures, gone, card, _cover([(i, post.media[i]) for i in photos]))


def _cover(photos: Sequence[tuple[int, Media]]) -> int | None:
    """The first photo, unless it is tiny or a banner, as a logo often is, and one that follows is
    neither."""
    fine = (i for i, one in photos if not _is_slight(one))
    return next(fine, photos[0][0] if photos else None)


def _is_slight(media: Media) -> bool:
    short, long = sorted((media.width, media.height))
    return short > 0 and (short < _SMALL or long > _BANNER * short)


def developed(post: Post) -> Post:
    """The post with photos that were sent as files, as phones and their owners do, as photos."""
    if not any(_is_photo_file(one) for one in post.media):
        return post
    media = (replace(one, kind="photo") if _is_photo_file(one) else one for one in post.media)
    return replace(post, media=tuple(media))


def _is_photo_file(media: Media) -> bool:
    named = not media.mime and media.name.lower().endswith(_CAMERA_NAMES)
    return media.kind == "document" and (named or media.mime in _CAMERA)


def stepped(entities: Iterable[Entity], taken: int) -> tuple[Entity, ...]:
    """The entities with headings that go down from the first level step by step, whatever levels
    the author chose: the headline, which has taken the text up to ``taken``, stands above all.
    """

    def level(one: Entity) -> str:
        return one.attrs.get("level", "1")

    levels = sorted({level(e) for e in entities if e.type == "heading" and e.offset >= taken})
    rank = {name: str(number) for number, name in enumerate(levels, 1)}
    return tuple(
        replace(one, attrs={**one.attrs, "level": rank[level(one)]})
        if one.type == "heading" and level(one) in rank
        else one
        for one in entities
    )


def in_text(post: Post, found: Gallery) -> list[Entity]:
    """The post's entities with ``media`` naming figures, those of the cover, of media that do not
    exist and of media named before left out; what is missing has a number beyond the figures."""
    entities, seen = [], {found.cover}
    for one in post.entities:
        if one.type != "media":
            entities.append(one)
            continue
        index = int(one.value) if _NUMBER.fullmatch(one.value) else -1
        if 0 <= index < len(post.media) and index not in seen:
            seen.add(index)
            number = found.figures.get(index, len(post.media) + index)
            entities.append(replace(one, value=str(number)))
    return entities


def placed(
    html: str, post: Post, found: Gallery, show: Callable[[int], str]
) -> tuple[str, frozenset[int]]:
    """The text of a rich post with its media shown as what they are, and which of ``post.media``
    these were. ``show`` gives the HTML of one of them."""
    by_number = {figure: index for index, figure in found.figures.items()}
    seen: set[int] = set()

    def shown(match: re.Match[str]) -> str:
        number = int(match[2])
        index = by_number.get(number, number - len(post.media))
        seen.add(index)
        piece, opened = show(index), match[1]
        if piece.startswith("<figure"):
            return piece.removesuffix("</figure>") if opened else piece
        return f"{opened}{piece}"

    return _PLACED.sub(shown, html), frozenset(seen)


def show(
    post: Post, index: int, found: Gallery, figure: Figure | None, url: str, words: Wording
) -> str:
    """The HTML of one medium in the body; ``figure`` None where the file is missing."""
    media = post.media[index]
    if figure is None:
        name = name_of(media) if media.kind in ("audio", "document") else ""
        return words.piece("missing", words.html("missing", media.kind, url), name)
    number, caption = found.figures[index], words.markup(figure.caption)
    if media.kind == "photo":
        return words.piece("photo", number, figure.alt, caption, media.spoiler)
    if media.kind in _FILMS:
        return words.piece("video", number, media.kind, caption, media.spoiler)
    if media.kind in _SOUNDS:
        name = name_of(media) if media.kind == "audio" else ""
        return words.piece("audio", number, media.kind, caption or name)
    if media.kind == "sticker":
        moving = media.mime.startswith("video/") or media.name.endswith(".webm")
        return words.piece("sticker", number, figure.alt, moving, caption)
    name = name_of(media) or words.plain("file", media.kind)
    return words.piece("file", number, name, words.plain("size", media.size), caption)


def is_drawn(media: Media) -> bool:
    """Whether this is a sticker that only Telegram draws (https://core.telegram.org/stickers)."""
    return media.kind == "sticker" and (
        media.mime == "application/x-tgsticker" or media.name.endswith(".tgs")
    )


def name_of(media: Media) -> str:
    """What the file is called: performer and title of a song, else its name."""
    song = " — ".join(part for part in (media.performer.strip(), media.title.strip()) if part)
    return song or ("" if media.kind == "voice" else media.name.strip())


def order(
    post: Post, found: Gallery, placed: frozenset[int]
) -> tuple[list[int], list[int], list[int]]:
    """The media that stand above the text (the film or sound the post is about), the photos and
    films of the gallery below it, and the files below that. ``placed`` stand in the text."""
    above: list[int] = []
    below: list[int] = []
    files: list[int] = []
    for index, media in enumerate(post.media):
        if index in (found.cover, found.card) or index in placed:
            continue
        if media.kind == "document":
            files.append(index)
        elif found.cover is None and media.kind != "photo" and not above:
            above.append(index)
        else:
            below.append(index)
    return above, below, files
