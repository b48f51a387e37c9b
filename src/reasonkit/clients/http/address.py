"""Where a server is, without what must not be shown: base URLs, keys, redaction.

Not here: the client that is built from it (`reasonkit.clients.http.from_address`).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from reasonkit.errors import InputError

_PASTED = ("/chat/completions", "/completions", "/models")
_USERINFO = re.compile(r"(?<=://)[^/\s@]*@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=*-]{4,}")
_KEY = re.compile(r"\b(sk|pk|rk|hf|gsk|xai|pplx|nvapi|AIza)([-_])[\w*-]{6,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server's base URL in parts; only `shown` may be printed."""

    shown: str
    """Without user, password, query and fragment."""
    scheme: str
    host: str
    path: str
    query: str = field(default="", repr=False)
    """Sent with every request, never shown: some servers take a key there."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Those that authorise."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that no message may contain."""

    def redact(self, text: str) -> str:
        """Return `text` without this address's secrets and without anything that looks like a key."""
        for secret in self.secrets:
            text = text.replace(secret, "[hidden]")
        text = _USERINFO.sub("[hidden]@", text)
        text = _BEARER.sub(r"\1 [hidden]", text)
        return _KEY.sub(r"\1\2[hidden]", text)

    def target(self, path: str) -> str:
        """Return the URL of `path` under the base URL, to be sent and not to be shown."""
        return f"{self.shown}{path}" + (f"?{self.query}" if self.query else "")


def parse_address(base_url: str, api_key: str | None) -> Address:
    """Take a base URL apart.

    Args:
        base_url: for example `http://localhost:8000/v1`; a pasted `/chat/completions` at its end is dropped.
        api_key: sent as a bearer token; None sends none.

    Raises:
        InputError: it is not an http or https URL, or the key cannot stand in a header.
    """
    try:
        parts: SplitResult = urlsplit(base_url.strip())
        port = parts.port
    except ValueError as error:
        raise InputError(f"the base URL cannot be read: {_USERINFO.sub('[hidden]@', str(error))}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError(
            f"the base URL {_USERINFO.sub('[hidden]@', base_url)!r} does not begin with http:// or https:// and a "
            "host; give for example 'http://localhost:8000/v1'"
        )
    path = parts.path.rstrip("/")
    for pasted in _PASTED:
        path = path.removesuffix(pasted)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = f"{parts.scheme}://{host}{f':{port}' if port is not None else ''}{path}"
    secrets = [api_key] if api_key else []
    headers: list[tuple[str, str]] = []
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        secrets += [secret for secret in (password, parts.password, token) if secret]
        headers.append(("authorization", f"Basic {token}"))
    if api_key:
        if not api_key.isascii() or not api_key.isprintable():
            raise InputError("the API key holds a character that cannot stand in a header (a line feed, perhaps)")
        headers = [("authorization", f"Bearer {api_key}")]
    secrets += [value for pair in parts.query.split("&") if len(value := pair.partition("=")[2]) >= 8]
    return Address(
        shown=shown,
        scheme=parts.scheme,
        host=parts.hostname,
        path=path,
        query=parts.query,
        headers=tuple(headers),
        secrets=tuple(sorted(set(secrets), key=len, reverse=True)),
    )
