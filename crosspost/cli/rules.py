"""Commands about rules: try."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import click

from crosspost.cli._common import config_of, dump, running, say
from crosspost.cli._options import shared

if TYPE_CHECKING:
    from crosspost.pipeline import Blog, Proof, Run

_LISTED: Final = 20
"""So many posts of a rule are listed; all with -v or --json."""


@click.group(
    epilog="""\b
Examples:
  crosspost rules try
  crosspost rules try business --json
""",
)
def rules() -> None:
    """Try the rules on every post, before they count."""


@rules.command(
    "try",
    epilog="""\b
Examples:
  crosspost rules try               every rule, with the posts it decides
  crosspost rules try business -v   all of the posts
  crosspost rules try -q            only what would change
""",
)
@click.argument("blogs", nargs=-1, metavar="[BLOG]...")
@shared
@click.pass_context
def try_(ctx: click.Context, blogs: tuple[str, ...]) -> None:
    """Ask the rules of the config about every post, also what is new; change nothing."""
    from crosspost.report import Report

    config = config_of(ctx)
    chosen = config.chosen(blogs)
    report = Report("rules try", dry_run=True)
    with running(ctx, config, report) as run:
        tried = [_tried(run, blog) for blog in chosen]
    if ctx.obj["json"]:
        dump({"blogs": tried})
        return
    for line in report.lines(verbose=False) if report.troubles else ():
        click.echo(line, err=True)
    for one in tried:
        _say(one, ctx.obj["verbose"], ctx.obj["quiet"])


def _tried(run: "Run", blog: "Blog") -> dict[str, Any]:
    from crosspost import pipeline

    pipeline.look(run, blog)
    posts = [_asked(blog, proof) for proof in pipeline.proofs(run, blog, newest_first=False)]
    return {"blog": blog.name, "posts": posts}


def _asked(blog: "Blog", proof: "Proof") -> dict[str, Any]:
    from crosspost.rules import gifts

    verdict, delivery = proof.verdict, proof.delivery
    word = delivery.word if delivery else ""
    live = delivery is not None and delivery.public
    return {
        "post": f"{blog.name}/{proof.article.post_id}",
        "title": proof.article.title,
        "action": verdict.action,
        "rule": verdict.rule,
        "reason": verdict.reason,
        "gives": [
            {"rule": name, "what": what}
            for name, what in gifts(proof.stored.post, proof.article, blog.own_rules)
        ],
        "state": delivery.state if delivery else "new",
        "decided": word,
        "changes": not word
        and (
            (live and verdict.action != "publish")
            or (not live and verdict.action == "publish" and _away(delivery))
        ),
    }


def _away(delivery: Any) -> bool:
    return delivery is not None and delivery.state in ("held", "skipped")


def _say(tried: dict[str, Any], verbose: bool, quiet: bool) -> None:
    posts = tried["posts"]
    counts = {action: sum(p["action"] == action for p in posts) for action in reversed(_ACTIONS)}
    told = ", ".join(f"{count:,} {action}" for action, count in counts.items() if count)
    if not quiet:
        say(f"{tried['blog']}: {len(posts):,} posts{f': {told}' if told else ''}")
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    given: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for post in posts:
        if (post["rule"] != "default" or post["changes"]) and (post["changes"] or not quiet):
            groups[post["action"], post["rule"]].append(post)
        for gift in post["gives"] if not quiet else ():
            given["gives", gift["rule"]].append((post, gift["what"]))
    limit = None if verbose else _LISTED
    for (action, rule), found in sorted(groups.items(), key=lambda g: _ACTIONS.index(g[0][0])):
        say(f"  {action}  {rule}  {len(found):,}")
        for post in found[:limit]:
            now = _now(post)
            say(f"    {post['post']}  {post['title']}{f'  ({now})' if now else ''}")
            say(f"      {post['reason']}")
        _say_more(found, limit)
    for (action, rule), gifts_ in given.items():
        say(f"  {action}  {rule}  {len(gifts_):,}")
        for post, what in gifts_[:limit]:
            say(f"    {post['post']}  {what}")
        _say_more(gifts_, limit)


_ACTIONS: Final = ("skip", "hold", "publish")


def _now(post: dict[str, Any]) -> str:
    """What is otherwise today, or why the rule does not count."""
    if post["decided"]:
        return f"a person decided: {post['decided']}"
    return f"{post['state']} now" if post["changes"] else ""


def _say_more(found: list[Any], limit: int | None) -> None:
    if limit is not None and len(found) > limit:
        say(f"    and {len(found) - limit:,} more (-v lists all)")
