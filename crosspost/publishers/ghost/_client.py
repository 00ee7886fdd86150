"""Asking a Ghost over its Admin API, and what each of its troubles means.

    get    a question; asked again when no answer came
    send   a change; sent once, since nobody knows what became of one without an answer

Both answer decoded JSON and raise ``Missing`` (404), ``Collision`` (409), ``Refused``, ``Unknown``,
``Later`` or ``PublisherError``. Who asks is told by a token of five minutes, made for each request
(https://docs.ghost.org/admin-api#token-authentication).
"""

import hmac
import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from crosspost.errors import PublisherError
from crosspost.publishers import Refused, Unknown
from crosspost.publishers._web import Again, Answer, Missing, Web, words

if TYPE_CHECKING:
    import requests

API: Final = "ghost/api/admin/"
_VERSION: Final = "v5.0"
_LIFE: Final = 300


class Collision(Exception):
    """Someone has changed the thing since it was read."""


class _Token:
    """Puts a fresh token on a request."""

    def __init__(self, key: str) -> None:
        self._id, _, secret = key.partition(":")
        self._secret = bytes.fromhex(secret)

    def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        request.headers["Authorization"] = f"Ghost {self._made(int(time.time()))}"
        return request

    def _made(self, now: int) -> str:
        head = {"alg": "HS256", "typ": "JWT", "kid": self._id}
        body = {"iat": now, "exp": now + _LIFE, "aud": "/admin/"}
        told = f"{_text(json.dumps(head).encode())}.{_text(json.dumps(body).encode())}"
        return f"{told}.{_text(hmac.digest(self._secret, told.encode(), 'sha256'))}"


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Client:
    """One site's Admin API, as one integration."""

    def __init__(self, url: str, key: str, timeout: float) -> None:
        self._url = url
        self._web = Web(
            url,
            timeout,
            api=f"/{API}",
            headers={"Accept": "application/json", "Accept-Version": _VERSION},
            auth=_Token(key),
        )

    def close(self) -> None:
        self._web.close()

    @property
    def clock(self) -> datetime | None:
        """The site's clock, as of its last answer."""
        return self._web.clock

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer to a question."""
        url = f"{self._url}{API}{path}"
        found = self._web.ask("GET", url, self._read, question=True, params=dict(params or {}))
        return _thing(found, path)

    def rows(self, kind: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The things of one kind (``posts``) that a question finds, on its first page."""
        return _rows(self.get(f"{kind}/", params), kind)

    def every(self, kind: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All things of one kind. Ghost 5 answers them at once, Ghost 6 by the hundred."""
        found: list[dict[str, Any]] = []
        page: int | None = 1
        while page:
            answer = self.get(f"{kind}/", {**params, "limit": "all", "page": page})
            found += _rows(answer, kind)
            page = _next(answer, page)
        return found

    def pages(self, kind: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """All things of one kind that a question finds, read by the hundred."""
        page: int | None = 1
        while page:
            answer = self.get(f"{kind}/", {**params, "limit": 100, "page": page})
            yield from _rows(answer, kind)
            page = _next(answer, page)

    def row(self, kind: str, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The one thing of this kind with this id."""
        return _one(self.get(f"{kind}/{name}/", params), kind)

    def send(
        self,
        method: str,
        kind: str,
        data: Mapping[str, Any] | None = None,
        *,
        name: str = "",
        params: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """What the site has after a change of one thing; nothing after ``DELETE``."""
        given: dict[str, Any] = {"params": dict(params or {})}
        if data is not None:
            given["data"] = json.dumps({kind: [data]}).encode()
            given["headers"] = {"Content-Type": "application/json"}
        url = f"{self._url}{API}{kind}/" + (f"{name}/" if name else "")
        found = self._web.ask(method, url, self._read, question=False, **given)
        return _one(_thing(found, kind), kind) if method != "DELETE" else {}

    def upload(self, path: str, body: Any, content_type: str) -> dict[str, Any]:
        """What the site answers to a file, below ``path``."""
        url = f"{self._url}{API}{path}/upload/"
        headers = {"Content-Type": content_type}
        found = self._web.ask("POST", url, self._read, question=False, data=body, headers=headers)
        return _one(_thing(found, path), path)

    def is_there(self, place: str) -> bool:
        """Whether the site has a file at this path. Asked past any cache, which would else
        remember that it was not there."""

        def read(answer: Answer) -> bool:
            if answer.status >= 500:
                raise Again(f"the site answered {answer.status}")
            return answer.status == 200 and not answer.is_page

        params = {"crosspost": str(time.time_ns())}
        return self._web.ask("HEAD", f"{self._url}{place}", read, question=True, params=params)

    def _read(self, answer: Answer) -> Any:
        if answer.status == 204:
            return {}
        if answer.status in (404, 405, 410) and answer.is_page:
            raise PublisherError(
                f"{self._url} has no Ghost behind it ({answer.status} and a page where /{API} "
                "should be). Look at «url»: it is the address that the admin panel has before "
                "/ghost/, which may be another than the site's."
            )
        found = self._web.json(answer)
        if answer.status < 400:
            return found
        said = _said(found)
        if not said and answer.status not in (401, 403, 404, 409):
            raise Again(f"the site answered {answer.status}: {words(answer.body)}")
        if answer.status >= 500 and said.get("type") != "NotImplementedError":
            raise Again(f"the site answered {answer.status}: {_reason(said)}")
        raise self._error(answer.status, said)

    def _error(self, status: int, said: Mapping[str, Any]) -> Exception:
        kind, reason = said.get("type"), _reason(said)
        if status in (400, 401) and ("token" in reason.lower() or "JWT" in str(said.get("code"))):
            return self._stale(reason)
        if status == 401:
            return PublisherError(
                f"{self._url} does not know this «admin_key» ({reason}). Copy the Admin API key "
                "once more (Settings, Integrations, your integration), or make an integration if "
                "it was deleted."
            )
        if status == 403 and "authenticated user or integration" in reason:
            return PublisherError(
                f"{self._url} did not see who asks ({reason[:60]}…): something between drops the "
                "Authorization header. nginx before Ghost: «proxy_set_header Authorization "
                "$http_authorization;»"
            )
        if status == 403 and kind == "HostLimitError":
            return PublisherError(
                f"{self._url} has reached a limit of its plan ({reason}). Only its owner or host "
                "can raise it; nothing is lost, the next run goes on from here."
            )
        if status == 403:
            return PublisherError(
                f"The integration may not do this on {self._url} ({reason}). Use the key of a "
                "custom integration (Settings, Integrations, Add custom integration)."
            )
        if status == 404:
            return Missing(reason)
        if status == 406:
            return PublisherError(
                f"{self._url} has no such Admin API ({reason}). It needs Ghost 5 or newer."
            )
        if status == 409:
            return Collision(reason)
        return Refused(reason)

    def _stale(self, reason: str) -> PublisherError:
        if "expired" in reason or "maxAge" in reason or "not active" in reason:
            return PublisherError(
                f"The clocks of this machine and of {self._url} are too far apart ({reason}; here "
                f"it is {_clock(datetime.now(UTC))}, there {_clock(self.clock)}). Set the one that "
                "is wrong: a key is good for five minutes."
            )
        return PublisherError(
            f"{self._url} does not accept this «admin_key» ({reason}). Copy the whole Admin API "
            "key once more (Settings, Integrations, your integration): it has a colon inside. A "
            "Content API key does not work here."
        )


def _clock(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment else "unknown"


def _said(found: Any) -> Mapping[str, Any]:
    """The first of Ghost's errors; nothing where it is not Ghost that answers."""
    errors = found.get("errors") if isinstance(found, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, dict) else {}


def _reason(said: Mapping[str, Any]) -> str:
    """What is wrong, in the site's words, with the field that it names."""
    told = [str(said.get(name) or "") for name in ("message", "context")]
    field = " ".join(re.findall(r"[\w.-]+", str(said.get("property") or "")))[:80]
    details = said.get("details")
    if isinstance(details, list):
        told += [_detail(one) for one in details[:5] if isinstance(one, dict)]
    whole = " ".join(dict.fromkeys(one for one in told if one)) or "no reason given"
    clean = words(whole.replace("<", "‹").encode("utf-8", "replace"))
    return f"{field}: {clean}" if field and field not in clean else clean


def _detail(one: Mapping[str, Any]) -> str:
    place = str(one.get("dataPath") or one.get("instancePath") or one.get("property") or "")
    return f"({place}: {one.get('message')})" if place else str(one.get("message") or "")


def _thing(found: Any, path: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Unknown(f"the site's answer about {path} is something else")
    return found


def _rows(found: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    rows = found.get(kind)
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise Unknown(f"the site's answer about {kind} holds no {kind}")
    return rows


def _one(found: Mapping[str, Any], kind: str) -> dict[str, Any]:
    rows = _rows(found, kind)
    if len(rows) != 1:
        raise Unknown(f"the site's answer about {kind} holds {len(rows)} of them")
    return rows[0]


def _next(answer: Mapping[str, Any], page: int) -> int | None:
    meta = answer.get("meta")
    pages = meta.get("pagination") if isinstance(meta, dict) else None
    found = pages.get("next") if isinstance(pages, dict) else None
    return found if isinstance(found, int) and page < found < 1000 else None
