"""The templates of articles: ``article/<language>.html`` says it, ``article/pieces.html`` lays it
out. A user's folder goes before ours, file by file."""

import re
from decimal import Decimal
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Any

from crosspost.errors import ConfigError
from crosspost.templating import environment

_FALLBACK = "en"
_SPACE = re.compile(r" *\n *")
_SUM = re.compile(r"(\d{1,15}(?:\.\d{1,4})?) ([A-Z]{3})")


class Wording:
    """The macros of both files. Values are plain text, or HTML that ``markup`` vouches for.
    Raises ``ConfigError`` when a user's template fails."""

    def __init__(self, language: str, timezone: str, overrides: Path | None) -> None:
        from jinja2 import TemplateSyntaxError
        from markupsafe import Markup

        env = environment(language, timezone, overrides)
        names = [f"article/{language}.html", f"article/{_FALLBACK}.html"]
        try:
            self._say: Any = env.select_template(names).module
            pieces = env.get_template("article/pieces.html")
            self._pieces: Any = pieces.make_module({"say": self._say})
        except TemplateSyntaxError as error:
            raise ConfigError(f"{error.filename}:{error.lineno}: {error.message}") from error
        self._markup = Markup
        self._language = language

    def markup(self, html: str) -> str:
        """HTML of ours, so that a template takes it as it is."""
        made: str = self._markup(html)
        return made

    def html(self, name: str, *values: Any) -> str:
        """What the macro ``name`` of the language says, as one line of inline HTML."""
        return self.markup(_SPACE.sub(" ", self._run(self._say, name, values)))

    def plain(self, name: str, *values: Any) -> str:
        """The same as plain text."""
        return unescape(str(self.html(name, *values)))

    def piece(self, name: str, *values: Any) -> str:
        """The macro ``name`` of the pieces, as block HTML."""
        return self._run(self._pieces, name, values)

    def _run(self, module: Any, name: str, values: tuple[Any, ...]) -> str:
        from jinja2 import TemplateError

        try:
            return str(getattr(module, name)(*values)).strip()
        except (TemplateError, AttributeError, TypeError, ValueError) as error:
            raise ConfigError(
                f"The template {module.__name__} fails at «{name}»: {error}; "
                "compare your copy with ours"
            ) from error

    def money(self, sum_: str) -> str:
        """A sum like ``450.00 RUB`` as people write it; anything else as it is."""
        from babel.numbers import format_currency

        found = _SUM.fullmatch(sum_)
        if found is None:
            return sum_
        if found[2] == "XTR":
            return f"{found[1]} ⭐"
        made: str = format_currency(Decimal(found[1]), found[2], locale=self._language)
        made = re.sub(r"(?<=[A-Z])(?=\d)", "\u00a0", made)
        return re.sub(r"[.,]00(?=\D*$)", "", made)


@lru_cache(maxsize=16)
def wording(language: str, timezone: str, overrides: Path | None = None) -> Wording:
    """The wording, compiled once."""
    return Wording(language, timezone, overrides)
