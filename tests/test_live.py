"""Live, end to end: config → sync or watch → the static site, against a Telegram of our own."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blogs import Blog
from contract.worlds import ALBUMS, CHANNEL, PreviewWorld
from preview_server import PreviewServer
from telegram_server import TelegramServer
from telegram_server.sample import fill
from test_watch import until, watching

from crosspost import pipeline
from crosspost.config import load
from crosspost.ledger import Ledger
from crosspost.model import Article
from crosspost.readers.telegram import _changes
from crosspost.report import Report
from crosspost.watch import Watch, watch

pytest.register_assert_rewrite("live_channel")
from live_channel import LiveChannel, live_blog, same, telegram  # noqa: E402


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

    def sync(self, reader: str, *words: str) -> str:
        """Reads the channel this way from now on; what the run says."""
        self.author.exported(self.blog)
        self.author.previewed(self.preview)
        self.blog.reader = reader
        self.blog.configure("channel" if reader == "export" else "@workshop")
        answer = self.blog.run("sync", *words)
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


@pytest.mark.parametrize("gap", [False, True])
def test_what_a_backfill_brought_and_is_deleted_before_the_next_sync_is_gone(
    server: TelegramServer, author: LiveChannel, tmp_path: Path, gap: bool
) -> None:
    """Also where Telegram no longer tells what was deleted."""
    author.post()
    blog = live_blog(tmp_path / "blog", server)
    blog.sync()
    last = author.pictured()
    assert blog.run("backfill", "b").text == "1 post read, 1 created.\n"
    author.delete(last)
    if gap:
        author.channel.forget()
    blog.sync()
    same(blog, author)


def test_an_export_may_be_thrown_away_once_it_is_on_the_site(
    author: LiveChannel, server: TelegramServer, tmp_path: Path
) -> None:
    """Its photos stay in the articles when these are edited, or laid out anew."""
    blog = live_blog(tmp_path / "blog", server)
    author.album(3, captioned=1)
    last = author.pictured()
    author.exported(blog)
    assert blog.run("backfill", "b", "--from", str(blog.export)).code == 0
    shutil.rmtree(blog.export)
    assert blog.sync().code == 0
    author.edit(last)
    blog.credit = "из семейного альбома"
    blog.configure("@workshop")
    assert blog.sync().code == 0
    assert "из семейного альбома" in blog.page(1)
    same(blog, author)


def test_many_deletions_are_asked_about_however_they_are_told(
    author: LiveChannel, server: TelegramServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export that knows posts which are deleted by now: the first live run meets them a few at a
    time, and still asks when they are many."""
    monkeypatch.setattr(_changes, "PAGE", 10)
    for _ in range(40):
        author.post()
    blog = live_blog(tmp_path / "blog", server)
    author.exported(blog)
    assert blog.run("backfill", "b", "--from", str(blog.export)).code == 0
    for first in (2, 12, 22):
        author.delete(first, first + 1, first + 2)
    answer = blog.sync()
    assert answer.code == 1
    assert "9 posts vanished from the channel at once (2, 3, 4, 12, 13, 14, 22" in answer.text
    assert blog.posts == [*range(1, 41)]
    assert blog.run("sync", "--accept-deletions").code == 0
    same(blog, author)


def test_a_channel_that_is_closed_for_a_while_loses_nothing(
    author: LiveChannel, server: TelegramServer, tmp_path: Path
) -> None:
    """The run says why (exit code 3) and leaves the site as it is; what happened meanwhile is there
    when it opens again, under its new name too."""
    author.album(3)
    first = author.post()
    blog = live_blog(tmp_path / "blog", server)
    blog.sync()
    author.channel.error = "CHANNEL_PRIVATE"
    answer = blog.sync()
    assert answer.code == 3
    assert "is private" in answer.text
    assert blog.posts == [1, first]
    author.edit(first)
    author.pictured()
    author.delete(2)
    author.channel.error = ""
    author.channel.username = "workshop_new"
    assert blog.sync().code == 0
    same(blog, author)


def test_what_telegram_does_not_give_is_linked_and_comes_when_it_does(
    author: LiveChannel, server: TelegramServer, tmp_path: Path
) -> None:
    """A photo that is refused does not hold up its post nor the others; an edit asks again."""
    number = author.pictured()
    other = author.pictured()
    blog = live_blog(tmp_path / "blog", server)
    server.fault("GetFileRequest", error="FILE_ID_INVALID")
    assert "left out" in blog.sync().text
    assert blog.posts == [number, other]
    assert "Фото можно посмотреть" in blog.page(number)
    author.edit(number)
    blog.sync()
    same(blog, author)


# --- What each reader knows ---------------------------------------------------------------------


def sampled(blog: Blog) -> dict[int, dict[str, Any]]:
    """Every field of every article that the blog's source gives, but for where files lie and how
    often they were looked at."""
    config = load(blog.root / "crosspost.toml")
    [chosen] = config.blogs.values()
    with Ledger.rehearsal(config.ledger) as ledger:
        run = pipeline.Run(ledger=ledger, report=Report("preview"))
        pipeline.look(run, chosen)
        assert run.report.exit_code == 0
        found = {one.stored.post.id: fields(one.article) for one in pipeline.proofs(run, chosen)}
        run.close()
    return found


def fields(article: Article) -> dict[str, Any]:
    told = {name: getattr(article, name) for name in article.__struct_fields__}
    del told["spans"], told["notes"]
    told["views"] = article.views is not None
    told["figures"] = [
        (one.media.kind, one.media.missing, one.caption, one.alt, one.credit)
        for one in article.figures
    ]
    return told


@pytest.fixture
def sample(server: TelegramServer, tmp_path: Path) -> dict[str, dict[int, dict[str, Any]]]:
    """The articles of the sample channel by the way it was read."""
    fill(server.world.channel("", "workshop", id=4_900_000_017), CHANNEL, ALBUMS)
    zone = "timezone = 'Asia/Omsk'"
    with PreviewServer(files=CHANNEL) as preview:
        world = PreviewWorld(tmp_path, preview)
        preview.title = world.export["name"]
        page = f"[preview]\npreview = '{preview.home}'\npause = 0\nbackoff = 0\n"
        blog = Blog(tmp_path / "blog", settings=zone, tables=page + telegram(server))
        found = {}
        for blog.reader in ("export", "preview", "telegram"):
            blog.configure(str(CHANNEL) if blog.reader == "export" else "@workshop")
            found[blog.reader] = sampled(blog)
    return found


def told_to_lack(reader: str, posts: list[int]) -> set[tuple[int, str]]:
    """What docs/readers.md says that this reader does not know: posts with the field of their
    articles that shows it."""
    page = (Path(__file__).parents[1] / "docs" / "readers.md").read_text("utf-8")
    table = page.partition("| what | posts |")[2].partition("\n\n")[0].splitlines()
    column = [cell.strip(" `") for cell in table[0].split("|")].index(reader)
    lacks = set()
    for line in table[2:]:
        _, _, which, where, *known = (cell.strip() for cell in line.split("|"))
        answer = ["", *known][column]
        assert answer in ("yes", "no"), line
        assert known[2] == "yes", "what the live reader does not know cannot be measured"
        if answer == "no":
            numbers = posts if which == "all" else [int(one) for one in which.split(",")]
            lacks |= {(number, field.strip()) for number in numbers for field in where.split(",")}
    return lacks


def test_each_reader_gives_the_same_articles_but_for_what_the_docs_say_it_does_not_know(
    sample: dict[str, dict[int, dict[str, Any]]],
) -> None:
    live = sample["telegram"]
    assert len(live) == 69
    for reader in ("export", "preview"):
        articles = sample[reader]
        assert articles.keys() == live.keys()
        lacks = {
            (number, name)
            for number in live
            for name, value in live[number].items()
            if articles[number][name] != value and name != "slug"
        }
        assert lacks == told_to_lack(reader, list(live)), reader


# --- Several blogs ------------------------------------------------------------------------------


def test_blogs_that_share_a_login_are_watched_at_once_over_lost_connections(
    author: LiveChannel, server: TelegramServer, tmp_path: Path
) -> None:
    blog = live_blog(tmp_path / "blog", server)
    other = server.world.channel("Другая", "another")
    config = blog.root / "crosspost.toml"
    mine, rest = config.read_text("utf-8").split("[site.local]")
    second = mine[mine.index("[[blog]]") :].replace("'b'", "'c'").replace("@workshop", "@another")
    config.write_text(f"{mine}{second}[site.local]{rest}", "utf-8")
    with watching(blog):
        for number in range(1, 4):
            author.post()
            other.post(f"Запись {number}\n\nТекст.")
            until(lambda number=number: len(blog.posts) == number)
            until(lambda number=number: len([*blog.site.glob("c/[0-9]*")]) == number)
            server.restart()
    same(blog, author)


def test_what_nobody_expected_ends_watching_aloud(
    author: LiveChannel, server: TelegramServer, tmp_path: Path
) -> None:
    """A thread that fails takes the others with it, so that systemd starts all again."""
    blog = live_blog(tmp_path / "blog", server)
    config = load(blog.root / "crosspost.toml")

    def broken() -> Ledger:
        raise ZeroDivisionError

    wanted = Watch(open_ledger=broken, tell=lambda _report: None)
    with pytest.raises(ZeroDivisionError):
        watch(wanted, list(config.blogs.values()))
