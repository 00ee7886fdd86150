"""Asking a site over HTTP: kept connections, bounded answers, and what each trouble means.

    Web.ask     a request; a question is asked again when no answer came, a change never, since
                nobody knows what became of one
    Web.json    what an API answered, or what is wrong with a page that stands in its place
    FileForm    a file as a form that is read while it is sent

The site's address is the config's. Redirects are told, not followed: what is secret goes to the
configured host and nowhere else.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from crosspost import __version__
from crosspost.errors import Later, PublisherError
from crosspost.logs import concealed
from crosspost.publishers import Down, Refused, Unknown

if TYPE_CHECKING:
    import requests

T = TypeVar("T")

_LARGEST: Final = 16 * 1024 * 1024
_CHUNK: Final = 256 * 1024
_CONNECT: Final = 15.0
_ATTEMPTS: Final = 3
_WAIT: Final = 5
"""So many seconds a question waits when the site says when to come back; longer ends the run."""
_TAGS: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^>]*>([^<]+)</title>", re.IGNORECASE)


class Missing(Refused):
    """The site has no such thing; the text is its reason."""


class Page(PublisherError):
    """A page where an API's answer belongs."""


class Again(Exception):
    """A request got no clear answer; the text says what was seen."""


class _NoWay(Again):
    """There was no connection, so nothing was sent: even a change may be asked for again."""


class Answer(NamedTuple):
    """What came back; ``method`` and ``url`` are the request's."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        return "html" in self.headers.get("Content-Type", "") or self.body.lstrip()[:1] == b"<"


class Web:
    """One site. ``api`` is the part of it that programs use, for sentences; ``headers`` and
    ``auth`` go with every request. Threads may share it: each has a connection of its own, all
    have the same cookies, and when the site asks one to come back later, all wait."""

    def __init__(
        self,
        url: str,
        timeout: float,
        *,
        api: str = "",
        headers: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> None:
        self.url, self._timeout, self._api = url, timeout, api
        self._headers, self._auth = dict(headers or {}), auth
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        self._rest_until = 0.0
        self.clock: datetime | None = None
        """The site's clock, as of its last answer."""

    def close(self) -> None:
        """Lets go of the connections."""
        with self._lock:
            while self._sessions:
                self._sessions.pop().close()
            self._mine = threading.local()

    @property
    def session(self) -> "requests.Session":
        """This thread's; opened when first needed."""
        if not hasattr(self._mine, "session"):
            import requests
            import stamina

            stamina.instrumentation.set_on_retry_hooks([])  # else it logs each retry
            made = requests.Session()
            made.auth = self._auth
            made.headers.update({"User-Agent": f"crosspost/{__version__}", **self._headers})
            with self._lock:
                if self._sessions:  # a jar bears threads: it locks itself, and reads copies
                    made.cookies = self._sessions[0].cookies
                self._sessions.append(made)
            self._mine.session = made
        found: requests.Session = self._mine.session
        return found

    def ask(
        self, method: str, url: str, read: Callable[[Answer], T], *, question: bool, **given: Any
    ) -> T:
        """What ``read`` makes of the answer; ``given`` is for requests. ``read`` raises ``Again``
        for one that is not clear: a question is asked again then, and in the end it is
        ``Unknown``. Raises ``Later`` when the site asks to come back, ``Down`` when there is no
        connection, ``PublisherError`` when its certificate is not valid."""
        import stamina

        try:
            for attempt in stamina.retry_context(
                on=Again if question else _NoWay,
                attempts=_ATTEMPTS,
                timeout=None,
                wait_initial=0.2,
                wait_max=2.0,
            ):
                with attempt:
                    return self._once(method, url, read, question=question, **given)
        except _NoWay as error:
            raise Down(
                f"{self.url} cannot be reached ({error}). What is due there stays due; the next "
                "run tries again."
            ) from error
        except Again as error:
            raise Unknown(str(error)) from error
        raise AssertionError("unreachable")

    def _once(
        self, method: str, url: str, read: Callable[[Answer], T], *, question: bool, **given: Any
    ) -> T:
        import requests

        self._rest()
        try:
            with self.session.request(
                method,
                url,
                timeout=(_CONNECT, self._timeout),
                allow_redirects=False,
                stream=True,
                **given,
            ) as found:
                body = _within(found, self._timeout)
                answer = Answer(method, url, found.status_code, found.headers, body)
        except requests.exceptions.SSLError as error:
            raise PublisherError(
                f"The certificate of {self.url} is not valid ({short(str(error))}). Renew it on "
                "the site; Crosspost sends no password without it."
            ) from error
        except requests.RequestException as error:
            if _unconnected(error):
                raise _NoWay(_cause(error)) from error
            raise Again(f"{method} {_path(url)}: {_cause(error)}") from error
        if dated := answer.headers.get("Date"):
            self.clock = moment(dated)
        if answer.status == 429 or (answer.status == 503 and "Retry-After" in answer.headers):
            self._later(question, answer.headers.get("Retry-After", ""))
        return read(answer)

    def _later(self, question: bool, given: str) -> None:
        from time import monotonic

        seconds = _seconds(given)
        with self._lock:
            self._rest_until = max(self._rest_until, monotonic() + seconds)
        if question and seconds <= _WAIT:
            raise Again("the site asked to come back later")
        raise self._asked_back(seconds)

    def _rest(self) -> None:
        """Waits as long as the site has asked for, whichever thread it told so. Raises ``Later``
        where that is too long: nothing was sent then."""
        from time import monotonic, sleep

        left = self._rest_until - monotonic()
        if left > _WAIT:
            raise self._asked_back(round(left))
        if left > 0:
            sleep(left)

    def _asked_back(self, seconds: int) -> Later:
        return Later(
            f"{self.url} asks to come back in {seconds} seconds (too many requests, or it is "
            "being maintained). Nothing is lost: the next run goes on from here."
        )

    def moved(self, location: str) -> PublisherError:
        """What a redirect means where none belongs."""
        here = urlsplit(self.url)
        try:
            target = urlsplit(location)
        except ValueError:  # no address at all
            target = urlsplit("")
        if target.hostname and target.hostname != here.hostname:
            return PublisherError(
                f"{self.url} sends requests on to another host, {short(target.hostname)}; the "
                "password was not sent there. If that is the site, put its address as «url»."
            )
        if "login" in target.path or "signin" in target.path:
            return PublisherError(
                f"{self.url} sends requests to a login page ({short(target.path)}). A plugin "
                f"closes the site: let programs use {self._api or 'it'}."
            )
        return PublisherError(
            f"{self.url} sends requests on to {short(location)}. Put the address it leads to as "
            "«url» (https instead of http, with or without www)."
        )

    def json(self, answer: Answer) -> Any:
        """The decoded answer of an API, whatever its status. Raises ``Again``, ``Missing``,
        ``Refused`` (a file too large) or ``PublisherError`` when it is none."""
        import json

        if 300 <= answer.status < 400:
            raise self.moved(answer.headers.get("Location", ""))
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._no_json(answer) from None

    def _no_json(self, answer: Answer) -> Exception:
        status, said = answer.status, words(answer.body)
        if status >= 500:
            return Again(f"the site answered {status}: {said}")
        if status == 401:
            return PublisherError(
                f"{self.url} stands behind a password of the web server itself (401). Let "
                f"{self._api} through it without one."
            )
        if status == 413:
            return Refused("the file is larger than the web server takes (client_max_body_size)")
        if status in (404, 405, 410) and answer.is_page:
            return Missing(f"{status} and a page where {self._api} should be")
        if status >= 400:
            return PublisherError(
                f"{self.url} refused the request before the site's program saw it ({status}: "
                f"{said}). A firewall or security plugin does this: let this machine through it."
            )
        if answer.is_page:
            login = b'type="password"' in answer.body or b"wp-login" in answer.body
            what = "a login page" if login else f"a page («{said}»)"
            return Page(
                f"{self.url} answered with {what} where JSON belongs. Look whether «url» is the "
                f"site's address and whether something closes {self._api} to programs."
            )
        return Again(f"the answer cannot be read: {said}")


class FileForm:
    """A multipart form of one file, read as it is sent, and of other ``fields``. Nobody can know
    what parts it from the next before it is made, so no text goes for another field."""

    def __init__(
        self, file: Path, name: str, mime: str, fields: Mapping[str, str] | None = None
    ) -> None:
        edge = token_hex(16)
        self._file = file
        told = "".join(
            f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in (fields or {}).items()
        )
        self._head = (
            f'{told}--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: {mime}\r\n\r\n"
        ).encode("utf-8", "replace")
        self._tail = f"\r\n--{edge}--\r\n".encode()
        self.kind = f"multipart/form-data; boundary={edge}"

    def __len__(self) -> int:
        return len(self._head) + self._file.stat().st_size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        with self._file.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                yield chunk
        yield self._tail


def _within(answer: "requests.Response", timeout: float) -> bytes:
    """The whole answer, unless it is too long or takes for ever. Read as it comes: to wait for
    whole pieces would be to wait for as long as one drips."""
    import time

    import requests
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    until = time.monotonic() + 4 * timeout
    body = bytearray()

    def piece() -> bytes:
        try:
            return answer.raw.read1(64 * 1024, decode_content=True) or b""
        except ReadTimeoutError as error:
            raise requests.ConnectionError(error) from error
        except HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from error

    while chunk := piece():
        body += chunk
        if len(body) > _LARGEST:
            raise Again("the answer does not end")
        if time.monotonic() > until:
            raise Again("the answer takes too long")
    return bytes(body)


def _unconnected(error: Exception) -> bool:
    """Whether there was no connection at all. A cut may have come after the request."""
    import requests
    from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

    if isinstance(error, requests.ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _cause(error: Exception) -> str:
    import requests

    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return f"the connection failed ({short(str(error))})"
    return f"the answer was cut ({short(str(error))})"


def short(text: str) -> str:
    """The text on one line, fit for a sentence."""
    return " ".join(concealed(text).split())[:200]


def words(body: bytes) -> str:
    """The words of an answer, for a sentence."""
    from html import unescape

    text = body[:20_000].decode("utf-8", "replace")
    title = _TITLE.search(text)
    text = unescape(_TAGS.sub(" ", title[1] if title else text))
    clean = "".join(char if char.isprintable() else " " for char in text)
    return short(clean) or "an empty answer"


def _path(url: str) -> str:
    return url.split("//", 1)[-1].partition("?")[0].partition("/")[2] or "/"


def _seconds(given: str) -> int:
    if re.fullmatch(r"\s*[0-9]+\s*", given):
        return min(int(given.strip()[:9]), 86_400)
    then = moment(given)
    left = (then - datetime.now(UTC)).total_seconds() if then else 60
    return max(1, min(int(left) + 1, 86_400))


def moment(given: str) -> datetime | None:
    """A time as HTTP headers give it (RFC 9110, 5.6.7); None for anything else."""
    try:
        found = parsedate_to_datetime(given)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
