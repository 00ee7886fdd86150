"""Tags and the category: found or made, no twins.

WordPress makes a term's slug of its lower-cased name, so a tag in another case is found by slug;
one whose slug an editor has changed answers ``term_exists`` with its id.
"""

import unicodedata
from collections.abc import Iterable
from html import unescape
from typing import Any, Final

from crosspost.errors import PublisherError
from crosspost.publishers import Refused
from crosspost.publishers.wordpress._client import Barred, Client, Exists

_LONGEST: Final = 190
"""WordPress's column holds 200 characters."""


class Terms:
    """The terms of one site, remembered while it is open."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], int] = {}
        self._names: dict[tuple[str, int], str] = {}

    def names(self, kind: str, ids: Iterable[int]) -> list[str]:
        """What these ``tags`` or ``categories`` are called; one that is gone is left out."""
        wanted = list(ids)
        unknown = [str(one) for one in wanted if (kind, one) not in self._names]
        for start in range(0, len(unknown), 100):
            some = ",".join(unknown[start : start + 100])
            params = {"include": some, "per_page": 100, "_fields": "id,name"}
            self._keep(kind, self._client.rows(kind, params))
        return [self._names[kind, one] for one in wanted if (kind, one) in self._names]

    def tags(self, names: Iterable[str]) -> list[int]:
        """The ids of these tags. One that the site refuses is left out."""
        wanted = {key(name): _shown(name) for name in names}
        wanted = {one: name for one, name in wanted.items() if one and len(name) <= _LONGEST}
        self._look("tags", [one for one in wanted if ("tags", one) not in self._known])
        found = []
        for one, name in wanted.items():
            number = self._known.get(("tags", one))
            if number is None:
                number = self._make("tags", one, name)
            if number and number not in found:
                found.append(number)
        return found

    def category(self, name: str) -> int:
        """The id of this category. Raises ``PublisherError`` when it is not there and this user
        may not make it."""
        one = key(name)
        number = self._known.get(("categories", one)) or self.find_category(name)
        if not number:
            number = self._make("categories", one, _shown(name))
        if not number:
            raise PublisherError(
                f"The site has no category «{name}» and this user may not make one. Make it "
                "(Posts, Categories), or give the user the role of Editor."
            )
        return number

    def find_category(self, name: str) -> int:
        """The category's id, 0 when there is none."""
        self._look("categories", [key(name)])
        if ("categories", key(name)) not in self._known:
            params = {"search": _shown(name), "per_page": 100, "_fields": "id,name"}
            self._keep("categories", self._client.rows("categories", params))
        return self._known.get(("categories", key(name)), 0)

    def _look(self, kind: str, keys: list[str]) -> None:
        for start in range(0, len(keys), 50):
            params = {"slug[]": keys[start : start + 50], "per_page": 100, "_fields": "id,name"}
            self._keep(kind, self._client.rows(kind, params))

    def _keep(self, kind: str, found: list[dict[str, Any]]) -> None:
        for term in found:
            name = unescape(str(term.get("name")))
            self._known.setdefault((kind, key(name)), _number(term))
            self._names[kind, _number(term)] = name

    def _make(self, kind: str, one: str, name: str) -> int:
        try:
            made = self._client.send(kind, {"name": name}, params={"_fields": "id,name"})
        except Exists as error:
            number = error.term
        except (Refused, Barred):
            return 0
        else:
            number = _number(made)
            self._keep(kind, [made])
        if number:
            self._known[kind, one] = number
        return number


def key(name: str) -> str:
    """What makes two spellings of a term the same."""
    return " ".join(unicodedata.normalize("NFC", _shown(name)).casefold().split())


def _number(term: dict[str, Any]) -> int:
    found = term.get("id")
    return found if isinstance(found, int) else 0


def _shown(name: str) -> str:
    """The name as the site can hold it: no mark-up, no control characters."""
    plain = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in name)
    return " ".join(plain.replace("<", " ").replace(">", " ").split())
