"""Recipes: whole trainings from nothing, each in its own folder."""
