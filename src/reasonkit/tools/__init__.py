"""Tools that a model can use, behind one protocol (`protocol.py`)."""
