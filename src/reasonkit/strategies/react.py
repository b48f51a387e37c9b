r"""ReAct: thoughts, actions and observations in turn; and Act, the same without thoughts.

Source: Yao et al. 2023, ReAct: Synergizing Reasoning and Acting in Language Models, arXiv 2210.03629, sections 2 and 3,
and the loop of the authors' notebooks. One text grows:

    Thought 1: ...\nAction 1: Search[...]\nObservation 1: ...\nThought 2: ...

As in the originals a turn without a readable action is asked for its action alone, and what then still cannot be read
is answered with `Invalid action: ...`. Unlike there, what a parser has to overlook is named in the step, an
observation that the model wrote itself is never believed, and nothing after the first action is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass

from reasonkit.clients.grammars import action_grammar, step_grammar
from reasonkit.flow import act as use
from reasonkit.flow import complete, note
from reasonkit.prompts import Prompt
from reasonkit.steps import parse_action, parse_step
from reasonkit.types import Action, Answer, Flow, Malformed, ParsedStep, Question, Sampling, Step, Transcript

FINISH = "Finish"
_STALLED = " This action gave the same observation before: try another one."


def react(
    question: Question,
    prompt: Prompt,
    *,
    tools: tuple[str, ...] = ("Search", "Lookup"),
    max_steps: int = 7,
    sampling: Sampling = Sampling(max_tokens=100),
    thoughts: bool = True,
    forced_finish: bool = False,
    steps_left_hint: bool = False,
    stop_when_stalled: bool = True,
    constrained: bool = False,
) -> Flow[Answer]:
    """Answer a question by reasoning and acting.

    Args:
        question: what is asked.
        prompt: the instruction and worked examples.
        tools: the verbs that the model may use, besides Finish.
        max_steps: turns before it ends without an answer (the paper: 7 for HotpotQA, 5 for FEVER).
        sampling: of each turn (the paper: greedy, 100 tokens).
        thoughts: False is Act.
        forced_finish: whether, after the last step, the model is asked to answer from what it has.
        steps_left_hint: whether observations say how many turns are left.
        stop_when_stalled: whether the same action with the same observation is pointed out once, and then ends the run.
        constrained: whether a grammar holds the model to one action in the right form; its thoughts are free.
    """
    transcript = Transcript(opening=prompt.open(question))
    before: tuple[Action, str] | None = None
    warned = False
    for number in range(1, max_steps + 1):
        form = _Form(number=number, verbs=(*tools, FINISH), sampling=sampling, constrained=constrained)
        turn = yield from (_turn(transcript, form) if thoughts else _action(transcript, form))
        parsed = turn.parsed
        stalled = False
        if isinstance(parsed, Malformed):
            observation = f"Invalid action: {turn.written}"
        elif parsed.action.tool == FINISH:
            yield from note(_step(turn, None))
            return Answer(text=parsed.action.argument or None)
        else:
            observation = (yield from use(parsed.action, thought=turn.thought)).text
            stalled = stop_when_stalled and before == (parsed.action, observation)
            before = (parsed.action, observation)
        ends = stalled and warned
        if stalled and not warned:
            observation, warned = observation + _STALLED, True
        if steps_left_hint:
            observation += f" ({max_steps - number} steps left)"
        yield from note(_step(turn, observation))
        if ends:
            return Answer(text=None, stop_reason="stalled")
        transcript = transcript.extended(f"{turn.text}\nObservation {number}: {observation}\n")
    if forced_finish:
        return (yield from _forced(transcript, max_steps + 1, sampling))
    return Answer(text=None, stop_reason="step_limit")


def act(
    question: Question,
    prompt: Prompt,
    *,
    tools: tuple[str, ...] = ("Search", "Lookup"),
    max_steps: int = 7,
    sampling: Sampling = Sampling(max_tokens=100),
    forced_finish: bool = False,
    steps_left_hint: bool = False,
    stop_when_stalled: bool = True,
    constrained: bool = False,
) -> Flow[Answer]:
    """Answer a question by acting alone; the arguments are those of `react`."""
    return react(
        question,
        prompt,
        tools=tools,
        max_steps=max_steps,
        sampling=sampling,
        thoughts=False,
        forced_finish=forced_finish,
        steps_left_hint=steps_left_hint,
        stop_when_stalled=stop_when_stalled,
        constrained=constrained,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    number: int
    verbs: tuple[str, ...]
    sampling: Sampling
    constrained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    number: int
    thought: str
    written: str
    """What the model wrote where an action was wanted."""
    text: str
    """The turn as it stands in the transcript from now on."""
    parsed: ParsedStep | Malformed
    reasked: bool = False


def _turn(transcript: Transcript, form: _Form) -> Flow[_Turn]:
    """Ask for one turn, and once more for its action alone if none can be read."""
    number = form.number
    completion = yield from complete(
        transcript,
        cue=f"Thought {number}:",
        stop=(f"\nObservation {number}:",),
        sampling=form.sampling,
        grammar=step_grammar(number, form.verbs) if form.constrained else None,
    )
    parsed = parse_step(completion.text, number, tools=form.verbs, truncated=completion.truncated)
    if isinstance(parsed, Malformed):
        first_line = completion.text.strip().partition("\n")[0]
        return (yield from _action(transcript, form, thought=first_line))
    text = f"Thought {number}: {parsed.thought}\nAction {number}: {_shown(parsed.action)}"
    return _Turn(number=number, thought=parsed.thought, written=completion.text, text=text, parsed=parsed)


def _action(transcript: Transcript, form: _Form, *, thought: str | None = None) -> Flow[_Turn]:
    """Ask for an action alone: in Act, and where a thought came without one."""
    number = form.number
    said = "" if thought is None else f"Thought {number}: {thought}\n"
    completion = yield from complete(
        transcript.extended(said),
        cue=f"Action {number}:",
        stop=("\n",),
        sampling=form.sampling,
        grammar=action_grammar(form.verbs) if form.constrained else None,
    )
    parsed = parse_action(completion.text, number, tools=form.verbs, truncated=completion.truncated)
    written = completion.text.strip()
    shown = written if isinstance(parsed, Malformed) else _shown(parsed.action)
    text, reasked = f"{said}Action {number}: {shown}", thought is not None
    return _Turn(number=number, thought=thought or "", written=written, text=text, parsed=parsed, reasked=reasked)


def _forced(transcript: Transcript, number: int, sampling: Sampling) -> Flow[Answer]:
    """Ask for an answer from the gathered evidence: the last action is Finish whatever the model had in mind."""
    completion = yield from complete(transcript, cue=f"Action {number}: {FINISH}[", stop=("]", "\n"), sampling=sampling)
    text = completion.text.strip()
    return Answer(text=text or None, stop_reason="forced" if text else "step_limit")


def _step(turn: _Turn, observation: str | None) -> Step:
    parsed = turn.parsed
    if isinstance(parsed, Malformed):
        return Step(
            number=turn.number,
            thought=turn.thought,
            observation=observation,
            reasked=turn.reasked,
            malformed=parsed.kind,
        )
    return Step(
        number=turn.number,
        thought=turn.thought,
        action=parsed.action,
        observation=observation,
        recovered=parsed.recovered,
        reasked=turn.reasked,
    )


def _shown(action: Action) -> str:
    return f"{action.tool}[{action.argument}]"
