"""An article as any page can hold it: what publishers share."""

import re
from typing import Any, Final

import msgspec

from crosspost.model import Article

_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Neither HTML nor XML may hold these."""
_ENCODED: Final = re.compile(r"\\[bfru]|[\x7f-\x9f\ufffe\uffff]")
"""As they stand in JSON. A backslash before such a letter looks the same."""


def printable(article: Article) -> Article:
    """The article without characters that no page can hold."""
    if not _may_hold_some(article):
        return article

    def swept(value: Any) -> Any:
        if isinstance(value, str):
            return _UNPRINTABLE.sub("", value)
        if isinstance(value, dict):
            return {key: swept(item) for key, item in value.items()}
        return [swept(item) for item in value] if isinstance(value, list | tuple) else value

    return msgspec.convert(swept(msgspec.to_builtins(article)), Article)


def _may_hold_some(article: Article) -> bool:
    """False of nearly every article, at a tenth of the price of looking into each of its parts."""
    try:
        return _ENCODED.search(msgspec.json.encode(article).decode()) is not None
    except UnicodeEncodeError:  # half a character
        return True
