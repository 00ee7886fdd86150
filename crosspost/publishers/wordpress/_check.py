"""Whether a WordPress site can be written, step by step, changing nothing."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from crosspost.errors import CrosspostError
from crosspost.publishers import Finding, Refused, Unknown
from crosspost.publishers._web import Missing
from crosspost.publishers.wordpress._client import Client
from crosspost.publishers.wordpress._terms import Terms

if TYPE_CHECKING:
    from crosspost.publishers.wordpress import WordPressSettings

_SKEW: Final = 300
_RIGHTS: Final = {
    "edit_posts": "write articles",
    "publish_posts": "publish articles",
    "edit_published_posts": "correct published articles",
    "delete_published_posts": "take published articles away",
    "upload_files": "upload pictures and files",
}


def findings(client: Client, terms: Terms, settings: "WordPressSettings") -> list[Finding]:
    """What was looked at, until something is not well that the rest stands on."""
    found: list[Finding] = []
    try:
        _look(client, terms, settings, found)
    except (CrosspostError, Refused, Unknown, Missing) as error:
        said, _, remedy = str(error).partition(". ")
        found.append(Finding(what=_STEPS[min(len(found), 4)], ok=False, detail=said, remedy=remedy))
    return found


_STEPS: Final = (
    "REST",
    "the user",
    "the clock",
    "the kind of article",
    "the category",
    "the rest",
    "",
)


def _look(
    client: Client, terms: Terms, settings: "WordPressSettings", found: list[Finding]
) -> None:
    root = client.root()
    name = root.get("name") or settings.url
    found.append(Finding(what="REST", ok=True, detail=f"{name} answers"))
    me = client.row("users/me", {"context": "edit", "_fields": "id,name,roles,capabilities"})
    found.append(_rights(me, settings))
    found.append(_clock(client))
    client.rows(settings.post_type, {"context": "edit", "per_page": 1, "_fields": "id"})
    found.append(Finding(what="the kind of article", ok=True, detail=settings.post_type))
    if settings.category:
        found.append(_category(terms, me, settings.category))


def _rights(me: dict[str, Any], settings: "WordPressSettings") -> Finding:
    has = me.get("capabilities") or {}
    wanted = dict(_RIGHTS)
    if settings.status != "publish":
        wanted = {key: wanted[key] for key in ("edit_posts", "upload_files")}
    if settings.author:
        wanted["edit_others_posts"] = "write in another's name"
    lacking = [words for right, words in wanted.items() if not has.get(right)]
    roles = ", ".join(map(str, me.get("roles") or ())) or "no role"
    detail = f"{me.get('name') or settings.user} ({roles})"
    if lacking:
        remedy = "Give the user the role of " + ("Editor" if settings.author else "Author")
        return Finding(
            what="the user",
            ok=False,
            detail=f"{detail} may not {'; '.join(lacking)}",
            remedy=f"{remedy}: Users, Edit, Role.",
        )
    kept = "as it is sent" if has.get("unfiltered_html") else "through the filter for authors"
    return Finding(what="the user", ok=True, detail=f"{detail}; what it writes is kept {kept}")


def _clock(client: Client) -> Finding:
    moment = client.clock
    off = abs((moment - datetime.now(UTC)).total_seconds()) if moment else 0
    ok = off < _SKEW
    return Finding(
        what="the clock",
        ok=ok,
        detail="in step with the site's" if ok else f"{int(off // 60)} minutes off the site's",
        remedy="" if ok else "Set the clock of this machine or of the site's.",
    )


def _category(terms: Terms, me: dict[str, Any], name: str) -> Finding:
    what = f"the category «{name}»"
    if terms.find_category(name):
        return Finding(what=what, ok=True, detail="is there")
    if (me.get("capabilities") or {}).get("manage_categories"):
        return Finding(what=what, ok=True, detail="is not there, and will be made")
    return Finding(
        what=what,
        ok=False,
        detail="is not there, and this user may not make one",
        remedy="Make it on the site: Posts, Categories.",
    )
