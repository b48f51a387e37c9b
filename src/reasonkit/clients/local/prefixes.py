"""What was computed before, kept by token ids: a tree of keys and values under a byte budget.

Prompts that begin alike share their beginning. One tree for each adapter, because keys and values made under one are
wrong under another. Not here: where tokens come from, and the buffers in which rows are computed.

Source of the idea: the radix tree of SGLang, https://arxiv.org/abs/2312.07104, section 3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch

Segment: TypeAlias = "list[tuple[torch.Tensor, torch.Tensor]]"
"""For each layer keys and values, both (heads, tokens, width)."""


class _Node:
    __slots__ = ("children", "ids", "parent", "pins", "segment", "used")

    def __init__(self, ids: tuple[int, ...], segment: Segment, parent: _Node | None) -> None:
        self.ids = ids
        self.segment = segment
        self.parent = parent
        self.children: dict[int, _Node] = {}
        self.pins = 0
        self.used = 0

    @property
    def bytes(self) -> int:
        return sum(keys.nbytes + values.nbytes for keys, values in self.segment)


class PrefixCache:
    """Keys and values of token sequences, found by the longest common beginning.

    Args:
        budget_bytes: what may be kept; the least recently used ends of sequences go first, pinned ones never.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.bytes = 0
        self._roots: dict[str | None, _Node] = {}
        self._clock = 0

    def match(self, adapter: str | None, ids: Sequence[int]) -> tuple[int, list[Segment]]:
        """Return how many of the first `ids` are known, and their keys and values piece by piece."""
        length, segments = 0, []
        for node, shared in self._walk(adapter, ids):
            segments.append([(keys[:, :shared], values[:, :shared]) for keys, values in node.segment])
            length += shared
        return length, segments

    def insert(
        self, adapter: str | None, ids: Sequence[int], fetch: Callable[[int, int], Segment], *, pin: bool = False
    ) -> None:
        """Keep a sequence; `fetch(start, end)` gives a copy of the part that is not yet known.

        A sequence that does not fit into the budget is not kept.
        """
        node, length = self._root(adapter), 0
        for found, shared in list(self._walk(adapter, ids)):
            length += shared
            node = found
            if shared < len(found.ids) and (length < len(ids) or pin):
                node = self._split(found, shared)
        if length < len(ids):
            leaf = _Node(tuple(ids[length:]), fetch(length, len(ids)), node)
            node.children[leaf.ids[0]] = leaf
            self.bytes += leaf.bytes
            leaf.used = self._tick()
            node = leaf
        if pin:
            while node.parent is not None:
                node.pins += 1
                node = node.parent
        self.shrink(self.budget_bytes)

    def shrink(self, budget_bytes: int) -> None:
        """Drop the least recently used ends until no more than `budget_bytes` are kept, or only pinned ones."""
        while self.bytes > budget_bytes:
            loose = [node for node in self._nodes() if not node.children and not node.pins]
            if not loose:
                return
            oldest = min(loose, key=lambda node: node.used)
            assert oldest.parent is not None
            del oldest.parent.children[oldest.ids[0]]
            self.bytes -= oldest.bytes

    def forget(self, adapter: str | None) -> None:
        """Drop all that was computed under an adapter."""
        root = self._roots.pop(adapter, None)
        if root is not None:
            self.bytes -= sum(node.bytes for node in _below(root))

    def _root(self, adapter: str | None) -> _Node:
        return self._roots.setdefault(adapter, _Node((), [], None))

    def _walk(self, adapter: str | None, ids: Sequence[int]) -> Iterator[tuple[_Node, int]]:
        """Yield the nodes along `ids`, each with the number of its tokens that agree."""
        node, at, now = self._root(adapter), 0, self._tick()
        while at < len(ids) and (child := node.children.get(ids[at])) is not None:
            shared = 1
            most = min(len(child.ids), len(ids) - at)
            while shared < most and child.ids[shared] == ids[at + shared]:
                shared += 1
            child.used = now
            yield child, shared
            if shared < len(child.ids):
                return
            node, at = child, at + shared

    def _split(self, node: _Node, at: int) -> _Node:
        """Cut a node in two; return the first half. Both are copied, so that each frees its own memory."""
        assert node.parent is not None
        first = _Node(
            node.ids[:at],
            [(keys[:, :at].clone(), values[:, :at].clone()) for keys, values in node.segment],
            node.parent,
        )
        first.pins, first.used = node.pins, node.used
        node.parent.children[first.ids[0]] = first
        node.segment = [(keys[:, at:].clone(), values[:, at:].clone()) for keys, values in node.segment]
        node.ids, node.parent = node.ids[at:], first
        first.children[node.ids[0]] = node
        return first

    def _nodes(self) -> Iterator[_Node]:
        for root in self._roots.values():
            yield from _below(root)

    def _tick(self) -> int:
        self._clock += 1
        return self._clock


def _below(root: _Node) -> Iterator[_Node]:
    waiting = list(root.children.values())
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.children.values())
