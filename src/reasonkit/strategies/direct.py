"""Standard prompting: demonstrations, the question, the answer; no reasoning shown (in-context learning).

Source: Brown et al. 2020, Language Models are Few-Shot Learners, arXiv 2005.14165, section 2.
"""

from __future__ import annotations

from reasonkit.flow import complete
from reasonkit.prompts import Prompt
from reasonkit.types import Answer, Flow, Question, Sampling, Transcript


def direct(question: Question, prompt: Prompt, *, sampling: Sampling = Sampling(max_tokens=64)) -> Flow[Answer]:
    """Ask for the answer alone; it is what stands on the first line that is not blank."""
    transcript = Transcript(opening=prompt.open(question))
    completion = yield from complete(transcript, cue=prompt.cue, stop=prompt.stop, sampling=sampling)
    lines = completion.text.strip().splitlines()
    return Answer(text=lines[0].strip() if lines else None)
