"""Intent, act, outcome: articles sent to the site and taken off it."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from crosspost.deliver._outcomes import (
    hands_off,
    now_failed,
    now_live,
    now_unknown,
    outcome_of,
    refused,
)
from crosspost.deliver._records import PATIENCE, Errand, Outcome, Send, Take, Trip
from crosspost.ledger import Delivery
from crosspost.logs import about
from crosspost.model import Article, Remote
from crosspost.publishers import Changed, Publisher, Refused, Unknown, Vanished

_TRIED: Final = 20
"""So many requests without an answer are remembered for one article."""
_WITHDRAWING: Final = "withdraw"
"""What stands for a digest in ``sending`` while an article is taken off the site."""


def send_all(errand: Errand, trip: Trip, sends: list[Send]) -> Iterator[Outcome]:
    """Intent, act, outcome, for as many articles at a time as the publisher says it may."""
    if not sends:
        return
    intents = []
    with errand.ledger.transaction():
        if not trip.started:
            errand.ledger.set_unfinished(errand.blog, errand.site, True)
            trip.started = True
        for send in sends:
            intent = replace(
                send.delivery,
                state="sending",
                sending=_and(send.delivery.sending, send.digest),
                slug=send.article.slug,
            )
            intents.append(intent)
            errand.ledger.settle(intent)
            errand.ledger.shows(intent, send.contents, only=False)
    done: list[tuple[Delivery, str, Outcome]] = []
    try:
        for send, intent in zip(sends, intents, strict=True):
            done.append(_send(errand, trip, send, intent))
            if trip.unknown >= PATIENCE:
                break
    finally:
        with errand.ledger.transaction():
            for delivery, what, outcome in done:
                errand.ledger.settle(delivery, what, outcome.reason)
                if outcome.what == "failed":
                    trip.failed.add(delivery.post_id)
            for send, (delivery, _, _) in zip(sends, done, strict=False):
                if delivery.digest == send.digest and delivery.state == "live":
                    errand.ledger.shows(delivery, send.contents, only=True)
                if send.delivery.public != delivery.public:  # one of these may link to another
                    errand.ledger.stir(errand.blog, delivery.post_id, errand.site)
    yield from (outcome for _, _, outcome in done)


def _send(
    errand: Errand, trip: Trip, send: Send, intent: Delivery
) -> tuple[Delivery, str, Outcome]:
    article, before = send.article, send.delivery
    about(post=f"{before.blog}/{before.post_id}")
    try:
        remote = _standing(errand, send)
        if remote and remote.digest == send.digest and remote.status == "live":
            now, what = remote, "found"
        else:
            now = errand.publisher().put(article, send.uploads, remote)
            what = "updated" if remote else "created"
    except (Changed, Vanished) as error:
        return hands_off(before, article, error)
    except Refused as error:
        trip.unknown = 0
        for upload in send.uploads.values():  # it may be one of these that the site has lost
            errand.ledger.forget_upload(errand.site, upload)
        told = now_failed(before, str(error), sending=before.sending)
        return told, "failed", outcome_of(told, article, "failed", told.reason, told.remedy)
    except Unknown as error:
        trip.unknown += 1
        told = now_unknown(intent, str(error), errand.ledger.clock())
        return told, "unknown", outcome_of(told, article, "failed", told.reason, told.remedy)
    trip.unknown = 0
    told = replace(
        now_live(intent, send.digest),
        title=article.title,
        remote_id=now.id,
        url=now.url,
        version=now.version,
    )
    if not before.remote_id:
        return told, "created", outcome_of(told, article, "created")
    return told, what, outcome_of(told, article, "updated")


def _standing(errand: Errand, send: Send) -> Remote | None:
    """The article as it stands on the site, with the version that ``put`` may replace."""
    before, publisher = send.delivery, errand.publisher()
    ours = Remote(id=before.remote_id, url=before.url, version=before.version)
    if before.word == "ours":
        return _ours(publisher, send.article, ours if before.state != "missing" else None)
    if not before.remote_id:
        return publisher.find(send.article)
    try:
        return _looked(publisher, before, ours, send.digest)
    except Vanished:
        if _WITHDRAWING in before.sending.split() and errand.on_delete == "remove":
            return publisher.find(send.article)  # it was we who removed it
        raise


def _ours(publisher: Publisher, article: Article, remote: Remote | None) -> Remote | None:
    """What a person wants overwritten whatever it is now; None where it must be made anew."""
    try:
        found = publisher.look(remote) if remote and remote.id else publisher.find(article)
    except Vanished:
        found = publisher.find(article)
    return replace(found, version="", digest="") if found else None


def _looked(publisher: Publisher, before: Delivery, ours: Remote, mark: str = "") -> Remote:
    """The article as it may be replaced or taken away: what we left there, or, when nobody knows
    whether the last request arrived, what that would have made of it."""
    if not before.sending:
        return ours
    there = publisher.look(ours)
    tried = before.sending.split()
    arrived = there.digest and there.digest in (*tried, mark)
    withdrawn = _WITHDRAWING in tried and there.status == "draft"
    return there if arrived or withdrawn else ours


def _and(sending: str, mark: str) -> str:
    """One more request of which nobody knows: any of them may have been the last to arrive."""
    return " ".join([*(one for one in sending.split() if one != mark), mark][-_TRIED:])


def withdraw(errand: Errand, trip: Trip, take: Take) -> Outcome | None:
    """Takes an article off the site, of a deleted post or because a person said so; looking first
    where nobody knows."""
    delivery, article = take.delivery, take.article
    skipped = delivery.word == "skip" and not take.stored.gone
    publisher, how = errand.publisher(), "draft" if skipped else errand.on_delete
    assert how != "keep"
    ledger = errand.ledger
    intent = replace(delivery, state="sending", sending=_and(delivery.sending, _WITHDRAWING))
    with ledger.transaction():
        ledger.set_unfinished(errand.blog, errand.site, True)
        ledger.settle(intent)
    trip.started = True
    quiet = replace(delivery, due=False, sending="", not_before="", word="", reason="", remedy="")
    try:
        if delivery.remote_id:
            version = "" if skipped else delivery.version
            ours = Remote(id=delivery.remote_id, url=delivery.url, version=version)
            remote: Remote | None = _looked(publisher, delivery, ours)
        else:
            remote = publisher.find(article)
        left = remote
        if remote and (remote.status != "draft" or how == "remove"):
            left = publisher.withdraw(remote, how)
    except Vanished:
        remote, left = None, None
    except Changed as error:
        told, what, outcome = hands_off(delivery, article, error)
        ledger.settle(told, what, told.reason)
        return outcome
    except Refused as error:
        return refused(errand, trip, delivery, article, error)
    except Unknown as error:
        return refused(errand, trip, intent, article, error)
    trip.unknown = 0
    told = replace(
        quiet,
        state="withdrawn" if left else "gone",
        digest="",
        remote_id=left.id if left else "",
        version=left.version if left else "",
    )
    why = "The post was deleted in Telegram"
    if skipped:
        told, why = replace(told, state="skipped", word="skip", url=""), "A person decided so"
    with ledger.transaction():
        ledger.settle(told, told.state, f"{why}: {how}")
        if not left:
            ledger.shows(told, (), only=True)
        if delivery.public:
            ledger.stir(errand.blog, delivery.post_id, errand.site)
    if remote is None:
        return None
    return outcome_of(told, article, "withdrawn", why)
