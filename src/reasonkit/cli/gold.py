"""Gold answers for an export: from the trace itself, or from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from reasonkit.answers import exact_match, numeric_match
from reasonkit.errors import DatasetError
from reasonkit.types import Question


@dataclass(frozen=True, slots=True)
class Gold:
    """Accepted answers by the id or the text of their question; for others, those that the trace holds."""

    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a JSON Lines file whose rows have `id` or `question` (or both), and `answer`: a text or several.

        Raises:
            DatasetError: a row is not like that.
        """
        found: dict[str, tuple[str, ...]] = {}
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(f"{path}: not a readable JSON Lines file: {error}") from None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DatasetError(f"{path}, line {number}: not JSON: {error}") from None
            keys = [row.get(name) for name in ("id", "question")] if isinstance(row, dict) else []
            answer = row.get("answer", row.get("gold")) if isinstance(row, dict) else None
            several = answer if isinstance(answer, list) else [answer]
            if not any(keys) or not several or not all(isinstance(one, (str, int, float)) for one in several):
                raise DatasetError(f"{path}, line {number}: a row has `id` or `question`, and `answer`")
            found |= {str(key): tuple(map(str, several)) for key in keys if key}
        return cls(found)

    def agrees(self, question: Question, answer: str) -> bool:
        """Tell whether an answer is one of the accepted ones: the same words, or the same number."""
        accepted = self.answers.get(question.id or "") or self.answers.get(question.text) or question.gold
        return any(exact_match(answer, one) or numeric_match(answer, one) for one in accepted)
