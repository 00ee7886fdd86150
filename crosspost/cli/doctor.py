"""The command doctor: whether all that a run needs is well."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crosspost.cli._common import blog_names, dump, say
from crosspost.cli._options import shared

if TYPE_CHECKING:
    from crosspost.doctor import Step


@click.command(
    epilog="""\b
Examples:
  crosspost doctor
  crosspost doctor business --site news
  crosspost doctor --write    also make a draft on each site, and remove it
  crosspost doctor -q         only what is not well
""",
)
@click.argument("blogs", nargs=-1, metavar="[BLOG]...", shell_complete=blog_names)
@click.option("--site", "sites", multiple=True, help="Look at this site only; may be repeated.")
@click.option("--write", is_flag=True, help="Make a draft on each site too, and remove it again.")
@shared
@click.pass_context
def doctor(
    ctx: click.Context, blogs: tuple[str, ...], sites: tuple[str, ...], *, write: bool
) -> None:
    """Look at config, ledger, channels and sites, step by step, and say how to mend what is not
    well."""
    import msgspec

    from crosspost.config import DEFAULT
    from crosspost.doctor import examine, versions

    path = Path(ctx.obj["config"] or DEFAULT)
    steps: list[Step] = []
    place = ""
    with _unwinding():
        for step in examine(path, blogs, sites, write=write):
            steps.append(step)
            if not ctx.obj["json"] and not (ctx.obj["quiet"] and step.ok):
                if step.place != place:
                    say(step.place if not place else f"\n{step.place}")
                place = step.place
                _say(step)
    bad = [step for step in steps if not step.ok]
    code = bad[0].code if bad else 0
    if ctx.obj["json"]:
        told = [msgspec.structs.asdict(step) for step in steps]
        dump({"versions": versions(), "exit_code": code, "steps": told})
    elif not ctx.obj["quiet"]:
        is_ = "thing is" if len(bad) == 1 else "things are"
        count = f"{len(bad)} {is_} not well." if bad else "All is well."
        say(f"\n{count}  ({versions()})")
    ctx.exit(code)


@contextmanager
def _unwinding() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does: what a trial has made is removed on the way out."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(step: "Step") -> None:
    """One line, and another for the remedy."""
    from crosspost.report import shown

    good, bad = ("✓", "✗") if _speaks() else ("ok", "--")
    sign = click.style(good, fg="green") if step.ok else click.style(bad, fg="red", bold=True)
    detail = f": {step.detail}" if step.detail else ""
    color = False if os.environ.get("NO_COLOR") else None  # https://no-color.org
    click.echo(f"  {sign} {shown(f'{step.what}{detail}')}", color=color)
    if step.remedy and not step.ok:
        click.echo(f"      {shown(step.remedy)}")


def _speaks() -> bool:
    """Whether the terminal knows the signs."""
    try:
        "✓✗".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
