"""Posts as they were read, albums under one id whatever becomes of their parts, and deletions."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal

import msgspec

from crosspost.ledger._blogs import Blogs
from crosspost.ledger._file import explained
from crosspost.ledger.records import PAGE, Stored, StoredPost, stamp
from crosspost.model import Post, decode_post, encode, fingerprint

_NEAR: Final = 10
"""The post a message is part of is among so many before it: an album has ten messages at most,
and each may have been a post of its own once."""
_POST_OF: Final = (
    "(SELECT id FROM (SELECT id, last_id, gone FROM post WHERE blog = ?1 AND id <= message"
    " ORDER BY id DESC LIMIT ?3) WHERE last_id >= message ORDER BY gone = 'gone', id DESC LIMIT 1)"
)


class Posts(Blogs):
    """That part of the ledger."""

    def newest(self, blog: str) -> int:
        """The highest message id the blog has, 0 if none."""
        found = self._one(
            "SELECT max(last_id) FROM post WHERE blog = ?1 AND id >= "
            "(SELECT max(id) FROM post WHERE blog = ?1)",
            blog,
        )
        return found[0] or 0

    def store(
        self, blog: str, post: Post, reader: str, source: str, sites: Sequence[str]
    ) -> tuple[Stored, int]:
        """Stores the post as read and marks its deliveries due where that changes anything.

        Answers what it was to the ledger, and the id it is known by: an album whose first photo
        was deleted keeps the id it had, until its first photo turns out to be a post of its own.
        The same content from another way of reading is the same.
        """
        with self.transaction():
            key = self._key(blog, post)
            old = self.post(blog, key)
            if key != post.id:
                post = msgspec.structs.replace(post, id=key)
            if old and not old.gone and self._same(old, post, reader, source):
                return "same", key
            self._write(blog, [post], reader, source, sites)
            self._set_aside(blog, post, old, sites)
            if old is None:
                return "new", key
            self.tell(blog, key, "", "back" if old.gone else "edited", "")
            return ("back" if old.gone else "changed"), key

    def store_all(
        self, blog: str, posts: Sequence[Post], reader: str, source: str, sites: Sequence[str]
    ) -> list[tuple[Stored, int]]:
        """As ``store`` for each of them in turn, with one question for all: what the ledger does
        not know is written at once, what it has word for word is left as it is."""
        with self.transaction():
            if not _apart(posts):
                return [self.store(blog, post, reader, source, sites) for post in posts]
            known = self.posts_of(blog, (id_ for post in posts for id_ in post.ids)).keys()
            new = {post.id: post for post in posts if known.isdisjoint(post.ids)}
            self._write(blog, new.values(), reader, source, sites)
            before = [post for post in posts if post.id in known]
            same = self._verbatim(blog, before, reader, source)
            found: list[tuple[Stored, int]] = []
            for post in posts:
                if post.id in new:
                    found.append(("new", post.id))
                elif post.id in same:
                    found.append(("same", post.id))
                else:
                    found.append(self.store(blog, post, reader, source, sites))
            return found

    def _verbatim(
        self, blog: str, posts: Collection[Post], reader: str, source: str
    ) -> Collection[int]:
        """Those of the posts that this reader gave before just as they are now."""
        if not posts:
            return ()
        records = {post.id: encode(post) for post in posts}
        rows = self._all(
            "SELECT id, CAST(data AS BLOB) FROM post WHERE blog = ?1 AND id IN"
            " (SELECT value FROM json_each(?2)) AND reader = ?3 AND source = ?4 AND gone = ''",
            *(blog, _json(records), reader, source),
        )
        return {post_id for post_id, data in rows if data == records[post_id]}

    def _write(
        self,
        blog: str,
        posts: Collection[Post],
        reader: str,
        source: str,
        sites: Sequence[str],
    ) -> None:
        """Writes the posts, and makes them due."""
        moment = stamp(self.clock())
        self._db.executemany(
            "INSERT INTO post (blog, id, last_id, date, edited, fingerprint, data, reader,"
            " source, stored_at, changed_at)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, CAST(?7 AS TEXT), ?8, ?9, ?10, ?10)"
            " ON CONFLICT (blog, id) DO UPDATE SET last_id=?3, date=?4, edited=?5,"
            " fingerprint=?6, data=CAST(?7 AS TEXT), reader=?8, source=?9, changed_at=?10,"
            " gone='', gone_at=NULL, lined=0",
            (
                (
                    blog,
                    post.id,
                    max(post.ids),
                    stamp(post.date),
                    stamp(post.edited) if post.edited else None,
                    fingerprint(post),
                    encode(post),
                    reader,
                    source,
                    moment,
                )
                for post in posts
            ),
        )
        self._db.executemany(
            "INSERT INTO delivery (blog, post_id, site, state, due, changed_at)"
            " VALUES (?1, ?2, ?3, 'new', 1, ?4)"
            " ON CONFLICT DO UPDATE SET due = 1, not_before = '', attempts = 0",
            ((blog, post.id, site, moment) for post in posts for site in sites),
        )

    def _set_aside(
        self, blog: str, post: Post, old: StoredPost | None, sites: Sequence[str]
    ) -> None:
        """What stood under the ids of this post: parts of it are no posts of their own, and what
        is none of it becomes one."""
        found = [self.post(blog, number) for number in post.ids if number != post.id]
        others = [one for one in found if one and one.gone != "gone"]
        for other in others:
            self._lose(blog, other.post.id, "gone", f"it is part of the album {post.id}")
        for other in [*others, *([old] if old and not old.gone else [])]:
            if set(post.ids).isdisjoint(other.post.ids):
                rest = msgspec.structs.replace(other.post, id=other.post.ids[0])
                self._write(blog, [rest], other.reader, other.source, sites)

    def _key(self, blog: str, post: Post) -> int:
        """The id this post is known by: its own, or that of the album it is what is left of."""
        key = self.post_of(blog, post.id)
        if key is None or key == post.id:
            return post.id
        before = self.post(blog, key)
        assert before is not None
        now, then = set(post.ids), set(before.post.ids)
        return key if now == then or (now < then and before.gone != "gone") else post.id

    def _same(self, old: StoredPost, post: Post, reader: str, source: str) -> bool:
        if fingerprint(old.post) != fingerprint(post) or old.post.ids != post.ids:
            return False
        if (old.reader, old.source) == (reader, source):
            return old.post.media == post.media
        # Files of another way of reading cannot be compared; an edit may have replaced them.
        return not (post.media and post.edited and post.edited != old.post.edited)

    def post(self, blog: str, post_id: int) -> StoredPost | None:
        """The post known by this id."""
        found = self._one(
            "SELECT data, reader, source, gone, stored_at, changed_at, coalesce(gone_at, '')"
            " FROM post WHERE blog = ? AND id = ?",
            blog,
            post_id,
        )
        if found is None:
            return None
        with explained(self.path):
            return StoredPost(
                post=decode_post(found[0]),
                reader=found[1],
                source=found[2],
                gone=found[3],
                stored_at=found[4],
                changed_at=found[5],
                gone_at=found[6],
            )

    def post_of(self, blog: str, message_id: int) -> int | None:
        """The id of the post that this message is part of: an album's, or its own."""
        found = self._one(
            f"SELECT {_POST_OF} FROM (SELECT ?2 AS message)",  # noqa: S608
            *(blog, message_id, _NEAR),
        )
        return found[0] if found else None

    def posts_of(self, blog: str, message_ids: Iterable[int]) -> dict[int, int]:
        """``post_of`` by message, of those that are part of a post."""
        rows = self._all(
            f"SELECT message, {_POST_OF} FROM (SELECT value AS message FROM json_each(?2))"  # noqa: S608
            " WHERE message <= (SELECT max(last_id) FROM"
            " (SELECT last_id FROM post WHERE blog = ?1 ORDER BY id DESC LIMIT ?3))",
            *(blog, _json(message_ids), _NEAR),
        )
        return {message: key for message, key in rows if key is not None}

    def posts(self, blog: str, *, newest_first: bool = False) -> Iterator[StoredPost]:
        """The blog's posts that are not gone. Memory does not grow with their number."""
        last, order, side = (2**62, "DESC", "<") if newest_first else (-1, "ASC", ">")
        while True:
            page = self._all(
                f"SELECT id FROM post WHERE blog = ? AND id {side} ? AND gone = ''"  # noqa: S608
                f" ORDER BY id {order} LIMIT ?",
                blog,
                last,
                PAGE,
            )
            for (post_id,) in page:
                if found := self.post(blog, post_id):
                    yield found
            if not page:
                return
            last = page[-1][0]

    # --- Deletions ---

    def saw(self, ids: Iterable[int]) -> None:
        """Remembers, until ``forget_seen``, that these posts were met in this pass."""
        with explained(self.path):
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY)")
            self._db.executemany("INSERT OR IGNORE INTO seen VALUES (?)", ((id_,) for id_ in ids))

    def forget_seen(self) -> None:
        """A new pass begins."""
        with explained(self.path):
            self._db.execute("DROP TABLE IF EXISTS temp.seen")

    def unseen(self, blog: str, first: int, last: int) -> list[int]:
        """The posts within these ids that this pass did not meet."""
        self.saw(())
        rows = self._all(
            "SELECT id FROM post WHERE blog = ? AND id BETWEEN ? AND ? AND gone = ''"
            " AND id NOT IN (SELECT id FROM temp.seen)",
            blog,
            first,
            last,
        )
        return [row[0] for row in rows]

    def lose(self, blog: str, ids: Iterable[int], how: Literal["asked", "gone"]) -> None:
        """These posts are gone from Telegram, or seem to be and a person is asked."""
        with self.transaction():
            for post_id in ids:
                self._lose(blog, post_id, how, "")

    def _lose(self, blog: str, post_id: int, how: str, why: str) -> None:
        moment = stamp(self.clock())
        done = self._do(
            "UPDATE post SET gone = ?, gone_at = ? WHERE blog = ? AND id = ? AND gone != 'gone'",
            how,
            moment,
            blog,
            post_id,
        )
        if done and how == "gone":
            self._do("UPDATE delivery SET due = 1 WHERE blog = ? AND post_id = ?", blog, post_id)
            self.tell(blog, post_id, "", "deleted", why)

    def asked(self, blog: str) -> list[int]:
        """The posts that vanished and wait for a person's word."""
        rows = self._all("SELECT id FROM post WHERE blog = ? AND gone = 'asked'", blog)
        return [row[0] for row in rows]


def _apart(posts: Iterable[Post]) -> bool:
    """Whether each post's messages come before those of the next, by their ids: then what becomes
    of one decides nothing about another."""
    ids = [id_ for post in sorted(posts, key=lambda post: post.id) for id_ in post.ids]
    return all(one < after for one, after in pairwise(ids))


def _json(ids: Iterable[int]) -> str:
    """The ids as SQLite's ``json_each`` takes them."""
    return msgspec.json.encode(list(ids)).decode()
