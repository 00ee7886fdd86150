"""A person at the site's admin: logged in, on its pages, sending its forms.

    Session.get     a page; logs in first, and once more when the site has forgotten us
    Session.send    a filled form; raises ``LoggedOut`` when it met the login page instead

Redirects are followed as a browser does, on the site's own address only: neither the password nor
an article goes to another host. What goes wrong is ``Again`` (asked again, then ``Unknown``),
``Refused``, ``Later`` or ``PublisherError``.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from crosspost.errors import PublisherError
from crosspost.publishers import Refused
from crosspost.publishers._web import Again, Answer, Web, short, words
from crosspost.publishers.form._complaints import complaints
from crosspost.publishers.form._controls import Control, joined
from crosspost.publishers.form._encode import Multipart, urlencoded
from crosspost.publishers.form._page import Form, Page, decoded
from crosspost.publishers.form._settings import FormSettings, Login, id_in

_HOPS: Final = 10
_MOVED: Final = (301, 302, 303)


class LoggedOut(Exception):
    """The site showed its login page: what was sent did not count."""


class Gone(Refused):
    """There is no such page; the text is the site's words."""


class Session:
    """One site's admin. ``settings`` say where its login page is."""

    def __init__(self, settings: FormSettings) -> None:
        self._settings = settings
        self._web = Web(
            settings.url,
            settings.timeout,
            api="the admin",
            headers={"Accept": "text/html,*/*;q=0.5"},
        )
        self._in = False
        self.whence: Page | None = None
        """The login page that the site last led to."""

    @property
    def url(self) -> str:
        """The site's address."""
        return self._settings.url

    @property
    def clock(self) -> Any:
        return self._web.clock

    def close(self) -> None:
        self._web.close()
        self._in = False

    # --- Pages ---

    def get(self, url: str, wanted: Iterable[str] = ()) -> Page:
        """The page, as one who is logged in sees it. One that holds a form with the ``wanted``
        fields is no login page, whatever else it asks."""
        if not self._in:
            self.login()
        page = self._page(url)
        if not self._is_login(page, wanted):
            return page
        self.login()
        page = self._page(url)
        if self._is_login(page, wanted):
            raise PublisherError(
                f"{page.url} shows a login page although «{self._user}» has just logged in. Look "
                "whether this user may open it in a browser, and whether «url» is the address at "
                "which the site sets its cookies."
            )
        return page

    def named(self, setting: str, url: str, wanted: Iterable[str] = ()) -> Page:
        """A page that the config names. Raises ``PublisherError`` when it is not there."""
        try:
            return self.get(url, wanted)
        except Gone as error:
            raise self._no_page(url, setting, error) from error

    def _no_page(self, url: str, setting: str, error: Exception) -> PublisherError:
        path = short(url.removeprefix(self._settings.url))
        return PublisherError(
            f"{self._settings.url} has no page {path} ({error}). Correct «{setting}» of the site "
            "in the config."
        )

    def leads(self, url: str) -> str:
        """Where an address leads on to; itself where it does not."""
        if not self._ours(url):
            return url
        answer = self._web.ask("GET", url, lambda found: found, question=True)
        location = answer.headers.get("Location", "")
        return joined(url, location) if 300 <= answer.status < 400 and location else url

    def send(self, form: Form, button: Control | None, wanted: Iterable[str] = ()) -> Page:
        """What the site answers to the form, at the end of its redirects."""
        page = self._send(form, button)
        if self._is_login(page, wanted):
            self._in = False
            raise LoggedOut
        return page

    def visit(self, url: str) -> Page:
        """Follows a link that changes something: once, like a form."""
        answer = self._web.ask("GET", self._demand(url), self._clear, question=False)
        page = self._follow(answer, self._clear)
        if self._is_login(page, ()):
            self._in = False
            raise LoggedOut
        return page

    def _is_login(self, page: Page, wanted: Iterable[str]) -> bool:
        names = list(wanted)
        if not self._settings.login or not page.asks_password or (names and page.form(names)):
            return False
        self.whence = page
        return True

    def _page(self, url: str) -> Page:
        answer = self._web.ask("GET", self._demand(url), self._shown, question=True)
        return self._follow(answer, self._shown)

    def _follow(self, answer: Answer, read: Callable[[Answer], Answer]) -> Page:
        hops: list[str] = []
        while 300 <= answer.status < 400 and answer.headers.get("Location"):
            target = joined(answer.url, answer.headers["Location"]).partition("#")[0]
            if not self._ours(target):
                raise self._web.moved(target)
            hops.append(target)
            if len(hops) > _HOPS:
                raise PublisherError(
                    f"{self._settings.url} leads in a circle ({short(target)}). Look whether «url» "
                    "is the address a browser ends at."
                )
            answer = self._web.ask("GET", target, read, question=True)
        kind = answer.headers.get("Content-Type", "")
        return Page(answer.url, answer.status, kind, answer.body, tuple(hops))

    # --- What an answer is ---

    def _shown(self, answer: Answer) -> Answer:
        """A page that was asked for."""
        self._clear(answer)
        if answer.status == 413:
            raise Refused("it is larger than the site takes (413)")
        if answer.status < 300 and not answer.is_page:
            raise Again(f"the answer is no page: {words(answer.body)}")
        return answer

    def _clear(self, answer: Answer) -> Answer:
        """An answer that says something. Raises what it says."""
        status, told = answer.status, decoded(answer.headers.get("Content-Type", ""), answer.body)
        said = words(told.encode("utf-8", "replace"))
        edits = [self._settings.edit, *([upload.edit] if (upload := self._settings.upload) else [])]
        shown = any(id_in(answer.url, edit) for edit in edits)
        if shown and any(gone and gone in told for gone in self._settings.gone):
            raise Gone(said)
        if status in (404, 410):
            raise Gone(f"{status}: {said}")
        if status >= 500:
            raise Again(f"the site answered {status}: {said}")
        if status == 401:
            raise PublisherError(
                f"{self._settings.url} stands behind a password of the web server itself (401). "
                "Let this machine through without one."
            )
        if status == 403:
            raise PublisherError(
                f"{self._settings.url} refused {short(urlsplit(answer.url).path)} (403: {said}). "
                f"Either «{self._user}» may not do this: give that user the right; or a firewall "
                "or security plugin keeps programs out: let this machine through it."
            )
        return answer

    # --- Forms ---

    def _leads_away(self, answer: Answer, page: Page) -> bool:
        """Whether the site sends us on from its login page: then it has let us in. Where it sends
        us is of no interest, and often its slowest page."""
        location = answer.headers.get("Location", "")
        target = joined(answer.url, location)
        away = urlsplit(target).path not in (urlsplit(page.url).path, urlsplit(answer.url).path)
        return 300 <= answer.status < 400 and bool(location) and self._ours(target) and away

    def _send(self, form: Form, button: Control | None) -> Page:
        return self._follow(self._sent(form, button), self._clear)

    def _sent(self, form: Form, button: Control | None) -> Answer:
        """What the site answers to the form at once."""
        action = self._demand(form.action(button))
        entries, method = form.entries(button), form.method(button)
        headers = {"Referer": form.page.url}
        if method == "GET":
            query = urlencoded(entries, form.encoding)
            return self._web.ask(
                "GET", f"{action.partition('?')[0]}?{query}", self._clear, question=False
            )
        body: Any
        if form.is_multipart(button):
            body = Multipart(entries, form.encoding)
            headers["Content-Type"] = body.kind
        else:
            body = urlencoded(entries, form.encoding).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        here = urlsplit(action)
        headers["Origin"] = f"{here.scheme}://{here.netloc}"
        answer = self._web.ask(
            "POST", action, self._clear, question=False, data=body, headers=headers
        )
        if answer.status in (307, 308):
            raise self._web.moved(joined(answer.url, answer.headers.get("Location", "")))
        return answer

    def login(self) -> None:
        """Logs in. Raises ``PublisherError`` when the site does not let us in."""
        login = self._settings.login
        self._in = True
        if login is None:
            return
        try:
            page = self._page(self._settings.whole(login.page))
        except Gone as error:
            raise self._no_page(login.page, "login", error) from error
        if page.hops and not page.asks_password:
            return  # it knows us already
        form, user, password = login_fields(page, login)
        if form.method() != "POST":
            raise PublisherError(
                f"The form at {page.url} would send the password in its address, where logs keep "
                "it; it was not sent. Look at «page» of «login»."
            )
        user.value, password.value = login.user, login.password.get_secret_value()
        before = complaints(page, self._settings.errors)
        answer = self._sent(form, form.button())
        if self._leads_away(answer, page):
            return
        after = self._follow(answer, self._clear)
        if not after.asks_password:
            return
        self._in = False
        told = "; ".join(
            one for one in complaints(after, self._settings.errors) if one not in before
        )
        raise PublisherError(
            f"{page.url} does not let «{login.user}» in"
            + (f" ({self._safe(told)})" if told else "")
            + ". Look at «user» and «password» of «login», and whether a browser can log in so."
        )

    def _safe(self, told: str) -> str:
        """The site's words without our password, should it repeat that."""
        login = self._settings.login
        secret = login.password.get_secret_value() if login else ""
        return told.replace(secret, "…") if secret else told

    @property
    def _user(self) -> str:
        return self._settings.login.user if self._settings.login else "a visitor"

    # --- Addresses ---

    def _ours(self, url: str) -> bool:
        there, here = urlsplit(url), urlsplit(self._settings.url)
        return (there.scheme, there.netloc.lower()) == (here.scheme, here.netloc.lower())

    def _demand(self, url: str) -> str:
        if not self._ours(url):
            raise self._web.moved(url)
        return url


def login_fields(page: Page, login: Login) -> tuple[Form, Control, Control]:
    """The login form, and its fields for the name and the password."""
    wanted = login.password_field
    for form in page.forms():
        passwords = [one for one in form.controls if one.kind == "password"]
        password = form.control(wanted) if wanted else (passwords[0] if passwords else None)
        if password is None:
            continue
        texts = [one for one in form.controls if one.kind in ("text", "email", "tel")]
        user = form.control(login.user_field) if login.user_field else next(iter(texts), None)
        if user is not None:
            return form, user, password
    raise PublisherError(
        f"{page.url} shows no form that takes a name and a password («{page.text[:160]}»). Look "
        "at «page» of «login»; where the fields are of odd kinds, name them: user_field, "
        "password_field."
    )
