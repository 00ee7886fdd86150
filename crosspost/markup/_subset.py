"""What an article's HTML may hold, the last line of defence, and what of it is text."""

import re
from collections.abc import Mapping
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING, Final

from crosspost.markup._text import fit
from crosspost.markup._urls import safe_url

if TYPE_CHECKING:
    from nh3 import Cleaner

_NONE: Final[frozenset[str]] = frozenset()
_CLASS: Final = frozenset({"class"})

SUBSET: Final[Mapping[str, frozenset[str]]] = {
    # words
    "br": _NONE,
    "strong": _NONE,
    "em": _NONE,
    "u": _NONE,
    "s": _NONE,
    "mark": _NONE,
    "sub": _NONE,
    "sup": _NONE,
    "ins": _NONE,
    "del": _NONE,
    "small": _NONE,
    "cite": _NONE,
    "code": _CLASS,
    "span": frozenset({"class", "tabindex"}),
    "a": frozenset({"href", "rel", "title", "class"}),
    "time": frozenset({"datetime"}),
    # blocks
    "p": _CLASS,
    "h2": _NONE,
    "h3": _NONE,
    "h4": _NONE,
    "h5": _NONE,
    "h6": _NONE,
    "pre": _NONE,
    "blockquote": _CLASS,
    "details": frozenset({"open", "class"}),
    "summary": _NONE,
    "ul": _CLASS,
    "ol": frozenset({"start", "reversed", "class"}),
    "li": _CLASS,
    "dl": _CLASS,
    "dt": _NONE,
    "dd": _NONE,
    "hr": _NONE,
    "table": _CLASS,
    "caption": _NONE,
    "thead": _NONE,
    "tbody": _NONE,
    "tr": _NONE,
    "th": frozenset({"colspan", "rowspan", "class", "scope"}),
    "td": frozenset({"colspan", "rowspan", "class"}),
    "div": _CLASS,
    "section": _CLASS,
    "aside": _CLASS,
    # pictures and files
    "figure": _CLASS,
    "figcaption": _NONE,
    "img": frozenset({"src", "alt", "width", "height", "class"}),
    "video": frozenset(
        {"src", "poster", "controls", "loop", "muted", "playsinline", "preload", "width", "height",
         "class"}
    ),
    "audio": frozenset({"src", "controls", "preload", "class"}),
    "meter": frozenset({"value", "min", "max", "aria-hidden"}),
}  # fmt: skip
"""Every tag an article may hold and its attributes. ``href`` is a ``safe_url``, ``media:<n>`` or
``post:<id>``; ``src`` and ``poster`` are ``media:<n>``; ``class`` is among ``CLASSES`` (and
``language-<name>`` for ``code``); ``tabindex`` is "0"; the numbers are whole and small."""

CLASSES: Final[Mapping[str, str]] = {
    "spoiler": "span: words hidden until they are pointed at or focused; figure: a hidden picture",
    "math": "code: LaTeX",
    "collapsed": "blockquote: Telegram shows its first lines only",
    "pullquote": "blockquote: a phrase set apart from the text, not a quotation",
    "footer": "p: small print at the end",
    "done": "li: a finished task",
    "todo": "li: a task to do",
    "bordered": "table: with lines between its cells",
    "striped": "table: with every second row shaded",
    "left": "td, th: aligned to the left",
    "center": "td, th: aligned to the middle",
    "right": "td, th: aligned to the right",
    "gallery": "div: figures side by side",
    "slideshow": "div, beside gallery: figures one after the other",
    # what normalize lays out
    "poll": "a poll: its question, answers and shares",
    "quiz": "beside poll: one answer is right",
    "closed": "beside poll: no more votes are taken",
    "question": "in a poll: what is asked",
    "answers": "in a poll: the list of answers",
    "answer": "in a poll: one answer",
    "correct": "beside answer: the right one",
    "share": "in a poll: an answer's share of the votes",
    "voters": "in a poll: how many voted",
    "solution": "in a quiz: why the answer is right",
    "card": "something with a title and a link: a link's preview, a file, a place, a contact",
    "link": "beside card: a link's preview",
    "file": "beside card: a file to download",
    "place": "beside card: a place on the map",
    "contact": "beside card: a person's contact",
    "site": "in a card: the site's name",
    "title": "in a card: its title",
    "description": "in a card: more words",
    "size": "in a card: a file's size",
    "note": "a line of ours beside the author's words",
    "forward": "beside note: whose words follow",
    "reply": "beside note: what the post answers",
    "missing": "beside note: a file that is not there, and why",
    "unsupported": "beside note: what can only be seen in Telegram",
    "signature": "who signed the post",
    "via": "the bot through which the post was written",
    "comments": "the link to the discussion",
    "attribution": "where the original is",
    "credit": "whose picture it is",
    "tasks": "ul: a to-do list",
    "photo": "figure: a photo",
    "video": "figure: a video",
    "round": "beside video: a round one",
    "animation": "figure: a short video without sound that loops",
    "voice": "figure: a voice message",
    "audio": "figure: a piece of music",
    "sticker": "figure: a sticker",
}
"""Every class an article may use, and on what."""

_LANGUAGE: Final = re.compile(r"language-[a-z0-9+#._-]{1,40}", re.ASCII)
_REFERENCE: Final = re.compile(r"media:\d{1,6}", re.ASCII)
_POST: Final = re.compile(r"post:\d{1,19}", re.ASCII)
_WHOLE: Final = re.compile(r"-?\d{1,10}(?:\.\d{1,6})?", re.ASCII)
_FREE: Final = frozenset({"title", "alt", "open", "reversed", "controls", "loop", "muted"})
_WORDS: Final[Mapping[str, re.Pattern[str]]] = {
    "rel": re.compile(r"(?:(?:noopener|noreferrer|nofollow|ugc|sponsored|external|author) ?)+"),
    "tabindex": re.compile("0"),
    "aria-hidden": re.compile("true"),
    "datetime": re.compile(r"[0-9T:.+Z -]{4,35}", re.ASCII),
    "preload": re.compile("none|metadata"),
    "scope": re.compile("col|row"),
    "playsinline": re.compile(""),
}


def sanitize(fragment: str) -> str:
    """The fragment with nothing in it but SUBSET, well formed.

    Tags outside of it leave their text; script, style and the like leave nothing; characters that
    HTML cannot hold are replaced as in ``blocks``. Leaves what
    ``blocks`` and ``inline`` wrote, and its own answer, as they are.
    """
    return _cleaner().clean(fit(fragment)).replace("&nbsp;", "\u00a0")


@lru_cache(maxsize=1)
def _cleaner() -> "Cleaner":
    from nh3 import Cleaner

    return Cleaner(
        tags=set(SUBSET),
        attributes={tag: set(names) for tag, names in SUBSET.items()},
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "tel", "tg", "media", "post"},
        link_rel=None,
        strip_comments=True,
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    """The attribute's value as it may stand, None to leave it out."""
    if name == "class":
        names = [one for one in value.split() if one in CLASSES or _is_language(tag, one)]
        return " ".join(names) or None
    if name == "href":
        return value if _REFERENCE.fullmatch(value) or _POST.fullmatch(value) else safe_url(value)
    if name in ("src", "poster"):
        return value if _REFERENCE.fullmatch(value) else None
    if name in _FREE:
        return value
    return value if _WORDS.get(name, _WHOLE).fullmatch(value) else None


def _is_language(tag: str, name: str) -> bool:
    return tag == "code" and _LANGUAGE.fullmatch(name) is not None


# --- Text ---------------------------------------------------------------------------------------

_TOKEN: Final = re.compile(
    r"""<(/?)([a-zA-Z][a-zA-Z0-9-]*)(?:[^<>"']|"[^"]*"|'[^']*')*>""",
)
_BORDERS: Final = {"li": "\n", "tr": "\n", "dt": "\n", "dd": "\n", "td": "\t", "th": "\t"}
_BLOCKS: Final = frozenset({
    "p", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "details", "summary", "ul", "ol", "dl",
    "hr", "table", "caption", "thead", "tbody", "div", "section", "aside", "figure", "figcaption",
})  # fmt: skip


def text_of(fragment: str) -> str:
    """The visible text of a fragment of ours: ``<br>`` is a newline, list items and rows stand on
    lines of their own, other blocks between blank lines, cells between tabs.

    For any text and any entities ``text_of(blocks(text, entities))`` is the text but for white
    space at the borders of blocks (and characters that HTML cannot hold, which are U+FFFD):
    every other character stands once, in order.
    """
    out = _Lines()
    at = 0
    for token in _TOKEN.finditer(fragment):
        if token.start() > at:
            out.write(unescape(fragment[at : token.start()]))
        at = token.end()
        name = (token[2] or "").lower()
        if name == "br":
            out.write("\n", newline=True)
        elif name == "pre":
            out.border("\n\n")
            out.kept = not token[1]
        elif name in _BLOCKS:
            out.border("\n\n")
        elif name in _BORDERS:
            out.border(_BORDERS[name])
    out.write(unescape(fragment[at:]))
    return "".join(out.pieces).strip()


class _Lines:
    """Text that grows; white space around a border gives way to the border."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.due: str | None = None
        self.kept = False

    def border(self, mark: str) -> None:
        if self.due is None or _STRENGTH[mark] > _STRENGTH[self.due]:
            self.due = mark

    def write(self, text: str, newline: bool = False) -> None:
        if self.due is not None or not self.pieces:
            if not newline and not self.kept:
                text = text.lstrip()
            if not text or (newline and not self.pieces):
                return
            while self.pieces and not self.pieces[-1].strip():
                self.pieces.pop()
            if self.pieces:
                self.pieces[-1] = self.pieces[-1].rstrip()
                self.pieces.append(self.due or "")
            self.due = None
        if text:
            self.pieces.append(text)


_STRENGTH: Final = {"\t": 0, "\n": 1, "\n\n": 2}
