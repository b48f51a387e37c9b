"""Chain of thought: the model reasons in words, then answers.

Few-shot: worked examples show their reasoning; the answer is what follows the last "The answer is". Source: Wei et al.
2022, Chain-of-Thought Prompting Elicits Reasoning in Large Language Models, arXiv 2201.11903, section 2.
Zero-shot: a prompt with triggers is asked in two stages, for the reasoning, then for an answer of a type. Source: Kojima
et al. 2022, Large Language Models are Zero-Shot Reasoners, arXiv 2205.11916, section 3.
"""

from __future__ import annotations

from reasonkit.answers import AnswerType, extract
from reasonkit.errors import PromptError
from reasonkit.flow import complete
from reasonkit.prompts import Prompt
from reasonkit.types import Answer, Flow, Question, Sampling, Transcript


def cot(
    question: Question,
    prompt: Prompt,
    *,
    sampling: Sampling = Sampling(max_tokens=256),
    answer_type: AnswerType = "text",
) -> Flow[Answer]:
    """Ask for reasoning and an answer.

    Args:
        question: what is asked.
        prompt: worked examples; or, with triggers, the two stages of the zero-shot form.
        sampling: of each stage (the papers: greedy).
        answer_type: what counts as an answer where it is read out of words; the strict reading is the answer.
    """
    transcript = Transcript(opening=prompt.open(question))
    completion = yield from complete(transcript, cue=prompt.cue, stop=prompt.stop, sampling=sampling)
    words = completion.text
    if prompt.triggers:
        trigger = _trigger(prompt, answer_type, question)
        reasoned = transcript.extended(f"{prompt.cue}{completion.text.rstrip()}\n")
        second = yield from complete(reasoned, cue=trigger, stop=("\n",), sampling=sampling)
        words = trigger + second.text
    read = extract(words, answer_type, choices=question.choices)
    return Answer(text=read.strict, lenient=read.lenient)


def _trigger(prompt: Prompt, answer_type: AnswerType, question: Question) -> str:
    """Return the second stage's cue for an answer of this type."""
    if answer_type not in prompt.triggers:
        known = ", ".join(sorted(prompt.triggers))
        raise PromptError(f"{prompt.name}/prompt.toml has no trigger for {answer_type!r} answers; it has: {known}")
    last = chr(ord("A") + max(len(question.choices), 1) - 1)
    return prompt.triggers[answer_type].replace("{last}", last)
