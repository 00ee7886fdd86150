"""What the sites have of the posts' files, and which of it no article shows any more."""

from collections.abc import Collection, Iterator
from pathlib import Path

from crosspost.ledger._deliveries import Deliveries
from crosspost.ledger._file import explained
from crosspost.ledger.records import Delivery, stamp
from crosspost.model import Media, Upload, decode_media, decode_upload, encode


class Uploads(Deliveries):
    """That part of the ledger."""

    def content(self, blog: str, source: str, locator: str, mark: str) -> str | None:
        """The hash of a file fetched before, if ``mark`` (its size and shape) is still the same."""
        found = self._one(
            "SELECT hash FROM media WHERE blog = ? AND source = ? AND locator = ? AND stamp = ?",
            blog,
            source,
            locator,
            mark,
        )
        return found[0] if found else None

    def upload(self, site: str, content: str) -> Upload | None:
        """What the site has of this content."""
        found = self._one(
            "SELECT data FROM upload WHERE site = ? AND hash = ? AND uploaded_at != ''",
            site,
            content,
        )
        return decode_upload(found[0]) if found else None

    def arrives(self, site: str, content: str, blog: str, file: Path, media: Media) -> None:
        """This content is about to be sent there as ``file``."""
        with self.transaction():
            self.set_unfinished(blog, site, True)
            self._db.execute(
                "INSERT OR REPLACE INTO arriving VALUES (?, ?, ?, ?, ?)",
                (site, content, blog, str(file), encode(media).decode()),
            )

    def never_came(self, site: str, content: str, blog: str) -> None:
        """The site has not this content, or not any more, of what ``arrives`` wrote down."""
        self._do(
            "DELETE FROM arriving WHERE site = ? AND hash = ? AND blog = ?", site, content, blog
        )

    def arriving(self, site: str, blog: str) -> list[tuple[str, Path, Media]]:
        """What may have come there and is in no article: each content, the file that was sent,
        and what it was sent as. Nothing while anything is due there, since that may show it yet."""
        if self._one("SELECT 1 FROM delivery WHERE due = 1 AND site = ? LIMIT 1", site):
            return []
        rows = self._all(
            "SELECT hash, path, media FROM arriving WHERE site = ? AND blog = ?", site, blog
        )
        with explained(self.path):
            return [(row[0], Path(row[1]), decode_media(row[2])) for row in rows]

    def uploaded(
        self, site: str, content: str, upload: Upload, where: tuple[str, str, str, str]
    ) -> None:
        """The site has this content; ``where``: blog, source, locator and mark of its file."""
        with self.transaction():
            self._db.execute("INSERT OR IGNORE INTO spare VALUES (?, ?, '')", (site, content))
            self._db.execute("DELETE FROM arriving WHERE site = ? AND hash = ?", (site, content))
            self._db.execute(
                "INSERT OR REPLACE INTO upload VALUES (?, ?, ?, ?)",
                (site, content, encode(upload).decode(), stamp(self.clock())),
            )
            self._db.execute(
                "INSERT OR REPLACE INTO media VALUES (?, ?, ?, ?, ?)", (*where, content)
            )

    def shows(self, delivery: Delivery, contents: Collection[str], *, only: bool) -> None:
        """The article shows these contents, and ``only`` these, or will if it arrives."""
        place = (delivery.site, delivery.blog, delivery.post_id)
        with self.transaction():
            if only:
                rows = self._all(
                    "SELECT hash FROM shown WHERE site = ? AND blog = ? AND post_id = ?", *place
                )
                past = {row[0] for row in rows} - set(contents)
                self._db.executemany(
                    "DELETE FROM shown WHERE site = ? AND blog = ? AND post_id = ? AND hash = ?",
                    [(*place, content) for content in past],
                )
                self._db.executemany(
                    "INSERT OR IGNORE INTO spare VALUES (?, ?, '')",
                    [(delivery.site, content) for content in past],
                )
            self._db.executemany(
                "INSERT OR IGNORE INTO shown (site, blog, post_id, hash) VALUES (?, ?, ?, ?)",
                [(*place, content) for content in contents],
            )

    def showing(self, blog: str, site: str) -> Iterator[tuple[int, Upload]]:
        """The files that the blog's articles show on the site, each with the post's id."""
        with explained(self.path):
            for post_id, data in self._db.execute(
                "SELECT s.post_id, u.data FROM shown s JOIN upload u USING (site, hash)"
                " JOIN delivery d USING (blog, post_id, site) WHERE s.blog = ? AND s.site = ?"
                " AND u.uploaded_at != '' AND d.remote_id != '' ORDER BY s.post_id",
                (blog, site),
            ):
                yield post_id, decode_upload(data)

    def holds(self, site: str) -> set[str]:
        """The ids of all files of ours on the site, those that are to be taken back too."""
        rows = self._all(
            "SELECT json_extract(data, '$.id') FROM upload WHERE site = ?1 UNION"
            " SELECT json_extract(data, '$.id') FROM spare WHERE site = ?1 AND data != ''",
            site,
        )
        return {row[0] for row in rows}

    def has_spare(self, site: str) -> bool:
        """Whether ``spare`` or ``arriving`` may have something to say."""
        spare = "SELECT 1 FROM spare WHERE site = ?1 UNION ALL SELECT 1 FROM arriving WHERE"
        return self._one(f"{spare} site = ?1 LIMIT 1", site) is not None

    def spare(self, site: str) -> list[tuple[str, Upload]]:
        """What ended up in no article, to be taken back: known no more by ``upload``, and here
        until ``taken_back``. Nothing while anything is due there, since that may show it yet."""
        with self.transaction():
            self._db.execute(
                "DELETE FROM spare WHERE site = ?1 AND EXISTS (SELECT 1 FROM shown s WHERE"
                " s.site = ?1 AND s.hash = spare.hash)",
                (site,),
            )
            if self._one("SELECT 1 FROM delivery WHERE due = 1 AND site = ? LIMIT 1", site):
                return []
            self._db.execute(
                "UPDATE spare SET data = coalesce((SELECT data FROM upload u WHERE u.site = ?1"
                " AND u.hash = spare.hash), data) WHERE site = ?1",
                (site,),
            )
            self._db.execute(
                "DELETE FROM upload WHERE site = ?1 AND hash IN"
                " (SELECT hash FROM spare WHERE site = ?1)",
                (site,),
            )
            self._db.execute("DELETE FROM spare WHERE site = ? AND data = ''", (site,))
            rows = self._all("SELECT hash, data FROM spare WHERE site = ?", site)
        with explained(self.path):
            return [(content, decode_upload(data)) for content, data in rows]

    def taken_back(self, site: str, content: str) -> None:
        """The site has it no more."""
        self._do("DELETE FROM spare WHERE site = ? AND hash = ?", site, content)

    def forget_upload(self, site: str, upload: Upload) -> None:
        """The site may have lost this file: it is sent again when next needed."""
        self._do(
            "UPDATE upload SET uploaded_at = '' WHERE site = ? AND json_extract(data, '$.id') = ?",
            site,
            upload.id,
        )
