"""An article's files on the site: sent once for each content, cleaned before."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from crosspost.deliver._records import Errand, Trip
from crosspost.errors import CrosspostError
from crosspost.ledger import StoredPost
from crosspost.model import Article, Figure, Media, Upload
from crosspost.publishers import Foreseeing, Publisher, Refused, Unknown
from crosspost.readers import Gone, Unsafe

if TYPE_CHECKING:
    from concurrent.futures import Future

_NAMED: Final = 120
"""So many letters of a file's name are told."""
_LOT: Final = 10
"""So many files, an album's, are made ready before they are sent."""


class Harmful(Exception):
    """A file must not or cannot be used; ``indices`` are its places in ``Post.media``, each with
    the reason."""

    def __init__(self, what: str, clause: str) -> None:
        super().__init__(clause)
        self.what, self.clause = what, clause
        self.indices: dict[int, str] = {}


def upload_all(
    errand: Errand, trip: Trip, stored: StoredPost, article: Article
) -> tuple[dict[int, Upload], frozenset[str], dict[int, str]]:
    """The article's files on the site, by figure; all their contents; and why which of
    ``Post.media`` are gone."""
    ready, trip.cleaning = trip.cleaning, {}
    for begun in ready.values():
        begun.exception()  # waited for: nobody else looks at pictures while some are sent
    files = _Files(errand, trip, stored, ready)
    shown: dict[int, str] = {}
    frames: dict[int, str] = {}
    gone: dict[int, str] = {}
    for number, figure in enumerate(article.figures):
        media = figure.media
        if media.missing:
            continue
        try:
            shown[number] = files.want(figure)
        except Gone as error:
            gone |= _indices(stored, media, str(error))
            continue
        if media.thumb:  # a video does without its frame rather than fail
            with suppress(Gone, Harmful):
                frame = Figure(media=Media(kind="photo", locator=media.thumb))
                frames[number] = files.want(frame, frame=True)
        files.send(at_least=_LOT)
    files.send()
    there = files.there
    uploads = {number: there[content] for number, content in shown.items()}
    for number, content in frames.items():
        if content in there:
            uploads[number] = replace(uploads[number], poster=there[content].url)
    return uploads, frozenset(there), gone


def make_ready(errand: Errand, trip: Trip, stored: StoredPost, article: Article) -> None:
    """Begins to clean the pictures of the article whose turn is next, while the site works on the
    one before. What fails here fails again, and is told, when its turn has come."""
    types, ledger = errand.publisher().image_types, errand.ledger
    for media in (figure.media for figure in article.figures if _pictured(figure.media)):
        content = ledger.content(errand.blog, stored.source, media.locator, _mark(media))
        if media.missing or (content and ledger.upload(errand.site, content)):
            continue
        with suppress(Gone, Unsafe, OSError, CrosspostError):
            file = errand.fetch(stored, media)
            trip.clean(file, partial(_cleaned, file, errand.cache, types))


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


@dataclass
class _Job:
    """A file to be sent: ``file`` is what may be published of it, ``what`` it is called in a
    sentence, ``places`` those that it came from; a ``frame`` may be missed."""

    content: str
    figure: Figure
    file: Path
    what: str
    places: list[tuple[str, str, str, str]]
    frame: bool


class _Files:
    """The files of one article: wanted one by one, sent by the lot, as many at once as the
    publisher bears. The ledger is written by this thread alone: each intent before the request,
    each arrival when the answer is there.

    ``there`` is, by content, what the site has of what was wanted."""

    def __init__(
        self,
        errand: Errand,
        trip: Trip,
        stored: StoredPost,
        ready: Mapping[Path, "Future[Path]"],
    ) -> None:
        self._errand, self._trip, self._stored, self._ready = errand, trip, stored, ready
        self._jobs: dict[str, _Job] = {}
        self.there: dict[str, Upload] = {}

    def want(self, figure: Figure, *, frame: bool = False) -> str:
        """The file's content; it goes with the lot unless the site has it. Raises ``Gone`` and
        ``Harmful``."""
        errand, ledger, media = self._errand, self._errand.ledger, figure.media
        where = (errand.blog, self._stored.source, media.locator, _mark(media))
        content = ledger.content(*where)
        if content and (known := ledger.upload(errand.site, content)):
            self.there[content] = known
            return content
        what = f"The file {(media.name or media.locator)[:_NAMED]}"
        try:
            file, content = self._fetched(media, what)
            if known := ledger.upload(errand.site, content):
                ledger.uploaded(errand.site, content, known, where)
                self.there[content] = known
            elif content in self._jobs:
                job = self._jobs[content]
                job.places.append(where)
                if job.frame and not frame:
                    job.figure, job.what, job.frame = figure, what, False
            else:
                clean = self._clean(media, file, what)
                self._jobs[content] = _Job(content, figure, clean, what, [where], frame)
        except Harmful as error:
            raise self._placed(error, media) from error.__cause__
        return content

    def _fetched(self, media: Media, what: str) -> tuple[Path, str]:
        kind = "image" if _pictured(media) else "file"
        try:
            file = self._errand.fetch(self._stored, media)
            with file.open("rb") as opened:
                return file, f"{kind}:{file_digest(opened, 'sha256').hexdigest()}"
        except Unsafe as error:
            raise Harmful(what, str(error)) from error
        except OSError as error:
            raise Harmful(what, f"it cannot be read ({error.strerror or error})") from error

    def _clean(self, media: Media, file: Path, what: str) -> Path:
        """The file as it may be published: a picture loses its metadata."""
        if not _pictured(media):
            return file
        from crosspost.images import BadImage

        cache, types = self._errand.cache, self._errand.publisher().image_types
        begun = self._ready.get(file)
        try:
            return begun.result() if begun else _cleaned(file, cache, types)
        except BadImage as error:
            raise Harmful(what, str(error)) from error
        except OSError as error:
            raise CrosspostError(
                f"A picture cannot be made ready in {cache}: {error.strerror or error}. Look at "
                "the space on its disk and its permissions («cache» in the config), then run again."
            ) from error

    def _placed(self, error: Harmful, media: Media) -> Harmful:
        error.indices = _indices(self._stored, media, error.clause)
        return error

    def send(self, *, at_least: int = 1) -> None:
        """Sends the lot when it is ``at_least`` so many files. Where one fails no other is begun,
        those under way are waited for, and then it is told: raises ``Harmful`` for one that the
        site refused."""
        if len(self._jobs) < at_least:
            return
        errand, publisher = self._errand, self._errand.publisher()
        jobs, self._jobs = list(self._jobs.values()), {}
        if isinstance(publisher, Foreseeing):
            with suppress(Refused):  # then each asks for itself
                publisher.sending([(job.file, job.figure) for job in jobs])
        at_once = getattr(publisher, "at_once", 1)
        errors: list[Exception] = []
        for some in _apart(jobs, at_once):
            for job, answer in self._sent(publisher, some, at_once):
                if isinstance(answer, Upload):
                    for where in job.places:
                        errand.ledger.uploaded(errand.site, job.content, answer, where)
                    self.there[job.content] = answer
                elif told := self._failed(job, answer):
                    errors.append(told)
            if errors:  # what is wrong with the whole site before what is with a file
                raise min(errors, key=lambda one: not isinstance(one, CrosspostError))

    def _failed(self, job: _Job, error: Exception) -> Exception | None:
        """What is raised of it. What is not refused may have come there."""
        if not isinstance(error, Refused):
            return error
        self._errand.ledger.never_came(self._errand.site, job.content, self._errand.blog)
        if job.frame:
            return None
        told = Harmful(job.what, f"the site refused it ({error})")
        told.__cause__ = error
        return self._placed(told, job.figure.media)

    def _sent(
        self, publisher: Publisher, jobs: list[_Job], at_once: int
    ) -> Iterator[tuple[_Job, Upload | Exception]]:
        """The files that were begun, each when it is known what became of it."""
        if min(at_once, len(jobs)) == 1:
            for job in jobs:
                self._intend([job])
                answer = _tried(publisher, job)
                yield job, answer
                if _is_failure(job, answer):
                    return
            return
        from concurrent.futures import FIRST_COMPLETED, Future, wait

        pool, failed, jobs = self._trip.pool(at_once), False, list(jobs)
        running: dict[Future[Upload | Exception], _Job] = {}
        while running or (jobs and not failed):
            begun = [] if failed else jobs[: at_once - len(running)]
            self._intend(begun)
            for job in begun:
                jobs.remove(job)
                running[pool.submit(copy_context().run, _tried, publisher, job)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job, answer = running.pop(future), future.result()
                failed |= _is_failure(job, answer)
                yield job, answer

    def _intend(self, jobs: list[_Job]) -> None:
        """Writes down that these are about to be sent."""
        ledger, errand = self._errand.ledger, self._errand
        with ledger.transaction() if jobs else nullcontext():
            for job in jobs:
                ledger.arrives(errand.site, job.content, errand.blog, job.file, job.figure.media)


def _tried(publisher: Publisher, job: _Job) -> Upload | Exception:
    try:
        return publisher.upload(job.file, job.figure.media)
    except Exception as error:
        return error


def _is_failure(job: _Job, answer: Upload | Exception) -> bool:
    return isinstance(answer, Exception) and not (job.frame and isinstance(answer, Refused))


def _apart(jobs: list[_Job], at_once: int) -> list[list[_Job]]:
    """The jobs in groups that each hold no two files of the same bytes: sites know a file by
    these, so the second must find the first there. Pictures may have become the same only now."""
    if min(at_once, len(jobs)) == 1:
        return [jobs]
    groups: list[dict[str, _Job]] = []
    for job in jobs:
        with job.file.open("rb") as opened:
            known = file_digest(opened, "sha256").hexdigest()
        group = next((one for one in groups if known not in one), None)
        if group is None:
            groups.append(group := {})
        group[known] = job
    return [list(group.values()) for group in groups]


def _pictured(media: Media) -> bool:
    return media.kind == "photo" or (
        media.kind in ("sticker", "animation", "document") and media.mime.startswith("image/")
    )


def _cleaned(file: Path, cache: Path, types: frozenset[str]) -> Path:
    from crosspost import images

    return images.clean(file, cache / "clean", types=types)
