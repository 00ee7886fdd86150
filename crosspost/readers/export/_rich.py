"""Rich messages as Desktop writes them (``SerializeRichMessage`` of its
``export/output/export_output_json.cpp``): what ``readers._rich`` flattens.

    {"rtl": false, "part": false, "blocks": [{"type": "heading", "level": 1, "text": {…}}, …]}

A rich text is an object too: ``{"type": "bold", "text": {"type": "plain", "text": "…"}}``. Of a
block or a text of an unknown kind the words and what else is known in it are kept.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from crosspost.model import Media
from crosspost.readers._rich import Cell, Flat, Item
from crosspost.readers.export._media import block_media
from crosspost.readers.export._values import count, location, string

DEPTH: Final = 32
"""The deepest that blocks and texts are followed into each other; below are only words."""
_WORDS: Final = frozenset({
    "text", "title", "description", "author", "caption", "credit", "formula", "source", "name",
    "question", "label",
})  # fmt: skip
"""The fields that hold words of the author."""
_LINKS: Final = frozenset({"url", "href"})
_NAMED: Final = 10
"""The most unknown kinds that are named of one message."""


class Page(Flat):
    """A rich message as text, entities and media; ``first`` is the number of its first medium.

    ``odd`` names the kinds of blocks and texts that are unknown. Nothing in ``rich`` is trusted:
    any field may be missing or of another form."""

    def __init__(self, rich: dict[str, Any], message_id: int, first: int) -> None:
        super().__init__()
        self.media: list[Media] = []
        self.odd: dict[str, None] = {}
        self._message_id = message_id
        self._first = first
        self._known: dict[tuple[str, str], int] = {}
        self._depth = 0
        self.blocks(_list(rich.get("blocks")))
        self.unsupported = self.unsupported or rich.get("part") is True
        self._sort()

    def block(self, block: Any) -> None:
        self._read(block, BLOCKS, _rest)

    def write(self, text: Any) -> None:
        self._read(text, TEXTS, _rest_of_text)

    def says(self, text: Any) -> bool:
        if isinstance(text, dict):
            return text.get("type") != "empty" and text.get("text", True) != ""
        return bool(text)

    def any(self, value: Any) -> None:
        """Reads a block or a rich text."""
        self._read(value, ANY, _rest)

    def _read(self, value: Any, known: "Readers", unknown: "Read") -> None:
        if isinstance(value, str):
            self.put(value)
        elif isinstance(value, dict | list) and self._depth >= DEPTH:
            self.unsupported = True
            self.put(_words(value))
        elif isinstance(value, dict):
            self._depth += 1
            known.get(string(value.get("type")), unknown)(self, value)
            self._depth -= 1
        elif isinstance(value, list):
            self._depth += 1
            for one in value:
                self._read(one, known, unknown)
            self._depth -= 1

    def file(self, block: dict[str, Any], kind: str) -> None:
        """The file of a block stands here. The same file again is the same medium."""
        name = string(block.get("photo_id" if kind == "photo" else "document_id"))
        path = string(block.get(kind))
        index = self._known.get((name, path)) if name else None
        if index is None:
            index = self._first + len(self.media)
            self._known[name, path] = index
            self.media.append(block_media(block, kind, f"{self._message_id}/{index}"))
        self.medium(index)

    def _sort(self) -> None:
        """Photos come before documents, as in Telegram's own rich messages."""
        order = sorted(range(len(self.media)), key=lambda one: self.media[one].kind != "photo")
        numbers = {str(self._first + old): str(self._first + new) for new, old in enumerate(order)}
        self.media = [self.media[old] for old in order]
        self.entities = [
            replace(one, value=numbers[one.value]) if one.type == "media" else one
            for one in self.entities
        ]


Read = Callable[[Page, dict[str, Any]], None]
Readers = dict[str, Read]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in _list(value) if isinstance(one, dict)]


def _rest(page: Page, value: dict[str, Any]) -> None:
    """What is known in a block of an unknown kind, each part on a line of its own."""
    _note(page, value)
    for name, one in value.items():
        if isinstance(one, dict):
            page.gap("\n")
            page.any(one)
        elif isinstance(one, list):
            for part in one:
                page.gap("\n")
                page.any(part)
        elif isinstance(one, str) and name in _LINKS:
            page.gap("\n")
            page.link(one, one)
        elif name in _WORDS:
            page.gap("\n")
            page.put(string(one))


def _rest_of_text(page: Page, value: dict[str, Any]) -> None:
    """A rich text of an unknown kind: the words in it, where they stand."""
    _note(page, value)
    for name, one in value.items():
        if name in _WORDS or isinstance(one, dict | list):
            page.write(one)


def _note(page: Page, value: dict[str, Any]) -> None:
    kind = string(value.get("type"))
    if kind:
        page.unsupported = True
        if len(page.odd) < _NAMED:
            page.odd[kind[:40]] = None


def _words(value: Any) -> str:
    """The words in a value, however deep it is."""
    found: list[str] = []
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            stack += [
                inner
                for name, inner in reversed(one.items())
                if name in _WORDS or not isinstance(inner, str)
            ]
        elif isinstance(one, list):
            stack += reversed(one)
        elif isinstance(one, str):
            found.append(one)
    return " ".join(found)


# --- Blocks -----------------------------------------------------------------------------------


def _text(page: Page, block: dict[str, Any]) -> None:
    page.write(block.get("text"))


def _line(kind: str, name: str = "text") -> Read:
    return lambda page, block: page.line(kind, block.get(name))


def _heading(page: Page, block: dict[str, Any]) -> None:
    level = min(max(count(block.get("level")) or 2, 1), 6)
    page.line("heading", block.get("text"), level=level)


def _inside(holder: dict[str, Any]) -> Any:
    """Its blocks or, where it has none, its rich text."""
    return _list(holder["blocks"]) if "blocks" in holder else holder.get("text")


def _quote(page: Page, block: dict[str, Any]) -> None:
    kind = "pullquote" if block.get("pullquote") is True else "blockquote"
    page.quote(kind, _inside(block), block.get("caption"))


def _code(page: Page, block: dict[str, Any]) -> None:
    page.line("pre", block.get("text"), string(block.get("language")))


def _math(page: Page, block: dict[str, Any]) -> None:
    with page.over("math_block"):
        page.put(string(block.get("formula")))


_CHECKED: Final = {"checked": True, "unchecked": False}


def _item(item: dict[str, Any]) -> Item:
    return Item(_inside(item), _CHECKED.get(string(item.get("task_state"))))


def _items(page: Page, block: dict[str, Any]) -> None:
    items = map(_item, _dicts(block.get("items")))
    if block.get("kind") == "ordered":
        start, backwards = count(block.get("start")), block.get("reversed") is True
        page.items(items, ordered=True, start=start, reversed=backwards)
    else:
        page.items(items)


def _table(page: Page, block: dict[str, Any]) -> None:
    rows = (map(_cell, _dicts(row.get("cells"))) for row in _dicts(block.get("rows")))
    shown = {name: block.get(name) is True for name in ("bordered", "striped")}
    page.table(block.get("title"), rows, **shown)


def _cell(cell: dict[str, Any]) -> Cell:
    align = string(cell.get("align"))
    return Cell(
        cell.get("text"),
        header=cell.get("header") is True,
        align=align if align in ("center", "right") else "",
        colspan=count(cell.get("colspan")),
        rowspan=count(cell.get("rowspan")),
    )


def _details(page: Page, block: dict[str, Any]) -> None:
    opened = block.get("open") is True
    page.details(block.get("title"), _list(block.get("blocks")), opened=opened)


def _caption(page: Page, block: dict[str, Any]) -> None:
    caption = block.get("caption")
    if isinstance(caption, dict) and "type" not in caption:
        page.caption(caption.get("text"), caption.get("credit"))
    else:
        page.caption(caption, None)


def _gallery(kind: str) -> Read:
    def gallery(page: Page, block: dict[str, Any]) -> None:
        page.gallery(kind, _list(block.get("items")))
        _caption(page, block)

    return gallery


def _file(kind: str) -> Read:
    def file(page: Page, block: dict[str, Any]) -> None:
        page.file(block, kind)
        _caption(page, block)

    return file


def _cover(page: Page, block: dict[str, Any]) -> None:
    page.block(block.get("block"))


def _embed(page: Page, block: dict[str, Any]) -> None:
    """What another site would show in a frame: its picture and its address."""
    url, poster = string(block.get("url")), "poster_photo_id" in block
    if poster:
        told = {name.removeprefix("poster_"): one for name, one in block.items()}
        sizes = {name: told.get(f"photo_{name}", 0) for name in ("width", "height")}
        page.file(told | sizes, "photo")
    if url:
        page.link(url, url)
    elif not poster:
        page.unsupported = True
    _caption(page, block)


def _embed_post(page: Page, block: dict[str, Any]) -> None:
    author, url = string(block.get("author")), string(block.get("url"))
    page.embedded_post(author, url, _list(block.get("blocks")))
    _caption(page, block)


def _channel(page: Page, block: dict[str, Any]) -> None:
    channel = block.get("channel")
    if isinstance(channel, dict):
        page.channel(string(channel.get("title")), string(channel.get("username")))


def _map(page: Page, block: dict[str, Any]) -> None:
    geo = block.get("geo")
    told = (geo.get("latitude"), geo.get("longitude")) if isinstance(geo, dict) else (None, None)
    place = location(*told)
    if place is None:
        page.unsupported = True
    else:
        page.place(place.latitude, place.longitude, count(block.get("zoom")) or 15)
    _caption(page, block)


def _related(page: Page, block: dict[str, Any]) -> None:
    names = ("title", "url", "description")
    told = [tuple(string(one.get(name)) for name in names) for one in _dicts(block.get("articles"))]
    page.related(block.get("title"), ((title, url, words) for title, url, words in told))


def _buttons(page: Page, block: dict[str, Any]) -> None:
    for button in _dicts(block.get("buttons")):
        page.gap("\n")
        _button(page, button)


def _unsupported(page: Page, _block: dict[str, Any]) -> None:
    page.unsupported = True


BLOCKS: Final[Readers] = {
    "anchor": lambda page, block: page.mark("anchor", string(block.get("name"))),
    "audio": _file("file"),
    "author_date": _line("italic", "author"),
    "button_row": _buttons,
    "channel": _channel,
    "code": _code,
    "collage": _gallery("collage"),
    "cover": _cover,
    "details": _details,
    "divider": lambda page, block: page.mark("divider"),
    "embed": _embed,
    "embed_post": _embed_post,
    "file": _file("file"),
    "footer": _line("footer"),
    "heading": _heading,
    "input_map": _map,
    "list": _items,
    "map": _map,
    "math": _math,
    "paragraph": _text,
    "photo": _file("photo"),
    "quote": _quote,
    "related_articles": _related,
    "slideshow": _gallery("slideshow"),
    "table": _table,
    "thinking": _line("italic"),
    "unsupported": _unsupported,
    "video": _file("file"),
}
"""Desktop's names of blocks."""


# --- Rich texts -------------------------------------------------------------------------------


def _valued(kind: str, name: str) -> Read:
    """A text whose field ``name`` is the entity's value."""

    def valued(page: Page, text: dict[str, Any]) -> None:
        value = text.get(name)
        page.line(kind, text.get("text"), str(value) if isinstance(value, str | int) else "")

    return valued


def _address(kind: str, scheme: str) -> Read:
    """Words that lead to an address; without one they are the address themselves."""

    def address(page: Page, text: dict[str, Any]) -> None:
        told = string(text.get(kind))
        if told:
            page.line("text_link", text.get("text"), f"{scheme}:{told}")
        else:
            page.line(kind, text.get("text"))

    return address


def _custom_emoji(page: Page, text: dict[str, Any]) -> None:
    """Desktop replaces the emoji's id by the path of its file where it downloads it."""
    name = string(text.get("document_id"))
    with page.over("custom_emoji", name if name.isdigit() else ""):
        page.put(string(text.get("text")))


def _inline_math(page: Page, text: dict[str, Any]) -> None:
    with page.over("math"):
        page.put(string(text.get("source")))


def _button(page: Page, text: dict[str, Any]) -> None:
    action = text.get("button")
    page.button(text.get("text"), string(action.get("url")) if isinstance(action, dict) else "")


TEXTS: Final[Readers] = {
    "anchor": _valued("anchor", "name"),
    "bank_card": _line("bank_card"),
    "bold": _line("bold"),
    "bot_command": _line("bot_command"),
    "button": _button,
    "cashtag": _line("cashtag"),
    "code": _line("code"),
    "concat": _text,
    "custom_emoji": _custom_emoji,
    "diff": lambda page, text: page.diff(text.get("old_text"), text.get("text")),
    "email": _address("email", "mailto"),
    "empty": lambda page, text: None,
    "formatted_date": _valued("date", "date_unixtime"),
    "hashtag": _line("hashtag"),
    "inline_image": lambda page, text: page.file(text, "file"),
    "italic": _line("italic"),
    "link": _line("url"),
    "marked": _line("marked"),
    "math": _inline_math,
    "mention": _line("mention"),
    "mention_name": _valued("mention_name", "user_id"),
    "phone": _address("phone", "tel"),
    "plain": _text,
    "spoiler": _line("spoiler"),
    "strikethrough": _line("strikethrough"),
    "subscript": _line("subscript"),
    "superscript": _line("superscript"),
    "text_link": _valued("text_link", "href"),
    "underline": _line("underline"),
}
"""Desktop's names of rich texts."""

ANY: Final[Readers] = TEXTS | BLOCKS
