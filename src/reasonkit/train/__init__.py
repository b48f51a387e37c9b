"""Training: traces become a fine-tuned adapter, and recipes make the models that ship. Not for: running methods."""
