"""Commands that speak and try again: notify, retry."""

import click

from crosspost.cli._common import config_of, dump, finish, post_of, running, say
from crosspost.cli._options import shared
from crosspost.errors import ConfigError


@click.command(
    epilog="""\b
Examples:
  crosspost notify --test           send a message to every address of [notify]
""",
)
@click.option("--test", is_flag=True, help="Send a test message.")
@shared
@click.pass_context
def notify(ctx: click.Context, test: bool) -> None:
    """Try whether word from Crosspost arrives where [notify] sends it."""
    from crosspost.cli._voice import notifier_of
    from crosspost.notify import sample

    if not test:
        raise click.UsageError("Say what to send: --test.")
    config = config_of(ctx)
    notifier = notifier_of(config)
    if notifier is None:
        raise ConfigError(
            f"{config.path} has no [notify], so nobody hears of failures. Add one, with urls = "
            '["…"]; docs/monitoring.md shows how'
        )
    failed = notifier.send(notifier.urls, sample(notifier.origin))
    count = len(notifier.urls)
    if ctx.obj["json"]:
        dump({"addresses": count, "failed": failed})
    else:
        for name in failed:
            say(f"It could not be sent to {name}. Check its spelling and its password.", err=True)
        if len(failed) < count and not ctx.obj["quiet"]:
            say(f"Sent to {count - len(failed)} of {count} addresses. Look whether it arrived.")
    ctx.exit(1 if failed else 0)


@click.command(
    epilog="""\b
Examples:
  crosspost retry                   all that failed, of every blog
  crosspost retry business
  crosspost retry business/12 business/15
""",
)
@click.argument("what", nargs=-1, metavar="[BLOG|POST]...")
@shared
@click.pass_context
def retry(ctx: click.Context, what: tuple[str, ...]) -> None:
    """Send again at once what failed, or waits to be tried again."""
    from crosspost import pipeline
    from crosspost.report import Report

    config = config_of(ctx)
    report = Report("retry")
    with running(ctx, config, report) as run:
        wanted: dict[str, set[int]] = {name: set() for name in config.blogs if not what}
        for word in what:
            if word in config.blogs:
                wanted[word] = set()
                continue
            name, post_id = post_of(config, run.ledger, word)
            if name not in what:
                wanted.setdefault(name, set()).add(post_id)
        for name, posts in wanted.items():
            pipeline.retry(run, config.blogs[name], posts)
            if run.stop():
                break
    finish(ctx, report)
