"""In-context learning: labels that the model has never seen, learned from the examples in the prompt alone."""

from reasonkit import Choice, Direct

EXAMPLES = [
    {"question": "The film was awful.", "answer": "dax"},
    {"question": "The meal was lovely.", "answer": "wug"},
    {"question": "The hotel was dull.", "answer": "dax"},
    {"question": "The song was charming.", "answer": "wug"},
    {"question": "The trip was terrible.", "answer": "dax"},
    {"question": "The show was superb.", "answer": "wug"},
]

for choice in (Choice(k=2), Choice(k=4, by="balanced", seed=1), Choice(k=4, by="bm25")):
    with Direct(examples=EXAMPLES, choice=choice) as agent:
        result = agent("The book was great.")
        print(f"{choice.by}: examples {result.selection.chosen}, answer {result.answer}")

with Direct(examples=EXAMPLES) as agent:
    print("\nThe exact prompt:")
    print(agent.preview("The book was great."))
