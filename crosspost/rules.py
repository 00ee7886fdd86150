"""Which posts go, wait for a person, or stay behind, each with its reason. Pure.

Rules are asked in order and the first that has something to say decides; if none has, the post is
published.
"""

import re
from typing import Final, Literal

from crosspost.model import Article, Post, Record

Action = Literal["publish", "hold", "skip"]

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


class RuleSet(Record, frozen=True):
    """What a blog wants: ``advertisements`` and ``empty`` say what becomes of posts that are
    marked as advertising (https://erir.grfc.ru: «Реклама», an erid) and of those that would make
    an article with nothing in it."""

    advertisements: Action = "hold"
    empty: Action = "hold"


class Verdict(Record, frozen=True):
    """``reason`` is a sentence for the editor, ``rule`` the name of the rule that decided."""

    action: Action
    reason: str
    rule: str


def judge(post: Post, article: Article, rules: RuleSet) -> Verdict:
    """What becomes of the post."""
    mark = advertising(post) if rules.advertisements != "publish" else ""
    if mark:
        reason = f"The post is marked as an advertisement («{mark}»)"
        return Verdict(action=rules.advertisements, reason=reason, rule="advertisement")
    if rules.empty != "publish" and is_empty(article):
        reason = "The article would have nothing to show"
        return Verdict(action=rules.empty, reason=reason, rule="empty")
    return Verdict(action="publish", reason="No rule speaks against it", rule="default")


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


def is_empty(article: Article) -> bool:
    """Whether a reader would find nothing below the headline, which itself says nothing."""
    from_text = any(span.part == "headline" for span in article.spans)
    return not (article.body or article.lead or article.cover is not None or from_text)
