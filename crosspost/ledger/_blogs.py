"""Blogs and their channels, how far they were read, runs, and what happened to each post."""

from typing import Final

import msgspec

from crosspost.errors import LedgerError
from crosspost.ledger._file import File
from crosspost.ledger.records import Event, Run, Target, stamp
from crosspost.logs import concealed
from crosspost.model import Channel, encode

_TOLD: Final = ("title", "username", "about", "photo")


class Blogs(File):
    """That part of the ledger."""

    def bind(self, blog: str, channel: Channel, *, aside: bool = False) -> None:
        """Ties the blog to its channel, for ever. Raises ``LedgerError`` when the blog's posts
        came from another one; a source that does not know its channel's id (0) passes. What a
        source ``aside`` of the blog's own says of the channel only fills what is not known."""
        found = self._one("SELECT channel_id, channel FROM blog WHERE name = ?", blog)
        known = found[0] if found else 0
        if known and channel.id and known != channel.id:
            raise LedgerError(
                f"The blog «{blog}» mirrors the channel {known} in {self.path}, but its config now "
                f"leads to the channel {channel.id} («{channel.title}»). Correct «channel», or "
                "give the other channel a blog of its own."
            )
        if aside and found:
            before = msgspec.json.decode(found[1], type=Channel)
            told = {name: getattr(before, name) or getattr(channel, name) for name in _TOLD}
            channel = msgspec.structs.replace(channel, **told)
        data = encode(channel).decode()
        if found is None or (known or channel.id) != known or data != found[1]:
            self._do(
                "INSERT INTO blog (name, channel_id, channel) VALUES (?1, ?2, ?3) ON CONFLICT "
                "(name) DO UPDATE SET channel_id = ?2, channel = ?3",
                blog,
                known or channel.id,
                data,
            )

    def channel(self, blog: str) -> Channel:
        """What the blog's channel last said of itself."""
        found = self._one("SELECT channel FROM blog WHERE name = ?", blog)
        return msgspec.json.decode(found[0], type=Channel) if found else Channel(id=0)

    def cursor(self, blog: str, reader: str, source: str) -> str | None:
        """How far this reader has read this source."""
        found = self._one(
            "SELECT value FROM cursor WHERE blog = ? AND reader = ? AND source = ?",
            blog,
            reader,
            source,
        )
        return found[0] if found else None

    def set_cursor(self, blog: str, reader: str, source: str, value: str) -> None:
        """What was read so far is stored for good."""
        self._do(
            "INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?, ?)",
            blog,
            reader,
            source,
            value,
            stamp(self.clock()),
        )

    def begin(self, blog: str, command: str) -> None:
        """A run starts; what happens from now on is its doing."""
        with self.transaction():
            done = self._db.execute(
                "INSERT INTO run (blog, command, started_at) VALUES (?, ?, ?)",
                (blog, command, stamp(self.clock())),
            )
            self.run_id = done.lastrowid or 0

    def end(self, exit_code: int, summary: str) -> None:
        """The run is over."""
        if self.run_id:
            self._do(
                "UPDATE run SET ended_at = ?, exit_code = ?, summary = ? WHERE id = ?",
                stamp(self.clock()),
                exit_code,
                concealed(summary),
                self.run_id,
            )
            self.run_id = 0

    def runs(self, blog: str, limit: int = 1) -> list[Run]:
        """The blog's last runs, newest first."""
        rows = self._all(
            "SELECT id, blog, command, started_at, coalesce(ended_at, ''), exit_code, summary"
            " FROM run WHERE blog = ? ORDER BY id DESC LIMIT ?",
            blog,
            limit,
        )
        return [Run(**dict(zip(Run.__struct_fields__, row, strict=True))) for row in rows]

    def run(self, number: int) -> Run | None:
        """The run of this number."""
        row = self._one(
            "SELECT id, blog, command, started_at, coalesce(ended_at, ''), exit_code, summary"
            " FROM run WHERE id = ?",
            number,
        )
        return Run(**dict(zip(Run.__struct_fields__, row, strict=True))) if row else None

    def makers(self, limit: int = 20) -> list[tuple[Run, int]]:
        """The last runs that put articles on a site, and how many, newest first."""
        rows = self._all(
            "SELECT r.id, r.blog, r.command, r.started_at, coalesce(r.ended_at, ''), r.exit_code,"
            " r.summary, count(*) FROM run r JOIN event e ON e.run = r.id AND e.what = 'created'"
            " GROUP BY r.id ORDER BY r.id DESC LIMIT ?",
            limit,
        )
        fields = Run.__struct_fields__
        return [(Run(**dict(zip(fields, row[:-1], strict=True))), row[-1]) for row in rows]

    def tell(self, blog: str, post_id: int, site: str, what: str, detail: str) -> None:
        """A line for the post's history."""
        self._do(
            "INSERT INTO event (at, run, blog, post_id, site, what, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            stamp(self.clock()),
            self.run_id,
            blog,
            post_id,
            site,
            what,
            concealed(detail),
        )

    def history(self, blog: str, post_id: int) -> list[Event]:
        """What happened to the post, oldest first."""
        rows = self._all(
            "SELECT at, run, site, what, detail FROM event WHERE blog = ? AND post_id = ?"
            " ORDER BY id",
            blog,
            post_id,
        )
        return [Event(**dict(zip(Event.__struct_fields__, row, strict=True))) for row in rows]

    def targets(self, blog: str) -> list[Target]:
        """How the blog stands on each site."""
        targets = []
        for site, success, unfinished in self._all(
            "SELECT site, coalesce(success_at, ''), unfinished FROM target WHERE blog = ?", blog
        ):
            counts = self._all(
                "SELECT state, count(*) FROM delivery WHERE blog = ? AND site = ? GROUP BY state",
                blog,
                site,
            )
            due = self._one(
                "SELECT count(*) FROM delivery WHERE due = 1 AND blog = ? AND site = ?", blog, site
            )
            targets.append(
                Target(
                    blog=blog,
                    site=site,
                    counts=dict(counts),
                    due=due[0],
                    success_at=success,
                    unfinished=bool(unfinished),
                )
            )
        return targets
