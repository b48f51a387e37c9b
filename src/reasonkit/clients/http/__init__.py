"""One client for every OpenAI-compatible server.

`HTTPClient` asks; `from_address` builds one from a string. Everything is decided in a core without input or output
(`converse`), and two thin edges carry it. Nothing here imports an HTTP library before a client is built.
"""

from reasonkit.clients.http.client import HTTPClient
from reasonkit.clients.http.factory import from_address, key_for
from reasonkit.clients.http.facts import EndpointFacts, load_facts, save_facts
from reasonkit.clients.http.retry import Retries

__all__ = ["EndpointFacts", "HTTPClient", "Retries", "from_address", "key_for", "load_facts", "save_facts"]
