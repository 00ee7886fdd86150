"""What a config may say. docs/configuration.md explains each; a test keeps both the same."""

import re
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from crosspost.settings import Span
from crosspost.templating import LANGUAGES

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


def near(word: str, words: "list[str] | tuple[str, ...]") -> str:
    """«; did you mean …?» or nothing."""
    found = get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f"; did you mean «{found[0]}»?" if found else ""


def _name(value: Any) -> Any:
    if isinstance(value, str) and not NAME.fullmatch(value):
        raise ValueError(
            "a name is of small Latin letters, digits, - and _, at most 64, since it goes into "
            "file names and addresses"
        )
    return value


def _zone(value: Any) -> Any:
    if isinstance(value, str):
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            names = sorted(available_timezones())
            raise ValueError(
                f"there is no such time zone; write it as in Europe/Moscow{near(value, names)}"
            ) from None
    return value


Name = Annotated[str, BeforeValidator(_name)]
Zone = Annotated[str, BeforeValidator(_zone)]


class Table(BaseModel):
    """A table of the config: unknown keys are wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AuthorSettings(Table):
    """The author card."""

    name: str = ""
    about: str = ""
    photo: str = ""
    url: str = ""


class BlogSettings(Table):
    """One author's blog."""

    name: Name
    channel: str = Field(min_length=1)
    reader: str
    site: Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)] = Field(
        min_length=1
    )
    author: AuthorSettings = AuthorSettings()
    credit: str = ""
    link: str = ""
    language: str = ""
    timezone: Zone = ""
    category: str = ""
    status: str = ""
    title_length: int = Field(default=110, ge=20, le=300)
    no_tags: list[str] = []
    settle: Span = timedelta(seconds=60)
    on_delete: Literal["keep", "draft", "remove"] = "draft"
    max_deletions: int = Field(default=5, ge=0)
    since: datetime | None = None
    rules: dict[str, Any] = {}

    @field_validator("since", mode="before")
    @classmethod
    def _since(cls, value: Any) -> Any:
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - zoned below
        return value

    @field_validator("link")
    @classmethod
    def _link(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("it is the channel's public address, such as https://t.me/name")
        return value

    def moment(self, timezone: str) -> datetime | None:
        """``since`` in UTC; a time without a zone is in the blog's."""
        if self.since is None:
            return None
        zoned = self.since if self.since.tzinfo else self.since.replace(tzinfo=ZoneInfo(timezone))
        return zoned.astimezone(UTC)


class ConfigSettings(Table):
    """The whole file. ``site``, ``telegram``, ``preview`` and ``export`` are checked against the
    settings of the publisher or reader they belong to."""

    language: str = "en"
    timezone: Zone = "UTC"
    ledger: str = "crosspost.db"
    templates: str = ""
    cache: str = ""
    blog: list[BlogSettings] = Field(min_length=1)
    site: dict[str, dict[str, Any]] = Field(min_length=1)
    telegram: dict[str, Any] = {}
    preview: dict[str, Any] = {}
    export: dict[str, Any] = {}

    @model_validator(mode="after")
    def _names(self) -> "ConfigSettings":
        names = [blog.name for blog in self.blog]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two blogs have the name {', '.join(twice)}; a name is for one blog")
        return self


def known_language(language: str, templates: Path | None) -> bool:
    """Whether there is wording for it: ours, or the user's own."""
    return language in LANGUAGES or bool(
        templates and (templates / "article" / f"{language}.html").is_file()
    )
