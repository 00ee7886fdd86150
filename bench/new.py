"""One new post on a blog of so many: Crosspost's part from the post to its pages, and the rebuild
of Hugo and of Pelican (with its cache) for one new source file."""

from pathlib import Path
from typing import Final

from bench import build, channel
from bench._tools import Cost, Section, cost, crosspost, in_turn, row
from bench.sites import others

SIZES: Final = (10, 1_000, 10_000, 100_000)
PELICAN_MOST: Final = 1_000
FAR: Final = 1_200_000
"""The ids of new posts begin here, behind every album's."""


def measure(folder: Path, most: int, runs: int) -> Section:
    found = Section("one new post")
    ours: dict[int, Cost] = {}
    for size in (one for one in SIZES if one <= most):
        place, export = folder / f"blog-{size}", folder / f"channel-{size}"
        if not (export / "result.json").exists():
            channel.write(export, size)
        if not (place / "public" / "index.html").exists():
            build.fresh(place, export)
        sites = others(folder, size, PELICAN_MOST)
        for site in sites:
            site.build()
        numbers = iter(range(FAR + len(list(folder.glob("new-*"))), 2 * FAR))

        def crossposted(place: Path = place, numbers: "object" = numbers) -> Cost:
            number = next(numbers)  # type: ignore[call-overload]
            more = channel.write(folder / f"new-{number}", 1, first=number).parent
            return cost([*crosspost(), "backfill", "b", "--from", str(more)], place)

        ways = {"crosspost": crossposted}
        for site in sites:

            def rebuilt(site: "object" = site, numbers: "object" = numbers) -> Cost:
                site.add(next(numbers), 1)  # type: ignore[attr-defined,call-overload]
                return site.build()  # type: ignore[attr-defined,no-any-return]

            ways[site.name] = rebuilt
        spent = in_turn(ways, runs if size < 10_000 else max(1, runs - 1))
        ours[size] = spent["crosspost"]
        for name, one in spent.items():
            found.rows.append(row(name, size, one, of_crosspost=build.ratio(one, ours[size])))
            if name != "crosspost" and size >= 1_000:
                times = one.seconds / ours[size].seconds
                found.goal(f"{size:,}: ahead of {name}: {times:.1f} ×", times > 1)
    sizes = list(ours)
    flat = ours[sizes[-1]].cpu / ours[sizes[0]].cpu
    found.goal(
        f"flat within 1.5 × from {sizes[0]} to {sizes[-1]:,} (CPU): {flat:.2f} ×", flat <= 1.5
    )
    return found
