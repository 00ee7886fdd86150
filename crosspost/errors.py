"""The errors that end a run, and their exit codes.

    CrosspostError      1
    ├── ConfigError     2   the config is wrong; every problem is listed at once
    ├── ReaderError     3   Telegram cannot be read: login gone, channel private, export damaged
    ├── PublisherError  4   the site cannot be written: wrong password, missing right, full disk
    ├── Busy            5   another run holds the blog
    ├── LedgerError     6   the ledger cannot be used: newer version, damaged, full disk
    └── Later           7   a time budget or a flood wait ended the run; the next one goes on

An error of one post is not here: it is a value in the report (see ``publishers`` for what a
publisher raises about one article, and ``readers`` for what a reader raises about one file).

Every message is a sentence for a person: it names the thing, the place and the remedy. It never
holds a secret.
"""

from typing import ClassVar


class CrosspostError(Exception):
    """Ends the run with ``exit_code``; its text is all that the user sees of it."""

    exit_code: ClassVar[int] = 1


class ConfigError(CrosspostError):
    """The config is wrong; ``problems`` holds one sentence for each thing to mend."""

    exit_code: ClassVar[int] = 2

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ReaderError(CrosspostError):
    """Telegram, or what stands for it, cannot be read at all."""

    exit_code: ClassVar[int] = 3


class PublisherError(CrosspostError):
    """The site as a whole cannot be written."""

    exit_code: ClassVar[int] = 4


class Busy(CrosspostError):
    """Another run holds the blog."""

    exit_code: ClassVar[int] = 5


class LedgerError(CrosspostError):
    """The ledger cannot be opened, read or written."""

    exit_code: ClassVar[int] = 6


class Later(CrosspostError):
    """The run ends early on purpose; nothing is wrong and the next run goes on from here."""

    exit_code: ClassVar[int] = 7
