"""An article's edit form as it was read: what it says, whose it is, what its version is."""

from hashlib import sha256
from typing import Final, Literal

from crosspost.model import Parts, Remote
from crosspost.publishers.form import _marks
from crosspost.publishers.form._body import lead_of, said
from crosspost.publishers.form._controls import Control
from crosspost.publishers.form._page import Form
from crosspost.publishers.form._settings import ONCE, FormSettings

_NO: Final = ("", "0", "false", "no", "off")


class Sheet:
    """The edit form of the article ``id``."""

    def __init__(self, settings: FormSettings, id_: str, form: Form) -> None:
        self.settings, self.id, self.form = settings, id_, form
        self.page = form.page

    # --- What it says ---

    def controls(self, part: str) -> list[Control]:
        """The fields that hold a part; those that are not there are left out."""
        found = (self.form.control(one.field) for one in self.settings.places(part))
        return [one for one in found if one is not None]

    def value(self, part: str) -> str:
        """What the form says of a part: a field's text, a choice's label."""
        told: list[str] = []
        for control in self.controls(part):
            told += (
                [one.label for one in control.chosen] if control.has_choices else [control.value]
            )
        return ", ".join(told) if len(told) > 1 else "".join(told)

    @property
    def tags(self) -> tuple[str, ...]:
        found: list[str] = []
        for place, control in zip(
            self.settings.places("tags"), self.controls("tags"), strict=False
        ):
            if control.has_choices:
                found += [one.label for one in control.chosen]
            else:
                found += control.value.split(place.join.strip() or ",")
        return tuple(one.strip() for one in found if one.strip())

    @property
    def lead(self) -> str:
        """The lead as HTML: its field's, or that in the text."""
        return (
            self.value("lead") if self.settings.places("lead") else lead_of(self.value("body"))[0]
        )

    @property
    def parts(self) -> Parts:
        lead, rest = lead_of(self.value("body"))
        own = self.value("lead")
        return Parts(
            title=" ".join(self.value("title").split()),
            lead=said(own or lead).replace("\n", " "),
            text=said(rest),
            tags=self.tags,
            category=self.value("category"),
        )

    @property
    def theirs(self) -> str:
        """The article's words, for a diff."""
        parts = self.parts
        lines = [parts.title, parts.lead, *parts.text.split("\n")]
        return "\n\n".join(line for line in lines if line)

    # --- Whose it is ---

    @property
    def mark(self) -> _marks.Mark | None:
        places = "mark" if self.settings.places("mark") else "body"
        return _marks.read(self.value(places))

    @property
    def words(self) -> str:
        """The hash of what a visitor reads."""
        return _marks.of_words(self.value(part) for part in ("title", "lead", "body"))

    @property
    def digest(self) -> str:
        """The digest of what was put, "" where that is not known or no longer true."""
        mark = self.mark
        return mark.digest if mark and mark.words == self.words else ""

    def is_about(self, blog: str, post_id: int, source: str) -> bool:
        """Whether this is the post's article: by its mark, else its slug, else the link to the
        original in its text."""
        if mark := self.mark:
            return (mark.blog, mark.post_id) == (_marks.blog_key(blog), post_id)
        if self.settings.places("slug"):
            return self.value("slug") == _marks.slug(blog, post_id)
        held = self.value("body") + self.value("source")
        return bool(source) and any(
            f"{source}{end}" in f"{held} " for end in ('"', "'", " ", "<", ")", "\n")
        )

    def post_of(self, blog: str) -> int | None:
        """The post of this blog whose article it is, by its mark or its slug."""
        if mark := self.mark:
            return mark.post_id if mark.blog == _marks.blog_key(blog) else None
        return _marks.post_of(self.value("slug"), blog)

    # --- How it stands ---

    @property
    def status(self) -> Literal["live", "draft"]:
        shown = self.settings.published
        control = self.form.control(shown.field) if shown else None
        if shown is None or control is None:
            return "live"
        if control.kind == "checkbox" and not (shown.live or shown.draft):
            return "live" if control.chosen else "draft"
        held = {one.label for one in control.chosen} | set(control.held)
        if shown.live:
            return "live" if shown.live in held else "draft"
        if shown.draft:
            return "draft" if shown.draft in held else "live"
        return "draft" if next(iter(control.held), "").lower() in _NO else "live"

    @property
    def version(self) -> str:
        """What changes when someone changes the article: a hash of the fields that we fill."""
        held: list[str] = []
        for part in sorted(self.settings.fields):
            if part in ONCE or all(p.value is not None for p in self.settings.places(part)):
                continue
            for control in self.controls(part):
                held += [part, control.name, control.shown, *control.held]
        hashed = sha256("\0".join(held).encode("utf-8", "replace")).hexdigest()[:24]
        return f"{self.status}|{hashed}"

    def remote(self, url: str) -> Remote:
        return Remote(
            id=self.id,
            url=url,
            version=self.version,
            digest=self.digest,
            status=self.status,
            parts=self.parts,
        )


def same(left: str, now: str) -> bool:
    """Whether the article is as it was left. Publishing a draft as it is changes nothing."""
    if left == now:
        return True
    (before, _, text), (after, _, found) = left.partition("|"), now.partition("|")
    return before == "draft" and after == "live" and bool(text) and text == found
