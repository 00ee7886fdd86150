"""Which articles are not on the site, asked for many at once.

An article is looked for by its slug, and where there is none by its mark, which an editor who gave
it another address has left in its text. The slugs of many fit into one question. For the marks,
all of the blog's articles are listed once, as long as that is no more than to search for each.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from time import monotonic
from typing import Any, Final

from crosspost.publishers import _marks
from crosspost.publishers.wordpress._client import Client

_FEW: Final = 3
"""So few articles are searched for one by one: a search each, and no list."""
_PAGE: Final = 100
_TRUE: Final = 60.0
"""Seconds for which what was learned is taken for true."""


class Ahead:
    """What was learned of one site's articles before they are looked for."""

    def __init__(self, client: Client, kind: str, statuses: str) -> None:
        self._client, self._kind = client, kind
        self._asked = {"context": "edit", "status": statuses}
        self._absent: set[tuple[str, int]] = set()
        self._until = 0.0
        self._marked: dict[str, set[int] | None] = {}
        """By blog, the posts whose mark stood on the site; None where they are too many."""

    def look(self, blog: str, post_ids: Sequence[int]) -> None:
        """Asks for all of these."""
        self._absent.clear()
        self._until = monotonic() + _TRUE
        if len(post_ids) <= _FEW:
            return
        slugs = {slug: one for one in post_ids for slug in slugs_of(blog, one)}
        asked = {"slug[]": list(slugs), "per_page": _PAGE, "_fields": "slug"}
        there = self._client.rows(self._kind, self._asked | asked)
        absent = set(post_ids) - {slugs.get(str(one.get("slug")), 0) for one in there}
        if len(absent) <= _FEW:
            return
        if blog not in self._marked:
            self._marked[blog] = self._listed(_marks.blog_key(blog), len(absent))
        marked = self._marked[blog]
        if marked is not None:
            self._absent = {(blog, one) for one in absent - marked}

    def is_absent(self, blog: str, post_id: int) -> bool:
        """Whether it is known not to be there. What was learned counts once."""
        known = (blog, post_id) in self._absent
        self._absent.discard((blog, post_id))
        return known and monotonic() < self._until

    def _listed(self, key: str, pages: int) -> set[int] | None:
        """The posts whose articles are there, whatever their slugs; None where to read the list
        takes more than so many questions."""
        asked = {"search": f"crosspost--{key}--", "search_columns": "post_content"}
        asked["_fields"] = "id,title.raw,content.raw"
        rows = self._client.all(self._kind, self._asked | asked)
        found = list(islice(_numbers(rows, key), pages * _PAGE + 1))
        return set(found) if len(found) <= pages * _PAGE else None


def slugs_of(blog: str, post_id: int) -> list[str]:
    """By which an article is found: a trashed one carries a suffix."""
    slug = _marks.slug(blog, post_id)
    return [slug, f"{slug}__trashed"]


def _numbers(rows: Iterable[dict[str, Any]], key: str) -> Iterable[int]:
    from crosspost.publishers.wordpress._stored import raw

    for found in rows:
        known = _marks.read(raw(found, "title"), raw(found, "content"))
        yield known.post_id if known and known.blog == key else 0
