"""Goes to Telegram's web pages and file servers as a guest should: slowly, by name, and nowhere
else.

One connection pool, a named User-Agent, a time limit and a size limit on everything, retries with
growing pauses, ``Retry-After`` honoured. Where to go is said by pages that anyone may have
written, so the way is watched: https and public addresses only, on every redirect, and checked on
the socket itself, where a name server cannot answer twice. When the setting ``preview`` points to
this very machine (a test server), only that host and port may be asked.
"""

import contextlib
import email.utils
import ipaddress
import math
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from crosspost import __version__
from crosspost.errors import Later, ReaderError
from crosspost.readers import Unsafe

if TYPE_CHECKING:
    from requests import Response, Session

AGENT: Final = f"Crosspost/{__version__} (mirrors a channel into its author's blog)"
PAGE: Final = 8 * 1024 * 1024
"""Bytes of a page. A full one takes some 200 KB."""

_HOPS: Final = 5
_CHUNK: Final = 64 * 1024
_WAIT: Final = (429, 503)
_REDIRECTS: Final = (301, 302, 303, 307, 308)


class Trouble(Exception):
    """It did not work this time; ``pause``: how many seconds the server asked to wait, if any."""

    def __init__(self, reason: str, pause: float | None = None, status: int = 0) -> None:
        super().__init__(reason)
        self.pause = pause
        self.status = status


class Expired(Exception):
    """The address leads to no file any more; the text says how that was seen."""


class Page(NamedTuple):
    """An answer: where it came from in the end, and what a later request may be conditioned on.
    ``body`` is None when the server says that nothing has changed."""

    url: str
    status: int
    body: bytes | None
    etag: str = ""
    modified: str = ""


class Manners(NamedTuple):
    """How to behave: seconds and attempts. See ``PreviewSettings`` for what each means."""

    timeout: float = 30
    attempts: int = 5
    backoff: float = 1
    pause: float = 0.2
    patience: float = 120


def loopback(host: str) -> bool:
    """Whether this host name is this very machine by its form, without asking a name server."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


class Web:
    """The way to the outside for one channel. ``home`` is the setting ``preview``."""

    def __init__(self, home: str, manners: Manners) -> None:
        self._home = urlsplit(home)
        self._local = loopback(self._home.hostname or "")
        self._manners = manners
        self._session: Session | None = None
        self._last = -math.inf

    def page(self, url: str, *, etag: str = "", modified: str = "") -> Page:
        """A page on the host of ``home``, at most ``PAGE`` bytes of it.

        Raises ``ReaderError`` when it cannot be had, ``Later`` when the server asks to wait
        longer than one is prepared to.
        """
        headers = {"If-None-Match": etag, "If-Modified-Since": modified}
        wanted = {name: value for name, value in headers.items() if value}
        try:
            page: Page = self._patiently(url, lambda: self._page(url, wanted))
            return page
        except Unsafe as error:
            raise ReaderError(
                f"{url} cannot be read: {error}. The setting preview takes a public https address."
            ) from error

    def file(self, url: str, folder: Path, name: str, limit: int) -> Path:
        """The file behind ``url`` as ``folder/name``, complete or not at all.

        Raises ``Expired``, ``Unsafe`` (a forbidden address, more than ``limit`` bytes) and what
        ``page`` raises.
        """
        target = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._patiently(url, lambda: self._file(url, target, limit))
        except OSError as error:
            raise ReaderError(
                f"{folder} cannot be written: {error.strerror}. Make room there, or give this "
                "user the right to write there."
            ) from error
        return target

    def close(self) -> None:
        """Ends the connections."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _patiently(self, url: str, act: Any) -> Any:
        import stamina

        stamina.instrumentation.set_on_retry_hooks([])  # else it logs each retry to the terminal
        manners = self._manners

        def again(error: Exception) -> bool | float:
            if not isinstance(error, Trouble):
                return False
            if error.pause is not None and error.pause > manners.patience:
                return False
            return True if error.pause is None else max(error.pause, 0.001)

        try:
            for attempt in stamina.retry_context(
                on=again,
                attempts=manners.attempts,
                timeout=manners.attempts * manners.patience,
                wait_initial=manners.backoff,
                wait_max=manners.backoff * 30,
                wait_jitter=manners.backoff,
            ):
                with attempt:
                    return act()
        except Trouble as error:
            raise _verdict(error, urlsplit(url).hostname or url) from error
        raise AssertionError  # retry_context returns or raises

    def _page(self, url: str, headers: dict[str, str]) -> Page:
        self._breathe()
        deadline = time.monotonic() + self._manners.timeout * 4
        with self._answer(url, headers, guard=self._at_home) as (response, final):
            status = response.status_code
            if status == 304:
                return Page(final, status, None)
            body = bytearray()
            for chunk in _chunks(response, deadline):
                body += chunk
                if len(body) > PAGE:
                    raise ReaderError(
                        f"{final} is larger than {PAGE // 2**20} MB, which no page of Telegram's "
                        "preview is. Nothing was read from it."
                    )
            modified = response.headers.get("Last-Modified", "")
            return Page(final, status, bytes(body), response.headers.get("ETag", ""), modified)

    def _file(self, url: str, target: Path, limit: int) -> None:
        deadline = time.monotonic() + max(600.0, self._manners.timeout * 20)
        headers = {"Accept-Encoding": "identity"}
        with self._answer(url, headers, guard=self._public) as (response, final):
            kind = response.headers.get("Content-Type", "")
            if not 200 <= response.status_code < 300:
                raise Expired(f"{urlsplit(final).hostname} answered {response.status_code}")
            if kind.startswith("text/html"):
                raise Expired(f"{urlsplit(final).hostname} answered with a page, not with a file")
            length = response.headers.get("Content-Length", "")
            size = int(length) if length.isascii() and length.isdigit() else None
            if size is not None and size > limit:
                raise _too_large(limit)
            _store(_chunks(response, deadline), size, target, limit)

    @contextlib.contextmanager
    def _answer(
        self, url: str, headers: dict[str, str], guard: Any
    ) -> Iterator[tuple["Response", str]]:
        """The answer at the end of the redirects, each of them guarded."""
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        try:
            for _ in range(_HOPS):
                guard(url)
                response = self._get(url, headers)
                with response:
                    if response.status_code not in _REDIRECTS:
                        _weigh(response)
                        yield response, url
                        return
                    url = _onward(url, response.headers.get("Location", ""))
        except (RequestException, HTTPError) as error:
            raise Trouble(_why(error)) from error
        raise Trouble("it sends from one address to the next without end")

    def _get(self, url: str, headers: dict[str, str]) -> "Response":
        from requests import RequestException

        timeout = (min(10.0, self._manners.timeout), self._manners.timeout)
        try:
            return self._connected().get(
                url, headers=headers, timeout=timeout, stream=True, allow_redirects=False
            )
        except RequestException:
            raise
        except ValueError as error:  # requests looks where a redirect leads, even if not followed
            raise Trouble("it sends on to an address that is none") from error

    def _connected(self) -> "Session":
        if self._session is None:
            self._session = _session(self._local)
        return self._session

    def _breathe(self) -> None:
        wait = self._last + self._manners.pause - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._last = time.monotonic()

    def _at_home(self, url: str) -> None:
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) != (self._home.scheme, self._home.netloc):
            raise ReaderError(
                f"{self._home.netloc} sends the reader on to {parts.scheme}://{parts.netloc}, "
                "which is not where the preview is. Open the channel's address in a browser to "
                "see what stands there, and check the setting preview."
            )

    def _public(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise Unsafe("its address is no address") from None
        if self._local:
            if (parts.scheme, parts.netloc) != (self._home.scheme, self._home.netloc):
                raise Unsafe(f"its address leads from the test server to {parts.netloc}")
        elif parts.scheme != "https" or not host or parts.username is not None:
            raise Unsafe(f"its address is not a plain https one: {parts.scheme}://{host}")
        elif not _may_be_public(host):
            raise _private(host)


def _private(host: str) -> Unsafe:
    return Unsafe(f"its address leads into a private network: {host}")


def _onward(url: str, location: str) -> str:
    try:
        onward = urljoin(url, location)
        return urlsplit(onward).geturl()
    except ValueError:
        raise Trouble("it sends on to an address that is none") from None


def _may_be_public(host: str) -> bool:
    if loopback(host):
        return False
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_global
    return True


def _session(local: bool) -> "Session":
    """A session that speaks to public addresses only, unless it is for this very machine.

    A proxy from the environment is the user's own and is used; then the proxy looks names up.
    """
    from requests import Session
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool

    class Guarded(HTTPSConnection):
        def _new_conn(self) -> Any:
            sock = super()._new_conn()
            peer = sock.getpeername()[0].partition("%")[0]
            if self.proxy is None and not ipaddress.ip_address(peer).is_global:
                sock.close()
                raise _private(self.host)
            return sock

    class GuardedPool(HTTPSConnectionPool):
        ConnectionCls = Guarded

    session = Session()
    session.headers.update({"User-Agent": AGENT, "Accept-Language": "en"})
    session.cookies.set_policy(_no_cookies())
    session.auth = _nobody
    if local:
        session.trust_env = False
        return session
    adapter = HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"https": GuardedPool}
    session.mount("https://", adapter)
    return session


def _nobody(request: Any) -> Any:
    """No name and no password, also where ~/.netrc has one for the host."""
    return request


def _no_cookies() -> Any:
    from http.cookiejar import DefaultCookiePolicy

    return DefaultCookiePolicy(allowed_domains=[])


def _weigh(response: "Response") -> None:
    """Raises ``Trouble`` where asking again may help."""
    status = response.status_code
    if status in _WAIT:
        pause = _seconds(response.headers.get("Retry-After", ""))
        raise Trouble(f"it answered {status}", pause, status)
    if status >= 500:
        raise Trouble(f"it answered {status}", status=status)


def _seconds(value: str) -> float | None:
    """``Retry-After``, seconds or a date, in seconds from now; None where it says nothing."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return None


def _verdict(error: Trouble, host: str) -> Exception:
    if error.pause is not None or error.status == 429:
        wait = f" {math.ceil(error.pause)} seconds" if error.pause is not None else ""
        return Later(
            f"{host} asks to wait{wait or ' (too many requests)'}. Nothing is lost: the next run "
            "goes on from here."
        )
    return ReaderError(
        f"{host} cannot be reached: {error}. Check the network, and whether {host} opens in a "
        "browser on this machine; the next run tries again."
    )


def _why(error: Exception) -> str:
    from requests import exceptions

    if isinstance(error, exceptions.SSLError):
        return "its certificate is not valid"
    if isinstance(error, exceptions.ProxyError):
        return "the proxy does not let it through"
    if isinstance(error, exceptions.Timeout):
        return "it does not answer in time"
    if isinstance(error, exceptions.ConnectionError):
        return "there is no connection"
    return "its answer broke off"


def _chunks(response: "Response", deadline: float) -> Iterator[bytes]:
    """The body as it comes in, so that neither size nor slowness can hold us."""
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        yield chunk
        if time.monotonic() > deadline:
            raise Trouble("its answer takes too long")


def _store(chunks: Iterator[bytes], size: int | None, target: Path, limit: int) -> None:
    """Writes beside ``target`` and moves it there when it is whole."""
    handle, part = tempfile.mkstemp(prefix=".part-", dir=target.parent)
    try:
        done = 0
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                done += len(chunk)
                if done > limit:
                    raise _too_large(limit)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if done == 0 or (size is not None and done != size):
            raise Trouble("its answer broke off")
        Path(part).replace(target)
    finally:
        Path(part).unlink(missing_ok=True)


def _too_large(limit: int) -> Unsafe:
    return Unsafe(f"it is larger than {limit // 2**20} MB, the setting max_file")
