"""What a run tells beside its report: word to a person, figures, pings, the log; each only where
the config wants it, and none of them ever fails a run."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from crosspost.errors import ConfigError, CrosspostError
from crosspost.logs import about, event

if TYPE_CHECKING:
    import click

    from crosspost.config import Config
    from crosspost.health import Health
    from crosspost.ledger import Ledger
    from crosspost.notify import Facts, Notifier
    from crosspost.report import Report

UNATTENDED: Final = ("sync", "backfill", "watch")
"""Commands that run without a person: those are told of, the others tell who gave them."""
_TOGETHER: Final = 20.0
"""Seconds in which what happens to several blogs that are watched becomes one message."""
_AGAIN: Final = 60.0
"""Seconds after which figures and pings of a watch are renewed."""


@contextmanager
def voiced(config: "Config", report: "Report") -> Iterator["Voice | None"]:
    """Around one run: whatever ends it, its end is told. None where nothing changes."""
    if report.dry_run:
        yield None
        return
    voice = Voice(config, report.command)
    voice.begin()
    try:
        yield voice
    except Exception as error:
        voice.end(report, _told(error))
        raise
    voice.end(report)


def config_heard(ctx: "click.Context", command: str, names: tuple[str, ...]) -> "Config":
    """The config of an unattended run, which has blogs of these ``names``. One that is wrong is
    told to those whom it names, as far as it can be read, unless a person is there to see it."""
    from crosspost.cli._common import config_of

    try:
        config = config_of(ctx)
        config.chosen(names)
    except ConfigError as error:
        if not sys.stderr.isatty():
            _tell_of_config(ctx.obj["config"], command, error)
        raise
    return config


def _tell_of_config(path: Any, command: str, error: ConfigError) -> None:
    from crosspost.config import DEFAULT
    from crosspost.config.part import load_part
    from crosspost.report import Report

    part, _ = load_part(Path(path or DEFAULT))
    if part and (part.notify or part.health or part.textfile):
        voice = Voice(part, command)
        voice.begin()
        voice.end(Report(command), error)


def _told(error: Exception) -> CrosspostError:
    """What ended a run, as a sentence."""
    if isinstance(error, CrosspostError):
        return error
    if isinstance(error, OSError):  # a full disk, a folder that is gone
        return CrosspostError(f"{error.filename or 'A file'}: {error.strerror or error}")
    return CrosspostError(f"Crosspost itself failed ({type(error).__name__}: {error})")


class Voice:
    """The voice of one run, or of a watch with its many rounds."""

    def __init__(self, config: "Config", command: str) -> None:
        self._config, self._command = config, command
        self._id = str(uuid4())
        self._began = time.monotonic()
        self._waited, self._waits, self._left = 0.0, 0, 0.0
        self._health: Health | None = None
        self._rounds: dict[str, int] = {}
        self._facts: list[Facts] = []
        self._heard_at = self._renewed_at = 0.0
        self._turn = Lock()
        self._busy: Thread | None = None

    @property
    def _tells(self) -> bool:
        return self._command in UNATTENDED

    def begin(self) -> None:
        """The run starts."""
        about(run=self._id)
        event("run began", command=self._command)
        if self._config.health and self._tells:
            from crosspost.health import Health

            given = self._config.health
            url, limit = given.url.get_secret_value(), given.timeout.total_seconds()
            self._health = Health(url, self._id, limit)
            if self._command != "watch":
                self._health.start()

    def waiting(self, told: Callable[[float], None] | None) -> Callable[[float], None]:
        """Counts how long a source asks to wait; hears every second what is left."""

        def wait(left: float) -> None:
            if left > self._left + 1:
                event("flood wait", "warning", seconds=round(left, 1))
                self._waits += 1
                self._waited += left
            self._left = left
            if told is not None:
                told(left)

        return wait

    def end(self, report: "Report", error: CrosspostError | None = None) -> None:
        """The run is over, perhaps because of an ``error``."""
        code = error.exit_code if error else report.exit_code
        seconds = time.monotonic() - self._began
        summary = str(error) if error else report.summary()
        about(blog="", site="", post="")
        event(
            "run ended",
            "error" if code in (2, 3, 4, 6) else "info",
            exit_code=code,
            seconds=round(seconds, 3),
            reason=summary,
            counts={name: count for name, count in report.counts.items() if count},
        )
        early = (one for one in report.troubles if one.exit_code == 7 and not one.site)
        self._waits += sum(one.blog != report.command for one in early)  # too long to wait for
        self._figures(code, seconds)
        if self._config.notify and self._tells:
            from crosspost.notify import facts

            self._tell([facts(report, error)])
        if self._health:
            self._health.end(code, summary)

    # --- A watch: rounds of several blogs, each from a thread of its own ---

    def heard(self, blog: str, report: "Report") -> None:
        """One round of one blog is over."""
        with self._turn:
            self._rounds[blog] = report.exit_code
            if self._config.notify:
                from crosspost.notify import facts

                if not self._facts:
                    self._heard_at = time.monotonic()
                self._facts.append(facts(report))

    def failed(self, error: Exception) -> None:
        """The watch ends because of it."""
        told = _told(error)
        event("trouble", "error", error=error, exit_code=told.exit_code)
        with self._turn:
            self._rounds[""] = told.exit_code
            if self._config.notify:
                from crosspost.notify import Facts

                self._facts.append(Facts())
                self._facts[-1].fail("", "", str(told), told.exit_code)

    def tick(self, *, last: bool = False) -> None:
        """Called often: tells what there is to tell, and now and then renews figures and pings.
        Does not wait for any of it, but for the ``last`` time."""
        if self._busy is not None and (last or self._busy.is_alive()):
            if not last:
                return
            self._busy.join()
        now = time.monotonic()
        with self._turn:
            due = self._facts and (last or now - self._heard_at >= _TOGETHER)
            found = self._facts if due else []
            self._facts = [] if due else self._facts
            renew = bool(self._rounds) and (last or now - self._renewed_at >= _AGAIN)
            rounds = self._rounds.items()  # "" is the watch itself
            codes = [code for name, code in rounds if code not in (0, 1, 5, 7) or not name]
        if found or renew:
            self._renewed_at = now if renew else self._renewed_at
            self._busy = Thread(target=self._round, args=(found, renew, codes), daemon=True)
            self._busy.start()
            if last:
                self._busy.join()

    def _round(self, found: "list[Facts]", renew: bool, codes: list[int]) -> None:
        if found:
            self._tell(found)
        if renew:
            self._figures(codes[0] if codes else 0, time.monotonic() - self._began)
            if self._health:
                words = "Some blogs cannot be served." if codes else "Watching."
                self._health.end(codes[0] if codes else 0, words)

    # --- ---

    def _figures(self, code: int, seconds: float) -> None:
        path = self._config.textfile
        if path is None:
            return
        from crosspost import metrics

        figures = metrics.RunFigures(time.time(), seconds, code, self._waited, self._waits)
        sites = {name: tuple(blog.sites) for name, blog in self._config.blogs.items()}
        try:
            ledger = self._ledger()
            try:
                metrics.write(path, ledger, sites, figures)
            finally:
                if ledger:
                    ledger.close()
        except (OSError, CrosspostError) as error:
            _warn(f"The figures {path} cannot be written: {getattr(error, 'strerror', error)}")

    def _tell(self, found: "list[Facts]") -> None:
        from crosspost.notify import together

        notifier = notifier_of(self._config)
        assert notifier is not None
        ledger: list[Ledger | None] = []

        def opened() -> "Ledger | None":
            if not ledger:
                ledger.append(self._ledger())
            return ledger[0]

        def waits(blog: str, post: int, site: str) -> bool:
            from crosspost.ledger import WAITING

            known = opened()
            found = known.delivery(blog, post, site) if known else None
            return found is None or found.state in WAITING

        def retrying(blog: str, site: str) -> bool:
            known = opened()
            return bool(known and known.retrying(blog, site))

        try:
            for name in notifier.hear(together(found), waits, retrying):
                _warn(f"Word could not be sent to {name} of [notify]. Try: crosspost notify --test")
        except (OSError, CrosspostError) as error:
            _warn(f"Word could not be sent: {error}")
        finally:
            if ledger and ledger[0]:
                ledger[0].close()

    def _ledger(self) -> "Ledger | None":
        """The ledger as it stands now, None when it cannot be used."""
        from crosspost.ledger import Ledger

        if not self._config.ledger.exists():  # a wrong config may name another place
            return None
        try:
            return Ledger.open(self._config.ledger)
        except CrosspostError:
            return None


def notifier_of(config: "Config") -> "Notifier | None":
    """Who sends word, None where nobody wants any."""
    given = config.notify
    if given is None:
        return None
    import socket

    from crosspost.notify import Notifier

    return Notifier(
        urls=[url.get_secret_value() for url in given.urls],
        state=config.ledger.with_name(f".{config.ledger.name}.told"),
        digest=given.digest,
        origin=f"{config.path.name} on {socket.gethostname()}",
    )


def _warn(text: str) -> None:
    import logging

    logging.getLogger("crosspost").warning("%s", text)
