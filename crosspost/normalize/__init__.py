"""Post → Article, as an editor would lay it out (docs/articles.md). Pure but for templates.

    _text      lines, sentences, where a sentence may be cut
    _lines     what a line is besides prose: hashtags, a credit, a caption, a footer
    _footers   which lines stand under many posts
    _headline  the first line if it is a headline, else the first sentence
    _named     what the article is called
    _series    which posts go on where another ended
    _joined    several posts that are one article
    _layout    where every character of the text goes: the spans
    _figures   cover, gallery, players, file cards
    _pieces    forward and reply notes, polls, places, cards, what only Telegram can show
    _wording   the templates

The conservation rule: the article's spans cover the post's text, in order, without gap or
overlap, and each character stands once where its span says, or is removed for a reason.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from crosspost.markup import blocks, inline, safe_url, sanitize, text_of
from crosspost.model import Article, Author, Channel, Figure, Post, Record
from crosspost.normalize import _figures, _footers, _lines, _pieces
from crosspost.normalize._asked import Asked
from crosspost.normalize._figures import Gallery
from crosspost.normalize._footers import Edge, Kind, repeats, same_text
from crosspost.normalize._joined import joined, merged, parted
from crosspost.normalize._layout import Layout
from crosspost.normalize._named import title_of
from crosspost.normalize._series import continued, may_continue
from crosspost.normalize._text import cut
from crosspost.normalize._wording import Wording, wording

__all__ = [
    "Edge",
    "Kind",
    "Style",
    "continued",
    "edges",
    "hashtags",
    "is_forbidden",
    "joined",
    "learn",
    "may_continue",
    "merged",
    "normalize",
    "parted",
    "quotation",
    "repeats",
    "same_text",
]

SLUG_LENGTH: Final = 60
ALT_LENGTH: Final = 200
_HREF: Final = re.compile(r'href="([^"]*)"')
_PUBLIC: Final = re.compile(
    r"https?://(?:www\.)?(?:t|telegram)\.me/(?:s/)?(\w+|c/\d+)/?", re.IGNORECASE
)
_HALF: Final = re.compile("[\ud800-\udfff]")
_NONE: Final[Mapping[int, str]] = {}


class Style(Record, frozen=True):
    """How a blog's articles look. ``link`` is the channel's public address ("" if it has none),
    ``credit`` the photo credit where the post names none (plain text, "" for none), ``templates``
    a folder of the user's own templates, ``title_length`` the longest headline in characters,
    ``no_tags`` hashtags that are no tags on this site, ``tag_map`` what others are called,
    ``tag_names`` how the blog spelled a tag first, by ``tag_key``. ``footers`` are
    the keys of lines that the archive has taught to be footers, each with how many posts it
    stands under; ``pin`` and ``forbid`` lines that a person wants to be footers, or never.
    ``keep_sentence`` and ``keep_lead``: a person writes headline or lead, so the sentence or the
    paragraph that would be one stays in the text."""

    blog: str
    channel: Channel
    author: Author
    link: str = ""
    language: str = "en"
    timezone: str = "UTC"
    credit: str = ""
    templates: Path | None = None
    title_length: int = 110
    category: str = ""
    status: str = ""
    no_tags: frozenset[str] = frozenset()
    tag_map: Mapping[str, str] = {}
    tag_names: Mapping[str, str] = {}
    footers: Mapping[str, int] = {}
    pin: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    keep_sentence: bool = False
    keep_lead: bool = False


def normalize(
    post: Post,
    style: Style,
    *,
    slug: str = "",
    missing: Mapping[int, str] = _NONE,
    below: Article | None = None,
) -> Article:
    """The article that the post becomes.

    ``slug`` is the one it was given before ("" makes one: the post's id and the headline's words).
    ``missing`` maps an index into ``post.media`` to an English clause that says why there is no
    file, beside what ``Media.missing`` says: the article goes on without it, and notes it.
    ``below``: the article in which the post goes on, for ``merged``. If that has a headline, all of
    the post's own words are its body's; if it has a cover, the post has none.
    """
    words = wording(style.language, style.timezone, style.templates)
    post = _figures.developed(post)
    found = _figures.gallery(post, missing)
    if below and below.cover is not None:
        found = found._replace(cover=None)
    layout = Layout(post, _asked(post, style, found)._replace(goes_on=bool(below and below.title)))
    url = _source(post, style)
    title = (below.title if below else "") or title_of(post, layout, words, style.title_length)
    figures = _captioned(post, found, layout, title, words)
    own = _own(post, style)
    lead = ""
    if layout.lead:
        lead = _linked(inline(post.text, post.entities, *layout.lead), own)
    return Article(
        blog=style.blog,
        post_id=post.id,
        channel_id=post.channel_id,
        slug=slug or _slug(post.id, title),
        title=title,
        date=post.date,
        updated=post.edited,
        timezone=style.timezone,
        language=style.language,
        author=style.author,
        source_url=url,
        lead=lead,
        body=_body(post, style, layout, found, figures, title, url, words),
        tags=layout.tags,
        category=style.category,
        status=style.status,
        cover=None if found.cover is None else found.figures[found.cover],
        figures=figures,
        attribution=str(words.html("attribution", url)),
        credit=_credit(post, style, layout, found, words),
        views=post.views,
        comments=post.comments,
        spans=layout.spans(),
        notes=_notes(post, found),
    )


def edges(post: Post, style: Style) -> tuple[Edge, ...]:
    """The lines of the post that may turn out to stand under many."""
    return _footers.edges(post, _own(post, style), style.channel.title)


def is_forbidden(line: str, style: Style) -> bool:
    """Whether a person wants that line never to be a footer."""
    return _footers.spelled(line) in _footers.pinned(style.forbid)


def quotation(post: Post, style: Style) -> str:
    """What a reply to this post quotes of it: its headline; "" if it has no words."""
    found = Layout(post, _asked(post, style, _figures.gallery(post, {})))
    return found.headline.title if found.headline else ""


@lru_cache(maxsize=64)
def _keyed(names: frozenset[str]) -> frozenset[str]:
    return frozenset(_lines.tag_key(name) for name in names)


@lru_cache(maxsize=64)
def _renamed(told: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {_lines.tag_key(name): _lines.tag_name(tag) for name, tag in told if tag.strip()}


def hashtags(post: Post) -> dict[str, str]:
    """The hashtags of a post, wherever they stand: ``Style.tag_names`` of this post alone."""
    found: dict[str, str] = {}
    for match in _lines.HASHTAG.finditer(post.text):
        name = _lines.tag_name(match[0])
        found.setdefault(_lines.tag_key(name), name)
    return found


def learn(posts: Iterable[Post], style: Style) -> dict[str, int]:
    """``Style.footers`` as an archive teaches them, oldest post first."""
    return _footers.learn((post, edges(post, style)) for post in posts)


# --- Addresses --------------------------------------------------------------------------------


def _source(post: Post, style: Style) -> str:
    """The post's public address: its own, else the channel's with its number, else ""."""
    if post.url:
        return safe_url(post.url) or ""
    link = style.link or (
        f"https://t.me/{style.channel.username}" if style.channel.username else ""
    )
    found = _PUBLIC.fullmatch(link)
    if found and found[1].lower() != "joinchat":
        return f"https://t.me/{found[1]}/{post.id}"
    return safe_url(link) or "" if link else ""


def _own(post: Post, style: Style) -> frozenset[str]:
    """The names this channel has in links."""
    known = [style.link.rstrip("/"), style.channel.username]
    if post.url:
        known.append(post.url.rpartition("/")[0])
    if post.channel_id:
        known.append(f"https://t.me/c/{post.channel_id}")
    return _lines.own_names(*filter(None, known))


def _linked(html: str, own: frozenset[str]) -> str:
    """Links to posts of this channel lead to their articles: ``post:<id>``."""
    if not own or 'href="' not in html:
        return html

    def point(match: re.Match[str]) -> str:
        number = _lines.own_post(match[1].replace("&amp;", "&"), own)
        return f'href="post:{number}"' if number else match[0]

    return _HREF.sub(point, html)


def _slug(number: int, title: str) -> str:
    from slugify import slugify

    made = slugify(
        title,
        max_length=SLUG_LENGTH,
        word_boundary=True,
        save_order=True,
        backend="text-unidecode",  # whatever else is installed
    )
    return f"{number}-{made}".rstrip("-")


# --- Headline ---------------------------------------------------------------------------------


def _asked(post: Post, style: Style, found: Gallery) -> Asked:
    return Asked(
        own=_own(post, style),
        title=style.channel.title,
        limit=style.title_length,
        no_tags=_keyed(style.no_tags),
        renamed=_renamed(tuple(style.tag_map.items())),
        spelled=style.tag_names,
        keep_sentence=style.keep_sentence,
        keep_lead=style.keep_lead,
        figures={i: figure for i, figure in found.figures.items() if i != found.card},
        cover=-1 if found.cover is None else found.cover,
        card=(safe_url(post.link_preview.url) or "") if post.link_preview else "",
        footers=style.footers,
        pinned=_footers.pinned(style.pin),
        forbidden=_footers.pinned(style.forbid),
    )


# --- Pictures ---------------------------------------------------------------------------------


def _captioned(
    post: Post, found: Gallery, layout: Layout, title: str, words: Wording
) -> tuple[Figure, ...]:
    """The figures, each with its caption and alt."""
    own = layout.own
    photos = [i for i in found.figures if post.media[i].kind == "photo" and i != found.card]
    figures = []
    for index, number in found.figures.items():
        media = post.media[index]
        parts = [
            inline(post.text, post.entities, claim.start, claim.end)
            for claim in layout.claimed("caption", number)
        ]
        at = photos.index(index) + 1 if index in photos else 1
        said = _lines.described(text_of("<br>".join(parts)))
        said = said if len(said) <= ALT_LENGTH else cut(said, ALT_LENGTH)
        alt = media.alt.strip() or said
        alt = alt or words.plain("alt", media.kind, title, at, len(photos))
        if media.kind == "sticker":
            alt = " ".join(filter(None, (words.plain("alt", "sticker", title), media.alt.strip())))
        if index == found.card:
            alt = ""
        figures.append(Figure(media=media, caption=_linked("<br>".join(parts), own), alt=alt))
    return tuple(figures)


def _credit(post: Post, style: Style, layout: Layout, found: Gallery, words: Wording) -> str:
    """Whose pictures these are: as the post says, else the blog's default if there is a photo
    and it is the author's own post."""
    said = []
    for start, end, kind, whole in layout.credits:
        html = words.markup(inline(post.text, post.entities, start, end))
        said.append(html if whole else words.html("credit", html, kind))
    if said:
        return "; ".join(str(one) for one in dict.fromkeys(said))
    if style.credit and found.cover is not None and not _pieces.foreign(post, layout.own):
        return str(words.html("credit", style.credit, "photo"))
    return ""


def _notes(post: Post, found: Gallery) -> tuple[str, ...]:
    notes = [
        f"The {post.media[index].kind.replace('_', ' ')} {index + 1} of {len(post.media)} is left "
        f"out: {why}"
        for index, why in found.gone.items()
    ]
    if post.via_bot:
        notes.append(f"Written through the bot {post.via_bot}")
    return tuple(notes)


# --- Body -------------------------------------------------------------------------------------


def _body(
    post: Post,
    style: Style,
    layout: Layout,
    found: Gallery,
    figures: tuple[Figure, ...],
    title: str,
    url: str,
    words: Wording,
) -> str:
    """Notes, the film or sound the post is about, the text, the gallery, files, and the rest."""

    def shows(index: int) -> str:
        figure = figures[found.figures[index]] if index in found.figures else None
        return _figures.show(post, index, found, figure, url, words)

    text, placed = _text(post, layout, found, shows)
    above, below, files = _figures.order(post, found, placed)
    pieces = list(_pieces.above(post, layout.own, words))
    pieces += [shows(index) for index in above]
    pieces.append(text)
    pieces += _gallery([shows(index) for index in below], words)
    pieces += [shows(index) for index in files]
    card = found.figures.get(found.card) if found.card is not None else None
    links = layout.headline.links if layout.headline else ()
    pieces += _pieces.headline_links(links, post, layout.own, words)
    pieces += _pieces.below(post, layout.own, url, title, card, words)
    signed = post.author_signature.strip()
    if signed and signed not in (style.author.name, style.channel.title):
        pieces.append(words.piece("signature", words.html("signature", signed)))
    return sanitize(_HALF.sub("\ufffd", "\n".join(filter(None, pieces))))


def _text(
    post: Post, layout: Layout, found: Gallery, shows: Callable[[int], str]
) -> tuple[str, frozenset[int]]:
    """What of the text is the body's, and which of the post's media stand in it."""
    skip = [(claim.start, claim.end) for claim in layout.claims]
    if any(one.type == "heading" for one in post.entities):
        taken = layout.headline.end if layout.headline else 0
        post = replace(post, entities=_figures.stepped(post.entities, taken))
    if not any(one.type == "media" for one in post.entities):
        html = blocks(post.text, post.entities, skip=skip) if post.text else ""
        return _linked(html, layout.own), frozenset()
    html = _linked(blocks(post.text, _figures.in_text(post, found), skip=skip), layout.own)
    return _figures.placed(html, post, found, shows)


def _gallery(htmls: list[str], words: Wording) -> list[str]:
    """Two and more figures stand side by side; what is missing stands on a line of its own."""
    figures = [words.markup(html) for html in htmls if html.startswith("<figure")]
    lines = [html for html in htmls if not html.startswith("<figure")]
    if len(figures) > 1:
        figures = [words.piece("gallery", figures)]
    return [*(str(html) for html in figures), *lines]
