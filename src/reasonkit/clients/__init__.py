"""Model clients behind one protocol (`protocol.py`)."""
