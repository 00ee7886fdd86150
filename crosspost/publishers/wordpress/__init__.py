"""WordPress, over its REST API with an application password.

    _client   asking the site, and what each trouble means
    _stored   an article as the site tells of it
    _blocks   an article as Gutenberg blocks (_words: formatting; _html: pieces)
    _media    pictures and files
    _ahead    many articles looked for at once
    _terms    tags and the category
    _check    for doctor: what is reachable and allowed (_limits: how large a file may be)
    _settings what the config says

The article is the site's from then on: its editor changes it in the block editor, and what he
changed is never overwritten. docs/wordpress.md tells what the user must be allowed to do.
"""

import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC
from html import escape
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self

import msgspec

from crosspost.errors import PublisherError
from crosspost.model import Article, Figure, Media, Remote, Upload, digest
from crosspost.publishers import Changed, Context, Finding, Refused, Vanished, _marks
from crosspost.publishers._text import printable
from crosspost.publishers._web import Missing
from crosspost.publishers.wordpress import _stored
from crosspost.publishers.wordpress._ahead import Ahead, slugs_of
from crosspost.publishers.wordpress._blocks import Writer
from crosspost.publishers.wordpress._client import Client
from crosspost.publishers.wordpress._media import IMAGE_TYPES, Library
from crosspost.publishers.wordpress._settings import WordPressSettings
from crosspost.publishers.wordpress._terms import Terms

__all__ = ["WordPressPublisher", "WordPressSettings"]

_STATUSES: Final = ("publish", "future", "draft", "pending", "private", "trash")
_SHOWN: Final = ("publish", "future", "private")
_FIELDS: Final = (
    "id,link,status,slug,modified_gmt,title.raw,content.raw,excerpt.raw,tags,categories"
)
"""What is stored; the site need not make pages of it."""
_EDIT: Final = {"context": "edit", "_fields": _FIELDS}
_log: Final = logging.getLogger(__name__)


class WordPressPublisher:
    """Writes one site. See ``crosspost.publishers.Publisher`` for what each method does."""

    name: ClassVar[str] = "wordpress"
    image_types: ClassVar[frozenset[str]] = IMAGE_TYPES
    batch: ClassVar[int] = 1
    Settings: ClassVar[type[WordPressSettings]] = WordPressSettings

    def __init__(self, settings: WordPressSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        password = settings.password.get_secret_value()
        self._client = Client(settings.url, settings.user, password, settings.timeout)
        self._library = Library(self._client)
        self._terms = Terms(self._client)
        self._type = settings.post_type
        self._ahead = Ahead(self._client, self._type, ",".join(_STATUSES))
        self.at_once = settings.uploads_at_once
        self._addresses: dict[tuple[str, int], str] = {}
        self._author = 0

    @classmethod
    def open(cls, settings: WordPressSettings, context: Context) -> Self:
        """The site that ``settings`` describe. Asks nothing yet."""
        return cls(settings, context)

    # --- Looking ---

    def find(self, article: Article) -> Remote | None:
        if self._ahead.is_absent(article.blog, article.post_id):
            return None
        found = self._find(article.blog, article.post_id)
        if found is None:
            return None
        known = self._told(found)
        if known.status == "trash" or known.digest:
            return known
        # a person's hand was at it, and what we left is not known: never to be overwritten
        return msgspec.structs.replace(known, version=f"{known.version}|touched")

    def coming(self, blog: str, post_ids: Sequence[int]) -> None:
        self._ahead.look(blog, post_ids)

    def _find(self, blog: str, post_id: int) -> dict[str, Any] | None:
        """The article on the site: by its slug, else by its mark."""
        slug = _marks.slug(blog, post_id)
        asked = {**_EDIT, "status": ",".join(_STATUSES), "per_page": 20}
        key = (_marks.blog_key(blog), post_id)
        for more in (
            {"slug[]": slugs_of(blog, post_id)},
            {"search": _marks.sought(blog, post_id), "search_columns": "post_content"},
        ):
            answer = self._client.rows(self._type, {**asked, **more})
            ours = [one for one in answer if _is(one, key, slug)]
            if ours:  # what is public before what is not, the older before the younger
                best: dict[str, Any] = min(ours, key=lambda one: (_order(one), int(one["id"])))
                return best
        return None

    def look(self, remote: Remote) -> Remote:
        return self._told(self._there(remote))

    def _told(self, found: dict[str, Any]) -> Remote:
        """The article and what it says."""
        tags, categories = (
            self._terms.names(kind, _ids(found.get(kind))) for kind in ("tags", "categories")
        )
        return _stored.remote(found, _stored.parts(found, tags, categories))

    def listed(self, blog: str) -> Iterator[tuple[int, Remote]]:
        key = _marks.blog_key(blog)
        asked = {**_EDIT, "status": ",".join(_STATUSES[:-1])}
        asked |= {"search": f"crosspost--{key}--", "search_columns": "post_content"}
        for found in self._client.all(self._type, asked):
            known = _key(found)
            if known and known[0] == key:
                yield known[1], _stored.remote(found)

    def library(self) -> Iterator[tuple[Upload, bool]]:
        yield from ((upload, False) for upload in self._library.all())

    def _there(self, remote: Remote, *, trash: bool = False) -> dict[str, Any]:
        """The article as it is now, in the trash only when ``trash``. Raises ``Vanished``."""
        try:
            found = self._client.row(f"{self._type}/{_id(remote)}", _EDIT)
        except Missing as error:
            raise Vanished(f"the site has no article {remote.id} any more ({error})") from error
        if not trash and found.get("status") == "trash":
            raise Vanished(f"the article {remote.id} lies in the site's trash")
        return found

    def _demand(self, remote: Remote) -> dict[str, Any]:
        """The article, if it is as ``remote.version`` says. WordPress has no conditional update,
        so this is asked right before one."""
        found = self._there(remote)
        now = _stored.version(found)
        if not _stored.same(remote.version, now):
            raise Changed(
                f"the article {found.get('link')} is not the one we left",
                theirs=_stored.theirs(found),
                version=now,
            )
        return found

    # --- Changing ---

    def sending(self, files: Sequence[tuple[Path, Figure]]) -> None:
        self._library.foresee(files)

    def upload(self, file: Path, media: Media) -> Upload:
        return self._library.add(file, media)

    def put(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        remote: Remote | None,
        keep: Collection[str] = (),
    ) -> Remote:
        before: dict[str, Any] = {}
        if remote:
            before = self._demand(remote) if remote.version else self._there(remote, trash=True)
        self._library.describe(article, uploads)
        data = self._data(article, uploads, before, keep)
        status = article.status if article.status in _STATUSES[:4] else self._settings.status
        if remote is None:
            moment = article.date.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
            slug = _marks.slug(article.blog, article.post_id)
            data |= {"slug": slug, "date_gmt": moment, "status": status}
            found = self._created(article, self._client.send(self._type, data, params=_EDIT))
        else:
            was = before.get("status")
            if was == "trash" or (was not in _SHOWN and status == "publish"):
                data["status"] = status
            try:
                found = self._client.send(f"{self._type}/{_id(remote)}", data, params=_EDIT)
            except Missing as error:
                raise Vanished(f"the site has no article {remote.id} any more ({error})") from error
        made = self._told(self._settled(found))
        if made.status == "live":
            self._addresses[article.blog, article.post_id] = made.url
        return made

    def _created(self, article: Article, found: dict[str, Any]) -> dict[str, Any]:
        """What was created, unless another machine was faster: then that one's, and ours goes."""
        if found.get("slug") in ("", None, _marks.slug(article.blog, article.post_id)):
            return found
        first = self._find(article.blog, article.post_id)
        if first is None or int(first["id"]) >= int(found["id"]):
            return found
        _log.warning("%s: created twice at once, article %s goes", found.get("link"), found["id"])
        self._client.send(f"{self._type}/{found['id']}", method="DELETE", params={"force": "true"})
        return first

    def _settled(self, found: dict[str, Any]) -> dict[str, Any]:
        """What was written, its mark true to what the site made of it: plugins that correct
        quotation marks or spaces on saving are no person's hand."""
        title, content = _stored.raw(found, "title"), _stored.raw(found, "content")
        again = _marks.renewed(title, content)
        if again == content:
            return found
        return self._client.send(f"{self._type}/{found['id']}", {"content": again}, params=_EDIT)

    def _data(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        before: Mapping[str, Any],
        keep: Collection[str],
    ) -> dict[str, Any]:
        """What the article is in REST's words, without what ``keep`` leaves as it was before."""
        settings = self._settings
        clean = printable(article)
        title = escape(clean.title, quote=False)
        if "title" in keep:
            title = _stored.raw(before, "title")
        addresses = self._resolved(clean)
        writer = Writer(
            clean, uploads, lambda post_id: addresses.get(post_id, ""), *self._wording()
        )
        bare = writer.whole("@", settings.cover_in_text)
        if "lead" in keep:
            bare = _stored.with_lead(bare, _stored.lead(_stored.raw(before, "content")))
        mark = _marks.mark(article, digest(article), title, bare)
        content = bare.replace("crosspost-source @", f"crosspost-source {mark}")
        data: dict[str, Any] = {
            "title": title,
            "content": content,
            "excerpt": writer.excerpt(),
        }
        if "lead" in keep:
            data["excerpt"] = _stored.raw(before, "excerpt")
        if "tags" not in keep:
            data["tags"] = self._terms.tags(clean.tags)
        category = article.category or settings.category
        if category and "category" not in keep:
            data["categories"] = [self._terms.category(category)]
        cover = uploads.get(article.cover) if article.cover is not None else None
        picture = cover is not None and cover.mime.startswith("image/")
        data["featured_media"] = int(cover.id) if cover and picture else 0
        if settings.author:
            data["author"] = self._writer()
        return data

    def _wording(self) -> tuple[str, str]:
        from jinja2 import TemplateNotFound

        from crosspost.templating import environment

        context = self._context
        env = environment(context.language, context.timezone, context.templates)
        try:
            module = env.get_template(f"wordpress/{context.language}.html").module
        except TemplateNotFound:
            module = env.get_template("wordpress/en.html").module
        return str(module.hidden), str(module.more)  # type: ignore[attr-defined]

    def _resolved(self, article: Article) -> dict[int, str]:
        """The addresses of the posts that the article links to, as far as they are public."""
        whole = " ".join((article.lead, article.body, article.attribution))
        wanted = {int(one) for one in re.findall(r'href="post:(\d{1,18})"', whole)}
        unknown = sorted(one for one in wanted if (article.blog, one) not in self._addresses)
        for start in range(0, len(unknown), 50):
            slugs = [_marks.slug(article.blog, one) for one in unknown[start : start + 50]]
            asked = {
                **_EDIT,
                "slug[]": slugs,
                "status": "publish,future,private",
                "per_page": 100,
            }
            for found in self._client.rows(self._type, asked):
                self._learn(article.blog, found)
        for one in unknown:
            if (article.blog, one) not in self._addresses:
                other = self._find(article.blog, one)
                if other and other.get("status") in _SHOWN:
                    self._learn(article.blog, other)
        return {one: self._addresses.get((article.blog, one), "") for one in wanted}

    def _learn(self, blog: str, found: Mapping[str, Any]) -> None:
        key = _key(found)
        if key and key[0] == _marks.blog_key(blog):
            self._addresses[blog, key[1]] = str(found.get("link") or "")

    def _writer(self) -> int:
        """The id of the user that articles are written as."""
        if not self._author:
            asked = {
                "search": self._settings.author,
                "who": "authors",
                "per_page": 100,
                "_fields": "id,slug",
            }
            name = self._settings.author.casefold()
            found = self._client.rows("users", asked)
            own = [one for one in found if str(one.get("slug", "")).casefold() == name]
            if not own:
                raise PublisherError(
                    f"{self._settings.url} shows no user «{self._settings.author}» to "
                    f"«{self._settings.user}». Look at «author»; only an editor or administrator "
                    "may write in another's name."
                )
            self._author = int(own[0]["id"])
        return self._author

    def withdraw(self, remote: Remote, how: Literal["draft", "remove"]) -> Remote | None:
        try:
            if remote.version:
                self._demand(remote)
            if how == "draft":
                draft = {"status": "draft"}
                found = self._client.send(f"{self._type}/{_id(remote)}", draft, params=_EDIT)
                return _stored.remote(found)
            self._trash(remote)
        except Vanished:
            if how == "draft":
                raise
        except Missing as error:
            if how == "draft":
                raise Vanished(f"the site has no article {remote.id} any more") from error
        finally:
            self._addresses.clear()
        return None

    def _trash(self, remote: Remote) -> None:
        try:
            self._client.send(f"{self._type}/{_id(remote)}", method="DELETE")
        except Refused as error:
            if "trash" in str(error).lower() and "already" in str(error).lower():
                return
            raise

    def discard(self, upload: Upload) -> None:
        self._library.discard(upload)

    def finish(self) -> None:
        """Nothing is shared between WordPress's articles."""

    def close(self) -> None:
        self._client.close()

    # --- Doctor ---

    def check(self, *, write: bool = False) -> list[Finding]:
        from crosspost.publishers.wordpress._check import findings

        return findings(self._client, self._terms, self._settings, write=write)


def _key(found: Mapping[str, Any]) -> tuple[str, int] | None:
    """The blog and the post that an article's mark names."""
    known = _marks.read(_stored.raw(found, "title"), _stored.raw(found, "content"))
    return (known.blog, known.post_id) if known else None


def _is(found: Mapping[str, Any], key: tuple[str, int], slug: str) -> bool:
    """Whether it is the article: by its mark, or by its slug where an editor has dropped that."""
    marked = _key(found)
    return marked == key if marked else found.get("slug") == slug


def _order(found: Mapping[str, Any]) -> int:
    status = found.get("status")
    return 0 if status in _SHOWN else 2 if status == "trash" else 1


def _id(remote: Remote) -> int:
    if not (remote.id.isascii() and remote.id.isdigit()):
        raise Vanished(f"the site has no article «{remote.id[:40]}»")
    return int(remote.id)


def _ids(given: object) -> list[int]:
    return [one for one in given if isinstance(one, int)] if isinstance(given, list) else []
