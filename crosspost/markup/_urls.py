"""Which addresses a reader of the site may be sent to."""

import re
from typing import Final
from urllib.parse import quote, urlsplit

LONGEST: Final = 8192
_USUAL: Final = re.compile(
    r"https?://(?:[a-z0-9-]{1,63}\.){1,3}[a-z]{2,24}(?:[/?#][\w!#$%&()*+,./:;=?@~-]*)?", re.ASCII
)
"""Addresses that stay as they are; only a quick way past the questions to all the others."""
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ENCODED: Final = re.compile(r"""[\s<>"'`{}|\\^]""")
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.ASCII | re.IGNORECASE)
_PORT: Final = re.compile(r"[\w.-]+:\d{1,5}(?:[/?#]|$)")
_HOST: Final = re.compile(r"(?:[\w-]+\.)*[\w-]+\.?")
_DOMAIN: Final = re.compile(r"(?:[\w-]+\.)+(?:[^\W\d_]{2,}|xn--[a-z0-9-]+)\.?", re.IGNORECASE)
_MAIL: Final = re.compile(r"[^@\s/?#:]+@(?:[\w-]+\.)*[\w-]+(?:\?\S*)?")
_PHONE: Final = re.compile(r"\+?[\d().*#-]{2,40}(?:;[\w=.+-]*)?", re.ASCII)


def safe_url(url: str) -> str | None:
    """The address to put into ``href``, or None if a reader must not be sent there.

    http, https, mailto, tel and tg pass; so does an address without scheme as Telegram's clients
    write it (``example.com/x``, ``//example.com``) and gets ``https://``. None for every other
    scheme, for control characters, for a password or a bad host in it, and for addresses
    relative to the page. Idempotent. Characters that could end an attribute are percent-encoded.
    """
    if len(url) <= LONGEST and _USUAL.fullmatch(url):
        return url
    url = url.strip()
    if not url or len(url) > LONGEST or _CONTROL.search(url):
        return None
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    if "." in scheme and _PORT.match(url):
        scheme = ""
    rest = url[len(scheme) + 1 :] if scheme else url
    if scheme in ("http", "https"):
        return _web(scheme, rest)
    if scheme == "":
        return _bare(url)
    return _other(scheme, _encoded(rest))


def _bare(url: str) -> str | None:
    url = url.removeprefix("//")
    host = re.split(r"[/?#:]", url, maxsplit=1)[0]
    return _web("https", f"//{url}") if _DOMAIN.fullmatch(host) else None


def _web(scheme: str, rest: str) -> str | None:
    if not rest.startswith("//"):
        return None
    authority = re.split(r"[/?#]", rest[2:], maxsplit=1)[0]
    if _ENCODED.search(authority) or "@" in authority or "%" in authority:
        return None
    url = f"{scheme}:{_encoded(rest)}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    return url if ":" in host or (len(host) < 254 and _HOST.fullmatch(host)) else None


def _other(scheme: str, rest: str) -> str | None:
    if scheme == "mailto":
        return f"mailto:{rest}" if _MAIL.fullmatch(rest) else None
    if scheme == "tel":
        return f"tel:{rest}" if _PHONE.fullmatch(rest) else None
    if scheme == "tg":
        return f"tg:{rest}" if rest.strip("/") else None
    return None


def _encoded(part: str) -> str:
    return _ENCODED.sub(lambda found: quote(found[0], safe=""), part)
