"""What a person wrote into an article, which goes before what the post makes of itself."""

import msgspec

from crosspost.ledger._lines import Lines
from crosspost.ledger.records import Edit, stamp
from crosspost.model import encode


class Edits(Lines):
    """That part of the ledger."""

    def edit(self, blog: str, post_id: int) -> Edit | None:
        """What a person wrote into the post's article."""
        found = self._one("SELECT data FROM edit WHERE blog = ? AND post_id = ?", blog, post_id)
        return msgspec.json.decode(found[0], type=Edit) if found else None

    def write_edit(self, blog: str, post_id: int, edit: Edit) -> None:
        """A person wrote this; an empty ``Edit`` takes it all back. The post is due."""
        with self.transaction():
            if edit == Edit():
                self._db.execute("DELETE FROM edit WHERE blog = ? AND post_id = ?", (blog, post_id))
            else:
                self._db.execute(
                    "INSERT OR REPLACE INTO edit VALUES (?, ?, ?, ?)",
                    (blog, post_id, encode(edit).decode(), stamp(self.clock())),
                )
            self._db.execute(
                "UPDATE delivery SET due = 1, not_before = '' WHERE blog = ? AND post_id = ?"
                " AND state NOT IN ('gone', 'withdrawn')",
                (blog, post_id),
            )
