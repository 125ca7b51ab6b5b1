"""Structural Verilog read as a circuit through yosys.

Gates, assignments, instances and `always @*` blocks become what yosys makes of them; nothing in the
file is run, and no other file is read: what could ask for that is refused before yosys sees it.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from lithify.backends import blif
from lithify.backends.toolchain import run
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, ParseError

MOST_BYTES = 1 << 26
SECONDS, SECONDS_A_MEGABYTE = 4, 30
MEGABYTES, TIMES_THE_FILE = 700, 1000
SCRIPT = """\
read_verilog design
hierarchy -check -auto-top
proc
flatten
opt_clean
select -assert-none t:$*ff* t:$*latch* t:$mem* t:$_*FF* t:$_*LATCH* t:$sr
check -assert
simplemap
techmap
simplemap
opt_expr -keepdc
opt_clean
check -assert
write_blif -noalias design.blif
"""
_TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/|\(\*(?!\s*\)).*?\*\))|(?P<string>\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<escaped>\\\S+)|(?P<plain>`timescale\s+\d+\s*[munpf]?s\s*/\s*\d+\s*[munpf]?s)|(?P<directive>`\w*)|(?P<system>\$\w+)"
    r"|(?P<number>'[sS]?[bBoOdDhH]\s*[0-9a-fA-F_]*[xXzZ?])|(?P<word>[A-Za-z_][\w$]*)|(?P<division>[/%]|\*\*)|(?P<other>.)",
    re.DOTALL,
)
_DIRECTIVES = ("`default_nettype", "`resetall", "`celldefine", "`endcelldefine")
_SYSTEM = ("$signed", "$unsigned")
_KINDS = {
    "string": "a string",
    "number": "an undefined value",
    "division": "an operator whose result can be undefined",
}
_WORDS = {
    **dict.fromkeys(("initial", "final"), "what happens at a time"),
    **dict.fromkeys(("for", "while", "repeat", "forever", "generate"), "a loop"),
    **dict.fromkeys(("function", "task", "import", "export", "bind"), "a function or a task"),
    **dict.fromkeys(("inout", "tri", "tri0", "tri1", "triand", "trior", "wand", "wor"), "a bus"),
    **dict.fromkeys(("bufif0", "bufif1", "notif0", "notif1", "tran", "nmos", "pmos"), "a switch"),
    **dict.fromkeys(("casex", "casez", "primitive", "specify", "real"), "more than two values"),
    **dict.fromkeys(("posedge", "negedge"), "a register; a circuit here has no memory"),
}
_NUMBERED = re.compile(r"\\\$\d+")  # a wire that Amaranth numbers; yosys calls none of its own so
_STEERING = re.compile(r"translate_o|synopsys|full_case|parallel_case")
_UNDEFINED = re.compile(rb"^\.(?:latch|subckt|gate)|\$undef[ \t]+\S", re.MULTILINE)
_ERROR = re.compile(r"^(?:design:(\d+): )?ERROR: (.*)$", re.MULTILINE)
_WARNING = re.compile(r"^Warning: (.*)$", re.MULTILINE)


def read(data: bytes, filename: str = "<verilog>") -> Circuit:
    """The circuit of the top module of a Verilog file.

    Bit i of a port `x` is element i of `x`. Ports keep their order.
    """
    if len(data) > MOST_BYTES:
        raise FormatError(f"{filename}: {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    _require_structural(data.decode("latin-1"), filename)
    found = _blif(data, filename)
    if _UNDEFINED.search(found):
        raise FormatError(f"{filename}: a bit of it is not defined, or no gate is known for it")
    if b"\n.model" not in found:
        raise FormatError(f"{filename}: it describes no gate and no wire")
    return blif.read(found, filename)


def _require_structural(text: str, filename: str) -> None:
    """Refuse text that does more than describe gates, or whose names BLIF cannot hold."""
    for token in _TOKEN.finditer(text):
        if token.lastgroup != "comment" and not token[0].isascii():
            raise FormatError(f"{filename} is no Verilog: byte {token.start()} is not ASCII")
        what = _refused(token)
        if what:
            start = token.start()
            line = text.count("\n", 0, start) + 1
            begin = text.rfind("\n", 0, start) + 1
            source = text[begin:].split("\n", 1)[0]
            raise ParseError(
                f"{token[0][:40]}: {what} cannot be read; only gates and assignments can",
                filename=filename,
                line=line,
                column=start - begin + 1,
                source=source[:200],
            )


def _refused(token: re.Match[str]) -> str:
    """What a token is that cannot be read; nothing where it can."""
    kind, word = token.lastgroup, token[0]
    if kind == "comment" and _STEERING.search(word):
        return "a comment that steers tools"
    if kind == "directive" and word not in _DIRECTIVES:
        return "a directive"
    if kind == "system" and word not in _SYSTEM:
        return "a system function"
    if kind in _KINDS:
        return _KINDS[kind]
    if kind == "escaped" and not _NUMBERED.fullmatch(word) and re.search(r"[#=<>$]", word):
        return "a name with #, =, <, > or $"
    return _WORDS.get(word, "") if kind == "word" else ""


def _blif(data: bytes, filename: str) -> bytes:
    """What yosys makes of the file, under limits that grow with it."""
    size = len(data) / 2**20
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        folder = Path(name)
        (folder / "design").write_bytes(data)
        (folder / "script.ys").write_text(SCRIPT)
        seconds = int(SECONDS + size * SECONDS_A_MEGABYTE)
        memory = int(MEGABYTES + size * TIMES_THE_FILE)
        done = run(
            "yosys",
            ["-s", "script.ys"],
            cwd=folder,
            timeout_s=10 * seconds,
            cpu_s=seconds,
            memory_mb=memory,
            check=False,
        )
        made = folder / "design.blif"
        if done.ok and made.is_file():
            return made.read_bytes()
        if "Assertion failed: selection is not empty" in done.output:
            raise FormatError(
                f"{filename}: it has registers, latches or a memory; a circuit here has none"
            )
        problem = _ERROR.search(done.output)
        if problem is None:
            raise FormatError(
                f"{filename}: yosys could not read it within {seconds} s and {memory} MB of "
                "memory, which are enough for a file of this size"
            )
        place = f"{filename}:{problem[1]}" if problem[1] else filename
        checked = _WARNING.search(done.output) if "check -assert" in problem[2] else None
        raise FormatError(f"{place}: yosys says: {checked[1] if checked else problem[2]}")
