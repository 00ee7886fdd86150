"""What the commands share: the config, the ledger, stopping, the report on the screen."""

import dataclasses
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from crosspost.cli._bars import progress, rest
from crosspost.errors import Busy, ConfigError, CrosspostError, Later
from crosspost.logs import chosen, clean, event

if TYPE_CHECKING:
    from crosspost.config import Config
    from crosspost.ledger import Ledger
    from crosspost.pipeline import Run
    from crosspost.report import Report

HOUR: Final = 3600.0


def config_of(ctx: click.Context) -> "Config":
    """The config that the options name."""
    from crosspost.config import DEFAULT, load

    return load(Path(ctx.obj["config"] or DEFAULT))


def config_as_far(ctx: click.Context) -> "tuple[Config, int]":
    """The config for a command that only looks into the ledger, and the exit code for what is wrong
    in it: a person who looks need not have the secrets that a run has. That is said, and the rest
    is enough. Raises ``ConfigError`` when no blog is well."""
    from crosspost.config import DEFAULT
    from crosspost.config.part import load_part

    try:
        return config_of(ctx), 0
    except ConfigError as error:
        config, _ = load_part(Path(ctx.obj["config"] or DEFAULT), secrets=False)
        if config is None or not config.blogs:
            raise
        for problem in error.problems:
            say(f"crosspost: {problem}", err=True)
        return config, error.exit_code


def blog_names(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """What the shell may complete a blog's name to: nothing where the config is not well."""
    try:
        return [name for name in config_of(ctx).blogs if name.startswith(begun)]
    except CrosspostError:
        return []


def say(text: str = "", *, err: bool = False) -> None:
    """One line on the terminal, whatever is in it; line breaks at its beginning stay."""
    from crosspost.report import shown

    line = text.lstrip("\n")
    if err and chosen() == "json":
        event(shown(line), "warning")
        return
    rest()
    click.echo("\n" * (len(text) - len(line)) + shown(line), err=err)


def agreed(question: str) -> bool:
    """Whether a person who is there says yes; nothing said is no. While the question stands, Ctrl-C
    ends the program at once: there is no post under way to be finished."""
    rest()
    stops = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.default_int_handler) for number in stops}
    try:
        return click.confirm(question, default=False)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def dump(value: Any) -> None:
    """One JSON object on stdout, without secrets."""
    import json

    click.echo(json.dumps(clean(value), ensure_ascii=False, indent=2))


@contextmanager
def running(
    ctx: click.Context, config: "Config", report: "Report", **settings: Any
) -> Iterator["Run"]:
    """A run of which word, figures and pings tell as the config wants it; see ``_running``."""
    from crosspost.cli._voice import voiced

    with voiced(config, report) as voice, _running(ctx, config, report, **settings) as run:
        if voice:
            run.on_wait = voice.waiting(run.on_wait)
        yield run


@contextmanager
def _running(
    ctx: click.Context,
    config: "Config",
    report: "Report",
    *,
    max_time: float = 0,
    jitter: float = 0,
    **settings: Any,
) -> Iterator["Run"]:
    """A run on the config's ledger (on a copy of it when it is a rehearsal), which ends cleanly
    on Ctrl-C, SIGTERM and after ``max_time`` seconds: the post under way is finished, the rest
    stays due. It begins after a pause of at most ``jitter`` seconds."""
    from crosspost.ledger import Ledger
    from crosspost.pipeline import Run

    make = Ledger.rehearsal if report.dry_run else Ledger.open
    silent = ctx.obj["quiet"] or ctx.obj["json"]
    with _stopping() as asked, progress(silent) as (advance, waiting):
        budget = _Budget(asked, max_time)
        budget.pause(jitter)
        with make(config.ledger) as ledger:
            run = Run(
                ledger=ledger,
                report=report,
                stop=budget.stop,
                progress=advance,
                on_wait=budget.waiting(waiting),
                **settings,
            )
            try:
                yield run
            finally:
                run.close()
            later = budget.later()
            known = {trouble.message for trouble in report.troubles}
            if (asked() or budget.over) and str(later) not in known:
                report.fail(report.command, "", later)


class _Budget:
    """When a run is to end: when a person says so, or when its time is used up."""

    def __init__(self, asked: Callable[[], bool], seconds: float) -> None:
        self._asked = asked
        self._end = time.monotonic() + seconds if seconds else math.inf
        self.over = False

    def stop(self) -> bool:
        """Whether to begin nothing more; asked only where something is left to do."""
        self.over = self.over or time.monotonic() >= self._end
        return self.over or self._asked()

    def later(self) -> Later:
        """What the report says of it."""
        why = "Stopped." if self._asked() else "The time of this run (--max-time) is used up."
        return Later(f"{why} The next run goes on from here.")

    def pause(self, longest: float) -> None:
        """Waits for a part of ``longest`` seconds, so that not everybody begins at once."""
        if longest:
            from random import SystemRandom

            end = time.monotonic() + SystemRandom().uniform(0, longest)
            while (left := end - time.monotonic()) > 0 and not self.stop():
                time.sleep(min(left, 0.2))

    def waiting(self, tell: Callable[[float], None] | None) -> Callable[[float], None]:
        """Tells how long a source still asks to wait, but ends the wait when the run should end."""

        def told(left: float) -> None:
            if tell:
                tell(left)
            if self.stop() or time.monotonic() + left > self._end:
                self.over = self.over or not self._asked()
                raise self.later()

        return told


def housekeeper(config: "Config") -> Callable[[], None]:
    """For a program that goes on for months: called again and again, it looks every hour whether
    it is time to drop what is old."""
    from crosspost import pipeline
    from crosspost.ledger import Ledger

    next_look = time.monotonic() + HOUR

    def look() -> None:
        nonlocal next_look
        if time.monotonic() < next_look:
            return
        next_look += HOUR
        with suppress(CrosspostError), Ledger.open(config.ledger) as ledger:
            if pipeline.is_time_to_keep_house(ledger):
                pipeline.keep_house(config.keep, ledger, config.blogs.values())

    return look


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    asked = False

    def ask(number: int, _frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        with suppress(OSError):  # not click's echo: it may be at work when the signal comes
            os.write(2, b"crosspost: finishing the post under way; once more to stop at once\n")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def show_file(path: Path) -> None:
    """Opens a file as the desktop does. On a machine without a desktop or a browser nothing
    happens and nothing is said."""
    import shutil
    import subprocess

    if sys.platform in ("darwin", "win32", "cygwin"):
        click.launch(str(path.absolute()))
    elif opener := shutil.which("xdg-open"):
        null = subprocess.DEVNULL
        with suppress(OSError):
            subprocess.Popen(  # noqa: S603
                [opener, str(path.absolute())],
                stdin=null,
                stdout=null,
                stderr=null,
                start_new_session=True,
            )


def _from_here(path: Path) -> str:
    """The path as a person would write it in this folder."""
    whole, here = path.absolute(), Path.cwd()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def finish(ctx: click.Context, report: "Report", pages: Iterable[Path] = ()) -> None:
    """Says what the run did, and where ``pages`` of the site are, and exits with its code. A blog
    that another run holds, or a run that goes on the next time, is no matter for a person who wants
    to hear only of those."""
    quiet = ctx.obj["quiet"]
    if quiet:
        report.troubles = [one for one in report.troubles if one.exit_code != Busy.exit_code]
    if ctx.obj["json"]:
        dump(report.as_json())
    else:
        told = [one for one in report.troubles if not quiet or one.exit_code != Later.exit_code]
        say_report(ctx, dataclasses.replace(report, troubles=told))
        for page in pages if not quiet else ():
            say(f"The site: {_from_here(page)}")
    ctx.exit(report.exit_code)


def say_report(ctx: click.Context, report: "Report") -> None:
    """Says what a run did, in sentences."""
    quiet = ctx.obj["quiet"]
    for line in report.lines(ctx.obj["verbose"]):
        if quiet and line.startswith("note: "):
            continue
        say(line, err=quiet)
    if not quiet:
        click.echo(report.summary())


def post_of(config: "Config", ledger: "Ledger", word: str) -> tuple[str, int]:
    """The blog and post that a person means: ``blog/12``, ``12``, an article's address or a
    t.me link. Raises ``click.BadParameter``."""
    found = ledger.by_url(word)
    if found and found[0] in config.blogs:
        return found
    left, _, right = word.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")
    if right.isascii() and right.isdecimal() and len(right) < 19:
        for name in config.blogs:
            alone = not left and len(config.blogs) == 1
            if alone or left.rpartition("/")[2].casefold() in _names(config, ledger, name):
                key = ledger.post_of(name, int(right))
                if key is not None:
                    return name, key
    blogs = ", ".join(config.blogs)
    raise click.BadParameter(
        f"the ledger knows no post «{word}». Name it as BLOG/ID ({blogs}), by its article's "
        "address or its t.me link."
    )


def _names(config: "Config", ledger: "Ledger", blog: str) -> set[str]:
    """What stands before a post's number where the blog is meant: its own name, its channel's
    public name or id."""
    channel = ledger.channel(blog)
    link = config.blogs[blog].style(channel).link.rstrip("/").rpartition("/")[2]
    return {blog, channel.username.casefold(), str(channel.id), link.casefold()} - {"", "0"}
