"""The data that ships: the encyclopedia, its question sets, and the model. Paths only; importing this touches no disk.

The source text of the encyclopedia is in `encyclopedia/`, one file a category; `build_pages` makes `pages.sqlite` from
it, and `build_questions` the files in `questions/`.
"""

from pathlib import Path

__all__ = ["datasets_path", "encyclopedia_path", "model_path", "pages_path", "questions_path"]


def pages_path() -> Path:
    """Name the encyclopedia's SQLite file."""
    return _root() / "pages.sqlite"


def encyclopedia_path() -> Path:
    """Name the folder with the encyclopedia's source text."""
    return _root() / "encyclopedia"


def model_path() -> Path:
    """Name the folder of the bundled model: safetensors, tokenizer, `reasonkit.json`, and the same weights as GGUF."""
    return _root() / "model"


def questions_path(kind: str | None = None) -> Path:
    """Name the file of one question set, or their folder.

    Args:
        kind: "one_hop", "two_hop" or "lookup"; None for the folder.
    """
    folder = _root() / "questions"
    return folder if kind is None else folder / f"{kind}.jsonl"


def datasets_path() -> Path:
    """Name the folder of the small datasets in public forms: word problems, claims, choices, dates."""
    return _root() / "datasets"


def _root() -> Path:
    return Path(__file__).parent
