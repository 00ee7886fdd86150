"""What the ledger answers: deliveries, posts as stored, runs, what happened."""

from datetime import UTC, datetime
from typing import Final, Literal

from crosspost.model import Post, Record

State = Literal[
    "new",  # never sent
    "sending",  # about to be sent, or nobody knows
    "live",
    "held",  # waits for a person
    "skipped",  # a rule, a setting or a person says: not here
    "failed",  # the site said no
    "conflict",  # a person changed it on the site, and it changed in Telegram
    "missing",  # a person removed it from the site
    "withdrawn",  # a draft there, because the post is gone
    "gone",  # the post is gone and nothing of it is there
]
WAITING: Final = ("held", "failed", "conflict", "missing")
"""States that need a person."""
WITHDRAWING: Final = "withdraw"
"""What stands for a digest in ``Delivery.sending`` while an article is taken off the site."""

Stored = Literal["new", "changed", "same", "back"]


class Delivery(Record, frozen=True):
    """One post on one site.

    ``digest`` is that of the article the site has of us, ``sending`` of the one on its way
    (of all that were, while nobody knows which of them arrived).
    ``word`` is what a person decided: ``publish``, ``skip``, ``ours``, ``theirs``, ``merge``,
    ``remove``, ``undo`` (``undone`` when that is done) or "".
    ``said`` tells by hashes what each part of the article was when we left it, ``keep`` which of
    them are the editor's from then on (``deliver``).
    ``theirs`` is the site's text when it is a conflict. ``not_before`` is a time in UTC.
    """

    blog: str
    post_id: int
    site: str
    state: State = "new"
    due: bool = True
    not_before: str = ""
    word: str = ""
    slug: str = ""
    title: str = ""
    digest: str = ""
    sending: str = ""
    remote_id: str = ""
    url: str = ""
    version: str = ""
    reason: str = ""
    remedy: str = ""
    theirs: str = ""
    said: str = ""
    keep: str = ""
    attempts: int = 0
    changed_at: str = ""

    @property
    def public(self) -> bool:
        """Whether visitors find the article, as far as we know: what is held, failed or on its
        way again is still there as it was."""
        away = self.state in ("withdrawn", "missing", "gone")
        return bool(self.remote_id and self.url) and not away


class Edit(Record, frozen=True):
    """What a person wrote into an article, as plain text; None where the post's own stays."""

    headline: str | None = None
    lead: str | None = None
    tags: tuple[str, ...] | None = None


class StoredPost(Record, frozen=True):
    """A post as it stands in the ledger. ``reader`` and ``source`` say who can fetch its files;
    ``gone`` is "", ``asked`` (it vanished, a person is asked) or ``gone``."""

    post: Post
    reader: str
    source: str
    gone: Literal["", "asked", "gone"] = ""
    stored_at: str = ""
    changed_at: str = ""
    gone_at: str = ""


class Event(Record, frozen=True):
    """A line of a post's history."""

    at: str
    run: int
    site: str
    what: str
    detail: str


class Run(Record, frozen=True):
    """A run that was. ``ended_at`` is "" while it goes on, or when it was killed."""

    id: int
    blog: str
    command: str
    started_at: str
    ended_at: str
    exit_code: int | None
    summary: str


class Target(Record, frozen=True):
    """A blog on a site: ``counts`` of its deliveries by state, ``due`` ones among them."""

    blog: str
    site: str
    counts: dict[str, int]
    due: int
    success_at: str
    unfinished: bool


PAGE: Final = 200
"""So many rows are read at a time."""


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A time as the ledger writes it: UTC, to the second, sortable as text."""
    return f"{moment.astimezone(UTC).isoformat(timespec='seconds')[:-6]}Z"
