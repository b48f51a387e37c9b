"""Chain of thought: worked examples whose answers show their reasoning, then the question.

Source: Wei et al. 2022, Chain-of-Thought Prompting Elicits Reasoning in Large Language Models, arXiv 2201.11903,
section 2 and appendix G. The answer is what follows the last "The answer is".
"""

from __future__ import annotations

from reasonkit.answers import AnswerType, extract
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
        prompt: worked examples.
        sampling: of the reasoning and the answer (the paper: greedy).
        answer_type: how a forgiving extraction reads the same words; the answer itself is the strict one.
    """
    transcript = Transcript(opening=prompt.open(question))
    completion = yield from complete(transcript, cue=prompt.cue, stop=prompt.stop, sampling=sampling)
    read = extract(completion.text, answer_type)
    return Answer(text=read.strict, lenient=read.lenient)
