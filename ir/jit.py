"""How the loops over gates are compiled: by numba, once for a machine, and not in silence."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

import numba
from numba.core import event, types

log = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def njit(function: Function) -> Function: ...


@overload
def njit(*, nogil: bool = ..., fastmath: object = ...) -> Callable[[Function], Function]: ...


def njit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Numba's decorator; what it compiles is kept between runs.

    Loops that call each other do so with whole numbers of 64 bits. Numba would compile the inner
    one again for every constant, and for narrower numbers.
    """
    decorate = numba.njit(cache=True, **options)

    def compiled(function: Callable[..., Any]) -> Any:
        loop = decorate(function)
        template = loop.get_call_template

        def common(args: Sequence[types.Type], kws: Mapping[str, types.Type]) -> Any:
            return template(
                [_common(kind) for kind in args], {n: _common(k) for n, k in kws.items()}
            )

        loop.get_call_template = common
        return loop

    return compiled(function) if function else compiled


def _common(kind: types.Type) -> types.Type:
    plain = types.unliteral(kind)  # type: ignore[no-untyped-call]  # numba's stub
    return types.int64 if plain == types.int32 else plain


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
