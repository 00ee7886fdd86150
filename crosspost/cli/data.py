"""Commands that keep the ledger for years: backup, restore, compact, export."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from crosspost.cli._common import blog_names, config_of, dump, say
from crosspost.cli._options import shared
from crosspost.errors import CrosspostError, LedgerError

if TYPE_CHECKING:
    from crosspost.config import Config
    from crosspost.ledger import Ledger

KINDS = ("posts", "deliveries", "runs", "history")


def _ledger_of(config: "Config") -> Path:
    """The ledger, which must be there."""
    if not config.ledger.is_file():
        raise LedgerError(f"There is no ledger at {config.ledger} yet: crosspost sync makes it")
    return config.ledger


@contextmanager
def _held(config: "Config") -> Iterator[None]:
    """Every blog of the config, so that no run is under way. Raises ``Busy``."""
    from crosspost.pipeline import held_alone

    with ExitStack() as stack:
        for blog in config.blogs.values():
            stack.enter_context(held_alone(blog))
        yield


@click.command(
    epilog="""\b
Examples:
  crosspost backup ledger-copy.db
  crosspost backup /var/backups/crosspost/ --keep 14    a new file, of the last 14
It may run at any time, also while another run writes.
""",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option(
    "--keep", type=click.IntRange(min=1), help="FILE is a folder: keep only so many copies in it."
)
@shared
@click.pass_context
def backup(ctx: click.Context, file: Path, force: bool, keep: int | None) -> None:
    """Copy the ledger, whole and sound, to FILE or into that folder."""
    from crosspost.ledger import Ledger, now

    config = config_of(ctx)
    source = _ledger_of(config)
    folder = file.is_dir()
    if keep and not folder:
        raise click.UsageError(f"--keep is for a folder, and {file} is none; make it first")
    stem = f"{source.stem}-"
    target = file / f"{stem}{now():%Y%m%dT%H%M%SZ}.db" if folder else file
    if target.exists() and (target.samefile(source) or not (force or folder)):
        is_it = "the ledger itself" if target.samefile(source) else "there already"
        remedy = "name another file" if target.samefile(source) else "to replace it: --force"
        raise CrosspostError(f"{target} is {is_it}; {remedy}")
    with Ledger.open(source) as ledger:
        ledger.backup(target)
    dropped = _drop_old(file, stem, keep) if keep else []
    if ctx.obj["json"]:
        dump({"file": str(target.absolute()), "bytes": target.stat().st_size,
              "dropped": [str(one.absolute()) for one in dropped]})  # fmt: skip
    elif not ctx.obj["quiet"]:
        say(f"Wrote {target}.{f' Dropped {len(dropped)} older.' if dropped else ''}")


def _drop_old(folder: Path, stem: str, keep: int) -> list[Path]:
    """Removes all but the newest copies, known by the names that ``backup`` gives."""
    name = re.compile(rf"{re.escape(stem)}\d{{8}}T\d{{6}}Z\.db", re.ASCII)
    copies = sorted(one for one in folder.iterdir() if name.fullmatch(one.name))
    old = copies[:-keep]
    for one in old:
        one.unlink()
    return old


@click.command(
    epilog="""\b
Examples:
  crosspost restore ledger-copy.db
What became of posts since the copy is found again: at their source and on the sites.
""",
)
@click.argument("file", type=click.Path(path_type=Path))
@shared
@click.pass_context
def restore(ctx: click.Context, file: Path) -> None:
    """Make FILE, a copy by backup, the ledger; the old one is kept beside it."""
    from crosspost.ledger import Ledger, now
    from crosspost.ledger import restore as take_back

    config = config_of(ctx)
    with _held(config):
        kept = take_back(file, config.ledger, now())
        Ledger.open(config.ledger).close()  # an older one is brought up to date
    if ctx.obj["json"]:
        dump(
            {"ledger": str(config.ledger.absolute()), "kept": str(kept.absolute()) if kept else ""}
        )
    elif not ctx.obj["quiet"]:
        say(f"{config.ledger} is what {file} was.{f' The old one is {kept}.' if kept else ''}")
        say("Next: crosspost sync --dry-run, then crosspost sync")


@click.command(
    epilog="""\b
Examples:
  crosspost compact                 drop what «keep_…» in the config lets go; shrink the file
  crosspost compact --check         only look whether the ledger is sound
  crosspost compact --repair        and put right what is not
""",
)
@click.option("--check", is_flag=True, help="Only look whether the ledger is sound.")
@click.option("--repair", is_flag=True, help="Put right what is not sound, then compact.")
@shared
@click.pass_context
def compact(ctx: click.Context, check: bool, repair: bool) -> None:
    """Forget what is old, and make the ledger and the cache as small as they can be."""
    from crosspost.ledger import Ledger

    if check and repair:
        raise click.UsageError("Say one thing to do: --check or --repair.")
    config = config_of(ctx)
    path = _ledger_of(config)
    if check:
        with Ledger.open(path) as ledger:
            faults = ledger.faults()
        _say_faults(ctx, path, faults)
        return
    with _held(config):
        repaired, kept = _repair(path) if repair else ([], None)
        with Ledger.open(path) as ledger:
            told = _compact(config, ledger)
    told = {**told, "repaired": repaired, "kept": str(kept.absolute()) if kept else ""}
    if ctx.obj["json"]:
        dump(told)
    elif not ctx.obj["quiet"]:
        _say_compacted(told)


def _compact(config: "Config", ledger: "Ledger") -> dict[str, Any]:
    from crosspost.pipeline import keep_house

    before = config.ledger.stat().st_size
    swept = keep_house(config.keep, ledger, config.blogs.values(), held=True)
    ledger.shrink()
    return {**swept, "bytes_before": before, "bytes": config.ledger.stat().st_size}


def _say_compacted(told: dict[str, Any]) -> None:
    for line in told["repaired"]:
        say(f"repaired: {line}")
    if told["kept"]:
        say(f"The damaged ledger is {told['kept']}. Next: crosspost sync")
    for line in told["notes"]:
        say(f"note: {line}")
    forgotten = {
        "runs": "runs",
        "events": "lines of history",
        "posts": "deleted posts' contents",
        "files": f"cached files ({_size(told['freed'])})",
    }
    counts = [f"{told[key]:,} {words}" for key, words in forgotten.items() if told[key]]
    say(f"Forgot {', '.join(counts)}." if counts else "Nothing was old enough to be forgotten.")
    say(f"The ledger: {_size(told['bytes_before'])} → {_size(told['bytes'])}.")


def _size(count: int) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count = count / 1024  # type: ignore[assignment]
    return f"{count:,.1f} GB"


def _say_faults(ctx: click.Context, path: Path, faults: list[str]) -> None:
    if ctx.obj["json"]:
        dump({"ledger": str(path.absolute()), "sound": not faults, "faults": faults})
    else:
        for line in faults:
            say(line, err=True)
        if faults:
            say(f"{path} is not sound. To put it right: crosspost compact --repair", err=True)
        elif not ctx.obj["quiet"]:
            say(f"{path} is sound.")
    ctx.exit(LedgerError.exit_code if faults else 0)


def _repair(path: Path) -> tuple[list[str], Path | None]:
    """Puts right what is not sound; answers what that was, and where a file that had to be left
    stands."""
    from crosspost.ledger import Ledger, now, saved

    with Ledger.open(path) as ledger:
        faults = ledger.faults()
        if not faults:
            return [], None
        ledger.rebuild()
        left = ledger.faults()
        damaged = any("damaged" in fault for fault in left)
    kept = saved(path, now()) if damaged else None
    with Ledger.open(path) as ledger:
        if ledger.faults():
            ledger.mend()
        left = ledger.faults()
    if left:
        raise LedgerError(
            f"{path} could not be put right ({left[0]}). Restore a copy: crosspost restore FILE"
        )
    return faults, kept


@click.command(
    epilog="""\b
Examples:
  crosspost export posts > posts.jsonl
  crosspost export deliveries business --format csv -o deliveries.csv
docs/ledger.md explains every column; the ledger itself can be read with plain SQL too.
""",
)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("blogs", nargs=-1, metavar="[BLOG]...", shell_complete=blog_names)
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="JSON lines, or a table for a spreadsheet.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of stdout.",
)
@shared
@click.pass_context
def export(
    ctx: click.Context, kind: str, blogs: tuple[str, ...], form: str, output: Path | None
) -> None:
    """Write what the ledger holds, for other programs: posts, deliveries, runs or history."""
    from crosspost.ledger import Ledger, written

    config = config_of(ctx)
    names = [blog.name for blog in config.chosen(blogs)] if blogs else []
    path = _ledger_of(config)
    if ctx.obj["json"] and not output:
        raise click.UsageError("--json needs -o FILE: without it the rows are the answer.")
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(path))
        rows = ledger.rows(kind, names)  # type: ignore[arg-type]
        if output:
            part = stack.enter_context(written(output))
            file = stack.enter_context(part.open("w", encoding="utf-8", newline=""))
            count = _write(rows, form, file)
            file.close()
        else:
            count = _write(rows, form, sys.stdout)
    if ctx.obj["json"]:
        dump({"file": str(output.absolute()) if output else "", "rows": count})
    elif output and not ctx.obj["quiet"]:
        say(f"Wrote {count:,} rows to {output}.")


def _write(rows: Iterator[dict[str, Any]], form: str, file: IO[str]) -> int:
    """Writes the rows as they come; answers how many."""
    import csv

    import msgspec

    count, table = 0, None
    for row in rows:
        count += 1
        if form == "jsonl":
            file.write(msgspec.json.encode(row).decode() + "\n")
            continue
        told = _flat(row)
        if table is None:
            table = csv.DictWriter(file, list(told))
            table.writeheader()
        table.writerow(told)
    return count


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The row as a spreadsheet may show it: what strangers wrote must not become a formula there
    (https://owasp.org/www-community/attacks/CSV_Injection)."""
    post = row.pop("post", None)
    if post is not None:
        row |= {
            "text": post.get("text", ""),
            "url": post.get("url", ""),
            "media": len(post.get("media", ())),
        }
    return {
        key: f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
        for key, value in row.items()
    }
