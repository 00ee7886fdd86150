"""What a schedule must know of the config: what it takes from outside, where it writes, who may."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from crosspost.errors import ConfigError, CrosspostError

if TYPE_CHECKING:
    from crosspost.config import Config
    from crosspost.schedule import Plan, Rhythm

_HOMES: Final = ("/home", "/root", "/run/user")
_GRACE: Final = 120
"""Seconds beyond its time after which a run is asked to end."""


class Needs(NamedTuple):
    """What the config takes from outside: names of environment variables, of credentials, and of
    passwords in the keyring."""

    env: list[str]
    credential: list[str]
    keyring: list[str]


def needs_of(config: "Config") -> Needs:
    data = tomllib.loads(config.path.read_text("utf-8-sig"))
    found: dict[str, list[str]] = {"env": [], "credential": [], "keyring": []}

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if len(value) == 1 and (way := next(iter(value))) in found:
                name = value[way]
                if isinstance(name, str) and name not in found[way]:
                    found[way].append(name)
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    for key, value in data.items():
        if key != "blog":
            look(value)
    return Needs(**found)


def program() -> list[str]:
    """This very program, by its whole path."""
    python = Path(os.path.abspath(sys.executable))  # noqa: PTH100 - a venv's link must stay one
    script = python.with_name("crosspost")
    return [str(script)] if script.is_file() else [str(python), "-m", "crosspost"]


def rhythm_of(interval: float) -> "Rhythm":
    from crosspost.schedule import every

    try:
        return every(interval)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--interval") from None


def plan_of(config: "Config", given: dict[str, Any]) -> "Plan":
    from crosspost.schedule import Plan, sync_words

    user, run_as = not given["system"], given["run_as"] or ""
    rhythm = rhythm_of(300 if given["on_calendar"] else given["interval"])
    calendar = _calendar(given["on_calendar"]) if given["on_calendar"] else rhythm.calendar
    writable = _outermost(_written(config))
    home = any(map(_at_home, [config.base.resolve(), *map(Path, _read_from(config)), *writable]))
    _check_user(user, run_as)
    _check_needs(config, given)
    if not user and not run_as:
        _check_passing(config, given["name"], writable, home)
    return Plan(
        name=given["name"],
        words=sync_words(program(), config.path.absolute(), rhythm),
        base=config.base,
        calendar=calendar,
        jitter=rhythm.jitter if given["jitter"] is None else int(given["jitter"]),
        longest=rhythm.max_time + _GRACE,
        user=user,
        run_as=run_as,
        writable=writable,
        home=home,
        credentials=_credentials(config),
        environment_file=given["environment_file"] and given["environment_file"].absolute(),
        shared_tmp=_has_session_string(config),
        sandbox=not user or _can_hide(),
    )


def _written(config: "Config") -> Iterator[Path]:
    """The folders that a run writes to."""
    yield config.ledger.parent
    yield from config.site_paths.values()
    if config.textfile:
        yield config.textfile.parent
    if "telegram" in config.readers:
        from crosspost.readers.telegram._session import path_of

        if _has_session_string(config):  # its lock is there
            yield Path(gettempdir())
        else:
            yield path_of(config.telegram(), config.base).parent
    if config.cache:
        yield config.cache


def _has_session_string(config: "Config") -> bool:
    return "telegram" in config.readers and bool(config.telegram().session_string)


def _read_from(config: "Config") -> Iterator[str]:
    """Where the program and an export are."""
    yield sys.prefix
    yield os.path.realpath(sys.executable)
    for blog in config.blogs.values():
        if blog.source.reader == "export":
            yield str((config.base / Path(blog.source.channel).expanduser()).absolute())


def _at_home(path: Path) -> bool:
    return any(path.is_relative_to(home) for home in _HOMES)


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """The folders without those that lie in another one of them."""
    whole = sorted({Path(os.path.abspath(folder)) for folder in folders})  # noqa: PTH100
    kept: list[Path] = []
    for folder in whole:
        if not any(folder.is_relative_to(other) for other in kept):
            kept.append(folder)
    return kept


def _calendar(expression: str) -> str:
    tool = shutil.which("systemd-analyze")
    if tool:
        done = subprocess.run(  # noqa: S603
            [tool, "calendar", expression], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise click.BadParameter(
                f"«{expression}» is no time that systemd knows: see man systemd.time, or use "
                "--interval",
                param_hint="--on-calendar",
            )
    if "\n" in expression:
        raise click.BadParameter("it is one line", param_hint="--on-calendar")
    return expression


def _check_user(user: bool, run_as: str) -> None:
    import pwd

    if user and run_as:
        raise click.UsageError("--run-as is for --system: your own timer runs as you.")
    if run_as:
        try:
            pwd.getpwnam(run_as)
        except KeyError:
            raise CrosspostError(
                f"There is no user {run_as}. To make one: adduser --system --group {run_as}"
            ) from None


def _check_needs(config: "Config", given: dict[str, Any]) -> None:
    needs, problems = needs_of(config), []
    if needs.env and not given["environment_file"]:
        problems.append(
            f"{config.path} takes {', '.join(needs.env)} from the environment, which a timer does "
            'not have. Write {credential = "name"} there, or put NAME=value lines into a file that '
            "only its owner can read, and name it: --environment-file FILE"
        )
    if needs.keyring and given["system"]:
        problems.append(
            f"{config.path} takes {', '.join(needs.keyring)} from the keyring, which only a person "
            'who is logged in can open. Write {credential = "name"} there'
        )
    if problems:
        raise ConfigError(*problems)


def _check_passing(config: "Config", name: str, writable: list[Path], home: bool) -> None:
    """Whether a user that exists only while it runs can do it."""
    remedy = "Name a user that it is to run as: --run-as USER"
    own = (Path("/var/lib", name), Path("/var/cache", name))
    foreign = [one for one in writable if not any(one.is_relative_to(place) for place in own)]
    if foreign:
        raise CrosspostError(
            f"Without --run-as it writes to /var/lib/{name} and /var/cache/{name} only, but "
            f"{config.path} lets it write to {', '.join(map(str, foreign))}. {remedy}"
        )
    if home:
        raise CrosspostError(
            f"The config, the program or an export is in a home folder, which others cannot read. "
            f"{remedy}"
        )
    if not config.path.stat().st_mode & 0o004:
        raise CrosspostError(f"Only some users can read {config.path}. {remedy}")


def _credentials(config: "Config") -> list[tuple[str, Path]]:
    from crosspost.settings import credential

    return [(name, credential(name).absolute()) for name in needs_of(config).credential]


def _can_hide() -> bool:
    """Whether the kernel lets a user make namespaces, which hiding file systems needs."""
    tool = shutil.which("unshare")
    if tool is None:
        return False
    done = subprocess.run(  # noqa: S603
        [tool, "--user", "--map-root-user", "--mount", "true"], capture_output=True, check=False
    )
    return done.returncode == 0
