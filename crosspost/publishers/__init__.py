"""Publishers: one file per kind of site. This page is their contract.

A publisher puts articles into one site and knows nothing of Telegram, readers or the ledger. It
decides nothing: ``deliver`` tells it what to do, it does that one thing and answers, or raises
one of the errors below. It is made by ``config`` as ``Publisher.open(settings, context)`` and
closed once. Adding one: write ``publishers/<name>.py``, register it under the entry point
``crosspost.publishers``, and pass ``tests/contract/publisher_contract.py``.

A publisher whose sites can be emptied behind our back may have a class method ``identity(settings,
context) -> str``: at the cost of reading one small file, what tells the site from a new one at the
same place, "" while nothing is there. When it changes, everything is put there again; so it raises
``PublisherError`` when it cannot tell, rather than answer "".

A publisher whose site can list its files may have a method ``library() -> Iterator[tuple[Upload,
bool]]``: every file that Crosspost has put there, whichever blog's, known without help of the
ledger, and whether an article there is known to show it. ``crosspost verify`` asks for it.

A publisher may have an attribute ``at_once: int``: so many files of an article are sent to its
site at the same time, a polite limit; without one they go one by one. One that says more than 1
must bear that ``upload`` is called by so many threads, never two with the same bytes, and while no
other method is. When the site asks one of them to come back later, none may ask before. Where
there is this attribute, also with 1, the next post's pictures are cleaned while this one is put.

Heavy libraries are imported inside functions: a run with nothing new must not pay for them.

What a publisher raises about one article (``PublisherError`` is about the whole site):

    Refused     the site said no, clearly: nothing was changed, sending it again is pointless
    Unknown     no answer, a cut, a 5xx: it may have happened; ``find`` settles it
    Changed     the article on the site is not the one we left: a person's hand was there
    Vanished    the article is not on the site any more, or lies in its trash
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Literal, Protocol, runtime_checkable

from crosspost.errors import PublisherError
from crosspost.model import Article, Figure, Media, Record, Remote, Upload


class Refused(Exception):
    """The site said no; the text is its reason, by field where it names one. Nothing changed."""


class Unknown(Exception):
    """Nobody knows whether it happened; the text says what was seen."""


class Down(PublisherError):
    """The site cannot be reached: no connection came about, so nothing was sent. It is asked once
    a run, whatever else is due there."""


class Changed(Exception):
    """Someone changed the article on the site; ``theirs`` is its text there, for a diff, and
    ``version`` what the site calls it now."""

    def __init__(self, reason: str, *, theirs: str = "", version: str = "") -> None:
        super().__init__(reason)
        self.theirs = theirs
        self.version = version


class Vanished(Exception):
    """The article we left is gone from the site; the text says how that was seen."""


class Finding(Record, frozen=True):
    """One line of ``crosspost doctor``: what was looked at, whether it is well, the remedy."""

    what: str
    ok: bool
    detail: str = ""
    remedy: str = ""


class Context(Record, frozen=True):
    """What a publisher is given besides its settings: ``name`` is the site's in the config,
    ``base`` the folder relative paths start from, ``language`` and ``timezone`` the config's,
    ``templates`` a folder of the user's own templates that go before ours, or None."""

    name: str
    base: Path
    language: str = "en"
    timezone: str = "UTC"
    templates: Path | None = None


@runtime_checkable
class Together(Protocol):
    """A publisher whose site takes several articles at one stroke."""

    def together(self) -> AbstractContextManager[None]:
        """Around up to ``batch`` articles that are put: on the disk, all of them, when it ends
        well, and none when it does not."""


@runtime_checkable
class Foreseeing(Protocol):
    """A publisher that asks its site about many things at once. What it learns so answers the next
    ``find`` or ``upload`` of each, and that one only: later ones ask anew."""

    def coming(self, blog: str, post_ids: Sequence[int]) -> None:
        """These posts' articles will be looked for next, in a moment, as far as they are sent."""

    def sending(self, files: Sequence[tuple[Path, Figure]]) -> None:
        """These files are uploaded next, as these figures show them."""


class Publisher(Protocol):
    """Writes one site. Raises ``PublisherError`` when the site as a whole cannot be written."""

    name: ClassVar[str]
    """The publisher's type name in the config."""
    image_types: ClassVar[frozenset[str]]
    """MIME types of pictures the site shows; others are converted before ``upload``."""
    batch: ClassVar[int]
    """How many articles may be under way before their outcome is recorded: 1 where a request
    crosses a network, more where ``find`` is cheap and certain."""

    def find(self, article: Article) -> Remote | None:
        """The article on the site, whoever put it there, without help of the ledger: by the
        blog and the post id in its slug, or by the attribution link in its text. None: it is
        not there."""

    def look(self, remote: Remote) -> Remote:
        """The article as it is now, with its ``parts``. Raises ``Vanished``."""

    def listed(self, blog: str) -> Iterator[tuple[int, Remote]] | None:
        """Every article of the blog that is on the site, with its post's id, drafts too, known
        without help of the ledger: a double as often as it is there. None: this kind of site
        cannot be asked for all."""

    def upload(self, file: Path, media: Media) -> Upload:
        """Puts a file there, once; the answer can stand in any number of articles."""

    def put(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        remote: Remote | None,
        keep: Collection[str] = (),
    ) -> Remote:
        """Creates the article (``remote`` None) or replaces the one ``remote`` names, keeping
        its slug and address. ``uploads`` maps the index of a figure to its upload; a figure
        without one has no file; a video's ``poster`` is the address of another upload.

        An unchanged ``remote.version`` is a condition: otherwise raises ``Changed`` or
        ``Vanished`` and does nothing; ``remote.version == ""`` waives it.

        ``keep`` names ``Parts`` (title, lead, tags, category) that stay as they are on the site,
        whatever the article says. The answer holds the ``parts`` that stand there now.
        """

    def withdraw(self, remote: Remote, how: Literal["draft", "remove"]) -> Remote | None:
        """Takes the article off the public site: as a draft, or for good (answers None). Its
        version is a condition as for ``put``."""

    def discard(self, upload: Upload) -> None:
        """Takes back a file that ended up in no article. Gone already is fine. Where a site deletes
        no files the class says ``discards = False``, and this tells the log which one stays."""

    def finish(self) -> None:
        """Completes what several articles share (index pages, feeds). Called after the last
        ``put`` of a run, and at the start of the next run if that one was killed before."""

    def check(self, *, write: bool = False) -> list[Finding]:
        """Looks whether the site can be written, step by step, changing nothing; with ``write`` a
        draft is made too, looked at (what did the site keep of it?) and removed again."""

    def close(self) -> None:
        """Lets go of connections and files."""
