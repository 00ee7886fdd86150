"""What a site says to a form that was sent to it."""

from collections.abc import Collection

from crosspost.publishers import Refused, Unknown
from crosspost.publishers.form._complaints import complaints
from crosspost.publishers.form._page import Page
from crosspost.publishers.form._settings import FormSettings, id_in


def accept(page: Page, said: Collection[str], settings: FormSettings) -> None:
    """Raises ``Refused`` when the answer says what is wrong; ``said`` stood there before."""
    if any(word in page.text for word in settings.accepted):
        return
    told = [
        f"{label}: {words}" if label else words
        for words, label in complaints(page, settings.errors).items()
        if words not in said
    ]
    if told and (not page.hops or page.form(settings.names)):
        by_field = [one for one in told if ": " in one]
        raise Refused("; ".join(by_field or told))
    if page.status >= 400:
        raise Refused(f"the site answered {page.status}: {page.text[:200]}")


def unclear(page: Page, settings: FormSettings) -> Exception:
    """What is raised when the answer says nothing and the article is not there."""
    if page.form(settings.names) and not page.hops:
        return Refused(
            "the site showed its form again without a reason. If it shows one in a browser, "
            "name its place: errors = «css» in the site's settings"
        )
    return Unknown(f"the site answered «{page.text[:160]}», and the article is not there")


def own_id(page: Page, edit: str) -> str:
    """The id of what was made, in the addresses that the answer led to."""
    return next((one for hop in (*page.hops, page.url) if (one := id_in(hop, edit))), "")
