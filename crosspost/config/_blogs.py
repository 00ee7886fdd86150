"""Checked settings → blogs that can run.

Every part is looked at even when another is wrong, so that a person hears of all problems at
once; nothing is built unless all is well.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from pydantic import BaseModel

from crosspost import __version__
from crosspost.config import _kinds
from crosspost.config._problems import Place, Problems
from crosspost.config._settings import BlogSettings, known_language, near
from crosspost.model import Author, Channel
from crosspost.pipeline import Blog, Source
from crosspost.publishers import Context as PublisherContext
from crosspost.publishers import Publisher
from crosspost.readers import Context as ReaderContext
from crosspost.readers import Reader
from crosspost.rules import RuleSet
from crosspost.rules import problem as rule_problem

if TYPE_CHECKING:
    from crosspost.normalize import Style

_READERS: Final = "crosspost.readers"
_PUBLISHERS: Final = "crosspost.publishers"
_ACTIONS: Final = (("publish", "hold", "skip"), ("publish", "hold", "skip", "merge"))
"""What the rules of ``[blog.rules]`` may say, and what that about repeats may."""
T = TypeVar("T")


@dataclass(frozen=True)
class Site:
    """A ``[site.<name>]``: ``mark`` changes when its settings do, ``identity`` answers another
    word when it is another site, or None where that cannot be told."""

    settings: BaseModel
    open: Callable[[], Publisher]
    mark: str
    identity: Callable[[], str | None]


class Making:
    """One reading of a config."""

    def __init__(self, base: Path, data: dict[str, Any], problems: Problems) -> None:
        self.base = base
        self._data, self._problems = data, problems
        self._language = self._given("language", str) or "en"
        self._timezone = self._given("timezone", str) or "UTC"
        self.ledger = self._path("ledger") or base / "crosspost.db"
        self.templates = self._path("templates")
        self.cache = self._path("cache")
        self._sites: dict[str, Site] = {}
        self._readers: dict[str, tuple[Any, Any]] = {}
        if self.templates and not self.templates.is_dir():
            problems.add(("templates",), "there is no such folder")

    def _given(self, key: str, kind: type[T]) -> T | None:
        value = self._data.get(key)
        return value if isinstance(value, kind) else None

    def _path(self, key: str) -> Path | None:
        value = self._given(key, str)
        return self.base / Path(value).expanduser() if value and "\0" not in value else None

    def top(self) -> dict[str, Any]:
        """The file without the tables of readers."""
        kept = {}
        for key, value in self._data.items():
            is_table = isinstance(value, dict) and key not in ("blog", "site")
            if is_table and _kinds.is_known(_READERS, key):
                continue
            kept[key] = value
        if isinstance(kept.get("blog"), dict):
            self._problems.add(("blog",), "write [[blog]], in two brackets: there can be several")
            kept["blog"] = [{}]
        if isinstance(kept.get("site"), dict):
            kept["site"] = self._site_tables() or (kept["site"] and {"": {}})
        return kept

    def _site_tables(self) -> dict[str, Any]:
        tables = self._data.get("site")
        if not isinstance(tables, dict):
            return {}
        loose = [key for key, value in tables.items() if not isinstance(value, dict)]
        if loose:
            self._problems.add(("site",), "write [site.NAME]: each site has a name of its own")
        return {key: value for key, value in tables.items() if isinstance(value, dict)}

    # --- Sites ---

    def sites(self) -> dict[str, Site]:
        """The sites that are well."""
        tables = self._data.get("site")
        for name, table in (tables if isinstance(tables, dict) else {}).items():
            if isinstance(table, dict) and (site := self._site(name, table)):
                self._sites[name] = site
        return self._sites

    def _site(self, name: str, table: dict[str, Any]) -> Site | None:
        place: Place = ("site", name)
        found = self._kind(_PUBLISHERS, table.get("type"), (*place, "type"))
        if found is None:
            return None
        rest = {key: value for key, value in table.items() if key != "type"}
        settings = self._problems.check(found.Settings, rest, place)
        if settings is None:
            return None
        context = PublisherContext(
            name=name,
            base=self.base,
            language=self._language,
            timezone=self._timezone,
            templates=self.templates,
        )

        def make() -> Publisher:
            publisher: Publisher = found.open(settings, context)
            return publisher

        def identity() -> str | None:
            told: str | None = found.identity(settings, context)
            return told

        known = identity if hasattr(found, "identity") else lambda: None
        return Site(settings, make, settings.model_dump_json(), known)

    def _kind(self, group: str, kind: Any, place: Place) -> Any:
        """The class behind a type's name, None when there is none."""
        if kind is None:
            self._problems.add(place, f"it is missing: {_one_of(_kinds.names(group))}")
        elif not isinstance(kind, str) or not _kinds.is_known(group, kind):
            names = _kinds.names(group)
            self._problems.add(place, f"it is {_one_of(names)}{near(str(kind), names)}")
        else:
            try:
                return _kinds.load(group, kind)
            except ValueError as error:
                self._problems.add(place, str(error))
        return None

    # --- Readers ---

    def _table(self, kind: str) -> dict[str, Any]:
        """The settings of a kind of reader. ``[telegram]`` says where the preview looks."""
        table = self._data.get(kind)
        found = dict(table) if isinstance(table, dict) else {}
        telegram = self._data.get("telegram")
        if kind == "telegram":
            found.pop("preview", None)
        elif kind == "preview" and isinstance(telegram, dict) and "preview" in telegram:
            found.setdefault("preview", telegram["preview"])
        return found

    def _reader(self, kind: str, place: Place = ()) -> tuple[Any, Any]:
        """The class of a kind of reader and its checked settings, None where it is wrong."""
        if kind not in self._readers:
            found = self._kind(_READERS, kind, place)
            if found is None:
                return None, None
            table: Place = (kind,)
            if kind == "preview" and "preview" not in (self._data.get(kind) or {}):
                table = ("telegram",) if "preview" in self._table(kind) else table
            self._readers[kind] = (
                found,
                self._problems.check(found.Settings, self._table(kind), table),
            )
        return self._readers[kind]

    def readers(self) -> dict[str, BaseModel]:
        """The settings of every kind of reader that was looked at and is well."""
        return {kind: found[1] for kind, found in self._readers.items() if found[1] is not None}

    def _all_readers(self) -> None:
        """Checks the tables of readers that no blog uses today."""
        for kind in [*self._data, "preview"]:
            is_table = isinstance(self._data.get(kind), dict) and kind not in ("blog", "site")
            if (is_table or kind == "preview") and self._table(kind):
                if _kinds.is_known(_READERS, kind):
                    self._reader(kind)
            elif kind in _kinds.READERS and kind in self._data and not is_table:
                self._problems.add((kind,), f"it is a table: [{kind}]", show=False)

    # --- Blogs ---

    def blogs(self) -> list[Blog]:
        """The blogs, once all is well."""
        tables = self._data.get("blog")
        made = [
            self._blog(table, ("blog", number))
            for number, table in enumerate(tables if isinstance(tables, list) else [])
            if isinstance(table, dict)
        ]
        self._twice(tables)
        self._all_readers()
        return [] if self._problems else [make() for make in made if make]

    def _twice(self, tables: Any) -> None:
        seen: set[str] = set()
        for number, table in enumerate(tables if isinstance(tables, list) else []):
            name = table.get("name") if isinstance(table, dict) else None
            if isinstance(name, str) and name in seen:
                self._problems.add(
                    ("blog", number, "name"), "another blog has this name; a name is for one blog"
                )
            elif isinstance(name, str):
                seen.add(name)

    def _blog(self, table: dict[str, Any], place: Place) -> Callable[[], Blog] | None:
        problems = self._problems
        if isinstance(table.get("rule"), dict):
            text = "write [[blog.rule]], in two brackets: there can be several"
            problems.add((*place, "rule"), text)
            table = {**table, "rule": []}
        settings = problems.check(BlogSettings, {"reader": "", **table}, place)
        self._check_sites(table.get("site"), place)
        self._check_lengths(table, place)
        self._check_language(table.get("language"), place)
        photo = self._photo(table, place)
        rules = self._rules(table.get("rules", {}), place)
        self._check_own_rules(settings, place)
        kind = table.get("reader")
        if isinstance(kind, str):
            self._reader(kind, (*place, "reader"))
        elif kind is None:
            problems.add((*place, "reader"), f"it is missing: {_one_of(_kinds.names(_READERS))}")
        if settings is None or rules is None:
            return None
        return lambda: self._made(settings, rules, photo)

    def _check_sites(self, sites: Any, place: Place) -> None:
        tables = self._data.get("site")
        names = tuple(tables) if isinstance(tables, dict) else ()
        listed = sites if isinstance(sites, list) else [sites]
        for number, site in enumerate(listed):
            if isinstance(site, str) and site not in names:
                key: Place = (*place, "site", number) if listed is sites else (*place, "site")
                known = f"it is {_one_of(names)}" if names else "the config has no site"
                self._problems.add(key, f"there is no [site.{site}]: {known}{near(site, names)}")
        if isinstance(sites, list) and len({*map(str, sites)}) < len(sites):
            self._problems.add((*place, "site"), "the same site stands here twice")

    def _check_lengths(self, table: dict[str, Any], place: Place) -> None:
        sites, lengths = table.get("site"), table.get("title_lengths")
        names = [sites] if isinstance(sites, str) else sites
        if isinstance(lengths, dict) and isinstance(names, list):
            for name in lengths:
                if name not in names:
                    known = [one for one in names if isinstance(one, str)]
                    words = f"this blog does not go to the site «{name}»{near(name, known)}"
                    self._problems.add((*place, "title_lengths", name), words, show=False)

    def _check_language(self, own: Any, place: Place) -> None:
        language = own or self._language
        if isinstance(language, str) and not known_language(language, self.templates):
            key: Place = (*place, "language") if own else ("language",)
            self._problems.add(
                key,
                "there is no wording for it; it is one of en, ru, or has a file of your own, "
                "article/<language>.html, in «templates» (docs/templates.md)",
            )

    def _photo(self, table: dict[str, Any], place: Place) -> Path | None:
        author = table.get("author")
        given = author.get("photo") if isinstance(author, dict) else None
        if not isinstance(given, str) or not given:
            return None
        photo = self.base / Path(given).expanduser()
        if "\0" in given or not photo.is_file():
            self._problems.add((*place, "author", "photo"), "there is no such file")
        return photo

    def _rules(self, given: Any, place: Place) -> RuleSet | None:
        if not isinstance(given, dict):
            return None
        names = RuleSet.__struct_fields__
        well = True
        for name, action in given.items():
            key: Place = (*place, "rules", name)
            if name not in names:
                well = False
                self._problems.add(key, f"there is no such rule{near(name, names)}", show=False)
            elif action not in (known := _ACTIONS[name == "repeats"]):
                well = False
                words = f"it is {_one_of(known)}{near(str(action), known)}"
                self._problems.add(key, words)
        return msgspec.convert(given, RuleSet) if well else None

    def _check_own_rules(self, settings: BlogSettings | None, place: Place) -> None:
        for number, one in enumerate(settings.rule if settings else ()):
            key, text = rule_problem(one.made("UTC"))
            if text:
                where: Place = (*place, "rule", number)
                self._problems.add((*where, key) if key else where, text)

    # --- Made ---

    def _made(self, blog: BlogSettings, rules: RuleSet, photo: Path | None) -> Blog:
        language, timezone = blog.language or self._language, blog.timezone or self._timezone
        cache = self._cache() / blog.name
        said = blog.model_dump_json(exclude={"overlap"})
        mark = _mark(said, language, timezone, _stamps(self.templates), _stamp(photo))
        return Blog(
            name=blog.name,
            source=Source(blog.reader, blog.channel),
            sites={site: self._sites[site].open for site in blog.site},
            open_reader=self._open_reader(cache, timezone, blog.max_media or 0),
            style=_styler(blog, language, timezone, self.templates, photo),
            style_marks={site: _mark(mark, self._sites[site].mark) for site in blog.site},
            identities={site: self._sites[site].identity for site in blog.site},
            rules=rules,
            own_rules=tuple(one.made(timezone) for one in blog.rule),
            cache=cache,
            lock=self.ledger.with_name(f".{self.ledger.name}.{blog.name}.lock"),
            since=blog.moment(timezone),
            settle=blog.settle,
            on_delete=blog.on_delete,
            max_deletions=blog.max_deletions,
            overlap=blog.overlap,
            series=blog.series,
            review=blog.review,
            title_lengths=blog.title_lengths,
            joins=frozenset(blog.join) | ({"repeat"} if rules.repeats == "merge" else set()),
        )

    def _cache(self) -> Path:
        if self.cache:
            return self.cache
        from platformdirs import user_cache_path

        place = sha256(os.fsencode(self.ledger.absolute())).hexdigest()[:16]
        return user_cache_path("crosspost") / place

    def _open_reader(
        self, cache: Path, timezone: str, max_media: int
    ) -> Callable[[Source, int], Reader]:
        """Opens a source of any kind for this blog: a backfill may read from another."""

        def open_reader(source: Source, newest: int) -> Reader:
            found, settings = self._reader(source.reader)
            if settings is None:
                raise self._problems.error()
            context = ReaderContext(
                base=self.base,
                cache=cache,
                timezone=timezone,
                newest=newest,
                max_media=max_media,
            )
            reader: Reader = found.open(settings, source.channel, context)
            return reader

        return open_reader


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
            no_tags=frozenset(blog.no_tags) | {name for name, tag in blog.tags.items() if not tag},
            tag_map=blog.tags,
            pin=tuple(blog.footer.pin),
            forbid=tuple(blog.footer.forbid),
        )

    return style


def _mark(*parts: Any) -> str:
    """A hash of all that decides what articles look like."""
    return sha256(msgspec.json.encode((__version__, *parts))).hexdigest()[:32]


def _stamps(folder: Path | None) -> list[Any]:
    """When the user's own templates last changed."""
    found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else []
    return [[str(path), _stamp(path)] for path in found]


def _stamp(path: Path | None) -> list[int]:
    if path is None:
        return []
    stat = path.stat()
    return [stat.st_mtime_ns, stat.st_size]


def _one_of(names: Any) -> str:
    return f"one of {', '.join(sorted(names))}"
