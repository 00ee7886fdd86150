"""Who makes a blog's articles in a run, and looking at them without sending any."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from crosspost.editor import Editor, learn
from crosspost.errors import LedgerError
from crosspost.ledger import Delivery, StoredPost
from crosspost.model import Article, Channel, Media
from crosspost.pipeline._run import Blog, Run
from crosspost.readers import (
    Gone,
    Note,
    Unsafe,
)
from crosspost.rules import Verdict

PORTRAIT: Final = "portrait"
"""Beside the cleaned pictures: the file name of the channel's photo there."""


def editor_of(run: Run, blog: Blog, site: str = "") -> Editor:
    """Who makes articles of the blog's posts for a site (the blog's first), and knows all that its
    archive teaches."""
    site = site or next(iter(blog.sites), "")
    channel = run.ledger.channel(blog.name)
    style = blog.style(channel)
    photo = _portrait(run, blog, channel, style.author.photo)
    learn(run.ledger, blog.name, lambda: style, blog.joins)
    return Editor(
        run.ledger,
        blog.name,
        replace(
            style,
            author=replace(style.author, photo=photo),
            title_length=blog.title_lengths.get(site, style.title_length),
        ),
        blog.rules,
        blog.own_rules,
        series=blog.series,
        review=blog.review,
        joins=blog.joins,
        keeps=blog.on_delete == "keep",
    )


def _portrait(run: Run, blog: Blog, channel: Channel, photo: str) -> str:
    """The author's photo, the channel's where the config names none: cleaned, and named after
    its content."""
    from crosspost import images

    try:
        if photo:
            path = Path(photo)
        elif channel.photo and (run.ledger.rehearsing or run.offline):
            return _last_portrait(blog)
        elif channel.photo:
            reader = run.reader(blog, blog.source)
            path = reader.fetch(Media(kind="photo", locator=channel.photo))
        else:
            return ""
        folder = (run.ledger.scratch or blog.cache) / "clean"
        made = images.clean(path, folder, types=("image/jpeg", "image/png"))
        if not photo:
            (blog.cache / PORTRAIT).write_text(made.name, "utf-8")
        return str(made)
    except (Gone, Unsafe, OSError) as error:
        run.report.note(blog.name, Note(text=f"The author's photo is left out: {error}"))
    except images.BadImage as error:
        run.report.note(blog.name, Note(text=f"The author's photo is left out: {error}"))
    return ""


def _last_portrait(blog: Blog) -> str:
    """The channel's photo as it was fetched last, where nothing may be read now."""
    name = blog.cache / PORTRAIT
    path = blog.cache / "clean" / name.read_text("utf-8") if name.is_file() else None
    return str(path) if path and path.is_file() else ""


class Proof(NamedTuple):
    """One post for the preview sheet: what it is, what became of it, what would be done."""

    stored: StoredPost
    article: Article
    verdict: Verdict
    delivery: Delivery | None


def proofs(run: Run, blog: Blog, *, newest_first: bool = True) -> Iterator[Proof]:
    """Every post of the blog with its article; asks no site."""
    editor = editor_of(run, blog)
    for stored in run.ledger.posts(blog.name, newest_first=newest_first):
        deliveries = run.ledger.deliveries(blog.name, stored.post.id)
        sent = next((d for d in deliveries if d.slug), None)
        stored = editor.composed(stored)
        made = editor.article(stored, sent.slug if sent else "", {})
        found = deliveries[0] if deliveries else None
        yield Proof(stored, made, editor.verdict(stored, made), found)


def article_of(run: Run, blog: Blog, post_id: int) -> tuple[StoredPost, Article, Verdict]:
    """One post of the ledger, its article and what the rules say of it."""
    stored = run.ledger.post(blog.name, post_id)
    if stored is None:
        raise LedgerError(f"The ledger has no post {blog.name}/{post_id}")
    editor = editor_of(run, blog)
    slug = next((d.slug for d in run.ledger.deliveries(blog.name, post_id) if d.slug), "")
    stored = editor.composed(stored)
    made = editor.article(stored, slug, {})
    return stored, made, editor.verdict(stored, made)
