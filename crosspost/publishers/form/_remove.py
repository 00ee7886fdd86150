"""Deleting something on the site, in the way it has for that."""

from urllib.parse import urlsplit

from crosspost.errors import PublisherError
from crosspost.publishers import Refused
from crosspost.publishers.form._page import Form, Page
from crosspost.publishers.form._session import Gone, LoggedOut, Session
from crosspost.publishers.form._settings import Delete, FormSettings, id_in


def remove(session: Session, settings: FormSettings, delete: Delete, edit: str, id_: str) -> None:
    """Deletes it, and looks whether it is gone. Raises ``Gone`` when it was not there."""
    for _ in range(2):
        try:
            _press(session, settings, delete, edit, id_)
            break
        except LoggedOut:
            session.login()
    if not is_gone(session, settings, edit, id_):
        raise Refused(f"the site still has {id_} after it was told to delete it")


def is_gone(session: Session, settings: FormSettings, edit: str, id_: str) -> bool:
    try:
        page = session.get(settings.whole(edit, id=id_))
    except Gone:
        return True
    return bool(page.hops) and id_in(page.url, edit) != id_


def _press(session: Session, settings: FormSettings, delete: Delete, edit: str, id_: str) -> None:
    url = settings.whole(delete.page or edit, id=id_)
    page = session.get(url)
    if page.hops and urlsplit(page.url).path != urlsplit(url).path:
        raise Gone(f"{url} leads to {page.url}")
    if delete.link:
        address = page.link(delete.link)
        if not address:
            raise _lost(page, f"no link «{delete.link}»")
        session.visit(address)
        return
    form = _asking(page) if delete.page else _with_button(page, delete.submit)
    button = form.button([delete.submit] if delete.submit else [])
    session.send(form, button)


def _asking(page: Page) -> Form:
    """The form that asks once more: the one that is sent to its own page."""
    forms = [one for one in page.forms() if one.method() == "POST"]
    here = urlsplit(page.url).path
    own = [one for one in forms if urlsplit(one.action()).path == here]
    if len(own or forms) != 1:
        raise _lost(page, "no form that asks whether to delete it")
    return (own or forms)[0]


def _with_button(page: Page, name: str) -> Form:
    for form in page.forms():
        if form.button([name]):
            return form
    raise _lost(page, f"no button «{name}»")


def _lost(page: Page, what: str) -> PublisherError:
    return PublisherError(f"{page.url} has {what}. Correct «delete» of the site in the config.")
