"""What the config says of a WordPress."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crosspost.settings import AtOnce, Secret, WebAddress, private

Status = Literal["publish", "draft", "pending"]


class WordPressSettings(BaseModel):
    """``url`` is the site's address, ``user`` a login name and ``password`` an application
    password of that user. ``status`` is what new articles get, ``category`` where they go,
    ``author`` the login name of another user to write them as (an editor may do that),
    ``post_type`` the REST base of a type of your own. ``cover_in_text``: the cover stands in the
    text too, for themes that show no featured image. ``uploads_at_once``: so many files of an
    article are sent at the same time. ``insecure``: the password may go over plain http."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: WebAddress
    user: str = Field(min_length=1)
    password: Secret
    status: Status = "publish"
    category: str = ""
    author: str = ""
    post_type: str = Field(default="posts", pattern=r"^[a-z0-9_-]{1,60}$")
    cover_in_text: bool = False
    uploads_at_once: AtOnce = 3
    timeout: float = Field(default=60, gt=0, le=600)
    insecure: bool = False

    @model_validator(mode="after")
    def _safe(self) -> Self:
        private(self.url, self.insecure)
        return self
