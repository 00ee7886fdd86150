"""What other pages show of an article, as the catalogue keeps it."""

from datetime import datetime
from typing import Final

import msgspec

from crosspost.model import Record
from crosspost.publishers.static import bodies
from crosspost.publishers.static.catalogue import Entry
from crosspost.publishers.static.files import digest

_LEAD: Final = 240


class Teaser(Record, frozen=True):
    """What other pages show of an article."""

    title: str
    date: datetime
    lead: str = ""
    updated: datetime | None = None
    views: int | None = None
    comments: int | None = None
    cover: str = ""
    kinds: tuple[str, ...] = ()
    frame: str = ""
    """Changes with what a list page takes from its newest article: author, language, zone."""


_teasers: Final = msgspec.json.Decoder(Teaser)


def read(text: str) -> Teaser:
    """The teaser that ``teaser`` wrote."""
    return _teasers.decode(text)


def teaser(entry: Entry) -> str:
    """What other pages show of the article, as the catalogue keeps it."""
    article = entry.article
    kinds = (figure.media.kind for figure in article.figures)
    polls = ("poll",) if '<section class="poll' in article.body else ()
    frame = (article.author, entry.portrait, article.language, article.timezone)
    shown = Teaser(
        title=article.title,
        lead=bodies.shorten(bodies.plain(article.lead) or bodies.opening(article.body), _LEAD),
        date=article.date,
        updated=article.updated,
        views=article.views,
        comments=article.comments.count if article.comments else None,
        cover=shown_cover(entry),
        kinds=tuple(dict.fromkeys((*(kind for kind in kinds if kind != "photo"), *polls))),
        frame=digest(msgspec.json.encode(frame)),
    )
    return msgspec.json.encode(shown).decode()


def shown_cover(entry: Entry) -> str:
    """The cover's upload where other pages may show it; "" where there is none or the author
    hid it."""
    cover, figures = entry.article.cover, entry.article.figures
    if cover is None or cover >= len(figures) or figures[cover].media.spoiler:
        return ""
    return entry.uploads.get(cover, "")
