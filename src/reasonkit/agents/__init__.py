"""The methods as objects: options, and the ways to call them."""
