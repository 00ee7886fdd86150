"""A site in memory that keeps the promises of ``Publisher`` and misbehaves when told to."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from msgspec.structs import replace

from crosspost.model import Article, Media, Parts, Remote, Upload, digest
from crosspost.publishers import Changed, Finding, Refused, Unknown, Vanished

Trouble = Literal["refuse", "lost before", "lost after"]


class FakeSite:
    """Articles by id (``blog/post``), each with a version that every change raises.

    ``calls`` counts what was asked; ``trouble[key]`` is what happens to the next requests about
    the article ``key`` (or the file of that name), one after the other; ``before`` is called
    before each request with its name. ``remembers`` is whether the site can give back digests.
    """

    name: ClassVar[str] = "fake"
    image_types: ClassVar[frozenset[str]] = frozenset({"image/jpeg", "image/png"})

    def __init__(self, batch: int = 1, *, remembers: bool = True) -> None:
        self.batch = batch  # type: ignore[misc]
        self.remembers = remembers
        self.articles: dict[str, Article] = {}
        self.remotes: dict[str, Remote] = {}
        self.files: dict[str, bytes] = {}
        self.uses: dict[str, set[str]] = {}
        self.calls: list[str] = []
        self.trouble: dict[str, list[Trouble]] = {}
        self.before: Callable[[str], None] = lambda _: None
        self.unfinished = False
        self.doubles: list[tuple[str, Remote]] = []

    def count(self, name: str) -> int:
        """How many times that was asked."""
        return sum(call.partition(" ")[0] == name for call in self.calls)

    def live(self) -> list[str]:
        """What visitors find."""
        return [key for key, remote in self.remotes.items() if remote.status == "live"]

    def edit(self, key: str, words: str) -> None:
        """A person changes the article by hand."""
        self.change(key, body=words)

    def change(self, key: str, **parts: object) -> None:
        """A person changes these parts of the article by hand."""
        self.articles[key] = replace(self.articles[key], **parts)
        self._turn(key, digest="", parts=_parts(self.articles[key]))

    def delete(self, key: str) -> None:
        """A person removes the article by hand."""
        del self.articles[key], self.remotes[key], self.uses[key]

    def _turn(self, key: str, **more: object) -> Remote:
        version = str(int(self.remotes[key].version) + 1)
        self.remotes[key] = replace(self.remotes[key], version=version, **more)
        return self.remotes[key]

    def _ask(self, name: str, key: str) -> Trouble | None:
        self.calls.append(f"{name} {key}")
        self.before(f"{name} {key}")
        coming = self.trouble.get(key)
        trouble = coming.pop(0) if coming and name in ("put", "upload", "withdraw") else None
        if trouble == "refuse":
            raise Refused("the field «title» is too long")
        if trouble == "lost before":
            raise Unknown("503 Service Unavailable")
        return trouble

    def _answer(self, trouble: Trouble | None) -> None:
        if trouble == "lost after":
            raise Unknown("the connection was cut")

    # --- Publisher ---

    def find(self, article: Article) -> Remote | None:
        key = f"{article.blog}/{article.post_id}"
        self._ask("find", key)
        return self.remotes.get(key)

    def look(self, remote: Remote) -> Remote:
        self._ask("look", remote.id)
        if remote.id not in self.remotes:
            raise Vanished("404")
        return self.remotes[remote.id]

    def listed(self, blog: str) -> Iterator[tuple[int, Remote]]:
        self._ask("listed", blog)
        for key, remote in [*self.remotes.items(), *self.doubles]:
            if key.startswith(f"{blog}/"):
                yield int(key.rpartition("/")[2]), remote

    def upload(self, file: Path, media: Media) -> Upload:
        trouble = self._ask("upload", media.locator)
        data = file.read_bytes()
        known = [name for name, bytes_ in self.files.items() if bytes_ == data]
        name = known[0] if known else f"file-{self.count('upload')}"
        self.files[name] = data
        self._answer(trouble)
        return Upload(id=name, url=f"https://site.test/{name}")

    def put(
        self,
        article: Article,
        uploads: Mapping[int, Upload],
        remote: Remote | None,
        keep: Collection[str] = (),
    ) -> Remote:
        key = f"{article.blog}/{article.post_id}"
        trouble = self._ask("put", key)
        if any(upload.id not in self.files for upload in uploads.values()):
            raise Refused("there is no such file")
        if remote and remote.version:
            if key not in self.remotes:
                raise Vanished("404")
            if self.remotes[key].version != remote.version:
                theirs = self.articles[key].body
                raise Changed("412", theirs=theirs, version=self.remotes[key].version)
        mark = digest(article) if self.remembers else ""
        if remote and key in self.remotes:
            old = self.articles[key]
            kept = {name: getattr(old, name) for name in keep}
            shown = replace(article, slug=old.slug, **kept)
            answer = self._turn(key, digest=mark, status="live", parts=_parts(shown))
        else:
            assert key not in self.remotes, "a double"
            shown, url = article, f"https://site.test/{article.slug}"
            answer = Remote(id=key, url=url, version="1", digest=mark, parts=_parts(article))
            self.remotes[key] = answer
        self.articles[key] = shown
        self.uses[key] = {upload.id for upload in uploads.values()}
        self.unfinished = True
        self._answer(trouble)
        return answer

    def withdraw(self, remote: Remote, how: Literal["draft", "remove"]) -> Remote | None:
        trouble = self._ask("withdraw", remote.id)
        if remote.id not in self.remotes:
            raise Vanished("404")
        if remote.version and self.remotes[remote.id].version != remote.version:
            theirs = self.articles[remote.id].body
            raise Changed("412", theirs=theirs, version=self.remotes[remote.id].version)
        left = self._turn(remote.id, status="draft") if how == "draft" else None
        if left is None:
            self.delete(remote.id)
        self.unfinished = True
        self._answer(trouble)
        return left

    def discard(self, upload: Upload) -> None:
        self._ask("discard", upload.id)
        assert not any(upload.id in used for used in self.uses.values()), "it is in an article"
        self.files.pop(upload.id, None)

    def finish(self) -> None:
        self._ask("finish", "")
        self.unfinished = False

    def check(self, *, write: bool = False) -> list[Finding]:
        return []

    def close(self) -> None:
        self.calls.append("close")


def _parts(article: Article) -> Parts:
    return Parts(
        title=article.title,
        lead=article.lead,
        text=article.body,
        tags=article.tags,
        category=article.category,
    )
