"""The command edit: a person's own headline, lead and tags."""

import re
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from crosspost.cli._common import blog_names, config_of, finish, running
from crosspost.cli._options import shared
from crosspost.cli._posts import chosen, sorted_out

if TYPE_CHECKING:
    from crosspost.ledger import Edit
    from crosspost.model import Article
    from crosspost.pipeline import Blog, Run

_PARTS: Final = ("headline", "lead", "tags")
_LONGEST: Final = {"headline": 300, "lead": 2000, "tags": 1000}
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FORM: Final = """\
# {post}  {url}
# Change what you like, save and close. An empty lead, or no tags, leaves them out.
# What you do not change stays as the post makes it. Lines with # are not read.
headline: {headline}
lead: {lead}
tags: {tags}
"""


@click.command(
    epilog="""\b
Examples:
  crosspost edit business/12                      in your editor ($EDITOR)
  crosspost edit 12 --headline "The bridge is open" --tags "bridge, city"
  crosspost edit https://t.me/name/12 --lead ""   leave the lead out
  crosspost edit business 12 40-60                one after the other
  crosspost edit business/12 --undo               as the post makes it
""",
)
@click.argument(
    "posts", nargs=-1, required=True, metavar="[BLOG] POST...", shell_complete=blog_names
)
@click.option("--headline", help="The headline.")
@click.option("--lead", help="The lead, as plain text.")
@click.option("--tags", help="The tags, with commas between.")
@click.option("--undo", is_flag=True, help="Take back all that was edited.")
@shared
@click.pass_context
def edit(
    ctx: click.Context,
    posts: tuple[str, ...],
    headline: str | None,
    lead: str | None,
    tags: str | None,
    undo: bool,
) -> None:
    """Write an article's headline, lead and tags yourself; later edits of the post keep them."""
    from crosspost.report import Report

    given = zip(_PARTS, (headline, lead, tags), strict=True)
    said = {part: one for part, one in given if one is not None}
    if undo and said:
        raise click.UsageError("--undo takes everything back; say nothing else with it.")
    config = config_of(ctx)
    blogs, words = sorted_out(config, posts)
    report = Report("edit")
    with running(ctx, config, report) as run:

        def known(blog: "Blog") -> list[int]:
            return [stored.post.id for stored in run.ledger.posts(blog.name)]

        meant = chosen(config, run.ledger, blogs, words, known, "is")
        if "headline" in said and sum(map(len, meant.values())) > 1:
            raise click.UsageError("A headline is one article's: name one post.")
        for name, ids in meant.items():
            for post_id in sorted(ids):
                if not run.stop():
                    _edit(run, config.blogs[name], post_id, None if undo else said)
    finish(ctx, report)


def _edit(run: "Run", blog: "Blog", post_id: int, said: dict[str, str] | None) -> None:
    """Writes what was said into one article, or what a person writes now; None takes it back."""
    from crosspost import pipeline
    from crosspost.ledger import Edit

    before = run.ledger.edit(blog.name, post_id) or Edit()
    wanted = Edit()
    if said is not None:
        if not said:
            _, article, _ = pipeline.article_of(run, blog, post_id)
            said = _asked(f"{blog.name}/{post_id}", article)
        wanted = _changed(before, dict(said))
    if wanted != before:
        pipeline.edit(run, blog, post_id, wanted)


def _changed(before: "Edit", said: dict[str, str]) -> "Edit":
    """What was edited before, and what is now. Raises ``click.BadParameter``."""
    from msgspec.structs import replace

    for part, text in said.items():
        said[part] = " ".join(_CONTROL.sub(" ", text).split())
        if len(said[part]) > _LONGEST[part]:
            raise click.BadParameter(f"the {part} is at most {_LONGEST[part]} characters long")
    if said.get("headline") == "":
        raise click.BadParameter("an article has a headline; --undo makes the one it had")
    given: dict[str, Any] = dict(said)
    if "tags" in said:
        tags = (one.strip().lstrip("#").strip() for one in said["tags"].split(","))
        given["tags"] = tuple(dict.fromkeys(filter(None, tags)))
    return replace(before, **given)


def _asked(post: str, article: "Article") -> dict[str, str]:
    """What a person changed in the form."""
    from crosspost.markup import text_of

    if not _terminal():
        raise click.UsageError("Say what to change: --headline, --lead, --tags or --undo.")
    shown = {
        "headline": article.title,
        "lead": " ".join(text_of(article.lead).split()),
        "tags": ", ".join(article.tags),
    }
    text = click.edit(_FORM.format(post=post, url=article.source_url, **shown)) or ""
    found = {}
    for line in text.splitlines():
        part, colon, value = line.partition(":")
        if colon and part.strip() in _PARTS and value.strip() != shown[part.strip()]:
            found[part.strip()] = value.strip()
    return found


def _terminal() -> bool:
    return sys.stdin.isatty()
