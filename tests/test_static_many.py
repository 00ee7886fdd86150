"""Many pages are drawn by several processes: the very pages that one draws, whoever is killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from test_static import article, build, changed, site, tree

from crosspost.publishers.static import StaticPublisher, pages, staging
from crosspost.publishers.static.catalogue import Catalogue, Mark
from crosspost.publishers.static.drawing import Drawing
from crosspost.publishers.static.pages import Pages

ARTICLES = [article(number, tags=("дело",)) for number in range(1, 90)]
KILLED = """
import os, signal
from multiprocessing import active_children
from pathlib import Path
from test_static import build
from test_static_many import ARTICLES, helped

def die(_):
    print(*(one.pid for one in active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    helped(die)
    build(Path("site"), ARTICLES)
"""


def helped(work: Callable[[int], None]) -> pytest.MonkeyPatch:
    """From now on two processes draw however few pages, in small batches, and ``work`` is done
    before each batch but the first is put in its place."""
    patch, place, done = pytest.MonkeyPatch(), Drawing._place, iter(range(1000))

    def placed(self: Drawing, batch: list[staging.Staged]) -> None:
        if number := next(done):
            work(number)
        place(self, batch)

    patch.setattr(staging, "MANY", 1)
    patch.setattr(staging, "BATCH", 8)
    patch.setattr(staging, "_cores", lambda: 2)
    patch.setattr(Drawing, "_place", placed)
    return patch


def one_is_killed(number: int) -> None:
    if number == 2:
        (*_, helper) = multiprocessing.active_children()
        helper.kill()
        helper.join()


@pytest.mark.parametrize("work", [lambda _: None, one_is_killed], ids=["alive", "one killed"])
def test_several_processes_draw_the_very_pages_that_one_draws(
    tmp_path: Path, work: Callable[[int], None]
) -> None:
    expected = build(tmp_path / "alone", ARTICLES)
    helpers: set[int | None] = set()

    def watched(number: int) -> None:
        helpers.update(one.pid for one in multiprocessing.active_children())
        work(number)

    patch = helped(watched)
    try:
        assert build(tmp_path / "site", ARTICLES) == expected
    finally:
        patch.undo()
    assert len(helpers) == 2
    assert not multiprocessing.active_children()
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_killed_run_leaves_no_process_and_no_half_page(tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text(KILLED)
    tests = str(Path(__file__).parent)
    told = subprocess.run(
        [sys.executable, "killed.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([tests, str(Path(tests).parent)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == -signal.SIGKILL, told.stderr
    helpers = [int(one) for one in told.stdout.split()]
    assert len(helpers) == 2
    until = time.monotonic() + 20
    while any(map(lives, helpers)):
        assert time.monotonic() < until
        time.sleep(0.02)
    whole = build(tmp_path / "whole", ARTICLES)
    begun = {name: data for name, data in tree(tmp_path / "site").items() if ".part" not in name}
    assert begun
    assert begun.items() <= whole.items()
    with closing(site(tmp_path / "site")) as publisher:
        publisher.finish()
    assert tree(tmp_path / "site") == whole


def lives(pid: int) -> bool:
    """Whether that process is there and is no zombie that nobody has taken notice of."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def test_many_new_headlines_redraw_the_list_pages_that_show_them_and_no_other(
    tmp_path: Path,
) -> None:
    build(tmp_path / "site", [article(number) for number in range(1, 101)])

    def rename(publisher: StaticPublisher) -> None:
        for number in range(21, 41):
            one = article(number, title=f"Иначе {number}")
            publisher.put(one, {}, publisher.find(one))

    cost = changed(tmp_path / "site", rename)
    assert {name for name in cost if "page-" in name} == {"business/page-2.html"}


def test_marks_are_read_some_at_a_time_and_each_once(tmp_path: Path) -> None:
    with closing(Catalogue(tmp_path / "site.db")) as catalogue:
        with catalogue.change():
            for number in range(1201):
                catalogue._mark(Mark("article", "b", post_id=number))
        upto = catalogue.last_mark()
        found = catalogue.marked("article", upto)
        assert next(found).post_id == 0
        catalogue._mark(Mark("article", "b", post_id=1100))
        assert [mark.post_id for mark in found] == [*range(1, 1100), *range(1101, 1201)]
        catalogue.unmark(upto)
        assert [mark.post_id for mark in catalogue.marked("article", 2 * upto)] == [1100]


def test_what_is_remembered_of_other_articles_does_not_grow_with_the_blog(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, closing(site(tmp_path / "site")) as publisher:
        patch.setattr(pages, "_KEPT", 40)
        for one in ARTICLES:
            publisher.put(one, {}, None)
        shown = Pages(publisher._catalogue, publisher._look)
        for number in range(1, 90):
            row = publisher._catalogue.row("business", number)
            assert row
            assert shown.article(row)
            assert len(shown._known) <= 40
            assert len(shown._facts) <= 40
