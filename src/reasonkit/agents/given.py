"""From what a caller gives a method to what it uses: a prompt by name, tools, an encyclopedia by name.

Not here: the client (`connect.py`), and options that are plain values (`options.py`).
"""

from __future__ import annotations

from pathlib import Path

from reasonkit.agents.connect import card_of
from reasonkit.clients.protocol import Client
from reasonkit.errors import InputError
from reasonkit.pages import PageSource
from reasonkit.prompts import Prompt
from reasonkit.tools.protocol import Toolset

ClientLike = Client | str | None
PromptLike = Prompt | str | Path | None


def prompt_of(method: str, prompt: PromptLike, client: ClientLike) -> Prompt:
    """Return the prompt that was given, else the one that the model's folder names, else the method's default."""
    if isinstance(prompt, Prompt):
        return prompt
    if prompt is not None:
        if not isinstance(prompt, str | Path):
            raise InputError(f"prompt is {prompt!r}; give a name such as '{method}/default', a folder, or a Prompt")
        return Prompt.load(prompt)
    named = card_of(client).prompt if client is None or isinstance(client, str) else None
    return Prompt.load(f"{method}/{named or 'default'}")


def checked_toolset(tools: Toolset) -> Toolset:
    """Return the tools that were given.

    Raises:
        InputError: they are no Toolset.
    """
    if isinstance(tools, type) or not callable(getattr(tools, "open", None)) or not hasattr(tools, "names"):
        raise InputError(f"tools is {tools!r}; give a Toolset: Toolbox([...]) makes one of functions")
    return tools


def encyclopedia(pages: PageSource | str | None, *, paper_exact: bool = False) -> Toolset:
    """Return Search and Lookup over a page source, by name or as an object; the bundled one if none is named."""
    from reasonkit.tools.wikipedia import Wikipedia

    if pages is None or isinstance(pages, str):
        from reasonkit.pages.names import from_name

        return Wikipedia(from_name("bundled" if pages is None else pages), paper_exact=paper_exact)
    if isinstance(pages, type) or not callable(getattr(pages, "search", None)):
        raise InputError(f"pages is {pages!r}; give a name ('bundled', 'live', 'zim:PATH') or a page source")
    return Wikipedia(pages, paper_exact=paper_exact)
