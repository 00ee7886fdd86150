"""An article as Gutenberg blocks, so that an editor goes on in the block editor.

Each block is written as the block's own ``save`` writes it (the block library of WordPress 6.5:
https://github.com/WordPress/gutenberg/tree/wp/6.5/packages/block-library/src), else the editor
calls it broken. What no block can hold (a list with a table in it) becomes a ``html`` block.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from crosspost.markup import text_of
from crosspost.model import Upload
from crosspost.publishers.wordpress import _html
from crosspost.publishers.wordpress._words import INLINE, RAW, Words

if TYPE_CHECKING:
    from bs4 import Tag

_LISTS: Final = frozenset({"ul", "ol"})
_GROUPS: Final = frozenset({"section", "aside", "div"})
_SPANS: Final = frozenset({"colspan", "rowspan", "start", "reversed", "open"})
_ALIGN: Final = frozenset({"left", "center", "right"})
_TASKS: Final = {"done": "☑ ", "todo": "☐ "}
_DEPTH: Final = 24
"""Blocks deeper than this are flattened to their words."""
_ENDS: Final = re.compile(r"^(?:\s|<br>)+|(?:\s|<br>)+$")


class Writer(Words):
    """Writes one article."""

    def whole(self, mark: str, cover: bool) -> str:
        """All of the article below its headline; ``mark`` is a class of the last paragraph but
        the credit's, ``cover`` says whether its cover stands in it too."""
        article = self._article
        blocks = []
        if article.lead:
            blocks.append(self._paragraph(self._fragment(article.lead), "crosspost-lead"))
        top, below = self._cover(cover)
        blocks += top + self.flow(_html.parsed(article.body)) + below
        origin = self._fragment(article.attribution)
        blocks.append(self._paragraph(origin, f"crosspost-source {mark}"))
        if article.credit:
            blocks.append(self._paragraph(self._fragment(article.credit), "crosspost-credit"))
        return "\n\n".join(blocks)

    def excerpt(self) -> str:
        """The lead's words, "" where there is none."""
        return _html.words(text_of(self._article.lead)) if self._article.lead else ""

    def _cover(self, shown: bool) -> tuple[list[str], list[str]]:
        """What stands above the body and below it of the cover: itself where it must stand in the
        text, else its caption, since themes show a featured image without one."""
        article = self._article
        number = -1 if article.cover is None else article.cover
        if not 0 <= number < len(article.figures):
            return [], []
        upload = self._uploads.get(number)
        caption = self._fragment(article.figures[number].caption)
        if upload and shown and upload.mime.startswith("image/"):
            return [self._image(number, upload, "", caption)], []
        if upload and not upload.mime.startswith("image/"):
            return [self._film(number, upload, {}, caption)], []
        return [], [self._paragraph(caption, "crosspost-caption")] if caption else []

    # --- Blocks ---

    def flow(self, node: "Tag", depth: int = 0) -> list[str]:
        """The blocks of a node's inside; words between blocks become paragraphs."""
        found: list[str] = []
        run = ""
        for child in node.children:
            name = _html.name(child)
            if name and name not in INLINE and name != "meter":
                found += self._paragraphs(run)
                run = ""
                found += self._block(child, depth)  # type: ignore[arg-type]
            else:
                run += self._word(child, 0)
        return found + self._paragraphs(run)

    def _paragraphs(self, html: str) -> list[str]:
        return [self._paragraph(html.strip())] if html.strip() else []

    def _block(self, node: "Tag", depth: int) -> list[str]:
        if depth > _DEPTH:
            return self._paragraphs(self.inline(node))
        name = node.name
        if name in _LISTS:
            return [self._list(node, depth) or self._html(node)]
        if name in _GROUPS:
            return self._group(node, depth)
        write = getattr(self, f"_{name}", None)
        if write is not None:
            return [block for block in write(node, depth) if block]
        return [self._html(node)] if name == "dl" else self.flow(node, depth + 1)

    def _paragraph(self, html: str, name: str = "") -> str:
        attributes = {"className": name} if name else {}
        return _html.comment("paragraph", attributes, f"<p{_html.class_(name)}>{html}</p>")

    def _p(self, node: "Tag", depth: int) -> Iterator[str]:
        inside = self.inline(node).strip()
        if inside:
            yield self._paragraph(inside, _html.ours(node))

    def _heading(self, node: "Tag", depth: int) -> Iterator[str]:
        level = int(node.name[1])
        inside = self.inline(node)
        attributes = {"level": level} if level != 2 else {}
        html = f'<h{level} class="wp-block-heading">{inside}</h{level}>'
        if inside:
            yield _html.comment("heading", attributes, html)

    _h2 = _h3 = _h4 = _h5 = _h6 = _heading

    def _hr(self, node: "Tag", depth: int) -> Iterator[str]:
        html = '<hr class="wp-block-separator has-alpha-channel-opacity"/>'
        yield _html.comment("separator", {}, html)

    def _pre(self, node: "Tag", depth: int) -> Iterator[str]:
        code = node.find("code")
        name = " ".join(
            one if one.startswith("language-") else f"crosspost-{one}"
            for one in (_html.classes(code) if code else ())
        )
        inside = f"<code>{_html.words(node.get_text())}</code>"
        html = f'<pre class="{_html.joined("wp-block-code", name)}">{inside}</pre>'
        yield _html.comment("code", {"className": name} if name else {}, html)

    def _blockquote(self, node: "Tag", depth: int) -> Iterator[str]:
        if "pullquote" in _html.classes(node):
            cite = node.find("cite")
            told = f"<cite>{self.inline(cite)}</cite>" if cite is not None else ""  # type: ignore[arg-type]
            if cite is not None:
                cite.extract()
            html = f"<blockquote><p>{self._trimmed(node)}</p>{told}</blockquote>"
            yield _html.comment(
                "pullquote", {}, f'<figure class="wp-block-pullquote">{html}</figure>'
            )
            return
        inside = self.flow(node, depth + 1)
        name = _html.ours(node)
        quote = f'<blockquote class="{_html.joined("wp-block-quote", name)}">'
        html = f"{quote}{_html.inner(inside)}</blockquote>"
        if inside:
            yield _html.comment("quote", {"className": name} if name else {}, html)

    def _trimmed(self, node: "Tag") -> str:
        """The node's words without line breaks at their ends."""
        return _ENDS.sub("", self.inline(node))

    def _details(self, node: "Tag", depth: int) -> Iterator[str]:
        summary = node.find("summary", recursive=False)
        title = _html.words(self._more)
        if summary is not None:
            title = self.inline(summary).strip() or title  # type: ignore[arg-type]
            summary.extract()
        yield self._fold(title, self.flow(node, depth + 1), node.has_attr("open"))

    def _fold(self, title: str, inside: list[str], opened: bool = False) -> str:
        shown = " open" if opened else ""
        html = f'<details class="wp-block-details"{shown}><summary>{title}</summary>'
        attributes = {"showContent": True} if opened else {}
        return _html.comment("details", attributes, f"{html}{_html.inner(inside)}</details>")

    def _group(self, node: "Tag", depth: int) -> list[str]:
        names = _html.classes(node)
        if "gallery" in names:
            return self._gallery(node, "")
        inside = self.flow(node, depth + 1)
        if not names or not inside:
            return inside
        name = _html.ours(node)
        html = f'<div class="{_html.joined("wp-block-group", name)}">{_html.inner(inside)}</div>'
        return [
            _html.comment("group", {"className": name, "layout": {"type": "constrained"}}, html)
        ]

    # --- Lists and tables ---

    def _list(self, node: "Tag", depth: int) -> str:
        """The list as a block, "" when an item holds what a list block cannot."""
        items = []
        for item in node.find_all("li", recursive=False):
            found = self._item(item, depth)
            if not found:
                return ""
            items.append(found)
        attributes: dict[str, Any] = {}
        html = ""
        if node.name == "ol":
            attributes["ordered"] = True
            if node.has_attr("reversed"):
                attributes["reversed"] = True
                html += " reversed"
            if node.get("start"):
                attributes["start"] = _html.number(f":{node['start']}")
                html += f' start="{attributes["start"]}"'
        name = _html.ours(node)
        if name:
            attributes["className"] = name
        inside = "\n\n".join(items)
        return _html.comment(
            "list", attributes, f"<{node.name}{html}{_html.class_(name)}>{inside}</{node.name}>"
        )

    def _item(self, node: "Tag", depth: int) -> str:
        inner = ""
        kinds = _html.classes(node)
        text = next((mark for kind, mark in _TASKS.items() if kind in kinds), "")
        for child in node.children:
            name = _html.name(child)
            if name in _LISTS:
                nested = "" if depth > _DEPTH else self._list(child, depth + 1)  # type: ignore[arg-type]
                if not nested or inner:
                    return ""
                inner = nested
            elif (name and name not in INLINE and name not in ("p", "meter")) or (
                inner and str(child).strip()
            ):
                return ""
            else:
                text += "<br>" if name == "p" and text else ""
                text += self._word(child, 0)
        name = " ".join(f"crosspost-{one}" for one in kinds)
        attributes = {"className": name} if name else {}
        return _html.comment(
            "list-item", attributes, f"<li{_html.class_(name)}>{text.strip()}{inner}</li>"
        )

    def _table(self, node: "Tag", depth: int, caption: str = "") -> Iterator[str]:
        own = node.find("caption")
        if own is not None:
            caption = "<br>".join(filter(None, (self.inline(own), caption)))  # type: ignore[arg-type]
            own.extract()
        if node.find(["table", "ul", "ol", "dl", "pre", "blockquote", "details", "figure", "img"]):
            yield self._html(node)
            yield from self._paragraphs(caption)
            return
        parts = ""
        for part, rows in (
            ("thead", node.select("thead tr")),
            ("tbody", [row for row in node.find_all("tr") if row.find_parent("thead") is None]),
        ):
            inside = "".join(f"<tr>{self._cells(row)}</tr>" for row in rows)
            parts += f"<{part}>{inside}</{part}>" if inside else ""
        if not parts:
            yield from self._paragraphs(caption)
            return
        striped = {"className": "is-style-stripes"} if "striped" in _html.classes(node) else {}
        figure = _html.joined("wp-block-table", striped.get("className", ""))
        html = f'<figure class="{figure}"><table>{parts}</table>{_html.caption(caption)}</figure>'
        yield _html.comment("table", striped, html)

    def _cells(self, row: "Tag") -> str:
        out = ""
        for cell in row.find_all(["td", "th"], recursive=False):
            align = next((one for one in _html.classes(cell) if one in _ALIGN), "")
            more = f' class="has-text-align-{align}" data-align="{align}"' if align else ""
            for name in ("colspan", "rowspan"):
                if cell.get(name):
                    more += f' {name}="{_html.number(":" + _html.value(cell, name))}"'
            out += f"<{cell.name}{more}>{self.inline(cell).strip()}</{cell.name}>"
        return out

    # --- Pictures and files ---

    def _figure(self, node: "Tag", depth: int) -> Iterator[str]:
        last = node.find("figcaption", recursive=False)
        caption = self.inline(last).strip() if last is not None else ""  # type: ignore[arg-type]
        if last is not None:
            last.extract()
        held = next((child for child in node.children if _html.name(child)), None)
        blocks = list(self._held(node, held, depth, caption))  # type: ignore[arg-type]
        if "spoiler" in _html.classes(node) and blocks:
            blocks = [self._fold(_html.words(self._hidden), blocks)]
        yield from blocks

    def _held(self, node: "Tag", held: "Tag | None", depth: int, caption: str) -> Iterator[str]:
        name = held.name if held else ""
        if held is not None and name in ("img", "video", "audio"):
            yield from self._media(held, _html.ours(node), caption)
        elif held is not None and name == "a" and str(held.get("href", "")).startswith("media:"):
            yield from self._file(node, held, caption)
        elif held is not None and name == "table":
            yield from self._table(held, depth, caption)
        elif held is not None and "gallery" in _html.classes(held):
            yield from self._gallery(held, caption)
        else:
            yield from self.flow(node, depth + 1)
            yield from self._paragraphs(caption)

    def _img(self, node: "Tag", depth: int) -> Iterator[str]:
        yield from self._media(node, "", "")

    _video = _audio = _img

    def _media(self, node: "Tag", name: str, caption: str) -> Iterator[str]:
        number = _html.number(str(node.get("src", "")))
        upload = self._uploads.get(number)
        if upload is None:
            yield from self._paragraphs(caption)
        elif upload.mime.startswith("image/"):
            yield self._image(number, upload, str(node.get("alt", "")), caption)
        elif node.name == "audio":
            src = _html.attribute(upload.url)
            html = f'<figure class="wp-block-audio"><audio controls src="{src}">'
            html += f"</audio>{_html.caption(caption)}</figure>"
            yield _html.comment("audio", {"id": _html.media_id(upload)}, html)
        else:
            given = {key: str(value) for key, value in node.attrs.items()}
            yield self._film(number, upload, given, caption)

    def _image(self, number: int, upload: Upload, alt: str, caption: str) -> str:
        figures = self._article.figures
        if not alt and number < len(figures):
            alt = figures[number].alt or figures[number].media.alt
        html = f'<figure class="wp-block-image size-full"><img src="{_html.attribute(upload.url)}" '
        html += f'alt="{_html.attribute(alt)}" class="wp-image-{_html.media_id(upload)}"/>'
        html += f"{_html.caption(caption)}</figure>"
        attributes = {"id": _html.media_id(upload), "sizeSlug": "full", "linkDestination": "none"}
        return _html.comment("image", attributes, html)

    def _film(self, number: int, upload: Upload, given: Mapping[str, str], caption: str) -> str:
        flags = "".join(f" {name}" for name in ("loop", "muted") if name in given)
        poster = f' poster="{_html.attribute(upload.poster)}"' if upload.poster else ""
        html = f'<figure class="wp-block-video"><video controls{flags}{poster} '
        html += f'src="{_html.attribute(upload.url)}" playsinline></video>'
        html += f"{_html.caption(caption)}</figure>"
        return _html.comment("video", {"id": _html.media_id(upload)}, html)

    def _file(self, node: "Tag", link: "Tag", caption: str) -> Iterator[str]:
        upload = self._uploads.get(_html.number(str(link.get("href"))))
        size = node.find(class_="size")
        told = " · ".join(
            _html.words(one.get_text().strip())
            for one in (link, size)
            if one and one.get_text().strip()
        )
        if upload is None:
            yield from self._paragraphs(told)
        else:
            href = _html.attribute(upload.url)
            html = f'<div class="wp-block-file"><a href="{href}">{told}</a></div>'
            attributes = {
                "id": _html.media_id(upload),
                "href": upload.url,
                "showDownloadButton": False,
            }
            yield _html.comment("file", attributes, html)
        yield from self._paragraphs(caption)

    def _gallery(self, node: "Tag", caption: str) -> list[str]:
        pictures: list[str] = []
        others: list[str] = []
        for child in node.children:
            if _html.name(child):
                for block in self._block(child, 0):  # type: ignore[arg-type]
                    (pictures if block.startswith("<!-- wp:image ") else others).append(block)
        if len(pictures) < 2:
            return [*pictures, *others, *self._paragraphs(caption)]
        last = _html.caption(caption).replace('class="', 'class="blocks-gallery-caption ', 1)
        html = '<figure class="wp-block-gallery has-nested-images columns-default is-cropped">'
        html += f"{_html.inner(pictures)}{last}</figure>"
        return [_html.comment("gallery", {"linkTo": "none"}, html), *others]

    # --- What no block holds ---

    def _html(self, node: "Tag") -> str:
        return f"<!-- wp:html -->\n{self._raw(node, 0)}\n<!-- /wp:html -->"

    def _raw(self, node: "Tag", depth: int) -> str:
        from bs4 import Tag

        out = ""
        for child in node.children:
            if not isinstance(child, Tag) or child.name in INLINE or depth > _DEPTH * 2:
                out += self._word(child, 0)
            elif child.name in ("img", "video", "audio"):
                out += self._shown(child)
            else:
                out += self._raw(child, depth + 1)
        if node.name == "hr":
            return "<hr>"
        if node.name not in RAW:
            return out
        more = "".join(
            f' {name}="{_html.attribute(_html.value(node, name))}"'
            for name in sorted(_SPANS)
            if node.has_attr(name)
        )
        return f"<{node.name}{more}>{out}</{node.name}>"

    def _shown(self, node: "Tag") -> str:
        upload = self._uploads.get(_html.number(str(node.get("src", ""))))
        if upload is None:
            return ""
        src = _html.attribute(upload.url)
        if upload.mime.startswith("image/"):
            return f'<img src="{src}" alt="{_html.attribute(str(node.get("alt", "")))}">'
        name = "audio" if node.name == "audio" else "video"
        return f'<{name} src="{src}" controls></{name}>'
