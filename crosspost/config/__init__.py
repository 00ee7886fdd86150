"""The config: TOML → checked settings → blogs that can run.

    load(path)   the file, or ``ConfigError`` with every problem at once: file, line, key, value,
                 what is allowed, and the nearest right name for a misspelt one

Readers and publishers are found by their type: ours by the lists below, others by the entry
points ``crosspost.readers`` and ``crosspost.publishers`` of installed packages.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import msgspec
from pydantic import BaseModel, ValidationError

from crosspost import __version__
from crosspost.config._places import line_of, places
from crosspost.config._settings import BlogSettings, ConfigSettings, known_language, near
from crosspost.errors import ConfigError
from crosspost.model import Author, Channel
from crosspost.pipeline import Blog, Source
from crosspost.publishers import Context as PublisherContext
from crosspost.publishers import Publisher
from crosspost.readers import Context as ReaderContext
from crosspost.readers import Reader
from crosspost.rules import RuleSet

if TYPE_CHECKING:
    from crosspost.normalize import Style

READERS: Final = {
    "export": "crosspost.readers.export:ExportReader",
    "preview": "crosspost.readers.preview:PreviewReader",
}
PUBLISHERS: Final = {"static": "crosspost.publishers.static:StaticPublisher"}
DEFAULT: Final = "crosspost.toml"
VARIABLE: Final = "CROSSPOST_CONFIG"

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Config:
    """A checked config. ``site_paths`` are the local folders of sites that have one."""

    path: Path
    base: Path
    ledger: Path
    language: str
    timezone: str
    templates: Path | None
    blogs: Mapping[str, Blog]
    site_paths: Mapping[str, Path]

    def chosen(self, names: tuple[str, ...]) -> list[Blog]:
        """The blogs of these names, all if none are given. Raises ``ConfigError``."""
        unknown = [name for name in names if name not in self.blogs]
        if unknown:
            known = tuple(self.blogs)
            raise ConfigError(
                *(
                    f"{self.path} has no blog «{name}», only {', '.join(known)}{near(name, known)}"
                    for name in unknown
                )
            )
        return [self.blogs[name] for name in names or self.blogs]


def load(path: Path) -> Config:
    """The config at ``path``. Raises ``ConfigError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"There is no config at {path}. To write one: crosspost init; to name one: --config"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"The config {path} cannot be read: {reason}") from error
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: it is not TOML: {error}") from error
    return _Loading(path, text, data).config()


class _Loading:
    """One reading of a config: collects problems until all are known."""

    def __init__(self, path: Path, text: str, data: dict[str, Any]) -> None:
        self.path, self.data = path, data
        self.base = path.absolute().parent
        self.problems: list[tuple[int, str]] = []
        self._places = places(text)

    def config(self) -> Config:
        settings = self._check(ConfigSettings, self.data, ())
        tables = self._tables()
        if settings is None:
            raise self._error()
        templates = (
            self.base / Path(settings.templates).expanduser() if settings.templates else None
        )
        if templates and not templates.is_dir():
            self._problem(("templates",), "there is no such folder")
        ledger = self.base / Path(settings.ledger).expanduser()
        sites = self._sites(settings, templates)
        blogs = {
            blog.name: built
            for number, blog in enumerate(settings.blog)
            if (built := self._blog(number, blog, settings, tables, sites, templates, ledger))
        }
        if self.problems:
            raise self._error()
        return Config(
            path=self.path,
            base=self.base,
            ledger=ledger,
            language=settings.language,
            timezone=settings.timezone,
            templates=templates,
            blogs=blogs,
            site_paths={
                name: self.base / Path(found).expanduser()
                for name, (made, _, _) in sites.items()
                if (found := getattr(made, "path", None))
            },
        )

    # --- Problems ---

    def _error(self) -> ConfigError:
        return ConfigError(*dict.fromkeys(text for _, text in sorted(self.problems)))

    def _problem(self, place: Place, text: str) -> None:
        line = line_of(place, self._places)
        shown = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")
        value = self._value(place)
        given = f" = {value}" if value else ""
        name = f"{shown}{given}: " if shown else ""
        self.problems.append((line, f"{self.path}:{line}: {name}{text}"))

    def _value(self, place: Place) -> str:
        """The value as it stands in the file, short; never one that could be a secret."""
        value: Any = self.data
        for part in place:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return ""
        harmless = {
            "name",
            "reader",
            "channel",
            "site",
            "language",
            "timezone",
            "type",
            "url",
            "path",
        }
        if isinstance(value, bool | int | float):
            return str(value).lower()
        if (
            isinstance(value, str)
            and place
            and place[-1] in harmless | {"on_delete", "settle", "link"}
        ):
            return f'"{value[:60]}"'
        return ""

    def _check(self, model: type[Model], data: Any, place: Place) -> Model | None:
        try:
            return model.model_validate(data, context={"base": self.base})
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False):
                inner = tuple(p for p in found["loc"] if p != "function-after")
                self._problem((*place, *inner), _sentence(found, model))
            return None

    # --- Sites and readers ---

    def _tables(self) -> dict[str, Any]:
        """The settings of each kind of reader. ``[telegram]`` says where the preview looks."""
        telegram = dict(self.data.get("telegram") or {})
        preview = dict(self.data.get("preview") or {})
        if "preview" in telegram:
            preview["preview"] = telegram.pop("preview")
        return {"telegram": telegram, "preview": preview, "export": self.data.get("export") or {}}

    def _sites(
        self, settings: ConfigSettings, templates: Path | None
    ) -> dict[str, tuple[BaseModel, Callable[[], Publisher], str]]:
        sites = {}
        for name, table in settings.site.items():
            place: Place = ("site", name)
            kind = table.get("type")
            if not isinstance(kind, str):
                self._problem(place, f"«type» is missing: {_one_of(PUBLISHERS)}")
                continue
            found = self._find("crosspost.publishers", PUBLISHERS, kind, (*place, "type"))
            if found is None:
                continue
            rest = {key: value for key, value in table.items() if key != "type"}
            checked = self._check(found.Settings, rest, place)
            if checked is None:
                continue
            context = PublisherContext(
                name=name,
                base=self.base,
                language=settings.language,
                timezone=settings.timezone,
                templates=templates,
            )
            mark = checked.model_dump_json()
            sites[name] = (checked, _opener(found, checked, context), mark)
        return sites

    def _find(self, group: str, ours: Mapping[str, str], kind: str, place: Place) -> Any:
        """The class behind a type name."""
        if kind in ours:
            module, _, name = ours[kind].partition(":")
            return getattr(import_module(module), name)
        from importlib.metadata import entry_points

        others = {point.name: point for point in entry_points(group=group)}
        if kind in others:
            return others[kind].load()
        names = tuple({**ours, **others})
        self._problem(place, f"there is no such type: {_one_of(names)}{near(kind, names)}")
        return None

    # --- Blogs ---

    def _blog(
        self,
        number: int,
        blog: BlogSettings,
        settings: ConfigSettings,
        tables: dict[str, Any],
        sites: dict[str, tuple[BaseModel, Callable[[], Publisher], str]],
        templates: Path | None,
        ledger: Path,
    ) -> Blog | None:
        place: Place = ("blog", number)
        for site in blog.site:
            if site not in settings.site:
                names = tuple(settings.site)
                self._problem(
                    (*place, "site"),
                    f"there is no [site.{site}]: {_one_of(names)}{near(site, names)}",
                )
        language = blog.language or settings.language
        if not known_language(language, templates):
            key: Place = (*place, "language") if blog.language else ("language",)
            self._problem(
                key,
                "there is no wording for it: en, ru, or your own templates/article/"
                f"{language}.html (docs/templates.md)",
            )
        found = self._find("crosspost.readers", READERS, blog.reader, (*place, "reader"))
        rules = self._rules(blog, place)
        photo = self.base / Path(blog.author.photo).expanduser() if blog.author.photo else None
        if photo and not photo.is_file():
            self._problem((*place, "author", "photo"), f"there is no file {photo}")
        if found is None or rules is None or self.problems:
            return None
        timezone = blog.timezone or settings.timezone
        cache = self._cache(settings, ledger) / blog.name
        open_reader = self._open_reader(tables, cache, timezone, blog.reader)
        if self.problems:
            return None
        mark = _mark(blog.model_dump_json(), language, timezone, _stamps(templates), _stamp(photo))
        return Blog(
            name=blog.name,
            source=Source(blog.reader, blog.channel),
            sites={site: sites[site][1] for site in blog.site},
            open_reader=open_reader,
            style=_styler(blog, language, timezone, templates, photo),
            style_marks={site: _mark(mark, sites[site][2]) for site in blog.site},
            rules=rules,
            cache=cache,
            lock=ledger.with_name(f".{ledger.name}.{blog.name}.lock"),
            since=blog.moment(timezone),
            settle=blog.settle,
            on_delete=blog.on_delete,
            max_deletions=blog.max_deletions,
        )

    def _rules(self, blog: BlogSettings, place: Place) -> RuleSet | None:
        names = RuleSet.__struct_fields__
        for name in set(blog.rules) - set(names):
            self._problem((*place, "rules", name), f"there is no such rule{near(name, names)}")
        try:
            return msgspec.convert(blog.rules, RuleSet)
        except msgspec.ValidationError as error:
            text, _, where = str(error).partition(" - at `$.")
            inner = (where.rstrip("`"),) if where else ()
            self._problem((*place, "rules", *inner), f"{text[0].lower()}{text[1:]}")
            return None

    def _cache(self, settings: ConfigSettings, ledger: Path) -> Path:
        if settings.cache:
            return self.base / Path(settings.cache).expanduser()
        from platformdirs import user_cache_path

        return (
            user_cache_path("crosspost") / sha256(os.fsencode(ledger.absolute())).hexdigest()[:16]
        )

    def _open_reader(
        self, tables: dict[str, Any], cache: Path, timezone: str, first: str
    ) -> Callable[[Source, int], Reader]:
        """Opens a source of any kind for this blog; the settings of its own kind are checked
        now."""
        checked: dict[str, tuple[Any, Any]] = {}

        def prepare(kind: str) -> tuple[Any, Any]:
            if kind not in checked:
                found = self._find("crosspost.readers", READERS, kind, (kind,))
                if found is None:
                    raise self._error()
                settings = self._check(found.Settings, tables.get(kind, {}), (kind,))
                checked[kind] = (found, settings)
            return checked[kind]

        def open_reader(source: Source, newest: int) -> Reader:
            found, settings = prepare(source.reader)
            if settings is None:
                raise self._error()
            context = ReaderContext(base=self.base, cache=cache, timezone=timezone, newest=newest)
            reader: Reader = found.open(settings, source.channel, context)
            return reader

        prepare(first)
        return open_reader


def _opener(found: Any, settings: BaseModel, context: PublisherContext) -> Callable[[], Publisher]:
    def make() -> Publisher:
        publisher: Publisher = found.open(settings, context)
        return publisher

    return make


def _styler(
    blog: BlogSettings, language: str, timezone: str, templates: Path | None, photo: Path | None
) -> Callable[[Channel], "Style"]:
    def style(channel: Channel) -> "Style":
        from crosspost.normalize import Style

        link = blog.link or (f"https://t.me/{channel.username}" if channel.username else "")
        return Style(
            blog=blog.name,
            channel=channel,
            link=link,
            language=language,
            timezone=timezone,
            credit=blog.credit,
            author=Author(
                name=blog.author.name or channel.title or blog.name,
                about=blog.author.about or channel.about,
                photo=str(photo) if photo else "",
                url=blog.author.url or link,
            ),
            templates=templates,
            title_length=blog.title_length,
            category=blog.category,
            status=blog.status,
            no_tags=frozenset(blog.no_tags),
        )

    return style


def _mark(*parts: Any) -> str:
    """A hash of all that decides what articles look like."""
    return sha256(msgspec.json.encode((__version__, *parts))).hexdigest()[:32]


def _stamps(folder: Path | None) -> list[Any]:
    return [[str(p), _stamp(p)] for p in sorted(folder.rglob("*.html"))] if folder else []


def _stamp(path: Path | None) -> list[int]:
    if path is None:
        return []
    stat = path.stat()
    return [stat.st_mtime_ns, stat.st_size]


def _one_of(names: Any) -> str:
    return f"one of {', '.join(sorted(names))}"


def _sentence(found: Any, model: type[BaseModel]) -> str:
    """What pydantic found, in our words."""
    kind, where = found["type"], found["loc"]
    if kind == "extra_forbidden":
        return f"there is no such setting{near(str(where[-1]), _fields(model, where[:-1]))}"
    if kind == "missing":
        return "it is missing"
    text: str = found["msg"]
    return (
        text.removeprefix("Value error, ").removeprefix("Input should be ")
        if (kind == "value_error")
        else f"it {text[0].lower()}{text[1:]}".replace("it input should", "it should")
    )


def _fields(model: type[BaseModel], where: tuple[str | int, ...]) -> tuple[str, ...]:
    """The names of the settings of the table at ``where``."""
    for part in where:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        inner = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        if not inner:
            return ()
        model = inner[0]
    return tuple(model.model_fields)
