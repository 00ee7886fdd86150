"""Commands for a live channel: login, logout, channels, watch."""

import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from crosspost.cli._bars import WAIT
from crosspost.cli._common import blog_names, config_of, dump, housekeeper, say, say_report
from crosspost.cli._options import shared
from crosspost.cli.run import Span

if TYPE_CHECKING:
    from crosspost.report import Report

API_ID = """\b
api_id and api_hash name this installation to Telegram. Log in at
https://my.telegram.org, open «API development tools», fill in a title and a
short name of your choice, and copy both into [telegram] of the config."""


class _Terminal:
    """The person at the terminal."""

    def __init__(self, number: str | None) -> None:
        self._number = number

    def phone(self) -> str:
        number, self._number = self._number, None
        return number or str(click.prompt("Phone number, with +", err=True))

    def code(self, sent: str) -> str:
        return str(click.prompt(f"The code ({sent})", err=True))

    def password(self, hint: str) -> str:
        asked = f"Two-step password (hint: {hint})" if hint else "Two-step password"
        return str(click.prompt(asked, hide_input=True, err=True))

    def show(self, url: str) -> None:
        import segno

        code: Any = segno.make(url, error="l")
        code.terminal(sys.stderr, compact=True)
        say("Scan it in Telegram: Settings → Devices → Link Desktop Device.", err=True)

    def say(self, sentence: str) -> None:
        say(sentence, err=True)


@click.command(
    epilog=f"{API_ID}\n\n"
    """\b
Examples:
  crosspost login
  crosspost login --qr
  crosspost login --string          print the login instead of keeping it in a file
""",
)
@click.option("--phone", help="The account's phone number; asked for otherwise.")
@click.option("--qr", is_flag=True, help="Show a QR code to scan instead of asking for a code.")
@click.option("--string", is_flag=True, help="Print a StringSession; keep no file.")
@shared
@click.pass_context
def login(ctx: click.Context, phone: str | None, qr: bool, string: bool) -> None:
    """Log in to Telegram, once: by code, by password, or by QR code."""
    from crosspost.readers.telegram import account

    config = config_of(ctx)
    settings = config.telegram()
    me = account.login(settings, config.base, _Terminal(phone), qr=qr, text=string)
    if ctx.obj["json"]:
        told = {"id": me.id, "name": me.name, "username": me.username, "file": me.file}
        dump({**told, "session": me.text} if string else told)
        return
    say(f"Logged in as {me.name}{f' (@{me.username})' if me.username else ''}.", err=True)
    if string:
        say("It is as good as the account: keep it where only you can read it.", err=True)
        click.echo(me.text)
    else:
        say(f"The session is {me.file}; only you can read it. Next: crosspost channels", err=True)


@click.command(
    epilog="""\b
Examples:
  crosspost logout
""",
)
@shared
@click.pass_context
def logout(ctx: click.Context) -> None:
    """End the login at Telegram and delete the session."""
    from crosspost.readers.telegram import account

    config = config_of(ctx)
    done = account.logout(config.telegram(), config.base)
    if ctx.obj["json"]:
        dump({"logged_out": done})
    else:
        say("Logged out." if done else "Nobody was logged in.")


@click.command(
    epilog="""\b
Examples:
  crosspost channels
  crosspost channels --json
""",
)
@shared
@click.pass_context
def channels(ctx: click.Context) -> None:
    """List the channels that the account can mirror, with their ids."""
    import msgspec

    from crosspost.readers.telegram import account

    config = config_of(ctx)
    found = account.channels(config.telegram(), config.base)
    if ctx.obj["json"]:
        dump({"channels": msgspec.to_builtins(found)})
        return
    for one in found:
        name = f"@{one.username}" if one.username else "private"
        say(f"{one.id:>13}  {name:<24} {one.title}{f'  ({one.why})' if one.why else ''}")
    if not found:
        say("This account sees no channel. Open or join one in Telegram first.")


@click.command(
    epilog="""\b
Examples:
  crosspost watch
  crosspost watch business --interval 1m
  crosspost watch --json            one object a line, for each sync that did something
It is made for systemd too: it says when it is ready and that it is alive.
""",
)
@click.argument("blogs", nargs=-1, metavar="[BLOG]...", shell_complete=blog_names)
@click.option(
    "--interval", type=Span(), default="5m", show_default=True, help="Look at least so often."
)
@shared
@click.pass_context
def watch(ctx: click.Context, blogs: tuple[str, ...], interval: float) -> None:
    """Follow the channels: sync, wait for something to happen, sync again, until stopped."""
    from datetime import timedelta

    from crosspost.cli._systemd import notify
    from crosspost.cli._voice import Voice, config_heard
    from crosspost.ledger import Ledger
    from crosspost.watch import Watch
    from crosspost.watch import watch as follow

    config = config_heard(ctx, "watch", blogs)
    chosen = config.chosen(blogs)
    Ledger.open(config.ledger).close()  # made or migrated by one, before several open it

    def tell(report: "Report") -> None:
        if ctx.obj["json"]:
            import json

            click.echo(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            say_report(ctx, report)
        notify(f"STATUS={report.summary()}")

    voice, keep_house = Voice(config, "watch"), housekeeper(config)
    longest = 0.0

    def waiting(left: float) -> None:
        nonlocal longest
        if left > longest and sys.stderr.isatty() and not ctx.obj["json"]:
            say(WAIT.format(round(left)), err=True)
        longest = left

    def alive() -> None:
        notify("WATCHDOG=1")
        voice.tick()
        keep_house()

    wanted = Watch(
        open_ledger=lambda: Ledger.open(config.ledger),
        tell=tell,
        alive=alive,
        on_wait=voice.waiting(waiting),
        heard=voice.heard,
        interval=timedelta(seconds=max(interval, 1)),
    )

    def stop(_number: int, _frame: Any) -> None:
        if wanted.stop.is_set():
            raise KeyboardInterrupt
        wanted.stop.set()
        notify("STOPPING=1")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    notify("READY=1")
    try:
        if not ctx.obj["quiet"] and not ctx.obj["json"]:
            names = ", ".join(blog.name for blog in chosen)
            say(f"Watching {names}. Ctrl-C ends it after the post under way.", err=True)
        voice.begin()
        follow(wanted, chosen)
    except Exception as error:
        voice.failed(error)
        raise
    finally:
        voice.tick(last=True)
        for number, handler in before.items():
            signal.signal(number, handler)
