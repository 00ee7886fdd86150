"""An article in a form's words: each part as HTML or as text, its date, its cover."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from crosspost.model import Article, Upload
from crosspost.publishers import Context
from crosspost.publishers.form import _marks
from crosspost.publishers.form._body import Text, Words, plain, shorten
from crosspost.publishers.form._fill import Cover, Values
from crosspost.publishers.form._library import Library
from crosspost.publishers.form._settings import FormSettings
from crosspost.publishers.form._sheet import Sheet


class Composer:
    """What goes into one site's forms."""

    def __init__(self, settings: FormSettings, context: Context, library: Library) -> None:
        self._settings, self._context, self._library = settings, context, library

    def values(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        addresses: Mapping[int, str],
        cover: Cover | None,
        kept: bool,
        lead: str | None,
    ) -> Values:
        settings = self._settings
        text = Text(article, uploads, lambda one: addresses.get(one, ""), self._wording())
        own = ("lead", "cover", "caption", "credit", "attribution")
        elsewhere = {part for part in own if settings.places(part)}
        figure = article.figures[article.cover] if cover and article.cover is not None else None
        opening = shorten(plain(article.body), 0)
        slug = _marks.slug(article.blog, article.post_id)
        html = {
            "lead": text.inline(article.lead),
            "credit": text.inline(article.credit),
            "attribution": text.inline(article.attribution),
            "caption": text.inline(figure.caption) if figure else "",
            "body": text.html(elsewhere, lead),
        }
        texts = {
            "title": article.title.strip() or shorten(opening, 60) or slug,
            "opening": opening,
            "slug": slug,
            "category": article.category or settings.category,
            "author": article.author.name,
            "source": article.source_url,
        }
        zone = ZoneInfo(settings.timezone or article.timezone or self._context.timezone)
        tags = tuple(one for one in (" ".join(tag.split()) for tag in article.tags) if one)
        return Values(html, texts, tags, article.date.astimezone(zone), cover, kept)

    def cover(self, article: Article, uploads: Mapping[int, Upload]) -> Cover | None:
        upload = uploads.get(article.cover) if article.cover is not None else None
        if upload is None or not upload.mime.startswith("image/"):
            return None
        file, site_id, stem = self._library.cover(upload)
        return Cover(file, site_id, upload.url, stem)

    def has_cover(self, before: Sheet | None, cover: Cover | None, *, trusted: bool) -> bool:
        """Whether the site's article has this cover already, by its mark."""
        mark = before.mark if before and trusted else None
        return bool(mark and cover and cover.stem == f"crosspost-{mark.cover}")

    def _wording(self) -> Words:
        from jinja2 import TemplateNotFound

        from crosspost.templating import environment

        context = self._context
        env = environment(context.language, context.timezone, context.templates)
        try:
            module = env.get_template(f"form/{context.language}.html").module
        except TemplateNotFound:
            module = env.get_template("form/en.html").module
        return Words(str(module.elsewhere), str(module.hidden))  # type: ignore[attr-defined]
