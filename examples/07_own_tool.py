"""A tool of one's own: a plain function; here a calculator and a little database, used by a scripted model."""

from reasonkit import ReAct, ScriptedClient, Toolbox, tool

POPULATION = {"Ulm": 128_000, "Bonn": 336_000}


@tool
def population(city: str) -> int:
    """Give the number of people who live in a city."""
    return POPULATION[city]


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


model = ScriptedClient(
    [
        " I need the first number.\nAction 1: population[Ulm]",
        " And the second.\nAction 2: population[Bonn]",
        " Now the sum.\nAction 3: add[128000; 336000]",
        " That is all.\nAction 4: Finish[464000]",
    ]
)
result = ReAct(model, tools=Toolbox([population, add]), prompt="react/default")("How many people live in Ulm and Bonn?")
for step in result.steps:
    print(step.action, "->", step.observation)
print("answer:", result.answer)
