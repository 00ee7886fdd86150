"""What a person says about many posts at once: approve, skip."""

from collections.abc import Collection
from typing import Final, Literal

from msgspec.structs import replace

from crosspost.ledger import Delivery, Ledger
from crosspost.model import Record
from crosspost.pipeline._push import push
from crosspost.pipeline._run import Blog, Run, held, reported
from crosspost.readers import Note

_OPEN: Final = ("new", "sending", "held", "skipped", "failed")
"""States in which a word to publish is all that is missing."""


class Waiting(Record, frozen=True):
    """A post that waits for a person's word, and on which sites; ``reason`` is the first's."""

    post_id: int
    title: str
    reason: str
    sites: tuple[str, ...]


def waiting(ledger: Ledger, blog: Blog) -> list[Waiting]:
    """The posts of the blog that are held, oldest first."""
    found: dict[int, Waiting] = {}
    for site in blog.sites:
        for one in ledger.waiting(blog.name, site):
            if one.state == "held":
                known = found.get(one.post_id)
                made = known or Waiting(
                    post_id=one.post_id, title=one.title, reason=one.reason, sites=()
                )
                found[one.post_id] = replace(made, sites=(*made.sites, site))
    return [found[post_id] for post_id in sorted(found)]


def decide_all(
    run: Run, blog: Blog, posts: Collection[int], word: Literal["publish", "skip"]
) -> None:
    """Writes down what a person said about these posts, and does it: all in one run, oldest
    first. What is on a site already, or waits for another word, is noted and stays as it is."""
    with held(run, blog):
        run.begin(blog)
        with run.ledger.transaction():
            meant = {post_id for post_id in sorted(posts) if _told(run, blog, post_id, word)}
            for post_id in tuple(meant):
                meant.update(run.ledger.joined(blog.name, post_id))
        for site in blog.sites if meant else ():
            with reported(run, blog, site):
                push(run, blog, site, only=lambda one: one.post_id in meant)


def _told(run: Run, blog: Blog, post_id: int, word: Literal["publish", "skip"]) -> bool:
    """Whether there is anything to do for the post; then its deliveries have the word."""
    deliveries = run.ledger.deliveries(blog.name, post_id)
    open_ = [one for one in deliveries if one.site in blog.sites and _may(one, word)]
    for one in open_:
        told = replace(one, word=word, due=True, not_before="", attempts=0)
        run.ledger.settle(told, "decided", word)
    run.ledger.stir_joined(blog.name, post_id)
    if not open_:
        text = _why_not(deliveries[0]) if deliveries else "The next sync has to see it first"
        run.report.note(blog.name, Note(text=text, post_id=post_id))
    return bool(open_)


def _may(delivery: Delivery, word: str) -> bool:
    return (
        delivery.state in _OPEN
        if word == "publish"
        else delivery.state not in ("gone", "withdrawn")
    )


def _why_not(delivery: Delivery) -> str:
    if delivery.state in ("conflict", "missing"):
        return f"{delivery.reason}. {delivery.remedy}"
    if delivery.state == "live":
        return f"It is on the site already: {delivery.url}"
    return "It was deleted in Telegram: there is nothing to decide"
