"""Whether a WordPress site can be written, step by step."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from crosspost.errors import CrosspostError, PublisherError
from crosspost.publishers import Finding, Refused, Unknown
from crosspost.publishers.wordpress._client import Client
from crosspost.publishers.wordpress._stored import raw
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


_PIECES: Final = {
    "folded text": "<details><summary>a</summary><p>b</p></details>",
    "tables": "<table><tbody><tr><td>a</td></tr></tbody></table>",
    "quotations": "<blockquote><p>a</p><cite>b</cite></blockquote>",
    "captions": "<figure><figcaption>a</figcaption></figure>",
    "code": '<pre><code class="language-python">a</code></pre>',
    "hidden text": '<span class="crosspost-spoiler">a</span>',
    "struck and underlined text": "<s>a</s><u>b</u>",
    "video": '<video controls src="https://example.com/a.mp4"></video>',
    "sound": '<audio controls src="https://example.com/a.mp3"></audio>',
    "pictures": '<img src="https://example.com/a.jpg" alt="a" />',
}
"""What an article may hold, as a site without filters keeps it."""
_TITLE: Final = "A trial of Crosspost, to be removed"


def findings(
    client: Client, terms: Terms, settings: "WordPressSettings", *, write: bool = False
) -> list[Finding]:
    """What was looked at, until something is not well that the rest stands on."""
    found: list[Finding] = []
    me: dict[str, Any] = {}
    steps: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("REST", lambda: _rest(client, settings)),
        ("the user", lambda: _user(client, settings, me)),
        ("the clock", lambda: iter([_clock(client)])),
        ("the kind of article", lambda: _kind(client, settings)),
    ]
    if settings.category:
        steps.append(("the category", lambda: iter([_category(terms, me, settings.category)])))
    for what, step in steps:
        if not _done(found, what, step):
            return found
    if write and all(one.ok for one in found):
        _done(found, "a trial draft", lambda: _trial(client, settings))
    return found


def _done(found: list[Finding], what: str, step: Callable[[], Iterator[Finding]]) -> bool:
    """Whether the step could be done; what it found stands in ``found`` then."""
    try:
        found += step()
    except (CrosspostError, Refused, Unknown) as error:
        said, _, remedy = str(error).partition(". ")
        found.append(Finding(what=what, ok=False, detail=said, remedy=remedy))
        return False
    return True


def _rest(client: Client, settings: "WordPressSettings") -> Iterator[Finding]:
    name = client.root().get("name") or settings.url
    yield Finding(what="REST", ok=True, detail=f"{name} answers, and sees who asks")


def _user(client: Client, settings: "WordPressSettings", me: dict[str, Any]) -> Iterator[Finding]:
    me |= client.row("users/me", {"context": "edit", "_fields": "id,name,roles,capabilities"})
    yield _rights(me, settings)


def _kind(client: Client, settings: "WordPressSettings") -> Iterator[Finding]:
    client.rows(settings.post_type, {"context": "edit", "per_page": 1, "_fields": "id"})
    yield Finding(what="the kind of article", ok=True, detail=settings.post_type)


def _trial(client: Client, settings: "WordPressSettings") -> Iterator[Finding]:
    """A draft, what became of its text, and its end. One that an earlier trial left goes too."""
    asked = {"context": "edit", "_fields": "id,title", "status": "draft", "per_page": 20}
    for old in client.rows(settings.post_type, {**asked, "search": _TITLE}):
        if raw(old, "title") == _TITLE:
            _delete(client, settings, old)
    content = "\n\n".join(_PIECES.values())
    data = {"title": _TITLE, "content": content, "status": "draft"}
    made = client.send(settings.post_type, data, params={"context": "edit"})
    try:
        kept = raw(made, "content")
        lost = [name for name, piece in _PIECES.items() if piece not in kept]
        told = f"the site's filter drops {', '.join(lost)}" if lost else "all of it is kept"
        yield Finding(what="the text of a trial draft", ok=True, detail=told)
    finally:
        _delete(client, settings, made)
    yield Finding(what="a trial draft", ok=True, detail=f"{made.get('id')} was made and deleted")


def _delete(client: Client, settings: "WordPressSettings", draft: Mapping[str, Any]) -> None:
    path = f"{settings.post_type}/{int(draft['id'])}"
    try:
        client.send(path, method="DELETE", params={"force": "true"})
    except (CrosspostError, Refused, Unknown) as error:
        raise PublisherError(
            f"The trial draft {draft['id']} could not be deleted ({error}). Delete «{_TITLE}» "
            "among the drafts of the site, and look at what this user may do."
        ) from error


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


def _category(terms: Terms, me: Mapping[str, Any], name: str) -> Finding:
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
