"""The public face of Lithify; every name loads its module when first used."""

import importlib

__version__ = "0.1.0"

_HOMES: dict[str, str] = {}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    """The public object of that name, imported now."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names, whether loaded or not."""
    return sorted(__all__)
