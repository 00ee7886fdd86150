"""Rich messages (https://core.telegram.org/api/rich-messages): page blocks → text and entities.

The blocks are flattened into one text, as ``model.BLOCK_ENTITIES`` says: blocks are separated by a
blank line, the items, rows and cells inside them by a newline, and an entity stands over each.
What has no text of its own but must hold its place (an empty cell, a picture of a gallery) is a
space. Entities are listed outer before inner, so that those of no length have an order too.

Blocks and rich texts are told apart by the name of their class, so nothing of Telethon is
imported here; a test compares the tables below with Telethon's own.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from crosspost.model import Entity

Found = Callable[[Any], int | None]
"""A TL photo or document → its index among the post's media; None where it is not there."""


class Flat:
    """The text that grows, and the entities over it.

    ``place`` puts a TL photo or document among the post's media. ``unsupported`` says whether a
    block was met that cannot be shown."""

    def __init__(self, rich: Any, place: Found) -> None:
        self.entities: list[Entity] = []
        self.unsupported = False
        self.at = 0
        self._parts: list[str] = []
        self._gap = ""
        self._gapped = True
        self._place = place
        self._files = {one.id: one for one in (*rich.photos, *rich.documents)}
        self.blocks(rich.blocks)

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def put(self, text: str | None) -> None:
        """Text goes on where it ended, behind the gap that is due."""
        if text:
            self._settle()
            self._parts.append(text)
            self.at += len(text)
            self._gapped = False

    def gap(self, newlines: str = "\n\n") -> None:
        """A border is due here: the wider one wins, and none stands at the beginning."""
        if not self._gapped and len(newlines) > len(self._gap):
            self._gap = newlines

    def _settle(self) -> None:
        if self._gap:
            self._parts.append(self._gap)
            self.at += len(self._gap)
            self._gap = ""
            self._gapped = True

    @contextmanager
    def over(self, kind: str, value: str = "", /, **attrs: object) -> Iterator[None]:
        """An entity over what is put inside; attributes that are false or empty are left out."""
        self._settle()
        start, index = self.at, len(self.entities)
        shown = {
            name: str(one).lower() if isinstance(one, bool) else str(one)
            for name, one in attrs.items()
            if one not in (None, "", False)
        }
        entity = Entity(type=kind, offset=start, length=0, value=value, attrs=shown)
        self.entities.append(entity)
        yield
        length = self.at - start
        self.entities[index] = Entity(
            type=kind, offset=start, length=length, value=value, attrs=shown
        )

    def blocks(self, blocks: Sequence[Any]) -> None:
        for block in blocks:
            self.gap()
            self.block(block)
            self.gap()

    def block(self, block: Any) -> None:
        BLOCKS.get(type(block).__name__, _unsupported)(self, block)

    def write(self, text: Any) -> None:
        """A rich text."""
        TEXTS.get(type(text).__name__, _unknown)(self, text)

    def line(self, kind: str, text: Any, **attrs: object) -> None:
        with self.over(kind, "", **attrs):
            self.write(text)

    def caption(self, caption: Any) -> None:
        """The caption of the media before it, with its credit on a line of its own."""
        if _says(caption.text) or _says(caption.credit):
            self.gap("\n")
            with self.over("caption"):
                self.write(caption.text)
                self.gap("\n")
                self.write(caption.credit)

    def file(self, file_id: int, caption: Any | None = None) -> None:
        """A photo or document of the message, by its id, and its caption."""
        file = self._files.get(file_id)
        index = self._place(file) if file is not None else None
        if index is None:
            self.unsupported = True
        else:
            with self.over("media", str(index)):
                pass
        if caption is not None:
            self.caption(caption)

    def link(self, text: str, url: str) -> None:
        with self.over("text_link" if text != url else "url", url if text != url else ""):
            self.put(text)


def _says(text: Any) -> bool:
    """Whether a rich text may hold something."""
    return type(text).__name__ != "TextEmpty" and getattr(text, "text", True) != ""


# --- Blocks -----------------------------------------------------------------------------------


def _paragraph(flat: Flat, block: Any) -> None:
    flat.write(block.text)


def _heading(level: int) -> Callable[[Flat, Any], None]:
    return lambda flat, block: flat.line("heading", block.text, level=level)


def _quote(kind: str) -> Callable[[Flat, Any], None]:
    def quote(flat: Flat, block: Any) -> None:
        with flat.over(kind, collapsed=bool(getattr(block, "collapsed", False))):
            if hasattr(block, "blocks"):
                flat.blocks(block.blocks)
            else:
                flat.write(block.text)
            _source(flat, block.caption)

    return quote


def _source(flat: Flat, text: Any) -> None:
    """Who is quoted: a line of its own below the quotation."""
    if _says(text):
        flat.gap("\n")
        flat.line("italic", text)


def _author_date(flat: Flat, block: Any) -> None:
    flat.line("italic", block.author)


def _preformatted(flat: Flat, block: Any) -> None:
    with flat.over("pre", block.language or ""):
        flat.write(block.text)


def _divider(flat: Flat, _block: Any) -> None:
    with flat.over("divider"):
        pass


def _anchor(flat: Flat, block: Any) -> None:
    with flat.over("anchor", block.name):
        pass


def _math(flat: Flat, block: Any) -> None:
    with flat.over("math_block"):
        flat.put(block.source)


def _list(flat: Flat, block: Any) -> None:
    with flat.over("list"):
        _items(flat, block.items)


def _ordered(flat: Flat, block: Any) -> None:
    with flat.over("list", ordered=True, start=block.start, reversed=bool(block.reversed)):
        _items(flat, block.items)


def _items(flat: Flat, items: Sequence[Any]) -> None:
    for item in items:
        flat.gap("\n")
        checked = str(bool(item.checked)).lower() if item.checkbox else ""
        with flat.over("item", checked=checked):
            if hasattr(item, "blocks"):
                flat.blocks(item.blocks)
            else:
                flat.write(item.text)
        flat.gap("\n")


def _table(flat: Flat, block: Any) -> None:
    with flat.over("table", bordered=bool(block.bordered), striped=bool(block.striped)):
        if _says(block.title):
            flat.line("caption", block.title)
        for row in block.rows:
            flat.gap("\n")
            with flat.over("row"):
                for cell in row.cells:
                    flat.gap("\n")
                    _cell(flat, cell)


def _cell(flat: Flat, cell: Any) -> None:
    align = "center" if cell.align_center else "right" if cell.align_right else ""
    spans = {"colspan": cell.colspan, "rowspan": cell.rowspan}
    with flat.over("cell", header=bool(cell.header), align=align, **spans):
        before = flat.at
        if cell.text is not None:
            flat.write(cell.text)
        if flat.at == before:
            flat.put(" ")


def _details(flat: Flat, block: Any) -> None:
    with flat.over("details", open=bool(block.open)):
        flat.line("summary", block.title)
        flat.gap("\n")
        flat.blocks(block.blocks)


def _gallery(kind: str) -> Callable[[Flat, Any], None]:
    def gallery(flat: Flat, block: Any) -> None:
        with flat.over("gallery", kind=kind):
            for item in block.items:
                flat.block(item)
                flat.put(" ")
        flat.caption(block.caption)

    return gallery


def _photo(flat: Flat, block: Any) -> None:
    flat.file(block.photo_id, block.caption)


def _video(flat: Flat, block: Any) -> None:
    flat.file(block.video_id, block.caption)


def _audio(flat: Flat, block: Any) -> None:
    flat.file(block.audio_id, block.caption)


def _document(flat: Flat, block: Any) -> None:
    flat.file(block.document_id, block.caption)


def _cover(flat: Flat, block: Any) -> None:
    flat.block(block.cover)


def _embed(flat: Flat, block: Any) -> None:
    """What another site would show in a frame: its picture and its address."""
    if block.poster_photo_id:
        flat.file(block.poster_photo_id)
    if block.url:
        flat.link(block.url, block.url)
    elif not block.poster_photo_id:
        flat.unsupported = True
    flat.caption(block.caption)


def _embed_post(flat: Flat, block: Any) -> None:
    with flat.over("blockquote"):
        flat.link(block.author or block.url, block.url)
        flat.gap("\n")
        flat.blocks(block.blocks)
    flat.caption(block.caption)


def _channel(flat: Flat, block: Any) -> None:
    title, name = getattr(block.channel, "title", ""), getattr(block.channel, "username", "")
    if name:
        flat.link(title or name, f"https://t.me/{name}")
    else:
        flat.put(title)


def _map(flat: Flat, block: Any) -> None:
    north, east = getattr(block.geo, "lat", None), getattr(block.geo, "long", None)
    if north is None or east is None:
        flat.unsupported = True
    else:
        where = f"mlat={north:.6f}&mlon={east:.6f}#map={block.zoom}/{north:.6f}/{east:.6f}"
        flat.link(f"{north:.5f}, {east:.5f}", f"https://www.openstreetmap.org/?{where}")
    flat.caption(block.caption)


def _related(flat: Flat, block: Any) -> None:
    flat.line("heading", block.title, level=3)
    flat.gap()
    with flat.over("list"):
        for article in block.articles:
            flat.gap("\n")
            with flat.over("item"):
                flat.link(article.title or article.url, article.url)
                if article.description:
                    flat.gap("\n")
                    flat.put(article.description)


def _buttons(flat: Flat, block: Any) -> None:
    for button in block.buttons:
        flat.gap("\n")
        _button(flat, button)


def _unsupported(flat: Flat, _block: Any) -> None:
    flat.unsupported = True


BLOCKS: Final[dict[str, Callable[[Flat, Any], None]]] = {
    "PageBlockAnchor": _anchor,
    "PageBlockAudio": _audio,
    "PageBlockAuthorDate": _author_date,
    "PageBlockBlockquote": _quote("blockquote"),
    "PageBlockBlockquoteBlocks": _quote("blockquote"),
    "PageBlockButtonRow": _buttons,
    "PageBlockChannel": _channel,
    "PageBlockCollage": _gallery("collage"),
    "PageBlockCover": _cover,
    "PageBlockDetails": _details,
    "PageBlockDivider": _divider,
    "PageBlockDocument": _document,
    "PageBlockEmbed": _embed,
    "PageBlockEmbedPost": _embed_post,
    "PageBlockFooter": lambda flat, block: flat.line("footer", block.text),
    "PageBlockHeader": _heading(2),
    "PageBlockHeading1": _heading(1),
    "PageBlockHeading2": _heading(2),
    "PageBlockHeading3": _heading(3),
    "PageBlockHeading4": _heading(4),
    "PageBlockHeading5": _heading(5),
    "PageBlockHeading6": _heading(6),
    "PageBlockKicker": lambda flat, block: flat.line("bold", block.text),
    "PageBlockList": _list,
    "PageBlockMap": _map,
    "PageBlockMath": _math,
    "PageBlockOrderedList": _ordered,
    "PageBlockParagraph": _paragraph,
    "PageBlockPhoto": _photo,
    "PageBlockPreformatted": _preformatted,
    "PageBlockPullquote": _quote("pullquote"),
    "PageBlockRelatedArticles": _related,
    "PageBlockSlideshow": _gallery("slideshow"),
    "PageBlockSubheader": _heading(3),
    "PageBlockSubtitle": _heading(2),
    "PageBlockTable": _table,
    "PageBlockThinking": lambda flat, block: flat.line("italic", block.text),
    "PageBlockTitle": _heading(1),
    "PageBlockUnsupported": _unsupported,
    "PageBlockVideo": _video,
    "InputPageBlockMap": _map,
}
"""Every kind of PageBlock of layer 229."""


# --- Rich texts -------------------------------------------------------------------------------


def _span(kind: str) -> Callable[[Flat, Any], None]:
    return lambda flat, text: flat.line(kind, text.text)


def _valued(kind: str, value: Callable[[Any], object]) -> Callable[[Flat, Any], None]:
    def span(flat: Flat, text: Any) -> None:
        with flat.over(kind, str(value(text) or "")):
            flat.write(text.text)

    return span


def _plain(flat: Flat, text: Any) -> None:
    flat.put(text.text)


def _concat(flat: Flat, text: Any) -> None:
    for part in text.texts:
        flat.write(part)


def _custom_emoji(flat: Flat, text: Any) -> None:
    with flat.over("custom_emoji", str(text.document_id)):
        flat.put(text.alt)


def _inline_math(flat: Flat, text: Any) -> None:
    with flat.over("math"):
        flat.put(text.source)


def _image(flat: Flat, text: Any) -> None:
    flat.file(text.document_id)


def _diff(flat: Flat, text: Any) -> None:
    flat.line("delete", text.old_text)
    flat.line("insert", text.text)


def _button(flat: Flat, button: Any) -> None:
    """A button is its words; those of a link are the link."""
    url = getattr(button.type, "url", "")
    if url:
        with flat.over("text_link", url):
            flat.write(button.text)
    else:
        flat.write(button.text)


def _seconds(text: Any) -> str:
    return str(int(text.date.timestamp())) if isinstance(text.date, datetime) else ""


def _unknown(flat: Flat, text: Any) -> None:
    """A rich text of a later layer: what it holds is kept."""
    if isinstance(text, str):
        flat.put(text)
    elif hasattr(text, "text"):
        flat.write(text.text)
    else:
        flat.unsupported = True


TEXTS: Final[dict[str, Callable[[Flat, Any], None]]] = {
    "TextAnchor": _valued("anchor", lambda text: text.name),
    "TextAutoEmail": _span("email"),
    "TextAutoPhone": _span("phone"),
    "TextAutoUrl": _span("url"),
    "TextBankCard": _span("bank_card"),
    "TextBold": _span("bold"),
    "TextBotCommand": _span("bot_command"),
    "TextButton": _button,
    "TextCashtag": _span("cashtag"),
    "TextConcat": _concat,
    "TextCustomEmoji": _custom_emoji,
    "TextDate": _valued("date", _seconds),
    "TextDiff": _diff,
    "TextEmail": _valued("text_link", lambda text: f"mailto:{text.email}"),
    "TextEmpty": lambda flat, text: None,
    "TextFixed": _span("code"),
    "TextHashtag": _span("hashtag"),
    "TextImage": _image,
    "TextItalic": _span("italic"),
    "TextMarked": _span("marked"),
    "TextMath": _inline_math,
    "TextMention": _span("mention"),
    "TextMentionName": _valued("mention_name", lambda text: text.user_id),
    "TextPhone": _valued("text_link", lambda text: f"tel:{text.phone}"),
    "TextPlain": _plain,
    "TextSpoiler": _span("spoiler"),
    "TextStrike": _span("strikethrough"),
    "TextSubscript": _span("subscript"),
    "TextSuperscript": _span("superscript"),
    "TextUnderline": _span("underline"),
    "TextUrl": _valued("text_link", lambda text: text.url),
}
"""Every kind of RichText of layer 229."""
