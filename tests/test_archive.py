"""What the archive of a blog teaches, and what its rules do, by the whole program."""

from pathlib import Path
from typing import Any

import pytest
from blogs import Blog

LINE = "Прислать новость: @masterskaya_bot"


def message(number: int, text: str = "", *, line: str = LINE, **more: Any) -> dict[str, Any]:
    entities: list[dict[str, str]] = [
        {"type": "plain", "text": text or f"Встреча {number}\n\nГоворили о деле {number}.\n\n"}
    ]
    for part in line.split(" "):
        kind = "mention" if part.startswith("@") else "plain"
        entities.append({"type": kind, "text": part if kind == "mention" else f"{part} "})
    return {
        "id": number,
        "type": "message",
        "date": f"2025-05-{number:02}T09:00:00",
        "date_unixtime": str(1_746_000_000 + number * 86_400),
        "text_entities": entities,
        "text": [one["text"] for one in entities],
        **more,
    }


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    return Blog(tmp_path)


def test_a_footer_is_learned_once_and_the_articles_before_it_change_once(blog: Blog) -> None:
    messages = [message(n) for n in range(1, 6)]
    blog.write(*messages[:2])
    assert blog.sync().code == 0
    assert "Прислать" in blog.page(1)
    blog.write(*messages[:3])
    assert "1 new" in blog.sync().text or blog.posts == [1, 2, 3]
    assert all("Прислать" not in blog.page(n) for n in (1, 2, 3))
    blog.write(*messages)
    answer = blog.run("sync", "--verbose")
    assert "updated" not in answer.text, "what was learned changes nothing any more"
    assert "Прислать" not in blog.page(5)
    assert "repeats under 5 posts" in blog.run("show", "b/1").text
    blog.unchanged()


def test_a_ledger_that_is_rebuilt_or_older_learns_the_same(blog: Blog) -> None:
    blog.write(*(message(n) for n in range(1, 4)))
    blog.sync()
    pages = {n: blog.page(n) for n in blog.posts}
    import sqlite3

    with sqlite3.connect(blog.root / "ledger.db") as ledger:
        ledger.executescript("DELETE FROM line; DELETE FROM footer; UPDATE post SET lined = 0;")
    ledger.close()
    blog.sync()
    assert {n: blog.page(n) for n in blog.posts} == pages
    (blog.root / "ledger.db").unlink()
    blog.sync()
    assert {n: blog.page(n) for n in blog.posts} == pages


def test_a_line_that_is_forbidden_comes_back(blog: Blog) -> None:
    blog.write(*(message(n) for n in range(1, 4)))
    blog.sync()
    assert "Прислать" not in blog.page(1)
    blog.settings = f"footer = {{forbid = ['{LINE}'], pin = ['Говорили о деле 2']}}"
    blog.configure()
    blog.sync()
    assert "Прислать" in blog.page(1)
    assert "Говорили о деле 1" in blog.page(1)


def test_the_sheet_tells_what_repeats_before_anything_is_sent(blog: Blog) -> None:
    blog.write(*(message(n) for n in range(1, 4)))
    sheet = blog.root / "sheet.html"
    assert blog.run("preview", "-o", str(sheet), "--no-open").code == 0
    text = sheet.read_text("utf-8")
    assert "repeats under 3 posts" in text
    assert "Lines that repeat, left out of the articles: 1" in text
    assert f"<li>{LINE}<small>b: under 3 posts." in text
    blog.settings = f"footer = {{forbid = ['{LINE}']}}"
    blog.configure()
    blog.run("preview", "-o", str(sheet), "--no-open")
    assert "Lines that repeat" not in sheet.read_text("utf-8")
    assert blog.posts == []


# --- Rules ------------------------------------------------------------------------------------


def ruled(blog: Blog, *rules: str, settings: str = "") -> None:
    """The blog's config gets these tables of [[blog.rule]]."""
    blog.settings = settings
    blog.tables = ""
    blog.configure()
    path = blog.root / "crosspost.toml"
    text = path.read_text("utf-8")
    tables = "\n".join(f"[[blog.rule]]\n{rule}" for rule in rules)
    path.write_text(text.replace("[site.local]", f"{tables}\n[site.local]"), "utf-8")


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("hashtags = 'а'\naction = 'skip'", ".hashtags: there is no such setting; did you mean"),
        ("regex = '('\naction = 'skip'", '.regex = "(": it is no regular expression: missing )'),
        ("kind = 'foto'\naction = 'skip'", ".kind"),
        ("action = 'hodl'", '.action = "hodl": it is one of'),
        ("hashtag = 'а'", "it does nothing: give it an action"),
        ("longer = -1\naction = 'skip'", ".longer = -1: it is at least 0"),
    ],
)
def test_a_wrong_rule_is_told_with_its_line(blog: Blog, rule: str, told: str) -> None:
    ruled(blog, "action = 'hold'\nwords = 'а'", rule)
    answer = blog.sync()
    assert answer.code == 2
    assert "blog[1].rule[2]" in answer.text
    assert told in answer.text
    line = int(answer.text.split("crosspost.toml:")[1].split(":")[0])
    lines = (blog.root / "crosspost.toml").read_text("utf-8").splitlines()
    assert "[[blog.rule]]" in lines[max(line - 3, 0) : line]


def test_one_pair_of_brackets_is_told(blog: Blog) -> None:
    ruled(blog, "action = 'hold'")
    path = blog.root / "crosspost.toml"
    path.write_text(path.read_text("utf-8").replace("[[blog.rule]]", "[blog.rule]"), "utf-8")
    answer = blog.sync()
    assert (answer.code, answer.text.count("\n")) == (2, 1)
    assert "write [[blog.rule]], in two brackets" in answer.text


def test_rules_hold_and_leave_out_and_give_tags_and_say_why(blog: Blog) -> None:
    blog.write(
        message(1, "Отпуск\n\nЯ на две недели в горы.\n\n#личное ", line="Пока"),
        message(2, "Вакансия\n\nИщем столяра в цех.\n\n", line="Приходите"),
        message(3, "Вечер\n\nПосидели, поговорили.\n\n", line="Спасибо"),
    )
    ruled(
        blog,
        "name = 'личное'\nhashtag = 'личное'\naction = 'skip'",
        "words = 'вакансия'\ntags = ['работа']",
        "words = 'вечер*'\naction = 'hold'\nreason = 'Вечера проверяет редактор'",
    )
    answer = blog.run("sync", "-v")
    assert blog.posts == [2]
    assert "работа" in blog.page(2)
    assert "The rule «личное» says so" in answer.text
    assert "Вечера проверяет редактор" in answer.text
    assert "Вечера проверяет редактор" in blog.run("status").text
    assert "The rule «личное»" in blog.run("show", "b/1").text
    sheet = blog.root / "sheet.html"
    blog.run("preview", "-o", str(sheet), "--no-open")
    assert "Вечера проверяет редактор" in sheet.read_text("utf-8")
    assert blog.run("resolve", "b/3", "--publish").code == 0
    assert blog.posts == [2, 3]
    tried = blog.run("rules", "try").text
    assert "(a person decided: publish)" in tried


def test_a_rule_is_tried_on_the_archive_before_it_counts(blog: Blog) -> None:
    blog.write(*(message(n, line="") for n in range(1, 31)))
    blog.sync()
    before = {path: path.read_bytes() for path in blog.site.rglob("*.html")}
    ruled(blog, "regex = 'Встреча 1\\d'\naction = 'skip'")
    answer = blog.run("rules", "try")
    assert answer.code == 0
    assert answer.text.startswith("b: 30 posts: 20 publish, 10 skip\n  skip  The rule 1  10\n")
    assert answer.text.count("(live now)") == 10
    assert blog.run("rules", "try", "-q").text.count("live now") == 10
    assert {path: path.read_bytes() for path in blog.site.rglob("*.html")} == before
    ruled(blog, "words = 'встреча'\naction = 'skip'")
    assert "and 10 more (-v lists all)" in blog.run("rules", "try").text
    assert "more" not in blog.run("rules", "try", "-v").text


# --- Twins and tags ---------------------------------------------------------------------------

FAIR = (
    "Ярмарка переехала\n\nВ субботу мастера ждут вас на набережной у старого рынка: хлеб, "
    "глина, дерево, чай с пряниками и кукольный театр для детей весь день.\n\n"
)


def test_a_text_sent_again_waits_and_names_the_first(blog: Blog) -> None:
    blog.settings = "rules = {repeats = 'hold'}"
    blog.configure()
    again = f"Напоминаем!\n\n{FAIR}#ярмарка "
    blog.write(message(1, line=""), message(2, FAIR, line=""), message(3, again, line=""))
    answer = blog.sync()
    assert (answer.code, blog.posts) == (1, [1, 2])
    assert "It says the same as the post b/2" in answer.text
    assert "It says the same as the post b/2" in blog.run("rules", "try").text
    blog.write(message(1, line=""), message(3, again, line=""))
    assert blog.sync().code == 0
    assert blog.posts == [1, 3], "the first is gone, so this one is said for the first time"


def test_a_text_sent_again_is_two_articles_unless_the_blog_wants_otherwise(blog: Blog) -> None:
    blog.write(message(1, FAIR, line=""), message(2, FAIR, line=""))
    blog.sync()
    assert blog.posts == [1, 2]
    blog.settings = "rules = {repeats = 'skip'}"
    blog.configure()
    blog.write(message(1, FAIR, line=""), message(2, FAIR, line=""), message(3, FAIR, line=""))
    assert blog.sync().code == 0
    assert blog.posts == [1, 2]


def test_a_tag_is_spelled_as_it_was_first_and_called_as_the_blog_wants(blog: Blog) -> None:
    blog.settings = "tags = {'мсп' = 'малый бизнес', 'личное' = ''}"
    blog.configure()
    blog.write(
        message(1, "Налоги\n\nВсё о них.\n\n#НДС #мсп ", line=""),
        message(2, "Ещё налоги\n\nСнова о них.\n\n#ндс #МСП #личное ", line=""),
    )
    blog.sync()
    for number in (1, 2):
        page = blog.page(number)
        assert ">НДС<" in page
        assert ">малый бизнес<" in page
        assert ">ндс<" not in page
        assert "личное" not in page


# --- Replies ----------------------------------------------------------------------------------


def test_a_reply_quotes_the_headline_of_what_it_answers(blog: Blog) -> None:
    ruled(blog, "hashtag = 'личное'\naction = 'skip'")
    blog.write(
        message(1, "Мост закрыт\n\nДо августа.\n\n", line=""),
        message(2, "Уехал к сестре\n\nНа неделю.\n\n#личное ", line=""),
        message(3, "Мост открыли\n\nРаньше срока.\n\n", line="", reply_to_message_id=1),
        message(4, "Вернулся\n\nСоскучился.\n\n", line="", reply_to_message_id=2),
        message(5, "Кто спрашивал\n\nОтвечаю.\n\n", line="", reply_to_message_id=77),
    )
    sheet = blog.root / "sheet.html"
    blog.run("preview", "-o", str(sheet), "--no-open")
    assert '<blockquote class="reply">Мост закрыт</blockquote>' in sheet.read_text("utf-8")
    blog.sync()
    assert '<blockquote class="reply">Мост закрыт</blockquote>' in blog.page(3)
    assert "сестре" not in blog.page(4), "what is not on the blog is not quoted"
    assert "blockquote" not in blog.page(5)
    blog.unchanged()
    blog.write(
        message(1, "Мост закрыли\n\nДо августа.\n\n", line="", edited_unixtime="1746200000"),
        message(3, "Мост открыли\n\nРаньше срока.\n\n", line="", reply_to_message_id=1),
    )
    blog.run("sync", "--accept-deletions")
    assert '<blockquote class="reply">Мост закрыли</blockquote>' in blog.page(3)


def test_a_part_links_to_the_part_before_it_when_the_blog_wants_it(blog: Blog) -> None:
    blog.write(
        message(1, "Печь. Часть 1\n\nКирпич привезли.\n\n", line=""),
        message(2, "О другом\n\nСовсем.\n\nПродолжение следует ", line=""),
        message(3, "Печь. Часть 2\n\nТрубу сложили.\n\n", line=""),
        message(4, "Продолжение\n\nСовсем о другом.\n\n", line=""),
    )
    blog.sync()
    assert all("blockquote" not in blog.page(n) for n in blog.posts)
    blog.settings = "series = true"
    blog.configure()
    blog.sync()
    assert '<blockquote class="reply">Печь. Часть 1</blockquote>' in blog.page(3)
    assert '<blockquote class="reply">О другом</blockquote>' in blog.page(4)
    assert "blockquote" not in blog.page(1)
    assert "blockquote" not in blog.page(2)
    blog.unchanged()


# --- A person's own words ---------------------------------------------------------------------

LONG = (
    "Подрядчик обещает закончить обе полосы к началу учебного года и поставить новые ограждения "
    "до зимы. Дальше очередь за дамбой."
)
BRIDGE = f"Мост открыли\n\nПервыми проехали автобусы и одна корова.\n\n{LONG}\n\n#мост "


def test_an_edited_headline_lead_and_tags_survive_an_edit_of_the_post(blog: Blog) -> None:
    blog.write(message(1, BRIDGE, line=""))
    blog.sync()
    address = blog.page_of(1)
    words = ("--headline", "Мост снова наш <b>", "--lead", "Год & день.", "--tags", "#мост, город")
    assert blog.run("edit", "b/1", *words).code == 0
    for text in (BRIDGE, BRIDGE.replace("корова", "коза")):
        blog.write(message(1, text, line="", edited_unixtime="1746200000"))
        blog.sync()
        page = blog.page(1)
        assert blog.page_of(1) == address
        assert ">Мост снова наш &lt;b&gt;<" in page
        assert "Год &amp; день." in page
        assert ">город<" in page
        assert text[14:40] in page, "the paragraph that was the lead is in the text"
    assert "коза" in blog.page(1)
    shown = blog.run("show", "b/1").text
    assert "Note: Written by a person: headline, lead, tags" in shown
    assert "edited by hand: headline, lead, tags" in shown
    blog.unchanged()
    assert blog.run("edit", "b/1", "--undo").code == 0
    assert ">Мост открыли<" in blog.page(1)
    assert "снова" not in blog.page(1)


def test_a_sentence_that_was_the_headline_goes_back_into_the_text(blog: Blog) -> None:
    blog.write(message(1, "Дед держал пчёл. Пятьдесят ульев стояли за баней. ", line=""))
    blog.sync()
    blog.run("edit", "b/1", "--headline", "Пчёлы")
    assert "Дед держал пчёл. Пятьдесят ульев" in blog.page(1)
    assert blog.run("edit", "b/1", "--lead", "").code == 0
    assert ">Пчёлы<" in blog.page(1), "what is not named stays as it was edited"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Say what to change"),
        (("--headline", " \n "), "an article has a headline"),
        (("--headline", "а" * 301), "at most 300 characters"),
        (("--headline", "а", "--undo"), "--undo takes everything back"),
    ],
)
def test_what_cannot_be_written_is_told(blog: Blog, words: tuple[str, ...], told: str) -> None:
    blog.write(message(1, BRIDGE, line=""))
    blog.sync()
    answer = blog.run("edit", "b/1", *words)
    assert answer.code == 2
    assert told in answer.text


def test_the_form_in_the_editor_takes_only_what_was_changed(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    from crosspost.cli import edit

    blog.write(message(1, BRIDGE, line=""))
    blog.sync()
    seen = []

    def typed(text: str) -> str:
        seen.append(text)
        return text.replace("headline: Мост открыли", "headline: Мост: наш")

    monkeypatch.setattr(click, "edit", typed)
    monkeypatch.setattr(edit, "_terminal", lambda: True)
    assert blog.run("edit", "b/1").code == 0
    assert "lead: Первыми проехали автобусы и одна корова.\ntags: мост\n" in seen[0]
    assert "Written by a person: headline\n" in blog.run("show", "b/1").text
    assert ">Мост: наш<" in blog.page(1)
    monkeypatch.setattr(click, "edit", lambda _text: None)
    assert "Nothing to do" in blog.run("edit", "b/1").text


def test_several_articles_are_edited_one_after_the_other(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    from crosspost.cli import edit

    blog.write(*(message(n, line="") for n in range(1, 6)))
    blog.sync()
    assert blog.run("edit", "b", "1", "3-4", "--tags", "дело").code == 0
    assert [n for n in blog.posts if ">дело<" in blog.page(n)] == [1, 3, 4]
    seen = []

    def typed(text: str) -> str:
        seen.append(text.splitlines()[0])
        return text.replace("headline: Встреча", "headline: Разговор")

    monkeypatch.setattr(click, "edit", typed)
    monkeypatch.setattr(edit, "_terminal", lambda: True)
    assert blog.run("edit", "b", "4-5", "2").code == 0
    assert seen == [f"# b/{n}  https://t.me/workshop/{n}" for n in (2, 4, 5)]
    assert ">Разговор 5</h1>" in blog.page(5)
    assert blog.run("edit", "1-5", "--undo").code == 0
    assert not [n for n in blog.posts if "Разговор" in blog.page(n) or ">дело<" in blog.page(n)]
    told = blog.run("edit", "1-2", "--headline", "Мост")
    assert (told.code, "A headline is one article's" in told.text) == (2, True)
    assert "no post of «b» is in 70-80" in blog.run("edit", "70-80", "--undo").text


def test_editing_a_post_that_is_held_does_not_publish_it(blog: Blog) -> None:
    ruled(blog, "action = 'hold'")
    blog.write(message(1, BRIDGE, line=""))
    blog.sync()
    blog.run("edit", "b/1", "--headline", "Мост")
    assert blog.posts == []
    blog.run("resolve", "b/1", "--publish")
    assert ">Мост<" in blog.page(1)


def test_a_headline_is_as_long_as_each_site_takes_it(tmp_path: Path) -> None:
    long = "Ярмарку мастеров перенесли на субботу, потому что дождь обещают до самой пятницы"
    blog = Blog(tmp_path, tables="[site.other]\ntype = 'static'\npath = 'narrow'")
    blog.configure()
    config = tmp_path / "crosspost.toml"
    text = config.read_text("utf-8").replace("site = 'local'", "site = ['local', 'other']")
    config.write_text(text.replace("credit =", "title_lengths = {other = 40}\ncredit ="), "utf-8")
    blog.write(message(1, f"{long}\n\nПриходите.\n\n", line=""))
    assert blog.sync().code == 0
    assert f">{long}</h1>" in blog.page(1)
    (page,) = tmp_path.glob("narrow/b/1-*.html")
    assert ">Ярмарку мастеров перенесли на субботу…</h1>" in page.read_text("utf-8")
    blog.unchanged()
    config.write_text(config.read_text("utf-8").replace("{other", "{othr"), "utf-8")
    told = blog.sync()
    assert told.code == 2
    assert "this blog does not go to the site «othr»; did you mean «other»?" in told.text


# --- Photos of phones -------------------------------------------------------------------------


def test_what_a_phone_took_and_sent_as_a_file_is_a_photo_on_the_site(blog: Blog) -> None:
    phone = Path(__file__).parent / "golden/pictures/phone.heic"
    (blog.export / "IMG_1.HEIC").write_bytes(phone.read_bytes())
    file = {"file": "IMG_1.HEIC", "file_name": "IMG_1.HEIC", "mime_type": "image/heic"}
    blog.write(message(1, BRIDGE, line="", **file))
    assert blog.sync().code == 0
    (picture,) = blog.site.rglob("*.jpg")
    assert picture.read_bytes()[:3] == b"\xff\xd8\xff"
    assert picture.name in blog.page(1)
    assert not [*blog.site.rglob("*.HEIC"), *blog.site.rglob("*.heic"), *blog.site.rglob("*.bin")]
    blog.unchanged()
