"""Killed at each request that changes a real Ghost, with and without its ledger, a run is made good
by the next one: each post is there once, each file is there once."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from crash.world import CONFIG, lay, turn

pytest.register_assert_rewrite("sites.magazine")
from sites.magazine import Magazine  # noqa: E402

pytest_plugins = ("sites.magazine",)
pytestmark = pytest.mark.servers

DYING = Path(__file__).parent / "sites" / "dying.py"
EACH = 5
"""Every so many steps are tried in one run of the tests."""


def sync(folder: Path, at: int = -1) -> tuple[int, int]:
    """The exit code and the number of steps."""
    done = subprocess.run(
        [sys.executable, str(DYING), str(folder), str(at)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (0, 99), done.stdout + done.stderr
    return done.returncode, int((done.stdout.split() or ["0"])[0])


def laid(magazine: Magazine, name: str) -> Path:
    folder = magazine.folder / name
    lay(folder)
    site = (
        f'[site.local]\ntype = "ghost"\nurl = "{magazine.site.url}"\n'
        f'admin_key = "{magazine.site.key}"\ncategory = "Блоги"\n'
    )
    (folder / "crosspost.toml").write_text(CONFIG.partition("[site.local]")[0] + site, "utf-8")
    return folder


def seen(magazine: Magazine) -> tuple[dict[str, str], Counter[str], Counter[str]]:
    """Each article's status by its slug, and how often each tag and each file is there."""
    posts = magazine.posts()
    slugs = {one["slug"]: one["status"] for one in posts}
    assert len(slugs) == len(posts)
    return slugs, Counter(magazine.tags()), Counter(magazine.stored())


@pytest.mark.parametrize("day", [1, 2])
def test_killed_at_a_request_nothing_is_doubled_or_lost(magazine: Magazine, day: int) -> None:
    clean = laid(magazine, "clean")
    _, steps = sync(clean)
    if day == 2:
        turn(clean, 2)
        _, steps = sync(clean)
    right = seen(magazine)
    assert steps > 4
    assert all(max(found.values()) == 1 for found in right[1:])
    for number, step in enumerate(range(day % EACH, steps, EACH)):
        magazine.site.reset()
        folder = laid(magazine, f"killed-{step}")
        if day == 2:
            sync(folder)
            turn(folder, 2)
        assert sync(folder, step)[0] == 99, "it died where it was told"
        if number % 2 and day == 1:
            (folder / "ledger.db").unlink()
        sync(folder)
        assert seen(magazine) == right, step
        assert sync(folder)[1] == 0, "and then there is nothing to do"
