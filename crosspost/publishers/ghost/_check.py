"""Whether a Ghost can be written, step by step."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from crosspost.errors import CrosspostError
from crosspost.publishers import Finding, Refused, Unknown
from crosspost.publishers._web import Missing
from crosspost.publishers.ghost._client import Client, Collision
from crosspost.publishers.ghost._tags import Tags

if TYPE_CHECKING:
    from crosspost.publishers.ghost._settings import GhostSettings

_SKEW: Final = 120
_STEPS: Final = ("the Admin API", "the key", "the clock", "the author", "the category",
                 "the newsletter", "a draft")  # fmt: skip
_HTML: Final = (
    "<p><strong>one</strong></p><!--kg-card-begin: html--><details><summary>two</summary><p>three"
    "</p></details><!--kg-card-end: html-->"
)


def findings(
    client: Client, tags: Tags, settings: "GhostSettings", *, write: bool
) -> list[Finding]:
    """What was looked at, until something is not well that the rest stands on."""
    found: list[Finding] = []
    steps = (_api, _key, _clock, _author, _category, _newsletter, _draft)
    for what, step in zip(_STEPS, steps, strict=True):
        if step is _draft and not write:
            continue
        try:
            told = step(client, tags, settings)
        except (CrosspostError, Refused, Unknown, Missing, Collision) as error:
            said, _, remedy = str(error).partition(". ")
            return [*found, Finding(what=what, ok=False, detail=said, remedy=remedy)]
        if told:
            found.append(told)
    return found


def _api(client: Client, tags: Tags, settings: "GhostSettings") -> Finding:
    site = client.get("site/").get("site")
    told: dict[str, Any] = site if isinstance(site, dict) else {}
    version = str(told.get("version") or "")
    major = version.partition(".")[0]
    if not major.isdigit():
        return Finding(
            what=_STEPS[0],
            ok=False,
            detail=f"{settings.url} answers, but not as a Ghost does",
            remedy="Put the address that the admin panel has before /ghost/ as «url».",
        )
    old = int(major) < 5
    remedy = "Update the site to Ghost 5 or newer." if old else ""
    detail = f"{told.get('title') or settings.url} answers, Ghost {version}"
    return Finding(what=_STEPS[0], ok=not old, detail=detail, remedy=remedy)


def _key(client: Client, tags: Tags, settings: "GhostSettings") -> Finding:
    client.rows("posts", {"limit": 1, "fields": "id"})
    return Finding(what=_STEPS[1], ok=True, detail="an integration's, which may write articles")


def _clock(client: Client, tags: Tags, settings: "GhostSettings") -> Finding:
    moment = client.clock
    off = abs((moment - datetime.now(UTC)).total_seconds()) if moment else 0
    ok = off < _SKEW
    return Finding(
        what=_STEPS[2],
        ok=ok,
        detail="in step with the site's" if ok else f"{int(off // 60)} minutes off the site's",
        remedy=""
        if ok
        else "Set the clock of this machine or of the site's: a key is good for five minutes.",
    )


def _author(client: Client, tags: Tags, settings: "GhostSettings") -> Finding | None:
    if not settings.author:
        return None
    person = author(client, settings)
    return Finding(what=_STEPS[3], ok=True, detail=str(person.get("name") or settings.author))


def _category(client: Client, tags: Tags, settings: "GhostSettings") -> Finding | None:
    if not settings.category:
        return None
    there = tags.is_there(settings.category)
    detail = "is there, as a tag" if there else "is not there, and will be made as a tag"
    return Finding(what=f"the category «{settings.category}»", ok=True, detail=detail)


def _newsletter(client: Client, tags: Tags, settings: "GhostSettings") -> Finding:
    if not settings.newsletter:
        return Finding(what=_STEPS[5], ok=True, detail="none: articles are never sent by mail")
    rows = client.every("newsletters", {"fields": "id,slug,name,status"})
    active = [one for one in rows if one.get("status") == "active"]
    names = ", ".join(str(one.get("slug")) for one in active) or "none"
    if settings.newsletter not in [one.get("slug") for one in active]:
        remedy = f"Put one of these as «newsletter»: {names}."
        detail = f"«{settings.newsletter}» is not among the site's newsletters"
        return Finding(what=_STEPS[5], ok=False, detail=detail, remedy=remedy)
    detail = f"«{settings.newsletter}» is sent to its members with each new article"
    return Finding(what=_STEPS[5], ok=True, detail=detail)


def _draft(client: Client, tags: Tags, settings: "GhostSettings") -> Finding:
    """Makes a draft, looks what the site kept of it, and removes it again."""
    data = {"title": "crosspost doctor", "html": _HTML, "status": "draft"}
    params = {"source": "html", "formats": "lexical,html"}
    made = client.send("POST", "posts", data, params=params)
    client.send("DELETE", "posts", name=str(made.get("id")))
    html = str(made.get("html") or "")
    lost = [name for name in ("<strong>", "<details>", "<summary>") if name not in html]
    return Finding(
        what=_STEPS[6],
        ok=not lost,
        detail="was made and removed again; "
        + (f"the site dropped {', '.join(lost)}" if lost else "the site kept all of its text"),
        remedy="Look at what is installed beside Ghost: it keeps these by itself." if lost else "",
    )


def author(client: Client, settings: "GhostSettings") -> dict[str, Any]:
    """The person that articles are written as. Raises ``PublisherError``."""
    from crosspost.errors import PublisherError

    wanted = settings.author.casefold()
    people = client.every("users", {"fields": "id,slug,email,name"})
    for person in people:
        if wanted in (str(person.get("slug")).casefold(), str(person.get("email")).casefold()):
            return person
    slugs = ", ".join(str(one.get("slug")) for one in people[:20])
    raise PublisherError(
        f"{settings.url} has no person «{settings.author}» on its staff. Put a slug or an email of "
        f"its staff as «author» (there are: {slugs}), or invite that person (Settings, Staff)."
    )
