"""The pipe: short functions that join the rooms.

    pull      reader → ledger: what is new, edited or gone; a post is safe once it is stored
    push      ledger → normalize → rules → deliver → publisher: all that is due
    sync      pull, then push
    backfill  pull a range, store only what is not known; push only what is on no site yet
    render    push what is on a site and would look different; ``survey`` and ``compare`` say what
    resolve   what a person decides about a post; ``undo`` about all that a run made
    verify    what differs between the ledger and a site
    look      pull on a copy of the ledger, for the preview sheet

Pull never talks to a site, push never decides what to read.
"""

from collections.abc import Collection

from crosspost.ledger import Edit
from crosspost.pipeline._articles import Proof, article_of, proofs
from crosspost.pipeline._decisions import resolve, undo, undoable
from crosspost.pipeline._keeping import Keep, is_time_to_keep_house, keep_house
from crosspost.pipeline._pull import gather, pull
from crosspost.pipeline._push import push
from crosspost.pipeline._render import Change, Survey, compare, render, survey
from crosspost.pipeline._review import Waiting, decide_all, waiting
from crosspost.pipeline._run import Blog, Run, Source, held, held_alone, reported
from crosspost.pipeline._verify import Difference, verify
from crosspost.readers import Bounds

__all__ = [
    "Blog",
    "Change",
    "Difference",
    "Keep",
    "Proof",
    "Run",
    "Source",
    "Survey",
    "Waiting",
    "article_of",
    "backfill",
    "compare",
    "decide_all",
    "edit",
    "held_alone",
    "is_time_to_keep_house",
    "keep_house",
    "look",
    "proofs",
    "pull",
    "push",
    "render",
    "resolve",
    "retry",
    "survey",
    "sync",
    "undo",
    "undoable",
    "verify",
    "waiting",
]


def sync(run: Run, blog: Blog) -> None:
    """Reads what is new, changed or gone, and delivers it."""
    with reported(run, blog), held(run, blog):
        with reported(run, blog):
            pull(run, blog)
        for site in blog.sites:
            with reported(run, blog, site):
                push(run, blog, site)


def look(run: Run, blog: Blog) -> None:
    """Reads what is new, and delivers nothing: for a run on a copy of the ledger."""
    assert run.ledger.rehearsing
    with reported(run, blog):
        pull(run, blog)


def backfill(
    run: Run,
    blog: Blog,
    bounds: Bounds,
    *,
    ids: Collection[int] = (),
    limit: int | None = None,
    source: Source | None = None,
) -> None:
    """Creates what is missing within ``bounds`` (and ``ids``, if any), at most ``limit`` posts,
    and touches nothing that is there. ``source`` may be another than the blog's own."""
    with held(run, blog), reported(run, blog):
        chosen = gather(run, blog, bounds, ids, limit, source or blog.source)
        for site in blog.sites:
            with reported(run, blog, site):
                push(run, blog, site, only=chosen)


def retry(run: Run, blog: Blog, posts: Collection[int] = ()) -> None:
    """Sends again at once what failed or waits to be tried again: of ``posts``, or of the blog."""
    with reported(run, blog), held(run, blog):
        count = sum(run.ledger.retry(blog.name, post) for post in posts or (None,))
        for site in blog.sites if count else ():
            with reported(run, blog, site):
                push(run, blog, site, only=lambda delivery: not posts or delivery.post_id in posts)


def edit(run: Run, blog: Blog, post_id: int, wanted: Edit) -> None:
    """Writes down what a person wrote into the article of a post, and delivers it."""
    with held(run, blog):
        run.begin(blog)
        run.ledger.write_edit(blog.name, post_id, wanted)
        parts = [name for name in wanted.__struct_fields__ if getattr(wanted, name) is not None]
        run.ledger.keep_no_more(blog.name, post_id, parts)
        run.ledger.tell(blog.name, post_id, "", "edited by hand", ", ".join(parts) or "taken back")
        for site in blog.sites:
            with reported(run, blog, site):
                push(run, blog, site, only=lambda delivery: delivery.post_id == post_id)
