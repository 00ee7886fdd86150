"""A site without an API: its own admin form, filled as a person would.

    _settings  what the config says of the site's pages and fields
    _session   logged in, on its pages, sending its forms
    _page      a page's forms, _controls their fields by HTML's rules, _encode what is sent
    _answer    what the site said to it     _complaints  what a page says is wrong
    _compose   an article in a form's words _fill   these words in its fields
    _sheet     an edit form as it was read  _tags   tags that the form lacks
    _body      the text                     _marks  how an article is known again
    _find      lists                        _remove deleting
    _library   pictures and files           _check  doctor            propose  a first map

Whether something was saved is never guessed from the answer alone: the article is looked up and
read back. docs/form.md tells how to set a site up.
"""

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final, Literal, Self

import msgspec

from crosspost.errors import PublisherError
from crosspost.model import Article, Media, Remote, Upload, digest
from crosspost.publishers import Changed, Context, Finding, Refused, Vanished
from crosspost.publishers._text import printable
from crosspost.publishers.form import _marks, _remove
from crosspost.publishers.form._answer import accept, own_id, unclear
from crosspost.publishers.form._complaints import complaints
from crosspost.publishers.form._compose import Composer
from crosspost.publishers.form._controls import shown
from crosspost.publishers.form._fill import fill, seal, show
from crosspost.publishers.form._find import everything, ids, listed
from crosspost.publishers.form._library import IMAGE_TYPES, Library
from crosspost.publishers.form._page import Form, Page
from crosspost.publishers.form._session import Gone, LoggedOut, Session
from crosspost.publishers.form._settings import Find, FormSettings, Public, id_in
from crosspost.publishers.form._sheet import Sheet, same
from crosspost.publishers.form._tags import make_tags

__all__ = ["FormPublisher", "FormSettings"]

_log: Final = logging.getLogger(__name__)
_POST: Final = re.compile(r'href="post:(\d{1,18})"')


class FormPublisher:
    """Writes one site. See ``crosspost.publishers.Publisher`` for what each method does."""

    name: ClassVar[str] = "form"
    image_types: ClassVar[frozenset[str]] = IMAGE_TYPES
    batch: ClassVar[int] = 1
    Settings: ClassVar[type[FormSettings]] = FormSettings

    def __init__(self, settings: FormSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._session = Session(settings)
        self._library = Library(self._session, settings, context)
        self._composer = Composer(settings, context, self._library)
        self._addresses: dict[tuple[str, int], str] = {}
        self._led: dict[str, str] = {}

    @classmethod
    def open(cls, settings: FormSettings, context: Context) -> Self:
        """The site that ``settings`` describe. Asks nothing yet."""
        return cls(settings, context)

    # --- Looking ---

    def find(self, article: Article) -> Remote | None:
        found = self._find(article.blog, article.post_id, article.source_url)
        if found is None:
            return None
        known = self._remote(found)
        if known.digest:
            return known
        # a person's hand was at it, and what we left is not known: never to be overwritten
        return msgspec.structs.replace(known, version=f"{known.version}|touched")

    def _find(
        self, blog: str, post_id: int, source: str, shown: Page | None = None
    ) -> Sheet | None:
        """The article on the site: what is public before what is not, the older first."""
        ours = self._ours(blog, post_id, source, shown)
        return min(ours, key=lambda sheet: sheet.status != "live", default=None)

    def _ours(self, blog: str, post_id: int, source: str, shown: Page | None = None) -> list[Sheet]:
        """All that are this article, the older first. ``shown`` is a page that may be the edit
        page of one, just read."""
        sought = {
            "slug": _marks.slug(blog, post_id),
            "mark": _marks.sought(blog, post_id),
            "source": source,
        }
        addresses = listed(self._session, self._settings, self._settings.find, **sought)
        ours: list[Sheet] = []
        for one in ids(addresses, self._settings.edit):
            try:
                sheet = self._sheet(one, shown)
            except Vanished:
                continue
            if sheet.is_about(blog, post_id, source):
                ours.append(sheet)
        return ours

    def look(self, remote: Remote) -> Remote:
        return self._remote(self._sheet(remote.id))

    @property
    def _wanted(self) -> list[str]:
        """The fields by which a page's right form is known."""
        return self._settings.names

    def _sheet(self, id_: str, shown: Page | None = None) -> Sheet:
        """The edit form of an article. Raises ``Vanished``."""
        url = self._settings.whole(self._settings.edit, id=id_)
        if not id_:
            raise Vanished("the site has no such article")
        at_it = shown and shown.hops and id_in(shown.url, self._settings.edit) == id_
        form = shown.form(self._wanted, self._settings.form) if shown and at_it else None
        if form is not None:
            return Sheet(self._settings, id_, form)
        try:
            page = self._session.get(url, self._wanted)
        except Gone as error:
            raise Vanished(f"the site has no article {id_} any more ({error})") from error
        if page.hops and id_in(page.url, self._settings.edit) != id_:
            told = "; ".join(complaints(page, self._settings.errors))
            raise Vanished(
                f"the site has no article {id_} any more: {url} leads to {page.url}"
                + (f" ({told})" if told else "")
            )
        return Sheet(self._settings, id_, self._form(page))

    def _form(self, page: Page) -> Form:
        form = page.form(self._wanted, self._settings.form)
        if form is None:
            found = {shown(name) for one in page.forms() for name in one.names}
            names = ", ".join(sorted(found)[:20])
            said = "; ".join(complaints(page, self._settings.errors)) or page.text[:160]
            raise PublisherError(
                f"{page.url} shows no form with the fields of the config ({said}). Nothing was "
                f"sent. Look at «add», «edit» and «fields» of the site"
                + (f"; the page's fields are: {names}." if names else ".")
            )
        return form

    def _remote(self, sheet: Sheet) -> Remote:
        return sheet.remote(self._url(sheet))

    def _url(self, sheet: Sheet) -> str:
        """The article's public address; its edit page's where the config tells no other."""
        public = self._settings.public
        edit = self._settings.whole(self._settings.edit, id=sheet.id)
        if isinstance(public, Public):
            found = sheet.page.link(public.link)
            if found and public.redirect:
                if found not in self._led:
                    self._led[found] = self._session.leads(found)
                found = self._led[found]
            return found or edit
        if not public:
            return edit
        slug = sheet.value("slug")
        filled = public.replace("{slug}", slug).replace("{id}", sheet.id)
        return filled if filled.startswith("http") else self._settings.whole(filled)

    def _demand(self, remote: Remote) -> Sheet:
        """The article, if it is as ``remote.version`` says. A form has no conditional update, so
        this is asked right before one."""
        sheet = self._sheet(remote.id)
        if remote.version and not same(remote.version, sheet.version):
            raise Changed(
                f"the article {self._url(sheet)} is not the one we left",
                theirs=sheet.theirs,
                version=sheet.version,
            )
        return sheet

    @property
    def discards(self) -> bool:
        """Whether files can be deleted: those here, and those on the site where it says how."""
        upload = self._settings.upload
        return upload is None or upload.delete is not None

    def listed(self, blog: str) -> Iterator[tuple[int, Remote]] | None:
        archive = self._settings.archive
        return None if archive is None else self._listed(blog, archive)

    def _listed(self, blog: str, archive: Find) -> Iterator[tuple[int, Remote]]:
        for one in everything(self._session, self._settings, archive):
            try:
                sheet = self._sheet(one)
            except Vanished:
                continue
            if (post_id := sheet.post_of(blog)) is not None:
                yield post_id, self._remote(sheet)

    # --- Changing ---

    def upload(self, file: Any, media: Media) -> Upload:
        return self._library.add(file, media)

    def put(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        remote: Remote | None,
        keep: Collection[str] = (),
    ) -> Remote:
        clean = printable(article)
        addresses = self._linked(clean)
        for again in (False, True):
            if remote is None and again:
                there = self._find(clean.blog, clean.post_id, clean.source_url)
                if there is not None and there.digest == digest(article):
                    return self._remote(there)
            try:
                made = self._put(article, clean, uploads, addresses, remote, keep)
            except LoggedOut:
                self._session.login()
                continue
            known = self._remote(made)
            if known.status == "live":
                self._addresses[clean.blog, clean.post_id] = known.url
            return known
        raise PublisherError(
            f"{self._settings.url} answers an article with its login page although "
            f"«{self._settings.login.user if self._settings.login else ''}» has just logged in. "
            "Look whether this user may write articles in a browser."
        )

    def _put(
        self,
        article: Article,
        clean: Article,
        uploads: Mapping[int, Upload],
        addresses: Mapping[int, str],
        remote: Remote | None,
        keep: Collection[str],
    ) -> Sheet:
        settings = self._settings
        before = self._demand(remote) if remote else None
        form = before.form if before else self.empty_form()
        form = self._with_tags(form, before, clean)
        cover = self._composer.cover(clean, uploads)
        kept = self._composer.has_cover(before, cover, trusted=bool(remote and remote.version))
        lead = before.lead if before and "lead" in keep else None
        values = self._composer.values(clean, uploads, addresses, cover, kept, lead)
        fill(form, settings, values, new=before is None, keep=keep)
        mark = digest(article)
        stem = cover.stem.removeprefix("crosspost-") if cover else ""
        seal(form, settings, clean.blog, clean.post_id, mark, stem)
        live = self._live(clean, before)
        buttons = show(form, settings, live)
        said = complaints(form.page, settings.errors)
        page = self._session.send(form, form.button(buttons) or form.button(), self._wanted)
        if before is None:
            return self._settled(self._created(article, page, said), article, stem)
        return self._settled(self._changed(before, page, said, mark), article, stem)

    def empty_form(self) -> Form:
        """The form of a new article."""
        url = self._settings.whole(self._settings.add)
        return self._form(self._session.named("add", url, self._wanted))

    def _live(self, article: Article, before: Sheet | None) -> bool:
        """Whether visitors shall see it: an article that a person has published stays so."""
        if before is not None and before.status == "live":
            return True
        return (article.status or self._settings.status) == "publish"

    def _created(self, article: Article, page: Page, said: Collection[str]) -> Sheet:
        """The article that the site has made. Raises ``Refused`` with its reasons."""
        accept(page, said, self._settings)
        own = own_id(page, self._settings.edit)
        ours = self._ours(article.blog, article.post_id, article.source_url, page)
        if not ours and own:
            return self._sheet(own, page)
        if not ours:
            raise unclear(page, self._settings)
        same = [one.id for one in ours if one.digest == digest(article)]
        own = own or (same[-1] if same else "")
        if own and own != ours[0].id:
            self._twice(own)
        return ours[0]

    def _twice(self, own: str) -> None:
        """Two machines made the article at the same time: the older stays, ours goes."""
        settings = self._settings
        _log.warning("%s: created twice at once, article %s goes", settings.url, own)
        if settings.delete:
            _remove.remove(self._session, settings, settings.delete, settings.edit, own)
        elif settings.published:
            self._hide(self._sheet(own))

    def _changed(self, before: Sheet, page: Page, said: Collection[str], mark: str) -> Sheet:
        """The article as it was saved. Raises ``Refused`` with the site's reasons."""
        accept(page, said, self._settings)
        after = self._sheet(before.id, page)
        if after.mark and after.mark.digest != mark:
            raise unclear(page, self._settings)
        return after

    def _settled(self, sheet: Sheet, article: Article, cover: str) -> Sheet:
        """What was written, its mark true to what the site made of it: a site that corrects
        quotation marks or spaces on saving is no person's hand."""
        mark = sheet.mark
        if mark is None or mark.digest != digest(article) or mark.words == sheet.words:
            return sheet
        renewed = _marks.written(article.blog, article.post_id, mark.digest, sheet.words, cover)
        for control in (*sheet.controls("mark"), *sheet.controls("body")):
            control.value = _marks.replaced(control.value, renewed)
        buttons = show(sheet.form, self._settings, sheet.status == "live")
        self._session.send(sheet.form, sheet.form.button(buttons) or sheet.form.button())
        return self._sheet(sheet.id)

    # --- What an article is in the form's words ---

    def _with_tags(self, form: Form, before: Sheet | None, article: Article) -> Form:
        """The form, read anew when tags had to be made for it first."""
        if not make_tags(self._session, self._settings, form, article.tags):
            return form
        return self._sheet(before.id).form if before else self.empty_form()

    def _linked(self, article: Article) -> dict[int, str]:
        """The addresses of the posts that the article links to, as far as visitors see them."""
        if not self._settings.public:
            return {}
        whole = " ".join((article.lead, article.body, article.attribution))
        found: dict[int, str] = {}
        for one in sorted({int(number) for number in _POST.findall(whole)}):
            if (article.blog, one) not in self._addresses:
                head, _, own = article.source_url.rpartition("/")
                source = f"{head}/{one}" if own == str(article.post_id) else ""
                sheet = self._find(article.blog, one, source)
                if sheet and sheet.status == "live":
                    self._addresses[article.blog, one] = self._url(sheet)
            found[one] = self._addresses.get((article.blog, one), "")
        return found

    # --- Taking away ---

    def withdraw(self, remote: Remote, how: Literal["draft", "remove"]) -> Remote | None:
        settings = self._settings
        self._addresses.clear()
        try:
            sheet = self._demand(remote)
            if how == "remove" and settings.delete:
                _remove.remove(self._session, settings, settings.delete, settings.edit, remote.id)
                return None
            if settings.published is None:
                raise Refused(
                    "the config does not say how an article is taken away here: set «published» "
                    '(the field that hides it) or, for on_delete = "remove", «delete»'
                )
            return self._remote(self._hide(sheet))
        except (Vanished, Gone) as error:
            if how == "draft":
                raise Vanished(str(error)) from error
            return None

    def _hide(self, sheet: Sheet) -> Sheet:
        for _ in range(2):
            buttons = show(sheet.form, self._settings, live=False)
            said = complaints(sheet.page, self._settings.errors)
            button = sheet.form.button(buttons) or sheet.form.button()
            try:
                page = self._session.send(sheet.form, button, self._wanted)
            except LoggedOut:
                self._session.login()
                sheet = self._sheet(sheet.id)
                continue
            accept(page, said, self._settings)
            after = self._sheet(sheet.id, page)
            if after.status == "live":
                raise unclear(page, self._settings)
            return after
        raise PublisherError(f"{self._settings.url} does not keep us logged in.")

    def discard(self, upload: Upload) -> None:
        self._library.discard(upload)

    def finish(self) -> None:
        """Nothing is shared between a form's articles."""

    def close(self) -> None:
        self._session.close()

    # --- Doctor ---

    def check(self, *, write: bool = False) -> list[Finding]:
        from crosspost.publishers.form._check import findings

        return findings(self, self._session, self._settings, write=write)

    def lost_tags(self, remote: Remote, tags: Iterable[str]) -> list[str]:
        """Which of these tags, and classes of ours, the site dropped from an article's text."""
        body = self._sheet(remote.id).value("body")
        return [f"<{tag}>" for tag in tags if not re.search(rf"<{tag}[\s>]", body)]
