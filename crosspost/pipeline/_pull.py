"""Reading: from a source into the ledger."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby, islice
from typing import Final

from crosspost.errors import ReaderError
from crosspost.ledger import Delivery, Ledger
from crosspost.model import Post
from crosspost.pipeline._run import Blog, Run, Source
from crosspost.readers import (
    Bounds,
    Change,
    Checkpoint,
    Complete,
    Deleted,
    Note,
)

BATCH: Final = 500
"""Posts stored in one transaction. With 100 or 200 a backfill costs a tenth more, with 2,000 no
less."""


def pull(run: Run, blog: Blog) -> None:
    """Stores what the source has to say since the last time, and marks what it makes due."""
    ledger, source = run.ledger, blog.source
    reader = run.reader(blog, source)
    changes: Iterator[Change] = iter(reader.changes(ledger.cursor(blog.name, *source)))
    lost: list[int] = []
    many = 0
    first, batch = True, list(islice(changes, 1))
    while batch:
        if first:
            run.begin(blog)
            ledger.forget_seen()
            ledger.bind(blog.name, reader.channel())
            first = False
        with ledger.transaction():
            for change in _gathered(batch):
                if isinstance(change, list):
                    _store(run, blog, change, source)
                elif isinstance(change, Deleted):
                    lost += _deleted(ledger, blog.name, change.ids)
                elif isinstance(change, Complete):
                    lost += ledger.unseen(blog.name, change.first, change.last)
                elif isinstance(change, Note):
                    run.report.note(blog.name, change)
                elif isinstance(change, Checkpoint):
                    many += len(lost)
                    _believe_or_ask(run, blog, lost, many)
                    lost = []
                    ledger.set_cursor(blog.name, *source, change.cursor)
        run.progress("read", run.report.read, 0)
        if run.stop():
            return
        batch = list(_until_checkpoint(changes))
    if run.accept_deletions and (asked := ledger.asked(blog.name)):
        run.begin(blog)
        _believe(run, blog, asked)
    asked = ledger.asked(blog.name) if blog.name not in run.report.vanished and not first else []
    if asked:
        run.report.vanished[blog.name] = asked


def _until_checkpoint(changes: Iterator[Change]) -> Iterator[Change]:
    """At most a batch of changes; none after a checkpoint, so that it is on disk when the reader
    goes on."""
    for change in islice(changes, BATCH):
        yield change
        if isinstance(change, Checkpoint):
            return


def _gathered(batch: Iterable[Change]) -> Iterator[list[Post] | Change]:
    """The changes in their order; posts that follow each other are one list."""
    for is_post, some in groupby(batch, lambda change: isinstance(change, Post)):
        if is_post:
            yield [change for change in some if isinstance(change, Post)]
        else:
            yield from some


def _store(run: Run, blog: Blog, posts: list[Post], source: Source) -> None:
    ledger = run.ledger
    early = [post for post in posts if blog.since and post.date < blog.since]
    if early:
        posts = [post for post in posts if not blog.since or post.date >= blog.since]
        keys = ledger.posts_of(blog.name, [post.id for post in early])
        ledger.saw([keys.get(post.id, post.id) for post in early])
        ledger.saw([number for post in early for number in post.ids])
    stored = ledger.store_all(blog.name, posts, *source, tuple(blog.sites))
    ledger.saw([key for _, key in stored])
    ledger.saw([number for post in posts for number in post.ids])
    run.report.read += sum(what != "same" for what, _ in stored)
    for what, key in stored:
        for site in blog.sites if what in ("changed", "back") else ():
            ledger.stir(blog.name, key, site)  # replies quote it


def _deleted(ledger: Ledger, blog: str, ids: Sequence[int]) -> list[int]:
    """The posts of which nothing is left. An album that lost some of its photos comes again as a
    post, without them."""
    gone = set(ids)
    keys = {ledger.post_of(blog, message) for message in ids} - {None}
    lost = []
    for key in sorted(key for key in keys if key is not None):
        stored = ledger.post(blog, key)
        if stored and stored.gone != "gone" and gone >= set(stored.post.ids):
            lost.append(key)
    return lost


def _believe_or_ask(run: Run, blog: Blog, lost: list[int], many: int) -> None:
    """``many``: how many are lost in this run so far. A few are believed, however they are told."""
    if not lost:
        return
    if many <= blog.max_deletions or run.accept_deletions:
        _believe(run, blog, lost)
    else:
        run.ledger.lose(blog.name, lost, "asked")
        run.report.vanished[blog.name] = run.ledger.asked(blog.name)


def _believe(run: Run, blog: Blog, lost: Sequence[int]) -> None:
    run.ledger.lose(blog.name, lost, "gone")
    for one in lost:
        run.ledger.wake_twins(blog.name, one)
    run.report.gone += len(lost)
    run.report.read += len(lost)


def gather(
    run: Run, blog: Blog, bounds: Bounds, ids: Collection[int], limit: int | None, source: Source
) -> "Chosen":
    """Stores the posts of the range that the ledger does not know."""
    run.begin(blog)
    ledger = run.ledger
    chosen = Chosen(bounds, frozenset(ids), ledger, blog.name)
    reader = run.reader(blog, source)
    aside = source != blog.source
    if aside and not ledger.channel(blog.name).title:
        with suppress(ReaderError):  # it knows more than an export: the channel's @name
            ledger.bind(blog.name, run.reader(blog, blog.source).channel())
    ledger.bind(blog.name, reader.channel(), aside=aside)
    stored, posts = 0, iter(reader.read(bounds))
    while (limit is None or stored < limit) and not run.stop():
        batch = list(islice(posts, BATCH))
        if not batch:
            break
        with ledger.transaction():
            known = ledger.posts_of(blog.name, [one.id for one in batch if isinstance(one, Post)])
            new: list[Post] = []
            taken: set[int] = set()
            for item in batch:
                if isinstance(item, Note):
                    run.report.note(blog.name, item)
                elif chosen.holds(item) and (limit is None or stored + len(new) < limit):
                    if item.id in known:
                        ledger.revive(blog.name, known[item.id])
                    elif item.id not in taken:
                        new.append(item)
                        taken.update(item.ids)
                    chosen.last = item.id
            ledger.store_all(blog.name, new, *source, tuple(blog.sites))
            run.report.read += len(new)
            stored += len(new)
        run.progress("read", run.report.read, 0)
    if limit is None:
        chosen.last = None
    return chosen


class Chosen:
    """Which deliveries a backfill may touch: posts of its range that are on no site yet."""

    def __init__(self, bounds: Bounds, ids: frozenset[int], ledger: Ledger, blog: str) -> None:
        self.last: int | None = 0
        self._bounds, self._ids, self._ledger, self._blog = bounds, ids, ledger, blog

    def holds(self, post: Post) -> bool:
        return self._bounds.hold(post) and (not self._ids or not self._ids.isdisjoint(post.ids))

    def __call__(self, delivery: Delivery) -> bool:
        if delivery.remote_id or (self.last is not None and delivery.post_id > self.last):
            return False
        stored = self._ledger.post(self._blog, delivery.post_id)
        return stored is not None and self.holds(stored.post)
