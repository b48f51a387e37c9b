"""Self-consistency: several chains of thought are drawn, and the answer that most of them give wins."""

from reasonkit import CoT, SelfConsistency
from reasonkit.answers import maj_at_k

QUESTION = "Tom has 20 cards. Tom gives 6 cards to Anna. How many cards does Tom have left?"

with CoT(temperature=0.7, answer_type="number") as one:
    result = SelfConsistency(one, n=9, wave=3)(QUESTION)
print("votes:", ", ".join(f"{vote.answer} ({vote.count})" for vote in result.votes))
print(
    f"answer: {result.answer}, margin {result.margin}, {result.abstained} without an answer, {result.saved} not drawn"
)
print("majority of the first k:", maj_at_k([sample.answer for sample in result.samples]))
