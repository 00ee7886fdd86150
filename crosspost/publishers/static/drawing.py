"""From marks to files: redraws what changed since the site was last drawn, and nothing else.

Order matters for a run that is killed: new media first, then pages that show them, then lists and
feeds that name the pages, then what is gone; the marks last. Whatever is found half done is done
again, to the same bytes.

An article's page that a person edited is left alone, one that a person deleted is taken out of
the lists: both are ``deliver``'s to report. Lists and feeds are always ours.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from crosspost.model import Upload
from crosspost.publishers.static import files, names
from crosspost.publishers.static.catalogue import Catalogue, Mark, Place, Row
from crosspost.publishers.static.files import Files
from crosspost.publishers.static.pages import MAPPED, SIZE, Pages

_BATCH: Final = 64
_WRITERS: Final = 8
_FEEDS: Final = (("feed.xml", "atom"), ("rss.xml", "rss"))


class Drawing:
    """Draws the site at ``root``."""

    def __init__(self, root: Path, catalogue: Catalogue, store: Files, pages: Pages) -> None:
        self._root = root
        self._catalogue = catalogue
        self._files = store
        self._pages = pages

    def run(self) -> None:
        """Redraws until nothing is marked. One process at a time."""
        catalogue = self._catalogue
        if catalogue.meta("dirty"):
            files.sweep(self._root)  # a run was killed while it drew
        self._mark_changed_form()
        while (marks := catalogue.marks()) or catalogue.meta("dirty"):
            catalogue.set_meta("dirty", "1")
            self._round([mark for _, mark in marks])
            with catalogue.change():
                catalogue.unmark(number for number, _ in marks)
                catalogue.set_meta("dirty", "")
            self._mark_changed_form()
        self._files.sweep()

    def _mark_changed_form(self) -> None:
        """Marks everything when templates, settings or the number of blogs ask for other pages."""
        catalogue = self._catalogue
        self._pages.forget()
        if catalogue.meta("form") != self._pages.form:
            with catalogue.change():
                for blog in catalogue.known():
                    catalogue.mark_all(blog)
                catalogue.set_meta("form", self._pages.form)
                catalogue.set_meta("dirty", "1")

    def _round(self, marks: list[Mark]) -> None:
        shown, unshown = self._sorted_media(marks)
        for name, data in self._pages.assets.values():
            self._write(name, data)
        for upload in shown:
            self._files.show(upload)
        self._articles(mark for mark in marks if mark.kind == "article")
        blogs = sorted({mark.blog for mark in marks if mark.kind != "media"})
        for blog in blogs:
            self._blog(blog, marks)
        self._root_pages()
        for mark in marks:
            if mark.kind == "gone":
                self._withdrawn(mark)
        for upload in unshown:
            self._files.hide(upload)
        self._sweep_assets()

    def _sorted_media(self, marks: list[Mark]) -> tuple[list[Upload], list[Upload]]:
        shown: list[Upload] = []
        unshown: list[Upload] = []
        for mark in marks:
            upload = self._catalogue.upload(mark.name) if mark.kind == "media" else None
            if upload:
                (shown if self._catalogue.shown(mark.name) else unshown).append(upload)
        return shown, unshown

    # --- Articles ---

    def _articles(self, marks: Iterable[Mark]) -> None:
        batch: list[tuple[Row, bytes]] = []
        for mark in marks:
            row = self._catalogue.row(mark.blog, mark.post_id)
            if row is None or row.status != "live":
                continue
            found = files.digest_of(self._page(row))
            if row.drawn and not found:
                with self._catalogue.change():
                    self._catalogue.retire(row, "missing")
                continue
            if row.drawn and found not in (row.drawn, row.drawing):
                continue
            page = self._pages.article(row)
            if files.digest(page) != found or found != row.drawn:
                batch.append((row, page))
            if len(batch) >= _BATCH:
                self._write_articles(batch)
                batch = []
        self._write_articles(batch)

    def _write_articles(self, batch: list[tuple[Row, bytes]]) -> None:
        if not batch:
            return
        with self._catalogue.change():
            for row, page in batch:
                self._catalogue.set_drawing(row.blog, row.post_id, files.digest(page))
        with ThreadPoolExecutor(_WRITERS) as pool:  # so that disks may flush several at once
            list(pool.map(lambda item: files.write(self._page(item[0]), item[1]), batch))
        files.sync(self._page(row).parent for row, _ in batch)
        with self._catalogue.change():
            for row, _ in batch:
                self._catalogue.set_drawn(row.blog, row.post_id)

    def _page(self, row: Row) -> Path:
        return self._root / names.folder(row.blog) / row.file

    def _withdrawn(self, mark: Mark) -> None:
        row = self._catalogue.row(mark.blog, mark.post_id)
        if row is None or row.status != "live" or row.file != mark.name:
            self._remove(f"{names.folder(mark.blog)}/{mark.name}")

    # --- What several articles share ---

    def _blog(self, blog: str, marks: list[Mark]) -> None:
        places: dict[str, dict[str, set[Place]]] = defaultdict(lambda: {"at": set(), "from": set()})
        for mark in marks:
            if mark.blog == blog and mark.kind in ("at", "from"):
                places[mark.name][mark.kind].add((mark.date, mark.post_id))
        for series in sorted({"", *places}):
            self._series(blog, series, places[series]["at"], places[series]["from"])
        self._sitemaps(blog, places[""]["at"], places[""]["from"])
        folder = names.folder(blog)
        for name, form in _FEEDS:
            if self._catalogue.count(blog, ""):
                self._write(f"{folder}/{name}", self._pages.feed(blog, form))
            else:
                self._remove(f"{folder}/{name}")

    def _series(self, blog: str, series: str, at: set[Place], start: set[Place]) -> None:
        total = self._catalogue.count(blog, series)
        last, before = max(0, total // SIZE - 1), self._catalogue.leaves("list", blog, series)
        for number in sorted(self._touched(blog, series, at, start, SIZE, last, before)):
            page = self._pages.listing(blog, series, number, last)
            self._write(names.listing(blog, series, number), page)
        if total:
            self._write(names.listing(blog, series, 0), self._pages.listing(blog, series, 0, last))
        else:
            self._remove(names.listing(blog, series, 0))
        for number in range(last + 1, before + 1):
            self._remove(names.listing(blog, series, number))
        if last != before:
            self._catalogue.set_leaves("list", blog, series, last)

    def _sitemaps(self, blog: str, at: set[Place], start: set[Place]) -> None:
        last = -(-self._catalogue.count(blog, "") // MAPPED)
        before = self._catalogue.leaves("map", blog, "")
        folder = names.folder(blog)
        for number in sorted(self._touched(blog, "", at, start, MAPPED, last, before)):
            self._write(f"{folder}/sitemap-{number}.xml", self._pages.sitemap(blog, number))
        for number in range(last + 1, before + 1):
            self._remove(f"{folder}/sitemap-{number}.xml")
        if last != before:
            self._catalogue.set_leaves("map", blog, "", last)

    def _touched(
        self,
        blog: str,
        series: str,
        at: set[Place],
        start: set[Place],
        size: int,
        last: int,
        before: int,
    ) -> Iterator[int]:
        """The numbered pages (1…``last``) that hold a marked place, or lead to another page than
        before."""
        wanted = {rank // size + 1 for rank in self._catalogue.ranks(blog, series, at)}
        if start:
            first = self._catalogue.count(blog, series, min(start)) // size + 1
            wanted |= set(range(first, last + 1))
        if last != before:
            wanted |= {last, before}
        return (number for number in wanted if 1 <= number <= last)

    def _root_pages(self) -> None:
        blogs = self._catalogue.blogs()
        if len(blogs) == 1:
            last = self._catalogue.leaves("list", blogs[0], "")
            page = self._pages.listing(blogs[0], "", 0, last, at="index.html")
        else:
            page = self._pages.hub()
        self._write("index.html", page)
        maps = [
            f"{names.folder(blog)}/sitemap-{number}.xml"
            for blog in blogs
            for number in range(1, self._catalogue.leaves("map", blog, "") + 1)
        ]
        self._write("sitemap.xml", self._pages.sitemaps(maps))
        self._write("robots.txt", self._pages.robots())

    def _sweep_assets(self) -> None:
        kept = {name for name, _ in self._pages.assets.values()}
        folder = self._root / "assets"
        for path in folder.iterdir():
            ours = path.name.startswith(("style-", "icon-"))
            if ours and f"assets/{path.name}" not in kept:
                path.unlink()

    def _write(self, name: str, data: bytes) -> None:
        files.write(self._root / name, data)

    def _remove(self, name: str) -> None:
        files.remove(self._root / name, self._root)
