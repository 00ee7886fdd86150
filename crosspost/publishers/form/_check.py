"""Whether a site's forms can be filled, step by step."""

from typing import TYPE_CHECKING

from crosspost.publishers import Finding

if TYPE_CHECKING:
    from crosspost.publishers.form import FormPublisher
    from crosspost.publishers.form._session import Session
    from crosspost.publishers.form._settings import FormSettings


def findings(
    publisher: "FormPublisher", session: "Session", settings: "FormSettings", *, write: bool
) -> list[Finding]:
    return []
