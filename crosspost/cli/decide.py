"""Commands of a person's decisions: resolve, withdraw, undo; and verify, which helps with them."""

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from crosspost.cli._common import agreed, blog_names, config_of, dump, finish, post_of, running, say
from crosspost.cli._options import shared

if TYPE_CHECKING:
    from crosspost.config import Config
    from crosspost.ledger import Run as PastRun
    from crosspost.pipeline import Difference

_GRAVE: Final = ("gone", "doubled", "unknown", "lost")
"""What needs a person; that an editor changed an article is his right."""
_LISTED: Final = 20


@click.command(
    epilog="""\b
Examples:
  crosspost resolve business/50 --publish
  crosspost resolve https://t.me/name/50 --skip
  crosspost resolve business/12 --ours
  crosspost resolve business/12 --merge   keep the editor's headline, take the new text
""",
)
@click.argument("post")
@click.option("--publish", is_flag=True, help="Publish what was held, failed or left out.")
@click.option("--skip", is_flag=True, help="Leave it out for good; take it off the site.")
@click.option("--ours", is_flag=True, help="Overwrite, or put back, what is there.")
@click.option("--theirs", is_flag=True, help="Leave the site as it is.")
@click.option(
    "--merge",
    is_flag=True,
    help="Keep the headline, lead, tags and category that an editor changed; take the rest.",
)
@shared
@click.pass_context
def resolve(ctx: click.Context, /, post: str, **words: bool) -> None:
    """Decide about a post that waits for a person, and do it."""
    said = [word for word, wanted in words.items() if wanted]
    if len(said) != 1:
        raise click.UsageError(
            "Say one thing to do: --publish, --skip, --ours, --theirs or --merge."
        )
    _decide(ctx, "resolve", post, said[0])


@click.command(
    epilog="""\b
Examples:
  crosspost withdraw business/50            the article becomes a draft
  crosspost withdraw business/50 --remove   it is removed from the site
  crosspost resolve business/50 --publish   and this brings it back
""",
)
@click.argument("post")
@click.option("--remove", is_flag=True, help="Remove it instead of making it a draft.")
@shared
@click.pass_context
def withdraw(ctx: click.Context, /, post: str, *, remove: bool) -> None:
    """Take the article of a post off every site, for good."""
    _decide(ctx, "withdraw", post, "remove" if remove else "skip")


def _decide(ctx: click.Context, command: str, post: str, word: str) -> None:
    from crosspost import pipeline
    from crosspost.report import Report

    config = config_of(ctx)
    report = Report(command)
    with running(ctx, config, report) as run:
        name, post_id = post_of(config, run.ledger, post)
        pipeline.resolve(run, config.blogs[name], post_id, word)
    finish(ctx, report)


@click.command(
    epilog="""\b
Examples:
  crosspost undo              the runs that put articles on a site
  crosspost undo 12 --dry-run what would be taken back
  crosspost undo 12           take it back; a backfill puts it there again
""",
)
@click.argument("number", metavar="[RUN]", type=click.IntRange(min=1), required=False)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@shared
@click.pass_context
def undo(ctx: click.Context, /, number: int | None, *, dry_run: bool, yes: bool) -> None:
    """Take back what one run put on the sites, but for what a person has edited there since."""
    from crosspost import pipeline
    from crosspost.report import Report

    config = config_of(ctx)
    if number is None:
        _say_runs(ctx, config)
        return
    report = Report("undo", dry_run=dry_run)
    with running(ctx, config, report) as run:
        past = run.ledger.run(number)
        if past is None or past.blog not in config.blogs:
            raise click.BadParameter(f"there was no run {number}; crosspost undo lists them")
        blog = config.blogs[past.blog]
        counts = pipeline.undoable(run, blog, number)
        if counts and (dry_run or _agreed(ctx, past, counts, yes)):
            pipeline.undo(run, blog, number)
    finish(ctx, report)


def _agreed(ctx: click.Context, past: "PastRun", counts: dict[str, int], yes: bool) -> bool:
    """Whether a person wants it. Raises ``click.UsageError`` where nobody is there to say."""
    if yes:
        return True
    if not sys.stdin.isatty() or ctx.obj["json"]:
        raise click.UsageError("Nobody is here to ask: say --yes, or see with --dry-run.")
    listed = ", ".join(f"{count:,} from {site}" for site, count in sorted(counts.items()))
    when = past.started_at.replace("T", " ").removesuffix("Z")
    text = f"Remove what the {past.command} of {when} put there: {listed}?"
    return agreed(text)


def _say_runs(ctx: click.Context, config: "Config") -> None:
    """Says which runs put how many articles on a site."""
    import msgspec

    from crosspost.ledger import Ledger

    found: list[tuple[PastRun, int]] = []
    if config.ledger.exists():
        with Ledger.open(config.ledger) as ledger:
            found = ledger.makers(_LISTED)
    if ctx.obj["json"]:
        dump({"runs": [{**msgspec.to_builtins(past), "created": n} for past, n in found]})
        return
    for past, count in found:
        when = past.started_at.replace("T", " ").removesuffix("Z")
        say(f"{past.id:>6}  {when} UTC  {past.command} {past.blog}: {count:,} created")
    if not ctx.obj["quiet"]:
        known = "To see what one would take back: crosspost undo RUN --dry-run"
        say(known if found else "No run has put an article on a site.")


# --- verify -----------------------------------------------------------------------------------


@click.command(
    epilog="""\b
Examples:
  crosspost verify
  crosspost verify business --json
  crosspost verify -q              only what needs a person
""",
)
@click.argument("blogs", nargs=-1, metavar="[BLOG]...", shell_complete=blog_names)
@shared
@click.pass_context
def verify(ctx: click.Context, blogs: tuple[str, ...]) -> None:
    """Compare the ledger with the sites: what is gone, changed, doubled or unknown there."""
    import msgspec

    from crosspost import pipeline
    from crosspost.report import Report

    config = config_of(ctx)
    report = Report("verify", dry_run=True)
    found: list[Difference] = []
    with running(ctx, config, report) as run:
        for blog in config.chosen(blogs):
            for site in blog.sites:
                for one in pipeline.verify(run, blog, site):
                    found.append(one)
                    if not ctx.obj["json"]:
                        _say_difference(one, ctx.obj["quiet"])
    grave = any(one.what in _GRAVE and not one.known for one in found)
    code = report.exit_code if report.troubles else int(grave)
    if ctx.obj["json"]:
        dump(
            {
                **report.as_json(),
                "exit_code": code,
                "differences": [msgspec.structs.asdict(one) for one in found],
            }
        )
    else:
        for line in report.lines(verbose=False):
            say(line, err=True)
        if not ctx.obj["quiet"] and not report.troubles:
            say(_summary(found))
    ctx.exit(code)


def _say_difference(one: "Difference", quiet: bool) -> None:
    if quiet and (one.what not in _GRAVE or one.known):
        return
    title = f" «{one.title}»" if one.title else ""
    key = f"{one.blog}/{one.post_id}" if one.post_id else one.blog
    say(f"{one.what}: {key} → {one.site}{title}: {one.detail}")
    say(f"    {one.url}")
    say(f"    {one.remedy}")


def _summary(found: "list[Difference]") -> str:
    counts: dict[str, Any] = {}
    for one in found:
        counts[one.what] = counts.get(one.what, 0) + 1
    if not counts:
        return "The sites are as the ledger says."
    return ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())) + "."
