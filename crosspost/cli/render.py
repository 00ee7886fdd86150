"""The command render: what a change of rules, settings or templates does, looked at and done."""

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from crosspost.cli._common import agreed, blog_names, config_of, dump, finish, running, say
from crosspost.cli._options import shared

if TYPE_CHECKING:
    from crosspost.pipeline import Blog, Change, Run, Survey

_SHOWN: Final = 5
"""So many articles are shown; all with -v or --json."""


@click.command(
    epilog="""\b
Examples:
  crosspost render --dry-run           how many articles would change, and how
  crosspost render business -n -v      every one of them
  crosspost render business            the same, and do it after a question
  crosspost render --yes               and ask nothing
""",
)
@click.argument("blogs", nargs=-1, metavar="[BLOG]...", shell_complete=blog_names)
@click.option("-n", "--dry-run", is_flag=True, help="Only show it; change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing.")
@shared
@click.pass_context
def render(ctx: click.Context, blogs: tuple[str, ...], dry_run: bool, yes: bool) -> None:
    """Make articles anew after a change of rules, settings or templates: see how, then do it."""
    from crosspost import pipeline
    from crosspost.report import Report

    config = config_of(ctx)
    chosen = config.chosen(blogs)
    report = Report("render", dry_run=dry_run)
    with running(ctx, config, report, offline=True) as run:
        found = [(blog, _shown(ctx, run, blog, site)) for blog in chosen for site in blog.sites]
        for blog, (survey, _) in found:
            report.counts["unchanged"] += survey.same
            if dry_run:
                report.counts["updated"] += len(survey.changed)
            elif any((one.blog, one.site) == (blog.name, survey.site) for one in report.troubles):
                continue  # the site did not say what stands there
            elif survey.changed and _agreed(ctx, blog, survey, yes):
                pipeline.render(run, blog, survey.site, survey.changed)
    if ctx.obj["json"]:
        told = [_as_json(blog, *one) for blog, one in found]
        dump({**report.as_json(), "sites": told})
        ctx.exit(report.exit_code)
    finish(ctx, report)


def _agreed(ctx: click.Context, blog: "Blog", survey: "Survey", yes: bool) -> bool:
    """Whether a person wants it; one who is not there does."""
    if yes or ctx.obj["json"] or ctx.obj["quiet"] or not _is_there():
        return True
    count = len(survey.changed)
    articles = "article" if count == 1 else "articles"
    return agreed(f"Update {count:,} {articles} on {survey.site}?")


def _is_there() -> bool:
    return sys.stdin.isatty()


def _shown(
    ctx: click.Context, run: "Run", blog: "Blog", site: str
) -> tuple["Survey", list["Change"]]:
    """What would change on a site, said as it is found."""
    from crosspost import pipeline

    survey = pipeline.survey(run, blog, site)
    every = ctx.obj["verbose"] or ctx.obj["json"]
    quiet = ctx.obj["quiet"] and not ctx.obj["json"]
    wanted = survey.changed if every else survey.changed[:_SHOWN]
    if not ctx.obj["json"] and not quiet:
        _say_survey(blog, survey)
    changes: list[Change] = []
    if not quiet:
        for change in pipeline.compare(run, blog, site, wanted):
            changes.append(change)
            if not ctx.obj["json"]:
                _say_change(blog, change)
    if not ctx.obj["json"] and not quiet and len(wanted) < len(survey.changed):
        say(f"  and {len(survey.changed) - len(wanted):,} more (-v shows all)")
    return survey, changes


def _say_survey(blog: "Blog", survey: "Survey") -> None:
    there = len(survey.changed) + len(survey.lacking) + survey.same
    say(f"{blog.name} → {survey.site}: {len(survey.changed):,} of {there:,} articles change")
    for posts, text in (
        (survey.lacking, "change too, but need files from the source: crosspost sync"),
        (survey.kept, "stay there as they are: a rule now speaks against their posts"),
        (survey.coming, "are not there yet and should be: crosspost sync"),
    ):
        if posts:
            listed = ", ".join(map(str, posts[:10])) + (", …" if len(posts) > 10 else "")
            say(f"  {len(posts):,} {text} ({listed})")


def _say_change(blog: "Blog", change: "Change") -> None:
    say(f"  {blog.name}/{change.post_id}  «{change.title}»  {change.url}")
    if change.trouble:
        say(f"    {change.trouble}")
    elif not change.parts:
        say("    not its words: pictures, links, layout")
    for name, gone, come in change.parts:
        say(f"    {name}")
        for sign, lines in (("-", gone), ("+", come)):
            for line in lines:
                say(f"      {sign} {line}")


def _as_json(blog: "Blog", survey: "Survey", changes: list["Change"]) -> dict[str, Any]:
    import msgspec

    return {
        "blog": blog.name,
        "site": survey.site,
        "same": survey.same,
        "lacking": survey.lacking,
        "kept": survey.kept,
        "coming": survey.coming,
        "changes": [
            {
                **msgspec.to_builtins(change),
                "parts": [
                    {"part": name, "gone": list(gone), "come": list(come)}
                    for name, gone, come in change.parts
                ],
            }
            for change in changes
        ],
    }
