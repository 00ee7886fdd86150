"""Which posts go, and which wait for a person."""

from datetime import UTC, datetime

import pytest

from crosspost.model import Author, Channel, Entity, LinkPreview, Post
from crosspost.normalize import Style, normalize
from crosspost.rules import RuleSet, Verdict, judge

STYLE = Style(blog="b", channel=Channel(id=1), author=Author(name="Автор"), language="ru")


def verdict(text: str, rules: RuleSet | None = None, **more: object) -> Verdict:
    post = Post(id=7, ids=(7,), date=datetime(2025, 5, 1, tzinfo=UTC), text=text, **more)  # type: ignore[arg-type]
    return judge(post, normalize(post, STYLE), rules or RuleSet())


@pytest.mark.parametrize(
    "text",
    [
        "Станки со скидкой.\n\nРеклама. ООО «Верстак», ИНН 0000000000",
        "Станки со скидкой. erid: 2VtzqxSAMPLE",
        "Станки со скидкой\nerid 2VtzqxSAMPLE",
        "Станки: https://example.org/?erid=2VtzqxSAMPLE",
        "#реклама\nСтанки со скидкой",
        "Станки со скидкой #промо",
        "На правах рекламы\n\nСтанки со скидкой",
        "РЕКЛАМА 16+\nСтанки",
        "Great lathes. #ad",
        "Станки. Рекламодатель: ООО «Верстак»",
    ],
)
def test_an_advertisement_waits_for_a_person(text: str) -> None:
    found = verdict(text)
    assert (found.action, found.rule) == ("hold", "advertisement")
    assert "advertisement" in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "Реклама не работает, если мастер спит.",
        "Сняли рекламу с фасада и вздохнули.",
        "Вчера спорили: реклама — двигатель торговли или тормоз?",
        "Слово дня: #рекламация",
        "Вериду привет.",
        "The ad hoc committee met.",
    ],
)
def test_a_post_about_advertising_is_none(text: str) -> None:
    assert verdict(text).action == "publish"


def test_an_erid_hidden_in_a_link_is_found() -> None:
    link = Entity(type="text_link", offset=0, length=6, value="https://example.org/?x=1&erid=Kra2")
    assert verdict("Станки со скидкой", entities=(link,)).rule == "advertisement"
    card = LinkPreview(url="https://example.org/?erid=Kra2")
    assert verdict("Станки со скидкой", link_preview=card).rule == "advertisement"


def test_a_blog_may_let_advertisements_through_or_leave_them_out() -> None:
    text = "Станки. Реклама. ООО «Верстак»"
    assert verdict(text, RuleSet(advertisements="publish")).action == "publish"
    assert verdict(text, RuleSet(advertisements="skip")).action == "skip"


def test_a_post_with_nothing_to_show_waits() -> None:
    assert verdict("").rule == "empty"
    assert verdict("#тег").rule == "empty"
    assert verdict("Рабочее утро.").action == "publish"
    assert verdict("", RuleSet(empty="publish")).action == "publish"


def test_a_flood_of_blank_lines_or_signs_is_judged_at_once() -> None:
    assert verdict("\n" * 200_000 + "Станки").action == "publish"
    assert verdict("Станки " + "реклама " * 50_000).action == "publish"
