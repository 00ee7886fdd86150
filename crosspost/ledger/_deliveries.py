"""Which post stands on which site in which state, what is due, and who links to whom."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from crosspost.ledger._edits import Edits
from crosspost.ledger._file import explained
from crosspost.ledger.records import PAGE, WITHDRAWING, Delivery, stamp
from crosspost.logs import concealed

_DELIVERY: Final = ", ".join(Delivery.__struct_fields__)
_SAID: Final = ("reason", "remedy", "theirs")
"""What may be in a site's words, and so hold what the site was sent."""
_INSERT_DELIVERY: Final = (
    f"INSERT OR REPLACE INTO delivery ({_DELIVERY}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(Delivery.__struct_fields__))})"
)

_NOW: Final = "(not_before <= ? OR changed_at > ?)"
"""Due now; also what a clock that was ahead has put off."""
_AHEAD: Final = timedelta(hours=1)
_DUE: Final = "delivery INDEXED BY delivery_due"
"""SQLite would rather read all that the blog ever delivered, so it is told how to look:
https://www.sqlite.org/lang_indexedby.html"""
_WAITING: Final = "delivery INDEXED BY delivery_waiting"


class Deliveries(Edits):
    """That part of the ledger."""

    def retarget(self, blog: str, site: str, style: str) -> None:
        """Makes everything due, and the site unfinished, when the blog is new there or what
        decides about its look has changed."""
        found = self._one("SELECT style FROM target WHERE blog = ? AND site = ?", blog, site)
        if found and found[0] == style:
            return
        with self.transaction():
            self._db.execute(
                "INSERT INTO target (blog, site, style) VALUES (?1, ?2, ?3)"
                " ON CONFLICT DO UPDATE SET style = ?3, unfinished = 1",
                (blog, site, style),
            )
            self._db.execute(
                "INSERT INTO delivery (blog, post_id, site, state, due, changed_at)"
                " SELECT blog, id, ?2, 'new', 1, ?3 FROM post WHERE blog = ?1 AND gone = ''"
                " ON CONFLICT DO UPDATE SET due = 1, not_before = ''"
                " WHERE state NOT IN ('gone', 'withdrawn')",
                (blog, site, stamp(self.clock())),
            )
            self._db.execute(  # a withdrawal that was refused: its post is gone
                "UPDATE delivery SET due = 1 WHERE blog = ? AND site = ? AND state = 'failed'",
                (blog, site),
            )

    def recognise(self, blog: str, site: str, identity: str) -> bool:
        """Remembers what tells the site from another one at the same place. False when it is not
        the one that was written before: then nothing of the blog should be there, and all is due.
        An article that was to be taken off is looked for all the same: an old site may come
        back."""
        found = self._one("SELECT identity FROM target WHERE blog = ? AND site = ?", blog, site)
        known = found[0] if found else ""
        if identity == known:
            return True
        with self.transaction():
            self._db.execute(
                "UPDATE target SET identity = ? WHERE blog = ? AND site = ?", (identity, blog, site)
            )
            if not known:
                return True
            self._db.execute(
                "UPDATE target SET unfinished = 0 WHERE blog = ? AND site = ?", (blog, site)
            )
            self._db.execute(
                "UPDATE delivery SET due = state NOT IN ('withdrawn', 'gone'), not_before = '',"
                " remote_id = '', url = '', version = '', digest = '', sending = '', theirs = '',"
                " state = CASE state WHEN 'withdrawn' THEN 'gone' WHEN 'live' THEN 'new'"
                " WHEN 'sending' THEN 'new' WHEN 'conflict' THEN 'new' WHEN 'missing' THEN 'new'"
                " ELSE state END WHERE blog = ? AND site = ?",
                (blog, site),
            )
            self._db.execute(
                "UPDATE delivery SET state = 'sending', sending = ?, due = 1 FROM post"
                " WHERE delivery.blog = ? AND site = ?"
                " AND state IN ('new', 'failed', 'held', 'gone')"
                " AND post.blog = delivery.blog AND post.id = post_id AND post.gone <> ''",
                (WITHDRAWING, blog, site),
            )
            for table in ("upload", "shown", "spare"):
                self._db.execute(f"DELETE FROM {table} WHERE site = ?", (site,))  # noqa: S608
        return False

    def has_due(self, blog: str, site: str) -> bool:
        """Whether anything is due now, or a run was cut before it finished."""
        return bool(
            self._one(
                f"SELECT 1 FROM {_DUE} WHERE due = 1 AND blog = ? AND site = ?"  # noqa: S608
                f" AND {_NOW} LIMIT 1",
                blog,
                site,
                *self._moment(),
            )
        ) or self.unfinished(blog, site)

    def _moment(self) -> tuple[str, str]:
        """What ``_NOW`` is asked with."""
        now = self.clock()
        return stamp(now), stamp(now + _AHEAD)

    def count_due(self, blog: str, site: str) -> int:
        """How many deliveries are due now."""
        return int(
            self._one(
                f"SELECT count(*) FROM {_DUE} WHERE due = 1 AND blog = ? AND site = ? AND {_NOW}",  # noqa: S608
                blog,
                site,
                *self._moment(),
            )[0]
        )

    def next_due(self, blog: str) -> datetime | None:
        """When the next delivery of the blog that waits becomes due; None if none waits."""
        found = self._one(
            f"SELECT min(not_before) FROM {_DUE} WHERE due = 1 AND blog = ?",  # noqa: S608
            blog,
        )
        return datetime.fromisoformat(found[0]) if found[0] else None

    def due(self, blog: str, site: str, *, limit: int = PAGE) -> Iterator[list[Delivery]]:
        """What is due now, oldest post first, in pages; each delivery at most once however it
        ends."""
        last, moment = -1, self._moment()
        while True:
            rows = self._all(
                f"SELECT {_DELIVERY} FROM {_DUE} WHERE due = 1 AND blog = ? AND site = ?"  # noqa: S608
                f" AND post_id > ? AND {_NOW} ORDER BY post_id LIMIT ?",
                blog,
                site,
                last,
                *moment,
                limit,
            )
            if not rows:
                return
            page = [_delivery(row) for row in rows]
            last = page[-1].post_id
            yield page

    def delivery(self, blog: str, post_id: int, site: str) -> Delivery | None:
        """This post on this site."""
        row = self._one(
            f"SELECT {_DELIVERY} FROM delivery WHERE blog = ? AND post_id = ? AND site = ?",  # noqa: S608
            blog,
            post_id,
            site,
        )
        return _delivery(row) if row else None

    def deliveries(self, blog: str, post_id: int) -> list[Delivery]:
        """This post on every site."""
        rows = self._all(
            f"SELECT {_DELIVERY} FROM delivery WHERE blog = ? AND post_id = ? ORDER BY site",  # noqa: S608
            blog,
            post_id,
        )
        return [_delivery(row) for row in rows]

    def waiting(self, blog: str, site: str) -> Iterator[Delivery]:
        """What needs a person, oldest post first."""
        with explained(self.path):
            yield from map(
                _delivery,
                self._db.execute(
                    f"SELECT {_DELIVERY} FROM {_WAITING} WHERE blog = ? AND site = ? AND state IN"  # noqa: S608
                    " ('held', 'failed', 'conflict', 'missing') ORDER BY post_id",
                    (blog, site),
                ),
            )

    def delivered(self, blog: str, site: str) -> Iterator[Delivery]:
        """What stands on the site as far as we know, oldest post first."""
        last = -(2**63)
        while rows := self._all(
            f"SELECT {_DELIVERY} FROM delivery WHERE blog = ? AND site = ? AND post_id > ?"  # noqa: S608
            " AND remote_id != '' ORDER BY post_id LIMIT ?",
            blog,
            site,
            last,
            PAGE,
        ):
            page = [_delivery(row) for row in rows]
            last = page[-1].post_id
            yield from page

    def retrying(self, blog: str, site: str) -> bool:
        """Whether something got no clear answer there and is tried again, now or later."""
        return bool(
            self._one(
                f"SELECT 1 FROM {_DUE} WHERE due = 1 AND blog = ? AND site = ?"  # noqa: S608
                " AND attempts > 0 LIMIT 1",
                blog,
                site,
            )
        )

    def forgive(self, blog: str, site: str, most: int) -> None:
        """Of what is tried again there, no more than so many tries count."""
        self._do(
            f"UPDATE {_DUE} SET attempts = ?3"  # noqa: S608
            " WHERE due = 1 AND blog = ?1 AND site = ?2 AND attempts > ?3",
            blog,
            site,
            most,
        )

    def retry(self, blog: str, post_id: int | None = None) -> int:
        """Makes due at once what failed, or waits before it is tried again: of the blog, or one
        post. Answers how many deliveries these are."""
        some = "blog = ?1 AND (?2 IS NULL OR post_id = ?2) AND (state = 'failed' OR attempts > 0)"
        with self.transaction():
            self._db.execute(
                "INSERT INTO event (at, run, blog, post_id, site, what, detail)"  # noqa: S608
                " SELECT ?3, ?4, blog, post_id, site, 'decided', 'retry' FROM delivery"
                f" WHERE {some}",
                (blog, post_id, stamp(self.clock()), self.run_id),
            )
            return self._db.execute(
                f"UPDATE delivery SET due = 1, not_before = '', attempts = 0 WHERE {some}",  # noqa: S608
                (blog, post_id),
            ).rowcount

    def made_by(self, run: int) -> list[tuple[int, str]]:
        """The posts that a run put on a site, each with the site, oldest first; not those that
        another run put there again since."""
        return self._all(
            "SELECT DISTINCT post_id, site FROM event e WHERE run = ? AND what = 'created'"
            " AND NOT EXISTS (SELECT 1 FROM event o WHERE o.blog = e.blog AND"
            " o.post_id = e.post_id AND o.site = e.site AND o.id > e.id AND o.run != e.run"
            " AND o.what = 'created') ORDER BY post_id, site",
            run,
        )

    def keep_no_more(self, blog: str, post_id: int, parts: Iterable[str]) -> None:
        """A person wrote these parts (as ``Edit`` calls them) here: they are an editor's on no site
        any more."""
        said = {"title" if name == "headline" else name for name in parts}
        for delivery in self.deliveries(blog, post_id):
            kept = [name for name in delivery.keep.split() if name not in said]
            if kept != delivery.keep.split():
                self.settle(msgspec.structs.replace(delivery, keep=" ".join(kept)))

    def revive(self, blog: str, post_id: int) -> None:
        """What was taken back by ``undo`` may come again."""
        self._do(
            "UPDATE delivery SET word = '', state = 'new', due = 1, not_before = '', reason = ''"
            " WHERE blog = ? AND post_id = ? AND word = 'undone'",
            blog,
            post_id,
        )

    def points(self, blog: str, post_id: int) -> bool:
        """Whether the post's article points to other posts."""
        found = self._one("SELECT 1 FROM link WHERE blog = ? AND post_id = ?", blog, post_id)
        return found is not None

    def by_url(self, url: str) -> tuple[str, int] | None:
        """The blog and post whose article has this address on some site."""
        found = self._one(
            "SELECT blog, post_id FROM delivery WHERE url = ? AND url != '' LIMIT 1", url
        )
        return (found[0], found[1]) if found else None

    def settle(self, delivery: Delivery, what: str = "", detail: str = "") -> None:
        """Writes the delivery down, and in the post's history what happened to it."""
        with self.transaction():
            moment = stamp(self.clock())
            said = {name: concealed(getattr(delivery, name)) for name in _SAID}
            row = msgspec.structs.replace(delivery, changed_at=moment, **said)
            self._db.execute(_INSERT_DELIVERY, msgspec.structs.astuple(row))
            if what:
                self.tell(delivery.blog, delivery.post_id, delivery.site, what, detail)

    def live(self, blog: str, post_id: int, site: str) -> bool:
        """Whether the post's article can be linked to on the site."""
        found = self.delivery(blog, post_id, site)
        return found is not None and found.public

    def relink(self, blog: str, post_id: int, targets: Iterable[int]) -> None:
        """This post's article points to these posts."""
        wanted = {(blog, target, post_id) for target in targets}
        known = {
            tuple(row)
            for row in self._all(
                "SELECT blog, target, post_id FROM link WHERE blog = ? AND post_id = ?",
                blog,
                post_id,
            )
        }
        if wanted == known:
            return
        with self.transaction():
            self._db.execute("DELETE FROM link WHERE blog = ? AND post_id = ?", (blog, post_id))
            self._db.executemany("INSERT INTO link VALUES (?, ?, ?)", sorted(wanted))

    def stir(self, blog: str, target: int, site: str) -> None:
        """What points to this post, or to any message of it, is due, since it came to or left
        the site."""
        self._do(
            "UPDATE delivery SET due = 1, not_before = '' WHERE blog = ?1 AND site = ?3 AND state"
            " NOT IN ('gone', 'withdrawn') AND post_id IN"
            " (SELECT post_id FROM link WHERE blog = ?1 AND post_id != ?2 AND target BETWEEN ?2"
            " AND (SELECT last_id FROM post WHERE blog = ?1 AND id = ?2))",
            blog,
            target,
            site,
        )

    def unfinished(self, blog: str, site: str) -> bool:
        """Whether articles were put there and the site was not finished since."""
        found = self._one("SELECT unfinished FROM target WHERE blog = ? AND site = ?", blog, site)
        return bool(found and found[0])

    def set_unfinished(self, blog: str, site: str, unfinished: bool) -> None:
        """Articles are about to be put there, or the site is finished."""
        self._do(
            "UPDATE target SET unfinished = ? WHERE blog = ? AND site = ?",
            int(unfinished),
            blog,
            site,
        )

    def succeeded(self, blog: str, site: str) -> None:
        """All that was due has been dealt with."""
        self._do(
            "UPDATE target SET success_at = ? WHERE blog = ? AND site = ?",
            stamp(self.clock()),
            blog,
            site,
        )


def _delivery(row: Sequence[Any]) -> Delivery:
    values = dict(zip(Delivery.__struct_fields__, row, strict=True))
    return Delivery(**{**values, "due": bool(values["due"])})
