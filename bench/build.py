"""A blog's first build, all of it: from an export to a site, beside Hugo, Pelican and
tg-archive on the same posts, whose sources are ready on the disk."""

import shutil
from pathlib import Path
from typing import Final

from bench import channel
from bench._tools import Cost, Section, blog, cost, crosspost, in_turn, row
from bench.sites import others

SIZES: Final = (1_000, 10_000, 100_000)
PELICAN_MOST: Final = 10_000
PICTURES: Final = 1_000


def measure(folder: Path, most: int, runs: int) -> Section:
    found = Section("first build")
    for size in (one for one in SIZES if one <= most):
        export = folder / f"channel-{size}"
        if not (export / "result.json").exists():
            channel.write(export, size)
        sites = others(folder, size, PELICAN_MOST)
        ways = {"crosspost": lambda at=folder / f"blog-{size}", export=export: fresh(at, export)}
        ways |= {site.name: lambda site=site: site.build() for site in sites}
        for site in sites:
            for made in ("public", "output", "cache", "site"):
                shutil.rmtree(folder / f"{site.name}-{size}" / made, ignore_errors=True)
        spent = in_turn(ways, 1)
        ours = spent["crosspost"]
        for name, one in spent.items():
            told = {
                "articles_a_second": round(size / one.seconds),
                "of_crosspost": ratio(one, ours),
            }
            found.rows.append(row(name, size, one, **told))
        for name in ("pelican", "tg-archive"):
            if name in spent:
                times = spent[name].cpu / ours.cpu
                found.goal(f"{size:,}: 10 × {name} (CPU): {times:.2g} ×", times >= 10)
        if "hugo" in spent:
            times = ours.cpu / spent["hugo"].cpu
            found.goal(f"{size:,}: within 3 × of hugo (CPU): {times:.1f} ×", times <= 3)
    if most >= PICTURES:
        export = folder / f"channel-{PICTURES}-pictures"
        if not (export / "result.json").exists():
            channel.write(export, PICTURES, pictures=True)
        spent_on = fresh(folder / f"blog-{PICTURES}-pictures", export)
        rate = round(PICTURES / spent_on.seconds)
        found.rows.append(row("crosspost, with photos", PICTURES, spent_on, articles_a_second=rate))
    return found


def fresh(place: Path, export: Path) -> Cost:
    """Builds it where nothing is."""
    shutil.rmtree(place, ignore_errors=True)
    return cost([*crosspost(), "backfill", "b"], blog(place, str(export)))


def ratio(one: Cost, ours: Cost) -> float:
    return round(one.seconds / ours.seconds, 2)
