"""What a config says of a site's forms: which pages there are, and which field takes what.

docs/form.md tells it to a person.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from crosspost.settings import Secret, WebAddress, private

PARTS: Final = (
    "title",
    "lead",
    "body",
    "slug",
    "date",
    "time",
    "datetime",
    "tags",
    "category",
    "author",
    "cover",
    "caption",
    "credit",
    "attribution",
    "source",
    "mark",
)
"""What of an article a field may take; a key of any other name is a constant."""
ONCE: Final = frozenset({"slug", "author"})
"""Parts that are filled when an article is made, and the site's from then on."""
_STRINGS: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_PLACES: Final = re.compile(r"\{(\w*)\}")


class Table(BaseModel):
    """A table of the config: unknown keys are wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _bare(url: str) -> str:
    return url.removesuffix("/")


def _local(page: str) -> str:
    """A page is a path below the site's address: what is secret goes nowhere else."""
    if page and (not page.startswith("/") or page.startswith("//")):
        raise ValueError("it is a path on the site, such as /admin/blog/post/add/")
    return page


def _css(selector: str) -> str:
    """Looks at its brackets only: what knows more is too slow for a run with nothing to do."""
    bare = _STRINGS.sub("", selector)
    if any(bare.count(left) != bare.count(right) for left, right in ("[]", "()")):
        raise ValueError("it is a CSS selector, such as «#result_list th a»")
    return selector


def _zone(name: str) -> str:
    if name:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("write the time zone as in Europe/Moscow") from None
    return name


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _holds(*names: str) -> Any:
    """Demands one of these places in a pattern, and knows no other."""

    def check(pattern: str) -> str:
        found = set(_PLACES.findall(pattern))
        if pattern and names and not found & set(names):
            told = " or ".join(f"{{{name}}}" for name in names)
            raise ValueError(f"it holds {told}, which stands for the article's")
        return pattern

    return AfterValidator(check)


Page = Annotated[str, AfterValidator(_local)]
Css = Annotated[str, AfterValidator(_css)]
Words = Annotated[list[str], BeforeValidator(_listed)]


class Login(Table):
    """The page with the password's field; its fields are found by their kind unless named."""

    page: Page = Field(min_length=1)
    user: str = Field(min_length=1)
    password: Secret
    user_field: str = ""
    password_field: str = ""


class Find(Table):
    """A list page. ``{slug}``, ``{mark}`` and ``{source}`` stand for what is sought, ``{name}`` for
    a file's. ``link`` finds the links to what was found, ``next`` the link to more of the list."""

    page: Page = Field(min_length=1)
    link: Css = Field(min_length=1)
    next: Css = ""


class Public(Table):
    """The link on the edit page that leads to the article, and whether it only leads on there."""

    link: Css
    redirect: bool = False


class Published(Table):
    """The field that says whether visitors see an article; buttons, where these say it."""

    field: str = Field(min_length=1)
    live: str = ""
    draft: str = ""
    submit: Words = []
    draft_submit: Words = []


def _field(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


class Delete(Table):
    """How something is deleted: a page that asks once more, a button of the edit form, or a link
    on the edit page."""

    page: Page = ""
    submit: str = ""
    link: Css = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(map(bool, (self.page, self.submit, self.link))) != 1:
            raise ValueError("say one of page, submit, link")
        return self


class UploadPage(Table):
    """Where the CMS takes pictures and files by themselves. ``url`` finds the address of one on
    its ``edit`` page; ``name`` is a field that takes its name, if there must be one."""

    page: Page = Field(min_length=1)
    field: str = Field(min_length=1)
    find: Find
    edit: Annotated[Page, _holds("id")] = Field(min_length=1)
    url: Css = Field(min_length=1)
    name: str = ""
    submit: Words = []
    delete: Delete | None = None


class New(Table):
    """The page that makes a choice which a field does not have yet."""

    page: Page = Field(min_length=1)
    field: str = Field(min_length=1)


class Place(Table):
    """One field of the site's form. ``value`` is a constant; ``format`` is for dates; ``join``
    stands between tags in a text; ``clear`` is the box that removes a cover."""

    field: str = ""
    type: Literal["", "text", "html", "date", "time", "datetime", "select", "checkbox", "file"] = ""
    format: str = ""
    value: str | bool | None = None
    join: str = ", "
    clear: str = ""
    new: New | None = None

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.format:
            datetime(2025, 5, 1, 9).strftime(self.format)  # noqa: DTZ001
        return self


def _places(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: [{"field": one} if isinstance(one, str) else one for one in _many(given)]
        for key, given in value.items()
    }


def _many(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _named(fields: dict[str, list[Place]]) -> dict[str, list[Place]]:
    from difflib import get_close_matches

    made: dict[str, list[Place]] = {}
    for key, places in fields.items():
        constant = [place.value is not None for place in places]
        if key not in PARTS and not all(constant):
            near = get_close_matches(key, PARTS, n=1)
            raise ValueError(
                f"«{key}» is no part of an article: {', '.join(PARTS)}"
                + (f"; did you mean «{near[0]}»?" if near else "")
                + '. A constant is written {value = "…"}'
            )
        made[key] = [one if one.field else one.model_copy(update={"field": key}) for one in places]
        if key in PARTS and not all(place.field for place in places):
            raise ValueError(f"«{key}» names no field")
    for needed in ("title", "body"):
        if needed not in made:
            raise ValueError(f"«{needed}» must have a field")
    return made


Fields = Annotated[dict[str, list[Place]], BeforeValidator(_places), AfterValidator(_named)]


class FormSettings(Table):
    """``add`` is the page with an empty form, ``edit`` the one with an article's, ``find`` the
    list that an article is looked up in, ``fields`` says which part goes where. All else may be
    left out: ``archive`` (the list of all articles, for ``verify``), ``public`` (an article's
    address), ``published`` (the field that hides it), ``delete``, ``upload`` (where pictures
    go), ``submit`` (the button: the first of these that is there), ``form`` (which form of the
    page), ``status`` (of new articles), ``category`` (where a post names none), ``timezone``
    (of the form's dates), ``accepted`` (words that say yes), ``gone`` (words that say that
    there is no such article), ``errors`` (where a reason stands)."""

    url: Annotated[WebAddress, AfterValidator(_bare)]
    login: Login | None = None
    add: Page = Field(min_length=1)
    edit: Annotated[Page, _holds("id")] = Field(min_length=1)
    find: Find
    fields: Fields
    archive: Find | None = None
    public: Annotated[str, _holds("slug", "id")] | Public = ""
    published: Annotated[Published | None, BeforeValidator(_field)] = None
    delete: Delete | None = None
    upload: UploadPage | None = None
    submit: Words = []
    form: Css = ""
    status: Literal["publish", "draft"] = "publish"
    category: str = ""
    timezone: Annotated[str, AfterValidator(_zone)] = ""
    accepted: Words = []
    gone: Words = []
    errors: Css = ""
    timeout: float = Field(default=60, gt=0, le=600)
    insecure: bool = False

    @model_validator(mode="after")
    def _safe(self) -> Self:
        private(self.url, self.insecure)
        if "{" not in self.find.page + self.find.link:
            raise ValueError(
                "«find» does not say what it looks for: put {slug}, {mark} or {source} into its "
                "page or link"
            )
        if self.status == "draft" and not self.published:
            raise ValueError('status = "draft" needs «published», the field that hides an article')
        return self

    def places(self, part: str) -> list[Place]:
        """Where a part goes; empty when it goes nowhere."""
        return self.fields.get(part, [])

    @property
    def names(self) -> list[str]:
        """The fields by which a page's right form is known."""
        return [one.field for places in self.fields.values() for one in places]

    def whole(self, page: str, **values: str) -> str:
        """The address of a page, its places filled in."""
        from urllib.parse import quote

        for name, value in values.items():
            page = page.replace(f"{{{name}}}", quote(value, safe=""))
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{page}"


def id_in(address: str, edit: str) -> str:
    """The id in the address of an edit page, "" when it is another page's. Parameters may come in
    any order, and there may be more of them."""
    pattern, given = urlsplit(edit), urlsplit(address)
    path = re.escape(pattern.path).replace(re.escape("{id}"), r"(?P<id>[\w.~-]{1,100})")
    match = re.fullmatch(path.rstrip("/") + "/?", given.path, re.ASCII)
    if not match:
        return ""
    found = match.groupdict().get("id", "")
    asked = parse_qs(given.query)
    for name, values in parse_qs(pattern.query, keep_blank_values=True).items():
        value = (asked.get(name) or [""])[0]
        if values[0] == "{id}":
            found = value if re.fullmatch(r"[\w.~-]{1,100}", value, re.ASCII) else ""
        elif value != values[0]:
            return ""
    return found
