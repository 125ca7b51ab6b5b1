"""How the loops over gates are compiled: by numba, once for a machine, and not in silence."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar, overload

import numba
from numba.core import event

log = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def njit(function: Function) -> Function: ...


@overload
def njit(*, nogil: bool = ..., fastmath: object = ...) -> Callable[[Function], Function]: ...


def njit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Numba's decorator; what it compiles is kept between runs."""
    decorate = numba.njit(cache=True, **options)
    return decorate(function) if function else decorate


class _Teller(event.Listener):
    """Says that something is compiled, the first time that it is."""

    told = False

    def on_start(self, event: event.Event) -> None:
        """A function is new, or was changed."""
        if not self.told:
            self.told = True
            log.info("compiling inner loops for this machine: a minute in all, only the first time")

    def on_end(self, event: event.Event) -> None:
        """Nothing is said."""


event.register("numba:compile", _Teller())  # type: ignore[no-untyped-call]  # numba's stub
