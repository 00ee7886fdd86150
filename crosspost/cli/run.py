"""Commands that deliver: sync, backfill."""

import re
from collections.abc import Iterable
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from crosspost.cli._common import blog_names, config_of, finish, running, show_file
from crosspost.cli._options import shared
from crosspost.cli._voice import config_heard

if TYPE_CHECKING:
    from crosspost.config import Config
    from crosspost.pipeline import Run
    from crosspost.readers import Bounds

DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


class Span(click.ParamType[float]):
    """30s, 10m, 2h."""

    name = "span"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        from pydantic import TypeAdapter, ValidationError

        from crosspost import settings

        try:
            return TypeAdapter(settings.Span).validate_python(value).total_seconds()
        except ValidationError:
            self.fail(f"{value!r} is no span of time such as 30s, 10m or 2h", param, ctx)


@click.command(
    epilog="""\b
Examples:
  crosspost sync                    every blog of the config
  crosspost sync business --dry-run what would happen to each post, and why
  crosspost sync -q                 from cron: silent unless a person is needed
  crosspost sync --open             and look at the site
  crosspost sync -q --max-time 4m   from cron every five minutes (crosspost cron-line)
""",
)
@click.argument("blogs", nargs=-1, metavar="[BLOG]...", shell_complete=blog_names)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option(
    "--accept-deletions", is_flag=True, help="Believe that many posts were deleted at once."
)
@click.option("--wait", type=Span(), default="0s", help="Wait so long for another run to end.")
@click.option(
    "--max-time",
    type=Span(),
    default="0s",
    help="End after so long, with exit code 7; the next run goes on.",
)
@click.option(
    "--jitter", type=Span(), default="0s", help="Begin after a pause of up to so long, by chance."
)
@click.option("--open", "open_", is_flag=True, help="Open the site when it is done.")
@shared
@click.pass_context
def sync(
    ctx: click.Context,
    blogs: tuple[str, ...],
    dry_run: bool,
    accept_deletions: bool,
    wait: float,
    max_time: float,
    jitter: float,
    open_: bool,
) -> None:
    """Bring the sites in step with the channels: what is new, changed or gone."""
    from crosspost import pipeline
    from crosspost.report import Report

    if max_time and jitter >= max_time:
        raise click.UsageError("--jitter counts towards --max-time, and must be shorter.")
    config = config_of(ctx) if dry_run else config_heard(ctx, "sync", blogs)
    chosen = config.chosen(blogs)
    report = Report("sync", dry_run=dry_run)
    options = {"accept_deletions": accept_deletions, "wait": wait}
    with running(ctx, config, report, max_time=max_time, jitter=jitter, **options) as run:
        if max_time:  # who had no turn the last time comes first
            chosen.sort(key=lambda blog: run.ledger.last_turn(blog.name))
        for blog in chosen:
            if run.stop():
                break
            pipeline.sync(run, blog)
        if report.did_something and not dry_run and not run.stop():
            _keep_house(config, run)
    pages = _pages(config, dict.fromkeys(site for blog in chosen for site in blog.sites))
    if open_ and not dry_run:
        _open(pages)
    changed = report.counts["created"] or report.counts["updated"]
    finish(ctx, report, pages if not dry_run and (changed or open_) else ())


def _keep_house(config: "Config", run: "Run") -> None:
    """Drops what is old, once a week."""
    from crosspost import pipeline
    from crosspost.readers import Note

    if pipeline.is_time_to_keep_house(run.ledger):
        swept = pipeline.keep_house(config.keep, run.ledger, config.blogs.values())
        for line in swept["notes"]:
            run.report.note("compact", Note(text=line))


def _pages(config: "Config", sites: Iterable[str]) -> list[Path]:
    """The first pages of the sites that are folders here."""
    folders = (config.site_paths[site] for site in sites if site in config.site_paths)
    return [index for folder in folders if (index := folder / "index.html").is_file()]


def _open(pages: Iterable[Path]) -> None:
    """Shows the pages in the browser."""
    for page in pages:
        show_file(page)


@click.command(
    epilog="""\b
Examples:
  crosspost backfill business --dry-run
  crosspost backfill business --from ~/Downloads/ChatExport_2025-05-01
  crosspost backfill business --since 2023-01-01 --until 2023-12-31
  crosspost backfill business --ids 12,40-60
Stop it with Ctrl-C; the next time it goes on where it was.
""",
)
@click.argument("blog", shell_complete=blog_names)
@click.option(
    "--from",
    "export",
    type=click.Path(exists=True, path_type=Path),
    help="Read this Telegram Desktop export instead of the blog's own source.",
)
@click.option("--since", type=DAY, help="The first day.")
@click.option("--until", type=DAY, help="The last day.")
@click.option("--ids", help="Posts by id: 12,40-60.")
@click.option("--limit", type=click.IntRange(min=1), help="Create at most so many posts.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@shared
@click.pass_context
def backfill(
    ctx: click.Context,
    blog: str,
    export: Path | None,
    since: datetime | None,
    until: datetime | None,
    ids: str | None,
    limit: int | None,
    dry_run: bool,
) -> None:
    """Put years of posts on the sites: create what is missing, touch nothing that is there."""
    from crosspost import pipeline
    from crosspost.report import Report

    config = config_of(ctx) if dry_run else config_heard(ctx, "backfill", (blog,))
    (chosen,) = config.chosen((blog,))
    bounds, wanted = _bounds(config.zones[chosen.name], since, until, ids)
    source = pipeline.Source("export", str(export.absolute())) if export else None
    report = Report("backfill", dry_run=dry_run)
    with running(ctx, config, report) as run:
        pipeline.backfill(run, chosen, bounds, ids=wanted, limit=limit, source=source)
    finish(ctx, report)


def _bounds(
    timezone: str, since: datetime | None, until: datetime | None, ids: str | None
) -> tuple["Bounds", set[int]]:
    """Days in the blog's time zone, and ids like ``12,40-60``."""
    from crosspost.readers import Bounds

    zone = ZoneInfo(timezone)
    if since and until and since > until:
        raise click.BadParameter("the last day is before the first", param_hint="--until")
    last = datetime.combine(until, time.max) if until and until.time() == time.min else until
    wanted = _ids(ids) if ids is not None else set()
    bounds = Bounds(
        since=since.replace(tzinfo=zone) if since else None,
        until=last.replace(tzinfo=zone) if last else None,
        first_id=max(min(wanted) - 9, 1) if wanted else None,
        last_id=max(wanted) if wanted else None,
    )
    return bounds, wanted


def _ids(text: str) -> set[int]:
    """``12,40-60`` → the ids."""
    wanted: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,15})\s*(?:-\s*(\d{1,15}))?\s*", part, re.ASCII)
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if high < low:
            raise click.BadParameter(
                f"«{part}» is no id or range of ids: 12,40-60", param_hint="--ids"
            )
        if high - low > 1_000_000 or len(wanted) > 1_000_000:
            raise click.BadParameter("that is more than a million ids", param_hint="--ids")
        wanted |= set(range(low, high + 1))
    return wanted
