"""Rich messages as Telegram's own objects: what ``readers._rich`` flattens.

Blocks and rich texts are told apart by the name of their class, so nothing of Telethon is
imported here; a test compares the tables below with Telethon's own.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from crosspost.readers._rich import Cell, Flat, Item

Found = Callable[[Any], int | None]
"""A TL photo or document → its index among the post's media; None where it is not there."""


class Page(Flat):
    """A RichMessage as text and entities; ``place`` finds a TL photo or document among the post's
    media. ``hidden`` are those that are shown only when they are clicked."""

    def __init__(self, rich: Any, place: Found) -> None:
        super().__init__()
        self.hidden: set[int] = set()
        self._place = place
        self._files = {one.id: one for one in (*rich.photos, *rich.documents)}
        self.blocks(rich.blocks)

    def block(self, block: Any) -> None:
        BLOCKS.get(type(block).__name__, _unsupported)(self, block)

    def write(self, text: Any) -> None:
        TEXTS.get(type(text).__name__, _unknown)(self, text)

    def says(self, text: Any) -> bool:
        return type(text).__name__ != "TextEmpty" and getattr(text, "text", True) != ""

    def file(self, file_id: int, *, hidden: bool = False) -> None:
        """A photo or document of the message, by its id."""
        file = self._files.get(file_id)
        index = self._place(file) if file is not None else None
        if hidden and index is not None:
            self.hidden.add(index)
        self.medium(index)


# --- Blocks -----------------------------------------------------------------------------------


def _paragraph(page: Page, block: Any) -> None:
    page.write(block.text)


def _heading(level: int) -> Callable[[Page, Any], None]:
    return lambda page, block: page.line("heading", block.text, level=level)


def _inside(holder: Any) -> Any:
    """Its blocks or, where it is of the kind that has none, its rich text."""
    return holder.blocks if hasattr(holder, "blocks") else holder.text


def _quote(kind: str) -> Callable[[Page, Any], None]:
    return lambda page, block: page.quote(
        kind, _inside(block), block.caption, collapsed=bool(getattr(block, "collapsed", False))
    )


def _author_date(page: Page, block: Any) -> None:
    page.line("italic", block.author)


def _preformatted(page: Page, block: Any) -> None:
    page.line("pre", block.text, block.language or "")


def _math(page: Page, block: Any) -> None:
    with page.over("math_block"):
        page.put(block.source)


def _item(item: Any) -> Item:
    return Item(_inside(item), bool(item.checked) if item.checkbox else None)


def _list(page: Page, block: Any) -> None:
    page.items(map(_item, block.items))


def _ordered(page: Page, block: Any) -> None:
    start, backwards = block.start, bool(block.reversed)
    page.items(map(_item, block.items), ordered=True, start=start, reversed=backwards)


def _table(page: Page, block: Any) -> None:
    rows = (map(_cell, row.cells) for row in block.rows)
    page.table(block.title, rows, bordered=bool(block.bordered), striped=bool(block.striped))


def _cell(cell: Any) -> Cell:
    align = "center" if cell.align_center else "right" if cell.align_right else ""
    return Cell(cell.text, bool(cell.header), align, cell.colspan, cell.rowspan)


def _details(page: Page, block: Any) -> None:
    page.details(block.title, block.blocks, opened=bool(block.open))


def _gallery(kind: str) -> Callable[[Page, Any], None]:
    def gallery(page: Page, block: Any) -> None:
        page.gallery(kind, block.items)
        _caption(page, block)

    return gallery


def _caption(page: Page, block: Any) -> None:
    page.caption(block.caption.text, block.caption.credit)


def _file(name: str) -> Callable[[Page, Any], None]:
    """A block with one file, whose id is the field ``name``."""

    def file(page: Page, block: Any) -> None:
        page.file(getattr(block, name), hidden=bool(getattr(block, "spoiler", False)))
        _caption(page, block)

    return file


def _cover(page: Page, block: Any) -> None:
    page.block(block.cover)


def _embed(page: Page, block: Any) -> None:
    """What another site would show in a frame: its picture and its address."""
    if block.poster_photo_id:
        page.file(block.poster_photo_id)
    if block.url:
        page.link(block.url, block.url)
    elif not block.poster_photo_id:
        page.unsupported = True
    _caption(page, block)


def _embed_post(page: Page, block: Any) -> None:
    page.embedded_post(block.author, block.url, block.blocks)
    _caption(page, block)


def _channel(page: Page, block: Any) -> None:
    title, name = getattr(block.channel, "title", ""), getattr(block.channel, "username", "")
    page.channel(title, name)


def _map(page: Page, block: Any) -> None:
    north, east = getattr(block.geo, "lat", None), getattr(block.geo, "long", None)
    if north is None or east is None:
        page.unsupported = True
    else:
        page.place(north, east, block.zoom)
    _caption(page, block)


def _related(page: Page, block: Any) -> None:
    told = ((one.title or "", one.url, one.description or "") for one in block.articles)
    page.related(block.title, told)


def _buttons(page: Page, block: Any) -> None:
    for button in block.buttons:
        page.gap("\n")
        _button(page, button)


def _unsupported(page: Page, _block: Any) -> None:
    page.unsupported = True


BLOCKS: Final[dict[str, Callable[[Page, Any], None]]] = {
    "PageBlockAnchor": lambda page, block: page.mark("anchor", block.name),
    "PageBlockAudio": _file("audio_id"),
    "PageBlockAuthorDate": _author_date,
    "PageBlockBlockquote": _quote("blockquote"),
    "PageBlockBlockquoteBlocks": _quote("blockquote"),
    "PageBlockButtonRow": _buttons,
    "PageBlockChannel": _channel,
    "PageBlockCollage": _gallery("collage"),
    "PageBlockCover": _cover,
    "PageBlockDetails": _details,
    "PageBlockDivider": lambda page, block: page.mark("divider"),
    "PageBlockDocument": _file("document_id"),
    "PageBlockEmbed": _embed,
    "PageBlockEmbedPost": _embed_post,
    "PageBlockFooter": lambda page, block: page.line("footer", block.text),
    "PageBlockHeader": _heading(2),
    "PageBlockHeading1": _heading(1),
    "PageBlockHeading2": _heading(2),
    "PageBlockHeading3": _heading(3),
    "PageBlockHeading4": _heading(4),
    "PageBlockHeading5": _heading(5),
    "PageBlockHeading6": _heading(6),
    "PageBlockKicker": lambda page, block: page.line("bold", block.text),
    "PageBlockList": _list,
    "PageBlockMap": _map,
    "PageBlockMath": _math,
    "PageBlockOrderedList": _ordered,
    "PageBlockParagraph": _paragraph,
    "PageBlockPhoto": _file("photo_id"),
    "PageBlockPreformatted": _preformatted,
    "PageBlockPullquote": _quote("pullquote"),
    "PageBlockRelatedArticles": _related,
    "PageBlockSlideshow": _gallery("slideshow"),
    "PageBlockSubheader": _heading(3),
    "PageBlockSubtitle": _heading(2),
    "PageBlockTable": _table,
    "PageBlockThinking": lambda page, block: page.line("italic", block.text),
    "PageBlockTitle": _heading(1),
    "PageBlockUnsupported": _unsupported,
    "PageBlockVideo": _file("video_id"),
    "InputPageBlockMap": _map,
}
"""Every kind of PageBlock of layer 229."""


# --- Rich texts -------------------------------------------------------------------------------


def _span(kind: str) -> Callable[[Page, Any], None]:
    return lambda page, text: page.line(kind, text.text)


def _valued(kind: str, value: Callable[[Any], object]) -> Callable[[Page, Any], None]:
    return lambda page, text: page.line(kind, text.text, str(value(text) or ""))


def _plain(page: Page, text: Any) -> None:
    page.put(text.text)


def _concat(page: Page, text: Any) -> None:
    for part in text.texts:
        page.write(part)


def _custom_emoji(page: Page, text: Any) -> None:
    with page.over("custom_emoji", str(text.document_id)):
        page.put(text.alt)


def _inline_math(page: Page, text: Any) -> None:
    with page.over("math"):
        page.put(text.source)


def _image(page: Page, text: Any) -> None:
    page.file(text.document_id)


def _diff(page: Page, text: Any) -> None:
    page.diff(text.old_text, text.text)


def _button(page: Page, button: Any) -> None:
    page.button(button.text, getattr(button.type, "url", ""))


def _seconds(text: Any) -> str:
    return str(int(text.date.timestamp())) if isinstance(text.date, datetime) else ""


def _unknown(page: Page, text: Any) -> None:
    """A rich text of a later layer: what it holds is kept."""
    if isinstance(text, str):
        page.put(text)
    elif hasattr(text, "text"):
        page.write(text.text)
    else:
        page.unsupported = True


TEXTS: Final[dict[str, Callable[[Page, Any], None]]] = {
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
    "TextEmpty": lambda page, text: None,
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
