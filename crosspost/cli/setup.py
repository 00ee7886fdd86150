"""Commands that set things up: init, completion."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crosspost.cli._common import dump
from crosspost.cli._options import shared

if TYPE_CHECKING:
    from crosspost.config.draft import Draft


@click.command(
    epilog="""\b
Examples:
  crosspost init                          asks a few questions
  crosspost init t.me/s/name              asks none
  crosspost init ~/Downloads/ChatExport_2025-05-01
  crosspost init t.me/s/name --site https://cms.example.com/blog/add/ --user anna
""",
)
@click.argument("channel", required=False)
@click.option("--name", help="The blog's name in addresses and in the ledger, for ever.")
@click.option("--link", help="The channel's public address; an export does not tell it.")
@click.option("--language", type=click.Choice(["en", "ru"]), help="The blog's language.")
@click.option("--timezone", help="The blog's time zone, such as Europe/Moscow.")
@click.option("--author", help="The author's name.")
@click.option("--credit", help="The photo credit where a post names none.")
@click.option("--path", help="The folder of the site.")
@click.option("--url", help="The address the site will have.")
@click.option("--site", help="A CMS's page with an empty article form: a map of it is proposed.")
@click.option(
    "--user",
    default="",
    help="The name to log in there with; CMS_PASSWORD or you tell the password.",
)
@click.option("--force", is_flag=True, help="Replace a config that is there.")
@shared
@click.pass_context
def init(
    ctx: click.Context,
    channel: str | None,
    name: str | None,
    link: str | None,
    language: str | None,
    timezone: str | None,
    author: str | None,
    credit: str | None,
    path: str | None,
    url: str | None,
    site: str | None,
    user: str,
    force: bool,
) -> None:
    """Write a config that works."""
    from crosspost.config import DEFAULT
    from crosspost.config.draft import guess, write

    target = Path(ctx.obj["config"] or DEFAULT)
    if target.exists() and not force:
        raise click.UsageError(
            f"{target} is there already. To replace it: --force; to write another: --config FILE"
        )
    asks = channel is None
    if channel is None:
        channel = _answer("The channel: @name, a t.me link, or the folder of an export")
    draft = guess(channel, target.absolute().parent)
    given = {
        "name": name,
        "link": link,
        "language": language,
        "timezone": timezone,
        "author": author,
        "credit": credit,
        "path": path,
        "url": url,
    }
    draft = draft.with_(**{key: value for key, value in given.items() if value is not None})
    if asks:
        of_folder = {"path": draft.path, "url": draft.url} if site is not None else {}
        draft = _ask(draft, {**given, **of_folder})
    told = ""
    if site is not None:
        table, told = _form(site, user, draft.author)
        draft = draft.with_(site=table)
    write(draft, target)
    if ctx.obj["json"]:
        dump({"config": str(target.absolute())})
        return
    named = f" -c {target}" if ctx.obj["config"] else ""
    click.echo(
        f"Wrote {target}. See what it would make: crosspost preview{named}; do it: "
        f"crosspost sync{named}"
    )
    if site is not None:
        click.echo(
            f"{told}. The password is read from CMS_PASSWORD. Dates are filled in the time zone "
            f"that the config names ({draft.timezone}): is it the CMS's? Then: crosspost doctor"
            f"{named}; docs/form.md"
        )
    if not (asks or ctx.obj["quiet"]):
        _say_what_to_set(draft, target, name)


def _say_what_to_set(draft: "Draft", target: Path, name: str | None) -> None:
    """What was guessed and cannot be changed later, and what could not be guessed."""
    if name is None:
        click.echo(
            f"The blog's name is «{draft.name}», in addresses and in the ledger, for ever. Another "
            "one, before the first sync: the same command with --force --name NAME."
        )
    if not draft.link:
        click.echo(
            f"An export does not tell the channel's public address. If it has one, set link in "
            f"{target} (or use --link), so that articles link to their posts."
        )


def _form(site: str, user: str, author: str) -> tuple[str, str]:
    """A table for the site, from the labels of its form, and a sentence about it."""
    import os

    from crosspost.errors import PublisherError
    from crosspost.publishers import Refused, Unknown
    from crosspost.publishers.form.propose import propose

    password = os.environ.get("CMS_PASSWORD") or ""
    if user and not password:
        password = _answer(f"The password of {user} (it is not written down)", hide_input=True)
        os.environ["CMS_PASSWORD"] = password  # the config that is written asks for it
    try:
        return propose(site, user, password, author)
    except (Refused, Unknown) as error:
        raise PublisherError(f"The form at {site} cannot be read: {error}. Try again.") from error


def _answer(question: str, **more: Any) -> str:
    """What a person answers. Raises ``ConfigError`` when they stop instead."""
    from crosspost.errors import ConfigError

    try:
        return str(click.prompt(question, **more))
    except click.Abort:
        click.echo(err=True)  # the question's line is not ended yet
        raise ConfigError(
            "Stopped before the last answer: nothing was written. To be asked nothing, name the "
            "channel: crosspost init CHANNEL"
        ) from None


def _ask(draft: "Draft", given: dict[str, str | None]) -> "Draft":
    """The questions, each with an answer to accept."""
    from crosspost.config.draft import well

    questions = {
        "name": "The blog's name in addresses, for ever",
        "link": "The channel's public address (empty: it has none)",
        "language": "The blog's language (en, ru)",
        "timezone": "The blog's time zone",
        "author": "The author's name, as the card shows it (empty: the channel's)",
        "credit": "The photo credit where a post names none (empty: none)",
        "path": "The folder of the site",
        "url": "The address the site will have",
    }

    def answer(key: str) -> Callable[[str], str]:
        def checked(value: str) -> str:
            if problem := well(key, value):
                raise click.UsageError(problem)
            return value

        return checked

    answers = {
        key: _answer(question, default=getattr(draft, key), value_proc=answer(key))
        for key, question in questions.items()
        if given[key] is None
    }
    return draft.with_(**answers)


@click.command(
    epilog="""\b
Examples:
  crosspost completion bash >> ~/.bashrc
  crosspost completion zsh >> ~/.zshrc
  crosspost completion fish > ~/.config/fish/completions/crosspost.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands and options."""
    from click.shell_completion import get_completion_class

    from crosspost.cli import group

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(group, {}, "crosspost", "_CROSSPOST_COMPLETE").source())
