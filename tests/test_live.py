"""Live, end to end: config → sync or watch → the static site, against a Telegram of our own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from blogs import Blog
from preview_server import PreviewServer
from telegram_server import TelegramServer

pytest.register_assert_rewrite("live_channel")
from live_channel import LiveChannel, same, telegram  # noqa: E402


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def author(server: TelegramServer) -> LiveChannel:
    return LiveChannel(server)


# --- One blog, several ways to read it ----------------------------------------------------------


class Ways:
    """A blog whose source changes from run to run."""

    def __init__(self, root: Path, author: LiveChannel, preview: PreviewServer) -> None:
        self.author, self.preview = author, preview
        self.blog = Blog(root / "blog", settings="settle = '0s'")
        page = f"[preview]\npreview = '{preview.home}'\npause = 0\nbackoff = 0\n"
        self.blog.tables = page + telegram(author.server)

    def sync(self, reader: str) -> str:
        """Reads the channel this way from now on; what the run says."""
        self.author.exported(self.blog)
        self.author.previewed(self.preview)
        self.blog.reader = reader
        self.blog.configure("channel" if reader == "export" else "@workshop")
        answer = self.blog.sync()
        assert answer.code == 0, answer.text
        return answer.text

    def happen(self, reader: str) -> None:
        """An album, a photo, an edit, an album that loses a photo, a deletion, another photo."""
        author = self.author
        posts = [one.id for one in author.messages if not one.grouped_id and one.message]
        author.edit(posts[-1])
        author.delete(posts[-2])
        album = max(author.albums.values(), key=min)
        author.delete(max(album))
        if reader != "preview":  # it cannot tell a photo from the one another reader found
            author.edit(min(album) + 1)
        author.album(3)
        author.post()
        author.pictured()


@pytest.fixture
def ways(author: LiveChannel, tmp_path: Path) -> Iterator[Ways]:
    for _ in range(4):
        author.post()
    author.album(4, captioned=2)
    author.pictured()
    author.post()
    files = tmp_path / "files"
    files.mkdir()
    with PreviewServer(files=files) as preview:
        yield Ways(tmp_path, author, preview)


@pytest.mark.parametrize(
    "readers",
    [
        ("export", "telegram", "export"),
        ("telegram", "export", "telegram"),
        ("preview", "telegram", "export", "preview"),
        ("export", "preview", "telegram"),
    ],
    ids=" → ".join,
)
def test_a_blog_goes_on_from_another_source_without_one_double(
    ways: Ways, readers: tuple[str, ...]
) -> None:
    """Between the runs an album, an edit and a deletion happen."""
    for reader in readers:
        ways.happen(reader)
        ways.sync(reader)
        same(ways.blog, ways.author)
        assert ways.sync(reader) == "Nothing to do.\n"


def test_another_source_of_the_same_channel_changes_no_page(ways: Ways) -> None:
    """Not a byte of an article, no photo uploaded again."""
    ways.sync("export")
    folder = ways.blog.site

    def files() -> dict[Path, bytes]:
        # How often a post was seen is news that only some tell, and moves the lists around it.
        article = re.compile(rb"<article class.*?</article>", re.DOTALL)
        counter = re.compile(rb" <span>[\d ]+[^<]*</span>")
        found = {path: path.read_bytes() for path in folder.glob("media/*/*")}
        for path in folder.glob("b/[0-9]*.html"):
            [text] = article.findall(path.read_bytes())
            found[path] = counter.sub(b"", text)
        return found

    before = files()
    for reader in ("telegram", "preview", "export"):
        assert "created" not in ways.sync(reader)
        assert files() == before
