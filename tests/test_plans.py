"""What a run costs, counted in what does not jitter: the steps of SQLite, queries that would read a
whole table, files written. A blog five times as long costs a run no more."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from blogs import Answer, Blog, Message

from crosspost.ledger import Ledger
from crosspost.publishers.static import drawing, pages

BEGIN: Final = 1_700_000_000
STEPS: Final = 20
"""So many steps of SQLite are counted as one."""
SMALL_TABLES: Final = {
    *("blog", "cursor", "target", "footer"),  # of the ledger
    *("meta", "mark", "leaves", "total"),  # of the static site: by blog and by tag
    *("CONSTANT", "seen", "first", "l", "json_each"),  # rows that a query made or was given
}
SMALL: Final = 50
LARGE: Final = 250
MOST_STEPS: Final = 10
MOST_QUERIES: Final = 240
MOST_FILES: Final = 12
KINDS: Final = {
    *("index.html", "b/index.html", "b/<n>", "b/feed.xml", "b/rss.xml", "b/<n>.xml"),
    *("b/tag/тег<n>", "b/page/<n>", "sitemap.xml"),
}
"""The files that a new post may change."""


class Watched:
    """What SQLite was asked, and how many steps that took it."""

    def __init__(self) -> None:
        self.steps = self.queries = 0
        self.asked: dict[str, set[str]] = {}
        self._connect = sqlite3.connect

    def connect(self, database: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        connection = self._connect(database, *args, **more)
        seen = self.asked.setdefault(str(database), set())

        def trace(query: str) -> None:
            self.queries += 1
            seen.add(query)

        connection.set_trace_callback(trace)
        connection.set_progress_handler(self._step, STEPS)
        return connection

    def _step(self) -> int:
        self.steps += 1
        return 0

    def scans(self) -> set[str]:
        """The queries that read a whole table, or sort one, each with what SQLite says of it."""
        found = set()
        for place, asked in self.asked.items():
            db = self._connect(place)
            db.execute("CREATE TEMP TABLE seen (id INTEGER PRIMARY KEY)")
            for query in asked:
                if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)\b", query):
                    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}")]
                    found |= {f"{line} -- {query}" for line in plan if _is_scan(line)}
            db.close()
        return found


def _is_scan(line: str) -> bool:
    """Whether it reads all rows of a table that grows with the blog."""
    match = re.match(r"SCAN (?:TABLE )?(\w+)", line)
    bounded = "USING INDEX delivery_due" in line  # holds what is due alone
    return bool(match) and not bounded and match[1] not in SMALL_TABLES  # type: ignore[index]


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    seen = Watched()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", seen.connect)
        yield seen


def post(number: int) -> Message:
    text = f"Пост номер {number * 7919}. Хлеб пекут ночью, а пишут о нём {number * 104729} утром."
    pieces = [
        {"type": "plain", "text": f"{text}\n\n"},
        {"type": "hashtag", "text": f"#тег{number % 5}"},
    ]
    return {
        "id": number,
        "type": "message",
        "date": "2023-11-14T22:13:20",
        "date_unixtime": str(BEGIN + number * 3600),
        "text": [pieces[0]["text"], pieces[1]],
        "text_entities": pieces,
    }


@pytest.fixture(scope="module", autouse=True)
def short_sitemaps() -> Iterator[None]:
    """A sitemap's file names a thousand articles: here fewer, so that also the short blog has a
    full one."""
    with pytest.MonkeyPatch.context() as patch:
        for room in (pages, drawing):
            patch.setattr(room, "MAPPED", 40)
        yield


@pytest.fixture(scope="module")
def blogs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Blog]:
    """A blog of some posts and one of five times as many, both in step with their channels."""
    made = {}
    for size in (SMALL, LARGE):
        blog = made[size] = Blog(tmp_path_factory.mktemp("blogs") / str(size))
        blog.write(*map(post, range(1, size + 1)))
        assert blog.sync().code == 0
        assert len(blog.posts) == size
        blog.unchanged()
    return made


def one_new(blog: Blog, folder: Path) -> Answer:
    """The blog gets one new post, told by an export of its own: to read one costs its length."""
    number = blog.posts[-1] + 1
    more = Blog(folder / str(number))
    more.write(post(number))
    answer = blog.run("backfill", "b", "--from", str(more.export))
    assert number in blog.posts, answer
    return answer


def test_a_run_with_nothing_to_do_costs_the_same_on_a_longer_blog(
    blogs: dict[int, Blog], monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = {}
    for size, blog in blogs.items():
        with watched(monkeypatch) as seen:
            blog.unchanged()
        assert seen.scans() == set()
        cost[size] = seen.steps
    assert cost[LARGE] <= cost[SMALL] + 2, cost


def test_one_new_post_costs_the_same_on_a_longer_blog(
    blogs: dict[int, Blog], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cost = {}
    for size, blog in blogs.items():
        one_new(blog, tmp_path / str(size))
        with watched(monkeypatch) as seen:
            one_new(blog, tmp_path / str(size))
        assert seen.scans() == set()
        cost[size] = seen.steps
    assert cost[LARGE] <= 1.5 * cost[SMALL], cost


def test_one_new_post_writes_so_many_files_and_asks_so_many_queries(
    blogs: dict[int, Blog], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its page, its predecessor's, the newest list (also as the site's first page) and its tag's,
    two feeds, the sitemap; and a numbered list page where one fills up."""
    for size, blog in blogs.items():
        before = written(blog)
        with watched(monkeypatch) as seen:
            one_new(blog, tmp_path / str(size))
        changed = {name for name, stamp in written(blog).items() if before.get(name) != stamp}
        kinds = {re.sub(r"\d+[^/]*|sitemap-\d+", "<n>", name) for name in changed}
        assert kinds <= KINDS, kinds - KINDS
        assert len(KINDS) - 3 <= len(changed) <= MOST_FILES, changed
        assert seen.queries <= MOST_QUERIES


def test_the_hot_queries_read_no_whole_table(
    blogs: dict[int, Blog], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What every run, or every post, asks the ledger: as cheap as what it finds."""
    path = blogs[LARGE].root / "ledger.db"
    with watched(monkeypatch) as seen, Ledger.open(path) as ledger:
        url = next(ledger.delivered("b", "local")).url
        asked: dict[str, Callable[[], Any]] = {
            "has due": lambda: ledger.has_due("b", "local"),
            "count due": lambda: ledger.count_due("b", "local"),
            "due": lambda: list(ledger.due("b", "local")),
            "next due": lambda: ledger.next_due("b"),
            "retrying": lambda: ledger.retrying("b", "local"),
            "waiting": lambda: list(ledger.waiting("b", "local")),
            "asked": lambda: ledger.asked("b"),
            "newest": lambda: ledger.newest("b"),
            "post": lambda: ledger.post("b", SMALL),
            "post of": lambda: ledger.post_of("b", SMALL),
            "by url": lambda: ledger.by_url(url),
            "live": lambda: ledger.live("b", SMALL, "local"),
            "history": lambda: ledger.history("b", SMALL),
            "stir": lambda: ledger.stir("b", SMALL, "local"),
            "likely twins": lambda: ledger.likely_twins("b", SMALL),
            "joined": lambda: ledger.joined("b", SMALL),
        }
        for name, ask in asked.items():
            before = seen.steps
            ask()
            most = MOST_STEPS * (
                15 if "twins" in name else 1
            )  # fifty posts for each of twelve signs
            assert seen.steps - before <= most, name
    assert seen.scans() == set()


def written(blog: Blog) -> dict[str, int]:
    """The site's files that a visitor can ask for, and when each was written."""
    return {
        str(path.relative_to(blog.site)): path.stat().st_mtime_ns
        for path in blog.site.rglob("*")
        if path.is_file() and ".crosspost" not in path.parts
    }
