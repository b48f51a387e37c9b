"""GGUF files, computed by llama.cpp in this process."""

from reasonkit.clients.gguf.client import GGUFClient

__all__ = ["GGUFClient"]
