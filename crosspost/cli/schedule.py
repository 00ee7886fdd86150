"""Commands that let Crosspost run by itself: install-timer, cron-line."""

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

from crosspost.cli._common import config_of, dump, say
from crosspost.cli._options import shared
from crosspost.cli.run import Span
from crosspost.errors import ConfigError, CrosspostError

if TYPE_CHECKING:
    from crosspost.config import Config
    from crosspost.schedule import Plan, Rhythm

SYSTEM: Final = Path("/etc/systemd/system")
_HOMES: Final = ("/home", "/root", "/run/user")
_GRACE: Final = 120
"""Seconds beyond its time after which a run is asked to end."""


class Needs(NamedTuple):
    """What the config takes from outside: names of environment variables, of credentials, and of
    passwords in the keyring."""

    env: list[str]
    credential: list[str]
    keyring: list[str]


def _needs(config: "Config") -> Needs:
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


def _program() -> list[str]:
    """This very program, by its whole path."""
    python = Path(os.path.abspath(sys.executable))  # noqa: PTH100 - a venv's link must stay one
    script = python.with_name("crosspost")
    return [str(script)] if script.is_file() else [str(python), "-m", "crosspost"]


def _rhythm(interval: float) -> "Rhythm":
    from crosspost.schedule import every

    try:
        return every(interval)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--interval") from None


@click.command(
    epilog="""\b
Examples:
  crosspost cron-line
  (crontab -l; crosspost cron-line --interval 15m) | crontab -
  crosspost cron-line --run-as crosspost > /etc/cron.d/crosspost
One run at a time is Crosspost's own affair: the line needs no flock.
""",
)
@click.option(
    "--interval", type=Span(), default="5m", show_default=True, help="How often a run begins."
)
@click.option("--run-as", metavar="USER", help="Add the field of a user, for /etc/cron.d.")
@shared
@click.pass_context
def cron_line(ctx: click.Context, interval: float, run_as: str | None) -> None:
    """Print a line for crontab that runs sync, silent unless a person is needed."""
    from crosspost.schedule import cron_line as made
    from crosspost.schedule import sync_words

    config = config_of(ctx)
    rhythm = _rhythm(interval)
    words = sync_words(_program(), config.path.absolute(), rhythm)
    line = made(words, rhythm, run_as or "")
    needs = _needs(config)
    unmet = [
        *(f"cron does not know {name}: write {name}=… above the line, or better "
          '{file = "path"} in the config' for name in needs.env),
        *(f"cron cannot open the keyring for «{name}»: write {{file = \"path\"}} in the config"
          for name in needs.keyring),
    ]  # fmt: skip
    if ctx.obj["json"]:
        dump({"line": line, "needs": unmet})
        return
    click.echo(
        "# Crosspost. What it says, it says because a person is needed; cron mails it to MAILTO."
    )
    click.echo("#MAILTO=you@example.com")
    click.echo(line)
    for one in unmet:
        say(f"note: {one}", err=True)


@click.command(
    epilog="""\b
Examples:
  crosspost install-timer --print               see it first
  crosspost install-timer                       for you, every five minutes
  sudo crosspost install-timer --system -c /etc/crosspost/crosspost.toml --run-as crosspost
  crosspost install-timer --on-calendar "Mon..Fri *:0/10"
  crosspost install-timer --remove
""",
)
@click.option(
    "--interval", type=Span(), default="5m", show_default=True, help="How often a run begins."
)
@click.option("--on-calendar", metavar="EXPR", help="When instead, as systemd.time(7) says it.")
@click.option("--jitter", type=Span(), help="Up to so long later, by chance.  [default: a tenth]")
@click.option("--system", is_flag=True, help="For the whole machine, not for you alone.")
@click.option("--run-as", metavar="USER", help="With --system: the user it runs as.")
@click.option("--name", default="crosspost", show_default=True, help="The name of the units.")
@click.option(
    "--environment-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of NAME=value lines that the config takes from the environment.",
)
@click.option("--print", "show", is_flag=True, help="Print the units; change nothing.")
@click.option("--remove", is_flag=True, help="Stop and remove the units.")
@shared
@click.pass_context
def install_timer(ctx: click.Context, /, **given: Any) -> None:
    """Let systemd run sync, now and after every start of the machine."""
    from crosspost.config._settings import NAME
    from crosspost.schedule import units

    name, user = given["name"], not given["system"]
    if not NAME.fullmatch(name):
        raise click.BadParameter("small Latin letters, digits, - and _", param_hint="--name")
    folder = _folder(user)
    if given["remove"]:
        gone = _remove(folder, name, user)
        _told(ctx, gone, "Removed " if gone else "There were none: ", removed=True)
        return
    plan = _plan(config_of(ctx), given)
    texts = units(plan)
    if given["show"]:
        if ctx.obj["json"]:
            dump({"units": {str(folder / file): text for file, text in texts.items()}})
            return
        for file, text in texts.items():
            click.echo(f"# {folder / file}\n{text}")
        return
    for place in plan.writable:
        _make(place, plan.run_as)
    _install(folder, texts, name, user)
    _told(ctx, [folder / file for file in texts], "Wrote ", removed=False)
    if not ctx.obj["json"] and not ctx.obj["quiet"]:
        _say_next(name, user, plan.sandbox)


def _told(ctx: click.Context, files: list[Path], verb: str, *, removed: bool) -> None:
    if ctx.obj["json"]:
        dump({"units": [str(file) for file in files], "removed": removed})
    elif not ctx.obj["quiet"]:
        say(f"{verb}{', '.join(map(str, files)) or 'no units'}")


def _say_next(name: str, user: bool, sandbox: bool) -> None:
    whose = "--user " if user else ""
    say(f"When it runs next:  systemctl {whose}list-timers {name}.timer")
    say(f"What it said:       journalctl {whose}-u {name}.service")
    say(f"Run it now:         systemctl {whose}start {name}.service")
    if user:
        say("It runs while you are logged in. To let it run always: loginctl enable-linger")
    if not sandbox:
        say("note: this kernel lets no user hide file systems, so the unit does without")


def _folder(user: bool) -> Path:
    own = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(own, "systemd", "user") if user else SYSTEM


# --- What the units say ---


def _plan(config: "Config", given: dict[str, Any]) -> "Plan":
    from crosspost.schedule import Plan, sync_words

    user, run_as = not given["system"], given["run_as"] or ""
    rhythm = _rhythm(300 if given["on_calendar"] else given["interval"])
    calendar = _calendar(given["on_calendar"]) if given["on_calendar"] else rhythm.calendar
    writable = _outermost(_written(config))
    home = any(map(_at_home, [config.base.resolve(), *map(Path, _read_from(config)), *writable]))
    _check_user(user, run_as)
    _check_needs(config, given)
    if not user and not run_as:
        _check_passing(config, given["name"], writable, home)
    return Plan(
        name=given["name"],
        words=sync_words(_program(), config.path.absolute(), rhythm),
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
    needs, problems = _needs(config), []
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

    return [(name, credential(name).absolute()) for name in _needs(config).credential]


def _can_hide() -> bool:
    """Whether the kernel lets a user make namespaces, which hiding file systems needs."""
    tool = shutil.which("unshare")
    if tool is None:
        return False
    done = subprocess.run(  # noqa: S603
        [tool, "--user", "--map-root-user", "--mount", "true"], capture_output=True, check=False
    )
    return done.returncode == 0


# --- Writing them ---


def _make(folder: Path, run_as: str) -> None:
    """A folder that the unit names must be there when it starts."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True)
    if run_as:
        shutil.chown(folder, run_as)


def _install(folder: Path, texts: dict[str, str], name: str, user: bool) -> None:
    if shutil.which("systemctl") is None:
        raise CrosspostError(
            "There is no systemd on this machine (systemctl is not found). Use cron: crosspost "
            "cron-line"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (folder / file).write_text(text, "utf-8")
    _systemctl(user, "daemon-reload")
    _systemctl(user, "enable", "--now", f"{name}.timer")


def _remove(folder: Path, name: str, user: bool) -> list[Path]:
    files = [folder / f"{name}.{kind}" for kind in ("timer", "service")]
    there = [file for file in files if file.exists()]
    if there:
        _systemctl(user, "disable", "--now", f"{name}.timer")
        for file in there:
            file.unlink()
        _systemctl(user, "daemon-reload")
    return there


def _systemctl(user: bool, *words: str) -> None:
    whose = ["--user"] if user else []
    done = subprocess.run(  # noqa: S603
        [shutil.which("systemctl") or "systemctl", *whose, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
        raise CrosspostError(
            f"systemctl {' '.join([*whose, *words])} failed: {said}. Mend that and run this "
            "again, or use cron: crosspost cron-line"
        )
