"""Tags: found in any case, or made with the article that needs them.

Ghost knows a tag by its exact name, so «хлеб» beside «Хлеб» would be a twin.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from crosspost.publishers.ghost._client import Client

_LONGEST: Final = 190
"""Ghost's column holds 191 characters."""


class Tags:
    """The tags of one site, read when first needed and remembered while it is open."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, dict[str, str]] | None = None

    def named(self, names: Iterable[str]) -> list[dict[str, str]]:
        """These tags as a post is given them: by id where they are there, else by name, which
        makes them together with the post."""
        wanted = {key(name): shown(name) for name in names}
        wanted = {one: name for one, name in wanted.items() if name and len(name) <= _LONGEST}
        if wanted and self._known is None:
            self._known = {}
            for tag in self._client.every("tags", {"fields": "id,name", "order": "created_at asc"}):
                self._keep(tag)
        known = self._known or {}
        return [known.get(one, {"name": name}) for one, name in wanted.items()]

    def is_there(self, name: str) -> bool:
        return any("id" in tag for tag in self.named([name]))

    def learn(self, post: Mapping[str, Any]) -> None:
        """Remembers the tags that the site has made for a post."""
        given = post.get("tags")
        for tag in given if isinstance(given, list) else []:
            if isinstance(tag, dict):
                self._keep(tag)

    def forget(self) -> None:
        """They may have changed: an editor deletes and joins them."""
        self._known = None

    def _keep(self, tag: Mapping[str, Any]) -> None:
        if self._known is not None and tag.get("id"):
            found = {"id": str(tag["id"]), "name": str(tag.get("name") or "")}
            self._known.setdefault(key(found["name"]), found)


def key(name: str) -> str:
    """What makes two spellings of a tag the same."""
    return unicodedata.normalize("NFC", shown(name)).casefold()


def shown(name: str) -> str:
    """The name as the site can hold it: no control characters; a leading «#» would hide it from
    visitors, a leading comma is refused."""
    plain = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in name)
    return " ".join(plain.split()).lstrip("#, ")
