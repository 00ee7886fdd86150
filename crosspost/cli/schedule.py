"""Commands that let Crosspost run by itself: install-timer, cron-line."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import click

from crosspost.cli._common import config_of, dump, say
from crosspost.cli._options import shared
from crosspost.cli._plan import needs_of, plan_of, program, rhythm_of
from crosspost.cli.run import Span
from crosspost.errors import CrosspostError

SYSTEM: Final = Path("/etc/systemd/system")


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
    rhythm = rhythm_of(interval)
    words = sync_words(program(), config.path.absolute(), rhythm)
    line = made(words, rhythm, run_as or "")
    needs = needs_of(config)
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
    plan = plan_of(config_of(ctx), given)
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
