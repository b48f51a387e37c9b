"""The same episode in each peer, as its own documentation writes it; measured in the peer's own environment.

Run by `python -m tests.benchmarks.peers` as a script: `python episodes.py CASE URL EPISODES AT_ONCE CALLS` prints the CPU time of
this process for each model call, in milliseconds, after a warm-up. The question carries a few-shot text of 3.8 KB, as in
`bench_http`. Nothing of reasonkit is imported here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

FEW_SHOT = "Question: What is it?\nThought 1: I should look.\nAction 1: Search[it]\nObservation 1: It is it.\n" * 38
QUESTION = FEW_SHOT + "Question: q\n"
Run = Callable[[int], object]
"""Runs so many episodes."""


def search(what: str) -> str:
    """Look something up.

    Args:
        what: what is looked up.
    """
    return f"Nothing about {what}."


def haystack(url: str, at_once: int) -> Run:
    """Haystack's Agent over its OpenAI generator."""
    from haystack.components.agents import Agent
    from haystack.components.generators.chat import OpenAIChatGenerator
    from haystack.dataclasses import ChatMessage
    from haystack.tools import create_tool_from_function

    limits = {"limits": {"max_connections": at_once, "max_keepalive_connections": at_once}, "timeout": 60}
    generator = OpenAIChatGenerator(model="m", api_base_url=url, http_client_kwargs=limits)
    agent = Agent(chat_generator=generator, tools=[create_tool_from_function(search)])
    agent.warm_up()

    def one() -> None:
        last = agent.run(messages=[ChatMessage.from_user(QUESTION)])["messages"][-1]
        assert last.text == "Rome", last

    async def aone() -> None:
        last = (await agent.run_async(messages=[ChatMessage.from_user(QUESTION)]))["messages"][-1]
        assert last.text == "Rome", last

    return _either(one, aone, at_once)


def langgraph(url: str, at_once: int) -> Run:
    """The agent graph of LangChain, which runs on LangGraph."""
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    agent = create_agent(ChatOpenAI(model="m", base_url=url, timeout=60), tools=[search])
    asked = {"messages": [{"role": "user", "content": QUESTION}]}

    def one() -> None:
        assert agent.invoke(asked)["messages"][-1].content == "Rome"

    async def aone() -> None:
        assert (await agent.ainvoke(asked))["messages"][-1].content == "Rome"

    return _either(one, aone, at_once)


def smolagents(url: str, at_once: int) -> Run:
    """Run smolagents' ToolCallingAgent: an agent an episode, for it keeps the memory of its run; threads, for it is sync."""
    from smolagents import LogLevel, OpenAIServerModel, ToolCallingAgent, tool

    model = OpenAIServerModel(model_id="m", api_base=url, client_kwargs={"timeout": 60})
    tools = [tool(search)]

    def one() -> None:
        assert ToolCallingAgent(tools=tools, model=model, verbosity_level=LogLevel.OFF).run(QUESTION) == "Rome"

    def threads(episodes: int) -> None:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda _: one(), range(episodes)))

    return threads if at_once > 1 else _repeated(one)


def dspy(url: str, at_once: int) -> Run:
    """DSPy's ReAct: three searches, a finish, and the call that reads the answer out."""
    import dspy

    dspy.configure(lm=dspy.LM("openai/m", api_base=url, api_key="none", cache=False))
    agent = dspy.ReAct("question -> answer", tools=[search])

    def one() -> None:
        assert agent(question=QUESTION).answer == "Rome"

    async def aone() -> None:
        assert (await agent.acall(question=QUESTION)).answer == "Rome"

    return _either(one, aone, at_once)


def _either(one: Callable[[], None], aone: Callable[[], Awaitable[None]], at_once: int) -> Run:
    """Run one after another by the sync face, or so many at once by the async one."""

    async def all_of(episodes: int) -> None:
        left = iter(range(episodes))

        async def work() -> None:
            for _ in left:
                await aone()

        await asyncio.gather(*(work() for _ in range(at_once)))

    if at_once == 1:
        return _repeated(one)
    lasting = asyncio.Runner()  # a client's connections belong to one event loop
    return lambda episodes: lasting.run(all_of(episodes))


def _repeated(one: Callable[[], None]) -> Run:
    def run(episodes: int) -> None:
        for _ in range(episodes):
            one()

    return run


CASES: dict[str, Callable[[str, int], Run]] = {
    "haystack": haystack,
    "langgraph": langgraph,
    "smolagents": smolagents,
    "dspy": dspy,
}


def main() -> None:
    """Measure one peer; print a line of JSON."""
    case, url, episodes, at_once, calls = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    stats = url.removesuffix("/v1") + "/stats"
    os.environ["OPENAI_API_KEY"] = "none"
    logging.disable(logging.WARNING)
    run = CASES[case](url, at_once)
    run(max(5, at_once))
    urlopen(stats).close()
    began = time.process_time()
    run(episodes)
    cpu = time.process_time() - began
    with urlopen(stats) as answer:
        made = json.loads(answer.read())["calls"]
    assert made == episodes * calls, f"{case} made {made} calls in {episodes} episodes"
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"ms": 1000 * cpu / (episodes * calls), "rss": rss}))


if __name__ == "__main__":
    main()
