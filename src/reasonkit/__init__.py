"""The prompting methods of the literature, run exactly, fast and in the open."""
