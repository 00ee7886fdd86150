"""Pages of t.me/s → posts, beside parsers that only build their tree of the same pages."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench import channel
from bench._tools import ROOT, Section

PAGES: Final = 200


def measure(folder: Path, most: int, runs: int) -> Section:
    found = Section("preview pages")
    pages = _pages(max(1, min(PAGES, most // 20)))
    ways: dict[str, Callable[[bytes], Any]] = {"lxml": _lxml, "crosspost": _ours}
    try:
        import selectolax.lexbor as _
    except ImportError:
        pass
    else:
        ways["selectolax"] = _selectolax
    spent = {name: [float("inf")] for name in ways}
    for _ in range(runs + 1):  # the first warms up: the fastest counts
        for name, way in ways.items():
            begin = time.process_time()
            for page in pages:
                way(page)
            spent[name].append(time.process_time() - begin)
    best = {name: min(taken) for name, taken in spent.items()}
    for name, cpu in best.items():
        rate = round(len(pages) * 20 / cpu)
        found.rows.append(
            {"way": name, "pages": len(pages), "cpu": round(cpu, 3), "posts_a_second": rate}
            | {"of_lxml": round(cpu / best["lxml"], 2)}
        )
    times = best["crosspost"] / best["lxml"]
    found.goal(f"within 3 × of bare lxml (CPU): {times:.1f} ×", times <= 3)
    return found


def _pages(count: int) -> list[bytes]:
    """What the tests' server for t.me serves of the generator's posts, newest page first."""
    sys.path.insert(0, str(ROOT / "tests"))
    from preview_server import PreviewServer

    messages = [*channel.messages(count * 20)]
    for one in messages:  # the server shows no more than it has files for
        for key in ("photo", "file", "poll"):
            one.pop(key, None)
    with PreviewServer(one for one in messages if one["text_entities"]) as server:
        numbers = sorted(server.messages)
        return [server.page(before).encode() for before in numbers[20::20]][:count]


def _lxml(page: bytes) -> Any:
    from lxml import html

    return html.fromstring(page)


def _selectolax(page: bytes) -> Any:
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(page)


def _ours(page: bytes) -> Any:
    from crosspost.readers.preview._page import leaf
    from crosspost.readers.preview._web import Page

    url = "https://t.me/s/workshop"
    return leaf(Page(url, 200, page), url, "workshop")
