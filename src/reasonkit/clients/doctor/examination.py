"""One examination from the first connection to the report."""

from __future__ import annotations

import dataclasses
from typing import Any

from reasonkit.clients.doctor.asking import Asker
from reasonkit.clients.doctor.probes import PROBES, Patient, probe_endpoints
from reasonkit.clients.doctor.report import Report
from reasonkit.clients.http.address import Address, parse_address
from reasonkit.clients.http.discovery import Listing, read_listing
from reasonkit.clients.http.facts import EndpointFacts, Server
from reasonkit.clients.http.lanes import Lanes
from reasonkit.errors import AuthenticationFailed, ConnectionFailed, InputError


def examine(
    base_url: str,
    *,
    model: str | None = None,
    api_key: str | None = None,
    timeout_seconds: float = 120.0,
    longest_words: int = 6_000,
    transport: object | None = None,
) -> Report:
    """Find out what an endpoint can be trusted with; about 30 small requests and up to two long ones.

    Args:
        base_url: for example `http://localhost:8000/v1`.
        model: the model's name; None takes the first that the server lists.
        api_key: sent as a bearer token; it stands nowhere in the report.
        timeout_seconds: for each request.
        longest_words: of the prompts that are tried where the server does not tell its context: cents at a hosted
            service, seconds on a laptop.
        transport: an object with httpx's `handle_request`; None connects.

    Raises:
        ConnectionFailed: there is no server.
        AuthenticationFailed: it wants a key, or another one.
        InputError: the URL is none, or no model was named and the server lists none.
    """
    address = parse_address(base_url, api_key)
    lanes = Lanes(address, transport)
    try:
        asker = Asker(address=address, lanes=lanes, timeout_seconds=timeout_seconds)
        status, held = asker.get("/models")
        if status == 0:
            raise ConnectionFailed(f"{address.shown} was not reached; is the server running, and the address right?")
        if status in {401, 403}:
            raise AuthenticationFailed(f"{address.shown} answered {status}: give the right key", status=status)
        listing = read_listing(held) if status == 200 else Listing(problem=f"answered {status} to /models")
        patient = Patient(
            asker=asker, facts=_recognised(address, listing, transport, timeout_seconds), longest_words=longest_words
        )
        _choose_model(patient, listing, model)
        context = dict(listing.context).get(asker.model) or patient.facts.max_context
        patient.know(max_context=context)
        probe_endpoints(patient)
        if patient.facts.endpoint is not None:
            for probe in PROBES:
                probe(patient)
        return Report(
            base_url=address.shown,
            model=asker.model,
            models=listing.models,
            facts=patient.facts,
            findings=tuple(
                dataclasses.replace(finding, found=address.redact(finding.found)) for finding in patient.findings
            ),
        )
    finally:
        lanes.close()


def _choose_model(patient: Patient, listing: Listing, model: str | None) -> None:
    shown = patient.asker.address.shown
    if model is None and not listing.models:
        raise InputError(f"{shown} {listing.problem or 'lists no model'}: name the model")
    patient.asker.model = model or listing.models[0]
    if listing.problem:
        patient.note("models", "missing", listing.problem, "needs the model's name")
    elif model is not None and model not in listing.models:
        patient.note(
            "models", "unknown", f"{model!r} is not among {', '.join(map(repr, listing.models[:8])) or 'none'}"
        )
    else:
        patient.note("models", "good", ", ".join(listing.models[:8]) + (" ..." if len(listing.models) > 8 else ""))


def _recognised(address: Address, listing: Listing, transport: object, timeout_seconds: float) -> EndpointFacts:
    """Tell the server by the pages that only it has, beside the API."""
    root = dataclasses.replace(address, shown=address.shown.removesuffix("/v1"))
    lanes = Lanes(root, transport)
    try:
        asker = Asker(address=root, lanes=lanes, timeout_seconds=timeout_seconds)
        server, context = listing.server, None
        if server in {None, "llama.cpp"}:
            _, held = asker.get("/props")
            found = _context_of_props(held)
            if found is not None:
                server, context = "llama.cpp", found
        signs: tuple[tuple[str, str, Server], ...] = (
            ("/api/version", "version", "ollama"),
            ("/get_model_info", "model_path", "sglang"),
            ("/version", "version", "vllm"),
        )
        for path, key, name in signs:
            if server is None:
                status, held = asker.get(path)
                if status == 200 and isinstance(held, dict) and key in held:
                    server = name
        if server is None:
            status, held = asker.get("/openapi.json")
            if status == 200 and isinstance(held, dict) and "/load_model" in held.get("paths", {}):
                server = "transformers"
        return EndpointFacts(server=server, max_context=context)
    finally:
        lanes.close()


def _context_of_props(held: Any) -> int | None:
    """Return the context of one slot, as llama.cpp's /props says it."""
    settings = held.get("default_generation_settings") if isinstance(held, dict) else None
    context = settings.get("n_ctx") if isinstance(settings, dict) else None
    return context if isinstance(context, int) and context > 0 else None
