"""The client of the protocol against a model of the shell, on a pseudo-terminal and on a bus."""

import builtins
import ctypes
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell_model import ShellModel, on_terminal

from lithify.backends.fpga.spidev import Bus
from lithify.backends.fpga.talk import converse, talk
from lithify.backends.verilog.frames import END, Integers, Layout, Status, frame
from lithify.ir.errors import InputError, ToolFailed, ToolMissing
from lithify.ir.ports import Port

LAYOUT = Layout(
    (Port("x", 5, 6, "uint", 0, 16), Port("y", 9, 2, "int")),
    (Port("scores", 10, 3, "int"), Port("class", 2)),
)


def function(codes: Integers) -> Integers:
    scores = np.stack([codes.sum(1), codes[:, 0] * -5, codes[:, 7]], axis=1)
    return np.concatenate([scores, scores.argmax(1)[:, None]], axis=1)


def codes(samples: int) -> Integers:
    rng = np.random.default_rng(5)
    x = rng.integers(0, 17, (samples, 6))
    y = rng.integers(-256, 256, (samples, 2))
    return np.concatenate([x, y], axis=1)


def check(outputs: dict[str, Integers], rows: Integers) -> None:
    wanted = function(rows)
    assert np.array_equal(outputs["scores"], wanted[:, :3])
    assert np.array_equal(outputs["class"], wanted[:, 3:])


class Shell(ShellModel):
    """The model, which can spoil the answer with a given number."""

    def __init__(self, spoil: dict[int, Any]) -> None:
        super().__init__(LAYOUT, function)
        self.spoil, self.number = spoil, 0

    def feed(self, data: bytes) -> bytes:
        answer = super().feed(data)
        if answer:
            self.number += 1
            return bytes(self.spoil.get(self.number, lambda a: a)(answer))
        return answer


def test_every_sample_is_answered() -> None:
    rows, seen = codes(300), list[tuple[int, int]]()
    with on_terminal(ShellModel(LAYOUT, function).feed) as port:
        check(talk(port, LAYOUT, rows, progress=lambda *now: seen.append(now)), rows)
    assert seen == [(i + 1, 300) for i in range(300)]


def test_no_samples_are_no_answers() -> None:
    with on_terminal(ShellModel(LAYOUT, function).feed) as port:
        assert talk(port, LAYOUT, codes(0))["scores"].shape == (0, 3)


@pytest.mark.parametrize(
    "spoil",
    [
        {1: lambda answer: b""},
        {2: lambda answer: answer[:4]},
        {2: lambda answer: answer[:3] + bytes([answer[3] ^ 1]) + answer[4:]},
        {1: lambda answer: b"garbage" + answer, 2: lambda answer: b"\xff\xc0\x00" + answer},
        {2: lambda answer: answer + answer},
        {1: lambda answer: frame(bytes([0, Status.CORRUPT]))},
    ],
    ids=["lost", "cut", "changed", "garbage", "doubled", "corrupt request"],
)
def test_a_spoilt_answer_is_asked_for_again(spoil: dict[int, Any]) -> None:
    rows = codes(4)
    with on_terminal(Shell(spoil).feed) as port:
        check(talk(port, LAYOUT, rows, timeout_s=0.2), rows)


def test_a_shell_in_the_middle_of_a_frame_is_brought_round() -> None:
    shell, rows = ShellModel(LAYOUT, function), codes(3)
    assert shell.feed(bytes([END, 1, 2, 3])) == b""
    with on_terminal(shell.feed) as port:
        check(talk(port, LAYOUT, rows), rows)


def refused(respond: Any, error: type[Exception] = ToolFailed) -> str:
    with on_terminal(respond) as port, pytest.raises(error) as caught:
        talk(port, LAYOUT, codes(2), timeout_s=0.1)
    return str(caught.value)


class Controller:
    """The model of a shell at the other end of an SPI bus: as many bytes come back as go out."""

    def __init__(self, shell: ShellModel, late: int = 0) -> None:
        self.shell, self.waiting = shell, bytearray([END] * late)

    def transfer(self, data: bytes) -> bytes:
        back = bytes(self.waiting[: len(data)]).ljust(len(data), bytes([END]))
        del self.waiting[: len(data)]
        self.waiting += self.shell.feed(data)
        return back


@pytest.mark.parametrize("late", [0, 1, 700])
def test_a_bus_brings_answers_whenever_they_are_ready(late: int) -> None:
    rows, controller = codes(300), Controller(ShellModel(LAYOUT, function), late)
    check(converse(Bus(controller.transfer), LAYOUT, rows), rows)


def test_a_bus_that_spoils_an_answer_is_asked_again() -> None:
    rows, controller = codes(4), Controller(Shell({2: lambda answer: answer[:3] + answer[4:]}))
    check(converse(Bus(controller.transfer), LAYOUT, rows), rows)


def test_a_silent_bus() -> None:
    with pytest.raises(ToolFailed) as caught:
        converse(Bus(lambda data: bytes(len(data))), LAYOUT, codes(1), timeout_s=0.05)
    assert "See that cs_n, sck, copi, cipo and ground are on the pins that" in str(caught.value)


def test_a_bus_of_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, controller = codes(600), Controller(ShellModel(LAYOUT, function))
    modes: list[bytes] = []
    rates = set[int]()

    def ioctl(file: int, request: int, what: bytes) -> int:
        os.fstat(file)
        if request == 0x40016B01:
            modes.append(what)
            return 0
        assert request == 0x40206B00 and len(what) == 32
        size: int
        sent, back, size, hertz, *rest = struct.unpack("=QQIIHBBBBBB", what)
        assert size <= 4096 and rest == [0, 8, 0, 0, 0, 0, 0]
        ctypes.memmove(back, controller.transfer(ctypes.string_at(sent, size)), size)
        rates.add(hertz)
        return size

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    port = tmp_path / "spidev0.0"
    port.touch()
    check(talk(str(port), LAYOUT, rows, line="spi", rate=1_500_000), rows)
    assert modes == [b"\0"] and rates == {1_500_000}


def test_a_bus_that_is_not_there(tmp_path: Path) -> None:
    port = tmp_path / "spidev0.0"
    for said in (f"the SPI bus {port} cannot be opened (No such file", f"{port} is no SPI bus. B"):
        with pytest.raises(ToolFailed) as caught:
            talk(str(port), LAYOUT, codes(1), line="spi")
        assert str(caught.value).startswith(said) and "of the group spi" in str(caught.value)
        port.touch()


HELP = (
    "within 4 tries of 0.1 s. See that this is the port of its UART (many boards have two, and "
    "the second one is it), that the rate is the one the design was built with, and that the "
    "board is programmed"
)


def test_a_silent_board() -> None:
    assert refused(lambda data: b"") == f"the board sent nothing {HELP}"


def test_a_board_that_babbles() -> None:
    answer = iter([b"", b"abcde"])
    assert refused(lambda data: next(answer, b"")) == (
        f"the board sent 5 bytes, but no answer to this request {HELP}"
    )


def test_a_board_with_another_design() -> None:
    wrong = "; program it with this one"
    for status in (Status.LENGTH, Status.RANGE):
        assert refused(lambda data, s=status: frame(bytes([0, s])) if len(data) > 2 else b"") == (
            f"the board refuses the inputs (status {status.name}): it is programmed with "
            f"another design{wrong}"
        )
    assert refused(lambda data: frame(bytes([0, 0, 1])) if len(data) > 2 else b"", InputError) == (
        "an answer has 1 bytes of outputs where this design has 7; "
        "is the board programmed with this design?"
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            np.zeros((2, 7), np.int64),
            "inputs of shape (2, 7) and type int64; the board takes integers [samples, 8]",
        ),
        (
            np.zeros((2, 8)),
            "inputs of shape (2, 8) and type float64; the board takes integers [samples, 8]",
        ),
        (np.full((2, 8), 17), "sample 0, input x[0]: 17 is not in 0..16"),
        (np.array([[0] * 7 + [-257]]), "sample 0, input y[1]: -257 is not in -256..255"),
    ],
)
def test_wrong_inputs_never_reach_the_board(rows: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        talk("/nowhere", LAYOUT, rows)
    assert str(caught.value) == message


def test_a_port_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithify.backends.fpga.talk._ports", lambda: ["/dev/ttyUSB0"])
    with pytest.raises(ToolFailed) as caught:
        talk(str(tmp_path / "tty"), LAYOUT, codes(1))
    assert str(caught.value) == (
        f"the serial port {tmp_path / 'tty'} cannot be opened (No such file or directory). "
        "Ports that are there: /dev/ttyUSB0. Plug the board in; a port that may not be opened "
        "takes membership of the group dialout"
    )


def test_without_pyserial(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "serial":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ToolMissing) as caught:
        talk("/dev/ttyUSB0", LAYOUT, codes(1))
    assert str(caught.value) == (
        "talking to a board takes the Python package pyserial: pip install 'lithify[fpga]'"
    )
