"""The records that travel through Crosspost. Frozen; they import nothing of ours but errors.

    Channel, Post(Entity, Media, Forward, Reply, Poll, …)    what a reader gives
    Article(Figure, Author, Span)                            what an editor would make of it
    Upload, Remote                                           what a site answers

Offsets and lengths are counted in **Unicode code points** of ``Post.text`` everywhere. Telegram
counts UTF-16 code units (https://core.telegram.org/api/entities); each reader converts once, at
the border. Times are aware and in UTC.

Records are msgspec structs, so that a post goes into the ledger and comes out of it as the same
record: ``encode(post)`` and ``decode_post(data)``.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A frozen record; equal when its fields are equal. It is made after what it holds, so it is
    part of no cycle, and the garbage collector need not look through posts by the thousand."""


# --- Telegram ---------------------------------------------------------------------------------

INLINE_ENTITIES: Final = frozenset(
    {
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "code",
        "marked",
        "subscript",
        "superscript",
        "insert",  # a diff's added words
        "delete",  # a diff's removed words
        "url",  # the text is the address
        "text_link",  # value: the address
        "email",
        "phone",
        "mention",  # the text is @name
        "mention_name",  # value: the user's numeric id, as digits
        "hashtag",
        "cashtag",
        "bot_command",
        "bank_card",
        "custom_emoji",  # the text is the plain emoji; value: the document id
        "date",  # value: unix time, seconds
        "math",  # the text is LaTeX, inline
        "anchor",  # value: its name
    }
)
"""Entities inside a paragraph: https://core.telegram.org/api/entities and the inline kinds of
https://core.telegram.org/api/rich-messages."""

BLOCK_ENTITIES: Final = frozenset(
    {
        "pre",  # value: the programming language or ""
        "blockquote",  # attrs: collapsed
        "pullquote",
        "heading",  # attrs: level 1–6
        "list",  # attrs: ordered, start, reversed; holds item
        "item",  # attrs: checked ("true" | "false") in a to-do list
        "table",  # attrs: bordered, striped; holds caption and row
        "row",
        "cell",  # attrs: header, colspan, rowspan, align
        "details",  # attrs: open; holds summary
        "summary",
        "caption",  # of the table or the media before it
        "footer",
        "divider",  # zero length
        "math_block",
        "media",  # value: index into Post.media, as digits; zero length
        "gallery",  # attrs: kind (collage | slideshow); holds media
    }
)
"""Entities that stand on lines of their own. ``pre`` and ``blockquote`` come in any post; the
others only in rich messages, which readers flatten to text and entities."""


class Entity(Record, frozen=True):
    """A stretch of a post's text that means something.

    ``offset`` and ``length`` in code points. A stored message may carry entities that nest,
    touch, cross, are empty or out of range: readers keep them, ``markup`` copes.
    """

    type: str
    offset: int
    length: int
    value: str = ""
    attrs: dict[str, str] = {}


MediaKind = Literal[
    "photo", "video", "round_video", "animation", "voice", "audio", "document", "sticker"
]


class Media(Record, frozen=True):
    """A photo or file of a post.

    ``locator`` names it to the reader that made it and never expires: ``"<message id>/<index>"``,
    or the path inside an export with ``/`` between parts. ``thumb`` likewise, for its preview
    frame. ``missing`` says, as a clause for a person, why there is no file ("" when there is).
    ``caption`` is the range (offset, length) of ``Post.text`` that came with this very photo of
    an album, None where it is not known or the post is one message. ``duration`` in seconds,
    ``size`` in bytes, ``width`` and ``height`` in pixels, 0 where not known.
    """

    kind: MediaKind
    locator: str
    mime: str = ""
    size: int = 0
    width: int = 0
    height: int = 0
    duration: float = 0
    name: str = ""
    title: str = ""
    performer: str = ""
    alt: str = ""
    thumb: str = ""
    spoiler: bool = False
    missing: str = ""
    caption: tuple[int, int] | None = None


class Forward(Record, frozen=True):
    """Whose words a post repeats. ``url`` is the original post's or its channel's, or ""."""

    name: str
    url: str = ""
    date: datetime | None = None
    author: str = ""
    channel_id: int = 0
    post_id: int = 0


class Reply(Record, frozen=True):
    """What a post answers: a post of the same channel unless ``url`` points elsewhere."""

    post_id: int
    url: str = ""
    name: str = ""
    quote: str = ""


class Answer(Record, frozen=True):
    """One choice of a poll. ``percent`` where only a share is known, else from ``voters``."""

    text: str
    voters: int | None = None
    percent: int | None = None
    correct: bool = False


class Poll(Record, frozen=True):
    """A poll with its results as far as Telegram tells them. ``voters``: people, not votes."""

    question: str
    answers: tuple[Answer, ...] = ()
    voters: int | None = None
    quiz: bool = False
    multiple: bool = False
    anonymous: bool = True
    closed: bool = False
    solution: str = ""


class LinkPreview(Record, frozen=True):
    """The card Telegram shows for a link. ``photo`` is an index into ``Post.media`` or None."""

    url: str
    site: str = ""
    title: str = ""
    description: str = ""
    photo: int | None = None


class Place(Record, frozen=True):
    """A location (degrees, WGS 84) or a venue with its title and address."""

    latitude: float
    longitude: float
    title: str = ""
    address: str = ""


ExtraKind = Literal[
    "contact",
    "dice",
    "todo",
    "story",
    "giveaway",
    "giveaway_results",
    "paid_media",
    "invoice",
    "game",
    "live_stream",
    "unsupported",
]


class Extra(Record, frozen=True):
    """What else a post shows and what cannot be shown here: it is told in one line with the link.

    ``title`` names it in the author's words ("" if there are none), ``lines`` are its parts
    (tasks of a to-do list, prizes), each with whether it is done where that has a meaning.
    """

    kind: ExtraKind
    title: str = ""
    lines: tuple[tuple[str, bool], ...] = ()
    value: str = ""


class Reaction(Record, frozen=True):
    """``emoji`` is "" for a custom one, "⭐" for paid stars."""

    emoji: str
    count: int


class Comments(Record, frozen=True):
    """The discussion under a post."""

    count: int
    url: str = ""


class Channel(Record, frozen=True):
    """Who speaks. ``id`` is the bare channel id (without the -100 mark), 0 where the source does
    not tell it; ``username`` without @; ``photo`` a locator for ``Reader.fetch`` or ""."""

    id: int
    title: str = ""
    username: str = ""
    about: str = ""
    photo: str = ""


class Post(Record, frozen=True):
    """One post as a person sees it: an album is one post.

    ``id`` is the lowest message id of the album, ``ids`` all of them in order. ``text`` joins the
    captions of an album's photos with a blank line, in message order. ``url`` is the post's
    public address, "" where the source knows none. Identity is ``(channel_id, id)``, the same
    from every reader; ``channel_id`` is 0 where the source does not tell it.
    """

    id: int
    ids: tuple[int, ...]
    date: datetime
    channel_id: int = 0
    edited: datetime | None = None
    text: str = ""
    entities: tuple[Entity, ...] = ()
    media: tuple[Media, ...] = ()
    url: str = ""
    author_signature: str = ""
    forward: Forward | None = None
    reply_to: Reply | None = None
    poll: Poll | None = None
    link_preview: LinkPreview | None = None
    place: Place | None = None
    extras: tuple[Extra, ...] = ()
    via_bot: str = ""
    rich: bool = False
    views: int | None = None
    forwards: int | None = None
    reactions: tuple[Reaction, ...] = ()
    comments: Comments | None = None


# --- The article ------------------------------------------------------------------------------


class Author(Record, frozen=True):
    """The author card. ``photo`` is a path on this machine or "", ``url`` the channel's."""

    name: str
    about: str = ""
    photo: str = ""
    url: str = ""


class Figure(Record, frozen=True):
    """A photo or file in an article. ``caption`` is an inline HTML fragment, ``alt`` and
    ``credit`` plain text."""

    media: Media
    caption: str = ""
    alt: str = ""
    credit: str = ""


Part = Literal["headline", "lead", "body", "caption", "credit", "tags", "removed"]


class Span(Record, frozen=True):
    """Where the code points ``start:end`` of the post's text went, and why.

    An article's spans cover the post's text exactly, in order, without gap or overlap: that is
    the conservation rule. ``reason`` says what rule sent it there; for ``removed`` it is what a
    person reads ("whitespace between paragraphs", "repeats under 12 posts"). ``figure`` is the
    index of the figure for ``caption``, -1 otherwise.
    """

    start: int
    end: int
    part: Part
    reason: str = ""
    figure: int = -1


class Article(Record, frozen=True):
    """What an editor would make out of a post (docs/articles.md).

    ``lead`` is an inline HTML fragment or "". ``body`` is an HTML fragment of the subset that
    ``markup.SUBSET`` lists, in which ``media:<n>`` stands for the address of ``figures[n]`` and
    ``post:<id>`` for the address of another post of the blog. The cover is ``figures[cover]`` and
    is not repeated in the body. ``attribution`` and ``credit`` are inline HTML; publishers put
    them after the body. ``date`` is the post's, ``timezone`` an IANA name for showing it.
    """

    blog: str
    post_id: int
    slug: str
    title: str
    date: datetime
    timezone: str
    language: str
    author: Author
    source_url: str
    channel_id: int = 0
    updated: datetime | None = None
    lead: str = ""
    body: str = ""
    tags: tuple[str, ...] = ()
    category: str = ""
    status: str = ""
    cover: int | None = None
    figures: tuple[Figure, ...] = ()
    attribution: str = ""
    credit: str = ""
    views: int | None = None
    comments: Comments | None = None
    spans: tuple[Span, ...] = ()
    notes: tuple[str, ...] = ()


NOT_COUNTED: Final = ("slug", "views", "comments", "spans", "notes", "updated")
"""What of an article is no change for a reader of the site: the slug is made once; counters move
all the time; spans and notes are our own account; ``updated`` only dates what ``body`` shows."""


DIGESTED: Final = ("kind", "locator", "name", "size", "width", "height", "missing")
"""What of a medium makes it another one: a photo that was replaced keeps its locator."""


def digest(article: Article) -> str:
    """The article's fingerprint: equal digests look equal to a reader of the site.

    Leaves out NOT_COUNTED, of each medium all but DIGESTED, and of the author's photo the folder.
    """
    seen = msgspec.to_builtins(article)
    for name in NOT_COUNTED:
        seen.pop(name, None)
    for figure in seen.get("figures", ()):
        figure["media"] = {key: figure["media"].get(key) for key in DIGESTED}
    photo = seen["author"].get("photo")
    if photo:
        seen["author"]["photo"] = photo.replace("\\", "/").rpartition("/")[2]
    return _hash(seen)


def fingerprint(post: Post) -> str:
    """The post's fingerprint: equal fingerprints need no new article.

    Leaves out counters (views, forwards, reactions, comments) and what depends on the way of
    reading (locators, sizes, the channel id), so that the same post from two readers that know
    the same about it is the same post. A poll's votes count: they are shown.
    """
    seen = msgspec.to_builtins(post)
    for name in ("channel_id", "url", "views", "forwards", "reactions", "comments", "edited"):
        seen.pop(name, None)
    for media in seen.get("media", ()):
        for name in ("locator", "thumb", "size", "width", "height", "duration", "mime"):
            media.pop(name, None)
    return _hash(seen)


def _hash(value: Any) -> str:
    return sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


# --- The site ---------------------------------------------------------------------------------


class Variant(Record, frozen=True):
    """A picture in another width, for ``srcset``."""

    url: str
    width: int
    height: int


class Upload(Record, frozen=True):
    """A file as the site has it. ``id`` is the site's own name for it, ``url`` its address.
    ``poster`` is the address of a video's preview frame or ""."""

    id: str
    url: str
    mime: str = ""
    width: int = 0
    height: int = 0
    size: int = 0
    variants: tuple[Variant, ...] = ()
    poster: str = ""


class Parts(Record, frozen=True):
    """What a visitor reads of an article on a site, part by part: what an editor may have changed.
    Plain text; ``text`` holds a line a paragraph, without the title and the lead."""

    title: str = ""
    lead: str = ""
    text: str = ""
    tags: tuple[str, ...] = ()
    category: str = ""


class Remote(Record, frozen=True):
    """An article as the site has it.

    ``version`` is whatever changes when someone changes the article there. ``digest`` is the
    digest of the article that was put, where the site can remember it ("" where not). ``status``
    is ``live``, ``draft`` (withdrawn, or not yet public) or ``trash``. ``parts`` is what it says,
    as the site tells it back: the same answer for the same article, whatever the site makes of
    quotes and spaces. None where an answer does not hold it.
    """

    id: str
    url: str
    version: str
    digest: str = ""
    status: Literal["live", "draft", "trash"] = "live"
    parts: Parts | None = None


# --- To and from bytes ------------------------------------------------------------------------

_post_decoder = msgspec.json.Decoder(Post)
_media_decoder = msgspec.json.Decoder(Media)
_upload_decoder = msgspec.json.Decoder(Upload)


def encode(record: Record) -> bytes:
    """The record as JSON, its defaults left out."""
    return msgspec.json.encode(record)


def decode_post(data: bytes | str) -> Post:
    """The post that ``encode`` wrote. Raises ``msgspec.DecodeError`` on anything else."""
    return _post_decoder.decode(data)


def decode_media(data: bytes | str) -> Media:
    """The medium that ``encode`` wrote. Raises ``msgspec.DecodeError`` on anything else."""
    return _media_decoder.decode(data)


def decode_upload(data: bytes | str) -> Upload:
    """The upload that ``encode`` wrote. Raises ``msgspec.DecodeError`` on anything else."""
    return _upload_decoder.decode(data)
