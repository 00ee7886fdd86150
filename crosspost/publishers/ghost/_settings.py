"""What the config says of a Ghost."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crosspost.settings import AtOnce, Secret, WebAddress, private

_KEY: Final = re.compile(r"[0-9a-f]{24}:(?:[0-9a-f]{2}){16,64}", re.IGNORECASE)


def _before_ghost(url: str) -> str:
    return url.removesuffix("ghost/") if url.endswith("/ghost/") else url


class GhostSettings(BaseModel):
    """``url`` is the address that the admin panel has before ``/ghost/``, ``admin_key`` the Admin
    API key of a custom integration. ``status`` is what new articles get, ``category`` their first
    tag, ``author`` the slug or email of the person on the staff they are written as (the owner
    where it is empty). ``newsletter`` is the slug of the newsletter that new articles are sent
    with; without it none is ever sent. ``cover_in_text``: the cover stands in the text too, for
    themes that show no feature image. ``uploads_at_once``: so many files of an article are sent at
    the same time. ``insecure``: the key may go over plain http."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[WebAddress, AfterValidator(_before_ghost)]
    admin_key: Secret
    status: Literal["publish", "draft"] = "publish"
    category: str = ""
    author: str = ""
    newsletter: str = Field(default="", pattern=r"^[\w-]{0,191}$")
    cover_in_text: bool = False
    uploads_at_once: AtOnce = 3
    timeout: float = Field(default=60, gt=0, le=600)
    insecure: bool = False

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not _KEY.fullmatch(self.admin_key.get_secret_value()):
            raise ValueError(
                "«admin_key» is not an Admin API key, which has 24 characters, a colon and 64 "
                "more: copy it from Settings, Integrations, your custom integration (the Content "
                "API key beside it is another)"
            )
        private(self.url, self.insecure)
        return self
