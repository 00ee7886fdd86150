"""An article's files on the site: sent once for each content, cleaned before."""

from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from crosspost.deliver._records import Errand
from crosspost.errors import CrosspostError
from crosspost.ledger import StoredPost
from crosspost.model import Article, Media, Upload
from crosspost.publishers import Refused, Unknown
from crosspost.readers import Gone, Unsafe

_NAMED: Final = 120
"""So many letters of a file's name are told."""


class Harmful(Exception):
    """A file must not or cannot be used; ``indices`` are its places in ``Post.media``, each with
    the reason."""

    def __init__(self, what: str, clause: str) -> None:
        super().__init__(clause)
        self.what, self.clause = what, clause
        self.indices: dict[int, str] = {}


def upload_all(
    errand: Errand, stored: StoredPost, article: Article
) -> tuple[dict[int, Upload], frozenset[str], dict[int, str]]:
    """The article's files on the site, by figure; all their contents; and why which of
    ``Post.media`` are gone."""
    uploads: dict[int, Upload] = {}
    contents: set[str] = set()
    gone: dict[int, str] = {}
    for number, figure in enumerate(article.figures):
        media = figure.media
        if media.missing:
            continue
        try:
            upload = _upload(errand, stored, media, contents)
        except Gone as error:
            gone |= _indices(stored, media, str(error))
            continue
        except Harmful as error:
            error.indices = _indices(stored, media, error.clause)
            raise
        poster = _poster(errand, stored, media, contents) if media.thumb else ""
        uploads[number] = replace(upload, poster=poster) if poster else upload
    return uploads, frozenset(contents), gone


def has_all_files(errand: Errand, stored: StoredPost, article: Article) -> bool:
    """Whether the site has every file of the article, so that none has to be fetched."""
    shown = [figure.media for figure in article.figures if not figure.media.missing]
    shown += [Media(kind="photo", locator=one.thumb) for one in shown if one.thumb]
    for media in shown:
        content = errand.ledger.content(errand.blog, stored.source, media.locator, _mark(media))
        if not content or errand.ledger.upload(errand.site, content) is None:
            return False
    return True


def _mark(media: Media) -> str:
    """What changes when a file is another one at the same place."""
    return f"{media.kind}:{media.size}:{media.width}x{media.height}"


def take_back(errand: Errand) -> None:
    """Takes back the files that ended up in no article: those that none shows any more, and those
    that were on their way when a run was killed and that nobody wanted since."""
    publisher, ledger, site = errand.publisher(), errand.ledger, errand.site
    for content, file, media in ledger.arriving(site, errand.blog):
        with suppress(Refused, Unknown):  # then the next time
            lost = ledger.upload(site, content) is None and file.is_file()
            if lost and getattr(publisher, "discards", True):
                publisher.discard(publisher.upload(file, media))  # it is known by its content
            ledger.never_came(site, content, errand.blog)
    for content, upload in ledger.spare(site):
        with suppress(Refused, Unknown):
            publisher.discard(upload)
            ledger.taken_back(site, content)


def _indices(stored: StoredPost, media: Media, clause: str) -> dict[int, str]:
    """The places of this file in ``Post.media``, each with why it cannot be had. A crafted post
    may name one file twice."""
    return {n: clause for n, one in enumerate(stored.post.media) if one.locator == media.locator}


def _poster(errand: Errand, stored: StoredPost, media: Media, contents: set[str]) -> str:
    """The address of a video's preview frame; it does without rather than fail."""
    frame = Media(kind="photo", locator=media.thumb)
    try:
        return _upload(errand, stored, frame, contents).url
    except (Gone, Harmful):
        return ""


def _upload(errand: Errand, stored: StoredPost, media: Media, contents: set[str]) -> Upload:
    """What the site has of the file, sent there unless it has its content already, which is put
    into ``contents``."""
    ledger = errand.ledger
    mark = _mark(media)
    content = ledger.content(errand.blog, stored.source, media.locator, mark)
    known = ledger.upload(errand.site, content) if content else None
    if content and known:
        contents.add(content)
        return known
    what = f"The file {(media.name or media.locator)[:_NAMED]}"
    kind = "image" if _pictured(media) else "file"
    try:
        file = errand.fetch(stored, media)
        with file.open("rb") as opened:
            content = f"{kind}:{file_digest(opened, 'sha256').hexdigest()}"
    except Unsafe as error:
        raise Harmful(what, str(error)) from error
    except OSError as error:
        raise Harmful(what, f"it cannot be read ({error.strerror or error})") from error
    known = ledger.upload(errand.site, content)
    if known is None:
        clean = _clean(errand, media, file, what)
        ledger.arrives(errand.site, content, errand.blog, clean, media)
        try:
            known = errand.publisher().upload(clean, media)
        except Refused as error:
            ledger.never_came(errand.site, content, errand.blog)
            raise Harmful(what, f"the site refused it ({error})") from error
    ledger.uploaded(errand.site, content, known, (errand.blog, stored.source, media.locator, mark))
    contents.add(content)
    return known


def _pictured(media: Media) -> bool:
    return media.kind == "photo" or (
        media.kind in ("sticker", "animation", "document") and media.mime.startswith("image/")
    )


def _clean(errand: Errand, media: Media, file: Path, what: str) -> Path:
    """The file as it may be published: a picture loses its metadata."""
    if not _pictured(media):
        return file
    from crosspost import images

    try:
        return images.clean(file, errand.cache / "clean", types=errand.publisher().image_types)
    except images.BadImage as error:
        raise Harmful(what, str(error)) from error
    except OSError as error:
        raise CrosspostError(
            f"A picture cannot be made ready in {errand.cache}: {error.strerror or error}. Look at "
            "the space on its disk and its permissions («cache» in the config), then run again."
        ) from error
