"""Adapters in a folder: by name, with what each was trained on; examined, and merged into a model.

Reading them needs no torch. Not here: training one (`reasonkit train`), and running one (`LocalClient(adapters=...)`).
"""

from reasonkit.train.adapters.examine import Finding, examine
from reasonkit.train.adapters.registry import Entry, read_entry, read_registry

__all__ = ["Entry", "Finding", "examine", "read_entry", "read_registry"]
