"""How things stand as a text file for Prometheus, by way of node_exporter's textfile collector
(https://github.com/prometheus/node_exporter#textfile-collector).

The file is replaced at one stroke after every run, and is right in both formats that Prometheus
reads, its own and OpenMetrics (https://prometheus.io/docs/specs/om/open_metrics_spec/): every value
is a gauge, since each run begins to count anew. docs/monitoring.md names them all.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, get_args

from crosspost import __version__
from crosspost.ledger import Ledger, State

_HELP: Final = {
    "build_info": ("", "Which Crosspost wrote this file."),
    "last_success_timestamp_seconds": (
        "seconds",
        "When all that was due on the site had been dealt with; 0 for never.",
    ),
    "last_success_age_seconds": (
        "seconds",
        "How long that was ago when this file was written; alert on the timestamp instead.",
    ),
    "due_posts": ("posts", "Posts that are due on the site and not yet delivered."),
    "posts": ("posts", "Posts by their state on the site."),
    "held_posts": ("posts", "Posts that wait for a person: held, in conflict, or missing."),
    "failed_posts": ("posts", "Posts that the site refused, or that were given up."),
    "vanished_posts": ("posts", "Posts that vanished at once; a person is asked."),
    "blog_run_timestamp_seconds": ("seconds", "When the blog's last run with work to do ended."),
    "blog_run_duration_seconds": ("seconds", "How long that run took."),
    "blog_run_exit_code": ("", "The exit code of that run; -1 when it was killed or goes on."),
    "run_timestamp_seconds": ("seconds", "When the last run of this program ended."),
    "run_duration_seconds": ("seconds", "How long that run took."),
    "run_exit_code": ("", "The exit code of that run."),
    "run_flood_wait_seconds": ("seconds", "How long that run waited as Telegram asked."),
    "run_flood_waits": ("", "How often Telegram asked that run to wait."),
}


class RunFigures(NamedTuple):
    """A run of the program, in seconds: when it ended, how long it took, what Telegram asked."""

    ended: float
    seconds: float
    exit_code: int
    waited: float = 0
    waits: int = 0


def write(
    path: Path, ledger: Ledger | None, blogs: Mapping[str, Iterable[str]], run: RunFigures
) -> None:
    """Replaces the file. ``blogs``: the sites of each; without a ledger nothing is said of them.
    Raises ``OSError``."""
    text = render(ledger, blogs, run)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, "utf-8")
        fresh.chmod(0o644)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def render(ledger: Ledger | None, blogs: Mapping[str, Iterable[str]], run: RunFigures) -> str:
    """The text of the file."""
    samples = _Samples()
    samples.add("build_info", 1, version=__version__)
    for blog, sites in blogs.items() if ledger is not None else ():
        assert ledger is not None
        _blog(samples, ledger, blog, tuple(sites), run.ended)
    samples.add("run_timestamp_seconds", run.ended)
    samples.add("run_duration_seconds", run.seconds)
    samples.add("run_exit_code", run.exit_code)
    samples.add("run_flood_wait_seconds", run.waited)
    samples.add("run_flood_waits", run.waits)
    return samples.text()


def _blog(
    samples: "_Samples", ledger: Ledger, blog: str, sites: tuple[str, ...], now: float
) -> None:
    targets = {target.site: target for target in ledger.targets(blog)}
    for site in sites:
        target = targets.get(site)
        counts = target.counts if target else {}
        success = _seconds(target.success_at) if target else 0
        where = {"blog": blog, "site": site}
        samples.add("last_success_timestamp_seconds", success, **where)
        if success:
            samples.add("last_success_age_seconds", max(0, now - success), **where)
        samples.add("due_posts", target.due if target else 0, **where)
        for state in get_args(State):
            samples.add("posts", counts.get(state, 0), **where, state=state)
        held = sum(counts.get(state, 0) for state in ("held", "conflict", "missing"))
        samples.add("held_posts", held, **where)
        samples.add("failed_posts", counts.get("failed", 0), **where)
    samples.add("vanished_posts", len(ledger.asked(blog)), blog=blog)
    for last in ledger.runs(blog):
        ended, code = _seconds(last.ended_at), last.exit_code
        if ended:
            samples.add("blog_run_timestamp_seconds", ended, blog=blog)
            samples.add("blog_run_duration_seconds", ended - _seconds(last.started_at), blog=blog)
        samples.add("blog_run_exit_code", -1 if code is None else code, blog=blog)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp() if moment else 0


class _Samples:
    """Values by the name of their metric, which must stand together."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, name: str, value: float, **labels: str) -> None:
        told = ",".join(f'{key}="{_escaped(word)}"' for key, word in labels.items())
        number = f"{value:.3f}".rstrip("0").rstrip(".")
        self._found.setdefault(name, []).append(f"{f'{{{told}}}' if told else ''} {number}")

    def text(self) -> str:
        lines = []
        for name, (unit, words) in _HELP.items():
            if name not in self._found:
                continue
            whole = f"crosspost_{name}"
            lines += [f"# HELP {whole} {words}", f"# TYPE {whole} gauge"]
            if unit and name.endswith(unit):
                lines.append(f"# UNIT {whole} {unit}")
            lines += [f"{whole}{sample}" for sample in self._found[name]]
        return "\n".join([*lines, "# EOF", ""])


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
