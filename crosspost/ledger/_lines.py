"""Lines that posts begin and end with, and those of them that repeat."""

from collections.abc import Iterable

from crosspost.ledger._posts import Posts
from crosspost.ledger.records import PAGE, StoredPost, stamp


class Lines(Posts):
    """That part of the ledger."""

    def unlined(self, blog: str, limit: int = PAGE) -> list[StoredPost]:
        """Posts, oldest first, whose lines are not written down as they stand now."""
        rows = self._all(
            "SELECT id FROM post WHERE blog = ? AND lined = 0 ORDER BY id LIMIT ?", blog, limit
        )
        return [found for (post_id,) in rows if (found := self.post(blog, post_id))]

    def write_lines(self, blog: str, post_id: int, text: str, keys: Iterable[str]) -> None:
        """These are the lines that the post may end with, and ``text`` stands for its words."""
        with self.transaction():
            self._db.execute("DELETE FROM line WHERE blog = ? AND post_id = ?", (blog, post_id))
            self._db.executemany(
                "INSERT OR IGNORE INTO line VALUES (?, ?, ?, ?)",
                [(blog, key, post_id, text) for key in keys],
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
