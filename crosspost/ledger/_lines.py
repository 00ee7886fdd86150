"""What the blog's posts have in common: lines that repeat, texts that were said before, tags, and
which posts go on in one article."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from crosspost.ledger._posts import Posts
from crosspost.ledger.records import PAGE, StoredPost, stamp
from crosspost.model import Post


class Lines(Posts):
    """That part of the ledger."""

    def unlined(self, blog: str, limit: int = PAGE) -> list[StoredPost]:
        """Posts, oldest first, whose lines are not written down as they stand now."""
        rows = self._all(
            "SELECT id FROM post WHERE blog = ? AND lined = 0 ORDER BY id LIMIT ?", blog, limit
        )
        return [found for (post_id,) in rows if (found := self.post(blog, post_id))]

    def write_lines(
        self,
        blog: str,
        post_id: int,
        text: str,
        keys: Iterable[str],
        signs: Iterable[int] = (),
        tags: Mapping[str, str] = {},
    ) -> None:
        """These are the lines that the post may end with, ``text`` stands for its words, by
        ``signs`` posts that say the same are found, and its ``tags`` are spelled so."""
        with self.transaction():
            self._db.execute("DELETE FROM line WHERE blog = ? AND post_id = ?", (blog, post_id))
            self._db.executemany(
                "INSERT OR IGNORE INTO line VALUES (?, ?, ?, ?)",
                [(blog, key, post_id, text) for key in keys],
            )
            self._db.execute("DELETE FROM sign WHERE blog = ? AND post_id = ?", (blog, post_id))
            self._db.executemany(
                "INSERT OR IGNORE INTO sign VALUES (?, ?, ?)",
                [(blog, sign, post_id) for sign in signs],
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO tag VALUES (?, ?, ?)",
                [(blog, key, name) for key, name in tags.items()],
            )
            self._db.execute("UPDATE post SET lined = 1 WHERE blog = ? AND id = ?", (blog, post_id))

    def standing(self, blog: str, key: str, near: int, recent: int = 20) -> tuple[int, int]:
        """Under how many of the last ``recent`` posts up to ``near`` the line stands, the same
        words counted once, and how many posts lie between the first of them and ``near``."""
        first, count = self._one(
            "SELECT min(first), count(*) FROM (SELECT max(post_id) AS first FROM (SELECT post_id,"
            " text FROM line WHERE blog = ?1 AND key = ?2 AND post_id <= ?3 ORDER BY post_id DESC"
            " LIMIT 200) GROUP BY text ORDER BY first DESC LIMIT ?4)",
            blog,
            key,
            near,
            recent,
        )
        if not count:
            return 0, 0
        (among,) = self._one(
            "SELECT count(*) FROM (SELECT 1 FROM post WHERE blog = ? AND id BETWEEN ? AND ?"
            " AND gone != 'gone' LIMIT 1000)",
            blog,
            first,
            near,
        )
        return count, among

    def learn_footer(self, blog: str, key: str, line: str) -> None:
        """The line is a footer from now on; what has it is due again, wherever it stands."""
        with self.transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO footer VALUES (?, ?, ?, ?)",
                (blog, key, line, stamp(self.clock())),
            )
            self._db.execute(
                "UPDATE delivery SET due = 1, not_before = '' WHERE blog = ?1 AND post_id IN"
                " (SELECT post_id FROM line WHERE blog = ?1 AND key = ?2)"
                " AND state NOT IN ('gone', 'withdrawn')",
                (blog, key),
            )

    def footers(self, blog: str) -> dict[str, tuple[str, int]]:
        """The blog's footers by key: what the line says, and under how many posts it stands."""
        rows = self._all(
            "SELECT key, line, (SELECT count(*) FROM line l WHERE l.blog = f.blog AND"
            " l.key = f.key) FROM footer f WHERE blog = ? ORDER BY 3 DESC, key",
            blog,
        )
        return {key: (line, count) for key, line, count in rows}

    def spellings(self, blog: str) -> dict[str, str]:
        """How the blog spelled each tag first."""
        return dict(self._all("SELECT key, name FROM tag WHERE blog = ?", blog))

    def likely_twins(self, blog: str, post_id: int, least: int = 4) -> list[int]:
        """Earlier posts that may say the same, since they share ``least`` signs: at most five,
        the likeliest first, none that is gone. Of posts that share a sign only the last fifty are
        looked at, so that a channel of a thousand forms alike costs no more than another."""
        shared: Counter[int] = Counter()
        for (sign,) in self._all(
            "SELECT sign FROM sign WHERE blog = ? AND post_id = ?", blog, post_id
        ):
            shared.update(
                row[0]
                for row in self._all(
                    "SELECT s.post_id FROM sign s JOIN post p ON p.blog = s.blog AND"
                    " p.id = s.post_id WHERE s.blog = ? AND s.sign = ? AND s.post_id < ?"
                    " AND p.gone != 'gone' ORDER BY s.post_id DESC LIMIT 50",
                    blog,
                    sign,
                    post_id,
                )
            )
        ranked = sorted((-count, one) for one, count in shared.items() if count >= least)
        return [one for _, one in ranked[:5]]

    def before(self, blog: str, post_id: int, limit: int = 60) -> Iterator[Post]:
        """The posts before this one that are not gone, the newest first."""
        rows = self._all(
            "SELECT id FROM post WHERE blog = ? AND id < ? AND gone = '' ORDER BY id DESC LIMIT ?",
            blog,
            post_id,
            limit,
        )
        return (found.post for (one,) in rows if (found := self.post(blog, one)))

    def join(self, blog: str, post_id: int, head: int, why: str) -> None:
        """The post goes on in the article of ``head`` from now on, which is due."""
        with self.transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO part VALUES (?, ?, ?, ?)", (blog, post_id, head, why)
            )
            self.stir_joined(blog, post_id)

    def joined(self, blog: str, post_id: int) -> dict[int, str]:
        """The posts that were joined with this one, in order, and why each was; the first, to
        which they were joined, for no reason (""). Nothing where it stands alone."""
        rows = self._all(
            "WITH first AS (SELECT coalesce((SELECT head FROM part WHERE blog = ?1 AND"
            " post_id = ?2), ?2) AS id)"
            " SELECT post_id, why FROM part, first WHERE blog = ?1 AND head = first.id"
            " UNION SELECT first.id, '' FROM first"
            " WHERE EXISTS (SELECT 1 FROM part WHERE blog = ?1 AND head = first.id) ORDER BY 1",
            blog,
            post_id,
        )
        return dict(rows)

    def stir_joined(self, blog: str, post_id: int) -> None:
        """What was joined with this post is due, since the post changed, came or left."""
        self._do(
            "UPDATE delivery SET due = 1, not_before = '' WHERE blog = ?1"
            " AND state NOT IN ('gone', 'withdrawn') AND post_id IN (SELECT p.post_id FROM part p"
            " WHERE p.blog = ?1 AND p.head = coalesce((SELECT head FROM part WHERE blog = ?1 AND"
            " post_id = ?2), ?2) UNION SELECT head FROM part WHERE blog = ?1 AND post_id = ?2)",
            blog,
            post_id,
        )

    def wake_twins(self, blog: str, post_id: int) -> None:
        """This post is gone: what waits, or was left out, and may say the same is due again, and
        so is what was joined with it."""
        self.stir_joined(blog, post_id)
        self._do(
            "UPDATE delivery SET due = 1, not_before = '' WHERE blog = ?1"
            " AND state IN ('held', 'skipped') AND post_id IN (SELECT o.post_id FROM sign s"
            " JOIN sign o ON o.blog = s.blog AND o.sign = s.sign AND o.post_id > s.post_id"
            " WHERE s.blog = ?1 AND s.post_id = ?2)",
            blog,
            post_id,
        )
