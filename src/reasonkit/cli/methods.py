"""The methods by their names on the command line, with the options of `reasonkit eval`.

Not here: running them (`evaluating.py`). The value is plain data, so that another machine can build the same agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonkit.agents.agent import Agent
    from reasonkit.answers import AnswerType

METHODS = ("direct", "cot", "cot-sc", "pal", "act", "react", "react-cotsc", "cotsc-react")


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodOptions:
    """What the methods of one evaluation share."""

    client: str | None
    model: str | None
    capabilities: Path | None
    adapter: Path | None
    prompt: str | None
    pages: str | None
    max_steps: int
    samples: int
    temperature: float
    answer_type: AnswerType
    seed: int

    def build(self, name: str) -> Agent:
        """Return the agent of a method.

        Args:
            name: direct, cot, cot-sc, pal, act, react, react-cotsc or cotsc-react.
        """
        match name:
            case "direct":
                from reasonkit.agents.methods import Direct

                return Direct(
                    self.client, model=self.model, capabilities=self.capabilities, adapter=self.adapter,
                    prompt=self.prompt, seed=self.seed,
                )  # fmt: skip
            case "cot":
                return self._chain(0.0)
            case "cot-sc":
                from reasonkit.agents.votes import SelfConsistency

                return SelfConsistency(self._chain(self.temperature), n=self.samples, own=True)
            case "pal":
                from reasonkit.agents.methods import PAL

                return PAL(
                    self.client, model=self.model, capabilities=self.capabilities, adapter=self.adapter,
                    prompt=self.prompt, seed=self.seed,
                )  # fmt: skip
            case "act" | "react":
                from reasonkit.agents.methods import Act, ReAct

                acting = Act if name == "act" else ReAct
                return acting(
                    self.client, model=self.model, capabilities=self.capabilities, adapter=self.adapter,
                    prompt=self.prompt, pages=self.pages, max_steps=self.max_steps, seed=self.seed,
                )  # fmt: skip
            case _:
                from reasonkit.agents.votes import CoTSCThenReAct, ReActThenCoTSC

                backing_off = ReActThenCoTSC if name == "react-cotsc" else CoTSCThenReAct
                return backing_off(
                    self.client, model=self.model, capabilities=self.capabilities, adapter=self.adapter,
                    pages=self.pages, max_steps=self.max_steps, n=self.samples, temperature=self.temperature,
                    answer_type=self.answer_type, seed=self.seed,
                )  # fmt: skip

    def _chain(self, temperature: float) -> Agent:
        from reasonkit.agents.methods import CoT

        return CoT(
            self.client, model=self.model, capabilities=self.capabilities, adapter=self.adapter, prompt=self.prompt,
            answer_type=self.answer_type, temperature=temperature, seed=self.seed,
        )  # fmt: skip
