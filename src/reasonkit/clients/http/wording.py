"""What the client says of a server that failed: its address as it may be shown, what happened, what to check.

Nothing leaves here with a secret in it.
"""

from __future__ import annotations

from reasonkit.clients.http.address import Address
from reasonkit.clients.http.wire import Broken
from reasonkit.errors import ClientError, ConnectionFailed, RequestTimeout


class Wording:
    """Words the failures of one conversation.

    Args:
        address: the server.
        timeout_seconds: of the conversation.
    """

    __slots__ = ("_address", "_timeout_seconds")

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds

    def said(self, text: str) -> str:
        """Return a sentence whose subject is the server."""
        return self._address.redact(f"{self._address.shown} {text}")

    def clean(self, error: ClientError) -> ClientError:
        """Return the error without secrets."""
        error.args = tuple(self._address.redact(str(part)) for part in error.args)
        return error

    def late(self) -> RequestTimeout:
        """Return the error of a deadline that has passed."""
        return RequestTimeout(self.said(f"gave no whole answer within {self._timeout_seconds:g} s"))

    def broken(self, broken: Broken) -> ClientError:
        """Return the error of a connection that failed."""
        if broken.kind == "timeout":
            return self.late()
        if broken.kind == "connect":
            return ConnectionFailed(
                self.said(f"was not reached: {broken.message}; is the server running, and the address right?")
            )
        return ConnectionFailed(self.said(f"went away in the middle: {broken.message}"))
