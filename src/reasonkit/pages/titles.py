"""Titles as keys: what makes two spellings the same title, and how alike two titles are.

Pure text; no storage. The likeness is the Dice coefficient over character trigrams (Dice 1945,
https://doi.org/10.2307/1932409), with `difflib`'s ratio beside it for short titles, where one swapped letter breaks
most trigrams.
"""

import re
import unicodedata
from difflib import SequenceMatcher

_SHORT = 6
_WORTH_A_LOOK = 0.25
"""Longer titles with fewer trigrams in common than this cannot be one slip apart: the slow comparison is spared."""
_WORD = re.compile(r"[^\W_]+(?:[+#]+(?![^\W_]))?")
"""Plus and hash belong to a word that they end: C, C++ and C# are three pages."""
_APOSTROPHES = str.maketrans("", "", "'\u2019\u02bc`")


def title_key(title: str) -> str:
    """Reduce a title to the words that make it: no case, accents, punctuation, brackets, quotes or leading article.

    Only what a plus or a hash at a word's end says is kept: C++ and C# are not C.

    Returns:
        Lower-case words with single spaces, or "" where the title has no letter or digit.
    """
    decomposed = unicodedata.normalize("NFKD", title.translate(_APOSTROPHES)).casefold()
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    words = _WORD.findall(bare)
    if len(words) > 1 and words[0] in {"the", "a", "an"}:
        del words[0]
    return " ".join(words)


def trigrams(key: str) -> frozenset[str]:
    """Cut a key into runs of three characters, with a space before and after it."""
    padded = f" {key} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def likeness(asked: str, asked_grams: frozenset[str], key: str, grams: frozenset[str]) -> float:
    """Say how alike two keys are, from 0 (nothing in common) to 1 (the same)."""
    shared = len(asked_grams & grams)
    dice = 2 * shared / (len(asked_grams) + len(grams))
    if abs(len(asked) - len(key)) > 2 or (dice < _WORTH_A_LOOK and len(asked) > _SHORT):
        return dice
    return max(dice, SequenceMatcher(None, asked, key, autojunk=False).ratio() - 0.1)
