"""PAL: the model writes a program, a sandbox runs it, its value is the answer.

Source: Gao et al. 2023, PAL: Program-aided Language Models, arXiv 2211.10435, sections 3 and 4. Greedy, 512 tokens, in
the paper's protocol without a repair. Every program runs in a state of its own. A program that the token limit cut is
`truncated` and is not run.
"""

from __future__ import annotations

from reasonkit.answers import canonical
from reasonkit.flow import complete, execute
from reasonkit.programs import Program, extract_program
from reasonkit.prompts import Prompt
from reasonkit.types import Answer, Completion, Execution, Flow, Question, Sampling, Transcript


def pal(
    question: Question,
    prompt: Prompt,
    *,
    sampling: Sampling = Sampling(max_tokens=512),
    repair: bool = False,
) -> Flow[Answer]:
    """Answer a question by a program.

    Args:
        question: what is asked.
        prompt: worked examples; its cue may be the program's first line.
        sampling: of the program.
        repair: whether a program that fails is shown to the model with its error, once.
    """
    transcript = Transcript(opening=prompt.open(question))
    completion = yield from complete(transcript, cue=prompt.cue, stop=prompt.stop, sampling=sampling)
    program = _program(prompt.cue, completion)
    execution = yield from _run(program)
    if repair and execution.error is not None:
        shown = transcript.extended(f"{program.source}\n\n# This program failed: {execution.error.message}\n")
        completion = yield from complete(shown, cue=prompt.cue, stop=prompt.stop, sampling=sampling)
        program = _program(prompt.cue, completion)
        execution = yield from _run(program)
    text = None if execution.error is not None else canonical(execution.value)
    return Answer(text=text, program=program.source, execution=execution)


def _program(cue: str, completion: Completion) -> Program:
    """Read the program; a chat model may repeat the cue that it was to go on from."""
    text = completion.text if cue.strip() and cue.strip() in completion.text else cue + completion.text
    return extract_program(text, truncated=completion.truncated)


def _run(program: Program) -> Flow[Execution]:
    if program.fault is not None:
        return Execution(error=program.fault)
    return (yield from execute(program.source, answer=program.answer))
