"""Schedules: how often a run begins, as cron and as systemd say it.

    every(seconds)      a rhythm that both can keep
    cron_line(…)        a line for crontab(5)
    units(plan)         a service and a timer, systemd.service(5), systemd.timer(5)

Pure: nothing is read or written here.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Template

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_PLAIN: Final = re.compile(r"[\w./:=@+-]+")
_LONGEST: Final = _HOUR
"""Even where runs are rare, one that takes longer ends and goes on the next time."""


class Rhythm(NamedTuple):
    """``cron``: the five fields. ``calendar``: an expression of systemd.time(7). ``max_time`` and
    ``jitter``: seconds, so that a run is over before the next one."""

    cron: str
    calendar: str
    seconds: int
    max_time: int
    jitter: int


def every(seconds: float) -> Rhythm:
    """The rhythm. Raises ``ValueError`` where the hour or the day cannot be divided so."""
    whole = int(seconds)
    minutes, hours = whole // _MINUTE, whole // _HOUR
    if whole < _HOUR and minutes and whole % _MINUTE == 0 and 60 % minutes == 0:
        step = "*" if minutes == 1 else f"*/{minutes}"
        cron, calendar = f"{step} * * * *", f"*:0/{minutes}"
    elif _HOUR <= whole < _DAY and whole % _HOUR == 0 and 24 % hours == 0:
        step = "*" if hours == 1 else f"*/{hours}"
        cron, calendar = f"7 {step} * * *", f"0/{hours}:07"
    elif whole == _DAY:
        cron, calendar = "7 4 * * *", "*-*-* 04:07"
    else:
        raise ValueError(
            "it divides an hour or a day evenly: 1m, 2m, 5m, 10m, 15m, 20m, 30m, 1h, 2h, 3h, 4h, "
            "6h, 8h, 12h or 1d"
        )
    return Rhythm(cron, calendar, whole, min(whole * 4 // 5, _LONGEST), min(whole // 10, _MINUTE))


def sync_words(program: Sequence[str], config: Path, rhythm: Rhythm) -> list[str]:
    """The command of one run: silent unless a person is needed, and over before the next one."""
    return [*program, "-q", "-c", str(config), "sync", "--max-time", _span(rhythm.max_time)]


def _span(seconds: int) -> str:
    return f"{seconds}s" if seconds % _MINUTE else f"{seconds // _MINUTE}m"


def cron_line(words: Sequence[str], rhythm: Rhythm, user: str = "") -> str:
    """The line, with the field of a user where there is one (as in /etc/cron.d). In a crontab, a
    ``%`` would end the command."""
    command = shlex.join([*words, "--jitter", _span(rhythm.jitter)]).replace("%", "\\%")
    return f"{rhythm.cron} {user + ' ' if user else ''}{command}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the units are made of. ``user``: for the service manager of this user, else of the
    system, as ``run_as`` ("" for a user that exists only while it runs). ``writable``: folders that
    are. ``home``: whether something to be read is in a home folder. ``credentials``: names and
    files. ``shared_tmp``: whether a lock in the machine's folder for temporary files must be seen.
    ``sandbox``: whether file systems can be hidden, which not every kernel lets users do."""

    name: str
    words: Sequence[str]
    base: Path
    calendar: str
    jitter: int
    longest: int
    user: bool = False
    run_as: str = ""
    writable: Sequence[Path] = ()
    home: bool = False
    credentials: Sequence[tuple[str, Path]] = ()
    environment_file: Path | None = None
    shared_tmp: bool = False
    sandbox: bool = True


def units(plan: Plan) -> dict[str, str]:
    """The text of each unit by its file's name."""
    given = {
        "name": plan.name,
        "user": plan.user,
        "run_as": plan.run_as,
        "command": " ".join(word(part, command=True) for part in plan.words),
        "base": str(plan.base).replace("%", "%%"),
        "calendar": plan.calendar,
        "jitter": plan.jitter,
        "longest": plan.longest,
        "writable": [word(str(folder)) for folder in plan.writable],
        "home": plan.home,
        "credentials": [
            f"{name}:{str(file).replace('%', '%%')}" for name, file in plan.credentials
        ],
        "environment_file": str(plan.environment_file or "").replace("%", "%%"),
        "shared_tmp": plan.shared_tmp,
        "sandbox": plan.sandbox,
    }
    return {f"{plan.name}.{kind}": _template(kind).render(given) for kind in ("service", "timer")}


def word(text: str, *, command: bool = False) -> str:
    """A word as systemd reads it: in quotes, with its specifiers and, in a ``command``, its
    variables taken for plain text."""
    if _PLAIN.fullmatch(text):
        return text
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{plain.replace("$", "$$") if command else plain}"'


@cache
def _template(kind: str) -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    env = Environment(  # noqa: S701 - no HTML
        loader=PackageLoader("crosspost"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return env.get_template(f"systemd/{kind}.txt")
