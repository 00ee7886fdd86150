"""What a config may say. docs/configuration.md explains each; a test keeps both the same."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from crosspost.logs import conceal
from crosspost.rules import Rule
from crosspost.settings import Secret, Size, Span
from crosspost.templating import LANGUAGES

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?", re.ASCII)


def near(word: str, words: "list[str] | tuple[str, ...]") -> str:
    """«; did you mean …?» or nothing."""
    from difflib import get_close_matches

    folded = {known.casefold(): known for known in words}
    found = get_close_matches(word[:100].casefold(), list(folded), n=1, cutoff=0.6)
    return f"; did you mean «{folded[found[0]]}»?" if found else ""


def _name(value: Any) -> Any:
    if isinstance(value, str) and not NAME.fullmatch(value):
        raise ValueError(
            "a name is of small Latin letters, digits, - and _, at most 64, since it goes into "
            "file names and addresses"
        )
    return value


def _zone(value: Any) -> Any:
    if isinstance(value, str) and value:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            from zoneinfo import available_timezones

            names = sorted(available_timezones())
            cities = {name.rpartition("/")[2]: name for name in names}
            close = near(value, [*names, *cities])
            for city, name in cities.items():
                close = close.replace(f"«{city}»", f"«{name}»")
            raise ValueError(
                f"there is no such time zone; write it as in Europe/Moscow{close}"
            ) from None
    return value


def _address(value: Any) -> Any:
    if isinstance(value, str) and value and not re.match(r"https?://[^/\s]", value):
        raise ValueError("it is a public address, such as https://t.me/name")
    return value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _day(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - zoned in moment()
    if isinstance(value, datetime) and not 1970 < value.year < 9999:
        raise ValueError("it is a day of Telegram's time, such as 2024-05-01")
    return value


def _zoned(moment: datetime | None, timezone: str) -> datetime | None:
    """In UTC; a time without a zone is in ``timezone``."""
    if moment is None:
        return None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))
    return zoned.astimezone(UTC)


Name = Annotated[str, BeforeValidator(_name)]
Zone = Annotated[str, BeforeValidator(_zone)]
Address = Annotated[str, BeforeValidator(_address)]
Words = Annotated[list[str], BeforeValidator(_listed)]
TitleLength = Annotated[int, Field(ge=20, le=300)]
Moment = Annotated[datetime | None, BeforeValidator(_day)]


class Table(BaseModel):
    """A table of the config: unknown keys are wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AuthorSettings(Table):
    """The author card."""

    name: str = ""
    about: str = ""
    photo: str = ""
    url: Address = ""


class FooterSettings(Table):
    """Lines that are footers, or never, whatever the archive teaches."""

    pin: list[str] = []
    forbid: list[str] = []


class RuleSettings(Table):
    """A ``[[blog.rule]]``: what it asks of a post, and what it does. See ``rules.Rule``."""

    name: str = ""
    hashtag: Words = []
    words: Words = []
    regex: str = ""
    kind: Words = []
    longer: int = Field(default=0, ge=0)
    shorter: int = Field(default=0, ge=0)
    media: bool | None = None
    forward: bool | None = None
    forwarded_from: Words = []
    reply: bool | None = None
    advertisement: bool | None = None
    language: Words = []
    time: str = ""
    days: Words = []
    after: Moment = None
    before: Moment = None
    action: Literal["", "publish", "hold", "skip"] = ""
    category: str = ""
    status: str = ""
    tags: Words = []
    reason: str = ""

    def made(self, timezone: str) -> Rule:
        """The rule; moments without a zone are in the blog's."""
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in self.model_dump().items()
        }
        given["after"] = _zoned(self.after, timezone)
        given["before"] = _zoned(self.before, timezone)
        return Rule(**given)


class BlogSettings(Table):
    """One author's blog. ``rules`` is checked against ``rules.RuleSet``."""

    name: Name
    channel: str = Field(min_length=1)
    reader: str
    site: Annotated[list[str], BeforeValidator(_listed)] = Field(min_length=1)
    author: AuthorSettings = AuthorSettings()
    credit: str = ""
    link: Address = ""
    language: str = ""
    timezone: Zone = ""
    category: str = ""
    status: str = ""
    title_length: TitleLength = 110
    title_lengths: dict[str, TitleLength] = {}
    no_tags: list[str] = []
    tags: dict[str, str] = {}
    settle: Span = timedelta(seconds=60)
    on_delete: Literal["keep", "draft", "remove"] = "draft"
    max_deletions: int = Field(default=5, ge=0, le=1_000_000)
    max_media: Size | None = None
    overlap: Literal["wait", "skip", "fail"] = "fail"
    since: Moment = None
    series: bool = False
    review: bool = False
    join: Annotated[list[Literal["near", "series"]], BeforeValidator(_listed)] = []
    rules: dict[str, Any] = {}
    rule: list[RuleSettings] = []
    footer: FooterSettings = FooterSettings()

    def moment(self, timezone: str) -> datetime | None:
        """``since`` in UTC; a time without a zone is in the blog's."""
        return _zoned(self.since, timezone)


def _service(value: SecretStr) -> SecretStr:
    """An address as Apprise writes it; what stands in it is not to be shown either."""
    _conceal_parts(value.get_secret_value())
    if not re.match(r"[a-z][a-z0-9+.-]{0,30}://\S", value.get_secret_value(), re.IGNORECASE):
        raise ValueError("it is an address of Apprise's, such as mailto://… (docs/monitoring.md)")
    return value


def _check(value: SecretStr) -> SecretStr:
    _conceal_parts(value.get_secret_value())
    if not re.fullmatch(r"https?://[^/\s]+\S*", value.get_secret_value()):
        raise ValueError("it is the address of a check, such as https://hc-ping.com/…")
    return value


def _conceal_parts(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    login = parts.netloc.rpartition("@")[0]
    for part in (*login.split(":"), *parts.path.split("/"), *re.split("[&=]", parts.query)):
        conceal(part)


def _listed_secrets(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _collected(value: str) -> str:
    if not value.endswith(".prom"):
        raise ValueError("the name ends in .prom: other files are not collected")
    return value


class NotifySettings(Table):
    """Word to a person."""

    urls: Annotated[
        list[Annotated[Secret, AfterValidator(_service)]], BeforeValidator(_listed_secrets)
    ] = Field(min_length=1)
    digest: Span = timedelta(hours=1)


class MetricsSettings(Table):
    """Figures for Prometheus."""

    textfile: Annotated[str, AfterValidator(_collected)]


class HealthSettings(Table):
    """Pings to a health check."""

    url: Annotated[Secret, AfterValidator(_check)]
    timeout: Annotated[Span, Field(ge=timedelta(seconds=1), le=timedelta(minutes=1))] = timedelta(
        seconds=5
    )


class ConfigSettings(Table):
    """The top of the file. Each ``blog`` is checked against ``BlogSettings``; each ``site``, and
    the table of each kind of reader, against the settings of that publisher or reader."""

    language: str = "en"
    timezone: Zone = "UTC"
    ledger: str = Field(default="crosspost.db", min_length=1)
    templates: str = ""
    cache: str = ""
    keep_cache: Span = timedelta(days=30)
    keep_history: Span = timedelta(days=730)
    keep_deleted: Span | None = None
    notify: NotifySettings | None = None
    metrics: MetricsSettings | None = None
    health: HealthSettings | None = None
    blog: list[dict[str, Any]] = Field(min_length=1)
    site: dict[str, dict[str, Any]] = Field(min_length=1)


def known_language(language: str, templates: Path | None) -> bool:
    """Whether there is wording for it: ours, or the user's own."""
    return language in LANGUAGES or bool(
        templates
        and _LANGUAGE.fullmatch(language)
        and (templates / "article" / f"{language}.html").is_file()
    )
