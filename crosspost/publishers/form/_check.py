"""Whether a site's forms can be filled, step by step: what is there, and what fills it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from crosspost.errors import CrosspostError
from crosspost.model import Article, Author, Remote
from crosspost.publishers import Changed, Finding, Refused, Unknown, Vanished
from crosspost.publishers.form._body import OURS
from crosspost.publishers.form._controls import Control
from crosspost.publishers.form._find import listed
from crosspost.publishers.form._page import Form
from crosspost.publishers.form._session import Session
from crosspost.publishers.form._settings import FormSettings, Place

if TYPE_CHECKING:
    from crosspost.publishers.form import FormPublisher

_SKEW: Final = 300
_QUIET: Final = ("hidden", "submit", "image", "button", "reset")
_SAMPLE: Final = (
    '<p>A first <strong>word</strong>, <em>another</em> and <a href="https://example.com/">a link'
    "</a>.</p><h2>A heading</h2><ul><li>one</li><li>two</li></ul>"
    "<blockquote><p>Somebody's words</p></blockquote>"
)
_KEPT: Final = ("p", "strong", "em", "a", "h2", "ul", "li", "blockquote")


def findings(
    publisher: "FormPublisher", session: Session, settings: FormSettings, *, write: bool
) -> list[Finding]:
    """What was looked at, until something is not well that the rest stands on."""
    found: list[Finding] = []
    steps: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("logging in", lambda: _login(session, settings)),
        ("the form", lambda: _form(publisher, settings)),
        ("the list", lambda: _list(session, settings)),
        ("pictures and files", lambda: _upload(session, settings)),
    ]
    if write:
        steps.append(("a trial article", lambda: _written(publisher, settings)))
    for what, step in steps:
        if write and what == "a trial article" and not all(one.ok for one in found):
            break
        try:
            found += step()
        except (CrosspostError, Refused, Unknown, Changed, Vanished) as error:
            said, _, remedy = str(error).partition(". ")
            remedy = remedy or "Open the page in a browser as this user, and look what it says."
            found.append(Finding(what=what, ok=False, detail=said, remedy=remedy))
            break
    return found


def _login(session: Session, settings: FormSettings) -> Iterator[Finding]:
    session.login()
    user = settings.login.user if settings.login else "nobody"
    yield Finding(what="logging in", ok=True, detail=f"{user}, at {settings.url}")
    then = session.clock
    off = abs((then - datetime.now(UTC)).total_seconds()) if then else 0
    if off >= _SKEW:
        yield Finding(
            what="the clock",
            ok=False,
            detail=f"{int(off // 60)} minutes off the site's",
            remedy="Set the clock of this machine or of the site's.",
        )


# --- The form ---


def _form(publisher: "FormPublisher", settings: FormSettings) -> Iterator[Finding]:
    form = publisher.empty_form()
    yield Finding(what="the form", ok=True, detail=settings.whole(settings.add))
    ours: set[str] = set()
    for part, places in settings.fields.items():
        for place in places:
            ours.add(place.field)
            yield _filled(form, part, place)
    if settings.published:
        ours.add(settings.published.field)
        yield _filled(form, "published", Place(field=settings.published.field))
    for control in form.controls:
        if control.name and control.name not in ours and control.kind not in _QUIET:
            ours.add(control.name)
            yield _left(control)
    yield _button(form, settings)


def _filled(form: Form, part: str, place: Place) -> Finding:
    """One field of the config."""
    control = form.control(place.field)
    if control is None:
        return Finding(
            what=f"{part} → «{place.field}»",
            ok=False,
            detail="the form has no such field",
            remedy="Correct «fields» of the site in the config.",
        )
    what = f"{part} → {control.told}"
    if isinstance(place.value, str) and control.has_choices and not control.choice(place.value):
        labels = ", ".join(f"«{one.label}»" for one in control.choices[:12] if one.value)
        return Finding(
            what=what,
            ok=False,
            detail=f"it has no choice «{place.value}»",
            remedy=f"Say one that it has: {labels or 'it has none yet, make one on the site'}.",
        )
    given = f", always «{place.value}»" if place.value is not None else ""
    return Finding(what=what, ok=True, detail=_kind(control) + given)


def _left(control: Control) -> Finding:
    """A field that nothing fills."""
    if control.required and control.is_empty and not control.disabled:
        return Finding(
            what=control.told,
            ok=False,
            detail=f"{_kind(control)}; nothing fills it",
            remedy="Say in «fields» what goes there, or a constant: "
            f'{control.name} = {{value = "…"}}.',
        )
    held = ", ".join(one.label for one in control.chosen) if control.has_choices else control.value
    if control.kind == "checkbox" and len(control.choices) == 1:
        held = "ticked" if control.chosen else "not ticked"
    stays = f"stays as the form gives it: «{held[:60]}»" if held.strip() else "stays empty"
    return Finding(what=control.told, ok=True, detail=f"{_kind(control)}; {stays}")


def _kind(control: Control) -> str:
    kind = "list" if control.kind == "select" else control.kind
    words = [f"several of a {kind}" if control.multiple and kind == "list" else kind]
    if control.required:
        words.append("required")
    if control.longest:
        words.append(f"at most {control.longest} characters")
    return ", ".join(words)


def _button(form: Form, settings: FormSettings) -> Finding:
    shown = settings.published
    names = (shown.submit if shown else []) or settings.submit
    button = form.button(names) if names else form.button()
    others = ", ".join(f"«{one.label or one.name}»" for one in form.buttons)
    if button is None and names:
        return Finding(
            what="the button",
            ok=False,
            detail=f"the form has no {' or '.join(f'«{one}»' for one in names)}",
            remedy=f"Correct «submit»; the form has {others or 'none'}.",
        )
    name = f"«{button.label or button.name}»" if button else "none: the form is sent as by Enter"
    return Finding(what="the button", ok=True, detail=f"{name} of {others}" if others else name)


# --- What is around it ---


def _list(session: Session, settings: FormSettings) -> Iterator[Finding]:
    """A list that looks for one article finds none that cannot be."""
    sought = {"slug": "0-crosspost-doctor", "mark": "crosspost--doctor--0--", "source": "t.me/0/0"}
    found = listed(session, settings, settings.find, **sought)
    detail = "it finds nothing that is not there"
    if found:
        detail = f"it shows {len(found)} articles whatever is looked for: each of them is opened"
    yield Finding(what="the list", ok=True, detail=detail)


def _upload(session: Session, settings: FormSettings) -> Iterator[Finding]:
    page = settings.upload
    if page is None:
        yield Finding(
            what="pictures and files",
            ok=True,
            detail="the config has no «upload»: of an article's pictures only the cover is shown",
        )
        return
    shown = session.named("upload", settings.whole(page.page), [page.field])
    form = shown.form([page.field])
    control = form.control(page.field) if form else None
    fine = control is not None and control.kind == "file"
    yield Finding(
        what="pictures and files",
        ok=fine,
        detail=f"{shown.url}, «{page.field}»" if fine else f"{shown.url} has no «{page.field}»",
        remedy="" if fine else "Correct «page» and «field» of «upload».",
    )
    listed(session, settings, page.find, name="crosspost-doctor")


# --- A trial ---


def _written(publisher: "FormPublisher", settings: FormSettings) -> Iterator[Finding]:
    """A draft is made, looked at, and taken away."""
    if settings.published is None:
        yield Finding(
            what="a trial article",
            ok=False,
            detail="not made: the config has no «published», so visitors would see it",
            remedy="Set «published», the field that hides an article.",
        )
        return
    now = datetime.now(UTC).replace(microsecond=0)
    article = Article(
        blog="crosspost-doctor",
        post_id=int(now.timestamp()),
        slug="",
        title="A trial of Crosspost, to be removed",
        date=now - timedelta(days=1),  # a draft of this moment moves on with the clock
        timezone="UTC",
        language="en",
        author=Author(name=""),
        source_url="",
        body=_SAMPLE,
        status="draft",
    )
    made = publisher.put(article, {}, None)
    try:
        yield from _kept(publisher, article, made)
    finally:
        gone = publisher.withdraw(made, "remove")
    if gone is None:
        yield Finding(what="taking it away", ok=True, detail=f"article {made.id} was deleted")
    else:
        yield Finding(
            what="taking it away",
            ok=True,
            detail=f"the config has no «delete»: draft {made.id} stays at {made.url}, delete it",
        )


def _kept(publisher: "FormPublisher", article: Article, made: Remote) -> Iterator[Finding]:
    hidden = made.status == "draft"
    yield Finding(
        what="a trial article",
        ok=hidden,
        detail=f"{made.id} was made as a draft" if hidden else f"{made.id} was made, and is public",
        remedy="" if hidden else "Correct «published»: the field, «live» and «draft».",
    )
    found = publisher.find(article)
    yield Finding(
        what="finding it again",
        ok=found is not None and found.id == made.id,
        detail="it was found" if found else "it was not found",
        remedy="" if found else "Correct «find»: a double would be made after a lost answer.",
    )
    known = bool(found and found.digest)
    yield Finding(
        what="the mark",
        ok=known,
        detail=f"the site keeps it (class {OURS})" if known else "the site drops it from the text",
        remedy="" if known else "Give it a field of its own: mark = «a field that nobody sees».",
    )
    lost = publisher.lost_tags(made, _KEPT)
    yield Finding(
        what="the text",
        ok=True,
        detail=f"the site drops {', '.join(lost)}" if lost else "the site keeps it as it is sent",
    )
