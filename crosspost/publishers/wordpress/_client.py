"""Asking a WordPress site over REST, and what each of its troubles means.

    get    a question; asked again when no answer came
    send   a change; sent once, since nobody knows what became of one without an answer

Both answer decoded JSON and raise ``Missing`` (404), ``Refused``, ``Unknown``, ``Later`` or
``PublisherError``. Errors are documented at
https://developer.wordpress.org/rest-api/using-the-rest-api/ and, where that is silent, in
WordPress's own rest-api/endpoints.
"""

import json
import threading
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from crosspost.errors import PublisherError
from crosspost.publishers import Refused, Unknown
from crosspost.publishers._web import Again, Answer, Missing, Page, Web, words

if TYPE_CHECKING:
    import requests

_WRONG: Final = frozenset(
    {
        "incorrect_password",
        "invalid_username",
        "invalid_email",
        "invalid_application_password",
        "application_passwords_disabled",
        "application_passwords_disabled_for_user",
    }
)
_PAGES: Final = 10_000
_HEADER: Final = (
    "the web server drops the Authorization header. Apache: put «SetEnvIf Authorization "
    '"(.*)" HTTP_AUTHORIZATION=$1» at the top of .htaccess, or «CGIPassAuth On» in the site\'s '
    "config; nginx: «fastcgi_param HTTP_AUTHORIZATION $http_authorization;»"
)


class Exists(Refused):
    """The site has such a term already: ``term`` is its id, 0 where it does not say."""

    def __init__(self, reason: str, term: int) -> None:
        super().__init__(reason)
        self.term = term


class Barred(PublisherError):
    """The user may not make such a thing."""


class _Basic:
    """Puts the header on a request; the user's name may hold any letter."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        request.headers["Authorization"] = self._header
        return request


class Client:
    """One site's REST, as one user."""

    def __init__(self, url: str, user: str, password: str, timeout: float) -> None:
        self._url, self._user = url, user
        pair = f"{user}:{password}".encode()
        auth = _Basic(f"Basic {b64encode(pair).decode()}")
        self._web = Web(
            url, timeout, api="/wp-json/", headers={"Accept": "application/json"}, auth=auth
        )
        self._root = ""
        self._asking = threading.Lock()

    def close(self) -> None:
        self._web.close()

    @property
    def clock(self) -> datetime | None:
        """The site's clock, as of its last answer."""
        return self._web.clock

    def root(self) -> Mapping[str, Any]:
        """What the site says of its REST. Finds out, once, by which address it answers: sites
        without permalinks have no /wp-json/."""
        roots = [self._root] if self._root else [f"{self._url}wp-json", f"{self._url}?rest_route="]
        trouble: PublisherError | Missing | None = None
        for root in roots:
            try:
                found = self._asked(f"{root}/", {"_fields": "name,namespaces"})
            except (Missing, Page) as error:
                trouble = trouble if isinstance(trouble, Page) else error
                continue
            if isinstance(found, dict) and "wp/v2" in str(found.get("namespaces")):
                if not self._root:  # a question may be public, so who asks is seen to first
                    self._asked(f"{root}/wp/v2/users/me", {"_fields": "id"})
                self._root = root
                return found
            trouble = trouble or Missing("it has no wp/v2")
        if isinstance(trouble, Page):
            raise trouble
        raise PublisherError(
            f"{self._url} shows no WordPress REST ({trouble}). Look whether «url» is the site's "
            "address, and whether a security plugin hides REST: it must let wp/v2 through."
        )

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The answer to a question below ``wp/v2/``."""
        return self._asked(f"{self._base()}/wp/v2/{path}", params or {})

    def _base(self) -> str:
        """The address of its REST, found out by whichever thread is the first to ask."""
        with self._asking:
            if not self._root:
                self.root()
            return self._root

    def rows(self, path: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The things that a question below ``wp/v2/`` finds."""
        found = self.get(path, params)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise Unknown(f"the site's answer about {path} is no list")
        return found

    def all(self, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """All the things that a question finds, each once, a hundred at a time. What the user may
        not read is taken out of a page after it was cut, so a short one need not be the last."""
        seen: set[int] = set()
        asked = {**params, "per_page": 100, "orderby": "id", "order": "asc"}
        for page in range(1, _PAGES):
            try:
                rows = self.rows(path, asked | {"page": page})
            except Refused:  # there is no such page
                if page == 1:
                    raise
                return
            fresh = [one for one in rows if isinstance(one.get("id"), int)]
            fresh = [one for one in fresh if one["id"] not in seen]
            if not fresh:
                return
            seen |= {one["id"] for one in fresh}
            yield from fresh

    def row(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The one thing that a question below ``wp/v2/`` is about."""
        return _thing(self.get(path, params), path)

    def _asked(self, url: str, params: Mapping[str, Any]) -> Any:
        return self._web.ask("GET", url, self._read, question=True, params=dict(params))

    def send(
        self,
        path: str,
        data: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        params: Mapping[str, Any] | None = None,
        body: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """What the site answers to a change."""
        given: dict[str, Any] = {"params": dict(params or {}), "headers": dict(headers or {})}
        if body is not None:
            given["data"] = body
        elif data is not None:
            given["data"] = json.dumps(data).encode()
            given["headers"]["Content-Type"] = "application/json"
        url = f"{self._base()}/wp/v2/{path}"
        return _thing(self._web.ask(method, url, self._read, question=False, **given), path)

    def _read(self, answer: Answer) -> Any:
        found = self._web.json(answer)
        if answer.status < 400:
            return found
        code = str(found.get("code", "")) if isinstance(found, dict) else ""
        if answer.status >= 500 and not code.startswith("rest_upload_"):  # those are refusals
            raise Again(f"the site answered {answer.status}: {words(answer.body)}")
        raise self._error(answer.status, found if isinstance(found, dict) else {})

    def _error(self, status: int, said: Mapping[str, Any]) -> Exception:
        code = str(said.get("code", ""))
        reason = words(str(said.get("message", "")).encode("utf-8", "replace"))
        if code in _WRONG:
            return PublisherError(
                f"{self._url} does not know this user and password ({reason}). Make an application "
                f"password for «{self._user}» (Users, Profile, Application Passwords); the one for "
                "logging in does not work here."
            )
        if status == 401:
            if "rest_disabled" in code or "rest_login" in code or "disabled" in code:
                return PublisherError(
                    f"A plugin of {self._url} closes REST ({reason}). Let «{self._user}» use it."
                )
            return PublisherError(
                f"{self._url} did not see who asks ({reason}): the password is wrong, or never "
                f"arrived. Make an application password for «{self._user}» (Users, Profile, "
                f"Application Passwords). If it is the right one: {_HEADER}."
            )
        if code == "rest_no_route":
            return PublisherError(
                f"{self._url} has no such part of REST ({reason}). Look at «post_type»: it is the "
                "type's rest_base, and the type needs show_in_rest."
            )
        if status in (404, 410):
            return Missing(reason)
        if code in ("rest_cannot_create", "rest_cannot_publish"):
            return Barred(
                f"«{self._user}» may not do this on {self._url}: {reason} Give it the role of "
                "Author (Users, Edit, Role)."
            )
        if code == "term_exists":
            return Exists(reason, _term(said))
        return Refused(_by_field(reason, said) or f"the site answered {status} {code}")


def _by_field(reason: str, said: Mapping[str, Any]) -> str:
    """The reason, with what each field's is."""
    data = said.get("data")
    params = data.get("params") if isinstance(data, dict) else None
    if not isinstance(params, dict) or not params:
        return reason
    told = "; ".join(
        f"{key}: {words(str(value).encode('utf-8', 'replace'))}" for key, value in params.items()
    )
    return f"{reason} ({told})"


def _thing(found: Any, path: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Unknown(f"the site's answer about {path} is something else")
    return found


def _term(said: Mapping[str, Any]) -> int:
    data = said.get("data")
    found = data.get("term_id") if isinstance(data, dict) else 0
    return found if isinstance(found, int) else 0
