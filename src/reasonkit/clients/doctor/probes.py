"""The probes: each asks an endpoint one thing and says what it found, as a fact and as a finding.

They need no clever model: what is compared is what the model itself writes, greedily, with and without the thing that
is probed. A random model is as good a patient as any. Where an answer does not settle the matter the finding says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from reasonkit.clients.doctor.asking import Asker, Kind, Said
from reasonkit.clients.doctor.report import Finding, Grade
from reasonkit.clients.http.discovery import GRAMMAR_FIELDS
from reasonkit.clients.http.facts import EndpointFacts
from reasonkit.clients.http.failures import told_limit
from reasonkit.clients.http.payload import PREFILL_FLAGS

PROMPT = "Question: Which letters follow a b c d in the alphabet?\nAnswer: a b c d"
LONG = "The quick brown fox jumps over the lazy dog near the river bank. " * 40
_INSTEAD = {
    "max_tokens": "sends max_completion_tokens",
    "seed": "leaves it out and says so; samples cannot be drawn again",
}


@dataclass(slots=True, kw_only=True)
class Patient:
    """An endpoint under examination."""

    asker: Asker
    facts: EndpointFacts
    longest_words: int = 6_000
    """Of the prompts that are tried where the context is not known."""
    kind: Kind = "completions"
    greedy: str = ""
    """What it writes after PROMPT, without chance."""
    steady: bool = False
    """Whether it wrote the same twice."""
    findings: list[Finding] = field(default_factory=list)

    def note(self, probe: str, grade: Grade, found: str, client: str = "") -> None:
        """Put a finding down."""
        self.findings.append(Finding(probe=probe, grade=grade, found=found, client=client))

    def know(self, **facts: Any) -> None:
        """Put facts down."""
        self.facts = replace(self.facts, **facts)

    def ask(self, prompt: str | list[dict[str, str]] = PROMPT, **more: Any) -> Said:
        """Ask at the endpoint that was chosen."""
        return self.asker.ask(self.kind, prompt, **more)


Probe: TypeAlias = Callable[[Patient], None]


def probe_endpoints(patient: Patient) -> None:
    """Which of the two endpoints answer, and which parameters that every request has are refused."""
    kinds: tuple[Kind, ...] = ("completions", "chat")
    answers = {kind: _settled(patient, kind) for kind in kinds}
    for kind, said in answers.items():
        if said.good:
            patient.note(kind, "good", "answers")
        else:
            other: Kind = "chat" if kind == "completions" else "completions"
            patient.note(kind, "missing", said.complaint, f"uses {other}" if answers[other].good else "")
    for parameter in patient.asker.left_out:
        patient.note(parameter, "handled", "is refused", _INSTEAD.get(parameter, "leaves it out and says so"))
    patient.know(refused=tuple(patient.asker.left_out))
    if not any(said.good for said in answers.values()):
        return
    templated = patient.facts.server == "ollama"
    chosen: Kind = "completions" if answers["completions"].good and not (templated and answers["chat"].good) else "chat"
    if templated and chosen == "chat":
        patient.note("raw text", "missing", "Ollama puts its template round the text of completions", "uses the chat")
    patient.kind = chosen
    patient.know(endpoint=chosen)
    first, second = patient.ask(), patient.ask()
    patient.greedy, patient.steady = first.text, first.text == second.text
    if patient.steady:
        patient.note("greedy", "good", "temperature 0 writes the same twice")
    else:
        patient.note("greedy", "missing", "temperature 0 does not write the same twice")
    if first.prompt_tokens is None:
        patient.note("usage", "missing", "is not reported", "guesses from the length and says `partial`")
    else:
        patient.note("usage", "good", "is reported")


def probe_stop(patient: Patient) -> None:
    """What becomes of stop texts."""
    text = patient.greedy
    middle = next(
        (place for place in range(len(text) // 3, len(text) - 2) if text.find(text[place : place + 2]) == place), 0
    )
    if not patient.steady or not middle:
        patient.note("stop", "unknown", "the model writes too little, or never the same", "cuts, as it always does")
        return
    mark = text[middle : middle + 2]
    said = patient.ask(stop=[mark])
    if said.refused == "stop":
        patient.asker.left_out.append("stop")
        patient.know(refused=(*patient.facts.refused, "stop"))
        patient.note("stop", "handled", "is refused", "leaves it out, cuts, and closes the stream at the stop text")
    elif not said.good:
        patient.note("stop", "unknown", said.complaint, "cuts, as it always does")
    elif said.text == text[:middle]:
        patient.know(stop="honoured")
        patient.note("stop", "good", "is honoured exactly", "cuts all the same")
    elif said.text.startswith(text[:middle] + mark):
        ignored = len(said.text) >= len(text) and len(text) - middle > 8
        patient.know(stop="ignored" if ignored else "returned")
        if ignored:
            patient.note("stop", "handled", "is ignored", "cuts, and closes the stream at the stop text")
        else:
            patient.note("stop", "handled", "is returned, with the rest of its token", "cuts it off")
    else:
        patient.note("stop", "unknown", f"another text came: {said.text[:40]!r}", "cuts, as it always does")


def probe_samples(patient: Patient) -> None:
    """Whether n brings n choices, and whether they differ."""
    said = patient.ask(temperature=1.0, n=3, seed=7, max_tokens=24)
    if said.refused == "n":
        patient.asker.left_out.append("n")
        patient.know(refused=(*patient.facts.refused, "n"), samples=False)
        patient.note("n", "handled", "is refused", "sends a request for each sample")
    elif not said.good:
        patient.know(samples=False)
        patient.note("n", "handled", f"fails ({said.complaint})", "sends a request for each sample")
    elif len(said.texts) < 3:
        patient.know(samples=False)
        patient.note("n", "handled", f"brings {len(said.texts)} of 3 choices", "sends a request for each sample")
    elif len(set(said.texts)) == 1:
        patient.know(samples=True, samples_differ=False)
        patient.note("n", "handled", "brings 3 choices, all the same", "sends a request for each, with its own seed")
    else:
        patient.know(samples=True, samples_differ=True)
        patient.note("n", "good", "brings 3 choices that differ")


def probe_seed(patient: Patient) -> None:
    """Whether a seed fixes what is drawn at temperature 1."""
    if "seed" in patient.asker.left_out:
        patient.know(seed="ignored")
        return
    asked = [patient.ask(temperature=1.0, seed=seed, max_tokens=24) for seed in (11, 11, 12)]
    texts = [said.text for said in asked]
    if not all(said.good for said in asked):
        patient.note("seed", "unknown", asked[0].complaint)
    elif len(set(texts)) == 1 and patient.steady and texts[0].startswith(patient.greedy):
        patient.know(seed="ignored")
        patient.note("seed", "missing", "temperature and seed are ignored: all samples are the greedy text")
    elif texts[0] != texts[1]:
        patient.know(seed="ignored")
        patient.note("seed", "missing", "is ignored: the same seed draws different texts")
    elif texts[1] == texts[2]:
        patient.note("seed", "unknown", "all seeds draw the same text")
    else:
        patient.know(seed="honoured")
        patient.note("seed", "good", "fixes what is drawn at temperature 1")


def probe_logprobs(patient: Patient) -> None:
    """Whether log probabilities come, in either shape."""
    said = patient.ask(logprobs=True if patient.kind == "chat" else 1, max_tokens=4)
    if said.refused in {"logprobs", "top_logprobs"}:
        patient.know(refused=(*patient.facts.refused, "logprobs"), logprobs=False)
        patient.note("logprobs", "missing", "are refused", "leaves them out and says so")
    else:
        patient.know(logprobs=bool(said.logprobs))
        if said.logprobs:
            patient.note("logprobs", "good", "come with each token")
        else:
            patient.note("logprobs", "missing", "do not come" if said.good else f"fail ({said.complaint})")


def probe_stream(patient: Patient) -> None:
    """Whether answers stream, and whether a stream says what it used."""
    said = patient.ask(stream=True, stream_options={"include_usage": True})
    if said.refused == "stream_options":
        patient.know(stream_usage=False)
        said = patient.ask(stream=True)
    if not said.good or not said.streamed:
        patient.know(stream=False)
        patient.note("stream", "missing", "does not stream" if said.good else f"fails ({said.complaint})", "asks whole")
        return
    patient.know(stream=True)
    if patient.steady and said.text != patient.greedy:
        patient.note("stream", "handled", "writes another text than the whole answer")
    else:
        patient.note("stream", "good", "streams the same text")
    if said.prompt_tokens is None:
        patient.note("stream usage", "handled", "is not reported", "counts pieces and says `partial`")
    else:
        patient.note("stream usage", "good", "is reported")


def probe_prefill(patient: Patient) -> None:
    """Whether a last assistant turn is continued: its own greedy answer, cut in two, must grow whole again."""
    question = {"role": "user", "content": "Write down the letters of the alphabet, one after another."}
    whole = patient.asker.ask("chat", [question], max_tokens=32)
    cut = whole.text.find(" ", len(whole.text) // 3)
    rest = whole.text[cut:] if cut > 0 else ""
    if not whole.good:
        patient.note("prefill", "missing", f"no chat to continue ({whole.complaint})")
        return
    if len(rest) < 6 or "\ufffd" in whole.text:
        patient.note("prefill", "unknown", "the model writes too little, or no whole characters, to tell")
        return
    turns = [question, {"role": "assistant", "content": whole.text[:cut]}]
    for flags in (False, True):
        more: dict[str, Any] = dict(PREFILL_FLAGS) if flags else {}
        said = patient.asker.ask("chat", turns, max_tokens=24, **more)
        written = said.text.lstrip()[:6]
        if said.good and written and rest.lstrip().startswith(written):
            patient.know(prefill="flags" if flags else "plain")
            patient.note(
                "prefill", "good", "continues a last assistant turn" + (", when flags ask for it" if flags else "")
            )
            return
    patient.know(prefill="none")
    patient.note("prefill", "missing", "a last assistant turn is not continued", "puts all into a user turn")


def probe_grammar(patient: Patient) -> None:
    """Which field takes a grammar, if any: one that allows two words that no model writes by itself."""
    known = GRAMMAR_FIELDS.get(patient.facts.server or "")
    for name in dict.fromkeys([*([known] if known else []), *GRAMMAR_FIELDS.values()]):
        grammar = 'root ::= "zyx" | "wvu"'
        more: dict[str, Any] = {name: {"grammar": grammar} if name == "structured_outputs" else grammar}
        said = patient.ask(max_tokens=8, **more)
        if said.good and said.text.strip() in {"zyx", "wvu"}:
            patient.know(grammar=name)
            patient.note("grammar", "good", f"is followed, in the field {name!r}")
            return
    schema = {"type": "object", "properties": {"zyx": {"type": "integer"}}, "required": ["zyx"]}
    form = {"type": "json_schema", "json_schema": {"name": "probe", "schema": schema, "strict": True}}
    said = patient.ask(max_tokens=24, response_format=form)
    structured = said.good and '"zyx"' in said.text
    found = "is not followed" + ("; a JSON schema is" if structured else ", nor is a JSON schema")
    patient.note("grammar", "missing", found, "refuses a grammar; it is never dropped")


def probe_context(patient: Patient) -> None:
    """How much fits, and what happens to more."""
    limit = patient.facts.max_context
    words = "one two three four five six seven eight nine ten "
    counted = patient.ask(words * 10, max_tokens=1)
    tokens_each = (counted.prompt_tokens or 130) / 100
    lengths = (
        (int(limit * 1.25 / tokens_each),)
        if limit is not None and limit <= 40_000
        else (patient.longest_words // 4, patient.longest_words)
    )
    fits = 0
    for length in lengths:
        said = patient.ask((words * (length // 10 + 1)), max_tokens=1)
        expected = tokens_each * length
        if not said.good:
            if limit is None and said.error is not None:
                limit = told_limit(said.error)
            patient.know(max_context=limit, overflow="refused")
            told = f"{limit} tokens fit" if limit else f"between {fits} and {round(expected)} tokens fit"
            patient.note("context", "good", f"{told}; more is refused ({said.status})", "raises ContextOverflow")
            return
        if said.prompt_tokens is not None and said.prompt_tokens < 0.8 * expected:
            patient.know(max_context=limit or said.prompt_tokens, overflow="cut")
            patient.note(
                "context",
                "handled",
                f"a longer prompt is silently cut to {said.prompt_tokens} tokens",
                "raises ContextOverflow when it can tell",
            )
            return
        fits = said.prompt_tokens or round(expected)
    if limit is not None and fits > limit:
        patient.know(overflow="garbage")
        patient.note(
            "context", "handled", f"{limit} tokens fit; more is answered with garbage", "raises ContextOverflow"
        )
    else:
        patient.note("context", "unknown", f"{fits} tokens are taken; the limit was not found")


def probe_caching(patient: Patient) -> None:
    """Whether the same prompt again is computed again."""
    first, second = patient.ask(LONG, max_tokens=1), patient.ask(LONG, max_tokens=1)
    if second.cached_tokens > 0:
        patient.know(prompt_caching=True)
        patient.note("prompt cache", "good", f"{second.cached_tokens} of {second.prompt_tokens} tokens were cached")
    elif first.good and second.good:
        patient.note("prompt cache", "unknown", "no cached tokens are reported")


PROBES: tuple[Probe, ...] = (
    probe_stop,
    probe_samples,
    probe_seed,
    probe_logprobs,
    probe_stream,
    probe_prefill,
    probe_grammar,
    probe_context,
    probe_caching,
)
"""In the order in which they are made, after `probe_endpoints`."""


def _settled(patient: Patient, kind: Kind) -> Said:
    """Ask until nothing more is refused."""
    for _ in _tries():
        said = patient.asker.ask(kind, PROMPT, seed=1)
        if said.refused is None or said.refused in patient.asker.left_out:
            return said
        patient.asker.left_out.append(said.refused)
    return said


def _tries() -> Iterator[int]:
    return iter(range(6))
