"""The ledger: what was read, what was delivered, what is due. The only SQL of Crosspost.

    Ledger.open(path)        the file, made or migrated when needed
    Ledger.rehearsal(path)   a copy that vanishes, for ``--dry-run`` and ``preview``

The two halves of a run meet here and nowhere else. Reading stores posts and, in the same
transaction, marks their deliveries due; delivering asks what is due, writes down what it is about
to do (``sending``) and, after the site's answer, what became of it (``live``). What is due is a
query over a partial index, so a run with nothing to do costs the same however long the history.

SQLite in WAL mode with ``synchronous=FULL``: a commit has reached the disk when it returns
(https://www.sqlite.org/pragma.html#pragma_synchronous).

    records       what it answers
    schema        its tables
    _file         the file and its trouble
    _blogs        blogs, cursors, runs, history
    _posts        posts as read, albums, deletions
    _lines        lines that repeat, twins, tags
    _edits        what a person wrote into an article
    _deliveries   what stands where, and what is due
    _uploads      files on the sites
    _keeping      copies, what may be forgotten, whether it is sound, its rows
    _saving       the file taken back from a copy, or saved from damage
"""

from crosspost.ledger._file import explained
from crosspost.ledger._keeping import Forgotten, Keeping, Kind
from crosspost.ledger._saving import restore, saved, written
from crosspost.ledger.records import (
    WAITING,
    WITHDRAWING,
    Delivery,
    Edit,
    Event,
    Run,
    State,
    Stored,
    StoredPost,
    Target,
    now,
    stamp,
)

__all__ = [
    "WAITING",
    "WITHDRAWING",
    "Delivery",
    "Edit",
    "Event",
    "Forgotten",
    "Kind",
    "Ledger",
    "Run",
    "State",
    "Stored",
    "StoredPost",
    "Target",
    "explained",
    "now",
    "restore",
    "saved",
    "stamp",
    "written",
]


class Ledger(Keeping):
    """An open ledger. One thread at a time; any number of processes.

    Every method raises ``LedgerError`` when the file cannot be used. Methods that write do so in
    a transaction of their own unless ``transaction()`` is open around them.
    """
