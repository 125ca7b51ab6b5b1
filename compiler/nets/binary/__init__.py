"""Nets of weights and activations that are -1 or 1."""
