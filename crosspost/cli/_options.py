"""The options that every command has; they may stand before or after its name."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

C = TypeVar("C", bound=Callable[..., Any])
VARIABLE: Final = "CROSSPOST_CONFIG"


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """What was said stays said: a command that is silent on it leaves it as it was."""
    said: dict[str, Any] = ctx.ensure_object(dict)
    if value or param.name not in said:
        said[str(param.name)] = value


def _log(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    _keep(ctx, param, value)
    if value:
        from crosspost.logs import choose

        choose(value)


def _options(variable: str | None) -> list[Callable[[C], C]]:
    common: dict[str, Any] = {"expose_value": False, "callback": _keep}
    return [
        click.option(
            "-c",
            "--config",
            type=click.Path(),
            envvar=variable,
            metavar="FILE",
            help="The config.  [default: $CROSSPOST_CONFIG, else crosspost.toml]",
            **common,
        ),
        click.option("--json", is_flag=True, help="Answer with one JSON object.", **common),
        click.option("-q", "--quiet", is_flag=True, help="Say only what needs a person.", **common),
        click.option(
            "-v", "--verbose", is_flag=True, help="Say what became of every post.", **common
        ),
        click.option(
            "--log",
            type=click.Choice(["text", "json"]),
            help="Write a log to stderr.",
            expose_value=False,
            callback=_log,
        ),
    ]


def shared(command: C) -> C:
    """The options on a command."""
    for option in reversed(_options(None)):
        command = option(command)
    return command


def shared_here(command: C) -> C:
    """The same on ``crosspost`` itself, where the environment may name the config."""
    for option in reversed(_options(VARIABLE)):
        command = option(command)
    return command
