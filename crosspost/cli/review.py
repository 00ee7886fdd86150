"""Commands of an editor who looks at many posts: approve, skip."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import click

from crosspost.cli._common import blog_names, config_of, dump, finish, post_of, running, say
from crosspost.cli._options import shared

if TYPE_CHECKING:
    from crosspost.config import Config
    from crosspost.ledger import Ledger
    from crosspost.pipeline import Blog, Waiting

Word = Literal["publish", "skip"]
_RANGE: Final = re.compile(r"(?:(.+)/)?(\d{1,15})-(\d{1,15})", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,15}", re.ASCII)


class Range(NamedTuple):
    """The posts of a blog from one number to another."""

    blog: str
    first: int
    last: int


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
    blogs = [name for name in words if name in config.blogs]
    posts = [one for one in words if one not in config.blogs]
    if all_ and posts:
        raise click.UsageError("--all is every post that waits; name no posts with it.")
    if not all_ and not posts:
        _list(ctx, config, config.chosen(tuple(blogs)), word)
        return
    if posts and len(blogs) > 1:
        raise click.UsageError("Name one blog before its posts, or each post as BLOG/ID.")
    report = Report("approve" if word == "publish" else "skip")
    with running(ctx, config, report) as run:
        chosen = (
            {blog.name: _waiting_ids(run.ledger, blog) for blog in config.chosen(tuple(blogs))}
            if all_
            else _chosen(config, run.ledger, blogs, posts)
        )
        for name, ids in chosen.items():
            if ids and not run.stop():
                pipeline.decide_all(run, config.blogs[name], ids, word)
    finish(ctx, report)


def _waiting_ids(ledger: "Ledger", blog: "Blog") -> set[int]:
    from crosspost import pipeline

    return {one.post_id for one in pipeline.waiting(ledger, blog)}


def _chosen(
    config: "Config", ledger: "Ledger", blogs: Sequence[str], posts: Iterable[str]
) -> dict[str, set[int]]:
    """The posts that the words name, by blog, in the config's order. Raises
    ``click.BadParameter``."""
    alone = next(iter(blogs or config.blogs)) if blogs or len(config.blogs) == 1 else ""
    chosen: dict[str, set[int]] = {name: set() for name in config.blogs}
    for word in posts:
        found = _range(config, word, alone)
        if found:
            waits = _waiting_ids(ledger, config.blogs[found.blog])
            within = {one for one in waits if found.first <= one <= found.last}
            if not within:
                raise click.BadParameter(f"no post of «{found.blog}» waits in {word}")
            chosen[found.blog] |= within
        else:
            named = f"{alone}/{word}" if alone and _NUMBER.fullmatch(word) else word
            name, post_id = post_of(config, ledger, named)
            chosen[name].add(post_id)
    return chosen


def _range(config: "Config", word: str, alone: str) -> Range | None:
    """``40-60`` or ``blog/40-60``; None for anything else."""
    found = _RANGE.fullmatch(word)
    if not found:
        return None
    blog, first, last = found[1] or alone, int(found[2]), int(found[3])
    if blog not in config.blogs:
        raise click.BadParameter(f"say of which blog: BLOG {word} ({', '.join(config.blogs)})")
    if last < first:
        raise click.BadParameter(f"«{word}» ends before it begins")
    return Range(blog, first, last)


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
