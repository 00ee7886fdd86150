"""Tags that a form does not have yet: made on the page that the config names, then chosen."""

import logging
from collections.abc import Iterable
from typing import Final

from crosspost.errors import PublisherError
from crosspost.publishers.form._body import shorten
from crosspost.publishers.form._complaints import complaints
from crosspost.publishers.form._page import Form
from crosspost.publishers.form._session import Session
from crosspost.publishers.form._settings import FormSettings, New

_log: Final = logging.getLogger(__name__)


def make_tags(session: Session, settings: FormSettings, form: Form, tags: Iterable[str]) -> bool:
    """Makes the tags that the form lacks, where the config says how; answers whether it now has
    others than it was read with."""
    made = False
    for place in settings.places("tags"):
        control = form.control(place.field)
        if place.new is None or control is None or not control.has_choices:
            continue
        for tag in tags:
            label = " ".join(tag.split())
            if label and control.choice(label) is None:
                _make(session, settings, place.new, label)
                made = True
    return made


def _make(session: Session, settings: FormSettings, new: New, label: str) -> None:
    page = session.named("new", settings.whole(new.page), [new.field])
    form = page.form([new.field])
    control = form.control(new.field) if form else None
    if form is None or control is None:
        raise PublisherError(
            f"{page.url} has no form with the field «{new.field}». Correct «new» of the field of "
            "tags."
        )
    control.value = shorten(label, control.longest)
    after = session.send(form, form.button(), [new.field])
    told = list(complaints(after, settings.errors))
    if told and not after.hops:
        _log.warning("%s does not make «%s»: %s", page.url, label, "; ".join(told))
