"""Charts of cost against size, as pictures for the documentation."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

from bench._tools import Section

DRAWN: Final = {
    "nothing new": ("cpu", "CPU seconds of a run with nothing to do", "posts in the ledger"),
    "one new post": ("cpu", "CPU seconds for one new post", "posts on the blog"),
    "backfill into the ledger": ("peak_mb", "Peak memory (MB) of reading", "posts in the export"),
}


def draw(sections: Sequence[Section], folder: Path) -> None:
    """One picture for each section that has one in ``DRAWN``."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    for section in sections:
        if section.name not in DRAWN:
            continue
        key, title, of = DRAWN[section.name]
        figure, axes = pyplot.subplots(figsize=(7, 4))
        styles = cycle((":", "--"))
        ways = dict.fromkeys(row["way"] for row in section.rows)
        for way in ways:
            rows = [row for row in section.rows if row["way"] == way]
            if rows == [row for row in rows if not row["posts"]] and way != "crosspost sync":
                axes.axhline(rows[0][key], label=way, linestyle=next(styles), color="grey")
                continue
            sizes = [max(row["posts"], 1) for row in rows]
            axes.plot(sizes, [row[key] for row in rows], marker="o", label=way)
        axes.set(title=title, xlabel=of, xscale="log")
        axes.set_ylim(bottom=0)
        if key == "peak_mb" or section.name == "one new post":
            axes.set_yscale("symlog", linthresh=0.1 if key == "cpu" else 100)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
        figure.tight_layout()
        name = f"bench-{section.name.replace(' ', '-')}.png"
        figure.savefig(folder / name, dpi=100)
        pyplot.close(figure)
