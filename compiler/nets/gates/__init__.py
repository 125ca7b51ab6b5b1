"""Layers of two-input gates whose truth tables are learned."""
