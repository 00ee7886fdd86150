"""Whether a WordPress site can be written, step by step."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from crosspost.errors import CrosspostError, PublisherError
from crosspost.publishers import Finding, Refused, Unknown
from crosspost.publishers._web import Answer, Web
from crosspost.publishers.wordpress._client import Client
from crosspost.publishers.wordpress._limits import limits
from crosspost.publishers.wordpress._stored import raw
from crosspost.publishers.wordpress._terms import Terms

if TYPE_CHECKING:
    from crosspost.publishers.wordpress import WordPressSettings

_HEADER: Final = "the Authorization header"
_SKEW: Final = 300
_RIGHTS: Final = {
    "edit_posts": "write articles",
    "publish_posts": "publish articles",
    "edit_published_posts": "correct published articles",
    "delete_published_posts": "take published articles away",
    "upload_files": "upload pictures and files",
}


_PIECES: Final = {
    "blocks": '<!-- wp:paragraph {"className":"crosspost-lead"} -->\n'
    '<p class="crosspost-lead">a</p>\n<!-- /wp:paragraph -->',
    "headings": '<!-- wp:heading {"level":3} -->\n<h3 class="wp-block-heading">a</h3>\n'
    "<!-- /wp:heading -->",
    "lists": '<ol reversed start="3"><li>a<ul><li>b</li></ul></li></ol>',
    "lines": '<hr class="wp-block-separator has-alpha-channel-opacity"/>',
    "galleries": '<figure class="wp-block-gallery has-nested-images columns-default is-cropped">'
    "</figure>",
    "files": '<div class="wp-block-file"><a href="https://example.com/a.pdf">a</a></div>',
    "folded text": "<details><summary>a</summary><p>b</p></details>",
    "tables": "<table><tbody><tr><td>a</td></tr></tbody></table>",
    "quotations": "<blockquote><p>a</p><cite>b</cite></blockquote>",
    "captions": "<figure><figcaption>a</figcaption></figure>",
    "code": '<pre><code class="language-python">a</code></pre>',
    "hidden text": '<span class="crosspost-spoiler">a</span>',
    "struck and underlined text": "<s>a</s><u>b</u>",
    "video": '<video controls src="https://example.com/a.mp4"></video>',
    "sound": '<audio controls src="https://example.com/a.mp3"></audio>',
    "pictures": '<img src="https://example.com/a.jpg" alt="a"/>',
}
"""What an article may hold, as a site without filters keeps it."""
_TITLE: Final = "A trial of Crosspost, to be removed"


def findings(
    client: Client, terms: Terms, settings: "WordPressSettings", *, write: bool = False
) -> list[Finding]:
    """What was looked at, until something is not well that the rest stands on."""
    found: list[Finding] = []
    me: dict[str, Any] = {}
    seen: list[Finding] = []
    if not _done(found, "REST", lambda: _rest(client, settings, seen)):
        return found
    found += seen
    if not found[-1].ok:
        return found
    steps: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("the user", lambda: _user(client, settings, me)),
        ("the clock", lambda: iter([_clock(client)])),
        ("the kind of article", lambda: _kind(client, settings)),
    ]
    if settings.category:
        steps.append(("the category", lambda: iter([_category(terms, me, settings.category)])))
    if settings.author:
        steps.append((f"the author «{settings.author}»", lambda: _author(client, settings)))
    for what, step in steps:
        if not _done(found, what, step):
            return found
    well = write and all(one.ok for one in found)
    if well and _done(found, "a trial draft", lambda: _trial(client, settings, me)):
        _done(found, "the size of files", lambda: limits(client))
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


def _rest(client: Client, settings: "WordPressSettings", seen: list[Finding]) -> Iterator[Finding]:
    """Whether REST answers; ``seen`` gets whether it sees who asks."""
    try:
        name = client.root().get("name") or settings.url
    except PublisherError as error:
        shown = _public(settings)
        if not shown:
            raise
        seen.append(_unseen(shown, str(error)))
        name = shown.get("name") or settings.url
    else:
        seen.append(Finding(what=_HEADER, ok=True, detail="arrives, and the password is right"))
    yield Finding(what="REST", ok=True, detail=f"{str(name)[:100]} answers")


def _public(settings: "WordPressSettings") -> dict[str, Any]:
    """What the site's REST tells a visitor; nothing where it does not."""

    def read(answer: Answer) -> dict[str, Any]:
        try:
            found = json.loads(answer.body)
        except ValueError:
            return {}
        well = isinstance(found, dict) and "wp/v2" in (found.get("namespaces") or ())
        return found if well else {}

    with closing(Web(settings.url, min(settings.timeout, 20))) as web:
        for path in ("wp-json/", "?rest_route=/"):
            try:
                if found := web.ask("GET", f"{settings.url}{path}", read, question=True):
                    return found
            except (CrosspostError, Unknown):
                return {}
    return {}


def _unseen(shown: Mapping[str, Any], said: str) -> Finding:
    """Why a site that answers visitors does not let this user in. ``authentication`` names the ways
    to log in: https://developer.wordpress.org/rest-api/reference/ and WP_REST_Server::get_index."""
    words, _, remedy = said.partition(". ")
    if "application-passwords" not in (shown.get("authentication") or ()):
        return Finding(
            what="application passwords",
            ok=False,
            detail="are switched off on this site, or it does not know that it is behind https",
            remedy="Allow them in the security plugin (Wordfence: All Options, Disable WordPress "
            "application passwords). Behind a proxy, put this at the top of wp-config.php: "
            "if (($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') $_SERVER['HTTPS'] = 'on';",
        )
    wrong = "does not know this user" in said  # else some sites do not tell one from the other
    what = "the password" if wrong else f"the password, or {_HEADER}"
    return Finding(what=what, ok=False, detail=words, remedy=remedy)


def _user(client: Client, settings: "WordPressSettings", me: dict[str, Any]) -> Iterator[Finding]:
    me |= client.row("users/me", {"context": "edit", "_fields": "id,name,roles,capabilities"})
    yield _rights(me, settings)


def _kind(client: Client, settings: "WordPressSettings") -> Iterator[Finding]:
    client.rows(settings.post_type, {"context": "edit", "per_page": 1, "_fields": "id"})
    yield Finding(what="the kind of article", ok=True, detail=settings.post_type)


def _author(client: Client, settings: "WordPressSettings") -> Iterator[Finding]:
    asked = {
        "search": settings.author,
        "who": "authors",
        "per_page": 100,
        "_fields": "slug",
    }
    names = {str(one.get("slug", "")).casefold() for one in client.rows("users", asked)}
    there = settings.author.casefold() in names
    yield Finding(
        what=f"the author «{settings.author}»",
        ok=there,
        detail="is there" if there else "is no user that the site shows",
        remedy="" if there else "Look at «author»: it is the login name (Users, All Users).",
    )


def _trial(
    client: Client, settings: "WordPressSettings", me: Mapping[str, Any]
) -> Iterator[Finding]:
    """A draft, what became of its text, and its end. One that an earlier trial left goes too."""
    _clear(client, settings, me)
    content = "\n\n".join(_PIECES.values())
    data = {"title": _TITLE, "content": content, "status": "draft"}
    try:
        made = client.send(settings.post_type, data, params={"context": "edit"})
        kept = raw(made, "content").replace(" />", "/>")
    finally:  # also when it was made and the answer did not arrive
        _clear(client, settings, me)
    lost = [name for name, piece in _PIECES.items() if piece not in kept]
    told = f"the site's filter drops {', '.join(lost)}" if lost else "all of it is kept"
    yield Finding(what="the text of a trial draft", ok=True, detail=told)
    yield Finding(what="a trial draft", ok=True, detail=f"{made.get('id')} was made and deleted")


def _clear(client: Client, settings: "WordPressSettings", me: Mapping[str, Any]) -> None:
    """Deletes this user's trial drafts."""
    asked = {"context": "edit", "_fields": "id,title", "status": "draft", "per_page": 20}
    asked |= {"search": _TITLE, "author": me.get("id", 0)}
    try:
        drafts = client.rows(settings.post_type, asked)
    except (CrosspostError, Refused, Unknown) as error:
        raise PublisherError(
            f"A trial draft may be left ({error}). Look for «{_TITLE}» among the drafts of the "
            "site (Posts, Drafts); the next «crosspost doctor --write» deletes it too."
        ) from error
    for draft in drafts:
        if raw(draft, "title") == _TITLE:
            _delete(client, settings, draft)


def _delete(client: Client, settings: "WordPressSettings", draft: Mapping[str, Any]) -> None:
    path = f"{settings.post_type}/{int(draft['id'])}"
    try:
        client.send(path, method="DELETE", params={"force": "true"})
    except (CrosspostError, Refused, Unknown) as error:
        raise PublisherError(
            f"The trial draft {draft['id']} could not be deleted ({error}). Delete «{_TITLE}» "
            "among the drafts of the site, and look at what this user may do; the next trial tries "
            "to delete it too."
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
    may = ", ".join(words for right, words in wanted.items() if has.get(right))
    detail = f"{detail} may {may}, make tags"  # a tag needs edit_posts, no right of its own
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
