"""Telegram's text and entities ⇄ HTML. Knows offsets, knows no article.

    blocks(text, entities)   a block-level HTML fragment
    inline(text, entities)   the same for inside a paragraph
    text_of(fragment)        its visible text back: nothing lost, nothing twice, in order
    sanitize(fragment)       the last line of defence; changes nothing of ours
    from_html(element)       Telegram's own HTML → text and entities
    utf16(text)              Telegram's offsets → code points
    safe_url(url)            the address a reader may be sent to, or None

What the HTML may hold is ``SUBSET`` with ``CLASSES``. Offsets are code points of the text. The
entities of https://core.telegram.org/api/entities and of rich messages may nest, cross, touch,
repeat, be empty or out of range: the HTML is well formed and its text is the post's.

Choices that are not Telegram's: a heading of level n is ``h<n+1>``, since the article's headline
is ``h1``. A collapsed quotation keeps all of its words and says ``class="collapsed"``. A spoiler
is focusable, so that it opens by keyboard and touch without a script. Code holds no other
formatting, except that a link, a date or a spoiler may go around it. Hashtags, cashtags, bot
commands, bank cards, custom emoji, anchors and mentions of people without a name stay words.
"""

from collections.abc import Iterable, Sequence

from crosspost.markup._blocks import Renderer, plain, tree
from crosspost.markup._inline import Marks
from crosspost.markup._subset import CLASSES, SUBSET, sanitize, text_of
from crosspost.markup._telegram import from_html
from crosspost.markup._text import Window, escape, fit, utf16
from crosspost.markup._urls import safe_url
from crosspost.model import Entity

__all__ = [
    "CLASSES",
    "SUBSET",
    "blocks",
    "from_html",
    "inline",
    "safe_url",
    "sanitize",
    "text_of",
    "utf16",
]


def blocks(
    text: str,
    entities: Sequence[Entity],
    start: int = 0,
    end: int | None = None,
    *,
    skip: Iterable[tuple[int, int]] = (),
) -> str:
    """The block-level HTML of ``text[start:end]``.

    A blank line ends a paragraph, a newline is ``<br>``; white space at the borders of blocks
    goes. ``skip`` lists sorted ranges whose characters leave no trace. What has no length (media,
    a divider) belongs to the range of the character after it, at the text's end of the last one.
    """
    end = len(text) if end is None else min(end, len(text))
    start = min(max(start, 0), end)
    if not entities and not skip:
        return plain(fit(text[start:end]))
    window = Window(text, start, end, skip)
    renderer = Renderer(Marks(window, text, entities))
    return renderer.full(tree(window, entities))


def inline(
    text: str,
    entities: Sequence[Entity],
    start: int = 0,
    end: int | None = None,
    *,
    skip: Iterable[tuple[int, int]] = (),
) -> str:
    """The inline HTML of ``text[start:end]``, trimmed: a newline is ``<br>``, blocks leave their
    text, media and dividers nothing. ``skip`` as for ``blocks``."""
    end = len(text) if end is None else min(end, len(text))
    start = min(max(start, 0), end)
    if not entities and not skip:
        return escape(fit(text[start:end]).strip()).replace("\n", "<br>")
    window = Window(text, start, end, skip)
    return Marks(window, text, entities).words(0, len(window.text))
