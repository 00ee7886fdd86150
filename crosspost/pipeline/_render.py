"""What a change of rules, settings or templates does to articles that are on a site: looked at
first, then done from the archive. Only the site is asked; no reader is opened."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from unicodedata import normalize as folded

from msgspec.structs import replace

from crosspost.deliver import has_all_files, plan
from crosspost.ledger import Delivery
from crosspost.markup import text_of
from crosspost.model import Article, Parts, Record, Remote
from crosspost.pipeline._push import Lazy, errand_of, push
from crosspost.pipeline._run import Blog, Run, held, reported
from crosspost.publishers import Publisher, Unknown, Vanished

_NAMES = {"title": "headline"}
_SAME = str.maketrans(dict.fromkeys("«»“”„‟\"'‘’`", '"') | dict.fromkeys("—–‒−", "-"))


class Change(Record, frozen=True):
    """How one article would change: for each part what stands there and what would, line by line.
    ``trouble`` says why that cannot be told."""

    post_id: int
    title: str
    url: str
    parts: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    trouble: str = ""


@dataclass
class Survey:
    """How a blog's articles on a site stand to what its posts become today, by post:
    ``changed`` ones look different; ``lacking`` too, but show a file that the site has not; of
    ``kept`` a rule says that they should not be there; ``coming`` ones are on the site no more or
    not yet, and should be. ``same`` counts the others."""

    site: str
    changed: list[int] = field(default_factory=list)
    lacking: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    coming: list[int] = field(default_factory=list)
    same: int = 0


def survey(run: Run, blog: Blog, site: str) -> Survey:
    """What ``render`` would do on a site; asks nobody."""
    found = Survey(site)
    publisher = Lazy(blog.sites[site])
    errand = errand_of(run, blog, site, publisher)
    for step, delivery, stored, article in plan(errand, _all(run, blog, site)):
        if step.what == "update" and delivery.public:
            there = has_all_files(errand, stored, article)
            (found.changed if there else found.lacking).append(delivery.post_id)
        elif step.what in ("hold", "skip") and delivery.state == "live":
            found.kept.append(delivery.post_id)
        elif step.what == "create" and delivery.state in ("held", "skipped"):
            found.coming.append(delivery.post_id)
        elif step.what == "unchanged" and delivery.public:
            found.same += 1
        run.progress("render", found.same + len(found.changed), 0)
        if run.stop():
            break
    return found


def _all(run: Run, blog: Blog, site: str) -> Iterator[Delivery]:
    """How each post that is there stands on the site, oldest first."""
    for stored in run.ledger.posts(blog.name):
        delivery = run.ledger.delivery(blog.name, stored.post.id, site)
        if delivery is not None:
            yield delivery


def compare(run: Run, blog: Blog, site: str, posts: Collection[int]) -> Iterator[Change]:
    """How these articles would change: what the site says of each, and what it would say."""
    publisher = Lazy(blog.sites[site])
    errand = errand_of(run, blog, site, publisher)
    wanted = (run.ledger.delivery(blog.name, one, site) for one in posts)
    with reported(run, blog, site):
        try:
            for _, delivery, _, article in plan(errand, filter(None, wanted)):
                yield _change(publisher(), delivery, article)
        finally:
            publisher.close()


def _change(publisher: Publisher, delivery: Delivery, article: Article) -> Change:
    change = Change(post_id=delivery.post_id, title=article.title, url=delivery.url)
    remote = Remote(id=delivery.remote_id, url=delivery.url, version=delivery.version)
    try:
        there = publisher.look(remote).parts
    except (Vanished, Unknown) as error:
        return replace(change, trouble=str(error))
    if there is None:
        return replace(change, trouble="The site does not tell what it says now")
    kept = {_NAMES.get(name, name) for name in delivery.keep.split()}
    told = (one for one in differences(there, article) if one[0] not in kept)
    return replace(change, parts=tuple(told))


def render(run: Run, blog: Blog, site: str, posts: Collection[int]) -> None:
    """Updates these articles from the archive."""
    meant = frozenset(posts)
    with reported(run, blog, site), held(run, blog):
        run.begin(blog)
        with run.ledger.transaction():
            for post_id in sorted(meant):
                delivery = run.ledger.delivery(blog.name, post_id, site)
                if delivery and not delivery.due:
                    run.ledger.settle(replace(delivery, due=True, not_before=""))
        push(run, blog, site, only=lambda one: one.post_id in meant)


# --- What differs -----------------------------------------------------------------------------


def differences(
    there: Parts, article: Article
) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """The parts that differ, each with the lines that would go and those that would come. What a
    site makes of quotes and spaces is no difference, nor is a part that it does not tell."""
    lead = _flat(article.lead)
    within = not there.lead and _key(lead) in map(_key, there.text.split("\n"))
    for name, old, new in (
        ("headline", there.title, article.title),
        ("lead", there.lead, "" if within else lead),
        ("tags", ", ".join(there.tags), ", ".join(article.tags)),
        ("category", there.category, article.category),
    ):
        if _key(old) != _key(new) and (old or name in ("headline", "lead")):
            yield name, (old,) if old else (), (new,) if new else ()
    gone, come = _lines(there.text, lead if within else "", article)
    if gone or come:
        yield "text", gone, come


def _lines(there: str, lead: str, article: Article) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines of the text that would go, and those that would come. Some sites tell the
    attribution and the credit with the text, some do not: these come only if something goes."""
    old = [line for line in map(str.strip, there.split("\n")) if line]
    body = [line for line in map(str.strip, text_of(article.body).split("\n")) if line]
    below = [one for one in map(_flat, (article.attribution, article.credit)) if one]
    cover = article.figures[article.cover] if article.cover is not None else None
    spare = {_key(one) for one in (*below, *([_flat(cover.caption)] if cover else ()))}
    new = [*filter(None, (lead,)), *body, *below]
    match = SequenceMatcher(None, [*map(_key, old)], [*map(_key, new)], autojunk=False)
    gone: list[str] = []
    come: list[str] = []
    for what, first, last, start, end in match.get_opcodes():
        if what != "equal":
            gone += (line for line in old[first:last] if _key(line) not in spare)
            come += new[start:end]
    if not gone:
        come = [line for line in come if _key(line) not in spare]
    return tuple(gone), tuple(come)


def _flat(html: str) -> str:
    return " ".join(text_of(html).split())


def _key(line: str) -> str:
    """By what a line is known again, whatever a site makes of its signs."""
    return "".join(folded("NFKC", line).translate(_SAME).replace("…", "...").split()).casefold()
