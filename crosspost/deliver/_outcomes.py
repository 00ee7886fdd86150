"""What the ledger and the report are told, whatever the site answered."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from crosspost.deliver import _parts
from crosspost.deliver._decide import how_to_bring_back, how_to_choose
from crosspost.deliver._records import GIVE_UP, Errand, Outcome, Trip
from crosspost.ledger import Delivery, stamp
from crosspost.model import Article, Parts
from crosspost.publishers import Changed, Unknown, Vanished


def outcome_of(
    delivery: Delivery,
    article: Article,
    what: Literal[
        "created", "updated", "unchanged", "withdrawn", "held", "skipped", "failed", "waits"
    ],
    reason: str = "",
    remedy: str = "",
) -> Outcome:
    return Outcome(
        what=what,
        blog=delivery.blog,
        site=delivery.site,
        post_id=delivery.post_id,
        title=article.title,
        url=delivery.url,
        source_url=article.source_url,
        reason=reason,
        remedy=remedy,
        notes=article.notes if what in ("created", "updated") else (),
    )


def now_live(delivery: Delivery, mark: str) -> Delivery:
    """The delivery when the site has the article with this digest."""
    return replace(
        delivery,
        state="live",
        due=False,
        not_before="",
        word="publish" if delivery.word == "publish" else "",
        digest=mark,
        sending="",
        reason="",
        remedy="",
        theirs="",
        attempts=0,
    )


class Unmergeable(Exception):
    """The author's change and the editor's cannot both stand; the text says why."""


def hands_off(
    before: Delivery, article: Article, error: Changed | Vanished, there: Parts | None
) -> tuple[Delivery, str, Outcome]:
    """A person's hand was on the article, which says ``there`` now: it stays as it is there, and
    a person is told."""
    told = replace(before, due=False, not_before="", sending="", title=article.title, word="")
    if isinstance(error, Changed):
        post = _parts.by_post(before.said, article) if before.said else frozenset()
        hand = _parts.by_hand(before.said, there) or frozenset()
        merges = bool(hand) and "text" not in hand and not hand & post
        remedy = how_to_choose(before, merges=merges)
        theirs = _parts.words(there) if there else error.theirs
        told = replace(told, state="conflict", theirs=theirs, remedy=remedy)
        reason = (
            f"It was to be changed{_named(post)}, and a person had changed it{_named(hand)} on the "
            f"site: {error}"
        )
    else:
        told = replace(told, state="missing", remedy=how_to_bring_back(before))
        reason = f"A person removed it from the site: {error}"
    told = replace(told, reason=reason)
    return told, told.state, outcome_of(told, article, "held", reason, told.remedy)


def _named(parts: frozenset[str]) -> str:
    return f" ({_parts.listed(parts)})" if parts else ""


def unmerged(before: Delivery, article: Article, error: Unmergeable) -> Delivery:
    """A person is told why his word cannot be done; nothing was changed."""
    return replace(
        before,
        state="conflict",
        due=False,
        not_before="",
        title=article.title,
        word="",
        reason=f"It cannot be merged: {error}",
        remedy=how_to_choose(before),
    )


def stays(quiet: Delivery, before: Delivery) -> Delivery:
    """An article that ``undo`` leaves, since a person has edited it on the site: a conflict goes on
    waiting for his word."""
    return replace(
        quiet,
        state="conflict" if before.state == "conflict" else "live",
        reason="A person has edited it on the site since: it stays there",
        remedy=f"To take it off all the same: crosspost withdraw {before.blog}/{before.post_id}",
    )


def now_failed(delivery: Delivery, reason: str, *, sending: str = "") -> Delivery:
    key = f"{delivery.blog}/{delivery.post_id}"
    again = f"retry {key}" if delivery.word == "ours" else f"resolve {key} --publish"
    return replace(
        delivery,
        state="failed",
        due=False,
        not_before="",
        sending=sending,
        reason=f"The site refused it: {reason}",
        remedy="Correct what it names; it is sent again when the post, the config or a template "
        f"changes, or with: crosspost {again}",
    )


def now_unknown(delivery: Delivery, reason: str, now: datetime) -> Delivery:
    attempts = delivery.attempts + 1
    over = attempts >= GIVE_UP
    pause = timedelta(minutes=2 ** (attempts - 2)) if attempts > 2 else timedelta()
    key = f"{delivery.blog}/{delivery.post_id}"
    return replace(
        delivery,
        state="failed" if over else "sending",
        due=not over,
        not_before=stamp(now + pause) if pause and not over else "",
        attempts=attempts,
        reason=f"The site gave no clear answer: {reason}",
        remedy=f"Look at the site, then: crosspost resolve {key} --publish"
        if over
        else "The next run looks whether it arrived, and goes on from there",
    )


def refused(
    errand: Errand, trip: Trip, delivery: Delivery, article: Article, error: Exception
) -> Outcome:
    """A file could not be uploaded, or an article not be taken away."""
    trip.failed.add(delivery.post_id)
    if isinstance(error, Unknown):
        trip.unknown += 1
        told = now_unknown(delivery, str(error), errand.ledger.clock())
        told = replace(told, state=delivery.state) if told.due else told
    else:
        trip.unknown = 0
        told = now_failed(delivery, str(error), sending=delivery.sending)
    errand.ledger.settle(told, "failed", told.reason)
    return outcome_of(told, article, "failed", told.reason, told.remedy)
