"""Looking things up in a site's lists."""

from collections.abc import Iterable, Iterator
from typing import Final

from crosspost.errors import PublisherError
from crosspost.publishers.form._session import Session
from crosspost.publishers.form._settings import Find, FormSettings, id_in

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
        page = session.named("find", url)
        found += [one for one in page.links(selector) if one not in found]
        if len(found) > _MOST:
            raise PublisherError(
                f"{settings.whole(find.page, **sought)} lists more than {_MOST} things by "
                f"«{find.link}»: it does not look for one article. Let the page or the link of "
                "«find» hold {slug} or {mark}."
            )
        url = page.link(find.next) if find.next else ""
    return found


def everything(session: Session, settings: FormSettings, archive: Find) -> Iterator[str]:
    """The ids of all that a list shows, page by page, until one shows nothing new."""
    url, seen, told = settings.whole(archive.page), set[str](), set[str]()
    while url and url not in seen:
        seen.add(url)
        page = session.named("archive", url)
        new = [one for one in ids(page.links(archive.link), settings.edit) if one not in told]
        told.update(new)
        yield from new
        if not new:
            return
        url = page.link(archive.next) if archive.next else ""


def ids(addresses: Iterable[str], edit: str) -> list[str]:
    """The ids in addresses of edit pages, the oldest first where they are numbers."""
    found = {one: None for address in addresses if (one := id_in(address, edit))}
    return sorted(found, key=lambda one: (0, int(one)) if one.isdigit() else (1, 0))
