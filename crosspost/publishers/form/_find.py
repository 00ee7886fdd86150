"""Looking things up in a site's lists."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qs, urlsplit

from crosspost.errors import PublisherError
from crosspost.publishers.form._session import Session
from crosspost.publishers.form._settings import Find, FormSettings

_MOST: Final = 40
"""So many results are opened; a list that has more does not look for what we asked."""
_PAGES: Final = 200


def listed(session: Session, settings: FormSettings, find: Find, **sought: str) -> list[str]:
    """The addresses that a list shows for what is sought. Raises ``PublisherError`` when they are
    too many to be an answer."""
    url, found, seen = settings.whole(find.page, **sought), list[str](), set[str]()
    selector = find.link.replace("{slug}", sought.get("slug", "")).replace(
        "{mark}", sought.get("mark", "")
    )
    while url and url not in seen and len(seen) < _PAGES:
        seen.add(url)
        page = session.get(url)
        found += [one for one in page.links(selector) if one not in found]
        if len(found) > _MOST:
            raise PublisherError(
                f"{settings.whole(find.page, **sought)} lists more than {_MOST} things by "
                f"«{find.link}»: it does not look for one article. Let the page or the link of "
                "«find» hold {slug} or {mark}."
            )
        url = page.link(find.next) if find.next else ""
    return found


def ids(addresses: Iterable[str], edit: str) -> list[str]:
    """The ids in addresses of edit pages, the oldest first where they are numbers."""
    found = {one: None for address in addresses if (one := id_in(address, edit))}
    return sorted(found, key=lambda one: (0, int(one)) if one.isdigit() else (1, 0))


def id_in(address: str, edit: str) -> str:
    """The id in the address of an edit page, "" when it is another page's. Parameters may come in
    any order, and there may be more of them."""
    pattern, given = urlsplit(edit), urlsplit(address)
    path = re.escape(pattern.path).replace(re.escape("{id}"), r"(?P<id>[\w.~-]{1,100})")
    match = re.fullmatch(path.rstrip("/") + "/?", given.path, re.ASCII)
    if not match:
        return ""
    found = match.groupdict().get("id", "")
    asked = parse_qs(given.query)
    for name, values in parse_qs(pattern.query, keep_blank_values=True).items():
        value = (asked.get(name) or [""])[0]
        if values[0] == "{id}":
            found = value if re.fullmatch(r"[\w.~-]{1,100}", value, re.ASCII) else ""
        elif value != values[0]:
            return ""
    return found
