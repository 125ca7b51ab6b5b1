"""PLA files (sums of products, as espresso has them) read as circuits."""

from __future__ import annotations

from dataclasses import dataclass, field

from lithify.backends.named_nets import AND, OR, Line, Literal, NamedNets
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, ParseError

MOST_COLUMNS = 1 << 16
ENDS = (".e", ".end")
SIZES = (".i", ".o", ".p")
NAMES = {".ilb": ".i", ".ob": ".o"}
TYPES = ("f", "fd")
Literals = tuple[tuple[int, bool], ...]


@dataclass(slots=True)
class _Pla:
    """What has been read so far."""

    nets: NamedNets
    sizes: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    products: dict[Literals, int] = field(default_factory=dict)
    sums: list[list[int]] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    started: bool = False


def read(data: bytes, filename: str = "<pla>") -> Circuit:
    """The circuit in a PLA file: a tree of ANDs a product, each once, and a tree of ORs an output.

    The inputs are called as `.ilb` says, else the port ``i``, the outputs as `.ob` says, else the
    word ``o``. A don't care among the outputs leaves the function open and is refused.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{filename} is no PLA file: byte {error.start} is no text") from error
    pla = _Pla(NamedNets(filename))
    for number, source in enumerate(text.split("\n"), 1):
        words = source.partition("#")[0].split()
        if not words:
            continue
        line = Line(number, source, words)
        if words[0] in ENDS:
            break
        if words[0].startswith("."):
            _command(pla, line)
        else:
            _cube(pla, line)
    if not {".i", ".o"} <= pla.sizes.keys():
        raise FormatError(f"{filename} is no PLA file: it has no .i and .o")
    _start(pla, Line(1, "", []))
    for target, products in zip(pla.targets, pla.sums, strict=True):
        pla.nets.join([(product, True) for product in products], OR, target)
    return pla.nets.circuit()


def _command(pla: _Pla, line: Line) -> None:
    word, rest = line.words[0], line.words[1:]
    if word in SIZES:
        plain = len(rest) == 1 and rest[0].isascii() and rest[0].isdigit() and len(rest[0]) < 12
        if not plain:
            raise pla.nets.error(f"expected one number after {word}", line)
        if word != ".p" and not 1 <= int(rest[0]) <= MOST_COLUMNS:
            raise pla.nets.error(
                f"{word} {rest[0]}; a PLA here has 1 to {MOST_COLUMNS} inputs and outputs", line
            )
        _once(pla, word in pla.sizes or pla.started, line)
        pla.sizes[word] = int(rest[0])
    elif word in NAMES:
        _once(pla, word in pla.names or pla.started, line)
        pla.names[word] = rest
    elif word == ".type":
        if len(rest) != 1 or rest[0] not in TYPES:
            raise pla.nets.error(
                "only PLAs of the types f and fd are read; the others say where the function may "
                "be anything",
                line,
            )
    elif word != ".phase" or set("".join(rest)) != {"1"}:
        raise pla.nets.error(f"unknown command {word}", line, word)


def _once(pla: _Pla, late: bool, line: Line) -> None:
    if late:
        raise pla.nets.error(f"{line.words[0]} again, or after the first product", line)


def _start(pla: _Pla, line: Line) -> None:
    """Name the inputs and outputs, before the first product."""
    if pla.started:
        return
    pla.started = True
    if not {".i", ".o"} <= pla.sizes.keys():
        raise pla.nets.error("a product before .i and .o", line)
    for command, size in NAMES.items():
        count, letter = pla.sizes[size], size[1:]
        plain = [f"{letter}[{k}]" for k in range(count)] if count > 1 else [letter]
        names = pla.names.get(command, plain)
        if len(names) != count:
            raise pla.nets.error(f"{len(names)} names in {command} for {size} {count}", line)
        for name in names:
            if size == ".i":
                pla.nets.input(name, line)
            else:
                _output(pla, name, line)


def _output(pla: _Pla, name: str, line: Line) -> None:
    pla.nets.output(name, line)
    pla.targets.append(pla.nets.drive(name, line))
    pla.sums.append([])


def _cube(pla: _Pla, line: Line) -> None:
    """A product and the outputs that it makes 1."""
    _start(pla, line)
    inputs, outputs = pla.sizes[".i"], pla.sizes[".o"]
    joined = "".join(line.words).replace("|", "")
    left, right = joined[:inputs], joined[inputs:]
    if len(right) != outputs or not set(left) <= set("01-2"):
        raise _shape(pla, line, inputs, outputs)
    if not set(right) <= set("014~"):
        wrong = next(mark for mark in right if mark not in "014~")
        if wrong in "-23":
            raise pla.nets.error(
                f"a don't care ({wrong}) among the outputs leaves the function open; write 1 or 0",
                line,
            )
        raise _shape(pla, line, inputs, outputs)
    key = tuple((k, mark == "1") for k, mark in enumerate(left) if mark in "01")
    if key not in pla.products:
        literals: list[Literal] = [
            (pla.nets.net(pla.nets.inputs[k], line), positive) for k, positive in key
        ]
        pla.products[key] = pla.nets.tree(literals, AND, line)
    for k, mark in enumerate(right):
        if mark in "14":
            pla.sums[k].append(pla.products[key])


def _shape(pla: _Pla, line: Line, inputs: int, outputs: int) -> ParseError:
    return pla.nets.error(f"expected {inputs} of 0, 1 and - and then {outputs} of 0 and 1", line)
