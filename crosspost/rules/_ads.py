"""The marks of an advertisement: «Реклама», an erid, an advertiser (https://erir.grfc.ru)."""

import re
from typing import Final

from crosspost.model import Post

_TAGS: Final = frozenset(
    {"реклама", "ad", "ads", "промо", "promo", "партнёрский", "спонсор", "sponsored"}
)
_HASHTAG: Final = re.compile(r"(?<![\w#&/])#(\w+)")
_ERID: Final = re.compile(r"\berid\b\s*[:=\s]\s*[\w-]{4,}", re.IGNORECASE)
_ERID_IN_LINK: Final = re.compile(r"[?&#]erid=[\w-]+", re.IGNORECASE)
_LABEL: Final = re.compile(
    r"^[^\w\n]*(?:на правах рекламы|реклама|рекламный пост|advertisement"
    r"|sponsored(?: post)?|paid partnership)"
    r"(?:\s*\d+\+)?\s*(?:[.:,|•·/—–-]|$|(?=(?:ооо|ип|ао|пао|зао|ано|инн)\b))"
    r"|\bреклам[аы]\.?\s*(?:рекламодатель|(?:ооо|ип|ао|пао|зао|ано|инн)\b)|\bрекламодатель\s*:",
    re.IGNORECASE | re.MULTILINE,
)


def advertising(post: Post) -> str:
    """The words that mark the post as an advertisement, "" if there are none."""
    tags = (match for match in _HASHTAG.finditer(post.text) if match[1].casefold() in _TAGS)
    found = _ERID.search(post.text) or _LABEL.search(post.text) or next(tags, None)
    if found:
        return " ".join(found[0].split()).strip(" .,:;|•·/—–-")
    addresses = [entity.value for entity in post.entities if entity.type == "text_link"]
    addresses += [post.text] if "erid=" in post.text.lower() else []
    addresses += [post.link_preview.url] if post.link_preview else []
    marked = (match for address in addresses for match in [_ERID_IN_LINK.search(address)] if match)
    inside = next(marked, None)
    return inside[0][1:] if inside else ""
