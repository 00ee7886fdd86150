"""Filling a form as a person would: each part of an article into its field, all else left as it is.

A form that is not the one the config describes stops here, before anything is sent.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from crosspost.errors import PublisherError
from crosspost.publishers import Refused
from crosspost.publishers.form import _marks
from crosspost.publishers.form._body import MARK, plain, shorten
from crosspost.publishers.form._controls import Choice, Control, File, shown
from crosspost.publishers.form._page import Form
from crosspost.publishers.form._settings import ONCE, FormSettings, Place
from crosspost.publishers.form._sheet import Sheet

_log: Final = logging.getLogger(__name__)

_DATES: Final = {"date": "%Y-%m-%d", "time": "%H:%M:%S", "datetime": "%Y-%m-%d %H:%M:%S"}
_INPUTS: Final = {"date": "%Y-%m-%d", "time": "%H:%M", "datetime-local": "%Y-%m-%dT%H:%M"}
_HTML: Final = frozenset({"body"})
"""Parts that are HTML unless their field's ``type`` says text."""
_OPENING: Final = 200
_WHOLE: Final = frozenset({"body", "slug", "source", "mark"})
"""Parts that are useless when cut."""
_ANOTHER: Final = ("hidden", "submit", "image", "button", "reset", "password")


class Cover(NamedTuple):
    """The cover: its bytes here, what the site calls it, its address, and its content's hash."""

    file: File | None
    id: str
    url: str
    stem: str


class Values(NamedTuple):
    """What goes into the form: ``html`` the parts that are HTML, ``texts`` those that are words,
    ``moment`` in the form's time zone."""

    html: Mapping[str, str]
    texts: Mapping[str, str]
    tags: tuple[str, ...]
    moment: datetime
    cover: Cover | None
    kept_cover: bool
    """Whether the site has this cover already."""


def fill(
    form: Form, settings: FormSettings, values: Values, *, new: bool, keep: Collection[str] = ()
) -> None:
    """Fills the form. Raises ``PublisherError`` when it has changed, ``Refused`` when it takes no
    such article."""
    demand(form, settings)
    for part, places in settings.fields.items():
        for place in places:
            control = form.control(place.field)
            assert control is not None
            if place.value is not None:
                if new:
                    _constant(control, place)
            elif part not in keep and (new or part not in ONCE):
                _part(form, control, part, place, values)
    _lack(form, settings)


def seal(
    form: Form, settings: FormSettings, blog: str, post_id: int, digest: str, cover: str
) -> None:
    """Writes the mark, its hash true to the words that the form holds now."""
    sheet = Sheet(settings, "", form)
    mark = _marks.written(blog, post_id, digest, sheet.words, cover)
    for control in sheet.controls("mark"):
        control.value = mark
    for control in sheet.controls("body"):
        control.value = control.value.replace(f" {MARK}", f" {mark}", 1)


def demand(form: Form, settings: FormSettings) -> None:
    """Raises ``PublisherError`` unless the form has every field that the config names."""
    wanted = [(part, one.field) for part, places in settings.fields.items() for one in places]
    if settings.published:
        wanted.append(("published", settings.published.field))
    gone = [f"«{name}» ({part})" for part, name in wanted if name not in form.names]
    if gone:
        others = ", ".join(
            f"«{shown(one)}»" for one in sorted(_visible(form) - {n for _, n in wanted})
        )
        raise PublisherError(
            f"The form at {form.page.url} has no field {', '.join(gone)} any more; nothing was "
            f"sent. Correct the site's «fields» in the config"
            + (f"; the form also has {others}." if others else ".")
        )


def _visible(form: Form) -> set[str]:
    return {one.name for one in form.controls if one.name and one.kind not in _ANOTHER}


def _lack(form: Form, settings: FormSettings) -> None:
    """Raises when a field that must be filled is empty."""
    ours = {one.field: part for part, places in settings.fields.items() for one in places}
    for control in form.controls:
        if not control.required or control.disabled or control.kind in _ANOTHER:
            continue
        if not control.is_empty:
            continue
        if part := ours.get(control.name):
            raise Refused(f"the site demands {control.told}, and this article has no {part}")
        raise PublisherError(
            f"The form at {form.page.url} has a field {control.told} that must be filled, and "
            f"nothing fills it; nothing was sent. Say in the site's «fields» what goes there, for "
            f'example {control.name} = {{value = "…"}}.'
        )


# --- One field ---


def _part(form: Form, control: Control, part: str, place: Place, values: Values) -> None:
    if part in _DATES:
        _dated(control, part, place, values.moment)
    elif part == "tags":
        _tags(control, place, values.tags)
    elif part == "cover":
        _cover(form, control, place, values)
    elif control.has_choices:
        _choose(control, part, values.texts.get(part, ""))
    elif part != "mark":
        control.value = _text(control, part, place, values)


def _text(control: Control, part: str, place: Place, values: Values) -> str:
    as_html = place.type == "html" or (part in _HTML and place.type != "text")
    if part in values.html:
        html = values.html[part]
        if as_html:
            return _fitting(control, part, html)
        text = plain(html)
        if part == "lead" and not text and control.required:
            text = shorten(values.texts["opening"], _OPENING)
    else:
        text = values.texts.get(part, "")
    return _fitting(control, part, text)


def _fitting(control: Control, part: str, text: str) -> str:
    """The text, if it fits into the field."""
    if control.kind not in ("textarea", "hidden"):
        text = " ".join(text.split())
    if not control.longest or len(text.encode("utf-16-le", "replace")) // 2 <= control.longest:
        return text
    if part in _WHOLE or "<" in text:
        raise Refused(
            f"{control.told} takes {control.longest} characters, and this article's {part} has "
            f"{len(text)}"
        )
    return shorten(text, control.longest)


def _constant(control: Control, place: Place) -> None:
    assert place.value is not None
    if isinstance(place.value, bool):
        control.choose(control.choices if place.value else [])
        return
    if not control.has_choices:
        control.value = place.value
        return
    found = control.choice(place.value)
    if found is None:
        raise _no_choice(control, place.value)
    control.choose([found])


def _choose(control: Control, part: str, wanted: str) -> None:
    if not wanted:
        return
    found = control.choice(wanted)
    if found is None and part == "category":
        raise Refused(str(_no_choice(control, wanted)))
    if found is None:
        raise _no_choice(control, wanted)
    control.choose([found])


def _no_choice(control: Control, wanted: str) -> PublisherError:
    labels = [one.label or one.value for one in control.choices if one.value]
    told = ", ".join(f"«{one}»" for one in labels[:12]) + (" …" if len(labels) > 12 else "")
    return PublisherError(
        f"The field {control.told} has no choice «{wanted}»; it has {told or 'none'}. Make it on "
        'the site, or say another one in the config: {value = "…"}.'
    )


def _dated(control: Control, part: str, place: Place, moment: datetime) -> None:
    kind = place.type if place.type in _DATES else part
    text = moment.strftime(place.format or _input_format(control) or _DATES[kind])
    if not control.has_choices:
        control.value = text
        return
    found = control.choice(text) or control.choice(text.lstrip("0") or "0")
    if found is None:
        raise _no_choice(control, text)
    control.choose([found])


def _input_format(control: Control) -> str:
    """How a field with a calendar or a clock of the browser's is sent."""
    found = _INPUTS.get(control.kind, "")
    step = str(control.tag.get("step") or "") if control.tag is not None else ""
    return f"{found}:%S" if found.endswith("%M") and step in ("1", "any") else found


def _tags(control: Control, place: Place, tags: Iterable[str]) -> None:
    if not control.has_choices:
        mark = place.join.strip() or ","
        clean = [" ".join(tag.replace(mark, " ").split()) for tag in tags]
        while clean and control.longest and len(place.join.join(clean)) > control.longest:
            clean.pop()
        control.value = place.join.join(clean)
        return
    chosen: list[Choice] = []
    for tag in tags:
        found = control.choice(tag)
        if found is None:
            _log.warning(
                "%s has no choice «%s»: the article does without that tag", control.told, tag
            )
        elif found not in chosen:
            chosen.append(found)
    control.choose(chosen if control.multiple or control.kind == "checkbox" else chosen[:1])


def _cover(form: Form, control: Control, place: Place, values: Values) -> None:
    cover = values.cover
    if control.kind == "file":
        _cover_file(form, control, place, values)
    elif control.has_choices:
        found = _pictured(control, cover) if cover else control.choice("")
        if cover and found is None:
            _log.warning("%s has no choice for the picture %s", control.told, cover.stem)
        control.choose([found] if found else [])
    elif cover is None:
        if control.value and values.kept_cover is False:
            control.value = ""
    else:
        by_address = place.type == "text" or (not place.type and control.kind in ("text", "url"))
        control.value = cover.url if by_address else cover.id


def _pictured(control: Control, cover: Cover) -> Choice | None:
    named = (one for one in control.choices if cover.stem in one.label)
    return control.choice(cover.id) or next(named, None)


def _cover_file(form: Form, control: Control, place: Place, values: Values) -> None:
    cover = values.cover
    if cover is None:
        box = form.control(place.clear or f"{control.name}-clear")
        if box is not None and control.shown:
            box.choose(box.choices)
        return
    if cover.stem in control.shown or (values.kept_cover and control.shown):
        return
    if cover.file is None:
        raise Refused("its cover is not on this machine any more: it must be sent again")
    control.file = cover.file


def show(form: Form, settings: FormSettings, live: bool) -> list[str]:
    """Says in the form whether visitors see the article; answers the names of the buttons to
    press for it, if it has buttons of its own."""
    public = settings.published
    if public is None:
        return settings.submit
    buttons = (public.submit if live else public.draft_submit) or settings.submit
    control = form.control(public.field)
    assert control is not None
    wanted = public.live if live else public.draft
    if control.kind == "checkbox" and not (public.live or public.draft):
        control.choose(control.choices if live else [])
    elif not wanted and not (public.submit if live else public.draft_submit):
        raise PublisherError(
            f"The config does not say which choice of {control.told} "
            f"{'shows' if live else 'hides'} an article: set {'live' if live else 'draft'} of "
            "«published»."
        )
    elif not control.has_choices:
        control.value = wanted
    elif found := control.choice(wanted):
        control.choose([found])
    elif not (public.submit if live else public.draft_submit):
        raise _no_choice(control, wanted)
    return buttons
