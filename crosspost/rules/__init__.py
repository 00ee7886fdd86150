"""Which posts go, wait for a person, or stay behind, each with its reason. Pure.

    Rule      one [[blog.rule]] of the config: what it asks of a post, and what it does
    RuleSet   [blog.rules]: what becomes of advertisements, forwards, twins, empty posts
    judge     what becomes of a post
    dressed   the article with the category, status and tags that rules give it

    _match    whether a rule fits a post
    _ads      the marks of an advertisement

A blog's own rules are asked in order. Each that fits gives its category, status and tags; the
first that says publish, hold or skip ends the asking. Then RuleSet is asked. A rule's ``publish``
lets forwards and twins through, but an advertisement only if the rule asks for one
(``advertisement = true``), and never an article with nothing in it.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec.structs import replace

from crosspost.model import Article, Post, Record
from crosspost.rules._ads import advertising
from crosspost.rules._match import KINDS, LANGUAGES, Action, Rule, Unclear, fits, problem
from crosspost.rules._twins import alike, signs

__all__ = [
    "KINDS",
    "LANGUAGES",
    "Action",
    "Rule",
    "RuleSet",
    "Verdict",
    "advertising",
    "alike",
    "dressed",
    "gifts",
    "is_empty",
    "judge",
    "problem",
    "signs",
]


class RuleSet(Record, frozen=True):
    """What a blog wants: ``advertisements`` and ``empty`` say what becomes of posts that are
    marked as advertising (https://erir.grfc.ru: «Реклама», an erid) and of those that would make
    an article with nothing in it, ``forwards`` and ``repeats`` of somebody else's words and of
    what the blog has said before; merged, that is no article of its own (``editor``)."""

    advertisements: Action = "hold"
    empty: Action = "hold"
    forwards: Action = "publish"
    repeats: Action | Literal["merge"] = "publish"


class Verdict(Record, frozen=True):
    """``reason`` is a sentence for the editor, ``rule`` the name of the rule that decided."""

    action: Action
    reason: str
    rule: str


def judge(
    post: Post,
    article: Article,
    rules: RuleSet,
    own: Sequence[Rule] = (),
    twin: int = 0,
    *,
    review: bool = False,
) -> Verdict:
    """What becomes of the post. ``own`` are the blog's own rules, ``twin`` is the number of an
    earlier post that says the same, 0 if there is none. ``review``: a person looks at it first,
    whatever speaks for it."""
    found = _judged(post, article, rules, own, twin)
    if review and found.action == "publish":
        reason = "Every post of this blog is looked at first"
        return Verdict(action="hold", reason=reason, rule="review")
    return found


def _judged(
    post: Post, article: Article, rules: RuleSet, own: Sequence[Rule], twin: int
) -> Verdict:
    said, lifted = None, False
    for rule, unclear in _fitting(post, article, own):
        if unclear:
            reason = f"{_named(rule, own)} could not be asked: {unclear}"
            return Verdict(action="hold", reason=reason, rule=_named(rule, own))
        if rule.action:
            name = _named(rule, own)
            reason = rule.reason or f"{name} says so"
            said = Verdict(action=rule.action, reason=reason, rule=name)
            lifted = rule.advertisement is True
            break
    if said and said.action != "publish":
        return said
    return _built_in(post, article, rules, said, lifted, twin)


def _built_in(
    post: Post, article: Article, rules: RuleSet, said: Verdict | None, lifted: bool, twin: int
) -> Verdict:
    mark = advertising(post) if rules.advertisements != "publish" and not lifted else ""
    if mark:
        reason = f"The post is marked as an advertisement («{mark}»)"
        return Verdict(action=rules.advertisements, reason=reason, rule="advertisement")
    if rules.empty != "publish" and is_empty(article):
        reason = "The article would have nothing to show"
        return Verdict(action=rules.empty, reason=reason, rule="empty")
    if said:
        return said
    forward = post.forward
    if forward and rules.forwards != "publish" and not _own_forward(post):
        whose = f" of «{forward.name.strip()}»" if forward.name.strip() else ""
        reason = f"It repeats somebody else's words{whose}"
        return Verdict(action=rules.forwards, reason=reason, rule="forward")
    if twin and rules.repeats != "publish" and rules.repeats != "merge":
        reason = f"It says the same as the post {article.blog}/{twin}"
        return Verdict(action=rules.repeats, reason=reason, rule="repeat")
    return Verdict(action="publish", reason="No rule speaks against it", rule="default")


def dressed(post: Post, article: Article, own: Sequence[Rule]) -> Article:
    """The article with what the rules that fit give it: the first category and status, and the
    tags of all, each once whatever its capitals."""
    category = status = ""
    tags = {tag.casefold(): tag for tag in article.tags}
    for rule, unclear in _fitting(post, article, own):
        if unclear:
            continue
        category, status = category or rule.category, status or rule.status
        for tag in rule.tags:
            tags.setdefault(tag.casefold(), tag)
        if rule.action:
            break
    return replace(
        article,
        category=category or article.category,
        status=status or article.status,
        tags=tuple(tags.values()),
    )


def gifts(post: Post, article: Article, own: Sequence[Rule]) -> list[tuple[str, str]]:
    """The rules that give the article something, by name, and what."""
    found = []
    for rule, unclear in _fitting(post, article, own):
        parts = [f"category {rule.category}"] if rule.category else []
        parts += [f"status {rule.status}"] if rule.status else []
        parts += [f"tags {', '.join(rule.tags)}"] if rule.tags else []
        if parts and not unclear:
            found.append((_named(rule, own), "; ".join(parts)))
        if rule.action and not unclear:
            break
    return found


def _fitting(post: Post, article: Article, own: Sequence[Rule]) -> Iterator[tuple[Rule, str]]:
    """The rules that fit, in order, and those of which nobody knows, with why."""
    for rule in own:
        try:
            if fits(rule, post, article):
                yield rule, ""
        except Unclear as error:
            yield rule, str(error)


def _named(rule: Rule, own: Sequence[Rule]) -> str:
    return f"The rule «{rule.name}»" if rule.name else f"The rule {own.index(rule) + 1}"


def _own_forward(post: Post) -> bool:
    return post.forward is not None and post.forward.channel_id == post.channel_id != 0


def is_empty(article: Article) -> bool:
    """Whether a reader would find nothing below the headline, which itself says nothing."""
    from_text = any(span.part == "headline" for span in article.spans)
    return not (article.body or article.lead or article.cover is not None or from_text)
