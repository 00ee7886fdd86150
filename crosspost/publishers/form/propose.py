"""A first map of a site's form, from what its labels say, as a table of a config.

What is not sure stands there with a comment that says to look; every field that nothing fills is
named, so that a person sees what the form asks.
"""

import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from crosspost.errors import ConfigError
from crosspost.publishers.form._controls import Control, joined
from crosspost.publishers.form._known import KNOWN, PIECES, around
from crosspost.publishers.form._page import Form, Page
from crosspost.publishers.form._session import Session
from crosspost.publishers.form._settings import FormSettings
from crosspost.settings import LOOPBACK

_LOOK: Final = "# look:"
_QUIET: Final = ("hidden", "submit", "image", "button", "reset", "password")
_TEXT: Final = ("text", "textarea", "search", "url")

_LABELS: Final = {
    "title": r"заголов|назван|тема|headline|title|subject",
    "lead": r"лид|анонс|подзаголов|вводк|кратк|аннотац|вступл|lead|teaser|summary|excerpt|intro|"
    r"standfirst|subtitle|deck|abstract",
    "body": r"текст|содержан|тело|контент|статья полностью|body|text|content|article|story",
    "slug": r"слаг|чпу|адрес|^код$|ссылка на|код|url|slug|alias|permalink|post_name",
    "datetime": r"дата|date|published at|pub_date|time",
    "tags": r"тег|тэг|метк|ключевые слова|tag|keyword",
    "category": r"рубрик|раздел|категор|categor|section|rubric|topic",
    "author": r"автор|author|byline",
    "cover": r"обложк|фото|картинк|изображ|иллюстр|cover|image|photo|picture|thumbnail",
    "caption": r"подпись|caption",
    "credit": r"источник фото|авторство|фотограф|credit|copyright",
    "source": r"источник|первоисточник|source|origin",
}
"""What a label, or a field's name, must hold to be a part; the first that fits is it."""
_PUBLISHED: Final = re.compile(
    r"опубликован|публиковать|активн|показ|видим|publish|active|visible|is_public|status|статус",
    re.IGNORECASE,
)
_LIVE: Final = re.compile(
    r"опубл|активн|publish|live|visible|да$|yes|показ|виден|видим", re.IGNORECASE
)
_DRAFT: Final = re.compile(r"чернов|скрыт|не опубл|draft|hidden|unpublish|нет$|no$", re.IGNORECASE)
_CONTINUE: Final = re.compile(r"continue|продолжить", re.IGNORECASE)
_ORDER: Final = (
    "title", "slug", "lead", "body", "date", "time", "datetime", "cover", "caption", "credit",
    "author", "category", "tags", "source",
)  # fmt: skip


def propose(add: str, user: str, password: str, author: str = "") -> tuple[str, str]:
    """The table of a config for the site whose page ``add`` shows an empty form, and one sentence
    about it. The password is not in it. Raises ``ConfigError``, or what logging in raises."""
    url, path = _split(add)
    session, page, login = _opened(url, path, user, password)
    try:
        form = _article_form(page)
        if form is None:
            raise ConfigError(
                f"{page.url} shows no form with a title and a text. Give the page with the empty "
                "form of a new article, as the browser's address line shows it."
            )
        map_ = _Map(form, author)
        map_.new = _new_tags(session, page, map_)
    finally:
        session.close()
    lines = list(_table(url, path, login, user, form, map_))
    told = f"Fields that are filled: {len(map_.lines)}; that stay as the form gives them: "
    told += f"{len(map_.left)}"
    if unsure := sum(_LOOK in line for line in lines):
        told += f"; lines that say «look», to be corrected: {unsure}"
    text = "".join(one if one.isprintable() or one == "\n" else " " for one in "\n".join(lines))
    return f"{text}\n", told


def _split(add: str) -> tuple[str, str]:
    parts = urlsplit(joined("", add))
    whole = parts.hostname and parts.path.strip("/") and not parts.username
    if parts.scheme not in ("http", "https") or not whole:
        raise ConfigError(
            f"«{add.rpartition('@')[2]}» is no page with a form: give its whole address, such as "
            "https://cms.example.com/admin/blog/post/add/"
        )
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}", f"{parts.path}{query}"


def _opened(url: str, path: str, user: str, password: str) -> tuple[Session, Page, str]:
    """A session, the page with the form, and the path of the login page on the way, "" without
    one."""
    given: dict[str, object] = {
        "url": url,
        "insecure": True,  # the config that is written says no
        "add": path,
        "edit": "/{id}",
        "find": {"page": "/{slug}", "link": "a"},
        "fields": {"title": "title", "body": "body"},
    }
    session = Session(FormSettings(**given))  # type: ignore[arg-type]
    page = session.named("--site", f"{url}{path}")
    if not page.asks_password:
        return session, page, ""
    session.close()
    if not (user and password):
        raise ConfigError(
            f"{page.url} asks who you are: say it with --user NAME, and the password when asked "
            "(or in CMS_PASSWORD)"
        )
    login = urlsplit(page.url).path
    given["login"] = {"page": login, "user": user, "password": password}
    session = Session(FormSettings(**given))  # type: ignore[arg-type]
    return session, session.named("--site", f"{url}{path}"), login


def _new_tags(session: Session, page: Page, map_: "_Map") -> str:
    """How the form's own link makes a tag that it lacks (Django's admin has one), "" without."""
    for control in map_.places.get("tags", ()):
        name = re.sub(r"[^\w-]", "", control.name)
        path = urlsplit(page.link(f"#add_id_{name}")).path
        if control.has_choices and path:
            form = _largest(session.get(f"{session.url}{path}"))
            names = [one.name for one in _visible(form) if one.kind == "text"] if form else []
            if len(names) == 1:
                return f"{{page = {_s(path)}, field = {_s(names[0])}}}"
    return ""


def _article_form(page: Page) -> Form | None:
    """The form with the most to fill, if it may be an article's."""
    best = _largest(page)
    return best if best and {"title", "body"} <= {*_Map(best).places} else None


def _largest(page: Page) -> Form | None:
    return max(page.forms(), key=lambda one: len(list(_visible(one))), default=None)


def _visible(form: Form) -> Iterator[Control]:
    return (one for one in form.controls if one.name and one.kind not in _QUIET)


class _Map:
    """Which field is which part. ``places`` by part, ``left`` the rest."""

    def __init__(self, form: Form, author: str = "") -> None:
        self._form, self._author = form, author
        self.places: dict[str, list[Control]] = {}
        self.published: Control | None = None
        self._names: set[str] = set()
        self._wordpress()
        for control in _visible(form):
            if control.name not in self._names:
                self._take(control)
        self._text()
        self._dates()
        rest = [one for one in _visible(form) if one.name not in self._names]
        self._demanded = [
            one for one in rest if one.required and one.is_empty and one.kind != "file"
        ]
        self.left = [one for one in rest if one not in self._demanded]
        self.new = ""
        """How a tag is made that the form lacks, as a value of the table."""

    @property
    def lines(self) -> list[str]:
        """The table's lines."""
        return [*self._parts(), *self._constants()]

    def _wordpress(self) -> None:
        """Its names are known, and its date is in six fields."""
        if not {*PIECES} | {"post_title"} <= self._form.names:
            return
        for name, part in KNOWN.items():
            if control := self._form.control(name):
                self.places[part] = [control]
                self._names.add(name)
        if cover := self._form.control("_thumbnail_id"):
            self.places["cover"] = [cover]
        for part, names in (("date", ("aa", "mm", "jj")), ("time", ("hh", "mn", "ss"))):
            found = [one for name in names if (one := self._form.control(name))]
            self.places[part] = found
            self._names |= set(names)

    def _take(self, control: Control) -> None:
        switch = control.kind in ("checkbox", "select", "radio") and not control.multiple
        for said in (control.label, control.name):
            if switch and self.published is None and _PUBLISHED.search(said):
                self.published = control
                self._names.add(control.name)
                return
            for part, pattern in _LABELS.items():
                if re.search(pattern, said, re.IGNORECASE) and self._fits(part, control):
                    if part == "datetime" or part not in self.places:
                        self.places.setdefault(part, []).append(control)
                        self._names.add(control.name)
                    return

    def _fits(self, part: str, control: Control) -> bool:
        if part == "cover":
            return control.kind == "file"
        if part == "body":
            return control.kind == "textarea"
        if part in ("category", "author", "tags"):
            return control.kind not in ("file", "checkbox") or control.multiple
        if part == "datetime":
            return control.kind in (*_TEXT, "date", "time", "datetime-local")
        return control.kind in _TEXT

    def _text(self) -> None:
        """A text without a label that says so is the largest field there is."""
        if "body" in self.places:
            return
        areas = [one for one in _visible(self._form) if one.kind == "textarea"]
        free = [one for one in areas if one.name not in self._names]
        if free:
            rows = [int(str(one.tag.get("rows") or 0)) for one in free]
            self.places["body"] = [free[rows.index(max(rows))]]
            self._names.add(self.places["body"][0].name)

    def _dates(self) -> None:
        """A date and a time in fields of their own."""
        found = self.places.pop("datetime", [])
        if not found or "date" in self.places:
            return
        first = found[0]
        times = [one for one in found[1:] if one.kind == "time" or one.name.endswith("_1")]
        if first.name.endswith("_0") or first.kind == "date" or times:
            self.places["date"] = [first]
            if times:
                self.places["time"] = times[:1]
        else:
            self.places["datetime"] = [first]
        kept = {
            one.name for part in ("date", "time", "datetime") for one in self.places.get(part, ())
        }
        self._names -= {one.name for one in found} - kept

    # --- As lines ---

    def _parts(self) -> Iterator[str]:
        for part in _ORDER:
            found = self.places.get(part)
            if not found:
                continue
            if len(found) > 1:
                pieces = (f'{{field = {_s(c.name)}, format = "{PIECES[c.name]}"}}' for c in found)
                yield f"{part} = [{', '.join(pieces)}]"
            elif part in ("author", "category") and found[0].has_choices:
                yield self._chosen(part, found[0])
            else:
                yield f"{part} = {self._field(part, found[0])}{_about(found[0])}"

    def _field(self, part: str, control: Control) -> str:
        if part == "tags" and self.new:
            return f"{{field = {_s(control.name)}, new = {self.new}}}"
        if part == "cover" and control.kind == "hidden":
            return f'{{field = {_s(control.name)}, type = "select"}}'
        if part in ("date", "datetime") and re.fullmatch(r"\d\d\.\d\d\.\d{4}", control.value):
            return f'{{field = {_s(control.name)}, format = "%d.%m.%Y"}}'
        return _s(control.name)

    def _chosen(self, part: str, control: Control) -> str:
        labels = [one.label for one in control.choices if one.value]
        wanted = control.choice(self._author) if part == "author" and self._author else None
        value = wanted.label if wanted else next(iter(labels), "…")
        others = "" if wanted else f"   {_LOOK} it has {_list(labels)}"
        return f"{part} = {{field = {_s(control.name)}, value = {_s(value)}}}{others}"

    def _constants(self) -> Iterator[str]:
        """Fields that must be filled, and are not."""
        for control in self._demanded:
            labels = [one.label for one in control.choices if one.value]
            value = labels[0] if labels else "…"
            told = f"it has {_list(labels)}" if labels else "it must be filled"
            yield f"{_key(control.name)} = {{value = {_s(value)}}}   {_LOOK} {control.told}, {told}"


# --- The table ---


def _table(url: str, path: str, login: str, user: str, form: Form, map_: _Map) -> Iterator[str]:
    pages = around("slug" in map_.places, path)
    unsure = "" if pages.sure else f"   {_LOOK} this is a guess"
    yield "[site.newsroom]"
    yield 'type  = "form"'
    yield f"url   = {_s(url)}"
    if login:
        yield (
            f"login = {{page = {_s(login)}, user = {_s(user)}, "
            'password = {env = "CMS_PASSWORD"}}'
        )
    if url.startswith("http://") and urlsplit(url).hostname not in LOOPBACK:
        yield "insecure = true   # the password can be read on the way: use https:// if you can"
    yield f"add   = {_s(path)}"
    yield f"edit  = {_s(pages.edit)}{unsure}"
    yield f"find  = {{page = {_s(pages.find)}, link = {_s(pages.link)}}}{unsure}"
    yield from pages.more
    if map_.published is not None and not pages.tables:
        yield _published(map_.published)
    if button := next(
        (one for one in form.buttons if _CONTINUE.search(one.name + one.label)), None
    ):
        yield f"submit = {_s(button.name or button.label)}   # «{button.label}»"
    yield ""
    yield "[site.newsroom.fields]"
    yield from map_.lines
    for control in map_.left:
        yield f"# {control.told}, {control.kind}: stays as the form gives it"
    if pages.tables:
        yield pages.tables.rstrip()


def _published(control: Control) -> str:
    if control.kind == "checkbox":
        return f"published = {_s(control.name)}   # «{control.label}»"
    labels = [one.label for one in control.choices if one.value]
    draft = next((one for one in labels if _DRAFT.search(one)), "…")
    live = next((one for one in labels if _LIVE.search(one) and one != draft), "…")
    told = "" if "…" not in (draft, live) else f"   {_LOOK} it has {_list(labels)}"
    return (
        f"published = {{field = {_s(control.name)}, live = {_s(live)}, draft = {_s(draft)}}}{told}"
    )


def _s(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _s(name)


def _list(labels: list[str]) -> str:
    shown = ", ".join(f"«{one}»" for one in labels[:8])
    return f"{shown} …" if len(labels) > 8 else shown or "no choice"


def _about(control: Control) -> str:
    return f"   # «{control.label}»" if control.label else ""
