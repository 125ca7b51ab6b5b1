"""Training of soft nets, judged by their hard form."""

from lithify.compiler.training.loop import accuracy, train
from lithify.compiler.training.recipe import Recipe, Result, read_recipe, run_recipe
from lithify.compiler.training.run import Epoch, History, Progress

__all__ = [
    "Epoch",
    "History",
    "Progress",
    "Recipe",
    "Result",
    "accuracy",
    "read_recipe",
    "run_recipe",
    "train",
]
