"""What a person decides about one post, or about all that one run put on the sites."""

from collections import Counter

from msgspec.structs import replace

from crosspost.errors import CrosspostError
from crosspost.ledger import Delivery
from crosspost.pipeline._push import push
from crosspost.pipeline._run import Blog, Run, held, reported

TAKEN: frozenset[str] = frozenset({"skip", "remove"})
"""Words that take an article off the site, of a post that is gone too."""


def resolve(run: Run, blog: Blog, post_id: int, word: str) -> None:
    """Writes down what a person decided about a post, and does it. Raises ``CrosspostError`` where
    there is nothing to decide."""
    with held(run, blog):
        before = _open_to(run, blog, post_id, word)
        run.begin(blog)
        for delivery in before:
            if word != "merge" or delivery.state == "conflict":
                told = replace(delivery, word=word, due=True, not_before="", attempts=0)
                run.ledger.settle(told, "decided", word)
        run.ledger.stir_joined(blog.name, post_id)
        meant = {post_id, *run.ledger.joined(blog.name, post_id)}
        for site in blog.sites:
            with reported(run, blog, site):
                push(run, blog, site, only=lambda delivery: delivery.post_id in meant)


def _open_to(run: Run, blog: Blog, post_id: int, word: str) -> list[Delivery]:
    """The post on every site. Raises ``CrosspostError`` where the word decides nothing."""
    stored = run.ledger.post(blog.name, post_id)
    before = run.ledger.deliveries(blog.name, post_id)
    there = any(one.remote_id for one in before)
    if stored and stored.gone == "gone" and not (word in TAKEN and there):
        raise CrosspostError(
            f"{blog.name}/{post_id} was deleted in Telegram: there is nothing to decide. What is "
            "left of its article on the site is yours to keep or to delete there."
        )
    if word == "merge" and all(one.state != "conflict" for one in before):
        raise CrosspostError(
            f"{blog.name}/{post_id} is in no conflict, so there is nothing to merge: its article "
            "was not changed both in Telegram and on the site."
        )
    return before


def undoable(run: Run, blog: Blog, number: int) -> Counter[str]:
    """How many articles that the run put there are still on each site."""
    return Counter(one.site for one in _made(run, blog, number))


def undo(run: Run, blog: Blog, number: int) -> None:
    """Takes back what the run put on the sites: removes each article that nobody has edited
    since. Cut short, it goes on with the next run."""
    meant: set[int] = set()
    with held(run, blog):
        run.begin(blog)
        with run.ledger.transaction():
            for delivery in _made(run, blog, number):
                meant.add(delivery.post_id)
                told = replace(delivery, word="undo", due=True, not_before="", attempts=0)
                run.ledger.settle(told, "decided", f"undo of run {number}")
        for site in blog.sites if meant else ():
            with reported(run, blog, site):
                push(run, blog, site, only=lambda delivery: delivery.post_id in meant)


def _made(run: Run, blog: Blog, number: int) -> list[Delivery]:
    """What the run put on the sites and is there still. A draft that was withdrawn is no more: the
    word that it stays away is a person's."""
    ledger = run.ledger
    made = (ledger.delivery(blog.name, *one) for one in ledger.made_by(number))
    return [one for one in made if one and one.public and one.site in blog.sites]
