"""How fast a backfill goes into a real WordPress, beside a bare loop of the same requests.

    python bench/publish.py [--posts 1000] [--slice 25] [--at-once 3] [--json FILE]

Two WordPresses of the tests (``tests/sites/wordpress.py``), each behind a proxy that keeps
connections, as a web server before PHP does, and counts them. ``pipeline.backfill`` writes an
export with pictures into the first. After every ``--slice`` posts its clock stops, and one
``requests.Session`` sends the requests of that slice to the second, one after the other, with
bodies made before: so whatever else the machine does slows both.

    crosspost   reading the export, ledger, articles, pictures without their metadata, requests
    bare        the requests alone
"""

# ruff: noqa: T201

import argparse
import json
import multiprocessing
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import requests  # noqa: E402

from bench._tools import PYTHON, Row, Section, machine, table  # noqa: E402

ENOUGH: Final = 0.9
"""Of the bare loop's rate."""
SETTLED: Final = 200
"""So many posts, and all is loaded: memory should be flat from here on."""
FLAT: Final = 1.1
CONFIG: Final = """
ledger = "ledger.db"
cache = "cache"
[[blog]]
name = "b"
reader = "export"
channel = {channel}
site = "news"
link = "https://t.me/workshop"
[site.news]
type = "wordpress"
url = "{url}"
user = "blogger"
password = "{password}"
uploads_at_once = {at_once}
"""


# --- Two sites ------------------------------------------------------------------------------------


def proxy(targets: list[str], pipe: Any) -> None:
    """The proxies' process: tells their addresses, then how many connections each had."""
    from sites.faulty import Faulty

    with ExitStack() as stack:
        ways = [stack.enter_context(Faulty(target)) for target in targets]
        counts = [0] * len(ways)
        for number, way in enumerate(ways):
            way.server.RequestHandlerClass.disable_nagle_algorithm = True  # type: ignore[attr-defined]
            accept = way.server.get_request

            def counted(number: int = number, accept: Any = accept) -> Any:
                counts[number] += 1
                return accept()

            way.server.get_request = counted  # type: ignore[method-assign]
        pipe.send([way.url for way in ways])
        pipe.recv()
        pipe.send(counts)


@contextmanager
def proxied(targets: list[str]) -> Iterator[tuple[list[str], list[int]]]:
    """Addresses before these sites, and a list that holds the counts in the end."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=proxy, args=(targets, there))
    process.start()
    counts: list[int] = []
    try:
        yield here.recv(), counts
    finally:
        here.send("end")
        counts += here.recv()
        process.join()


# --- The two ways ---------------------------------------------------------------------------------


@dataclass
class Spent:
    """Seconds of the clock and of this process's CPU."""

    seconds: float = 0
    cpu: float = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        seconds, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - seconds
        self.cpu += time.process_time() - cpu


@dataclass
class Recorder:
    """Keeps the requests of a slice. A file's body is kept as it is: read when it is sent again."""

    kept: list[requests.PreparedRequest] = field(default_factory=list)
    total: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def listening(self) -> Iterator[None]:
        send = requests.Session.send

        def heard(session: Any, request: requests.PreparedRequest, **given: Any) -> Any:
            path = re.sub(
                r"/\d+$", "/…", str(request.url).partition("?")[0].partition("/wp-json")[2]
            )
            kind = f"{request.method} {path.removeprefix('/wp/v2/')}"
            with self._lock:
                self.kept.append(request)
                self.total += 1
                self.kinds[kind] = self.kinds.get(kind, 0) + 1
            return send(session, request, **given)

        requests.Session.send = heard  # type: ignore[assignment,method-assign]
        try:
            yield
        finally:
            requests.Session.send = send  # type: ignore[method-assign]


class Bare:
    """Sends the requests again, to another site."""

    def __init__(self, auth: tuple[str, str], other: dict[str, str]) -> None:
        self.spent = Spent()
        self._other = other
        self._send = requests.Session.send
        self._session = requests.Session()
        self._auth = auth

    def again(self, recorded: list[requests.PreparedRequest]) -> None:
        made = [self._made(one) for one in recorded]
        recorded.clear()
        with self.spent.counting():
            for one in made:
                answer = self._send(self._session, one, allow_redirects=False, timeout=120)
                if not answer.ok:
                    raise RuntimeError(f"{one.method} {one.url}: {answer.text[:300]}")

    def _made(self, given: requests.PreparedRequest) -> requests.PreparedRequest:
        body: Any = given.body
        body = body if body is None or isinstance(body, bytes) else b"".join(body)
        url = str(given.url)
        for old, new in self._other.items():
            url = url.replace(old, new)
            is_file = str(given.headers.get("Content-Type", "")).startswith("multipart/")
            if body and not is_file:
                body = body.replace(old.encode(), new.encode())
        kept = ("Accept", "Content-Type", "Content-MD5")
        headers = {name: given.headers[name] for name in kept if name in given.headers}
        asked = requests.Request(given.method, url, headers=headers, data=body, auth=self._auth)
        return self._session.prepare_request(asked)


def resident() -> float:
    """Megabytes that this process has in memory now."""
    told = Path("/proc/self/statm").read_text().split()
    return int(told[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def backfill(folder: Path, bare: Bare, recorder: Recorder, size: int) -> tuple[Spent, list[float]]:
    """The whole backfill, with the bare loop in its pauses; what it took, and what was in memory
    after each slice."""
    from crosspost import pipeline
    from crosspost.config import load
    from crosspost.ledger import Ledger
    from crosspost.readers import Bounds
    from crosspost.report import Report

    memory: list[float] = []
    whole, paused, seen = Spent(), Spent(), 0

    def slice_done() -> None:
        with paused.counting():
            memory.append(resident())
            bare.again(recorder.kept)

    def progress(what: str, done: int, _total: int) -> None:
        nonlocal seen
        if what == "news":
            seen += 1
            if seen % size == 0:
                slice_done()
                print(f"{done} posts", file=sys.stderr)

    report = Report("backfill")
    with whole.counting():
        config = load(folder / "crosspost.toml")
        with Ledger.open(config.ledger) as ledger, recorder.listening():
            run = pipeline.Run(ledger=ledger, report=report, progress=progress)
            (blog,) = config.chosen(())
            pipeline.backfill(run, blog, Bounds())
            run.close()
    if report.exit_code:
        raise RuntimeError("\n".join(report.lines(verbose=True)[-10:]))
    if recorder.kept:
        memory.append(resident())
        bare.again(recorder.kept)
    ours = Spent(whole.seconds - paused.seconds, whole.cpu - paused.cpu)
    return ours, memory


def measure(posts: int, size: int, at_once: int) -> tuple[Section, dict[str, Any]]:
    from sites.wordpress import WordPress

    found = Section("publish")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-publish-")))
        channel = folder / "channel"
        command = [PYTHON, "-m", "bench.channel", str(channel), "--posts", str(posts), "--pictures"]
        subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603
        sites = [stack.enter_context(WordPress(folder / name)) for name in ("first", "second")]
        urls, counts = stack.enter_context(proxied([site.url for site in sites]))
        given = {"url": urls[0], "password": sites[0].passwords["blogger"], "at_once": at_once}
        (folder / "crosspost.toml").write_text(
            CONFIG.format(channel=json.dumps(str(channel)), **given)
        )
        other = {urls[0]: urls[1], sites[0].url: sites[1].url}
        bare = Bare(("blogger", sites[1].passwords["blogger"]), other)
        recorder = Recorder()
        ours, memory = backfill(folder, bare, recorder, size)
        there = [(_count(site, "posts"), _count(site, "media")) for site in sites]
        assert there[0] == there[1], there
        stack.pop_all().close()
    made, files = there[0]
    for way, spent, connections in (
        ("crosspost", ours, counts[0]),
        ("bare", bare.spent, counts[1]),
    ):
        found.rows.append(_row(way, made, files, recorder.total, spent, connections))
    ratio = bare.spent.seconds / ours.seconds
    found.goal(f"{ENOUGH} of the bare loop's rate: {ratio:.2f}", ratio >= ENOUGH)
    early = memory[min(len(memory), max(1, SETTLED // size)) - 1]
    grown = f"{early:.0f} MB after {min(made, SETTLED)} posts, {memory[-1]:.0f} MB in the end"
    found.goal(f"memory flat: {grown}", memory[-1] <= FLAT * early, must=True)
    most = at_once + 1 if at_once > 1 else 1
    found.goal(f"connections kept: {counts[0]}", counts[0] <= most, must=True)
    return found, {"requests": recorder.kinds, "memory": [round(one, 1) for one in memory]}


def _count(site: Any, kind: str) -> int:
    """How many of these the site has."""
    url = f"{site.url}/wp-json/wp/v2/{kind}"
    answer = requests.get(url, params={"per_page": 1}, timeout=60)
    return int(answer.headers["X-WP-Total"])


def _row(way: str, made: int, files: int, asked: int, spent: Spent, connections: int) -> Row:
    return {
        "way": way,
        "posts": made,
        "files": files,
        "requests": asked,
        "requests_a_post": round(asked / made, 2),
        "connections": connections,
        "seconds": round(spent.seconds, 1),
        "cpu": round(spent.cpu, 1),
        "posts_a_second": round(made / spent.seconds, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--slice", type=int, default=25)
    parser.add_argument("--at-once", type=int, default=3)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    told = machine()
    section, more = measure(wanted.posts, wanted.slice, wanted.at_once)
    print(told["machine"], told["python"], sep="; ", end="\n\n")
    print(table(section.rows), *(f"- {goal}" for goal in section.goals), sep="\n")
    print(json.dumps(more["requests"], indent=1))
    if wanted.json:
        report = {"when": datetime.now(UTC).isoformat(timespec="seconds"), **told, **more}
        wanted.json.write_text(json.dumps(report | vars(section), indent=1) + "\n")
    return int(section.failed)


if __name__ == "__main__":
    sys.exit(main())
