"""Titles that are like one that was not found: an index over many titles, held in memory.

Not for sources with an index of their own (a ZIM file, the bundled file).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from reasonkit.pages.titles import likeness, title_key, trigrams

MOST: Final = 5
"""Similar titles that a source names."""
_JUDGED: Final = 60
"""Titles that share the most trigrams; only these are compared letter by letter."""
_SHORT: Final = 6
"""Characters of a key up to which all titles of its length are compared: one wrong letter may leave no trigram."""
_ALIKE: Final = 0.3
"""Below this likeness two titles have nothing to do with each other; chance is under 0.2."""


class TitleIndex:
    """An index of titles by their trigrams.

    Args:
        titles: pairs of what is compared and the title to name for it (the same, or where a redirect leads).
    """

    def __init__(self, titles: Iterable[tuple[str, str]]) -> None:
        self._names: list[tuple[str, str]] = [(title_key(asked), shown) for asked, shown in titles]
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._short: defaultdict[int, list[int]] = defaultdict(list)
        for place, (key, _) in enumerate(self._names):
            for gram in trigrams(key):
                self._places[gram].append(place)
            if len(key) <= _SHORT + 1:
                self._short[len(key)].append(place)

    def similar(self, title: str, most: int = MOST) -> tuple[str, ...]:
        """Name the titles most like `title`, best first.

        Args:
            title: what was not found.
            most: how many at most.
        """
        key = title_key(title)
        if not key:
            return ()
        shared = Counter(place for gram in trigrams(key) for place in self._places.get(gram, ()))
        nearest = sorted(shared, key=lambda place: (-shared[place] / (len(self._names[place][0]) + len(key)), place))
        places = nearest[:_JUDGED]
        if len(key) <= _SHORT:
            places += [place for length in range(len(key) - 1, len(key) + 2) for place in self._short.get(length, ())]
        return ranked(key, (self._names[place] for place in places), most)


def ranked(key: str, names: Iterable[tuple[str, str]], most: int = MOST) -> tuple[str, ...]:
    """Order candidates by likeness, leave out what is not like `key`, and name each title once.

    Args:
        key: the key (`title_key`) of what was not found.
        names: pairs of a candidate's key and the title to name for it.
        most: how many at most.
    """
    grams = trigrams(key)
    scored = ((likeness(key, grams, each, trigrams(each)), shown) for each, shown in names if each)
    alike = sorted((pair for pair in scored if pair[0] >= _ALIKE), key=lambda pair: (-pair[0], pair[1]))
    return tuple(dict.fromkeys(shown for _, shown in alike))[:most]
