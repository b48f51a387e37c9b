"""Transformers models on this machine."""

from reasonkit.clients.local.client import LocalClient

__all__ = ["LocalClient"]
