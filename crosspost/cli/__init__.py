"""The command line: words in, a report and an exit code out. No logic lives here.

Commands are in the rooms beside this one; each is imported when it is called, so that ``--help``
and a run with nothing to do load next to nothing.
"""

import errno
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

import click

from crosspost import __version__
from crosspost.cli._options import shared_here
from crosspost.errors import Busy, CrosspostError

COMMANDS: Final = {
    "sync": "run",
    "backfill": "run",
    "resolve": "decide",
    "withdraw": "decide",
    "undo": "decide",
    "verify": "decide",
    "doctor": "doctor",
    "approve": "review",
    "skip": "review",
    "retry": "voice",
    "edit": "edit",
    "render": "render",
    "preview": "look",
    "status": "look",
    "show": "look",
    "rules": "rules",
    "watch": "live",
    "login": "live",
    "logout": "live",
    "channels": "live",
    "install-timer": "schedule",
    "cron-line": "schedule",
    "backup": "data",
    "restore": "data",
    "compact": "data",
    "export": "data",
    "notify": "voice",
    "init": "setup",
    "completion": "setup",
}
"""Every command and the room it is in."""


class Main(click.Group):
    """Finds commands when they are called, and turns our errors into a line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"crosspost.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each with its whole sentence, over two lines where it must be."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(200)) for name, command in found if command]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            if near and "Did you mean" not in error.message:
                raise click.UsageError(f"{error.message} Did you mean «{near[0]}»?", ctx) from None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        from crosspost.logs import listening

        with listening():
            return self._invoked(ctx)

    def _invoked(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CrosspostError as error:
            if isinstance(error, Busy) and ctx.obj["quiet"]:
                ctx.exit(0)
            _fail(ctx, str(error).splitlines(), error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # whoever read us has heard enough
            where = f"{error.filename}: " if error.filename else ""
            _fail(ctx, [f"{where}{error.strerror or error}"], 1)


def _fail(ctx: click.Context, lines: list[str], code: int) -> None:
    if ctx.obj["json"]:
        from crosspost.cli._common import dump

        errors = [{"blog": "", "site": "", "message": line, "exit_code": code} for line in lines]
        dump({"exit_code": code, "errors": errors})
    else:
        from crosspost.cli._common import say

        for line in lines:
            say(f"crosspost: {line}", err=True)
    ctx.exit(code)


@click.group(
    cls=Main,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all well; 1 posts failed or wait for a person; 2 wrong config; 3 the "
    "channel cannot be read; 4 a site cannot be written; 5 another run holds the blog; 6 the "
    "ledger cannot be used; 7 the run ended early and goes on next time.",
)
@shared_here
@click.version_option(__version__, prog_name="crosspost")
def group() -> None:
    """Mirror a Telegram channel into its author's blog: every post exactly once.

    \b
    crosspost init t.me/s/name      write a config
    crosspost preview               see what it would make
    crosspost sync                  do it; again and again
    """


def _no_core_dumps() -> None:
    """What stands in memory, passwords among it, is written to no disk when a library crashes."""
    with suppress(ImportError, OSError, ValueError):  # not there on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """The program ``crosspost``."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some takes 30 ms
    _no_core_dumps()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        group(prog_name="crosspost")
    except Exception as error:
        from crosspost.logs import concealed, places

        where = ", ".join(places(error.__traceback__)[-3:])
        words = f"Crosspost itself failed ({type(error).__name__}: {error}; {where})."
        sys.stderr.write(f"crosspost: {concealed(words)} Please report this line.\n")
        sys.exit(1)
