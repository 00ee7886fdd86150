"""What Telegram refuses, as sentences with the remedy.

Errors are told apart by the names of Telethon's classes, which are Telegram's own
(https://core.telegram.org/api/errors, https://core.telegram.org/method/messages.getHistory).
"""

from typing import Final

from crosspost.errors import CrosspostError, Later, ReaderError

_LOGIN: Final = "run «crosspost login»"

ACCOUNT: Final = {
    "AuthKeyUnregisteredError": f"The login to Telegram is gone: {_LOGIN}",
    "AuthKeyNotFound": f"Telegram does not know this session any more: {_LOGIN}",
    "AuthKeyInvalidError": f"Telegram does not know this session any more: {_LOGIN}",
    "AuthKeyPermEmptyError": f"The session is not complete: {_LOGIN}",
    "SessionRevokedError": (
        f"The login was ended in Telegram's settings (Devices): {_LOGIN} to start it again"
    ),
    "SessionExpiredError": f"The login to Telegram has expired: {_LOGIN}",
    "SessionPasswordNeededError": (
        f"The login stopped before the two-step password: {_LOGIN} again"
    ),
    "AuthKeyDuplicatedError": (
        "The session was used from two addresses at the same time, so Telegram has ended it: "
        f"{_LOGIN}, and give each machine a session of its own"
    ),
    "UserDeactivatedError": "Telegram has deleted this account: log in with another one",
    "UserDeactivatedBanError": (
        "Telegram has banned this account: write to recover@telegram.org, or log in with another "
        "one"
    ),
    "ApiIdInvalidError": (
        "Telegram does not accept api_id and api_hash: copy both from https://my.telegram.org "
        "(API development tools) into [telegram] in the config"
    ),
    "ApiIdPublishedFloodError": (
        "This api_id was published somewhere and Telegram has limited it: make one of your own "
        "at https://my.telegram.org (API development tools)"
    ),
}
"""What is wrong with the account, the login or the application."""

CHANNEL: Final = {
    "ChannelPrivateError": (
        "{channel} is private and this account is no member of it, or was removed: join it with "
        "the account that crosspost uses, or ask its owner"
    ),
    "ChannelInvalidError": (
        "This account does not know {channel}: open the channel once in Telegram with it, or "
        "write the channel's @name or invite link in the config"
    ),
    "ChannelPublicGroupNaError": (
        "{channel} is not available to this account: join it with the account that crosspost uses"
    ),
    "ChannelBannedError": "Telegram has banned {channel}",
    "ChatForbiddenError": "{channel} has shut this account out: ask its owner",
    "UserBannedInChannelError": "{channel} has shut this account out: ask its owner",
    "PeerIdInvalidError": (
        "This account does not know {channel}: write the channel's @name or invite link in the "
        "config"
    ),
    "UsernameNotOccupiedError": (
        "There is no {channel} in Telegram: look at the name, it may have been changed; "
        "«crosspost channels» lists what this account sees, with ids, which never change"
    ),
    "UsernameInvalidError": (
        "{channel} is no name that a channel can have: write @name, a t.me link or its id"
    ),
    "InviteHashExpiredError": (
        "The invite link {channel} is no longer valid: ask for a new one, join with it, or write "
        "the channel's id from «crosspost channels»"
    ),
    "InviteHashInvalidError": "There is no channel behind the invite link {channel}: look at it",
    "InviteHashEmptyError": "There is no channel behind the invite link {channel}: look at it",
    "InviteRequestSentError": (
        "The request to join {channel} waits for its owner: run again when it is granted"
    ),
}
"""What is wrong with the channel."""


class Unreachable(ReaderError):
    """Telegram cannot be reached just now; who watches may go on trying."""

    temporary = True


WRONG_POINTER: Final = ("ChannelInvalidError", "ChannelPrivateError", "PeerIdInvalidError")
"""What Telegram says when a remembered access hash is of no use."""

NO_ANSWER: Final = (
    "Telegram does not answer (tried {attempts} times): look at the network, and whether Telegram "
    "is blocked here; the next run goes on from where this one stopped"
)
OWN_TROUBLE: Final = (
    "Telegram has trouble of its own ({name}): the next run goes on from where this one stopped"
)


def sentence(error: Exception, channel: str = "the channel") -> CrosspostError:
    """The error as this run ends with it; ``channel`` as a person wrote it."""
    name = type(error).__name__
    if name in ACCOUNT:
        return ReaderError(ACCOUNT[name])
    if name in CHANNEL:
        return ReaderError(CHANNEL[name].format(channel=channel))
    seconds = getattr(error, "seconds", None)
    if seconds is not None:
        return too_long(seconds)
    if of_its_own(error):
        return Unreachable(OWN_TROUBLE.format(name=getattr(error, "message", name)))
    told = getattr(error, "message", "") or str(error) or name
    return ReaderError(f"Telegram refuses to show {channel}: {told}")


def of_its_own(error: Exception) -> bool:
    """Whether Telegram has trouble of its own (RPC errors 500 and 503)."""
    return abs(getattr(error, "code", None) or 0) in (500, 503)


def too_long(seconds: float) -> Later:
    """Telegram asks for a pause that is longer than the run may wait."""
    return Later(
        f"Telegram asks to wait {span(seconds)}: the next run goes on from here "
        "(«patience» in [telegram] says how long a run may wait)"
    )


def span(seconds: float) -> str:
    """A length of time for a person."""
    left = round(seconds)
    parts = [(left // 3600, "h"), (left // 60 % 60, "min"), (left % 60, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
