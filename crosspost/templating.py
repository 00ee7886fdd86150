"""Jinja as every room uses it: one environment, the user's templates before ours.

A template ``article/ru.html`` in the user's ``templates`` folder replaces ours of that name.
Names are ``<room>/<file>``: ``article/`` for the wording and pieces of articles, ``static/`` for
the static blog, ``sheet/`` for the preview sheet. Wording lives in one file a language
(``article/ru.html``, ``article/en.html``) as macros; numbers and dates are Babel's.
"""

import re
from datetime import date as date_type
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from jinja2 import Environment

LANGUAGES = ("en", "ru")
"""The languages that ship."""


@lru_cache(maxsize=16)
def environment(
    language: str, timezone: str = "UTC", overrides: Path | None = None
) -> "Environment":
    """A Jinja environment with autoescape on and undefined names an error.

    Filters beside Jinja's own: ``date`` («1 мая 2025»), ``datetime``, ``number`` («12 345»),
    ``plural`` (``{{ n|plural("просмотр", "просмотра", "просмотров") }}``, forms in the order
    one, few, many, or one, other).
    """
    from babel import Locale
    from babel.dates import format_date, format_time
    from babel.numbers import format_decimal
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

    locale = Locale.parse(language)
    zone = ZoneInfo(timezone)

    @lru_cache(maxsize=512)
    def day(value: date_type) -> str:
        return re.sub(r"\sг\.$", "", format_date(value, "long", locale))

    def date(value: datetime) -> str:
        return day(value.astimezone(zone).date())

    def moment(value: datetime) -> str:
        return f"{date(value)}, {format_time(value.astimezone(zone), 'short', locale=locale)}"

    def plural(count: int, *forms: str) -> str:
        order = ("one", "few", "many", "other") if len(forms) > 2 else ("one", "other")
        form = locale.plural_form(abs(count))
        return forms[min(order.index(form) if form in order else len(forms), len(forms) - 1)]

    loader = PackageLoader("crosspost")
    env = Environment(
        loader=ChoiceLoader([FileSystemLoader(overrides), loader]) if overrides else loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    env.filters.update(
        date=date,
        datetime=moment,
        number=lambda value: format_decimal(value, locale=locale),
        plural=plural,
    )
    env.globals["language"] = language
    return env
