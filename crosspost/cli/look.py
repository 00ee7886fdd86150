"""Commands that only look: preview, status, show."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crosspost.cli._common import (
    blog_names,
    config_as_far,
    config_of,
    dump,
    post_of,
    running,
    say,
    show_file,
)
from crosspost.cli._options import shared

if TYPE_CHECKING:
    from crosspost.ledger import Delivery, Ledger, StoredPost
    from crosspost.model import Article
    from crosspost.pipeline import Blog


@click.command(
    epilog="""\b
Examples:
  crosspost preview                 every article as it would look
  crosspost preview business --limit 50 -o sheet.html --no-open
""",
)
@click.argument("blogs", nargs=-1, metavar="[BLOG]...", shell_complete=blog_names)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it.  [default: in the cache]",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only so many of the newest posts.")
@click.option("--no-open", is_flag=True, help="Do not open the browser.")
@shared
@click.pass_context
def preview(
    ctx: click.Context,
    blogs: tuple[str, ...],
    output: Path | None,
    limit: int | None,
    no_open: bool,
) -> None:
    """Show every article beside its original, with what rule did what; change nothing."""
    from crosspost import sheet
    from crosspost.report import Report

    config = config_of(ctx)
    chosen = config.chosen(blogs)
    report = Report("preview", dry_run=True)
    target = (output or chosen[0].cache.parent / "preview.html").absolute()
    with running(ctx, config, report) as run:
        count = sheet.write(run, chosen, target, limit)
    if ctx.obj["json"]:
        dump({"sheet": str(target), "articles": count, **report.as_json()})
    else:
        for line in report.lines(verbose=False) if report.troubles else ():
            say(line, err=True)
        if not ctx.obj["quiet"] and (count or not report.troubles):
            say(f"{count:,} articles in {target.as_uri()}")
            if not no_open:
                show_file(target)
    ctx.exit(report.exit_code if report.troubles else 0)


@click.command(
    epilog="""\b
Examples:
  crosspost status
  crosspost status business --json
  crosspost status -q               only what waits for a person
""",
)
@click.argument("blogs", nargs=-1, metavar="[BLOG]...", shell_complete=blog_names)
@shared
@click.pass_context
def status(ctx: click.Context, blogs: tuple[str, ...]) -> None:
    """Say how each blog stands on each site, and what waits for a person."""
    from crosspost.ledger import Ledger

    config, code = config_as_far(ctx)
    chosen = config.chosen(blogs)
    if not config.ledger.exists():
        standing: list[dict[str, Any]] = [
            {"blog": blog.name, "run": None, "vanished": [], "sites": []} for blog in chosen
        ]
    else:
        with Ledger.open(config.ledger) as ledger:
            standing = [_standing(ledger, blog) for blog in chosen]
    if ctx.obj["json"]:
        dump({"blogs": standing})
    else:
        for one in standing:
            _say_standing(one, ctx.obj["quiet"])
    ctx.exit(code)


def _standing(ledger: "Ledger", blog: "Blog") -> dict[str, Any]:
    import msgspec

    sites = []
    for target in ledger.targets(blog.name):
        waiting = [
            {
                "post": f"{blog.name}/{d.post_id}",
                "state": d.state,
                "title": d.title,
                "reason": d.reason,
                "remedy": d.remedy,
            }
            for d in ledger.waiting(blog.name, target.site)
        ]
        sites.append(
            {
                "site": target.site,
                "last_success": target.success_at or None,
                "age_seconds": _age(target.success_at),
                "due": target.due,
                "unfinished": target.unfinished,
                "states": target.counts,
                "waiting": waiting,
            }
        )
    runs = ledger.runs(blog.name)
    return {
        "blog": blog.name,
        "run": msgspec.to_builtins(runs[0]) if runs else None,
        "vanished": ledger.asked(blog.name),
        "sites": sites,
    }


def _age(moment: str) -> int | None:
    if not moment:
        return None
    return round((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())


def _say_standing(one: dict[str, Any], quiet: bool) -> None:
    run = one["run"]
    since = max((site["last_success"] or "" for site in one["sites"]), default="")
    if run and run["exit_code"] not in (None, 0, 1) and run["ended_at"] >= since:
        when = _ago(_age(run["ended_at"]) or 0)
        code = run["exit_code"]
        say(f"{one['blog']}: the last run ended {when} with the exit code {code}: {run['summary']}")
    elif not one["sites"] and not quiet:
        say(f"{one['blog']}: never run. Begin with: crosspost sync {one['blog']}")
    for site in one["sites"]:
        if not quiet:
            _say_site(one["blog"], site)
        for wait in site["waiting"]:
            say(f"  {wait['state']}: {wait['post']} «{wait['title']}»: {wait['reason']}")
            if wait["remedy"]:
                say(f"      {wait['remedy']}")
    if one["vanished"]:
        ids = ", ".join(map(str, one["vanished"][:10]))
        say(
            f"  {len(one['vanished'])} posts vanished from the channel ({ids}). If that is right: "
            f"crosspost sync {one['blog']} --accept-deletions"
        )


def _say_site(blog: str, site: dict[str, Any]) -> None:
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(site["states"].items()))
    success = "never a success"
    if site["last_success"]:
        success = f"last success {_ago(site['age_seconds'])}"
    due = f"; {site['due']:,} due" if site["due"] else ""
    say(f"{blog} → {site['site']}: {success}; {states or 'no posts yet'}{due}")


def _ago(seconds: int) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


@click.command(
    epilog="""\b
Examples:
  crosspost show business/12
  crosspost show 12                 where there is one blog
  crosspost show https://t.me/name/12
  crosspost show http://localhost:8000/business/12-example.html
""",
)
@click.argument("post")
@shared
@click.pass_context
def show(ctx: click.Context, post: str) -> None:
    """Show one post: its article, where it was delivered, what happened to it."""
    import msgspec

    from crosspost import pipeline
    from crosspost.report import Report

    config, code = config_as_far(ctx)
    with running(ctx, config, Report("show", dry_run=True)) as run:
        name, post_id = post_of(config, run.ledger, post)
        stored, article, verdict = pipeline.article_of(run, config.blogs[name], post_id)
        deliveries = run.ledger.deliveries(name, post_id)
        history = run.ledger.history(name, post_id)
    if ctx.obj["json"]:
        told = {
            "blog": name,
            "post": stored.post,
            "gone": stored.gone,
            "article": article,
            "verdict": verdict,
            "deliveries": deliveries,
            "history": history,
        }
        dump(msgspec.to_builtins(told))
        ctx.exit(code)
    _say_post(name, stored, article)
    say(f"\nRules: {verdict.action}{f' ({verdict.reason})' if verdict.reason else ''}")
    for delivery in deliveries:
        _say_delivery(f"{name}/{post_id}", delivery, article)
    say("\nHistory")
    say(f"  {stored.stored_at}  read from {stored.reader} {stored.source}")
    for event in history:
        where = f" on {event.site}" if event.site else ""
        say(f"  {event.at}  {event.what}{where}{f': {event.detail}' if event.detail else ''}")
    ctx.exit(code)


def _say_post(name: str, stored: "StoredPost", article: "Article") -> None:
    from crosspost.markup import text_of

    post = stored.post
    say(f"{name}/{post.id}  {post.date:%Y-%m-%d %H:%M} UTC  {article.source_url}")
    if stored.gone:
        say("Deleted in Telegram" if stored.gone == "gone" else "Vanished; a person is asked")
    say(f"\n{article.title}")
    if article.lead:
        say(f"  {text_of(article.lead)}")
    for paragraph in text_of(article.body).split("\n"):
        say(f"  {paragraph}" if paragraph else "")
    for number, figure in enumerate(article.figures):
        cover = " (cover)" if number == article.cover else ""
        missing = f": {figure.media.missing}" if figure.media.missing else ""
        say(f"  [{figure.media.kind}{cover}] {text_of(figure.caption)}{missing}")
    if article.tags:
        say(f"  Tags: {', '.join(article.tags)}")
    removed = [span for span in article.spans if span.part == "removed" and span.reason]
    for span in removed:
        words = post.text[span.start : span.end].strip()
        if words:
            say(f"  Removed: «{words}» ({span.reason})")
    for note in article.notes:
        say(f"  Note: {note}")


def _say_delivery(post: str, delivery: "Delivery", article: "Article") -> None:
    due = ", due" if delivery.due else ""
    say(f"\n{delivery.site}: {delivery.state}{due}  {delivery.url}")
    if delivery.reason:
        say(f"  {delivery.reason}")
    if delivery.remedy:
        say(f"  {delivery.remedy}")
    if delivery.state == "skipped" and delivery.word:
        say(f"  A person decided so. To publish it: crosspost resolve {post} --publish")
    if delivery.keep:
        kept = ("headline" if part == "title" else part for part in delivery.keep.split())
        say(f"  Kept as an editor wrote it there: {', '.join(kept)}")
    if delivery.theirs:
        _say_both(delivery, article)


def _say_both(delivery: "Delivery", article: "Article") -> None:
    """What the site says, and what the post says now."""
    from crosspost.cli._diff import difference
    from crosspost.deliver import tag_line
    from crosspost.markup import text_of
    from crosspost.report import shown

    parts = (article.lead, article.body, article.attribution, article.credit)
    ours = [article.title, *(line for part in parts for line in text_of(part).split("\n"))]
    ours.append(tag_line(article.tags))
    colours = {"-": "red", "+": "green", "~": "yellow"}
    say("  - on the site   + from the post   ~ in both, [-there-] {+here+}")
    for sign, text in difference(delivery.theirs.split("\n"), ours):
        line = f"    {sign} {shown(text)}"
        click.echo(click.style(line, fg=colours[sign]) if sign in colours else line)
