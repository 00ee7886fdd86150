"""What each page of the site says: a pure function of the catalogue and the settings.

Every method answers the bytes of one file. Pages show only what ``catalogue`` marks for redrawing
when it changes: an article its neighbours and the ``FOLLOWERS`` posts before it, a numbered list
page its own articles, the newest list page the whole blog.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from crosspost.markup import safe_url
from crosspost.model import Article, Upload
from crosspost.publishers.static import bodies, names, teasers
from crosspost.publishers.static.bodies import Links
from crosspost.publishers.static.catalogue import FOLLOWERS, Catalogue, Entry, Row
from crosspost.publishers.static.files import digest
from crosspost.publishers.static.teasers import Teaser
from crosspost.templating import LANGUAGES

if TYPE_CHECKING:
    from jinja2 import Environment, Template

SIZE: Final = 20
"""Posts on a numbered list page; the newest one shows up to twice as many."""
MAPPED: Final = 1000
"""Addresses in one sitemap file."""
_RECENT: Final = 5
_FED: Final = 20
_TOPICS: Final = 24
_KEPT: Final = 1024


class Look(NamedTuple):
    """What the config says about how the site looks."""

    url: str
    title: str
    language: str
    timezone: str
    templates: Path | None


class Pages:
    """Draws the files of the site that ``catalogue`` describes."""

    def __init__(self, catalogue: Catalogue, look: Look) -> None:
        self._catalogue = catalogue
        self.look = look
        self._known: dict[tuple[str, int], tuple[Row, Teaser]] = {}
        self._facts: dict[tuple[str, str, str, int], str] = {}
        self._templates: dict[tuple[str, str, str], Template] = {}
        self._environments: dict[tuple[str, str], Environment] = {}
        self.forget()

    def forget(self) -> None:
        """Drops what is remembered of the catalogue: it may have changed."""
        self._known.clear()
        self._facts.clear()
        self._several = len(self._catalogue.blogs()) > 1

    # --- The pages ---

    def article(self, row: Row) -> bytes:
        """The article's page."""
        entry = row.entry
        article, at = entry.article, f"{names.folder(row.blog)}/{row.file}"
        before = self._catalogue.before(row.blog, row.place, FOLLOWERS)
        after = self._catalogue.after(row.blog, row.place, 1)
        earlier = [self._teased(row.blog, post_id) for post_id in before]
        read = sorted(
            (item for item in earlier if item[1].views), key=lambda item: -(item[1].views or 0)
        )
        links = self._links(at, row.blog, article.language, article.timezone)
        uploads = self._uploads(entry)
        cover = uploads.get(article.cover) if article.cover is not None else None
        return self._draw(
            "article.html",
            article.language,
            article.timezone,
            at,
            blog=row.blog,
            article=article,
            html=self._html(entry, links, uploads),
            cover=cover and self._cover(article, cover, links),
            figure=article.figures[article.cover] if cover and article.cover is not None else None,
            author=self._author(entry, links),
            discuss=article.comments and safe_url(article.comments.url),
            tags=[
                (name, links.to(names.listing(row.blog, key, 0)))
                for key, name in entry.tags.items()
            ],
            older=self._line(earlier[0], links) if earlier else None,
            newer=self._line(self._teased(row.blog, after[0]), links) if after else None,
            recent=[self._line(item, links) for item in earlier[:_RECENT]],
            read=[self._line(item, links) for item in read[:_RECENT]],
            data=self._news(article, at, cover, entry),
            image=self._absolute(cover.url) if cover and teasers.shown_cover(entry) else "",
            description=bodies.shorten(teasers.read(row.teaser).lead, 200),
        )

    def listing(self, blog: str, series: str, number: int, last: int, *, at: str = "") -> bytes:
        """A list page: ``number`` 0 for the newest one, else 1…``last`` from the oldest. ``at``
        is its path where that is not its own."""
        home = names.listing(blog, series, number)
        at = at or home
        start = last * SIZE if number == 0 else (number - 1) * SIZE
        rows = self._catalogue.slice(blog, series, start, None if number == 0 else start + SIZE)
        entry = rows[0].entry
        links = self._links(at, blog, entry.article.language, entry.article.timezone)
        items = [(row, teasers.read(row.teaser)) for row in rows]
        first = number == 0 and not series
        newer = 0 if number == last else number + 1
        older = number - 1 if number else last
        return self._draw(
            "list.html",
            entry.article.language,
            entry.article.timezone,
            at,
            home=home,
            blog=blog,
            first=first,
            number=number,
            tag=self._catalogue.spelling(blog, series) if series else "",
            author=self._author(entry, links),
            items=[
                self._item(item, links, eager=first and index == 0)
                for index, item in enumerate(items)
            ],
            newer=links.to(names.listing(blog, series, newer)) if number else "",
            older=links.to(names.listing(blog, series, older)) if older else "",
            read=[
                self._line((row, teasers.read(row.teaser)), links)
                for row in (self._catalogue.most_read(blog, _RECENT) if first else ())
            ],
            topics=[
                (self._catalogue.spelling(blog, key), count, links.to(names.listing(blog, key, 0)))
                for key, count in (self._catalogue.topics(blog, _TOPICS) if first else ())
            ],
        )

    def hub(self) -> bytes:
        """The first page of a site that holds several blogs, or none yet."""
        shown = []
        look = self.look
        links = self._links("index.html", "", look.language, look.timezone)
        for blog in self._catalogue.blogs():
            rows = self._catalogue.newest(blog, "", 3)
            shown.append(
                {
                    "url": links.to(names.listing(blog, "", 0)),
                    "author": self._author(rows[0].entry, links),
                    "items": [self._line((row, teasers.read(row.teaser)), links) for row in rows],
                }
            )
        return self._draw("hub.html", look.language, look.timezone, "index.html", blogs=shown)

    # --- For machines ---

    def feed(self, blog: str, form: str) -> bytes:
        """The blog's feed with its newest posts in full; ``form`` is ``atom`` or ``rss``."""
        rows = self._catalogue.newest(blog, "", _FED)
        newest = rows[0].entry
        language, timezone = newest.article.language, newest.article.timezone
        links = Links(self._absolute, lambda post_id: self._file(blog, post_id), language, timezone)
        items = []
        for row in rows:
            entry = row.entry
            uploads = self._uploads(entry)
            cover = uploads.get(entry.article.cover) if entry.article.cover is not None else None
            items.append(
                {
                    "article": entry.article,
                    "url": self._absolute(f"{names.folder(blog)}/{row.file}"),
                    "updated": entry.article.updated or entry.article.date,
                    "posted": format_datetime(entry.article.date.astimezone(UTC), usegmt=True),
                    "cover": cover and self._cover(entry.article, cover, links),
                    "html": self._html(entry, links, uploads),
                    "tags": list(entry.tags.values()),
                }
            )
        template = self._template(f"{form}.xml", language, timezone)
        folder = names.folder(blog)
        return template.render(
            lang=language,
            author=self._author(newest, links),
            title=self._name(newest.article),
            home=self._absolute(names.listing(blog, "", 0)),
            here=self._absolute(f"{folder}/{'feed.xml' if form == 'atom' else 'rss.xml'}"),
            updated=max(row.entry.article.updated or row.entry.article.date for row in rows),
            items=items,
        ).encode()

    def sitemap(self, blog: str, number: int) -> bytes:
        """The blog's sitemap file ``number`` (from 1)."""
        start = (number - 1) * MAPPED
        urls: list[tuple[str, datetime | None]] = []
        if number == 1:
            urls.append((self._absolute(names.listing(blog, "", 0)), None))
        for row in reversed(self._catalogue.slice(blog, "", start, start + MAPPED)):
            shown = teasers.read(row.teaser)
            target = f"{names.folder(blog)}/{row.file}"
            urls.append((self._absolute(target), shown.updated or shown.date))
        return self._machine("sitemap.xml", urls=urls)

    def sitemaps(self, files: Iterable[str]) -> bytes:
        """The site's index of sitemap files."""
        return self._machine("sitemaps.xml", urls=[self._absolute(file) for file in files])

    def robots(self) -> bytes:
        """``robots.txt``: everyone may read, and where the sitemaps are."""
        return f"User-agent: *\nAllow: /\n\nSitemap: {self._absolute('sitemap.xml')}\n".encode()

    @cached_property
    def assets(self) -> dict[str, tuple[str, bytes]]:
        """The path and the bytes of the style and the icon."""
        environment = self._environment(self.look.language, self.look.timezone)
        made = {}
        for name in ("style.css", "icon.svg"):
            data = environment.get_template(f"static/{name}").render().encode()
            stem, _, suffix = name.rpartition(".")
            made[stem] = (f"assets/{stem}-{digest(data)[:12]}.{suffix}", data)
        return made

    @property
    def form(self) -> str:
        """Changes when the same articles would be drawn otherwise than before."""
        return f"{self._form}{' several' if self._several else ''}"

    @cached_property
    def _form(self) -> str:
        seen = sha256(repr((*self.look[:4], SIZE, MAPPED)).encode())
        here = Path(__file__).resolve()
        sources = [here, here.with_name("bodies.py"), here.with_name("names.py")]
        for base in (here.parents[2] / "templates" / "static", self._overrides):
            if base is not None and base.is_dir():
                sources += sorted(base.iterdir())
        for path in sources:
            if path.is_file():
                seen.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return seen.hexdigest()

    # --- Pieces ---

    def _name(self, article: Article) -> str:
        """What the blog goes by: the site's title where it is the only one, else its author."""
        return ("" if self._several else self.look.title) or article.author.name

    def _html(self, entry: Entry, links: Links, uploads: Mapping[int, Upload]) -> dict[str, str]:
        article = entry.article
        words = self._words(links.language, links.timezone)
        shown = {name: getattr(article, name) for name in ("lead", "body", "attribution", "credit")}
        if article.cover is not None and article.cover < len(article.figures):
            shown["caption"] = article.figures[article.cover].caption
        return {
            name: bodies.resolve(text, article, uploads, links, words.zoom) if text else ""
            for name, text in {"caption": "", **shown}.items()
        }

    def _cover(self, article: Article, cover: Upload, links: Links) -> str:
        figure = article.figures[article.cover or 0]
        words = self._words(links.language, links.timezone)
        alt = figure.alt or figure.media.alt
        zoom = "" if figure.media.spoiler else words.zoom
        return bodies.picture(cover, links, alt, bodies.WIDE, zoom=zoom, eager=True)

    def _item(self, item: tuple[Row, Teaser], links: Links, *, eager: bool) -> dict[str, Any]:
        shown = item[1]
        cover = self._catalogue.upload(shown.cover) if shown.cover else None
        sizes = bodies.WIDE if eager else bodies.SMALL
        image = bodies.picture(cover, links, "", sizes, eager=eager) if cover else ""
        return {**self._line(item, links), "image": image, "lead": shown.lead}

    def _line(self, item: tuple[Row, Teaser], links: Links) -> dict[str, Any]:
        row, shown = item
        url = links.to(f"{names.folder(row.blog)}/{row.file}")
        return {"url": url, "title": shown.title, "facts": self._fact(item, links)}

    def _fact(self, item: tuple[Row, Teaser], links: Links) -> str:
        """The line of facts under an article's title: many pages show the same one."""
        row, shown = item
        language, timezone = links.language, links.timezone
        key = (language, timezone, row.blog, row.post_id)
        if key not in self._facts:
            _make_room(self._facts)
            words = self._words(language, timezone)
            template = self._template("facts.html", language, timezone)
            self._facts[key] = template.render(words=words, teaser=shown)
        return self._facts[key]

    def _author(self, entry: Entry, links: Links) -> dict[str, Any]:
        author = entry.article.author
        portrait = self._catalogue.upload(entry.portrait) if entry.portrait else None
        return {
            "name": author.name,
            "about": author.about,
            "url": author.url if author.url.startswith(("https://", "http://")) else "",
            "portrait": bodies.picture(portrait, links, "", "6rem") if portrait else "",
            "image": self._absolute(portrait.url) if portrait else "",
        }

    def _news(self, article: Article, at: str, cover: Upload | None, entry: Entry) -> str:
        """https://schema.org/NewsArticle, safe inside a ``script`` element."""
        author: dict[str, Any] = {"@type": "Person", "name": article.author.name}
        if article.author.url.startswith(("https://", "http://")):
            author["url"] = article.author.url
        told: dict[str, Any] = {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": bodies.shorten(article.title, 110),
            "datePublished": article.date.isoformat(),
            "dateModified": (article.updated or article.date).isoformat(),
            "inLanguage": article.language,
            "mainEntityOfPage": self._absolute(at),
            "author": [author],
            "publisher": {
                "@type": "Organization",
                "name": self._name(article),
                "url": self._absolute(names.listing(article.blog, "", 0)),
            },
        }
        if article.lead:
            told["description"] = bodies.plain(article.lead)
        if cover and teasers.shown_cover(entry):
            told["image"] = [self._absolute(cover.url)]
        if article.source_url.startswith(("https://", "http://")):
            told["isBasedOn"] = article.source_url
        if entry.tags:
            told["keywords"] = list(entry.tags.values())
        if article.comments:
            told["commentCount"] = article.comments.count
        text = msgspec.json.format(msgspec.json.encode(told), indent=1).decode()
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    def _uploads(self, entry: Entry) -> dict[int, Upload]:
        found = {}
        for number, name in entry.uploads.items():
            upload = self._catalogue.upload(name)
            if upload:
                poster = entry.posters.get(number)
                shown = self._catalogue.upload(poster) if poster else None
                found[number] = msgspec.structs.replace(upload, poster=shown.url if shown else "")
        return found

    def _teased(self, blog: str, post_id: int) -> tuple[Row, Teaser]:
        key = (blog, post_id)
        if key not in self._known:
            _make_room(self._known)
            row = self._catalogue.row(blog, post_id)
            assert row is not None  # the listing holds it
            self._known[key] = (row._replace(data=b""), teasers.read(row.teaser))
        return self._known[key]

    def _file(self, blog: str, post_id: int) -> str | None:
        row = self._catalogue.row(blog, post_id)
        live = row is not None and row.status == "live"
        return f"{names.folder(blog)}/{row.file}" if row and live else None

    def _links(self, at: str, blog: str, language: str, timezone: str) -> Links:
        return Links(
            lambda target: names.relative(target, at),
            lambda post_id: self._file(blog, post_id),
            language,
            timezone,
        )

    def _absolute(self, target: str) -> str:
        return names.absolute(self.look.url, target)

    # --- Jinja ---

    @property
    def _overrides(self) -> Path | None:
        return self.look.templates / "static" if self.look.templates else None

    def _draw(self, template: str, language: str, timezone: str, at: str, **values: Any) -> bytes:
        blog = values.get("blog", "")
        home = names.listing(blog, "", 0) if blog else "index.html"
        links = self._links(at, blog, language, timezone)
        folder = names.folder(blog) if blog else ""
        page = self._template(template, language, timezone).render(
            lang=language,
            site="" if blog and self._several else self.look.title,
            canonical=self._absolute(values.pop("home", at)),
            root=links.to(home),
            style=links.to(self.assets["style"][0]),
            icon=links.to(self.assets["icon"][0]),
            atom=links.to(f"{folder}/feed.xml") if blog else "",
            rss=links.to(f"{folder}/rss.xml") if blog else "",
            **values,
        )
        return page.encode()

    def _machine(self, template: str, **values: Any) -> bytes:
        look = self.look
        return self._template(template, look.language, look.timezone).render(**values).encode()

    def _template(self, name: str, language: str, timezone: str) -> "Template":
        key = (name, language, timezone)
        if key not in self._templates:
            found = self._environment(language, timezone).get_template(f"static/{name}")
            self._templates[key] = found
        return self._templates[key]

    def _words(self, language: str, timezone: str) -> Any:
        environment = self._environment(language, timezone)
        return environment.get_template(str(environment.globals["wording"])).module

    def _environment(self, language: str, timezone: str) -> "Environment":
        key = (language, timezone)
        if key not in self._environments:
            self._environments[key] = self._made_environment(language, timezone)
        return self._environments[key]

    def _made_environment(self, language: str, timezone: str) -> "Environment":
        from babel import Locale, UnknownLocaleError

        from crosspost.templating import environment

        try:
            Locale.parse(language)
        except (UnknownLocaleError, ValueError):
            language = "en"
        folder, known = self._overrides, language in LANGUAGES
        own = folder is not None and (folder / f"{language}.html").is_file()
        found = environment(language, timezone, self.look.templates)
        found.globals["wording"] = f"static/{language if known or own else 'en'}.html"
        return found


def _make_room(kept: dict[Any, Any]) -> None:
    """What is remembered of other articles grows no further than this: pages are drawn in order,
    and each shows those before it."""
    if len(kept) >= _KEPT:
        kept.clear()
