"""The way to a site: its name, its certificate, where it sends visitors, what its clock says."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

from crosspost import __version__
from crosspost.publishers import Finding

T = TypeVar("T")

_LIMIT: Final = 15.0
"""Seconds that a step on the network may take."""
CLOCK: Final = "the clock"
"""What publishers call the step that compares clocks, where they have one of their own."""
_SKEW: Final = 300
_EXPIRES: Final = 7
_ENOUGH: Final = 2**20


def in_step(moment: datetime) -> Finding:
    off = abs((moment - datetime.now(UTC)).total_seconds())
    return Finding(
        what=CLOCK,
        ok=off < _SKEW,
        detail="in step with the site's"
        if off < _SKEW
        else f"{off // 60:.0f} minutes off the site's",
        remedy=""
        if off < _SKEW
        else "Set this machine's (timedatectl set-ntp true), or the site's.",
    )


def way(url: str, clocks: list[datetime]) -> Iterator[Finding]:
    """The way to a site: its name, its certificate, where it sends visitors. ``clocks`` gets the
    site's."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    steps: list[Callable[[], Finding]] = [lambda: _named(host, port)]
    if parts.scheme == "https":
        steps.append(lambda: _certified(host, port))
    steps.append(lambda: _answers(url, clocks))
    for step in steps:
        found = step()
        yield found
        if not found.ok:
            return


def _named(host: str, port: int) -> Finding:
    def resolve() -> list[str]:
        return sorted({str(one[4][0]) for one in socket.getaddrinfo(host, port)})

    try:
        found = within(resolve)
    except (OSError, UnicodeError) as error:
        return Finding(
            what=f"the name {host}",
            ok=False,
            detail=f"is not found ({error})",
            remedy="Look at the spelling of «url», and at the name servers of this machine.",
        )
    return Finding(what=f"the name {host}", ok=True, detail=", ".join(found[:3]))


def _certified(host: str, port: int) -> Finding:
    what = "the certificate"
    try:
        with (
            socket.create_connection((host, port), timeout=_LIMIT) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            told = secure.getpeercert() or {}
            version = secure.version()
    except ssl.SSLCertVerificationError as error:
        return Finding(
            what=what,
            ok=False,
            detail=f"is not valid: {error.verify_message}",
            remedy="Renew it on the site (Let's Encrypt: certbot renew), with its whole chain "
            "(fullchain.pem), for this very host.",
        )
    except OSError as error:
        return Finding(
            what=what,
            ok=False,
            detail=f"nothing answers at {host}:{port} ({error})",
            remedy="Look whether the site is up, and whether a firewall lets this machine through.",
        )
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told["notAfter"])), UTC)
    days = (until - datetime.now(UTC)).days
    return Finding(
        what=what,
        ok=days >= _EXPIRES,
        detail=f"is valid for {days} days ({version})",
        remedy="" if days >= _EXPIRES else "Renew it on the site before it expires.",
    )


def _answers(url: str, clocks: list[datetime]) -> Finding:
    import requests

    what = f"the address {url}"
    try:
        with requests.get(
            url,
            timeout=_LIMIT,
            allow_redirects=False,
            stream=True,
            headers={"User-Agent": f"crosspost/{__version__}"},
        ) as answer:
            answer.raw.read(_ENOUGH)
    except requests.RequestException as error:
        return Finding(
            what=what,
            ok=False,
            detail=f"does not answer ({type(error).__name__})",
            remedy="Look whether the site is up, and whether a firewall lets this machine through.",
        )
    with suppress(ValueError, OverflowError):
        clocks.append(parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC))
    to = urlsplit(answer.headers.get("Location", ""))
    here = urlsplit(url)
    moved = 300 <= answer.status_code < 400 and to.hostname
    if moved and (to.scheme, to.hostname) != (here.scheme, here.hostname):
        return Finding(
            what=what,
            ok=False,
            detail=f"sends visitors on to {to.scheme}://{str(to.hostname)[:100]}",
            remedy="Put that address as «url»: nothing secret is sent to another place.",
        )
    return Finding(what=what, ok=True, detail=f"answers ({answer.status_code})")


def within(work: Callable[[], T], limit: float = _LIMIT) -> T:
    """What ``work`` answers or raises. Raises ``TimeoutError`` when that takes longer: looking up a
    name, for one, cannot be given a limit."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return answer.result(limit)
    except TimeoutError:
        if answer.done():
            raise
        raise TimeoutError(
            f"No answer in {limit:.0f} seconds. Look whether it is up, and whether a firewall lets "
            "this machine through."
        ) from None
