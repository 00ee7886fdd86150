"""Kinds of values that the config's settings share: secrets, spans of time, sizes, addresses.

    password = {env = "WP_PASSWORD"}        Secret: env, file, credential or keyring, or as it is
    settle   = "60s"                        Span: s, m, h, d
    max_media = "200 MB"                    Size: B, KB, MB, GB
    url      = "https://example.com"        WebAddress, and ``private`` for one that is sent secrets

Readers and publishers use them in their own ``Settings``; ``config`` validates with the context
``{"base": <folder of the config>}``, from which relative paths start.
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from crosspost.logs import conceal

_SPAN: Final = re.compile(r"(\d{1,6})\s*(s|m|h|d)", re.ASCII)
_SIZE: Final = re.compile(r"(\d{1,6})\s*(B|KB|MB|GB)", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_POWERS: Final = {"B": 0, "KB": 1, "MB": 2, "GB": 3}
WAYS: Final = ("env", "file", "credential", "keyring")
"""Where a secret may be kept."""
_LARGEST: Final = 64 * 1024
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
STORES: Final = ("/etc/credstore", "/run/credstore")
"""Where systemd keeps credentials of the machine."""


def base_of(info: ValidationInfo) -> Path:
    """The folder that relative paths start from."""
    return Path((info.context or {}).get("base", "."))


def revealed(value: Any, base: Path) -> str:
    """The secret that ``{env = …}``, ``{file = …}``, ``{credential = …}`` or ``{keyring = …}``
    leads to. Raises ``ValueError``, which tells where it was looked for and never what was
    found."""
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in WAYS:
        raise ValueError(
            'it is a text, {env = "NAME"}, {file = "path"}, {credential = "name"} or '
            '{keyring = "name"}'
        )
    ((way, name),) = value.items()
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"«{way}» takes a name")
    if way == "env":
        return _from_env(name)
    if way == "credential":
        return _from_file(credential(name))
    return _from_file(base / Path(name).expanduser()) if way == "file" else _from_keyring(name)


def _secret(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, SecretStr):
        return value
    found = value if isinstance(value, str) else revealed(value, base_of(info))
    conceal(found)
    return found


def _from_env(name: str) -> str:
    found = os.environ.get(name)
    if not found:
        raise ValueError(f"the environment variable {name} is not set")
    return found


def _from_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            found = file.read(_LARGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ValueError(f"the file {path} cannot be read: {reason}") from None
    if not found:
        raise ValueError(f"the file {path} is empty")
    return found


def credential(name: str) -> Path:
    """Where systemd put the credential of this name for us; else, for a run by hand, where systemd
    takes it from (https://systemd.io/CREDENTIALS/). Raises ``ValueError``."""
    if "/" in name or name in (".", ".."):
        raise ValueError(f"«{name}» is no credential's name: it is a file's name without folders")
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    own = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    places = [Path(given)] if given else [Path(own, "credstore"), *map(Path, STORES)]
    for place in places:
        if (place / name).exists():
            return place / name
    if given:
        raise ValueError(
            f"systemd gave no credential {name}: its unit needs LoadCredential={name}; crosspost "
            "install-timer writes it anew"
        )
    raise ValueError(
        f"there is no credential {name} in {' or '.join(map(str, places))}: put it there, in a "
        "file that only its owner can read"
    )


def _from_keyring(name: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise ValueError("the keyring needs one more package: pip install keyring") from None
    try:
        found = keyring.get_password("crosspost", name)
    except KeyringError as error:
        raise ValueError(f"the keyring cannot be read: {error}") from None
    if not found:
        raise ValueError(f"the keyring has no «{name}»: set it with keyring set crosspost {name}")
    return found


def _span(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError("it is a span of time such as 60s, 5m, 2h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _size(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError("it is a size such as 500 KB, 200 MB or 2 GB")
    return int(found[1]) * int(1024 ** _POWERS[found[2]])


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be the site's address, such as https://example.com/blog/")
    if parts.username or parts.password:
        raise ValueError("must hold no password: that has a setting of its own")
    return url.rstrip("/") + "/"


def private(url: str, insecure: bool) -> None:
    """Raises ``ValueError`` where others could read what is sent to ``url``, and nobody said that
    this is right."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not insecure:
        raise ValueError(
            "«url» begins with http://, so what is sent, the password too, could be read on the "
            "way: use https://, or say insecure = true"
        )


Secret = Annotated[SecretStr, BeforeValidator(_secret)]
"""A password or key, from where it is kept. Printing it shows asterisks."""
Span = Annotated[timedelta, BeforeValidator(_span)]
"""A span of time."""
Size = Annotated[int, BeforeValidator(_size)]
"""A number of bytes."""
AtOnce = Annotated[int, Field(ge=1, le=8, exclude=True)]
"""So many of something at the same time. No article looks other for it, so it is no part of what
decides about that."""
WebAddress = Annotated[str, AfterValidator(_web_address)]
"""A site's address, with a slash at its end."""
