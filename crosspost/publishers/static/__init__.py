"""The embedded default: the author's blog as a folder of plain files.

    names      where things stand in the folder
    files      writing them, and the posts' pictures and files
    catalogue  the site's memory: articles, listings, what must be redrawn
    bodies     an article's HTML with the site's addresses in it
    said       what an article says, and what a person made of its page
    teasers    what other pages show of an article
    pages      what each page says
    staging    articles' pages made ready, on every core where they are many
    drawing    from marks to files

``put`` is one transaction of the catalogue; ``finish`` draws what it marked. The folder can be
opened from disk, served by any web server, or copied to one; nothing in it asks another host for
anything, and there is no script. What must not be public (drafts, the catalogue) lies in
``.crosspost`` inside it: web servers hide dotted folders, or should be told to.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from html import escape
from pathlib import Path
from typing import ClassVar, Final, Literal, Self

import msgspec
from pydantic import BaseModel, ConfigDict

from crosspost.errors import Busy, PublisherError
from crosspost.images import BadImage, probe
from crosspost.markup import sanitize
from crosspost.model import Article, Media, Parts, Remote, Upload, Variant, digest
from crosspost.publishers import Changed, Context, Finding, Refused, Vanished
from crosspost.publishers._text import printable
from crosspost.publishers.static import bodies, files, names, said
from crosspost.publishers.static.catalogue import Catalogue, Entry, Row, explained, identity_of
from crosspost.publishers.static.drawing import Drawing
from crosspost.publishers.static.files import Files
from crosspost.publishers.static.pages import Look, Pages
from crosspost.publishers.static.teasers import teaser
from crosspost.settings import WebAddress

__all__ = ["StaticPublisher", "StaticSettings"]

_WAIT: Final = 600


class StaticSettings(BaseModel):
    """``path`` is the folder to write, ``url`` the address it will be seen at (feeds, sitemap and
    previews in messengers need it), ``title`` the site's name; without one, or beside other
    blogs, a blog goes by its author's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path
    url: WebAddress = "http://localhost:8000/"
    title: str = ""


class StaticPublisher:
    """Writes the site. See ``crosspost.publishers.Publisher`` for what each method does."""

    name: ClassVar[str] = "static"
    image_types: ClassVar[frozenset[str]] = files.IMAGE_TYPES
    batch: ClassVar[int] = 50
    Settings: ClassVar[type[StaticSettings]] = StaticSettings

    def __init__(self, settings: StaticSettings, context: Context) -> None:
        self._root = context.base / settings.path.expanduser()
        self._url = settings.url
        self._look = Look(
            settings.url, settings.title, context.language, context.timezone, context.templates
        )
        self._files = Files(self._root)
        self._opened: Catalogue | None = None
        self._portraits: dict[str, str] = {}

    @classmethod
    def open(cls, settings: StaticSettings, context: Context) -> Self:
        """The site that ``settings`` describe. Touches nothing yet."""
        return cls(settings, context)

    @classmethod
    def identity(cls, settings: StaticSettings, context: Context) -> str:
        """What tells this folder from a new one at the same place; "" while nothing is there.
        Raises ``PublisherError`` when that cannot be told."""
        root = context.base / settings.path.expanduser()
        with explained(root):
            return identity_of(root / ".crosspost")

    @property
    def _catalogue(self) -> Catalogue:
        if self._opened is None:
            self._opened = Catalogue(self._root / ".crosspost" / "site.db")
        return self._opened

    @property
    def _begun(self) -> bool:
        """Whether there is a site: to look at none must not make one."""
        return (self._root / ".crosspost" / "site.db").exists()

    # --- Looking ---

    def find(self, article: Article) -> Remote | None:
        with explained(self._root):
            row = self._known(article)
            if row is None:
                return None  # else the version that we left: ``put`` then sees a hand since
            left = said.of_article(row.entry.article)
            return msgspec.structs.replace(self._remote(row), version=row.version, parts=left)

    def look(self, remote: Remote) -> Remote:
        if not self._begun:
            raise Vanished(f"there is no site in {self._root} any more")
        with explained(self._root):
            row = self._row(remote)
            now = self._told(row)
        if now.status == "trash":
            raise Vanished(f"the page {now.url} was deleted from the site's folder")
        return now

    def _told(self, row: Row) -> Remote:
        """The article as it stands and what it says: its page, where a person edited that."""
        now = self._remote(row)
        if now.version != row.version:
            return msgspec.structs.replace(now, parts=said.of_page(self._page(row.blog, row.file)))
        article = msgspec.json.decode(row.data, type=Entry).article
        return msgspec.structs.replace(now, parts=said.of_article(article))

    def listed(self, blog: str) -> Iterator[tuple[int, Remote]]:
        for row in self._catalogue.all(blog) if self._begun else ():
            now = self._remote(row)
            if now.status != "trash":
                yield row.post_id, now

    def library(self) -> Iterator[tuple[Upload, bool]]:
        for upload, used in self._catalogue.library() if self._begun else ():
            if self._files.has(upload):
                yield _addressed(self._url, upload), used

    def _row(self, remote: Remote) -> Row:
        row = self._find(remote)
        if row is None:
            raise Vanished(f"the site's catalogue knows no article {remote.id}")
        return row

    def _find(self, remote: Remote) -> Row | None:
        blog, _, post_id = remote.id.rpartition("/")
        number = re.fullmatch(r"-?\d{1,18}", post_id)
        return self._catalogue.row(blog, int(post_id)) if number else None

    def _remote(self, row: Row) -> Remote:
        """The article as it stands: its version tells of a page edited by hand."""
        version, status, page = row.version, row.status, self._page(row.blog, row.file)
        while row.status == "live" and row.drawn:
            found = files.digest_of(page)
            if found and found in (row.drawn, row.drawing):
                break
            known = self._catalogue.row(row.blog, row.post_id)
            if known is None or (known.drawn, known.drawing) == (row.drawn, row.drawing):
                status = status if found else "missing"
                version = f"{version}+{found}" if found else version
                break
            row = known  # another run has drawn it at this moment
        return Remote(
            id=f"{row.blog}/{row.post_id}",
            url=names.absolute(self._url, f"{names.folder(row.blog)}/{row.file}"),
            version=version,
            digest=row.digest,
            status="live" if status == "live" else "draft" if status == "draft" else "trash",
        )

    def _page(self, blog: str, file: str) -> Path:
        return self._root / names.folder(blog) / file

    def _demand(self, row: Row, version: str) -> None:
        """Raises ``Changed`` or ``Vanished`` unless the article is as ``version`` says."""
        now = self._remote(row)
        if now.status == "trash":
            raise Vanished(f"the page {now.url} was deleted from the site's folder")
        if now.version != version:
            theirs = said.words(self._page(row.blog, row.file))
            raise Changed(
                f"the page {now.url} is not the one we left", theirs=theirs, version=now.version
            )

    # --- Changing ---

    @contextmanager
    def together(self) -> Iterator[None]:
        with explained(self._root), self._catalogue.change():
            yield

    def upload(self, file: Path, media: Media) -> Upload:
        with explained(self._root):
            return _addressed(self._url, self._add(file, media))

    def _add(self, file: Path, media: Media) -> Upload:
        catalogue = self._catalogue
        stem = files.stem(file)
        for known in catalogue.uploads(stem):
            if self._files.fits(known, file, media):
                return known
        made = self._files.add(file, media, stem)
        with catalogue.change():
            catalogue.add_upload(made)
        return made

    def put(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        remote: Remote | None,
        keep: Collection[str] = (),
    ) -> Remote:
        with explained(self._root), self._catalogue.change():
            old = self._find(remote) if remote else self._known(article)
            if remote and remote.version and old is None:
                raise Vanished(f"the site's catalogue knows no article {remote.id}")
            if old and not (remote and not remote.version):
                self._demand(old, remote.version if remote else old.version)
            kept = _with_theirs(article, self._told(old).parts, keep) if old and keep else article
            entry = self._entry(kept, uploads)
            row = self._new_row(entry, old, digest(article))
            self._catalogue.store(row, article.views or 0, entry)
            return msgspec.structs.replace(self._remote(row), parts=said.of_article(entry.article))

    def _known(self, article: Article) -> Row | None:
        return self._catalogue.row(article.blog, article.post_id)

    def _entry(self, article: Article, uploads: Mapping[int, Upload]) -> Entry:
        article = _printable(article)
        known: dict[int, str] = {}
        posters: dict[int, str] = {}
        for number, upload in sorted(uploads.items()):
            there = self._catalogue.upload(upload.id)
            if there is None or not self._files.has(there):
                raise Refused(f"the site has no file {upload.id} any more: it must be sent again")
            known[number] = upload.id
            poster = upload.poster.rpartition("/")[2]
            if poster and self._catalogue.upload(poster):
                posters[number] = poster
        tags: dict[str, str] = {}
        for tag in article.tags:
            if key := names.tag_key(tag):
                tags.setdefault(key, tag)
        return Entry(
            article=article,
            uploads=known,
            posters=posters,
            portrait=self._portrait(article.author.photo),
            mentions=bodies.mentions(article),
            tags=tags,
        )

    def _new_row(self, entry: Entry, old: Row | None, seen: str) -> Row:
        article = entry.article
        blog, post_id = (old.blog, old.post_id) if old else (article.blog, article.post_id)
        file = old.file if old else names.page(article.post_id, article.slug)
        data = msgspec.json.encode(entry)
        # the page of one that was withdrawn is about to go, perhaps in another run at this moment
        drawn = files.digest_of(self._page(blog, file)) if old and old.status == "live" else ""
        return Row(
            blog=blog,
            post_id=post_id,
            file=file,
            status="live",
            date=article.date.astimezone(UTC).isoformat(timespec="seconds"),
            version=files.digest(data),
            digest=seen,
            teaser=teaser(entry),
            data=data,
            drawn=drawn,
            drawing=old.drawing if old else "",  # by another run, at this moment
        )

    def _portrait(self, photo: str) -> str:
        """The upload of the author's photo; "" when there is none that can be shown."""
        if not photo:
            return ""
        if photo not in self._portraits:
            try:
                mime = probe(Path(photo)).mime
                made = self._add(Path(photo), Media(kind="photo", locator=photo, mime=mime)).id
            except (BadImage, Refused, FileNotFoundError, IsADirectoryError):
                made = ""
            self._portraits[photo] = made
        return self._portraits[photo]

    def withdraw(self, remote: Remote, how: Literal["draft", "remove"]) -> Remote | None:
        with explained(self._root), self._catalogue.change():
            row = self._find(remote)
            if row is None:
                if how == "remove":
                    return None
                raise Vanished(f"the site's catalogue knows no article {remote.id}")
            if remote.version:
                self._demand(row, remote.version)
            self._catalogue.retire(row, "removed" if how == "remove" else "draft")
            return None if how == "remove" else self._remote(row._replace(status="draft"))

    def discard(self, upload: Upload) -> None:
        with explained(self._root):
            known = self._catalogue.upload(upload.id)
            with self._catalogue.change():
                if self._catalogue.drop_upload(upload.id) and known:
                    self._files.drop(known)  # before the catalogue forgets them for good

    def finish(self) -> None:
        from filelock import FileLock, Timeout

        catalogue = self._catalogue
        lock = FileLock(self._root / ".crosspost" / "drawing.lock")
        try:
            with explained(self._root), lock.acquire(timeout=_WAIT):
                pages = Pages(catalogue, self._look)
                Drawing(self._root, catalogue, self._files, pages).run()
        except Timeout as error:
            raise Busy(f"Another run has been drawing {self._root} for ten minutes.") from error

    def check(self, *, write: bool = False) -> list[Finding]:
        place = self._root
        while not place.exists() and place != place.parent:
            place = place.parent
        ok = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        findings = [
            Finding(
                what=f"the folder {self._root}",
                ok=ok,
                detail="can be written" if ok else f"{place} cannot be written",
                remedy="" if ok else "Change its owner or permissions, or «path» in the config.",
            )
        ]
        if write and ok and self._root.exists():
            findings.append(files.trial(self._root))
        if self._begun:
            try:
                left = self._catalogue.count_marks("article")
                detail = f"{left} pages wait to be drawn" if left else "in step with its catalogue"
                findings.append(Finding(what="the site's catalogue", ok=True, detail=detail))
            except PublisherError as error:
                findings.append(Finding(what="the site's catalogue", ok=False, detail=str(error)))
        return findings

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def _addressed(base: str, upload: Upload) -> Upload:
    """The upload with public addresses."""
    return msgspec.structs.replace(
        upload,
        url=names.absolute(base, upload.url),
        variants=tuple(
            Variant(url=names.absolute(base, item.url), width=item.width, height=item.height)
            for item in upload.variants
        ),
    )


def _printable(article: Article) -> Article:
    """The article without characters that no page can hold, its HTML within ``SUBSET``."""

    shown = printable(msgspec.structs.replace(article, spans=(), notes=()))
    return msgspec.structs.replace(
        shown,
        **{
            name: sanitize(getattr(shown, name))
            for name in ("lead", "body", "attribution", "credit")
        },
        figures=tuple(
            msgspec.structs.replace(figure, caption=sanitize(figure.caption))
            for figure in shown.figures
        ),
    )


def _with_theirs(article: Article, theirs: Parts | None, keep: Collection[str]) -> Article:
    """The article with those parts in a person's words."""
    if theirs is None:
        return article
    words = {
        "title": theirs.title,
        "lead": escape(theirs.lead, quote=False),
        "tags": theirs.tags,
    }
    return msgspec.structs.replace(
        article, **{name: value for name, value in words.items() if name in keep}
    )
