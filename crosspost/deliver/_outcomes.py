"""What the ledger and the report are told, whatever the site answered."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from crosspost.deliver._decide import how_to_bring_back, how_to_choose
from crosspost.deliver._records import GIVE_UP, Errand, Outcome, Trip
from crosspost.ledger import Delivery, stamp
from crosspost.model import Article
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


def hands_off(
    before: Delivery, article: Article, error: Changed | Vanished
) -> tuple[Delivery, str, Outcome]:
    """A person's hand was on the article: it stays as it is there, and a person is told."""
    told = replace(before, due=False, not_before="", sending="", title=article.title, word="")
    if isinstance(error, Changed):
        told = replace(told, state="conflict", theirs=error.theirs, remedy=how_to_choose(before))
        reason = f"It was to be changed, and a person had changed it on the site: {error}"
    else:
        told = replace(told, state="missing", remedy=how_to_bring_back(before))
        reason = f"A person removed it from the site: {error}"
    told = replace(told, reason=reason)
    return told, told.state, outcome_of(told, article, "held", reason, told.remedy)


def now_failed(delivery: Delivery, reason: str, *, sending: str = "") -> Delivery:
    return replace(
        delivery,
        state="failed",
        due=False,
        not_before="",
        sending=sending,
        reason=f"The site refused it: {reason}",
        remedy="Correct what it names; it is sent again when the post, the config or a template "
        f"changes, or with: crosspost resolve {delivery.blog}/{delivery.post_id} --publish",
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
