"""The templates of articles: ``article/<language>.html`` says it, ``article/pieces.html`` lays it
out. A user's folder goes before ours, file by file."""

import re
from decimal import Decimal
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Any

from crosspost.templating import environment

_FALLBACK = "en"
_SUM = re.compile(r"(\d{1,15}(?:\.\d{1,4})?) ([A-Z]{3})")


class Wording:
    """The macros of both files. Values are plain text, or HTML that ``markup`` vouches for."""

    def __init__(self, language: str, timezone: str, overrides: Path | None) -> None:
        from markupsafe import Markup

        env = environment(language, timezone, overrides)
        names = [f"article/{language}.html", f"article/{_FALLBACK}.html"]
        self._say: Any = env.select_template(names).module
        self._pieces: Any = env.get_template("article/pieces.html").make_module({"say": self._say})
        self._markup = Markup
        self._language = language

    def markup(self, html: str) -> str:
        """HTML of ours, so that a template takes it as it is."""
        made: str = self._markup(html)
        return made

    def html(self, name: str, *values: Any) -> str:
        """What the macro ``name`` of the language says, as one line of inline HTML."""
        return self.markup(" ".join(str(getattr(self._say, name)(*values)).split(" ")).strip())

    def plain(self, name: str, *values: Any) -> str:
        """The same as plain text."""
        return unescape(str(self.html(name, *values)))

    def piece(self, name: str, *values: Any) -> str:
        """The macro ``name`` of the pieces, as block HTML."""
        return str(getattr(self._pieces, name)(*values)).strip()

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
