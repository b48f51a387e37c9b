"""PAL: the model writes a program, a sandbox runs it, its value is the answer."""

from reasonkit import PAL

with PAL() as agent:
    result = agent("Maria has 12 apples. She buys 5 more apples. How many apples does Maria have now?")
print(result.program)
print(f"\nanswer: {result.answer}")
print(f"error: {result.execution.error}")
print(f"in force while it ran: {', '.join(result.execution.enforced)}")
