"""The words of a message: plain text, bounded, without secrets. Titles and reasons are of
strangers: nothing in them calls everybody together or begins a line of its own."""

import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from crosspost.logs import concealed
from crosspost.notify._state import Failing, Tells
from crosspost.report import shown

_LISTED: Final = 20
"""So many lines of a kind are told; more are counted."""
_LONGEST: Final = 400
"""Characters of a line."""
_WHOLE: Final = 3500
"""Characters of a message."""
_CALLS: Final = re.compile(r"@(?=(everyone|here|channel|all)\b)|<(?=[!@#])", re.IGNORECASE)


class Message(msgspec.Struct, frozen=True):
    """``kind`` is Apprise's: what colour or sign it has."""

    title: str
    body: str
    kind: Literal["info", "success", "warning", "failure"]


def compose(tells: Tells, origin: str, now: float) -> Message:
    """One message of all that is due."""
    lines: list[str] = []
    lines += _part("", [f"{_places(some)}: {some[0].text}" for some in _alike(tells.fails)])
    again = [
        f"{_place(one)} works again, after {_span(one.well - one.since)}" for one in tells.well
    ]
    lines += _part("", again)
    if tells.still and (tells.fails or tells.well):
        old = [f"{_place(one)}, since {_span(now - one.since)}" for one in tells.still]
        lines += _part("Still failing:", old)
    posts = [
        f"{one.text}{chr(10) + '    ' + one.remedy if one.remedy else ''}" for one in tells.waiting
    ]
    lines += _part("Waiting for you:", posts, tells.more)
    if tells.waiting:
        lines += ["All that waits: crosspost status -q", ""]
    body = _within("\n".join(lines).strip("\n"))
    body += f"\n\nFrom {origin}" if origin else ""
    kind: Literal["success", "warning", "failure"] = (
        "failure" if tells.fails else "warning" if tells.waiting else "success"
    )
    return Message(title=concealed(_title(tells)), body=body, kind=kind)


def _within(text: str) -> str:
    """As much of it as every service takes in one message (Telegram's take 4096 characters)."""
    if len(text) <= _WHOLE:
        return text
    kept = text[:_WHOLE].rpartition("\n")[0]
    return f"{kept}\n\n… and more: crosspost status"


def sample(origin: str) -> Message:
    """What ``notify --test`` sends."""
    body = "This is a test: word from Crosspost arrives here."
    return Message(title="Crosspost: a test", body=f"{body}\n\nFrom {origin}", kind="info")


def _title(tells: Tells) -> str:
    count = len(tells.waiting) + tells.more
    if tells.fails:
        groups = _alike(tells.fails)
        what = f"{_places(groups[0])} fails" if len(groups) == 1 else f"{len(tells.fails)} fail"
    elif tells.well:
        one, count = _place(tells.well[0]), len(tells.well)
        what = f"{one} works again" if count == 1 else f"{count} work again"
    else:
        what = f"{count} {'post waits' if count == 1 else 'posts wait'} for you"
    return f"Crosspost: {_safe(what)[:120]}"


def _part(heading: str, lines: list[str], more: int = 0) -> list[str]:
    if not lines:
        return []
    more += max(0, len(lines) - _LISTED)
    told = [f"• {concealed(_safe(line))}" for line in lines[:_LISTED]]
    rest = [f"… and {more:,} more"] if more else []
    return [*([heading] if heading else []), *told, *rest, ""]


def _safe(text: str) -> str:
    """As lines that start nothing of their own."""
    lines = (shown(line)[:_LONGEST] for line in text.split("\n    "))
    return _CALLS.sub(lambda found: f"{found[0]}\u200b", "\n    ".join(lines))


def _alike(failing: Iterable[Failing]) -> list[list[Failing]]:
    """Those of several blogs that fail for the same reason on the same site, together."""
    groups: dict[tuple[str, str], list[Failing]] = {}
    for one in failing:
        groups.setdefault((one.site or one.blog, one.text), []).append(one)
    return list(groups.values())


def _places(some: list[Failing]) -> str:
    if len(some) == 1:
        return _place(some[0])
    names = [one.blog for one in some]
    blogs = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{blogs} → {some[0].site}"


def _place(one: Failing) -> str:
    return (f"{one.blog} → {one.site}" if one.site else one.blog) or "the run"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
