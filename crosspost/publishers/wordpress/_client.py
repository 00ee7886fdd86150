"""Asking a WordPress site: one connection, bounded answers, and what each trouble means.

    get    a question; asked again when no answer came
    send   a change; sent once, since nobody knows what became of one without an answer

Both answer decoded JSON and raise ``Missing`` (404), ``Refused``, ``Unknown``, ``Later`` or
``PublisherError``. The password goes to the configured host and nowhere else: redirects are told,
not followed. Errors are documented at
https://developer.wordpress.org/rest-api/using-the-rest-api/ and, where that is silent, in
WordPress's own rest-api/endpoints.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from crosspost import __version__
from crosspost.errors import Later, PublisherError
from crosspost.publishers import Refused, Unknown

if TYPE_CHECKING:
    import requests

_LARGEST: Final = 16 * 1024 * 1024
_CONNECT: Final = 15.0
_ATTEMPTS: Final = 3
_WAIT: Final = 5
"""So many seconds a question waits when the site says when to come back; longer ends the run."""
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
_TAGS: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^>]*>([^<]+)</title>", re.IGNORECASE)
_HEADER: Final = (
    "the web server drops the Authorization header. Apache: put «SetEnvIf Authorization "
    '"(.*)" HTTP_AUTHORIZATION=$1» at the top of .htaccess, or «CGIPassAuth On» in the site\'s '
    "config; nginx: «fastcgi_param HTTP_AUTHORIZATION $http_authorization;»"
)


class Missing(Refused):
    """The site has no such thing; the text is its reason."""


class Exists(Refused):
    """The site has such a term already: ``term`` is its id, 0 where it does not say."""

    def __init__(self, reason: str, term: int) -> None:
        super().__init__(reason)
        self.term = term


class Barred(PublisherError):
    """The user may not make such a thing."""


class _Page(PublisherError):
    """A page where JSON belongs."""


class _Again(Exception):
    """A question got no clear answer; the text says what was seen."""


class _Basic:
    """Puts the header on a request; the user's name may hold any letter."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        request.headers["Authorization"] = self._header
        return request


class Client:
    """One site's REST, as one user. ``session`` is opened with the first question."""

    def __init__(self, url: str, user: str, password: str, timeout: float) -> None:
        self._url, self._user, self._timeout = url, user, timeout
        self._password = password
        self._session: requests.Session | None = None
        self._root = ""
        self.clock: datetime | None = None
        """The site's clock, as of its last answer."""

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None

    @property
    def session(self) -> "requests.Session":
        if self._session is None:
            import requests

            self._session = requests.Session()
            pair = f"{self._user}:{self._password}".encode()
            self._session.auth = _Basic(f"Basic {b64encode(pair).decode()}")
            self._session.headers.update(
                {"User-Agent": f"crosspost/{__version__}", "Accept": "application/json"}
            )
        return self._session

    def root(self) -> Mapping[str, Any]:
        """What the site says of its REST. Finds out, once, by which address it answers: sites
        without permalinks have no /wp-json/."""
        roots = [self._root] if self._root else [f"{self._url}wp-json", f"{self._url}?rest_route="]
        trouble: PublisherError | Missing | None = None
        for root in roots:
            try:
                found = self._asked(f"{root}/", {"_fields": "name,namespaces"})
            except (Missing, _Page) as error:
                trouble = trouble if isinstance(trouble, _Page) else error
                continue
            if isinstance(found, dict) and "wp/v2" in found.get("namespaces", ()):
                if not self._root:  # a question may be public, so who asks is seen to first
                    self._asked(f"{root}/wp/v2/users/me", {"_fields": "id"})
                self._root = root
                return found
            trouble = trouble or Missing("it has no wp/v2")
        if isinstance(trouble, _Page):
            raise trouble
        raise PublisherError(
            f"{self._url} shows no WordPress REST ({trouble}). Look whether «url» is the site's "
            "address, and whether a security plugin hides REST: it must let wp/v2 through."
        )

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The answer to a question below ``wp/v2/``."""
        if not self._root:
            self.root()
        return self._asked(f"{self._root}/wp/v2/{path}", params or {})

    def rows(self, path: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The things that a question below ``wp/v2/`` finds."""
        found = self.get(path, params)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise Unknown(f"the site's answer about {path} is no list")
        return found

    def row(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The one thing that a question below ``wp/v2/`` is about."""
        return _thing(self.get(path, params), path)

    def _asked(self, url: str, params: Mapping[str, Any]) -> Any:
        import stamina

        try:
            for attempt in stamina.retry_context(
                on=_Again, attempts=_ATTEMPTS, timeout=None, wait_initial=0.2, wait_max=2.0
            ):
                with attempt:
                    return self._once("GET", url, params=dict(params))
        except _Again as error:
            raise Unknown(str(error)) from error
        raise AssertionError("unreachable")

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
        if not self._root:
            self.root()
        given: dict[str, Any] = {"params": dict(params or {}), "headers": dict(headers or {})}
        if body is not None:
            given["data"] = body
        elif data is not None:
            given["data"] = json.dumps(data).encode()
            given["headers"]["Content-Type"] = "application/json"
        try:
            return _thing(self._once(method, f"{self._root}/wp/v2/{path}", **given), path)
        except _Again as error:
            raise Unknown(str(error)) from error

    def _once(self, method: str, url: str, **given: Any) -> Any:
        import requests

        try:
            with self.session.request(
                method,
                url,
                timeout=(_CONNECT, self._timeout),
                allow_redirects=False,
                stream=True,
                **given,
            ) as answer:
                return self._read(answer, _within(answer, self._timeout))
        except requests.exceptions.SSLError as error:
            raise PublisherError(
                f"The certificate of {self._url} is not valid ({_short(str(error))}). Renew it on "
                "the site; Crosspost sends no password without it."
            ) from error
        except requests.RequestException as error:
            raise _Again(f"{method} {_path(url)}: {_cause(error)}") from error

    def _read(self, answer: "requests.Response", body: bytes) -> Any:
        if dated := answer.headers.get("Date"):
            self.clock = _moment(dated)
        status = answer.status_code
        if 300 <= status < 400:
            raise PublisherError(self._moved(answer.headers.get("Location", "")))
        if status == 429 or (status == 503 and "Retry-After" in answer.headers):
            self._later(answer.request.method == "GET", answer.headers.get("Retry-After", ""))
        try:
            found = json.loads(body)
        except ValueError:
            if status >= 500:
                raise _Again(f"the site answered {status}: {_words(body)}") from None
            raise self._no_json(status, answer, body) from None
        if status < 400:
            return found
        code = str(found.get("code", "")) if isinstance(found, dict) else ""
        if status >= 500 and not code.startswith("rest_upload_"):  # those are refusals
            raise _Again(f"the site answered {status}: {_words(body)}")
        raise self._error(status, found if isinstance(found, dict) else {})

    def _later(self, question: bool, given: str) -> None:
        from time import sleep

        seconds = _seconds(given)
        if question and seconds <= _WAIT:
            sleep(seconds)
            raise _Again("the site asked to come back later")
        raise Later(
            f"{self._url} asks to come back in {seconds} seconds (too many requests, or it is "
            "being maintained). Nothing is lost: the next run goes on from here."
        )

    def _moved(self, location: str) -> str:
        target = urlsplit(location)
        here = urlsplit(self._url)
        if target.hostname and target.hostname != here.hostname:
            return (
                f"{self._url} sends requests on to another host, {target.hostname}; the password "
                "was not sent there. If that is the site, put its address as «url»."
            )
        if "wp-login" in location or "login" in target.path:
            return (
                f"{self._url} sends requests to a login page ({target.path}). A plugin closes the "
                "site: let the REST API (/wp-json/) through it."
            )
        return (
            f"{self._url} sends requests on to {_short(location)}. Put the address it leads to as "
            "«url» (https instead of http, with or without www)."
        )

    def _no_json(self, status: int, answer: "requests.Response", body: bytes) -> Exception:
        kind = answer.headers.get("Content-Type", "")
        page = "html" in kind or body.lstrip()[:1] == b"<"
        if status == 401:
            return PublisherError(
                f"{self._url} stands behind a password of the web server itself (401). Let "
                "/wp-json/ through it without one."
            )
        if status == 413:
            return Refused("the file is larger than the web server takes (client_max_body_size)")
        if status in (404, 405, 410) and page:
            return Missing(f"{status} and a page where REST should be")
        if status >= 400:
            return PublisherError(
                f"{self._url} refused the request before WordPress saw it ({status}: "
                f"{_words(body)}). A firewall or security plugin does this: let this machine "
                "through it."
            )
        if page:
            login = b'type="password"' in body or b"wp-login" in body
            what = "a login page" if login else f"a page («{_words(body)}»)"
            return _Page(
                f"{self._url} answered with {what} where JSON belongs. Look whether «url» is the "
                "site's address and whether a plugin closes REST to programs."
            )
        return _Again(f"the answer cannot be read: {_words(body)}")

    def _error(self, status: int, said: Mapping[str, Any]) -> Exception:
        code, reason = str(said.get("code", "")), _words(str(said.get("message", "")).encode())
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
    told = "; ".join(f"{key}: {_words(str(value).encode())}" for key, value in params.items())
    return f"{reason} ({told})"


def _thing(found: Any, path: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Unknown(f"the site's answer about {path} is something else")
    return found


def _term(said: Mapping[str, Any]) -> int:
    data = said.get("data")
    found = data.get("term_id") if isinstance(data, dict) else 0
    return found if isinstance(found, int) else 0


def _within(answer: "requests.Response", timeout: float) -> bytes:
    """The whole answer, unless it is too long or takes for ever."""
    import time

    until = time.monotonic() + 4 * timeout
    body = bytearray()
    for chunk in answer.iter_content(64 * 1024):
        body += chunk
        if len(body) > _LARGEST:
            raise _Again("the answer does not end")
        if time.monotonic() > until:
            raise _Again("the answer takes too long")
    return bytes(body)


def _cause(error: Exception) -> str:
    import requests

    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return f"the connection failed ({_short(str(error))})"
    return f"the answer was cut ({_short(str(error))})"


def _short(text: str) -> str:
    return " ".join(text.split())[:200]


def _words(body: bytes) -> str:
    """The words of an answer, for a sentence."""
    from html import unescape

    text = body[:20_000].decode("utf-8", "replace")
    title = _TITLE.search(text)
    text = unescape(_TAGS.sub(" ", title[1] if title else text))
    clean = "".join(char if char.isprintable() else " " for char in text)
    return _short(clean) or "an empty answer"


def _path(url: str) -> str:
    return url.split("//", 1)[-1].partition("?")[0].partition("/")[2] or "/"


def _seconds(given: str) -> int:
    if given.strip().isdigit():
        return min(int(given.strip()[:9]), 86_400)
    moment = _moment(given)
    left = (moment - datetime.now(UTC)).total_seconds() if moment else 60
    return max(1, min(int(left) + 1, 86_400))


def _moment(given: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(given)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
