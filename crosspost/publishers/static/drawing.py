"""From marks to files: redraws what changed since the site was last drawn, and nothing else.

Order matters for a run that is killed: new media first, then pages that show them, then lists and
feeds that name the pages, then what is gone; the marks last. Whatever is found half done is done
again, to the same bytes.

An article's page that a person edited is left alone, one that a person deleted is taken out of
the lists: both are ``deliver``'s to report. Lists and feeds are always ours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from crosspost.publishers.static import files, names
from crosspost.publishers.static.catalogue import Catalogue, Mark
from crosspost.publishers.static.files import Files
from crosspost.publishers.static.pages import MAPPED, SIZE, Pages
from crosspost.publishers.static.staging import Staged, staged

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
        while (upto := catalogue.last_mark()) or catalogue.meta("dirty"):
            catalogue.set_meta("dirty", "1")
            self._round(upto)
            with catalogue.change():
                catalogue.unmark(upto)
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

    def _round(self, upto: int) -> None:
        """Draws what the marks up to that number name."""
        catalogue = self._catalogue
        for name, data in self._pages.assets.values():
            self._write(name, data)
        for mark in catalogue.marked("media", upto):
            upload = catalogue.upload(mark.name)
            if upload and catalogue.shown(mark.name):
                self._files.show(upload)
        self._articles(upto)
        for blog in catalogue.marked_blogs(upto):
            self._blog(blog, upto)
        self._root_pages()
        for mark in catalogue.marked("gone", upto):
            self._withdrawn(mark)
        for mark in catalogue.marked("media", upto):
            upload = catalogue.upload(mark.name)
            if upload and not catalogue.shown(mark.name):
                self._files.hide(upload)
        self._sweep_assets()

    # --- Articles ---

    def _articles(self, upto: int) -> None:
        catalogue = self._catalogue
        keys = ((mark.blog, mark.post_id) for mark in catalogue.marked("article", upto))
        number = catalogue.count_marks("article")
        for batch in staged(self._root, catalogue, self._pages, keys, number):
            self._place(batch)

    def _place(self, batch: list[Staged]) -> None:
        """Puts these pages in their places, unless a person has edited them a moment ago. What a
        person has deleted leaves the lists."""
        catalogue = self._catalogue
        still = [one for one in batch if files.digest_of(one.page) == one.there]
        for one in batch:
            if one.what == "page" and one not in still:
                one.part.unlink(missing_ok=True)
        made = [one for one in still if one.what == "page"]
        pages = [(one.blog, one.post_id, one.digest) for one in made]
        with catalogue.change():
            for one in still:
                row = catalogue.row(one.blog, one.post_id) if one.what == "lost" else None
                if row and row.status == "live" and row.drawn:
                    catalogue.retire(row, "missing")
            catalogue.set_drawing(pages)
        for one in made:
            one.part.replace(one.page)
        files.sync(one.page.parent for one in made)
        with catalogue.change():
            catalogue.set_drawn(pages)

    def _withdrawn(self, mark: Mark) -> None:
        row = self._catalogue.row(mark.blog, mark.post_id)
        if row is None or row.status != "live" or row.file != mark.name:
            self._remove(f"{names.folder(mark.blog)}/{mark.name}")

    # --- What several articles share ---

    def _blog(self, blog: str, upto: int) -> None:
        for series in sorted({"", *self._catalogue.marked_series(blog, upto)}):
            self._series(blog, series, upto)
        self._sitemaps(blog, upto)
        folder = names.folder(blog)
        for name, form in _FEEDS:
            if self._catalogue.count(blog, ""):
                self._write(f"{folder}/{name}", self._pages.feed(blog, form))
            else:
                self._remove(f"{folder}/{name}")

    def _series(self, blog: str, series: str, upto: int) -> None:
        total = self._catalogue.count(blog, series)
        last, before = max(0, total // SIZE - 1), self._catalogue.leaves("list", blog, series)
        for number in sorted(self._touched(blog, series, upto, SIZE, last, before)):
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

    def _sitemaps(self, blog: str, upto: int) -> None:
        last = -(-self._catalogue.count(blog, "") // MAPPED)
        before = self._catalogue.leaves("map", blog, "")
        folder = names.folder(blog)
        for number in sorted(self._touched(blog, "", upto, MAPPED, last, before)):
            self._write(f"{folder}/sitemap-{number}.xml", self._pages.sitemap(blog, number))
        for number in range(last + 1, before + 1):
            self._remove(f"{folder}/sitemap-{number}.xml")
        if last != before:
            self._catalogue.set_leaves("map", blog, "", last)

    def _touched(
        self, blog: str, series: str, upto: int, size: int, last: int, before: int
    ) -> Iterator[int]:
        """The numbered pages (1…``last``) that hold a marked place, or lead to another page than
        before."""
        wanted = self._catalogue.marked_pages(blog, series, upto, size, last)
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
