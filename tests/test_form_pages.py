"""What a browser would send of a form, and what a page complains of, by HTML's rules."""

import random
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from crosspost.errors import PublisherError
from crosspost.model import Article, Author
from crosspost.publishers.form import FormSettings
from crosspost.publishers.form import _marks as marks
from crosspost.publishers.form._body import Text, Words, lead_of, plain, said, shorten
from crosspost.publishers.form._complaints import complaints
from crosspost.publishers.form._controls import File
from crosspost.publishers.form._encode import Multipart, encoded, urlencoded
from crosspost.publishers.form._find import everything
from crosspost.publishers.form._page import Form, Page, decoded
from crosspost.publishers.form._settings import PARTS, Place, id_in


def page(html: str, kind: str = "text/html; charset=utf-8") -> Page:
    return Page("https://cms.example.com/add/?x=1", 200, kind, html.encode("utf-8"))


def form(html: str) -> Form:
    (found,) = page(f"<form id=f>{html}</form>").forms()
    return found


def sent(html: str, *buttons: str) -> list[tuple[str, Any]]:
    made = form(html)
    return made.entries(made.button(buttons) if buttons else None)


# --- Which fields are sent ---


@pytest.mark.parametrize(
    ("html", "entries"),
    [
        ("<input name=a value=1>", [("a", "1")]),
        ("<input name=a>", [("a", "")]),
        ("<input value=1>", []),
        ("<input name=a value=1 disabled>", []),
        ("<fieldset disabled><input name=a value=1></fieldset>", []),
        ("<fieldset disabled><legend><input name=a value=1></legend></fieldset>", [("a", "1")]),
        ("<input type=hidden name=a value=1>", [("a", "1")]),
        ("<input type=checkbox name=a>", []),
        ("<input type=checkbox name=a checked>", [("a", "on")]),
        ("<input type=checkbox name=a value=x checked>", [("a", "x")]),
        (
            (
                "<input type=checkbox name=a value=1 checked><input type=checkbox name=a>"
                "<input type=checkbox name=a value=3 checked>"
            ),
            [("a", "1"), ("a", "3")],
        ),
        (
            "<input type=radio name=a value=1 checked><input type=radio name=a value=2 checked>",
            [("a", "2")],
        ),
        ("<select name=a><option>one<option>two</select>", [("a", "one")]),
        ("<select name=a><option disabled>one<option>two</select>", [("a", "two")]),
        ("<select name=a><option value=''>-<option selected value=2>two</select>", [("a", "2")]),
        ("<select name=a size=3><option>one</select>", []),
        ("<select name=a multiple><option>one<option>two</select>", []),
        (
            "<select name=a multiple><option selected>1<option>2<option selected>3</select>",
            [("a", "1"), ("a", "3")],
        ),
        (
            "<select name=a multiple><optgroup disabled><option selected>1</optgroup></select>",
            [],
        ),
        ("<textarea name=a>\nfirst\nsecond</textarea>", [("a", "first\nsecond")]),
        ("<textarea name=a>\n\nfirst</textarea>", [("a", "\nfirst")]),
        ("<textarea name=a> &lt;b&gt; </textarea>", [("a", " <b> ")]),
        ("<input type=file name=a>", [("a", None)]),
        ("<input type=button name=a value=1><input type=reset name=b>", []),
        ("<input type=submit name=a value=1>", []),
        ("<datalist><input name=a></datalist><template><input name=b></template>", []),
        ("<input type=hidden name=_charset_>", [("_charset_", "utf-8")]),
    ],
)
def test_what_is_sent_is_what_a_browser_sends(html: str, entries: list[tuple[str, Any]]) -> None:
    assert sent(html) == entries


def test_of_the_buttons_only_the_pressed_one_is_sent() -> None:
    html = "<input type=submit name=save value=1><button name=go value=2>Продолжить</button>"
    assert sent(html, "save") == [("save", "1")]
    assert sent(html, "nothing", "Продолжить") == [("go", "2")]
    assert sent("<input type=image name=i>", "i") == [("i.x", "0"), ("i.y", "0")]


def test_fields_elsewhere_belong_to_the_form_they_name() -> None:
    found = page("<form id=f><input name=a></form><input name=b form=f><input name=c form=g>")
    assert [one.name for one in found.forms()[0].controls] == ["a", "b"]
    found = page("<form id=f><input name=a form=other></form>")
    assert found.forms()[0].controls == []


def test_a_button_may_say_where_and_how_its_form_goes() -> None:
    made = form('<button name=a formaction="/other/" formmethod=post>Да</button>')
    assert made.action(made.button(["a"])) == "https://cms.example.com/other/"
    assert (made.method(made.button(["a"])), made.method()) == ("POST", "GET")
    assert made.action() == "https://cms.example.com/add/?x=1"


def test_addresses_start_from_the_pages_base() -> None:
    found = page('<base href="/deep/"><form action="save"></form><a class=x href="y">z</a>')
    assert found.forms()[0].action() == "https://cms.example.com/deep/save"
    assert found.link("a.x") == "https://cms.example.com/deep/y"


def test_the_form_with_most_of_the_fields_is_taken() -> None:
    found = page(
        "<form id=search><input name=q></form><form id=main><input name=title><input name=q></form>"
    )
    best = found.form(["title", "q"])
    assert best is not None
    assert best.tag["id"] == "main"
    assert found.form(["nothing"]) is None
    assert found.form(["title"], "#search") is None


# --- How it is written ---


def test_line_ends_and_letters_are_written_as_a_browser_does() -> None:
    assert urlencoded([("a b", "1\n2"), ("я", "&")], "utf-8") == "a+b=1%0D%0A2&%D1%8F=%26"
    assert encoded("Хлеб 🥖", "cp1251") == "Хлеб ".encode("cp1251") + b"&#129366;"


@pytest.mark.parametrize("codec", ["idna", "undefined", "hex", "punycode", "rot13", "zip", "no"])
def test_an_encoding_that_no_page_is_in_counts_as_none(codec: str) -> None:
    assert decoded(f"text/html; charset={codec}", b"abc\xff") == "abc\N{REPLACEMENT CHARACTER}"
    html = f"<form accept-charset={codec}><input name=a value=б></form>"
    for given in (page(html), page(html, f"text/html; charset={codec}")):
        (found,) = given.forms()
        assert urlencoded(found.entries(None), found.encoding) == "a=%D0%B1"


def test_files_go_as_parts_with_names_that_break_nothing(tmp_path: Path) -> None:
    path = tmp_path / "foto.png"
    path.write_bytes(b"PNG")
    entries = [("a", "1\n2"), ("f", File(path, 'x"\r\n.png', "image/png")), ("none", None)]
    body = Multipart(entries, "utf-8")
    written = b"".join(body)
    assert len(body) == len(written)
    assert b'name="a"\r\n\r\n1\r\n2\r\n' in written
    assert b'filename="x%22%0D%0A.png"\r\nContent-Type: image/png\r\n\r\nPNG\r\n' in written
    assert b'name="none"; filename=""' in written
    assert written.count(body.kind.partition("=")[2].encode()) == 4


# --- Labels ---


@pytest.mark.parametrize(
    "html",
    [
        "<label for=i>Заголовок:</label><input id=i name=a>",
        "<label>Заголовок <input name=a></label>",
        "<label>Заголовок * <select name=a><option>x</select></label>",
        '<input name=a aria-label="Заголовок">',
        "<input name=a placeholder=Заголовок>",
        "<table><tr><td>Заголовок<td><input name=a></table>",
        "<table><tr><th>Заголовок</th><td><input name=a></td></tr></table>",
        "<div><span><label>Заголовок</label></span><p><input name=a></p></div>",
    ],
)
def test_a_field_is_called_what_stands_beside_it(html: str) -> None:
    (control,) = form(html).controls
    assert control.label == "Заголовок"


def test_required_is_what_the_form_says_is() -> None:
    made = form(
        "<input name=a required><input name=b aria-required=true>"
        "<label class=required for=c>C</label><input id=c name=c><input name=d>"
    )
    assert [one.name for one in made.controls if one.required] == ["a", "b", "c"]


# --- What is wrong ---


@pytest.mark.parametrize(
    ("html", "told"),
    [
        (
            (
                "<div class=row><ul class=errorlist><li>Обязательное поле.</ul>"
                "<label for=t>Заголовок:</label><input id=t name=t></div>"
            ),
            {"Обязательное поле.": "Заголовок"},
        ),
        ("<p class=errornote>Исправьте ошибку</p><input name=t>", {"Исправьте ошибку": ""}),
        ("<div class='notice notice-error'><p>Нет прав</p></div>", {"Нет прав": ""}),
        ("<div class='error hidden'>Связь потеряна</div>", {}),
        ("<div class='error hide-if-js'>Включите скрипты</div>", {}),
        ("<div style='display: none'><p class=error>x</p></div>", {}),
        ("<noscript><p class=error>Включите скрипты</p></noscript>", {}),
        ("<input name=t class=error>", {}),
        (
            (
                "<label for=t>Дата</label><input id=t name=t aria-invalid=true "
                "aria-describedby='help e-error'><i id=e-error>Не дата</i><i id=help>Так</i>"
            ),
            {"Не дата": "Дата"},
        ),
        ("<div role=alert>Слишком длинно</div>", {"Слишком длинно": ""}),
    ],
)
def test_what_a_page_complains_of_is_read(html: str, told: dict[str, str]) -> None:
    assert complaints(page(f"<form>{html}</form>")) == told


def test_a_site_with_marks_of_its_own_is_told_so() -> None:
    found = page("<form><b class=bad>Нельзя</b></form>")
    assert complaints(found) == {}
    assert complaints(found, ".bad") == {"Нельзя": ""}


# --- Addresses and marks ---


@pytest.mark.parametrize(
    ("address", "edit", "found"),
    [
        ("https://x/blog/12/change/", "/blog/{id}/change/", "12"),
        ("https://x/blog/12/change/?_popup=1", "/blog/{id}/change/", "12"),
        ("https://x/blog/add/", "/blog/{id}/change/", ""),
        ("https://x/p.php?action=edit&post=7&message=6", "/p.php?post={id}&action=edit", "7"),
        ("https://x/p.php?post=7", "/p.php?post={id}&action=edit", ""),
        ("https://x/a?id=", "/a?id={id}", ""),
        ("https://x/blog/../../12/change/", "/blog/{id}/change/", ""),
    ],
)
def test_an_id_is_read_from_the_address_of_an_edit_page(
    address: str, edit: str, found: str
) -> None:
    assert id_in(address, edit) == found


def test_a_mark_is_read_from_any_text_and_tells_whether_words_changed() -> None:
    words = marks.of_words(["Заголовок", "<p>Текст</p>"])
    mark = marks.written("business", 12, "ab" * 32, words, "")
    text = f'<p>Текст</p><p class="x {mark}">…</p>'
    found = marks.read(text)
    assert found is not None
    assert (found.blog, found.post_id, found.digest) == ("business", 12, "ab" * 32)
    assert words == marks.of_words(["Заголовок", "<p class=y>Те</p> кст"])
    assert words != marks.of_words(["Заголовок", "<p>Тест</p>"])
    assert marks.read("crosspost--business--12--") is None


def test_words_are_read_from_a_text_a_line_a_paragraph() -> None:
    html = '<p>Один <b>два</b><br>три</p><ul><li>а</li><li>б</li></ul><p><a href="https://x/">в</a></p>'
    assert said(html) == "Один два\nтри\nа\nб\nв"
    assert plain(html) == "Один два\nтри\n\nа\nб\nв (https://x/)"
    lead, rest = lead_of('<p class="crosspost-lead">Лид <em>же</em></p><p>Текст</p>')
    assert (lead, rest) == ("Лид <em>же</em>", "<p>Текст</p>")


def test_a_text_holds_no_shortcode_and_no_address_that_a_site_would_fetch() -> None:
    """Known admins are WordPress's too, where square brackets and lone addresses mean more."""
    made = Article(
        blog="b",
        post_id=1,
        slug="1",
        title="Т",
        lead="[gallery]",
        body='<p>[embed x="1"]</p><p>https://evil.example/a</p>'
        '<p><a href="https://a.example/[b]">[c]</a></p><pre><code>d[0] &lt;[e]</code></pre>',
        attribution="",
        date=datetime(2025, 5, 1, tzinfo=UTC),
        author=Author(name="А"),
        timezone="UTC",
        language="ru",
        source_url="https://t.me/a/1",
    )
    html = Text(made, {}, lambda _: "", Words("", "")).html(())
    assert "[" not in html
    assert 'href="https://a.example/&#91;b]"' in html
    assert "https://" not in re.sub("<[^>]*>", "", html)
    assert said(html) == '[gallery]\n[embed x="1"]\nhttps://evil.example/a\n[c]\nd[0] <[e]'


def test_a_long_title_is_cut_at_a_word_in_the_letters_that_browsers_count() -> None:
    assert shorten("Раз два три", 9) == "Раз два…"
    assert shorten("Раз", 9) == "Раз"
    assert len(shorten("𝕏" * 300, 200).encode("utf-16-le")) // 2 <= 200


ODD = [
    "<form>", "</form>", "<form method=post enctype=multipart/form-data id=f>", "<input name=a>",
    "<input type=checkbox name=b checked>", "<input type=radio name=c>", "</select>", "</textarea>",
    "<select name=d><option selected>x", "<option value=2>y", "<textarea name=e>\n\nq", "</label>",
    "<fieldset disabled>", "<legend>l", "</fieldset>", "<label for=a>Заголовок", "<table><tr><td>",
    "<td>", "</table>", "<div class=error>bad", "</div>", "<base href='//evil/'>", "\x00", "&#0;",
    "<input aria-invalid=true aria-describedby='x error1' id=a name=t>", "<p id=error1>нет</p>",
    "<a href='javascript:1'>", "<a href='http://[x'>", "<form action='http://[y' method=post>",
    "<base href='http://a:b'>", "<a href='http://x:99999999/'>", "<img src='http://[z'>", "<!--",
    "<![CDATA[", "-->", "<template>", "</template>", "<input type=file name=cover>",
    "<textarea name=text>", "<input name=date_0><input name=date_1>", "<meta charset=utf-7>",
    "<input type=image name=i>", "<input name=m maxlength=99999999999999999999>",
    "<select multiple name=tags><option>a<option>b</select>", "<button name=g value=1>",
    "<input form=f name=z type=submit formaction=http://x:99999/>", "<input name=n disabled>",
]  # fmt: skip


def test_no_page_however_odd_is_too_much() -> None:
    from crosspost.publishers.form.propose import _article_form, _Map

    chance = random.Random(7)
    for _ in range(300):
        html = "".join(chance.choices(ODD, k=chance.randint(1, 25)))
        charset = chance.choice(("utf-8", "windows-1251", "nonsense", "utf-16"))
        found = page(html, f"text/html; charset={charset}")
        assert isinstance(complaints(found), dict)
        assert found.text.isprintable()
        assert all(isinstance(one, str) for one in [found.link("a"), *found.links("a")])
        for one in found.forms():
            entries = one.entries(one.button())
            assert isinstance(one.action(one.button()), str)
            assert all(control.told.isprintable() for control in one.controls)
            urlencoded(entries, one.encoding)
            Multipart(entries, one.encoding)
            assert all(isinstance(line, str) for line in _Map(one).lines)
        _article_form(found)


def test_an_archive_whose_pages_never_end_ends_where_nothing_new_comes() -> None:
    class Endless:
        asked = 0

        def named(self, _setting: str, _url: str) -> Page:
            self.asked += 1
            assert self.asked < 100, "without end"
            links = "<i><a href=/3/>3</a><a href=/4/>4</a></i>" if self.asked < 3 else ""
            return page(f"{links}<b><a href='?p={self.asked}'>more</a></b>")

    site = Endless()
    made = FormSettings.model_validate(
        settings(archive={"page": "/list", "link": "i a", "next": "b a"})
    )
    assert made.archive
    assert list(everything(site, made, made.archive)) == ["3", "4"]  # type: ignore[arg-type]


# --- Settings ---


def settings(**more: Any) -> dict[str, Any]:
    given = {
        "url": "https://cms.example.com",
        "add": "/add/",
        "edit": "/{id}/",
        "find": {"page": "/?q={slug}", "link": "a"},
        "fields": {"title": "t", "body": "b"},
    }
    return given | more


def wrong() -> Iterator[tuple[dict[str, Any], str]]:
    yield {"fields": {"title": "t"}}, "«body» must have a field"
    yield {"fields": {"title": "t", "body": "b", "leed": "l"}}, "did you mean «lead»"
    yield {"edit": "/change/"}, "it holds {id}"
    yield {"find": {"page": "/list", "link": "a"}}, "does not say what it looks for"
    yield {"find": {"page": "/?q={slug}", "link": "a["}}, "it is a CSS selector"
    yield {"add": "https://other.example.com/add/"}, "it is a path on the site"
    yield {"add": "//other.example.com/add/"}, "it is a path on the site"
    yield {"url": "http://cms.example.com"}, "could be read on the way"
    yield {"url": "https://a:b@cms.example.com"}, "must hold no password"
    yield {"status": "draft"}, "needs «published»"
    yield {"timezone": "Omsk"}, "as in Europe/Moscow"
    yield {"delete": {"page": "/x", "link": "a"}}, "say one of page, submit, link"


@pytest.mark.parametrize(("more", "told"), list(wrong()))
def test_a_wrong_setting_is_told_with_what_it_should_be(more: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FormSettings(**settings(**more))
    assert told in str(caught.value)


def test_a_form_without_the_fields_is_no_traceback() -> None:
    from crosspost.publishers.form._fill import demand

    with pytest.raises(PublisherError, match=r"no field «t» \(title\), «b» \(body\)"):
        demand(form("<input name=q>"), FormSettings(**settings()))


def test_a_run_with_nothing_to_do_loads_nothing_heavy_for_a_form() -> None:
    heavy = "bs4", "lxml", "soupsieve", "requests", "jinja2", "PIL", "nh3"
    code = (
        "import sys; from crosspost.publishers import Context\n"
        "from pathlib import Path\n"
        "from crosspost.publishers.form import FormPublisher, FormSettings\n"
        f"FormPublisher.open(FormSettings(**{settings()!r}), Context(name='x', base=Path()))\n"
        f"print([one for one in {heavy!r} if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- docs/form.md ---

DOC = (Path(__file__).parents[1] / "docs" / "form.md").read_text("utf-8")


def table(heading: str) -> set[str]:
    """The names in the first cells of the table under these words."""
    rows = DOC.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_every_part_and_key_is_explained() -> None:
    assert table("part") == set(PARTS)
    assert table("key") == set(Place.model_fields)
    for name in ("login", "find", "published", "public", "delete", "upload"):
        found = FormSettings.model_fields[name].annotation
        models = [one for one in (found, *get_args(found)) if isinstance(one, type)]
        (model,) = [one for one in models if issubclass(one, BaseModel)]
        assert table(f"in `{name}`") == set(model.model_fields), name


def test_the_config_on_the_page_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMS_PASSWORD", "x")
    (text,) = re.findall(r"^```toml\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    given = tomllib.loads(text)["site"]["newsroom"]
    assert given.pop("type") == "form"
    made = FormSettings(**given)
    assert made.places("section")[0].field == "section"
