"""What the live reader has to be told: the ``[telegram]`` table of the config."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo

from crosspost.settings import Secret, Size, Span, base_of, revealed

_STRING_SESSION: Final = re.compile(r"1[A-Za-z0-9_-]{340,}={0,2}", re.ASCII)


def _revealed(value: Any, info: ValidationInfo) -> Any:
    return revealed(value, base_of(info)) if isinstance(value, dict) else value


class TelegramServer(BaseModel):
    """Another server than Telegram's: for tests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dc: int = Field(ge=1, le=1000)
    address: str
    port: int = Field(ge=1, le=65535)


class TelegramSettings(BaseModel):
    """``api_id`` and ``api_hash`` name the application to Telegram (https://my.telegram.org).

    ``session`` is the login: the path of its file, from the config's folder («.session» is added
    where it is missing), or a Telethon StringSession. ``server`` is for tests alone.
    ``phone_numbers``: whether a contact's phone number may be kept. ``max_media``: the size above
    which a file stays in Telegram, linked, with its preview frame. ``timeout``: how long one
    answer may take. ``attempts``: how often a request without answer is made, and ``pause`` the
    seconds before the second of them; each further pause is twice the one before. ``patience``:
    the longest wait that Telegram may ask for (FLOOD_WAIT) before the run ends and leaves the
    rest to the next one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_id: Annotated[int, BeforeValidator(_revealed), Field(gt=0)]
    api_hash: Secret
    session: Secret = SecretStr("telegram.session")
    server: TelegramServer | None = None
    phone_numbers: bool = False
    max_media: Size = 200 * 1024 * 1024
    timeout: Span = timedelta(seconds=30)
    attempts: int = Field(default=4, ge=1)
    pause: float = Field(default=1, ge=0)
    patience: Span = timedelta(minutes=2)

    @property
    def session_string(self) -> str:
        """The StringSession, "" where the session is a file."""
        value = self.session.get_secret_value().strip()
        return value if _STRING_SESSION.fullmatch(value) else ""
