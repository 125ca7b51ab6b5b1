"""Every method of learning, by what a recipe calls it."""

from __future__ import annotations

from lithify.compiler.training.adaste import AdaSte
from lithify.compiler.training.bayes import Bayes
from lithify.compiler.training.compact import Compact
from lithify.compiler.training.method import Adam, Method, RAdam
from lithify.compiler.training.noisy import Noisy
from lithify.compiler.training.ste import Ste

METHODS: dict[str, type[Method]] = {
    kind.kind: kind for kind in (Adam, RAdam, Ste, AdaSte, Bayes, Noisy, Compact)
}
