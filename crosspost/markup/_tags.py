"""What a tag of Telegram's own HTML means."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_KINDS: Final = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "del": "strikethrough",
    "strike": "strikethrough",
    "code": "code",
    "pre": "pre",
    "mark": "marked",
    "sub": "subscript",
    "sup": "superscript",
    "blockquote": "blockquote",
    "tg-spoiler": "spoiler",
    "tg-emoji": "custom_emoji",
    "tg-time": "date",
    "aside": "pullquote",
    "footer": "footer",
    "ul": "list",
    "ol": "list",
    "li": "item",
    "table": "table",
    "caption": "caption",
    "tr": "row",
    "th": "cell",
    "td": "cell",
    "details": "details",
    "summary": "summary",
    "hr": "divider",
}
_CLASSES: Final = {
    "spoiler": "spoiler",
    "tg-spoiler": "spoiler",
    "rich_custom_emoji": "custom_emoji",
    "rich_math_inline": "math",
    "rich_math_display": "math_block",
}
_UNSAID: Final = frozenset({
    "media_wrap", "rich_source_meta", "rich_task_marker", "rich_order_marker", "rich_button_row",
    "rich_fallback", "rich_inline_fallback",
})  # fmt: skip
"""Classes of what Desktop writes itself: file cards, markers, "Unsupported rich content"."""
_SILENT: Final = frozenset({"script", "style", "template", "head", "title", "noscript", "iframe"})
_APART: Final = frozenset({
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "details", "aside", "footer", "address",
    "figure", "section", "hr",
})  # fmt: skip
_LINES: Final = frozenset({
    "li", "tr", "caption", "summary", "div", "cite", "figcaption", "ul", "ol",
})  # fmt: skip
_CALLS: Final = {
    "ShowHashtag": "hashtag",
    "ShowCashtag": "cashtag",
    "ShowBotCommand": "bot_command",
    "ShowMentionName": "mention_name",
    "ShowNotLoadedEmoji": "custom_emoji",
    "ShowNotAvailableEmoji": "custom_emoji",
}
_CALL: Final = re.compile(r"(Show\w+)\s*\(")
_MENTION: Final = re.compile(r"(?:https?://)?(?:t\.me|telegram\.me)/(\w+)/?", re.ASCII | re.I)
_SCHEME: Final = re.compile(r"^https?://", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"(?:^|\s)language-(\S+)")
_USER: Final = re.compile(r"tg://user\?id=(\d+)", re.ASCII)
_STICKER: Final = re.compile(r"\.(?:webp|tgs|webm|png)$", re.IGNORECASE)
_ALIGN: Final = re.compile(r"\brich_align_(center|right)\b")

Attributes = Mapping[str, str]


def classes(attributes: Attributes) -> list[str]:
    """The names in ``class``."""
    told = attributes.get("class")
    return told.split() if told else []


def is_silent(name: str, attributes: Attributes) -> bool:
    """Whether nothing inside is the author's."""
    return name in _SILENT or not _UNSAID.isdisjoint(classes(attributes))


def is_emoji(name: str, attributes: Attributes) -> bool:
    """Whether the tag holds one emoji, whatever else is inside for its picture."""
    if name == "tg-emoji":
        return True
    return (name == "i" and "emoji" in classes(attributes)) or (
        name == "span" and "rich_custom_emoji" in classes(attributes)
    )


def gap(name: str, attributes: Attributes) -> int:
    """How many newlines part the tag from what stands before and after it. A quotation or code
    of an ordinary message has its newlines in the text."""
    if name in _APART or "rich_block" in classes(attributes):
        return 2
    return int(name in _LINES)


def kind(name: str, attributes: Attributes) -> str:
    """The type of the entity that the tag is, "" for none. Links are told by ``link``."""
    if name == "i" and is_emoji(name, attributes):
        return ""
    if len(name) == 2 and name[0] == "h" and name[1] in "123456":
        return "heading"
    if name in ("span", "div"):
        return next((_CLASSES[one] for one in classes(attributes) if one in _CLASSES), "")
    return _KINDS.get(name, "")


def value(type_: str, attributes: Attributes) -> str:
    """The entity's value."""
    if type_ == "pre":
        return language(attributes)
    if type_ == "custom_emoji":
        return attributes.get("emoji-id", "") or attributes.get("data-document-id", "")
    return attributes.get("unix", "") if type_ == "date" else ""


def language(attributes: Attributes) -> str:
    """The programming language of ``pre`` or of the ``code`` in it."""
    found = _LANGUAGE.search(attributes.get("class", ""))
    return found[1] if found else attributes.get("data-language", attributes.get("language", ""))


def details(type_: str, name: str, attributes: Attributes) -> dict[str, str]:
    """The entity's attributes."""
    names = classes(attributes)
    told: dict[str, str | None] = {}
    if type_ == "blockquote":
        folded = "expandable" in attributes or {"expandable", "collapsed"} & set(names)
        told["collapsed"] = "true" if folded else None
    elif type_ == "heading":
        told["level"] = name[1]
    elif type_ == "list" and name == "ol":
        told["ordered"] = "true"
        told["start"] = attributes.get("start")
        told["reversed"] = "true" if "reversed" in attributes else None
    elif type_ == "item":
        told["checked"] = attributes.get("aria-checked")
    elif type_ == "table":
        told |= {one: "true" for one in ("bordered", "striped") if one in names}
    elif type_ == "details":
        told["open"] = "true" if "open" in attributes else None
    elif type_ == "cell":
        align = _ALIGN.search(attributes.get("class", ""))
        told["header"] = "true" if name == "th" else None
        told |= {one: attributes.get(one) for one in ("colspan", "rowspan")}
        told["align"] = align[1] if align else None
    return {one: word for one, word in told.items() if word is not None}


# --- Links --------------------------------------------------------------------------------------


def link(attributes: Attributes, text: str) -> tuple[str, str]:
    """What a link around this text is, and its value; "" for none."""
    href = attributes.get("href", "").strip()
    call = _CALL.search(attributes.get("onclick", ""))
    if call and call[1] in _CALLS:
        return _CALLS[call[1]], ""
    if not href or href.startswith("#"):
        return "", ""
    sought = unquote(href.rpartition("?q=")[2]) if "?q=" in href else ""
    if text[:1] in ("#", "$") and sought == text.partition("@")[0]:
        return ("hashtag" if text[0] == "#" else "cashtag"), ""
    user = _USER.fullmatch(href)
    if user:
        return "mention_name", user[1]
    scheme, _, rest = href.partition(":")
    if scheme == "mailto":
        return ("email", "") if _same(rest, text) else ("text_link", href)
    if scheme == "tel":
        return ("phone", "") if _digits(rest) == _digits(text) else ("text_link", href)
    mention = _MENTION.fullmatch(href)
    if mention and text.lower() == f"@{mention[1]}".lower():
        return "mention", ""
    if _STICKER.search(href) and ":" not in href and not href.startswith("/"):
        return "custom_emoji", ""
    href = _unwrapped(href)
    return ("url", "") if _same(href, text) else ("text_link", href)


def _unwrapped(href: str) -> str:
    """The page behind the address of its Instant View."""
    try:
        parts = urlsplit(href)
        if parts.hostname == "t.me" and parts.path == "/iv":
            return parse_qs(parts.query).get("url", [href])[0]
    except ValueError:
        pass
    return href


def _same(address: str, text: str) -> bool:
    """Whether the text is the address, as far as Telegram changes one for the other."""
    first, second = (
        _SCHEME.sub("", unquote(one).strip()).rstrip("/").lower() for one in (address, text)
    )
    return first == second


def _digits(number: str) -> str:
    return re.sub(r"\D", "", unquote(number))
