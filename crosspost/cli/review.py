"""Commands of an editor who looks at many posts: approve, skip."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from crosspost.cli._common import blog_names, config_of, dump, finish, running, say
from crosspost.cli._options import shared
from crosspost.cli._posts import chosen, sorted_out

if TYPE_CHECKING:
    from crosspost.config import Config
    from crosspost.pipeline import Blog, Waiting

Word = Literal["publish", "skip"]


def _options(command: Any) -> Any:
    """What both commands take."""
    command = click.option("--all", "all_", is_flag=True, help="Every post that waits.")(command)
    return click.argument("posts", nargs=-1, metavar="[BLOG] [POST]...", shell_complete=blog_names)(
        command
    )


@click.command(
    epilog="""\b
Examples:
  crosspost approve                        what waits for a word, in every blog
  crosspost approve business 12 40-60      these, of which a range takes what waits
  crosspost approve https://t.me/name/50
  crosspost approve business --all
""",
)
@_options
@shared
@click.pass_context
def approve(ctx: click.Context, posts: tuple[str, ...], all_: bool) -> None:
    """Publish posts that wait for a person: by number, range or t.me link."""
    _decide(ctx, posts, all_, "publish")


@click.command(
    epilog="""\b
Examples:
  crosspost skip                           what waits for a word, in every blog
  crosspost skip business 12 40-60         these, of which a range takes what waits
  crosspost skip https://t.me/name/50      also off the site, if it is there
  crosspost skip business --all
""",
)
@_options
@shared
@click.pass_context
def skip(ctx: click.Context, posts: tuple[str, ...], all_: bool) -> None:
    """Leave posts out for good: by number, range or t.me link."""
    _decide(ctx, posts, all_, "skip")


def _decide(ctx: click.Context, words: Sequence[str], all_: bool, word: Word) -> None:
    from crosspost import pipeline
    from crosspost.report import Report

    config = config_of(ctx)
    blogs, posts = sorted_out(config, words)
    if all_ and posts:
        raise click.UsageError("--all is every post that waits; name no posts with it.")
    if not all_ and not posts:
        _list(ctx, config, config.chosen(tuple(blogs)), word)
        return
    report = Report("approve" if word == "publish" else "skip")
    with running(ctx, config, report) as run:

        def waits(blog: "Blog") -> set[int]:
            return {one.post_id for one in pipeline.waiting(run.ledger, blog)}

        if all_:
            meant = {blog.name: waits(blog) for blog in config.chosen(tuple(blogs))}
        else:
            meant = chosen(config, run.ledger, blogs, posts, waits, "waits")
        for name, ids in meant.items():
            if ids and not run.stop():
                pipeline.decide_all(run, config.blogs[name], ids, word)
    finish(ctx, report)


# --- What waits -------------------------------------------------------------------------------


def _list(ctx: click.Context, config: "Config", blogs: Sequence["Blog"], word: Word) -> None:
    """Says what waits for a word; asks nobody and changes nothing."""
    from crosspost import pipeline
    from crosspost.ledger import Ledger

    found: dict[str, list[Waiting]] = {blog.name: [] for blog in blogs}
    if config.ledger.exists():
        with Ledger.open(config.ledger) as ledger:
            found = {blog.name: pipeline.waiting(ledger, blog) for blog in blogs}
    if ctx.obj["json"]:
        dump({"blogs": [{"blog": name, "waiting": _as_json(name, w)} for name, w in found.items()]})
        return
    for name, waits in found.items():
        for one in waits:
            say(f"{name}/{one.post_id}  «{one.title}»  → {', '.join(one.sites)}")
            say(f"    {one.reason}")
    count = sum(map(len, found.values()))
    if count and not ctx.obj["quiet"]:
        _say_how(next(name for name, waits in found.items() if waits), found, word)
    elif not ctx.obj["quiet"]:
        say("Nothing waits for a word.")


def _as_json(blog: str, waits: Iterable["Waiting"]) -> list[dict[str, Any]]:
    return [
        {
            "post": f"{blog}/{one.post_id}",
            "title": one.title,
            "reason": one.reason,
            "sites": list(one.sites),
        }
        for one in waits
    ]


def _say_how(blog: str, found: dict[str, list["Waiting"]], word: Word) -> None:
    post = found[blog][0].post_id
    verb, other = ("approve", "skip") if word == "publish" else ("skip", "approve")
    count = sum(map(len, found.values()))
    waits = "waits" if count == 1 else "wait"
    say(f"\n{count:,} {waits}. See them beside their originals: crosspost preview")
    say(f"crosspost {verb} {blog} {post}, or --all; or crosspost {other} {blog} {post}")
