"""Blocks: a tree of what stands on lines of its own, and its HTML.

The tree is built without recursion and never deeper than ``DEPTH``; a block that does not fit
where it stands (a row outside a table, a list in a heading, the 65th level) leaves its text, and
one that crosses the end of another is cut there and goes on behind it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from heapq import heappop, heappush
from operator import attrgetter
from typing import Final

from crosspost.markup._inline import Marks
from crosspost.markup._text import BLANK, Window, escape, paragraphs, trimmed
from crosspost.model import BLOCK_ENTITIES, Entity

_SOLID: Final = re.compile(r"\S")
DEPTH: Final = 64
CUTS: Final = 8
"""How often a block that crosses others goes on behind them."""

_FLOW: Final = frozenset({"", "blockquote", "pullquote", "item", "cell", "details"})
_HOLDERS: Final = {"item": "list", "row": "table", "cell": "row", "summary": "details"}
_CONTAINERS: Final = _FLOW | {"list", "table", "row", "gallery"}
_EMPTY: Final = frozenset({"media", "gallery", "divider", "list", "item", "table", "row", "cell"})
_CAPTIONED: Final = frozenset({"media", "gallery", "table"})
_ALIGN: Final = frozenset({"left", "center", "right"})


class Block:
    """An entity at its place in the tree. ``hung`` is its caption, where that follows it."""

    __slots__ = ("attrs", "children", "end", "hung", "order", "start", "type", "value")

    def __init__(
        self, kind: str, start: int, end: int, value: str, attrs: dict[str, str], order: int
    ) -> None:
        self.type, self.start, self.end = kind, start, end
        self.value, self.attrs, self.order = value, attrs, order
        self.children: list[Block] = []
        self.hung: Block | None = None

    def cut(self, start: int, end: int) -> "Block":
        return Block(self.type, start, end, self.value, self.attrs, self.order)


# --- The tree -----------------------------------------------------------------------------------


def tree(window: Window, entities: Iterable[Entity]) -> Block:
    """The window's block entities as a tree; its root has the type ""."""
    root = Block("", 0, len(window.text), "", {}, -1)
    found = _found(window, entities)
    if not found:
        return root
    stack = [root]
    words = partial(_words_from, window.text, {})
    for block in _in_order(found, stack, window.text):
        parent = stack[-1]
        if block.type == "caption" and _hang(parent, block, words):
            stack.append(block)
            continue
        if not _fits(block, parent, words) or len(stack) > DEPTH:
            if block.type == "media":
                _place_behind(stack, block)
            continue
        parent.children.append(block)
        if block.type not in ("media", "divider"):
            stack.append(block)
    return root


def _found(window: Window, entities: Iterable[Entity]) -> list[Block]:
    """The blocks in the order in which they open, outer ones first. Those of the same place keep
    the order in which they were given, but for a longer one, which goes around a shorter one."""
    found = []
    for order, entity in enumerate(entities):
        if entity.type not in BLOCK_ENTITIES:
            continue
        start, end = window.span(entity.offset, max(entity.length, 0))
        if entity.type in ("media", "divider"):
            end = start
        elif start == end and entity.length > 0:
            continue
        if start == end and not (entity.type in _EMPTY and window.holds(entity.offset)):
            continue
        found.append(Block(entity.type, start, end, entity.value, entity.attrs, order))
    found.sort(key=attrgetter("start"))
    first = 0
    while first < len(found):
        last = first + 1
        while last < len(found) and found[last].start == found[first].start:
            last += 1
        if last - first > 1:
            slots = [at for at in range(first, last) if found[at].end > found[at].start]
            wide = sorted((found[at] for at in slots), key=lambda block: -block.end)
            for at, block in zip(slots, wide, strict=True):
                found[at] = block
        first = last
    return found


def _in_order(found: list[Block], stack: list[Block], text: str) -> Iterator[Block]:
    """Each block when the stack holds what stands around it, cut where it crosses that."""
    rest: list[tuple[int, int, int, int, Block]] = []
    index = serial = 0
    cuts: dict[int, int] = {}
    while index < len(found) or rest:
        block = found[index] if index < len(found) else None
        if rest and (block is None or rest[0][:2] <= (block.start, -block.end)):
            block = heappop(rest)[-1]
        else:
            index += 1
        assert block is not None
        while len(stack) > 1 and _is_over(stack[-1], block, text):
            stack.pop()
        limit = stack[-1].end
        if block.end > limit:
            cuts[block.order] = cuts.get(block.order, 0) + 1
            if cuts[block.order] <= CUTS:
                serial += 1
                heappush(
                    rest, (limit, -block.end, block.order, serial, block.cut(limit, block.end))
                )
            block.end = limit
        yield block


def _is_over(top: Block, block: Block, text: str) -> bool:
    """Whether the innermost open block ends before this one. An empty cell at its row's end is
    in it, and so with what else stands in one kind of block only; a photo at the end of a block
    whose text ends with the gap before it is in that block; what is empty holds what is empty,
    stands at the same place and belongs into it."""
    if top.end < block.start:
        return True
    if top.end > block.start:
        return False
    if block.start < block.end:
        return True
    if _HOLDERS.get(block.type) == top.type:
        return False
    if top.start < top.end:
        return top.type not in _FLOW or not text[top.end - 1].isspace()
    if top.type == "gallery":
        return block.type != "media"
    return top.type not in ("item", "cell") or block.type not in ("media", "gallery")


def _words_from(text: str, known: dict[int, int], start: int) -> int:
    """Where the first character that is not white space stands from an offset on."""
    if start not in known:
        found = _SOLID.search(text, start)
        known[start] = found.start() if found else len(text)
    return known[start]


def _fits(block: Block, parent: Block, words: Callable[[int], int]) -> bool:
    holder = "table" if block.type == "caption" else _HOLDERS.get(block.type)
    if block.type in ("caption", "summary"):
        opens = not parent.children and words(parent.start) >= block.start
        return parent.type == holder and opens
    if holder is not None:
        return parent.type == holder
    if parent.type == "gallery":
        return block.type == "media"
    return parent.type in _FLOW


def _hang(parent: Block, caption: Block, words: Callable[[int], int]) -> bool:
    """Give the caption to what stands right before it."""
    before = parent.children[-1] if parent.children else None
    if before is None or before.type not in _CAPTIONED or before.hung is not None:
        return False
    if words(before.end) < caption.start:
        return False
    before.hung = caption
    return True


def _place_behind(stack: list[Block], block: Block) -> None:
    """A photo is never lost: it stands behind what cannot hold it."""
    depth = len(stack) - 1
    while depth and stack[depth - 1].type not in _FLOW:
        depth -= 1
    if depth:
        block.start = block.end = stack[depth].end
    stack[max(depth - 1, 0)].children.append(block)


# --- Its HTML -----------------------------------------------------------------------------------


class Renderer:
    """Writes the tree of one window."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.text = marks.text

    def flow(self, block: Block) -> list[tuple[str, str]]:
        """The pieces inside a block, each with its kind: ``text`` for a run of words."""
        found: list[tuple[str, str]] = []
        at = block.start
        for child in block.children:
            found += [("text", html) for html in self._texts(at, child.start)]
            html = self.block(child)
            if html:
                found.append((child.type, html))
            at = max(at, child.end, child.hung.end if child.hung else 0)
        found += [("text", html) for html in self._texts(at, block.end)]
        return found

    def _texts(self, start: int, end: int) -> list[str]:
        return self.marks.render(paragraphs(self.text, start, end)) if start < end else []

    def full(self, block: Block) -> str:
        """The inside of a block, all of its words in paragraphs."""
        if not block.children:
            inside = "</p><p>".join(self._texts(block.start, block.end))
            return f"<p>{inside}</p>" if inside else ""
        return "".join(
            [f"<p>{html}</p>" if kind == "text" else html for kind, html in self.flow(block)]
        )

    def tight(self, block: Block) -> str:
        """The inside of a list item or a cell: its only paragraph stands bare."""
        pieces = self.flow(block)
        texts = [html for kind, html in pieces if kind == "text"]
        if len(texts) == 1 and pieces[0][0] == "text":
            return texts[0] + "".join(html for _, html in pieces[1:])
        return "".join(f"<p>{html}</p>" if kind == "text" else html for kind, html in pieces)

    def words(self, block: Block) -> str:
        """The inside of a block that holds words only."""
        return self.marks.words(block.start, block.end)

    def block(self, block: Block) -> str:
        """The block's HTML, "" if it shows nothing."""
        return str(getattr(self, f"_{block.type}")(block))

    def _pre(self, block: Block, kind: str = "") -> str:
        start, end = trimmed(self.text, block.start, block.end)
        if start == end:
            return ""
        line = self.text.rfind("\n", block.start, start) + 1
        code = escape(self.text[max(line, block.start) : end])
        language = "".join(
            char
            for char in block.value.lower()[:40]
            if char.isascii() and (char.isalnum() or char in "+#-_.")
        )
        name = f' class="{kind}"' if kind else f' class="language-{language}"' if language else ""
        return f"<pre><code{name}>{code}</code></pre>"

    def _math_block(self, block: Block) -> str:
        return self._pre(block, "math")

    def _blockquote(self, block: Block) -> str:
        inside = self.full(block)
        name = ' class="collapsed"' if block.attrs.get("collapsed") == "true" else ""
        return f"<blockquote{name}>{inside}</blockquote>" if inside else ""

    def _pullquote(self, block: Block) -> str:
        inside = self.full(block)
        return f'<blockquote class="pullquote">{inside}</blockquote>' if inside else ""

    def _heading(self, block: Block) -> str:
        level = min(max(_number(block.attrs.get("level"), 1), 1) + 1, 6)
        inside = self.words(block)
        return f"<h{level}>{inside}</h{level}>" if inside else ""

    def _footer(self, block: Block) -> str:
        texts = self._texts(block.start, block.end)
        return "".join(f'<p class="footer">{html}</p>' for html in texts)

    def _divider(self, block: Block) -> str:
        return "<hr>"

    def _details(self, block: Block) -> str:
        inside = self.full(block)
        opened = ' open=""' if block.attrs.get("open") == "true" else ""
        return f"<details{opened}>{inside}</details>" if inside else ""

    def _summary(self, block: Block) -> str:
        inside = self.words(block)
        return f"<summary>{inside}</summary>" if inside else ""

    def _list(self, block: Block) -> str:
        inside = "".join(
            f"<li>{html}</li>" if kind == "text" else html for kind, html in self.flow(block)
        )
        if not inside:
            return ""
        if block.attrs.get("ordered") != "true":
            return f"<ul>{inside}</ul>"
        start = _number(block.attrs.get("start"), 1)
        attributes = f' start="{start}"' if start != 1 else ""
        if block.attrs.get("reversed") == "true":
            attributes += ' reversed=""'
        return f"<ol{attributes}>{inside}</ol>"

    def _item(self, block: Block) -> str:
        inside = self.tight(block)
        state = {"true": ' class="done"', "false": ' class="todo"'}
        name = state.get(block.attrs.get("checked", ""), "")
        return f"<li{name}>{inside}</li>" if inside else ""

    def _table(self, block: Block) -> str:
        caption = "".join(html for kind, html in self.flow_of(block, "caption"))
        rows = "".join(
            f"<tr><td>{html}</td></tr>" if kind == "text" else html
            for kind, html in self.flow(block)
            if kind != "caption"
        )
        names = " ".join(n for n in ("bordered", "striped") if block.attrs.get(n) == "true")
        name = f' class="{names}"' if names else ""
        body = f"<tbody>{rows}</tbody>" if rows else ""
        table = f"<table{name}>{caption}{body}</table>" if caption or body else ""
        return self._captioned(table, block) or table

    def flow_of(self, block: Block, kind: str) -> Iterator[tuple[str, str]]:
        for child in block.children:
            if child.type == kind:
                yield kind, self.block(child)

    def _caption(self, block: Block) -> str:
        inside = self.words(block)
        return f"<caption>{inside}</caption>" if inside else ""

    def _row(self, block: Block) -> str:
        inside = "".join(
            f"<td>{html}</td>" if kind == "text" else html for kind, html in self.flow(block)
        )
        return f"<tr>{inside}</tr>" if inside else ""

    def _cell(self, block: Block) -> str:
        tag = "th" if block.attrs.get("header") == "true" else "td"
        attributes = ""
        for name in ("colspan", "rowspan"):
            count = _number(block.attrs.get(name), 1)
            if 1 < count <= 100:
                attributes += f' {name}="{count}"'
        align = block.attrs.get("align", "")
        if align in _ALIGN:
            attributes += f' class="{align}"'
        return f"<{tag}{attributes}>{self.tight(block)}</{tag}>"

    def _media(self, block: Block) -> str:
        number = block.value
        known = number.isascii() and number.isdigit() and len(number) < 7
        picture = f'<img src="media:{int(number)}">' if known else ""
        return self._captioned(picture, block) or (picture and f"<figure>{picture}</figure>")

    def _gallery(self, block: Block) -> str:
        inside = self.full(block)
        kind = " slideshow" if block.attrs.get("kind") == "slideshow" else ""
        gallery = f'<div class="gallery{kind}">{inside}</div>' if inside else ""
        return self._captioned(gallery, block) or gallery

    def _captioned(self, inside: str, block: Block) -> str:
        """A figure with the block's caption, "" if it has none. A caption of nothing is words."""
        words = self.words(block.hung) if block.hung else ""
        if not words:
            return ""
        caption = f"<figcaption>{words}</figcaption>"
        return f"<figure>{inside}{caption}</figure>" if inside else f"<p>{words}</p>"


def _number(value: str | None, default: int) -> int:
    try:
        return max(min(int((value or "")[:12]), 10**9), -(10**9))
    except ValueError:
        return default


def plain(text: str) -> str:
    """The HTML of a text without entities, already ``fit``."""
    found = (paragraph.strip() for paragraph in BLANK.split(escape(text)))
    return "".join([f"<p>{one.replace(chr(10), '<br>')}</p>" for one in found if one])
