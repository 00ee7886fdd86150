"""Rich messages (https://core.telegram.org/api/rich-messages): page blocks → text and entities.

What a reader meets (Telegram's own objects, Desktop's JSON) it tells ``Flat`` in plain words, so
that the same message comes out the same from each of them. The blocks are flattened into one text,
as ``model.BLOCK_ENTITIES`` says: blocks are separated by a blank line, the items, rows and cells
inside them by a newline, and an entity stands over each. What has no text of its own but must hold
its place (an empty cell, a picture of a gallery) is a space. Entities are listed outer before
inner, so that those of no length have an order too.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from crosspost.model import Entity

MOST: Final = 20_000
"""The most entities of one message: a text has at most 32,768 characters. What a crafted message
holds beyond them is plain text."""


class Item(NamedTuple):
    """A list's item: blocks, or a rich text; ``checked`` None where it is no task."""

    inside: Any
    checked: bool | None = None


class Cell(NamedTuple):
    """A table's cell: a rich text or None."""

    text: Any
    header: bool = False
    align: str = ""
    colspan: int | None = None
    rowspan: int | None = None


class Flat(ABC):
    """The text that grows, and the entities over it.

    A reader says how one block and one rich text of its kind are read. ``unsupported`` says
    whether a block was met that cannot be shown."""

    def __init__(self) -> None:
        self.entities: list[Entity] = []
        self.unsupported = False
        self.at = 0
        self._parts: list[str] = []
        self._gap = ""
        self._gapped = True

    @abstractmethod
    def block(self, block: Any) -> None:
        """Reads a block."""

    @abstractmethod
    def write(self, text: Any) -> None:
        """Reads a rich text."""

    @abstractmethod
    def says(self, text: Any) -> bool:
        """Whether a rich text may hold something."""

    # --- What everything is made of -----------------------------------------------------------

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
        if len(self.entities) >= MOST:
            self.unsupported = True
            yield
            return
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

    def mark(self, kind: str, value: str = "") -> None:
        """An entity of no length."""
        with self.over(kind, value):
            pass

    def line(self, kind: str, text: Any, value: str = "", /, **attrs: object) -> None:
        """An entity over a rich text."""
        with self.over(kind, value, **attrs):
            self.write(text)

    def link(self, text: str, url: str) -> None:
        with self.over("text_link" if text != url else "url", url if text != url else ""):
            self.put(text)

    def blocks(self, blocks: Iterable[Any]) -> None:
        for block in blocks:
            self.gap()
            self.block(block)
            self.gap()

    def inside(self, inside: Any) -> None:
        """What is either a list of blocks or a rich text."""
        if isinstance(inside, list):
            self.blocks(inside)
        else:
            self.write(inside)

    # --- Blocks -------------------------------------------------------------------------------

    def medium(self, index: int | None) -> None:
        """The medium of this number stands here; None: it is not to be had."""
        if index is None:
            self.unsupported = True
        else:
            self.mark("media", str(index))

    def caption(self, text: Any, credit: Any) -> None:
        """The caption of the media before it, with its credit on a line of its own."""
        if self.says(text) or self.says(credit):
            self.gap("\n")
            with self.over("caption"):
                self.write(text)
                self.gap("\n")
                self.write(credit)

    def quote(self, kind: str, inside: Any, source: Any, *, collapsed: bool = False) -> None:
        """Below a quotation stands who is quoted, on a line of its own."""
        with self.over(kind, collapsed=collapsed):
            self.inside(inside)
            if self.says(source):
                self.gap("\n")
                self.line("italic", source)

    def items(self, items: Iterable[Item], /, **attrs: object) -> None:
        with self.over("list", **attrs):
            for item in items:
                self.gap("\n")
                checked = "" if item.checked is None else str(item.checked).lower()
                with self.over("item", checked=checked):
                    self.inside(item.inside)
                self.gap("\n")

    def table(self, title: Any, rows: Iterable[Iterable[Cell]], /, **attrs: object) -> None:
        with self.over("table", **attrs):
            if self.says(title):
                self.line("caption", title)
            for row in rows:
                self.gap("\n")
                with self.over("row"):
                    for cell in row:
                        self.gap("\n")
                        self._cell(cell)

    def _cell(self, cell: Cell) -> None:
        text, header, align, colspan, rowspan = cell
        with self.over("cell", header=header, align=align, colspan=colspan, rowspan=rowspan):
            before = self.at
            if text is not None:
                self.write(text)
            if self.at == before:
                self.put(" ")

    def details(self, title: Any, blocks: Iterable[Any], *, opened: bool) -> None:
        with self.over("details", open=opened):
            self.line("summary", title)
            self.gap("\n")
            self.blocks(blocks)

    def gallery(self, kind: str, items: Iterable[Any]) -> None:
        with self.over("gallery", kind=kind):
            for item in items:
                self.block(item)
                self.put(" ")

    def embedded_post(self, author: str, url: str, blocks: Iterable[Any]) -> None:
        with self.over("blockquote"):
            self.link(author or url, url)
            self.gap("\n")
            self.blocks(blocks)

    def channel(self, title: str, username: str) -> None:
        if username:
            self.link(title or username, f"https://t.me/{username}")
        else:
            self.put(title)

    def place(self, north: float, east: float, zoom: int) -> None:
        """A map is a link to one."""
        where = f"mlat={north:.6f}&mlon={east:.6f}#map={zoom}/{north:.6f}/{east:.6f}"
        self.link(f"{north:.5f}, {east:.5f}", f"https://www.openstreetmap.org/?{where}")

    def related(self, title: Any, articles: Iterable[tuple[str, str, str]]) -> None:
        """``articles``: each one's title, address and description."""
        self.line("heading", title, level=3)
        self.gap()
        with self.over("list"):
            for name, url, description in articles:
                self.gap("\n")
                with self.over("item"):
                    self.link(name or url, url)
                    self.gap("\n")
                    self.put(description)

    # --- Rich texts ---------------------------------------------------------------------------

    def diff(self, old: Any, new: Any) -> None:
        self.line("delete", old)
        self.line("insert", new)

    def button(self, text: Any, url: str) -> None:
        """A button is its words; those of a link are the link."""
        if url:
            self.line("text_link", text, url)
        else:
            self.write(text)
