"""The bytes of requests and answers, and what becomes of damaged ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithify.backends.verilog.frames import (
    END,
    ESC,
    Answer,
    Layout,
    Status,
    Unframer,
    crc8,
    decode_answer,
    element_bytes,
    frame,
    from_bytes,
    layout_of,
    requests,
    to_bytes,
)
from lithify.ir.builder import Builder
from lithify.ir.errors import InputError
from lithify.ir.ports import Port

PORTS = (
    Port("a", 5, 3, "uint", 0, 16),
    Port("b", 12, 2, "int", -2000, 2000),
    Port("c", 1, 4, "bit"),
    Port("d", 62, 1, "int"),
    Port("e", 62, 2),
)
LAYOUT = Layout(PORTS[:2], (Port("s", 10, 2, "int"), Port("class", 4)))


def test_elements_take_whole_bytes_least_significant_first() -> None:
    assert [element_bytes(port) for port in PORTS] == [1, 2, 1, 8, 8]
    row = np.array([[1, 2, 16, -5, 300]])
    assert to_bytes(LAYOUT.inputs, row) == [bytes.fromhex("01 02 10 fb ff 2c 01")]
    assert LAYOUT.request_bytes == 7 and LAYOUT.answer_bytes == 5


@given(st.data())
def test_bytes_give_the_values_back(data: st.DataObject) -> None:
    row = [data.draw(st.integers(*port.bounds)) for port in PORTS for _ in range(port.count)]
    (payload,) = to_bytes(PORTS, np.array([row]))
    values = from_bytes(PORTS, payload)
    assert [v for port in PORTS for v in values[port.name].tolist()] == row


def test_a_layout_is_read_off_a_circuit() -> None:
    b = Builder()
    x = b.input("x", width=3, count=2, low=0, high=6)
    b.output("y", x, kind="uint")
    b.output("z", x[0], kind="int")
    layout = layout_of(b.finish(readout="bits"))
    assert layout.inputs == (Port("x", 3, 2, "uint", 0, 6),)
    assert layout.outputs == (Port("y", 3, 2), Port("z", 3, 1, "int"))


def test_the_frame_of_a_request_is_pinned() -> None:
    rows = np.array([[1, 2, 16, -5, 300], [0, 0, 0, 0, 0]])
    first, second = requests(LAYOUT, rows, first_tag=255)
    assert first.hex(" ") == "c0 ff 01 02 10 fb ff 2c 01 " + f"{first[-2]:02x} c0"
    assert second[:2] == bytes([END, 0])
    assert frame(bytes([END, ESC])).hex(" ").startswith("c0 db dc db dd ")


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(1, 9))
def test_framing_is_undone_in_pieces_of_any_size(bodies: list[bytes], size: int) -> None:
    line = b"".join(frame(body) for body in bodies)
    unframer = Unframer()
    pieces = [line[i : i + size] for i in range(0, len(line), size)]
    assert [body for piece in pieces for body in unframer.feed(piece)] == bodies


@given(st.binary(max_size=30), st.binary(min_size=1, max_size=20))
def test_a_frame_is_found_behind_any_garbage(garbage: bytes, body: bytes) -> None:
    assert list(Unframer().feed(garbage + frame(body)))[-1] == body


@given(st.binary(min_size=1, max_size=20), st.data())
def test_a_changed_bit_is_seen(body: bytes, data: st.DataObject) -> None:
    line = bytearray(frame(body))
    at = data.draw(st.integers(1, len(line) - 2))
    line[at] ^= 1 << data.draw(st.integers(0, 7))
    assert body not in list(Unframer().feed(bytes(line)))


def test_wrong_escapes_and_checksums_are_corrupt() -> None:
    assert list(Unframer().feed(bytes([END, 1, ESC, 2, END]))) == [None]
    assert list(Unframer().feed(bytes([END, 1, ESC, END]))) == [None]
    assert list(Unframer().feed(bytes([END, 1, 2, END]))) == [None]
    assert list(Unframer().feed(bytes([END, 0, END]))) == [b""]
    assert crc8(b"") == 0 and crc8(b"123456789") == 0xF4


def test_an_answer_is_decoded() -> None:
    (payload,) = to_bytes(LAYOUT.outputs, np.array([[-3, 500, 9]]))
    answer = decode_answer(LAYOUT, bytes([7, 0]) + payload)
    assert (answer.tag, answer.status) == (7, Status.OK)
    assert {name: values.tolist() for name, values in answer.outputs.items()} == {
        "s": [-3, 500],
        "class": [9],
    }
    assert decode_answer(LAYOUT, bytes([8, 3])) == Answer(8, Status.RANGE, {})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            bytes([1]),
            "an answer of 1 bytes (01) is not of this protocol; "
            "is the board programmed with this design?",
        ),
        (
            bytes([1, 9, 5]),
            "an answer of 3 bytes (01 09 05) is not of this protocol; "
            "is the board programmed with this design?",
        ),
        (
            bytes([1, 0, 5]),
            "an answer has 1 bytes of outputs where this design has 5; "
            "is the board programmed with this design?",
        ),
    ],
)
def test_a_foreign_answer_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_answer(LAYOUT, body)
    assert str(caught.value) == message
