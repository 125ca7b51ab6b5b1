"""The shell in Python, as the protocol defines it, and a pseudo-terminal to put it on."""

import os
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from lithify.backends.verilog.frames import (
    Integers,
    Layout,
    Status,
    Unframer,
    frame,
    from_bytes,
    status_of,
    to_bytes,
)

Function = Callable[[Integers], Integers]


class ShellModel:
    """Answers requests: `function` maps codes[1, elements] to the outputs[1, elements]."""

    def __init__(self, layout: Layout, function: Function) -> None:
        self._layout, self._function, self._unframer = layout, function, Unframer()

    def feed(self, data: bytes) -> bytes:
        """What the shell sends in answer to some bytes."""
        return b"".join(frame(self._answer(body)) for body in self._unframer.feed(data))

    def _answer(self, body: bytes | None) -> bytes:
        status = status_of(self._layout, body)
        head = bytes([body[0] if body else 0, status])
        if status is not Status.OK or body is None:
            return head
        values = from_bytes(self._layout.inputs, body[1:])
        codes = np.concatenate([values[port.name] for port in self._layout.inputs])[None]
        return head + to_bytes(self._layout.outputs, self._function(codes))[0]


@contextmanager
def on_terminal(respond: Callable[[bytes], bytes]) -> Iterator[str]:
    """The name of a pseudo-terminal at whose other end `respond` answers what is written."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            if select.select([ours], [], [], 0.02)[0] and (answer := respond(os.read(ours, 4096))):
                os.write(ours, answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        stop.set()
        thread.join()
        os.close(theirs)
        os.close(ours)
