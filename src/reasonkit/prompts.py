"""Prompts: folders of plain files, rendered to the byte, in two ways.

A prompt is a folder. What stands in its files is what is sent; nothing is trimmed, added or wrapped:

    instruction.jinja      what comes first; may be missing
    question.jinja         how a question is put: of the item asked, and of each demonstration
    answer.jinja           how a demonstration's answer is shown
    demonstrations.jsonl   the worked examples, one JSON object a line; may be missing
    prompt.toml            `cue`, `stop`, `demonstrations = "turns" | "inline"`, and what else its strategy reads

The templates see the fields of a demonstration, or of the question (`question`, `choices`), and what the caller gives
as variables. Questions are values, never templates: braces, percent signs and Jinja syntax in them survive untouched.

The two renderings are of one opening. A completion endpoint gets one continued text. A chat gets the instruction as
the system turn, demonstrations as turns (or inline), and the question as a user turn; once the episode has gone on,
and the endpoint does not continue an assistant turn, the user turn holds the continued text and ends at the cue.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from reasonkit.errors import PromptError
from reasonkit.types import Capabilities, Exchange, Message, Opening, Question, Transcript

if TYPE_CHECKING:
    import jinja2

_SETTINGS = {"cue": str, "stop": list, "demonstrations": str, "triggers": dict}


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """The text around a question, as data.

    Args:
        name: how traces and messages call it, for example `react/default`.
        instruction: template of what comes first.
        question: template of a question.
        answer: template of a demonstration's answer.
        demonstrations: the fields of each worked example.
        cue: what the model continues, where the strategy does not number its own.
        stop: texts that end a completion, where the strategy has none of its own.
        demonstrations_as_turns: whether a chat shows demonstrations as turns; else in the system turn.
        triggers: named texts that a strategy appends, for example the two stages of zero-shot chain of thought.
        variables: values that every template sees.

    Raises:
        PromptError: a part is of a wrong type, or a stop is empty.
    """

    name: str
    instruction: str = ""
    question: str = "{{ question }}\n"
    answer: str = "{{ answer }}\n"
    demonstrations: tuple[Mapping[str, object], ...] = ()
    cue: str = ""
    stop: tuple[str, ...] = ()
    demonstrations_as_turns: bool = True
    triggers: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in ("name", "instruction", "question", "answer", "cue"):
            if not isinstance(getattr(self, part), str):
                raise PromptError(f"the prompt {self.name!r}: {part} is {getattr(self, part)!r}; give a text")
        for part, fault in (
            ("stop", _stop_fault(self.stop)),
            ("triggers", _triggers_fault(self.triggers)),
            (
                "variables",
                None if isinstance(self.variables, Mapping) else f"is {self.variables!r}; give values by name",
            ),
            ("demonstrations", _demonstrations_fault(self.demonstrations)),
        ):
            if fault is not None:
                raise PromptError(f"the prompt {self.name!r}: {part} {fault}")
        object.__setattr__(self, "stop", tuple(self.stop))

    @classmethod
    def load(cls, name: str | Path) -> Self:
        """Load a prompt by name (`react/default`) or from a folder of one's own.

        Raises:
            PromptError: there is no such prompt, or one of its files cannot be read.
        """
        if not name:
            raise PromptError("the prompt's name is empty; give a name such as 'react/default', or a folder")
        if isinstance(name, Path) or Path(name).is_dir():
            return cls._read(Path(name), Path(name).name)
        root = prompts_root()
        folder = root.joinpath(*name.split("/"))
        if not folder.joinpath("question.jinja").is_file():
            known = sorted(_names(root))
            near = _nearest(name, known)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}."
            raise PromptError(f"no prompt {name!r}; {hint} A folder of your own is given by its path.")
        return cls._read(folder, name)

    @classmethod
    def from_react_json(cls, path: Path, key: str) -> Self:
        """Load a prompt of the ReAct repository (`prompts/*.json`): one long text under a key.

        Raises:
            PromptError: the file is not JSON, or has no such key.
        """
        try:
            texts = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PromptError(f"{path}: not a JSON file of prompts: {error}") from None
        if not isinstance(texts, dict) or not isinstance(texts.get(key), str):
            known = ", ".join(sorted(texts)) if isinstance(texts, dict) else "none"
            raise PromptError(f"{path}: no prompt under the key {key!r}; its keys are: {known}")
        noun = "Claim" if re.search(r"^Claim: ", texts[key], re.MULTILINE) else "Question"
        return cls._verbatim(f"{path.name}:{key}", texts[key], f"{noun}: {{{{ question }}}}\n")

    @classmethod
    def from_exemplars(cls, path: Path, *, question: str = "Q: {{ question }}\n", cue: str = "A:") -> Self:
        """Load a plain text of worked examples, to be sent as it stands before each question."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(f"{path}: not a readable text: {error}") from None
        return cls._verbatim(path.name, text, question, cue=cue, stop=("\nQ:",))

    @classmethod
    def _verbatim(cls, name: str, text: str, question: str, *, cue: str = "", stop: tuple[str, ...] = ()) -> Self:
        quoted = (
            "{% raw %}" + text.replace("{% endraw %}", "{% endraw %}{{ '{% endraw %}' }}{% raw %}") + "{% endraw %}"
        )
        return cls(name=name, instruction=quoted, question=question, cue=cue, stop=stop)

    @classmethod
    def _read(cls, folder: Path, name: str) -> Self:
        settings = _settings(folder, name)
        return cls(
            name=name,
            instruction=_text(folder, "instruction.jinja", ""),
            question=_text(folder, "question.jinja", None),
            answer=_text(folder, "answer.jinja", "{{ answer }}\n"),
            demonstrations=tuple(_demonstrations(folder)),
            cue=settings.get("cue", ""),
            stop=tuple(settings.get("stop", ())),
            demonstrations_as_turns=settings.get("demonstrations", "turns") == "turns",
            triggers=settings.get("triggers", {}),
        )

    @cached_property
    def sha256(self) -> str:
        """Of everything in the prompt; an adapter's manifest and each trace hold it."""
        parts = (
            self.instruction, self.question, self.answer, self.cue, self.stop, self.demonstrations_as_turns,
            [dict(demonstration) for demonstration in self.demonstrations], dict(self.triggers), dict(self.variables),
        )  # fmt: skip
        try:
            written = json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise PromptError(f"the prompt {self.name!r} cannot be written as JSON: {error}") from None
        return hashlib.sha256(written).hexdigest()

    def with_demonstrations(self, demonstrations: Sequence[Mapping[str, object]]) -> Prompt:
        """Return the prompt with other worked examples."""
        return replace(self, demonstrations=tuple(demonstrations))

    def open(self, question: Question, **variables: object) -> Opening:
        """Render all that stands before the model's first word.

        Args:
            question: what is asked.
            **variables: further values for the templates.

        Raises:
            PromptError: a template uses a name that nobody gave.
        """
        variables = {**self.variables, **variables}
        asked = {"question": question.text, "choices": question.choices, **variables}
        return Opening(
            name=self.name,
            sha256=self.sha256,
            instruction=self._render("instruction", variables),
            demonstrations=self._shown if variables == self.variables else self._exchanges(variables),
            question=self._render("question", asked),
            demonstrations_as_turns=self.demonstrations_as_turns,
        )

    @cached_property
    def _shown(self) -> tuple[Exchange, ...]:
        return self._exchanges(self.variables)

    def _exchanges(self, variables: Mapping[str, object]) -> tuple[Exchange, ...]:
        fields = [{"choices": (), **variables, **demonstration} for demonstration in self.demonstrations]
        return tuple(
            Exchange(question=self._render("question", one), answer=self._render("answer", one)) for one in fields
        )

    @cached_property
    def _templates(self) -> dict[str, jinja2.Template]:
        import jinja2

        compiled = {}
        for part in ("instruction", "question", "answer"):
            try:
                compiled[part] = _environment().from_string(_returns_kept(getattr(self, part)))
            except jinja2.TemplateSyntaxError as error:
                raise PromptError(f"{self.name}/{part}.jinja, line {error.lineno}: {error.message}") from None
            except (*_FAULTS, SyntaxError) as error:
                raise PromptError(f"{self.name}/{part}.jinja: {error}") from None
        return compiled

    def _render(self, part: str, variables: Mapping[str, object]) -> str:
        import jinja2

        template = self._templates[part]
        try:
            return template.render(variables)
        except jinja2.UndefinedError as error:
            raise PromptError(self._undefined(part, str(error), variables)) from None
        except (jinja2.TemplateError, *_FAULTS) as error:
            raise PromptError(f"{self.name}/{part}.jinja: {error}") from None

    def _undefined(self, part: str, message: str, variables: Mapping[str, object]) -> str:
        missing = re.search(r"'([^']*)' is undefined", message)
        name = missing[1] if missing else ""
        lines = getattr(self, part).splitlines()
        line = next((i for i, text in enumerate(lines, 1) if name and re.search(rf"\b{re.escape(name)}\b", text)), 1)
        near = _nearest(name, list(variables))
        hint = f"did you mean {near[0]!r}?" if near else f"the names at hand are: {', '.join(sorted(variables))}"
        return f"{self.name}/{part}.jinja, line {line}: {message}; {hint}"


_FAULTS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError)
"""What a template's own doing can raise; too deep a recursion is a RuntimeError."""


def render(transcript: Transcript, cue: str, capabilities: Capabilities) -> str | tuple[Message, ...]:
    """Return what an endpoint of these capabilities is sent: a text to continue, or a chat."""
    opening = transcript.opening
    if capabilities.endpoint == "completions":
        return transcript.text + cue
    turns: list[Message] = []
    system = opening.instruction
    if not opening.demonstrations_as_turns:
        system += "".join(shown.question + shown.answer for shown in opening.demonstrations)
    if system:
        turns.append(Message(role="system", content=system))
    if opening.demonstrations_as_turns:
        for shown in opening.demonstrations:
            turns.append(Message(role="user", content=shown.question))
            turns.append(Message(role="assistant", content=shown.answer))
    written = transcript.continuation + cue
    if capabilities.prefill and written:
        turns.append(Message(role="user", content=opening.question))
        turns.append(Message(role="assistant", content=written))
    else:
        turns.append(Message(role="user", content=opening.question + written))
    return tuple(turns)


def prompts_root() -> Path:
    """Return the folder of the prompts that ship: inside the installed package, else in the checkout."""
    inside = Path(__file__).parent / "_prompts"
    if inside.is_dir():
        return inside
    return Path(__file__).parents[2] / "prompts"


@cache
def _environment() -> jinja2.Environment:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    for chance in ("lipsum", "cycler", "joiner"):  # they draw, or keep a state: a template is a function of its values
        del environment.globals[chance]
    del environment.filters["random"]
    return environment


def _returns_kept(source: str) -> str:
    """Write carriage returns outside of tags as expressions: Jinja turns every line end into a newline."""
    if "\r" not in source:
        return source
    return re.sub(r"(\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\})|\r", lambda m: m[1] or '{{ "\\r" }}', source, flags=re.DOTALL)


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, known, n=1)


def _names(folder: Path, prefix: str = "") -> Iterator[str]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _names(entry, f"{prefix}{entry.name}/")
        elif entry.name == "question.jinja":
            yield prefix.rstrip("/")


def _text(folder: Path, name: str, default: str | None) -> str:
    file = folder.joinpath(name)
    if not file.is_file():
        if default is None:
            raise PromptError(f"{folder}: a prompt needs a {name}")
        return default
    try:
        return file.read_bytes().decode("utf-8")  # bytes: reading as text would turn \r\n into \n
    except UnicodeDecodeError as error:
        raise PromptError(f"{folder}/{name}: not UTF-8: {error}") from None
    except OSError as error:
        raise PromptError(f"{folder}/{name}: cannot be read: {error.strerror}") from None


def _demonstrations(folder: Path) -> Iterator[Mapping[str, object]]:
    for number, line in enumerate(_text(folder, "demonstrations.jsonl", "").split("\n"), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise PromptError(f"{folder}/demonstrations.jsonl, line {number}: not JSON: {error}") from None
        if not isinstance(fields, dict):
            raise PromptError(f"{folder}/demonstrations.jsonl, line {number}: not a JSON object")
        yield fields


def _settings(folder: Path, name: str) -> dict[str, Any]:
    try:
        settings = tomllib.loads(_text(folder, "prompt.toml", ""))
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"{name}/prompt.toml: {error}") from None
    for key, value in settings.items():
        wanted = _SETTINGS.get(key)
        if wanted is None:
            raise PromptError(f"{name}/prompt.toml: unknown setting {key!r}; there are: {', '.join(sorted(_SETTINGS))}")
        if not isinstance(value, wanted):
            raise PromptError(f"{name}/prompt.toml: {key} must be a {wanted.__name__}, not {value!r}")
    for key, fault in (("stop", _stop_fault), ("triggers", _triggers_fault)):
        if key in settings and (said := fault(settings[key])) is not None:
            raise PromptError(f"{name}/prompt.toml: {key} {said}")
    if settings.get("demonstrations", "turns") not in ("turns", "inline"):
        raise PromptError(f"{name}/prompt.toml: demonstrations must be 'turns' or 'inline'")
    return settings


def _stop_fault(stop: object) -> str | None:
    """Say what is wrong with stop texts; an empty one would end every completion at once."""
    if not isinstance(stop, list | tuple) or not all(isinstance(text, str) and text for text in stop):
        return f"must be texts, none of them empty, not {stop!r}"
    return None


def _demonstrations_fault(demonstrations: object) -> str | None:
    if not isinstance(demonstrations, list | tuple) or not all(isinstance(one, Mapping) for one in demonstrations):
        return f"is {demonstrations!r}; give a tuple of examples, each a dict of fields"
    return None


def _triggers_fault(triggers: object) -> str | None:
    if not isinstance(triggers, Mapping) or not all(isinstance(one, str) for pair in triggers.items() for one in pair):
        return f"must be texts by name, not {triggers!r}"
    return None
