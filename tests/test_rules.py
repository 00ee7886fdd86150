"""Which posts go, and which wait for a person."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosspost.model import (
    Author,
    Channel,
    Entity,
    Extra,
    Forward,
    LinkPreview,
    Media,
    Place,
    Poll,
    Post,
    Reply,
)
from crosspost.normalize import Style, normalize
from crosspost.rules import Rule, RuleSet, Verdict, alike, dressed, gifts, judge, problem, signs
from crosspost.rules._match import kinds, language_of

STYLE = Style(
    blog="b",
    channel=Channel(id=1),
    author=Author(name="Автор"),
    language="ru",
    timezone="Asia/Omsk",
)

DATE = datetime(2025, 5, 1, 3, 0, tzinfo=UTC)  # a Thursday


def made(text: str = "Слово", **more: Any) -> Post:
    return Post(**{"id": 7, "ids": (7,), "date": DATE, "text": text} | more)


def verdict(text: str, rules: RuleSet | None = None, **more: Any) -> Verdict:
    return ruled(made(text, **more), rules=rules)


def ruled(post: Post, *own: Rule, rules: RuleSet | None = None, twin: int = 0) -> Verdict:
    return judge(post, normalize(post, STYLE), rules or RuleSet(), own, twin)


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


# --- Rules of the blog's own ------------------------------------------------------------------

PHOTO = Media(kind="photo", locator="1/0")
CITY = Forward(name="Город на Иртыше", url="https://t.me/gorod_55/8", channel_id=8)

FITTING: list[tuple[dict[str, Any], Post, Post]] = [
    ({"hashtag": ("личное",)}, made("Отпуск #Личное"), made("Отпуск #личноедело")),
    ({"hashtag": ("#малый бизнес",)}, made("Налоги #малый_бизнес"), made("малый_бизнес")),
    ({"words": ("скидка",)}, made("Вот СКИДКА!"), made("Скидками не торгуем")),
    ({"words": ("скидк*",)}, made("Скидками торгуем"), made("Без скупки")),
    ({"words": ("чёрная пятница",)}, made("Черная\nпятница"), made("Чёрная белая пятница")),
    ({"words": ("ярмарка",)}, made("", poll=Poll(question="Ярмарка?")), made("Рынок")),
    ({"words": ("",)}, made("всё"), made("всё")),
    ({"regex": r"^вакансия:"}, made("Работа\nВакансия: столяр"), made("Есть вакансия: столяр")),
    ({"kind": ("voice", "poll")}, made(poll=Poll(question="?")), made()),
    ({"longer": 10}, made("а" * 11), made("а" * 10)),
    ({"shorter": 10}, made("а" * 9), made("а" * 10)),
    ({"media": True}, made(media=(PHOTO,)), made()),
    ({"media": False}, made(), made(media=(PHOTO,))),
    ({"forward": True}, made(forward=CITY), made()),
    ({"forward": False}, made(), made(forward=CITY)),
    ({"forwarded_from": ("@Gorod_55",)}, made(forward=CITY), made("@gorod_55")),
    ({"forwarded_from": ("город на",)}, made(forward=CITY), made(forward=Forward(name="Дело"))),
    ({"reply": True}, made(reply_to=Reply(post_id=3)), made()),
    ({"advertisement": True}, made("Станки. erid: 2VtzqSAMPLE"), made("Станки")),
    ({"language": ("en",)}, made("The fair is on and we are in."), made("Ярмарка идёт, и мы там.")),
    ({"time": "08:00-10:00"}, made(), made(date=DATE + timedelta(hours=1))),
    ({"time": "22:00-07:00"}, made(date=DATE - timedelta(hours=3)), made()),
    ({"days": ("thu",)}, made(), made(date=DATE + timedelta(hours=16))),
    ({"after": DATE}, made(), made(date=DATE - timedelta(seconds=1))),
    ({"before": DATE}, made(date=DATE - timedelta(seconds=1)), made()),
    ({"hashtag": ("а",), "media": True}, made("Да #а", media=(PHOTO,)), made("Да #а")),
]


@pytest.mark.parametrize(("asks", "yes", "no"), FITTING)
def test_a_rule_fits_what_it_asks_for_and_nothing_else(
    asks: dict[str, Any], yes: Post, no: Post
) -> None:
    rule = Rule(**asks, action="skip")
    assert problem(rule) == ("", "")
    quiet = RuleSet(advertisements="publish")
    if asks != {"words": ("",)}:
        assert ruled(yes, rule, rules=quiet).action == "skip"
    assert ruled(no, rule, rules=quiet).action == "publish"


def test_everything_a_rule_may_ask_is_tried_here() -> None:
    does = {"name", "action", "category", "status", "tags", "reason"}
    asked = {name for asks, _, _ in FITTING for name in asks}
    assert asked == set(Rule.__struct_fields__) - does


def test_rules_are_asked_in_order_and_the_first_action_ends_it() -> None:
    first = Rule(name="а", hashtag=("тег",), tags=("Один",), category="К", reason="Так надо")
    second = Rule(hashtag=("тег",), action="hold", tags=("один", "Два"), category="Другая")
    third = Rule(action="skip", tags=("Три",), status="draft")
    post = made("Слово дела #тег")
    found = ruled(post, first, second, third)
    assert (found.action, found.rule) == ("hold", "The rule 2")
    article = dressed(post, normalize(post, STYLE), (first, second, third))
    assert (article.category, article.status, article.tags) == ("К", "", ("Один", "Два"))
    assert gifts(post, article, (first, second, third)) == [
        ("The rule «а»", "category К; tags Один"),
        ("The rule 2", "category Другая; tags один, Два"),
    ]
    assert ruled(made("Слово"), first, second, third).reason == "The rule 3 says so"
    assert ruled(post, Rule(name="х", action="skip", reason="Так надо")).reason == "Так надо"
    plain = normalize(made(), STYLE)
    assert dressed(made(), plain, (first,)) == plain


def test_forwards_are_published_held_or_left_out_and_a_rule_makes_exceptions() -> None:
    post = made("Дождь", forward=CITY, channel_id=5)
    assert ruled(post).action == "publish"
    held = ruled(post, rules=RuleSet(forwards="hold"))
    assert (held.action, held.rule) == ("hold", "forward")
    assert "Город на Иртыше" in held.reason
    own = made("Дождь", forward=Forward(name="Я", channel_id=5), channel_id=5)
    assert ruled(own, rules=RuleSet(forwards="hold")).action == "publish"
    let = Rule(forwarded_from=("gorod_55",), action="publish")
    assert ruled(post, let, rules=RuleSet(forwards="skip")).action == "publish"


def test_a_rule_about_something_else_publishes_no_advertisement() -> None:
    post = made("Станки\n\nРеклама. ООО «Верстак», erid: 2VtzqSAMPLE #станки")
    assert ruled(post, Rule(hashtag=("станки",), action="publish")).rule == "advertisement"
    let = Rule(hashtag=("станки",), advertisement=True, action="publish")
    assert ruled(post, let).action == "publish"
    assert "erid: 2VtzqSAMPLE" in normalize(post, STYLE).body
    assert ruled(made(""), Rule(action="publish")).rule == "empty"


def test_a_pattern_that_never_ends_holds_the_post_and_says_which_rule() -> None:
    rule = Rule(name="злое", regex=r"(а|аа)+$", action="skip")
    begun = time.monotonic()
    found = ruled(made("а" * 60 + "б"), rule)
    assert time.monotonic() - begun < 3
    assert found.action == "hold"
    assert found.reason.startswith("The rule «злое» could not be asked: its pattern took more")
    assert dressed(made("а" * 60 + "б"), normalize(made(), STYLE), (rule,)).tags == ()


@pytest.mark.parametrize(
    ("rule", "key", "text"),
    [
        (Rule(regex="(", action="skip"), "regex", "no regular expression"),
        (Rule(kind=("foto",), action="skip"), "kind", "«foto»"),
        (Rule(language=("fr",), action="skip"), "language", "«fr»"),
        (Rule(days=("monday",), action="skip"), "days", "«monday»"),
        (Rule(time="25:00-7", action="skip"), "time", "22:00-07:00"),
        (Rule(hashtag=("тег",)), "", "does nothing"),
    ],
)
def test_a_rule_that_cannot_work_is_told(rule: Rule, key: str, text: str) -> None:
    assert problem(rule)[0] == key
    assert text in problem(rule)[1]


def test_what_kinds_a_post_is_of() -> None:
    assert kinds(made()) == {"text"}
    assert kinds(made(media=(PHOTO, PHOTO), ids=(7, 8))) == {"photo", "album"}
    card = LinkPreview(url="https://example.org", photo=0)
    assert kinds(made(media=(PHOTO,), link_preview=card)) == {"link"}
    assert kinds(made(poll=Poll(question="?", quiz=True))) == {"poll", "quiz"}
    assert kinds(made(place=Place(latitude=1, longitude=2))) == {"place"}
    assert kinds(made(extras=(Extra(kind="story"),))) == {"story"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ярмарку перенесли на субботу, приходите.", "ru"),
        ("Ярмарок перенесли на суботу, її чекають усі, є місця.", "uk"),
        ("Кірмаш перанеслі на суботу, ўсе чакаюць, прыходзьце ўсе.", "be"),
        ("Жәрмеңке сенбіге ауыстырылды, келіңіздер.", "kk"),
        ("The fair moved to Saturday, and we are there.", "en"),
        ("Der Markt findet am Samstag statt.", ""),
        ("Да", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_text_is_guessed(text: str, language: str) -> None:
    assert language_of(text) == language


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=12), max_size=3))
def test_no_text_breaks_a_rule(text: str, words: list[str]) -> None:
    rule = Rule(words=(*words, "*"), hashtag=tuple(words), forwarded_from=tuple(words), tags=("т",))
    post = made(text, forward=CITY)
    assert ruled(post, rule).action in ("publish", "hold")
    assert ruled(post, Rule(words=tuple(words), action="skip")).action in (
        "skip",
        "publish",
        "hold",
    )
    assert len(signs(post)) in (0, 12)


# --- Twins ------------------------------------------------------------------------------------

TEXT = (
    "Ярмарка мастеров пройдёт в эту субботу на площади у старого рынка. Придут пекари, столяры и "
    "гончары, а для детей будет кукольный театр и чай с пряниками весь день."
)


@pytest.mark.parametrize(
    "again",
    [
        TEXT,
        TEXT.upper() + " 🔥",
        f"Напоминаем!\n\n{TEXT}\n\n#ярмарка https://example.org/?utm_source=2",
        TEXT.replace("кукольный", "настоящий кукольный"),
    ],
)
def test_the_same_text_sent_again_is_a_twin(again: str) -> None:
    one, other = made(TEXT), made(again, id=9)
    assert alike(one, other)
    shared = set(signs(one)) & set(signs(other))
    assert len(shared) >= 4, "the ledger would find it"


@pytest.mark.parametrize(
    "other",
    [
        "Доброе утро!",
        TEXT[:70],
        TEXT + " " + "Но сначала о том, как всё начиналось и почему нам это нужно. " * 3,
        TEXT.replace("эту субботу", "субботу 12 мая"),
        "Совсем о другом: завтра до вечера не будет воды в домах по улице Почтовой, чай не пить.",
    ],
)
def test_a_text_that_says_something_else_is_no_twin(other: str) -> None:
    assert not alike(made(TEXT), made(other))


def test_a_short_text_may_be_said_twice() -> None:
    assert signs(made("Доброе утро, друзья!")) == ()
    assert not alike(made("Доброе утро!"), made("Доброе утро!"))


def test_a_twin_is_held_when_the_blog_wants_it_and_the_other_is_named() -> None:
    assert ruled(made(TEXT), twin=5).action == "publish"
    held = ruled(made(TEXT), rules=RuleSet(repeats="hold"), twin=5)
    assert (held.action, held.rule) == ("hold", "repeat")
    assert held.reason == "It says the same as the post b/5"
    assert ruled(
        made(TEXT), Rule(action="publish"), twin=5, rules=RuleSet(repeats="skip")
    ).action == ("publish")
