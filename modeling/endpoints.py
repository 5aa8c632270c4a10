"""Where a served chat model is asked. The URL and the name of the key's environment variable come from an administrator
at the command line; the key itself is in the worker's environment alone. The asking is in chat_completions.py.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from modeling.sampling_requests import SamplingError, require

_VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")


class EndpointError(SamplingError):
    """An endpoint that didn't answer; names the URL, the status, what the server said and what to do."""


class ContextTooLongError(EndpointError):
    """The dialogue and max_new_tokens don't fit into the context of the endpoint's model."""


class WithheldAnswerError(EndpointError):
    """The endpoint ended its answer otherwise than by its end or its length: a filter withheld it. Asking again gives
    the same."""


@dataclass(frozen=True)
class Endpoint:
    """Where a served chat model is asked, and with how much patience."""

    base_url: str
    """Up to and with the version: http://host:8000/v1."""
    model: str
    """The server's name for the model."""
    key_variable: str = ""
    """Name of the environment variable that holds the key; empty for a server that asks for none."""
    timeout: float = 120.0
    """Seconds without a byte after which an attempt fails."""
    attempts: int = 5
    first_pause: float = 0.5
    """Seconds before the second attempt, about; it doubles with each further one, and a server that says when to come
    back (Retry-After) is heard."""
    in_flight: int = 8
    """How many requests of a batch are sent at a time."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        require(whole, "the endpoint's URL", "like http://host:8000/v1", self.base_url)
        if parts.username or parts.password:
            raise EndpointError(
                f"the endpoint's URL at {parts.hostname} holds a user name or password; put the key into an "
                "environment variable and give its name"
            )
        require(bool(self.model), "the endpoint's model", "the server's name for it", self.model)
        if self.key_variable and not _VARIABLE.fullmatch(self.key_variable):
            # what was given isn't repeated: it may be the key
            raise EndpointError("key_variable must be the name of an environment variable that holds the key")
        require(self.timeout > 0, "timeout", "above 0 seconds", self.timeout)
        require(self.attempts >= 1, "attempts", "at least 1", self.attempts)
        require(self.in_flight >= 1, "in_flight", "at least 1", self.in_flight)

    def __str__(self) -> str:
        return f'"{self.model}" at {self.base_url}'
