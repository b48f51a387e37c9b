"""The scripted server of `bench_http`, in the words that the peers speak: chats with tool calls, and DSPy's fields.

`python -m tests.benchmarks.peers.server` prints its port. Each episode has five model calls, whoever asks. Not here:
completions, which it answers as `bench_http` does.
"""

from __future__ import annotations

import json

from tests.benchmarks.bench_http import CALLS, Scripted, serve


class Chats(Scripted):
    """One connection: counts what was answered so far in each chat, and says what comes next."""

    def answer(self, body: bytes) -> bytes:
        asked = json.loads(body)
        if "messages" not in asked:
            return super().answer(body)
        if asked.get("tools"):
            step = 1 + sum(turn["role"] == "assistant" for turn in asked["messages"])
            return _reply(_tool_call(step, [tool["function"]["name"] for tool in asked["tools"]]))
        return _reply({"role": "assistant", "content": _fields(json.dumps(asked["messages"][-1]["content"]))})


def _tool_call(step: int, names: list[str]) -> dict[str, object]:
    """Search four times, then answer: in words, or by the tool that smolagents wants it from."""
    if step < CALLS:
        name, arguments = "search", {"what": f"thing {step}"}
    elif "final_answer" in names:
        name, arguments = "final_answer", {"answer": "Rome"}
    else:
        return {"role": "assistant", "content": "Rome"}
    call = {"id": f"call_{step}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    return {"role": "assistant", "content": "I look.", "tool_calls": [call]}


def _fields(last: str) -> str:
    """Search three times, finish, and say the answer when DSPy asks for it: five calls as well."""
    step = 1 + last.count("[[ ## observation_")
    if step > CALLS - 1 or "next_tool_name" not in last:
        return "[[ ## reasoning ## ]]\nI looked.\n\n[[ ## answer ## ]]\nRome\n\n[[ ## completed ## ]]"
    name, arguments = ("finish", "{}") if step == CALLS - 1 else ("search", json.dumps({"what": f"thing {step}"}))
    return (
        f"[[ ## next_thought ## ]]\nI look.\n\n[[ ## next_tool_name ## ]]\n{name}\n\n"
        f"[[ ## next_tool_args ## ]]\n{arguments}\n\n[[ ## completed ## ]]"
    )


def _reply(message: dict[str, object]) -> bytes:
    finish = "tool_calls" if "tool_calls" in message else "stop"
    usage = {"prompt_tokens": 900, "completion_tokens": 12, "total_tokens": 912}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(whole).encode()


if __name__ == "__main__":
    serve(0.0, Chats)
