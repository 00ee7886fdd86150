"""An article's text as one field of a form takes it: HTML, or plain words.

Classes of ours begin with ``crosspost-``, so that they meet none of the site's. A picture that has
no address of its own on the site cannot stand in the text: its caption stays, and one line leads to
the original.
"""

import re
from collections.abc import Callable, Collection, Mapping
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

from crosspost.markup import safe_url, sanitize
from crosspost.model import Article, Upload

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from bs4.element import PageElement

LEAD: Final = "crosspost-lead"
OURS: Final = "crosspost-source"
"""The class of the paragraph about the original, which holds the mark."""
MARK: Final = "crosspost-mark"
"""Stands for the mark until the words it hashes are known."""
_LINES: Final = frozenset(
    {"p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "blockquote", "pre", "figure", "div",
     "details", "table", "section", "aside", "hr"}
)  # fmt: skip
_COVERED: Final = "background:#333;color:#333"
_BLOCKS: Final = "p, h2, h3, h4, h5, h6, li, tr, pre, figcaption, summary, dt, dd, caption"
_REFERENCE: Final = re.compile(r"(media|post):(\d{1,18})")
_ALONE: Final = re.compile(r"(<[^>]*>)|(https?:)//", re.IGNORECASE)
_SPACE: Final = re.compile(r"[ \t]*\n[ \t]*")


class Words(NamedTuple):
    """What stands beside the author's own: where pictures are that cannot be shown, and how a
    hidden one is opened."""

    elsewhere: str
    hidden: str


class Text:
    """Writes one article's text. ``address`` answers the address of another post's article, or
    "". ``words`` are ours in the blog's language."""

    def __init__(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        address: Callable[[int], str],
        words: Words,
    ) -> None:
        self._article, self._uploads = article, uploads
        self._address, self._words = address, words
        self._left_out = False

    def html(self, elsewhere: Collection[str], lead: str | None = None) -> str:
        """The text. ``elsewhere`` are the parts (lead, cover, caption, credit, attribution) that
        have fields of their own; ``lead`` is the site's HTML that stays in the lead's place."""
        article = self._article
        pieces: list[str] = []
        cover = self._cover(elsewhere)
        lead = self._fragment(article.lead) if lead is None else lead
        if "lead" not in elsewhere and lead.strip():
            pieces.append(f'<p class="{LEAD}">{lead}</p>')
        body = self._fragment(article.body)
        if self._left_out:
            pieces += [cover, body, self._hint()]
        else:
            pieces += [cover, body]
        if "credit" not in elsewhere and article.credit:
            pieces.append(f'<p class="crosspost-credit">{self._fragment(article.credit)}</p>')
        pieces.append(self._source("" if "attribution" in elsewhere else article.attribution))
        return "\n".join(piece for piece in pieces if piece)

    def inline(self, fragment: str) -> str:
        """A part that has a field of its own, as HTML."""
        return self._fragment(fragment)

    def _source(self, attribution: str) -> str:
        return f'<p class="{OURS} {MARK}">{self._fragment(attribution)}</p>'

    def _hint(self) -> str:
        url = safe_url(self._article.source_url) if self._article.source_url else None
        words = escape(self._words.elsewhere)
        told = f'<a href="{escape(url)}">{words}</a>' if url else words
        return f'<p class="crosspost-missing">{told}</p>'

    def _cover(self, elsewhere: Collection[str]) -> str:
        """The cover; where that has a field of its own, its caption alone, if that has none."""
        number = self._article.cover
        if number is None or number >= len(self._article.figures):
            return ""
        figure = self._article.figures[number]
        if "cover" in elsewhere:
            told = self._fragment(figure.caption) if "caption" not in elsewhere else ""
            return f'<p class="crosspost-caption">{told}</p>' if told else ""
        caption = f"<figcaption>{figure.caption}</figcaption>" if figure.caption else ""
        alt = escape(figure.alt or figure.media.alt)
        return self._fragment(
            f'<figure class="photo"><img src="media:{number}" alt="{alt}">{caption}</figure>'
        )

    def _fragment(self, fragment: str) -> str:
        """The fragment with the site's addresses in it."""
        from bs4 import BeautifulSoup

        soup = BeautifulSoup(sanitize(fragment), "html.parser")
        for tag in soup.find_all(["img", "video", "audio"]):
            self._media(soup, tag)
        for tag in soup.find_all("a", href=_REFERENCE):
            self._link(tag)
        for tag in soup.select("figure.spoiler"):
            self._cover_up(soup, tag)
        for tag in soup.select("span.spoiler"):
            tag["style"] = _COVERED  # selected, it can be read; the site may know no class of ours
        for tag in soup.find_all(True):
            tag.attrs.pop("tabindex", None)
            if given := tag.get("class"):
                names = given.split() if isinstance(given, str) else given
                tag["class"] = " ".join(
                    one if one.startswith("language-") else f"crosspost-{one}" for one in names
                )
        html = "".join(f"{one}\n" if _is_block(one) else str(one) for one in soup.contents)
        return _words_only(html.strip())

    def _cover_up(self, soup: "BeautifulSoup", figure: "Tag") -> None:
        """A picture that its author hid is shown when it is asked for."""
        covered = figure.wrap(soup.new_tag("details"))
        summary = soup.new_tag("summary")
        summary.string = self._words.hidden
        covered.insert(0, summary)

    def _media(self, soup: "BeautifulSoup", tag: "Tag") -> None:
        upload = self._upload(str(tag.get("src") or ""))
        if upload is None:
            self._drop(soup, tag)
            return
        tag["src"] = upload.url
        if poster := tag.get("poster"):
            shown = self._upload(str(poster))
            tag["poster"] = shown.url if shown else ""
        elif tag.name == "video" and upload.poster:
            tag["poster"] = upload.poster
        if tag.get("poster") == "":
            del tag["poster"]
        if tag.name == "img" and upload.width and upload.height:
            tag["width"], tag["height"] = str(upload.width), str(upload.height)
            tag["loading"] = "lazy"

    def _drop(self, soup: "BeautifulSoup", tag: "Tag") -> None:
        """The picture goes, its caption stays."""
        self._left_out = True
        figure = tag.find_parent("figure")
        caption = figure.select_one("figcaption") if figure else None
        tag.extract()
        if figure is None or figure.find(["img", "video", "audio"]):
            return
        if caption is None or not caption.get_text().strip():
            figure.extract()
            return
        told = soup.new_tag("p")
        told.extend(list(caption.contents))
        figure.replace_with(told)

    def _link(self, tag: "Tag") -> None:
        kind, _, number = str(tag["href"]).partition(":")
        if kind == "media":
            upload = self._upload(f"media:{number}")
            url = upload.url if upload else self._article.source_url
        else:
            url = self._address(int(number)) or self._original(int(number))
        if found := safe_url(url) if url else None:
            tag["href"] = found
        else:
            del tag["href"]

    def _original(self, post_id: int) -> str:
        """Another post's own address, where this one's shows how they are made."""
        head, _, own = self._article.source_url.rpartition("/")
        return f"{head}/{post_id}" if head and own == str(self._article.post_id) else ""

    def _upload(self, reference: str) -> Upload | None:
        kind, _, number = reference.partition(":")
        if kind != "media" or not (number.isascii() and number.isdigit()):
            return None
        found = self._uploads.get(int(number))
        return found if found and found.url else None


def _words_only(html: str) -> str:
    """The HTML without what more than HTML is read in by WordPress, and by others like it:
    shortcodes, and addresses that stand alone, which it asks for and embeds."""
    return _ALONE.sub(lambda m: m[1] or f"{m[2]}&#47;&#47;", html.replace("[", "&#91;"))


def _is_block(node: "PageElement") -> bool:
    """Whether a line may end behind it: an editor reads the text as it is stored."""
    return str(getattr(node, "name", "")) in _LINES


def plain(html: str) -> str:
    """The words of some HTML, a line for each paragraph; a link's address stands behind its
    words."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all("br"):
        tag.replace_with("\n")
    for tag in soup.find_all("a", href=True):
        if tag.get_text().strip() and str(tag["href"]) not in tag.get_text():
            tag.append(f" ({tag['href']})")
    for tag in soup.select(_BLOCKS):
        tag.append("\n\n" if tag.name in ("p", "pre", "h2", "h3", "h4", "h5", "h6") else "\n")
    text = _SPACE.sub("\n", soup.get_text())
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def said(html: str) -> str:
    """What a visitor reads of some HTML: a line a paragraph, links as their words."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all("br"):
        tag.replace_with("\n")
    for tag in soup.select(_BLOCKS):
        tag.append("\n")
    lines = (" ".join(line.split()) for line in soup.get_text().split("\n"))
    return "\n".join(line for line in lines if line)


def lead_of(html: str) -> tuple[str, str]:
    """The lead that stands in a text, as HTML, and the text without it."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    found = soup.select_one(f"p.{LEAD}")
    if found is None:
        return "", html
    lead = found.decode_contents()
    found.extract()
    return lead, str(soup)


def shorten(text: str, limit: int) -> str:
    """The text on one line, cut at a word where it is longer than ``limit`` (0: any length),
    counted as browsers and databases both would."""
    text = " ".join(text.split())
    if not limit or len(text.encode("utf-16-le")) // 2 <= limit:
        return text
    cut = text[: limit - 1]
    while len(cut.encode("utf-16-le", "replace")) // 2 > limit - 1:
        cut = cut[:-1]
    return f"{(cut.rpartition(' ')[0] or cut).rstrip(' .,;:—–-')}…"
