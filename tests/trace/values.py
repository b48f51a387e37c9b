"""Hypothesis strategies for everything that a trace holds, odd values included."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import get_args

from hypothesis import strategies as st

from reasonkit.trace import Completing, End, Event, Opened, Place, Run
from reasonkit.types import (
    Act,
    Action,
    Answer,
    Completion,
    Dropped,
    Execute,
    Execution,
    Failure,
    Message,
    Note,
    Observation,
    ProgramError,
    Question,
    Recovery,
    Refused,
    Sample,
    Sampling,
    Selection,
    Step,
    StopReason,
    TokenLogprob,
    Usage,
    Vote,
)

texts = st.text(max_size=12) | st.sampled_from(
    ["", "\x00", "\r\n\u2028\u2029\x85", "</script>", "é\U0001f600", '"\\', "\ud800 alone", "-" * 200]
)
short = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
counts = st.integers(0, 10**6)
seconds = st.floats(0, 1e6, allow_nan=False)
stop_reasons = st.sampled_from(get_args(StopReason))


def tuples(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, max_size=3).map(tuple)


plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**30, 10**40)
    | st.floats(allow_nan=False)
    | texts
    | st.fractions()
    | st.decimals(allow_nan=False).map(Decimal)
    | st.dates()
)
program_values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(st.integers() | texts, max_size=3)
        | st.dictionaries(st.integers() | texts, inner, max_size=3)
    ),
    max_leaves=6,
)
ODD_VALUES = (Fraction(1, 3), Decimal("1.10"), date(1969, 7, 20), {1, 2}, {(1, 2): [None]}, -0.0, 2**100, float("inf"))

samplings = st.builds(
    Sampling, temperature=st.floats(0, 2), top_p=st.floats(0.01, 1), max_tokens=st.integers(1, 10**5)
)  # fmt: skip
usages = st.builds(
    Usage, requests=counts, prompt_tokens=counts, completion_tokens=counts, cached_tokens=counts, partial=st.booleans()
)
errors = st.builds(
    ProgramError, kind=st.sampled_from(["timeout", "exception", "denied"]), message=texts, line=st.none() | counts
)
executions = st.builds(
    Execution, value=program_values, stdout=texts, error=st.none() | errors, seconds=seconds, enforced=tuples(short)
)
actions = st.builds(Action, tool=short, argument=texts)
steps = st.builds(
    Step,
    number=counts,
    thought=texts,
    action=st.none() | actions,
    observation=st.none() | texts,
    recovered=tuples(st.sampled_from(get_args(Recovery))),
    reasked=st.booleans(),
    malformed=st.none() | st.sampled_from(["empty", "no_action"]),
)
samples = st.builds(
    Sample,
    answer=st.none() | texts,
    text=texts,
    program=st.none() | texts,
    execution=st.none() | executions,
    stop_reason=stop_reasons,
)
selections = st.builds(
    Selection, by=texts, chosen=tuples(counts), dropped=tuples(st.builds(Dropped, index=counts, reason=texts))
)
completions = st.builds(
    Completion,
    text=texts,
    finish=st.sampled_from(["stop", "length"]),
    usage=usages,
    notices=tuples(texts),
    logprobs=tuples(st.builds(TokenLogprob, token=texts, logprob=st.floats(-100, 0))),
)
observations = st.builds(
    Observation, text=texts, status=st.sampled_from(["ok", "missing", "error", "denied"]), shortened=st.booleans()
)
refusals = st.builds(Refused, limit=st.sampled_from(["tokens", "usd"]), reason=texts)
completings = st.builds(
    Completing,
    transcript_sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    cue=texts,
    stop=tuples(texts),
    sampling=samplings,
    grammar=st.none() | texts,
)
messages = st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=texts)
requests = st.none() | texts | st.lists(messages, max_size=3).map(tuple)
places: st.SearchStrategy[Place] = st.integers(0, 2).flatmap(
    lambda depth: st.tuples(*[st.integers(0, 99)] * (2 * depth + 1))
)
episodes = st.integers(0, 999)
occurrences = (
    st.tuples(completings, completions | refusals)
    | st.tuples(st.builds(Act, action=actions, thought=texts), observations | refusals)
    | st.tuples(st.builds(Execute, program=texts, answer=st.none() | texts), executions | refusals)
    | st.tuples(st.builds(Note, item=steps | samples | selections), st.none())
)
events = st.builds(
    lambda occurrence, **fields: Event(effect=occurrence[0], outcome=occurrence[1], **fields),
    occurrences,
    episode=episodes,
    place=places,
    request=requests,
    seconds=seconds,
)
questions = st.builds(Question, text=texts, id=st.none() | texts, gold=tuples(texts), choices=tuples(texts))
answers = st.builds(
    Answer,
    text=st.none() | texts,
    stop_reason=stop_reasons,
    lenient=st.none() | texts,
    votes=tuples(st.builds(Vote, answer=texts, count=counts)),
    abstained=counts,
    saved=counts,
    program=st.none() | texts,
    execution=st.none() | executions,
)
ends = st.builds(
    End,
    episode=episodes,
    stop_reason=stop_reasons,
    answer=st.none() | answers,
    error=st.none() | st.builds(Failure, kind=short, message=texts),
)
runs = st.builds(
    Run,
    strategy=short,
    options=st.dictionaries(short, st.integers() | texts | st.booleans() | st.none(), max_size=3),
    prompt=st.none() | texts,
    prompt_sha256=st.none() | texts,
    client=st.dictionaries(short, texts, max_size=3),
    endpoint=st.sampled_from(["chat", "completions"]),
    prefill=st.booleans(),
    tools=tuples(short),
    seed=counts,
    parent=st.none() | texts,
    library=texts,
    time=seconds,
)
lines = runs | st.builds(Opened, episode=episodes, question=questions) | events | ends
