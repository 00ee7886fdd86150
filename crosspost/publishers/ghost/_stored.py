"""An article as Ghost tells of it: its words, its mark, its version, its parts.

The mark stands in the post's own code injection, which is no part of its text: the editor's saves
leave it alone, and Ghost finds it by a filter. The version covers what our next save would
overwrite and nothing else, so that opening and saving an article unchanged changes nothing, and
neither does giving it another address, author or place on the front page.
"""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape, unescape
from typing import Any, Final

from crosspost.model import Parts, Remote
from crosspost.publishers import _marks

ASKED: Final = {"formats": "lexical,html", "include": "tags,email"}
LIVE: Final = ("published", "scheduled", "sent")
_META: Final = re.compile(r'(?:(?<!\s)\s+)?<meta name="crosspost" content="[^"<>]{0,400}">\s*')
_VOLATILE: Final = frozenset({"version", "direction", "mode", "detail", "indent", "textFormat",
                              "textStyle", "visibility", "width", "height"})  # fmt: skip
"""What the editor fills in on its own when it saves what it was given."""
_TEXTS: Final = ("title", "fileTitle", "fileCaption", "fileName", "code", "buttonText",
                 "description", "publisher", "author")  # fmt: skip
_HTMLS: Final = ("calloutEmoji", "calloutText", "heading", "content", "caption", "html", "markdown")
_DEEPEST: Final = 200
"""No text of ours or of an editor's nests like this."""
_WRAPPED: Final = frozenset({"caption", "heading", "content", "calloutText"})
_HREF: Final = re.compile(r'href="([^"]*)"')
_BLOCKS: Final = frozenset({"paragraph", "extended-heading", "heading", "extended-quote", "quote",
                            "aside", "listitem"})  # fmt: skip
_ENDS: Final = re.compile(r"<br\s*/?>|</(?:p|h\d|li|tr|figcaption|summary|pre|div)>")
_SIZES: Final = re.compile(
    r'<(div|span) class="kg-(?:file-card-filesize|video-duration|audio-duration)">[^<]*</\1>'
)


def remote(found: Mapping[str, Any]) -> Remote:
    """The article as the site tells of it."""
    known = mark(found)
    return Remote(
        id=str(found.get("id")),
        url=str(found.get("url") or ""),
        version=version(found),
        digest=known.digest if known and not known.touched else "",
        status="live" if found.get("status") in LIVE else "draft",
        parts=parts(found),
    )


# --- The mark ---


def mark(found: Mapping[str, Any]) -> _marks.Mark | None:
    """What the article's mark says."""
    return _marks.read(_title(found), f"{words(found)}<!-- {_head(found)} -->")


def marked(found: Mapping[str, Any], given: str) -> str:
    """The article's code injection with this mark in it, and all that others put there."""
    return f'{_META.sub("", _head(found))}\n<meta name="crosspost" content="{given}">'.lstrip()


def renewed(found: Mapping[str, Any]) -> str:
    """The code injection, its mark true to the words that the site made of the article."""
    before = f"{words(found)}<!-- "
    return _marks.renewed(_title(found), f"{before}{_head(found)} -->")[len(before) : -4]


def said(title: str, html: str, excerpt: str, caption: str) -> tuple[str, str]:
    """The title and the words of an article that is sent, as ``words`` finds them in the end."""
    lead = escape(excerpt, quote=False)
    return escape(title, quote=False), f"{lead}\n{caption}\n{_SIZES.sub('', html)}"


def words(found: Mapping[str, Any]) -> str:
    """All that the article says beside its headline, as HTML."""
    lead = escape(_text(found, "custom_excerpt"), quote=False)
    caption = _text(found, "feature_image_caption")
    return f"{lead}\n{caption}\n" + "\n".join(_lines(_root(found)))


def _head(found: Mapping[str, Any]) -> str:
    return _text(found, "codeinjection_head")


def _title(found: Mapping[str, Any]) -> str:
    return escape(_text(found, "title"), quote=False)


# --- Versions ---


def version(found: Mapping[str, Any]) -> str:
    """What changes when someone changes what we would overwrite."""
    held = [
        *(_text(found, name) for name in ("title", "custom_excerpt", "feature_image_alt")),
        _text(found, "feature_image").partition("?")[0],
        _said(_text(found, "feature_image_caption")),
        tags(found),
        _bare(_root(found)) or _text(found, "mobiledoc") or _plain(_text(found, "html")),
    ]
    data = json.dumps(held, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    return f"{found.get('status')}|{sha256(data).hexdigest()[:24]}"


def same(left: str, now: str) -> bool:
    """Whether the article is as it was left. Publishing a draft as it is changes nothing."""
    (before, _, text), (after, _, found) = left.partition("|"), now.partition("|")
    return left == now or (before == "draft" and after in LIVE and bool(text) and text == found)


def _bare(node: Any) -> Any:
    """A node of the text without what an editor's saving fills in."""
    if isinstance(node, Mapping):
        return {
            key: _said(value) if key in _WRAPPED and isinstance(value, str) else _bare(value)
            for key, value in node.items()
            if key not in _VOLATILE and value not in (None, "", 0, False)
        }
    return [_bare(one) for one in node] if isinstance(node, list) else node


def _said(html: str) -> list[str]:
    """The words and the links of a caption: its saving wraps them in marks of the editor's own."""
    return [_plain(html), *_HREF.findall(html)]


# --- What it says ---


def parts(found: Mapping[str, Any]) -> Parts:
    """What a visitor reads of the article, part by part."""
    text = "\n".join(_lines(_root(found))) or _text(found, "html")
    lines = (_plain(line) for line in _ENDS.sub("\n", text).split("\n"))
    return Parts(
        title=_text(found, "title"),
        lead=_text(found, "custom_excerpt"),
        text="\n".join(line for line in lines if line),
        tags=tuple(tags(found)),
    )


def theirs(found: Mapping[str, Any]) -> str:
    """The article's words, for a diff."""
    said = parts(found)
    told = [said.title, said.lead, *said.text.split("\n")]
    return "\n\n".join(line for line in told if line)


def tags(found: Mapping[str, Any]) -> list[str]:
    """The names of its tags, in their order."""
    given = found.get("tags")
    rows = given if isinstance(given, list) else []
    return [str(one.get("name") or "") for one in rows if isinstance(one, dict)]


def _root(found: Mapping[str, Any]) -> Any:
    """The text's Lexical, {} where there is none."""
    try:
        state = json.loads(_text(found, "lexical") or "{}")
    except (ValueError, RecursionError):
        return {}
    root = state.get("root") if isinstance(state, dict) else None
    return root if isinstance(root, dict) and _is_shallow(root, _DEEPEST) else {}


def _is_shallow(node: Any, left: int) -> bool:
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return left > 0 and all(_is_shallow(one, left - 1) for one in inside)


def _lines(node: Any) -> Iterator[str]:
    """The words of a node as HTML, a line a paragraph."""
    if not isinstance(node, Mapping):
        return
    kind, children = str(node.get("type")), node.get("children")
    if kind in _BLOCKS:
        inside = [one for one in _listed(children) if one.get("type") != "list"]
        yield "".join(_inline(one) for one in inside)
        for one in _listed(children):
            if one.get("type") == "list":
                yield from _lines(one)
    elif isinstance(children, list) and children:
        for one in _listed(children):
            yield from _lines(one)
    else:
        yield from _card(node)


def _card(node: Mapping[str, Any]) -> Iterator[str]:
    given = node.get("metadata")
    held = {**node, **(given if isinstance(given, dict) else {})}
    for name in _HTMLS[:1] + _TEXTS + _HTMLS[1:]:
        value = held.get(name)
        if isinstance(value, str) and value:
            yield escape(value, quote=False) if name in _TEXTS else value


def _inline(node: Any) -> str:
    if not isinstance(node, Mapping):
        return ""
    if node.get("type") == "linebreak":
        return "<br>"
    if isinstance(node.get("text"), str):
        return escape(node["text"], quote=False)
    return "".join(_inline(one) for one in _listed(node.get("children")))


def _listed(children: Any) -> list[Mapping[str, Any]]:
    return (
        [one for one in children if isinstance(one, Mapping)] if isinstance(children, list) else []
    )


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _plain(html: str) -> str:
    return " ".join(unescape(_marks.bare(html)).split())
