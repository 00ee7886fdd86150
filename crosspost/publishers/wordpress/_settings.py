"""What the config says of a WordPress."""

from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crosspost.settings import Secret

Status = Literal["publish", "draft", "pending"]
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be the site's address, such as https://example.com/")
    if parts.username or parts.password:
        raise ValueError("must hold no password: put it into «user» and «password»")
    return url.rstrip("/") + "/"


class WordPressSettings(BaseModel):
    """``url`` is the site's address, ``user`` a login name and ``password`` an application
    password of that user. ``status`` is what new articles get, ``category`` where they go,
    ``author`` the login name of another user to write them as (an editor may do that),
    ``post_type`` the REST base of a type of your own. ``cover_in_text``: the cover stands in the
    text too, for themes that show no featured image. ``uploads_at_once``: so many files of an
    article are sent at the same time. ``insecure``: the password may go over plain http."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_web_address)]
    user: str = Field(min_length=1)
    password: Secret
    status: Status = "publish"
    category: str = ""
    author: str = ""
    post_type: str = Field(default="posts", pattern=r"^[a-z0-9_-]{1,60}$")
    cover_in_text: bool = False
    uploads_at_once: int = Field(default=3, ge=1, le=8)
    timeout: float = Field(default=60, gt=0, le=600)
    insecure: bool = False

    @model_validator(mode="after")
    def _safe(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not self.insecure:
            raise ValueError(
                "«url» begins with http://, so the password could be read on the way: use "
                "https://, or say insecure = true"
            )
        return self
