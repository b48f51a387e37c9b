"""The back-offs of the ReAct paper: what one method cannot answer, the other is asked."""

from reasonkit import CoTSCThenReAct, ReActThenCoTSC

QUESTION = "In which country is the source of the Rhine?"

for method in (ReActThenCoTSC, CoTSCThenReAct):
    with method(n=6, max_steps=4, wave=3) as agent:
        result = agent(QUESTION)
    print(f"{method.__name__}: {result.answer} ({result.stop_reason})")
    print(f"  {len(result.steps)} steps of ReAct, {len(result.samples)} chains of thought, votes {result.votes}")
