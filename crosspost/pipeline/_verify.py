"""Comparing the ledger with the sites: what is gone, changed, doubled or unknown to us there.
Nothing is changed, here or there."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, Literal

from msgspec.structs import replace

from crosspost.deliver import is_touched
from crosspost.errors import PublisherError
from crosspost.ledger import Delivery
from crosspost.model import Record, Remote, Upload
from crosspost.pipeline._push import Lazy
from crosspost.pipeline._run import Blog, Run, reported
from crosspost.publishers import Publisher, Refused, Unknown, Vanished

_AWAY: Final = ("withdrawn", "skipped")
"""States of articles that we took off the site ourselves."""


class Difference(Record, frozen=True):
    """One article, or file, that is not as the ledger has it. ``known``: the ledger says so too."""

    what: Literal["gone", "changed", "doubled", "unknown", "back", "lost", "stray"]
    blog: str
    site: str
    post_id: int
    title: str
    url: str
    detail: str
    remedy: str
    known: bool = False


def verify(run: Run, blog: Blog, site: str) -> Iterator[Difference]:
    """What differs, oldest post first; progress is told as ``verify``."""
    publisher = Lazy(blog.sites[site])
    with reported(run, blog, site):
        try:
            check = _Check(run, blog, site, publisher())
            yield from check.differences()
            yield from check.files()
        except (Refused, Unknown) as error:
            raise PublisherError(
                f"The site gave no clear answer, so it was not compared to the end: {error}"
            ) from error
        finally:
            publisher.close()


class _Check:
    """One blog on one site."""

    def __init__(self, run: Run, blog: Blog, site: str, publisher: Publisher) -> None:
        self._run, self._blog, self._site, self._publisher = run, blog, site, publisher
        self.looked = 0

    def differences(self) -> Iterator[Difference]:
        listed = self._publisher.listed(self._blog.name)
        there: dict[int, list[Remote]] | None = None
        if listed is not None:
            there = defaultdict(list)
            for post_id, remote in listed:
                there[post_id].append(remote)
                self._step()
        for delivery in self._run.ledger.delivered(self._blog.name, self._site):
            found = there.pop(delivery.post_id, []) if there is not None else None
            yield from self._compare(delivery, found)
            if self._run.stop():
                return
        for post_id, remotes in sorted((there or {}).items()):
            yield from (self._unknown(post_id, one) for one in remotes)

    def _step(self) -> None:
        self.looked += 1
        self._run.progress("verify", self.looked, 0)

    def _compare(self, delivery: Delivery, found: list[Remote] | None) -> Iterator[Difference]:
        if found is None:
            found = [*self._look(delivery)]
            self._step()
        mine = [one for one in found if one.id == delivery.remote_id]
        for other in (one for one in found if one.id != delivery.remote_id):
            yield self._doubled(delivery, other)
        if not mine:
            again = self._look(delivery)
            if not again:
                if delivery.state not in _AWAY:
                    yield self._gone(delivery)
                return
            mine = again
        if delivery.state in _AWAY and mine[0].status == "live":
            yield self._public_again(delivery)
        elif mine[0].version != delivery.version:
            yield from self._changed(delivery, mine[0])
        elif delivery.state == "missing":
            yield self._told("back", delivery, "it is on the site again", "To go on with it")

    def files(self) -> Iterator[Difference]:
        """Files that an article has lost, and such as no article has, where the site can list its
        files."""
        library = getattr(self._publisher, "library", None)
        if library is None or self._run.stop():
            return
        there: dict[str, tuple[str, bool]] = {}
        for upload, used in library():
            there[upload.id] = upload.url, used
            self._step()
        for post_id, upload in self._run.ledger.showing(self._blog.name, self._site):
            if upload.id not in there:
                yield self._lost(post_id, upload)
        known = self._run.ledger.holds(self._site)
        for name, (url, used) in sorted(there.items()):
            if name not in known and not used:
                yield self._stray(url)

    def _look(self, delivery: Delivery) -> list[Remote]:
        remote = Remote(id=delivery.remote_id, url=delivery.url, version=delivery.version)
        try:
            return [self._publisher.look(remote)]
        except Vanished:
            return []

    def _changed(self, delivery: Delivery, now: Remote) -> Iterator[Difference]:
        seen = now if now.parts else next(iter(self._look(delivery)), now)
        touched = is_touched(delivery, seen)
        if touched == "":
            return
        yield self._told(
            "changed",
            delivery,
            f"a person changed it on the site{f' ({touched})' if touched else ''}",
            "It stays as it is there; to overwrite it",
            known=delivery.state == "conflict",
        )

    def _gone(self, delivery: Delivery) -> Difference:
        return self._told(
            "gone",
            delivery,
            "it is not on the site any more",
            "It stays away; to put it back",
            known=delivery.state == "missing",
        )

    def _told(
        self,
        what: Literal["gone", "changed", "back"],
        delivery: Delivery,
        detail: str,
        choice: str,
        *,
        known: bool = False,
    ) -> Difference:
        key = f"{delivery.blog}/{delivery.post_id}"
        return Difference(
            what=what,
            blog=delivery.blog,
            site=delivery.site,
            post_id=delivery.post_id,
            title=delivery.title,
            url=delivery.url,
            detail=detail,
            remedy=f"{choice}: crosspost resolve {key} --ours",
            known=known,
        )

    def _public_again(self, delivery: Delivery) -> Difference:
        told = self._told("back", delivery, "it was taken off and is public again", "")
        key = f"{delivery.blog}/{delivery.post_id}"
        return replace(told, remedy=f"To take it off once more: crosspost withdraw {key}")

    def _lost(self, post_id: int, upload: Upload) -> Difference:
        delivery = self._run.ledger.delivery(self._blog.name, post_id, self._site)
        key = f"{self._blog.name}/{post_id}"
        return Difference(
            what="lost",
            blog=self._blog.name,
            site=self._site,
            post_id=post_id,
            title=delivery.title if delivery else "",
            url=upload.url,
            detail="the article shows this file, and the site has it no more",
            remedy=f"To send it again: crosspost resolve {key} --ours; crosspost retry {key}",
        )

    def _stray(self, url: str) -> Difference:
        return Difference(
            what="stray",
            blog=self._blog.name,
            site=self._site,
            post_id=0,
            title="",
            url=url,
            detail="Crosspost sent this file, and no article that this ledger knows shows it",
            remedy="Delete it on the site, unless an article of your own shows it",
        )

    def _doubled(self, delivery: Delivery, other: Remote) -> Difference:
        return Difference(
            what="doubled",
            blog=delivery.blog,
            site=delivery.site,
            post_id=delivery.post_id,
            title=delivery.title,
            url=other.url,
            detail=f"it is there a second time, as {other.id}; ours is {delivery.url}",
            remedy="Delete the second one on the site",
        )

    def _unknown(self, post_id: int, remote: Remote) -> Difference:
        delivery = self._run.ledger.delivery(self._blog.name, post_id, self._site)
        state = f", where it is «{delivery.state}»" if delivery else ""
        sync = f"To take it up: crosspost sync {self._blog.name}; else delete it on the site"
        skip = f"To take it off: crosspost withdraw {self._blog.name}/{post_id}"
        return Difference(
            what="unknown",
            blog=self._blog.name,
            site=self._site,
            post_id=post_id,
            title=delivery.title if delivery else "",
            url=remote.url,
            detail=f"the site has it and the ledger has not{state}",
            remedy=skip if delivery and delivery.state == "skipped" else sync,
        )
