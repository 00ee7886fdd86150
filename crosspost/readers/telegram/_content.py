"""What a message holds beside its text and its files: polls, places, and what can only be told.

One table says for each kind of MessageMedia (https://core.telegram.org/type/MessageMedia) which
fields of a Post it becomes. Kinds are told apart by the names of their classes.
"""

from collections.abc import Callable
from math import inf
from typing import Any, Final, NamedTuple

from crosspost.model import Answer, Extra, LinkPreview, Place, Poll
from crosspost.readers.telegram._media import File
from crosspost.readers.telegram._peers import Manner, Peer, Peers, marked

Content = dict[str, Any]
"""Fields of a Post by name."""


def content_of(message: Any, manner: Manner, known: Peers, found: list[File]) -> Content:
    held = message.media
    if held is None:
        return {}
    read = MEDIA.get(type(held).__name__)
    if read is None:
        return {"extras": (Extra(kind="unsupported"),)}
    return read(held, _Around(message, manner, known, found))


class _Around(NamedTuple):
    """The message a medium is in."""

    message: Any
    manner: Manner
    known: Peers
    found: list[File]


def _files_only(_held: Any, _around: _Around) -> Content:
    return {}


def _web_page(held: Any, around: _Around) -> Content:
    page = held.webpage
    if type(page).__name__ != "WebPage":
        return {}
    preview = LinkPreview(
        url=page.url,
        site=page.site_name or "",
        title=page.title or "",
        description=page.description or "",
        photo=0 if around.found else None,
    )
    return {"link_preview": preview}


def _poll(held: Any, _around: _Around) -> Content:
    poll, results = held.poll, held.results
    counts = {one.option: one for one in results.results or ()}
    answers = []
    for answer in poll.answers:
        count = counts.get(answer.option)
        answers.append(
            Answer(
                text=answer.text.text,
                voters=count.voters if count else None,
                correct=bool(count and count.correct),
            )
        )
    record = Poll(
        question=poll.question.text,
        answers=tuple(answers),
        voters=results.total_voters,
        quiz=bool(poll.quiz),
        multiple=bool(poll.multiple_choice),
        anonymous=not poll.public_voters,
        closed=bool(poll.closed),
        solution=results.solution or "",
    )
    return {"poll": record}


def _geo(held: Any, _around: _Around) -> Content:
    return _place(held.geo, "", "")


def _venue(held: Any, _around: _Around) -> Content:
    return _place(held.geo, held.title, held.address)


def _place(geo: Any, title: str, address_: str) -> Content:
    """The place, an Extra if its numbers are none on Earth."""
    north, east = float(getattr(geo, "lat", inf)), float(getattr(geo, "long", inf))
    if abs(north) <= 90 and abs(east) <= 180:
        place = Place(latitude=north, longitude=east, title=title, address=address_)
        return {"place": place}
    lines = ((address_, False),) if address_ else ()
    return {"extras": (Extra(kind="unsupported", title=title, lines=lines),)}


def _extra(extra: Extra) -> Content:
    return {"extras": (extra,)}


def _contact(held: Any, around: _Around) -> Content:
    name = " ".join(filter(None, (held.first_name, held.last_name)))
    phone = held.phone_number if around.manner.phone_numbers else ""
    return _extra(Extra(kind="contact", title=name, value=phone))


def _dice(held: Any, _around: _Around) -> Content:
    return _extra(Extra(kind="dice", title=held.emoticon, value=str(held.value)))


def _todo(held: Any, _around: _Around) -> Content:
    done = {one.id for one in held.completions or ()}
    lines = tuple((item.title.text, item.id in done) for item in held.todo.list)
    return _extra(Extra(kind="todo", title=held.todo.title.text, lines=lines))


def _story(held: Any, around: _Around) -> Content:
    source = around.known.get(marked(held.peer), Peer(""))
    url = f"https://t.me/{source.username}/s/{held.id}" if source.username else ""
    caption = getattr(held.story, "caption", None) or ""
    lines = ((caption, False),) if caption else ()
    return _extra(Extra(kind="story", title=source.name, lines=lines, value=url))


def _giveaway(held: Any, _around: _Around) -> Content:
    prize = held.prize_description or ""
    return _extra(Extra(kind="giveaway", title=prize, value=str(held.quantity or "")))


def _results(held: Any, _around: _Around) -> Content:
    prize = held.prize_description or ""
    return _extra(Extra(kind="giveaway_results", title=prize, value=str(held.winners_count or "")))


def _paid(held: Any, _around: _Around) -> Content:
    return _extra(Extra(kind="paid_media", value=str(held.stars_amount)))


def _invoice(held: Any, _around: _Around) -> Content:
    return _extra(
        Extra(
            kind="invoice",
            title=held.title,
            lines=((held.description, False),) if held.description else (),
            value=_price(held.total_amount, held.currency),
        )
    )


def _price(amount: int, currency: str) -> str:
    """The sum of money: amounts are in the currency's smallest unit
    (https://core.telegram.org/bots/payments#supported-currencies); stars have none."""
    if abs(amount) > 10**15 or not currency.isalpha():
        return ""
    from babel.numbers import get_currency_precision

    digits = 0 if currency == "XTR" else get_currency_precision(currency)
    return f"{amount / 10**digits:.{digits}f} {currency}"


def _game(held: Any, around: _Around) -> Content:
    game, bot = held.game, around.known.get(around.message.via_bot_id or 0, Peer(""))
    lines = ((game.description, False),) if game.description else ()
    url = f"https://t.me/{bot.username}?game={game.short_name}" if bot.username else ""
    return _extra(Extra(kind="game", title=game.title, lines=lines, value=url))


def _live(_held: Any, _around: _Around) -> Content:
    return _extra(Extra(kind="live_stream"))


def _unsupported(_held: Any, _around: _Around) -> Content:
    return _extra(Extra(kind="unsupported"))


MEDIA: Final[dict[str, Callable[[Any, _Around], Content]]] = {
    "MessageMediaContact": _contact,
    "MessageMediaDice": _dice,
    "MessageMediaDocument": _files_only,
    "MessageMediaEmpty": _files_only,
    "MessageMediaGame": _game,
    "MessageMediaGeo": _geo,
    "MessageMediaGeoLive": _geo,
    "MessageMediaGiveaway": _giveaway,
    "MessageMediaGiveawayResults": _results,
    "MessageMediaInvoice": _invoice,
    "MessageMediaPaidMedia": _paid,
    "MessageMediaPhoto": _files_only,
    "MessageMediaPoll": _poll,
    "MessageMediaStory": _story,
    "MessageMediaToDo": _todo,
    "MessageMediaUnsupported": _unsupported,
    "MessageMediaVenue": _venue,
    "MessageMediaVideoStream": _live,
    "MessageMediaWebPage": _web_page,
}
"""Every kind of MessageMedia of layer 229."""
