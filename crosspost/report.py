"""What a run did, as a person's sentences and as one JSON object (docs/reports.md)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from crosspost.deliver import Outcome
from crosspost.errors import CrosspostError
from crosspost.logs import concealed, event
from crosspost.readers import Note

KINDS: Final = ("created", "updated", "unchanged", "withdrawn", "held", "failed")
_UNSHOWN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_READING: Final = ("sync", "backfill", "watch", "preview")
"""Commands that read channels."""
_ALIKE: Final = 10
"""So many posts that wait for the same reason are told in full; all with ``verbose``."""
_LISTED: Final = 10_000
"""So many posts are listed for each kind; all are counted."""


def shown(text: str) -> str:
    """The text as one line that a terminal may show: names and titles are of strangers, and could
    hold what moves the cursor, turns the direction of writing or begins another line."""
    clean = _UNSHOWN.sub(lambda found: " " if found[0] in "\t\n\r" else "\ufffd", text)
    return concealed(clean)


class Trouble(msgspec.Struct, frozen=True):
    """What ended the work on a blog, or on one of its sites."""

    blog: str
    site: str
    message: str
    exit_code: int


@dataclass
class Report:
    """The account of a run. ``read`` counts posts that were new, changed or gone at the source;
    ``vanished`` are posts that disappeared in a number that a person must confirm."""

    command: str
    dry_run: bool = False
    read: int = 0
    gone: int = 0
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys((*KINDS, "skipped", "waits"), 0)
    )
    posts: dict[str, list[Outcome]] = field(default_factory=dict)
    notes: list[tuple[str, Note]] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    vanished: dict[str, list[int]] = field(default_factory=dict)
    served: set[tuple[str, str]] = field(default_factory=set)
    left_off: int = 0

    def add(self, outcome: Outcome) -> None:
        """One post on one site has been dealt with."""
        outcome = _discreet(outcome)
        self.counts[outcome.what] += 1
        event(
            outcome.what,
            "error" if outcome.what == "failed" else "info",
            post=f"{outcome.blog}/{outcome.post_id}",
            site=outcome.site,
            title=outcome.title,
            url=outcome.url,
            reason=outcome.reason,
        )
        for text in outcome.notes:
            self.note(outcome.blog, Note(text=text, post_id=outcome.post_id))
        if outcome.what == "unchanged":
            return
        listed = self.posts.setdefault(outcome.what, [])
        if len(listed) < _LISTED:
            listed.append(outcome)
        else:
            self.left_off += 1

    def note(self, blog: str, note: Note) -> None:
        """Something of the source that a person may want to know."""
        post = f"{blog}/{note.post_id}" if note.post_id else ""
        event("note", blog=blog, post=post, reason=note.text, lost=note.lost)
        if len(self.notes) < _LISTED:
            self.notes.append((blog, note))

    def fail(self, blog: str, site: str, error: CrosspostError) -> None:
        """A blog, or its way to one site, could not be served."""
        code = error.exit_code
        level = "warning" if code in (5, 7) else "error"
        event("trouble", level, blog=blog, site=site, reason=str(error), exit_code=code)
        self.troubles.append(Trouble(blog, site, concealed(str(error)), error.exit_code))

    @property
    def exit_code(self) -> int:
        """The run's exit code: that of its first trouble, else 1 when posts need a person."""
        if self.troubles:
            real = [trouble.exit_code for trouble in self.troubles if trouble.exit_code != 7]
            return real[0] if real else self.troubles[0].exit_code
        return self.exit_code_of_posts

    @property
    def exit_code_of_posts(self) -> int:
        """1 when posts need a person, whatever else went wrong."""
        lost = any(note.lost for _, note in self.notes)
        return 1 if self.counts["held"] or self.counts["failed"] or self.vanished or lost else 0

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.read or any(self.counts.values()) or self.notes or self.troubles)

    @property
    def did_something(self) -> bool:
        """Whether any post was met, not only trouble."""
        return bool(self.read or any(self.counts.values()) or self.notes)

    def summary(self) -> str:
        """One sentence."""
        verbs = {
            "created": "created",
            "updated": "updated",
            "withdrawn": "withdrawn",
            "held": "held for a person",
            "failed": "failed",
            "skipped": "left out",
            "waits": "waiting",
        }
        done = [
            f"{self.counts[kind]:,} {verb}" for kind, verb in verbs.items() if self.counts[kind]
        ]
        if not done and not self.read and self.counts["unchanged"]:
            kept = self.counts["unchanged"]
            return f"{kept:,} left as {'it is' if kept == 1 else 'they are'}."
        if not done and not self.read:
            return "Nothing to do." if not self.troubles else "Nothing was done."
        would = "It would be: " if self.dry_run else ""
        reads = self.read or self.command in _READING
        read = [f"{self.read:,} {'post' if self.read == 1 else 'posts'} read"] if reads else []
        rest = [f"{self.counts['unchanged']:,} unchanged"] if self.counts["unchanged"] else []
        return f"{would}{', '.join([*read, *done, *rest])}."

    def lines(self, verbose: bool) -> Iterator[str]:
        """What a person should hear: troubles, failed and held posts, notes; with ``verbose``
        every post. Fit for a terminal."""
        yield from map(shown, self._lines(verbose))

    def _lines(self, verbose: bool) -> Iterator[str]:
        for trouble in self.troubles:
            where = f"{trouble.blog} → {trouble.site}" if trouble.site else trouble.blog
            yield f"{where}: {trouble.message}"
        for blog, ids in self.vanished.items():
            yield (
                f"{blog}: {len(ids)} posts vanished from the channel at once "
                f"({', '.join(map(str, ids[:10]))}{', …' if len(ids) > 10 else ''}). Nothing was "
                f"withdrawn. If that is right: crosspost sync {blog} --accept-deletions"
            )
        for what in ("failed", "held", *(("waits", "skipped") if verbose or self.dry_run else ())):
            told = self.posts.get(what, [])
            first = told if verbose or self.dry_run else _not_all_alike(told)
            for outcome in first:
                yield from _told(outcome)
            if len(first) < len(told):
                yield f"{what}: {len(told) - len(first):,} more like these: crosspost status"
        if verbose or self.dry_run:
            for what in ("created", "updated", "withdrawn"):
                for outcome in self.posts.get(what, ()):
                    yield from _told(outcome)
        for blog, note in self.notes:
            key = f"{blog}/{note.post_id}" if note.post_id else blog
            yield f"{'unread' if note.lost else 'note'}: {key}: {note.text}"

    def as_json(self) -> dict[str, Any]:
        """The documented object."""
        return {
            "command": self.command,
            "dry_run": self.dry_run,
            "exit_code": self.exit_code,
            "read": self.read,
            "gone": self.gone,
            **self.counts,
            "posts": {what: msgspec.to_builtins(listed) for what, listed in self.posts.items()},
            "left_off": self.left_off,
            "vanished": self.vanished,
            "notes": [
                {"blog": blog, "post_id": note.post_id, "text": note.text, "lost": note.lost}
                for blog, note in self.notes
            ],
            "errors": msgspec.to_builtins(self.troubles),
        }


def _discreet(outcome: Outcome) -> Outcome:
    """The same; what a site said may hold what it was sent."""
    reason, remedy = concealed(outcome.reason), concealed(outcome.remedy)
    if (reason, remedy) == (outcome.reason, outcome.remedy):
        return outcome
    return msgspec.structs.replace(outcome, reason=reason, remedy=remedy)


def _not_all_alike(told: list[Outcome]) -> list[Outcome]:
    """The first of those that a site has for the same reason: where each post is to be looked at,
    a channel's whole archive is."""
    met: Counter[tuple[str, str, str]] = Counter()
    first = []
    for outcome in told:
        alike = (outcome.blog, outcome.site, outcome.reason)
        met[alike] += 1
        if met[alike] <= _ALIKE:
            first.append(outcome)
    return first


def _told(outcome: Outcome) -> Iterator[str]:
    key = f"{outcome.blog}/{outcome.post_id}"
    title = f" «{outcome.title}»" if outcome.title else ""
    yield f"{outcome.what}: {key} → {outcome.site}{title}" + (
        f": {outcome.reason}" if outcome.reason else ""
    )
    if outcome.remedy:
        yield f"    {outcome.remedy}"
