"""Running flows: the session between flows and world, budgets, the world, and the two drivers."""
