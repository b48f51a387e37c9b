"""From what a caller names to a client: an address, a file, a folder, or nothing for the model that ships."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from reasonkit.clients.card import ModelCard, read_card
from reasonkit.clients.protocol import Client
from reasonkit.errors import InputError, ModelNotFound

BUNDLED_GGUF = "reasonkit-tiny.gguf"
"""The bundled model's file, beside its card."""
_ASKED_FOR = ("describe", "count_tokens", "stream", "astream")


class Closable(Protocol):
    """Something to be closed with the agent that made it."""

    def close(self) -> None:
        """Free what it holds."""
        ...


def connect(
    client: Client | str | None,
    *,
    model: str | None = None,
    api_key: str | None = None,
    capabilities: str | Path | None = None,
    adapter: str | Path | None = None,
) -> Client:
    """Return a client.

    Args:
        client: a client; `http://...` or `https://...` of an OpenAI-compatible server; `openai:MODEL`; `gguf:PATH`;
            `local:PATH` of a transformers model; None for the bundled model.
        model: the model's name on a server.
        api_key: of a server; else OPENAI_API_KEY, if it is the server of OPENAI_BASE_URL or OpenAI's own.
        capabilities: of a server: the file that the doctor wrote.
        adapter: of a `local:` model: the adapter to load, see `adapter_folder`; other clients know theirs by name.

    Raises:
        InputError: the text names no client, or an option does not go with it.
        ModelNotFound: there is no such model, or no such adapter.
    """
    if client is None:
        _no_options("the bundled model", model, api_key, capabilities)
        from reasonkit.bundled import model_path
        from reasonkit.clients.gguf import GGUFClient

        return GGUFClient(model_path() / BUNDLED_GGUF)
    if not isinstance(client, str):
        if isinstance(client, type) or not all(callable(getattr(client, each, None)) for each in _ASKED_FOR):
            raise InputError(f"{client!r} is no client; give an address, a client object, or nothing")
        _no_options("a client object", model, api_key, capabilities)
        return client
    kind, colon, rest = client.partition(":")
    if kind in ("http", "https") or (kind == "openai" and colon):
        from reasonkit.clients.http import from_address

        return from_address(client, model=model, api_key=api_key, capabilities=capabilities)
    if kind in ("gguf", "local") and not rest:
        raise InputError(f"{client!r} names no path; write {kind}:/path/to/the/model")
    if kind == "gguf":
        _no_options("a GGUF file", model, api_key, capabilities)
        from reasonkit.clients.gguf import GGUFClient

        return GGUFClient(Path(rest).expanduser())
    if kind == "local":
        _no_options("a local model", model, api_key, capabilities)
        folder = Path(rest).expanduser()
        if not folder.is_dir():  # before the import, which takes seconds or an extra that is missing
            raise ModelNotFound(f"there is no folder {rest!r}; local: takes the folder of a transformers model")
        found = None if adapter is None else adapter_folder(folder, adapter)
        from reasonkit.clients.local import LocalClient

        return LocalClient(folder, adapters=None if found is None else {found.name: found})
    raise InputError(
        f"{client!r} is no client; give http://HOST:PORT/v1 (with model=...), openai:MODEL, gguf:PATH or local:PATH"
    )


def adapter_folder(model: Path, adapter: str | Path) -> Path:
    """Return the folder of an adapter of a local model.

    Args:
        model: the model's folder.
        adapter: the adapter's folder, or its name in the folder `adapters` beside the model's files.

    Raises:
        ModelNotFound: it is neither.
    """
    places = (Path(adapter).expanduser(), model / "adapters" / str(adapter))
    for place in places:
        if (place / "adapter_config.json").is_file():
            return place.resolve()
    looked = " nor ".join(repr(str(place)) for place in places)
    raise ModelNotFound(
        f"there is no adapter {str(adapter)!r}: neither {looked} holds an adapter_config.json; give its folder"
    )


def adapter_name(adapter: str | Path | None) -> str | None:
    """Return the name by which a client knows an adapter: the last part of its folder, if that was given."""
    return None if adapter is None else Path(adapter).expanduser().resolve().name


@contextmanager
def closed_on_fault() -> Iterator[list[Closable]]:
    """Give a list for what is opened on the way to an agent; a fault on that way closes all of it, the last first."""
    made: list[Closable] = []
    try:
        yield made
    except BaseException:
        with ExitStack() as stack:
            for one in made:
                stack.callback(one.close)
        raise


def card_of(client: Client | str | None) -> ModelCard:
    """Return what a model's folder says of itself, for `gguf:`, `local:` and the bundled model; else an empty card."""
    if client is None:
        from reasonkit.bundled import model_path

        return read_card(model_path())
    if isinstance(client, str) and client.startswith(("gguf:", "local:")):
        return read_card(Path(client.partition(":")[2]).expanduser())
    return ModelCard()


def _no_options(what: str, *options: object) -> None:
    if any(option is not None for option in options):
        raise InputError(f"model=, api_key= and capabilities= are for servers; {what} takes none of them")
