"""Which posts are one article: those that go on where another ended, and those that say it again.

That is decided once, when a post is new, and kept in the ledger (``part``), so that articles do not
change back and forth. A post that is on a site by itself, or about which a person has decided,
stands alone; so no setting and no word ever puts a post's text on a site twice.

    near     within two minutes of the post before it, by the same author
    series   «Часть 2», «Продолжение»: see ``normalize.continued``
    repeat   what an earlier post said, all but a few words: the newest words count
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from crosspost.ledger import Ledger, StoredPost
from crosspost.model import Post, Record
from crosspost.rules import alike

NEAR: Final = timedelta(minutes=2)
JOINS: Final = ("near", "series")
REPEAT: Final = "repeat"


class Whole(Record, frozen=True):
    """The posts of one article: ``post_id`` is the first's, by whose name it is known; ``posts``
    are shown, one below the other; ``others`` are those that are no article of their own because
    of it, each with why it was joined; ``told`` is when the last of them came or was edited."""

    post_id: int
    posts: tuple[Post, ...]
    others: dict[int, str]
    told: datetime


def join(ledger: Ledger, blog: str, post: Post, joins: Collection[str]) -> None:
    """Decides, once, whether a post that is new goes on in the article of an earlier one; what
    was joined before is due, since one of them changed."""
    if ledger.joined(blog, post.id):
        ledger.stir_joined(blog, post.id)
        return
    found = _found(ledger, blog, post, joins)
    if found and not _apart(ledger, blog, post.id):
        before, why = found
        group = ledger.joined(blog, before.id)
        head = next(iter(group), before.id)
        if why == REPEAT or group.get(before.id) != REPEAT:
            ledger.join(blog, post.id, head, why)


def _found(
    ledger: Ledger, blog: str, post: Post, joins: Collection[str]
) -> tuple[Post, str] | None:
    """The earlier post in whose article this one goes on, and why."""
    if REPEAT in joins:
        likely = (ledger.post(blog, one) for one in ledger.likely_twins(blog, post.id))
        twin = next((one.post for one in likely if one and alike(post, one.post)), None)
        if twin:
            return twin, REPEAT
    if post.forward is None and "series" in joins:
        from crosspost.normalize import continued, may_continue

        before = continued(post, ledger.before(blog, post.id)) if may_continue(post) else None
        if before and before.forward is None:
            return before, "series"
    if post.forward is None and "near" in joins:
        before = next(ledger.before(blog, post.id, 1), None)
        if before and _near(before, post):
            return before, "near"
    return None


def _near(before: Post, post: Post) -> bool:
    same = before.author_signature == post.author_signature
    return same and before.forward is None and post.date - before.date <= NEAR


def _apart(ledger: Ledger, blog: str, post_id: int) -> bool:
    """Whether the post is an article of its own already, or a person has decided about it."""
    return any(one.public or one.word or one.sending for one in ledger.deliveries(blog, post_id))


def whole(
    ledger: Ledger, blog: str, post_id: int, joins: Collection[str], *, keeps: bool
) -> Whole | None:
    """The posts of the article in which this one stands; None where it stands alone. ``keeps``:
    what is deleted in Telegram stays on the site."""
    group = ledger.joined(blog, post_id)
    stored = [(one, ledger.post(blog, one)) for one in group]
    alive = [one for _, one in stored if one and (keeps or one.gone != "gone")]
    if not alive:
        return None
    first, *others = alive
    mine = [one for one in others if _stays(ledger, blog, first, one, group, joins)]
    if not mine or post_id not in (first.post.id, *(one.post.id for one in mine)):
        return None
    again = [one.post for one in mine if group[one.post.id] == REPEAT]
    below = [one.post for one in mine if group[one.post.id] != REPEAT]
    newest = _newest(first.post, again)
    return Whole(
        post_id=first.post.id,
        posts=(newest, *below),
        others={one.post.id: group[one.post.id] for one in mine},
        told=max(max(one.post.date, one.post.edited or one.post.date) for one in [first, *mine]),
    )


def _stays(
    ledger: Ledger,
    blog: str,
    first: StoredPost,
    one: StoredPost,
    group: dict[int, str],
    joins: Collection[str],
) -> bool:
    """Whether a post that was joined still is."""
    why = group[one.post.id]
    if why not in joins or _apart(ledger, blog, one.post.id):
        return False
    return why != REPEAT or alike(first.post, one.post)


def _newest(first: Post, again: Sequence[Post]) -> Post:
    """What was said last, by the first post's name; its pictures where the last has none. What is
    only forwarded says it in somebody else's name: then the first stays as it is."""
    said = [one for one in again if one.forward is None]
    last = max((first, *said), key=lambda one: one.edited or one.date)
    if last is first:
        return first
    bare = not last.media and first.media
    return replace(
        last,
        id=first.id,
        ids=first.ids,
        date=first.date,
        url=first.url,
        edited=max(last.edited or last.date, last.date),
        media=first.media if bare else last.media,
        entities=tuple(one for one in last.entities if not (bare and one.type == "media")),
        views=first.views,
        comments=first.comments,
    )
