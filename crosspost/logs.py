"""What is written down while a run goes on, and what must never be: secrets.

    listening(kind)      from here on, our log goes to stderr: as "text", as "json", or, with "",
                         only warnings and errors, each as one line
    about(run=, post=)   what is logged now belongs to this run and post
    event(what, **more)  one thing that happened
    conceal(secret)      never to be shown; ``concealed(text)`` is the text without any of them

The standard library's logging carries it, so that what libraries have to say arrives in the same
form. One JSON object a line; docs/monitoring.md names its keys. No traceback is ever shown: where
in our code an error came from is one list of places, without the values that were there.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from json import dumps
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, quote_plus

Fields = dict[str, Any]

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SHORTEST: Final = 8
"""A shorter secret, or a plain word, is none; taking it out would make every text unreadable."""
_WORD: Final = 12
_DEEPEST: Final = 8
"""So many places of an error are named."""
_log: Final = logging.getLogger("crosspost")
_log.addHandler(logging.NullHandler())
_context: ContextVar[Fields] = ContextVar("crosspost_log", default={})  # noqa: B039 - never changed
_secrets: set[str] = set()
_kind: list[str] = [""]


def conceal(secret: str) -> None:
    """Never to be shown: in itself, in an address, in JSON, or within what a site was sent as
    base64."""
    if len(secret) >= (_WORD if secret.isalpha() else _SHORTEST):
        _secrets.update({secret, quote(secret), quote(secret, safe=""), quote_plus(secret)})
        _secrets.update({dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1]})
        _secrets.update(_in_base64(secret.encode("utf-8", "replace")))


def _in_base64(secret: bytes) -> Iterator[str]:
    """What is always the same of it, whatever stands before and after (RFC 4648, section 4)."""
    from base64 import b64encode

    for before in range(3):
        whole = b64encode(bytes(before) + secret).decode()
        yield whole[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]


def concealed(text: str) -> str:
    """The text, with … where a secret was."""
    for secret in sorted(_secrets, key=len, reverse=True) if text else ():
        text = text.replace(secret, "…")
    return text


def clean(value: Any) -> Any:
    """The same without secrets, as JSON may have it, whatever is in it."""
    if isinstance(value, str):
        return concealed(value).encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {clean(str(key)): clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean(str(value))


def about(**fields: Any) -> None:
    """What is logged from now on in this thread has these fields; "" takes one away."""
    kept = {**_context.get(), **fields}
    _context.set({name: value for name, value in kept.items() if value != ""})


def event(
    what: str, level: str = "info", *, error: BaseException | None = None, **fields: Any
) -> None:
    """Something happened. It is for the log alone: without one, nobody hears of it."""
    if _log.isEnabledFor(_LEVELS[level]):
        _log.log(_LEVELS[level], what, exc_info=error, extra={"fields": fields})


def chosen() -> str:
    """The kind of log there is: text, json, or "" for none."""
    return _kind[0]


@contextmanager
def listening() -> Iterator[None]:
    """The log of one command. ``choose``, before or in it, says what of it is shown."""
    handler = _Stderr()
    handler.setFormatter(_Line())
    root = logging.getLogger()
    context = _context.get()
    _context.set({})
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        _log.setLevel(logging.NOTSET)
        _kind[0] = ""
        _context.set(context)


def choose(kind: str) -> None:
    """The log goes to stderr, as "text" or "json"."""
    _kind[0] = kind
    _log.setLevel(logging.INFO)


class _Stderr(logging.Handler):
    """Writes to what is stderr at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        ours = record.name.partition(".")[0] == "crosspost"
        if record.levelno < logging.WARNING and not (ours and _kind[0]):
            return
        if not _kind[0] and hasattr(record, "fields"):
            return
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # nobody reads: the run goes on all the same
            pass


class _Line(logging.Formatter):
    """A record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        import re

        fields = _fields(record)
        if _kind[0] == "json":
            import msgspec

            return msgspec.json.encode(clean(fields)).decode()
        words = concealed(str(fields["event"]))
        if not _kind[0]:
            text = f"crosspost: {fields.get('post', '')}{': ' if fields.get('post') else ''}{words}"
        else:
            left = ("time", "level", "event", "logger")
            more = " ".join(f"{k}={concealed(str(v))}" for k, v in fields.items() if k not in left)
            text = f"{fields['time']} {fields['level']:7} {words}{f'  {more}' if more else ''}"
        return re.sub("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", " ", text)


def _fields(record: logging.LogRecord) -> Fields:
    told: Fields = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "event": record.getMessage(),
    }
    told |= _context.get()
    told |= {key: value for key, value in getattr(record, "fields", {}).items() if value != ""}
    if record.name != "crosspost":
        told["logger"] = record.name
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        told["error"] = f"{type(error).__name__}: {error}"
        told["at"] = places(record.exc_info[2])
    return told


def places(trace: TracebackType | None) -> list[str]:
    """Where in the code, outermost first; no values."""
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        module = trace.tb_frame.f_globals.get("__name__", "?")
        found.append(f"{module}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return found[-_DEEPEST:]
