"""Recipes to train by, and models that were trained by them."""
