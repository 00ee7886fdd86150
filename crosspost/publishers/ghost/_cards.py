"""An article as HTML that ``source=html`` turns into Lexical, Ghost's own text.

Pictures, galleries, films, sounds, files and link previews are written in the mark-up of Ghost's
own cards, which its converter knows (https://github.com/TryGhost/Koenig, kg-default-nodes). What it
would flatten stands in an HTML card (https://docs.ghost.org/admin-api#creating-a-post).
"""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

from crosspost.publishers.ghost._figures import MOST, SOUNDS, Figures
from crosspost.publishers.ghost._words import (
    INLINE,
    RAW,
    classes,
    name,
    number,
    parsed,
    value,
)

if TYPE_CHECKING:
    from bs4 import Tag

_COVERED: Final = '<span class="crosspost-spoiler" style="background-color:currentColor">'
_LISTS: Final = frozenset({"ul", "ol"})
_GROUPS: Final = frozenset({"section", "aside", "div"})
_SPANS: Final = ("colspan", "open", "reversed", "rowspan", "start")
_TASKS: Final = {"done": "☑ ", "todo": "☐ "}
_DEPTH: Final = 24
"""Blocks deeper than this are flattened to their words."""


class Writer(Figures):
    """Writes one article."""

    def whole(self, *, lead: bool, cover: bool) -> str:
        """All of the article below its headline; ``lead`` and ``cover`` say whether those stand in
        the text."""
        article = self._article
        blocks = self._paragraph(self.fragment(article.lead)) if lead else []
        blocks += self._cover(cover) + self.flow(parsed(article.body))
        for last in (article.attribution, article.credit):
            blocks += self._paragraph(self.fragment(last))
        return "".join(blocks)

    def _cover(self, shown: bool) -> list[str]:
        """The cover where it must stand in the text: a film always, a picture when ``shown``."""
        figures, index = self._article.figures, self._article.cover
        upload = None if index is None else self._uploads.get(index)
        if index is None or upload is None or index >= len(figures):
            return []
        caption = self.fragment(figures[index].caption)
        if upload.mime.startswith("image/"):
            return [self._image(index, upload, "", caption)] if shown else []
        return [self._film(index, upload, False, caption)]

    # --- Blocks ---

    def flow(self, node: "Tag", depth: int = 0) -> list[str]:
        """The blocks of a node's inside; words between blocks become paragraphs."""
        found: list[str] = []
        run = ""
        for child in node.children:
            if name(child) and name(child) not in INLINE:
                found += self._paragraph(run)
                run = ""
                found += self._block(child, depth)  # type: ignore[arg-type]
            else:
                run += self.word(child, 0)
        return found + self._paragraph(run)

    def _block(self, node: "Tag", depth: int) -> list[str]:
        if depth > _DEPTH:
            return self._paragraph(self.inline(node))
        if node.name in _LISTS:
            return [self._list(node, depth) or self._html(node)]
        if node.name in _GROUPS:
            return self._group(node, depth)
        write = getattr(self, f"_{node.name}", None)
        if write is not None:
            return [block for block in write(node, depth) if block]
        return [self._html(node)] if node.name == "dl" else self.flow(node, depth + 1)

    def _p(self, node: "Tag", depth: int) -> Iterator[str]:
        if node.find(class_="spoiler"):
            yield self._html(node)
            return
        inside = self.inline(node)
        yield from self._paragraph(f"<strong>{inside}</strong>" if _asks(node) else inside)

    def _heading(self, node: "Tag", depth: int) -> Iterator[str]:
        inside = self.inline(node).strip()
        yield f"<{node.name}>{inside}</{node.name}>" if inside else ""

    _h2 = _h3 = _h4 = _h5 = _h6 = _heading

    def _hr(self, node: "Tag", depth: int) -> Iterator[str]:
        yield "<hr>"

    def _pre(self, node: "Tag", depth: int) -> Iterator[str]:
        code = node.find("code")
        language = (
            next((one for one in classes(code) if one.startswith("language-")), "") if code else ""
        )
        named = f' class="{escape(language)}"' if language else ""
        yield f"<pre><code{named}>{escape(node.get_text(), quote=False)}</code></pre>"

    def _blockquote(self, node: "Tag", depth: int) -> Iterator[str]:
        held = {name(child) for child in node.children} - INLINE - {"", "p"}
        if held or node.find(class_="spoiler"):
            yield self._html(node)
            return
        lines = [line.removeprefix("<p>").removesuffix("</p>") for line in self.flow(node, depth)]
        yield f"<blockquote>{'<br><br>'.join(lines)}</blockquote>" if lines else ""

    def _details(self, node: "Tag", depth: int) -> Iterator[str]:
        from bs4 import NavigableString

        summary = node.find("summary", recursive=False)
        title = summary.get_text().strip() if summary is not None else self._say.more
        rest = [child for child in node.children if child is not summary and str(child).strip()]
        text = rest[0].get_text().strip() if len(rest) == 1 and name(rest[0]) in ("", "p") else ""
        # a toggle card takes plain words, which Ghost writes into the page as they are
        plain = all(
            isinstance(deep, NavigableString) or deep in (summary, *rest)
            for deep in node.descendants
        )
        if text and plain and not set("<>&") & set(title + text):
            yield self._toggle(title, text)
        else:
            yield self._html(node)

    def _toggle(self, title: str, text: str) -> str:
        head = (
            f'<div class="kg-toggle-heading"><h4 class="kg-toggle-heading-text">{title}</h4></div>'
        )
        return (
            f'<div class="kg-card kg-toggle-card" data-kg-toggle-state="close">{head}'
            f'<div class="kg-toggle-content">{text}</div></div>'
        )

    def _group(self, node: "Tag", depth: int) -> list[str]:
        kinds = classes(node)
        if "gallery" in kinds:
            return self._gallery(node, "")
        if "card" in kinds and "link" in kinds:
            return [self._bookmark(node)] if node.find("a") else self.flow(node, depth + 1)
        return self.flow(node, depth + 1)

    def _bookmark(self, node: "Tag") -> str:
        """A link's preview as Ghost's own bookmark."""
        link, said = node.find("a"), {}
        for part in ("title", "description", "site"):
            found = node.find(class_=part)
            said[part] = escape(" ".join(found.get_text(" ").split())) if found is not None else ""
        picture = node.find("img")
        upload = self._uploads.get(number(value(picture, "src"))) if picture is not None else None  # type: ignore[arg-type]
        thumb = (
            f'<div class="kg-bookmark-thumbnail"><img src="{escape(upload.url)}"></div>'
            if upload
            else ""
        )
        title = said["title"] or said["site"]
        site = said["site"] if said["title"] else ""
        return (
            '<figure class="kg-card kg-bookmark-card"><a class="kg-bookmark-container" '
            f'href="{escape(value(link, "href"))}"><div class="kg-bookmark-content">'  # type: ignore[arg-type]
            f'<div class="kg-bookmark-title">{title}</div>'
            f'<div class="kg-bookmark-description">{said["description"]}</div>'
            '<div class="kg-bookmark-metadata">'
            f'<span class="kg-bookmark-author">{site}</span></div></div>{thumb}</a></figure>'
        )

    # --- Lists and tables ---

    def _list(self, node: "Tag", depth: int) -> str:
        """The list, "" where Lexical's lists cannot hold it."""
        if node.has_attr("reversed") or node.find(class_="spoiler"):
            return ""
        items = [self._item(item, depth) for item in node.find_all("li", recursive=False)]
        if not all(items):
            return ""
        start = number(f":{value(node, 'start')}")
        more = f' start="{start}"' if node.name == "ol" and start > 1 else ""
        return f"<{node.name}{more}>{''.join(items)}</{node.name}>" if items else ""

    def _item(self, node: "Tag", depth: int) -> str:
        kinds = classes(node)
        text = next((mark for kind, mark in _TASKS.items() if kind in kinds), "")
        inner = ""
        for child in node.children:
            kind = name(child)
            if kind in _LISTS:
                nested = "" if depth > _DEPTH else self._list(child, depth + 1)  # type: ignore[arg-type]
                if not nested or inner:
                    return ""
                inner = nested
            elif (kind and kind not in INLINE and kind != "p") or (inner and str(child).strip()):
                return ""
            else:
                text += "<br>" if kind == "p" and text else ""
                text += self.word(child, 0)
        text = text.strip()
        if "correct" in kinds and text:
            text = f"<strong>{text}</strong>"
        return f"<li>{text or '·'}{inner}</li>"

    def _table(self, node: "Tag", depth: int, caption: str = "") -> Iterator[str]:
        own = node.find("caption")
        if own is not None:
            caption = "<br>".join(filter(None, (self.inline(own), caption)))  # type: ignore[arg-type]
            own.extract()
        yield self._html(node)
        yield from self._paragraph(caption)

    # --- Pictures and files ---

    def _figure(self, node: "Tag", depth: int) -> Iterator[str]:
        last = node.find("figcaption", recursive=False)
        caption = self.inline(last).strip() if last is not None else ""  # type: ignore[arg-type]
        if last is not None:
            last.extract()
        held = next((child for child in node.children if name(child)), None)
        kind = name(held) if held is not None else ""
        if kind in ("img", "video", "audio"):
            yield from self._media(held, caption, hidden="spoiler" in classes(node))  # type: ignore[arg-type]
        elif kind == "a" and value(held, "href").startswith("media:"):  # type: ignore[arg-type]
            yield from self._file(node, held, caption)  # type: ignore[arg-type]
        elif kind == "table":
            yield from self._table(held, depth, caption)  # type: ignore[arg-type]
        elif held is not None and "gallery" in classes(held):
            yield from self._gallery(held, caption)  # type: ignore[arg-type]
        else:
            yield from self.flow(node, depth + 1)
            yield from self._paragraph(caption)

    def _img(self, node: "Tag", depth: int) -> Iterator[str]:
        yield from self._media(node, "")

    _video = _audio = _img

    def _media(self, node: "Tag", caption: str, hidden: bool = False) -> Iterator[str]:
        index = number(value(node, "src"))
        upload = self._uploads.get(index)
        if upload is None:
            yield from self._paragraph(caption)
        elif hidden:
            shown = f"<p>{self._shown(node)}</p>" + "".join(self._paragraph(caption))
            summary = escape(self._say.hidden, quote=False)
            yield _html(f"<details><summary>{summary}</summary>{shown}</details>")
        elif upload.mime.startswith("image/"):
            yield self._image(index, upload, value(node, "alt"), caption)
        elif upload.mime in SOUNDS:
            yield from self._sound(index, upload)
            yield from self._paragraph(caption)
        else:
            yield self._film(index, upload, node.has_attr("loop"), caption)

    def _gallery(self, node: "Tag", caption: str) -> list[str]:
        """Pictures side by side, as far as they have no captions of their own, which a gallery card
        has no place for."""
        blocks: list[str] = []
        run: list[str] = []
        for child in node.children:
            picture = _bare_picture(child)
            upload = (
                self._uploads.get(number(value(picture, "src"))) if picture is not None else None
            )
            if picture is not None and upload is not None and upload.mime.startswith("image/"):
                index = number(value(picture, "src"))
                run.append(self._img_of(index, upload, value(picture, "alt")))
            elif name(child):
                blocks += self._row(run) + self._block(child, 0)  # type: ignore[arg-type]
                run = []
        alone = not blocks and len(run) <= MOST
        blocks += self._row(run, caption if alone else "")
        return blocks if alone and run else blocks + self._paragraph(caption)

    # --- What no card holds ---

    def _html(self, node: "Tag") -> str:
        return _html(self._raw(node, 0))

    def _raw(self, node: "Tag", depth: int) -> str:
        from bs4 import Tag

        out = ""
        if node.name == "details" and node.find("summary", recursive=False) is None:
            out = f"<summary>{escape(self._say.more, quote=False)}</summary>"
        for child in node.children:
            if not isinstance(child, Tag) or child.name in INLINE or depth > _DEPTH * 2:
                out += self.word(child, 0, _COVERED)
            elif child.name in ("img", "video", "audio"):
                out += self._shown(child)
            else:
                out += self._raw(child, depth + 1)
        if node.name == "hr":
            return "<hr>"
        if node.name not in RAW:
            return out
        more = "".join(
            f' {one}="{escape(value(node, one))}"' for one in _SPANS if node.has_attr(one)
        )
        return f"<{node.name}{more}>{out}</{node.name}>"

    def _shown(self, node: "Tag") -> str:
        upload = self._uploads.get(number(value(node, "src")))
        if upload is None:
            return ""
        if upload.mime.startswith("image/"):
            return f'<img src="{escape(upload.url)}" alt="{escape(value(node, "alt"))}">'
        kind = "audio" if upload.mime.startswith("audio/") else "video"
        return f'<{kind} src="{escape(upload.url)}" controls></{kind}>'


def _html(element: str) -> str:
    """An HTML card. Ghost takes elements into it, and nothing that stands beside them."""
    return f"<!--kg-card-begin: html-->{element}<!--kg-card-end: html-->"


def _asks(node: "Tag") -> bool:
    return bool({"question", "title"} & set(classes(node)))


def _bare_picture(node: object) -> "Tag | None":
    """The picture of a figure that holds nothing else and is not covered."""
    from bs4 import Tag

    if not isinstance(node, Tag) or "spoiler" in classes(node):
        return None
    if node.name == "img":
        return node
    found = node.find("img") if node.name == "figure" else None
    caption = node.find("figcaption")
    said = caption is not None and caption.get_text().strip()
    return found if isinstance(found, Tag) and not said else None
