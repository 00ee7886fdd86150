"""Runs the benchmarks and prints what they found.

    python -m bench [NAME ...] [--most 1000000] [--runs 3] [--folder DIR] [--json FILE]
                    [--charts DIR] [--fixtures DIR]

Names: nothing, new, reading, build, markup, preview, ledger. Sizes above ``--most`` are left out.
What was made to measure with stays in ``--folder`` and is used again; without one it is deleted.
``--fixtures`` is a folder of real exports, for markup.
Exit code 1 when a goal is missed that must not be.
"""

# ruff: noqa: T201

import argparse
import json
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from bench._tools import Section, machine, table

NAMES = ("nothing", "new", "reading", "build", "markup", "preview", "ledger")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--charts", type=Path)
    parser.add_argument("--fixtures", type=Path, help="real exports, for markup")
    wanted = parser.parse_args()
    if unknown := set(wanted.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: {', '.join(NAMES)}")
    told = machine()
    print(json.dumps(told, indent=1))
    sections = []
    with TemporaryDirectory(prefix="bench-") as spare:
        folder = (wanted.folder or Path(spare)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for name in wanted.names or NAMES:
            measure = import_module(f"bench.{name}").measure
            more = {"fixtures": wanted.fixtures} if name == "markup" else {}
            section: Section = measure(folder, wanted.most, wanted.runs, **more)
            sections.append(section)
            print(f"\n## {section.name}\n\n{table(section.rows)}\n", *section.goals, sep="\n- ")
    report = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        **told,
        "sections": [vars(section) for section in sections],
    }
    if wanted.json:
        wanted.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    if wanted.charts:
        from bench.charts import draw

        draw(sections, wanted.charts)
    return int(any(section.failed for section in sections))


if __name__ == "__main__":
    sys.exit(main())
