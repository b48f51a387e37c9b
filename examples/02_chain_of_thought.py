"""Chain of thought: reasoning in words before the answer; and how a strict and a forgiving reading of it differ."""

from reasonkit import CoT

QUESTION = "Maria has 12 apples. She buys 5 more apples. How many apples does Maria have now?"

with CoT(answer_type="number") as agent:
    print(agent.preview(QUESTION))
    result = agent(QUESTION)
    print(f"answer: {result.answer} (forgiving reading: {result.lenient}), {result.usage.completion_tokens} tokens")
