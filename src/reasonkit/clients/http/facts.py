"""What is known of an endpoint: found by the doctor, kept in a file, completed while asking.

A fact that is None is unknown; then the endpoint is believed to do what the protocol says, and watched. Not here: how
facts are found (`reasonkit.clients.doctor` asks on purpose, `converse` learns on the way).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from reasonkit.errors import InputError
from reasonkit.types import Capabilities

Server = Literal["llama.cpp", "ollama", "openai", "sglang", "transformers", "vllm"]
FORMAT = "reasonkit-endpoint/1"

OPTIONAL_PARAMETERS = (
    "stop", "temperature", "top_p", "n", "seed", "logprobs", "top_logprobs", "stream_options", "max_tokens",
)  # fmt: skip
"""What a server may refuse and the client can do without; `max_tokens` is replaced by `max_completion_tokens`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFacts:
    """What one server does with one model."""

    server: Server | None = None
    endpoint: Literal["chat", "completions"] | None = None
    """The one to be used."""
    refused: tuple[str, ...] = ()
    """Parameters that are answered with an error, and left out."""
    stop: Literal["honoured", "returned", "ignored"] | None = None
    samples: bool | None = None
    """Whether `n` brings n choices."""
    samples_differ: bool | None = None
    """Whether the choices of one request differ at temperature 1."""
    seed: Literal["honoured", "ignored"] | None = None
    logprobs: bool | None = None
    stream: bool | None = None
    stream_usage: bool | None = None
    prefill: Literal["plain", "flags", "none"] | None = None
    """Whether a last assistant turn is continued: as it stands, when vLLM's two flags ask for it, or not."""
    grammar: Literal["grammar", "structured_outputs", "ebnf"] | None = None
    """The field in which a grammar is sent."""
    max_context: int | None = None
    overflow: Literal["refused", "cut", "garbage"] | None = None
    """What becomes of a prompt that is too long."""
    prompt_caching: bool | None = None

    def without(self, parameter: str) -> EndpointFacts:
        """Return the facts with one more refused parameter."""
        return self if parameter in self.refused else replace(self, refused=(*self.refused, parameter))

    def capabilities(self, endpoint: Literal["chat", "completions"]) -> Capabilities:
        """Return what a client of this endpoint may be asked for."""
        return Capabilities(
            endpoint=endpoint,
            prefill=self.prefill in {"plain", "flags"},
            samples=self.samples is not False and self.samples_differ is not False and "n" not in self.refused,
            grammar=self.grammar is not None,
            max_context=self.max_context,
        )


def save_facts(facts: EndpointFacts, path: Path | str) -> None:
    """Write the facts as a capabilities file: JSON, without anything secret."""
    import json

    text = json.dumps({"format": FORMAT, **asdict(facts)}, indent=2, ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def load_facts(path: Path | str) -> EndpointFacts:
    """Read a capabilities file.

    Raises:
        InputError: there is no such file, or it is not a capabilities file; the message names the field.
    """
    import json

    from pydantic import TypeAdapter, ValidationError

    path = Path(path)
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"no capabilities file at {str(path)!r}; `reasonkit doctor URL` makes one") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r} is not JSON: {error}") from error
    if not isinstance(held, dict) or held.pop("format", None) != FORMAT:
        raise InputError(f'{str(path)!r} is not a capabilities file: it does not hold "format": "{FORMAT}"')
    unknown = sorted(set(held) - set(EndpointFacts.__dataclass_fields__))
    if unknown:
        raise InputError(f"{str(path)!r} holds the unknown field {unknown[0]!r}; make it anew with `reasonkit doctor`")
    try:
        return TypeAdapter(EndpointFacts).validate_python(held)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise InputError(f"{str(path)!r}: the field {field!r} cannot be used: {first['msg']}") from error
