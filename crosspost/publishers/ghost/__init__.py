"""Ghost, over its Admin API with the key of a custom integration.

    _client   asking the site, and what each trouble means
    _stored   an article as the site tells of it: words, mark, version
    _cards    an article as Ghost's cards (_figures: pictures and files; _words: formatting)
    _media    pictures and files
    _tags     tags
    _check    whether it can be written
    _settings what the config says

The article is the site's from then on: its editor changes it in Ghost's editor, and what he changed
is never overwritten. docs/ghost.md tells how the key is made.
"""

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self

import msgspec

from crosspost.markup import sanitize, text_of
from crosspost.model import Article, Media, Remote, Upload, digest
from crosspost.publishers import Changed, Context, Finding, Vanished, _marks
from crosspost.publishers._text import printable
from crosspost.publishers._web import Missing
from crosspost.publishers.ghost import _stored
from crosspost.publishers.ghost._cards import Writer
from crosspost.publishers.ghost._client import Client, Collision
from crosspost.publishers.ghost._media import IMAGE_TYPES, Library
from crosspost.publishers.ghost._settings import GhostSettings
from crosspost.publishers.ghost._tags import Tags
from crosspost.publishers.ghost._words import Wording

__all__ = ["GhostPublisher", "GhostSettings"]

_STATUSES: Final = {"publish": "published", "draft": "draft", "pending": "draft"}
_TITLE, _EXCERPT, _ALT = 255, 300, 190
"""What Ghost's columns hold (core/server/data/schema/schema.js)."""
_NEWS: Final = timedelta(days=1)
"""An article older than this is never sent by mail, whatever run makes it."""
_log: Final = logging.getLogger(__name__)


class GhostPublisher:
    """Writes one site. See ``crosspost.publishers.Publisher`` for what each method does."""

    name: ClassVar[str] = "ghost"
    image_types: ClassVar[frozenset[str]] = IMAGE_TYPES
    batch: ClassVar[int] = 1
    discards: ClassVar[bool] = False
    """Ghost's API deletes no files."""
    Settings: ClassVar[type[GhostSettings]] = GhostSettings

    def __init__(self, settings: GhostSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        key = settings.admin_key.get_secret_value()
        self._client = Client(settings.url, key, settings.timeout)
        self._library = Library(self._client)
        self.at_once = settings.uploads_at_once
        self._tags = Tags(self._client)
        self._addresses: dict[tuple[str, int], str] = {}
        self._author = ""

    @classmethod
    def open(cls, settings: GhostSettings, context: Context) -> Self:
        """The site that ``settings`` describe. Asks nothing yet."""
        return cls(settings, context)

    # --- Looking ---

    def find(self, article: Article) -> Remote | None:
        found = self._find(article.blog, article.post_id)
        if found is None:
            return None
        known = _stored.remote(found)
        if known.digest:
            return known
        # a person's hand was at it, and what we left is not known: never to be overwritten
        return msgspec.structs.replace(known, version=f"{known.version}|touched")

    def _find(self, blog: str, post_id: int) -> dict[str, Any] | None:
        """The article on the site: by its slug, else by its mark."""
        slug = _marks.slug(blog, post_id)
        key = (_marks.blog_key(blog), post_id)
        for sought in (f"slug:'{slug}'", f"codeinjection_head:~'{_marks.sought(blog, post_id)}'"):
            asked = {**_stored.ASKED, "filter": sought, "order": "created_at asc", "limit": 20}
            ours = [one for one in self._client.rows("posts", asked) if _is(one, key, slug)]
            if ours:  # what is public before what is not, the older before the younger
                best: dict[str, Any] = min(ours, key=_order)
                return best
        return None

    def look(self, remote: Remote) -> Remote:
        return _stored.remote(self._there(remote))

    def listed(self, blog: str) -> Iterator[tuple[int, Remote]]:
        key = _marks.blog_key(blog)
        asked = {
            **_stored.ASKED,
            "filter": f"codeinjection_head:~'crosspost--{key}--'",
            "order": "created_at asc, id asc",
        }
        for found in self._client.pages("posts", asked):
            known = _stored.mark(found)
            if known and known.blog == key:
                yield known.post_id, _stored.remote(found)

    def _there(self, remote: Remote) -> dict[str, Any]:
        """The article as it is now. Raises ``Vanished``."""
        try:
            return self._client.row("posts", _id(remote), _stored.ASKED)
        except Missing as error:
            raise Vanished(f"the site has no article {remote.id} any more ({error})") from error

    def _demand(self, remote: Remote) -> dict[str, Any]:
        """The article, if it is as ``remote.version`` says."""
        found = self._there(remote)
        if remote.version and not _stored.same(remote.version, _stored.version(found)):
            raise _changed(found)
        return found

    # --- Changing ---

    def upload(self, file: Path, media: Media) -> Upload:
        return self._library.add(file, media)

    def put(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        remote: Remote | None,
        keep: Collection[str] = (),
    ) -> Remote:
        before = self._demand(remote) if remote else {}
        data = self._data(printable(article), uploads, before, keep, digest(article))
        wanted = _STATUSES.get(article.status) or _STATUSES[self._settings.status]
        mailed = wanted == "published" and self._is_mailed(article, before)
        if remote is None:
            moment = article.date.astimezone(UTC).isoformat(timespec="milliseconds")
            data["slug"] = _marks.slug(article.blog, article.post_id)
            data["published_at"] = moment.replace("+00:00", "Z")
            data["status"] = "draft" if mailed else wanted
            found = self._created(article, self._client.send("POST", "posts", data, params=_HTML))
        else:
            if before.get("status") not in _stored.LIVE and not mailed:
                data["status"] = wanted
            found = self._changed(before, data, _HTML)
        found = self._settled(found)
        if mailed and found.get("status") == "draft":
            found = self._mailed(found)
        return self._made(article, found)

    def _made(self, article: Article, found: dict[str, Any]) -> Remote:
        self._tags.learn(found)
        made = _stored.remote(found)
        if made.status == "live":
            self._addresses[article.blog, article.post_id] = made.url
        return made

    def _created(self, article: Article, found: dict[str, Any]) -> dict[str, Any]:
        """What was created, unless another machine was faster: then that one's, and ours goes.
        Ghost takes a slug that is there already and adds a number to it."""
        if found.get("slug") == _marks.slug(article.blog, article.post_id):
            return found
        first = self._find(article.blog, article.post_id)
        if first is None or first.get("id") == found.get("id"):
            return found
        _log.warning("%s: created twice at once, the second goes", found.get("url"))
        self._client.send("DELETE", "posts", name=str(found.get("id")))
        return first

    def _changed(
        self, before: Mapping[str, Any], data: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The article after a change, made on the condition that it is still as ``before``."""
        name = str(before.get("id"))
        given = {**data, "updated_at": before.get("updated_at")}
        try:
            return self._client.send("PUT", "posts", given, name=name, params=params)
        except Missing as error:
            raise Vanished(f"the site has no article {name} any more ({error})") from error
        except Collision as error:
            now = self._there(Remote(id=name, url="", version=""))
            raise _changed(now) from error

    def _settled(self, found: dict[str, Any]) -> dict[str, Any]:
        """What was written, its mark true to what the site made of the words."""
        head = _stored.renewed(found)
        if head == (found.get("codeinjection_head") or ""):
            return found
        return self._changed(found, {"codeinjection_head": head}, _stored.ASKED)

    def _is_mailed(self, article: Article, before: Mapping[str, Any]) -> bool:
        """Whether this is the first time that a new article becomes public, and it is to be sent
        with the newsletter."""
        fresh = datetime.now(UTC) - article.date < _NEWS
        first = before.get("status", "draft") == "draft" and not before.get("email")
        return bool(self._settings.newsletter) and fresh and first

    def _mailed(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The article, published and sent: Ghost does both in one request, and only to a draft."""
        params = {**_stored.ASKED, "newsletter": self._settings.newsletter}
        return self._changed(found, {"status": "published"}, params)

    # --- The article in Ghost's words ---

    def _data(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        before: Mapping[str, Any],
        keep: Collection[str],
        mark: str,
    ) -> dict[str, Any]:
        """What the article is to the API, without what ``keep`` leaves as it is there."""
        excerpt = _excerpt(article.lead)
        addresses = self._resolved(article)
        writer = Writer(article, uploads, lambda one: addresses.get(one, ""), self._wording())
        html = writer.whole(
            lead=bool(article.lead) and not excerpt, cover=self._settings.cover_in_text
        )
        title = _cut(article.title.strip(), _TITLE)
        if before and "title" in keep:
            title = str(before.get("title") or "")
        if before and "lead" in keep:
            excerpt = str(before.get("custom_excerpt") or "")
        cover = self._cover(article, uploads, writer)
        caption = cover["feature_image_caption"] or ""
        told = _marks.mark(article, mark, *_stored.said(title, html, excerpt, caption))
        data: dict[str, Any] = {
            "title": title,
            "html": html or "<p></p>",  # Ghost takes no text for no change
            "custom_excerpt": excerpt or None,
            "codeinjection_head": _stored.marked(before, told),
            **cover,
        }
        if not before or "tags" not in keep:
            category = article.category or self._settings.category
            data["tags"] = self._tags.named(filter(None, (category, *article.tags)))
        if self._settings.author and not before:
            data["authors"] = [{"id": self._writer()}]
        return data

    def _cover(
        self, article: Article, uploads: Mapping[int, Upload], writer: Writer
    ) -> dict[str, str | None]:
        index = article.cover
        upload = uploads.get(index) if index is not None else None
        if index is None or upload is None or not upload.mime.startswith("image/"):
            names = ("feature_image", "feature_image_alt", "feature_image_caption")
            return dict.fromkeys(names)
        figure = article.figures[index]
        alt = figure.alt or figure.media.alt
        return {
            "feature_image": upload.url,
            "feature_image_alt": _cut(" ".join(alt.split()), _ALT) or None,
            "feature_image_caption": _caption(writer.fragment(figure.caption)) or None,
        }

    def _wording(self) -> Wording:
        from jinja2 import TemplateNotFound

        from crosspost.templating import environment

        context = self._context
        env = environment(context.language, context.timezone, context.templates)
        try:
            module = env.get_template(f"ghost/{context.language}.html").module
        except TemplateNotFound:
            module = env.get_template("ghost/en.html").module
        return Wording(**{name: str(getattr(module, name)) for name in Wording._fields})

    def _resolved(self, article: Article) -> dict[int, str]:
        """The addresses of the posts that the article links to, as far as they are public."""
        whole = " ".join((article.lead, article.body, article.attribution))
        wanted = {int(one) for one in re.findall(r'href="post:(\d{1,18})"', whole)}
        blog = article.blog
        unknown = sorted(one for one in wanted if (blog, one) not in self._addresses)
        for start in range(0, len(unknown), 50):
            slugs = ",".join(f"'{_marks.slug(blog, one)}'" for one in unknown[start : start + 50])
            asked = {**_stored.ASKED, "filter": f"slug:[{slugs}]", "limit": 50}
            for found in self._client.rows("posts", asked):
                self._learn(blog, found)
        for one in unknown:
            if (blog, one) not in self._addresses:
                self._learn(blog, self._find(blog, one) or {})
        return {one: self._addresses.get((blog, one), "") for one in wanted}

    def _learn(self, blog: str, found: Mapping[str, Any]) -> None:
        known = _stored.mark(found)
        if known and known.blog == _marks.blog_key(blog) and found.get("status") in _stored.LIVE:
            self._addresses[blog, known.post_id] = str(found.get("url") or "")

    def _writer(self) -> str:
        """The id of the person that articles are written as."""
        if not self._author:
            from crosspost.publishers.ghost._check import author

            self._author = str(author(self._client, self._settings).get("id"))
        return self._author

    # --- Taking away ---

    def withdraw(self, remote: Remote, how: Literal["draft", "remove"]) -> Remote | None:
        self._addresses.clear()
        try:
            found = self._demand(remote)
            if how == "draft":
                return _stored.remote(self._changed(found, {"status": "draft"}, _stored.ASKED))
            self._client.send("DELETE", "posts", name=_id(remote))
        except (Vanished, Missing) as error:
            if how == "draft":
                raise Vanished(f"the site has no article {remote.id} any more") from error
        return None

    def discard(self, upload: Upload) -> None:
        """Says which file stays without an article: Ghost's API deletes none. When the same file
        is needed again it is found there."""
        _log.warning("%s is in no article; Ghost deletes no files over its API", upload.url)

    def finish(self) -> None:
        """Nothing is shared between Ghost's articles."""

    def close(self) -> None:
        self._client.close()

    def check(self, *, write: bool = False) -> list[Finding]:
        from crosspost.publishers.ghost._check import findings

        return findings(self._client, self._tags, self._settings, write=write)


_HTML: Final = {**_stored.ASKED, "source": "html"}


def _changed(found: Mapping[str, Any]) -> Changed:
    return Changed(
        f"the article {found.get('url')} is not the one we left",
        theirs=_stored.theirs(found),
        version=_stored.version(found),
    )


def _is(found: Mapping[str, Any], key: tuple[str, int], slug: str) -> bool:
    """Whether it is the article: by its mark, or by its slug where an editor has dropped that."""
    known = _stored.mark(found)
    return (known.blog, known.post_id) == key if known else found.get("slug") == slug


def _order(found: Mapping[str, Any]) -> tuple[bool, str, str]:
    created = str(found.get("created_at") or "")
    return found.get("status") not in _stored.LIVE, created, str(found.get("id"))


def _id(remote: Remote) -> str:
    if not re.fullmatch(r"[0-9a-f]{24}", remote.id):
        raise Vanished(f"the site has no article «{remote.id[:40]}»")
    return remote.id


def _excerpt(lead: str) -> str:
    """The lead as Ghost's excerpt, which themes show under the headline; "" where it does not fit
    or has more than words, and stands in the text instead."""
    if re.search(r"<(?!/?(?:strong|em|br)\b)", sanitize(lead)):
        return ""
    words = " ".join(text_of(lead).split())
    return words if len(words) <= _EXCERPT else ""


def _caption(html: str) -> str:
    """A cover's caption as Ghost's editor writes it, else it takes an opened article for changed
    and asks who leaves it whether to save."""
    return (
        f'<span style="white-space: pre-wrap;">{html}</span>' if html and "<" not in html else html
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
