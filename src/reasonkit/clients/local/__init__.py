"""Transformers models on this machine."""

from reasonkit.clients.local.client import LocalClient
from reasonkit.clients.local.embed import Embedder

__all__ = ["Embedder", "LocalClient"]
