"""Plain Verilog: text that every tool reads alike, which is all that a proof can speak of.

yosys reads a file for the proof; a simulator or another synthesiser may see something else where
a directive chooses text, a comment or an attribute steers a tool, or the standard leaves freedom.
"""

import re
from collections.abc import Iterator

from lithify.ir.errors import MismatchError

SHOWN = 40

# Comments, the one attribute that is written here, and escaped names: what they hold is no token.
_INERT = re.compile(
    r"(?=[/(\\])(?://[^\n]*|/\*.*?\*/"
    r'|\(\*\s*origin\s*=\s*"(?:[^"\\\n]|\\.)*"\s*\*\)'
    r"|\\[!-~]+(?=\s))",
    re.DOTALL,
)
_WORD = r"(?P=memory)\[\d+\]\s*=\s*\d+'(?:h[0-9a-f]+|d\d+);\s+"
_CONTENTS = re.compile(
    rf"\binitial\s+begin\s+(?=(?P<memory>\w+)\[)(?:{_WORD})+end\b",
)
"""What a memory starts with, word by word."""
_FAULTS = (
    (re.compile(r"`"), "a compiler directive"),
    (re.compile(r"\(\*(?!\s*\))"), "an attribute"),
    (re.compile(r'"'), "a string"),
    (re.compile(r"\$"), "a system task or function"),
    (re.compile(r"'[sS]?[bBoOdDhH]\s*[0-9a-fA-F_]*[xXzZ?]"), "an undefined bit"),
    (re.compile(r"#"), "a delay or a parameter"),
    (re.compile(r"[/%]|\*\*|[!=]=[=?]"), "an operator whose result can be undefined"),
    (
        re.compile(r"@(?!\s*\*|\s*\(\s*(?:\*\s*\)|(?:posedge|negedge)\b))"),
        "a sensitivity list that is neither * nor edges",
    ),
    (re.compile(r"[^\t\n\r -~]|\r(?!\n)|\\"), "a character that does not belong there"),
)
_KEYWORDS = frozenset(
    "initial casex casez force release deassign defparam specify primitive fork wait while forever "
    "repeat event real time wand wor tri triand trior tri0 tri1 trireg supply0 supply1 bind assert "
    "assume cover restrict property config".split()
)
_NO_WORD = str.maketrans({chr(i): " " for i in range(128) if not (chr(i).isalnum() or i == 95)})
_STEERING = re.compile(
    r"\s*(?:synopsys|synthesis|rtl_synthesis|pragma|verilator|yosys|cadence|ambit|exemplar|leda"
    r"|altera|xilinx|vivado|quartus|vcs|translate_on|translate_off|coverage)(?:\s|_o|$)"
)
_LINT = re.compile(r"\s*verilator lint_(?:on|off) [A-Z]+\s*")
_CLOCKED = re.compile(r"always\s*@\s*\(\s*(?:posedge|negedge)\b")
_END = re.compile(r"\b(?:assign|always|endmodule|module|wire|reg|input|output|localparam)\b|\Z")
_BLOCKING = re.compile(r"(?<![<>=!])=(?!=)")


def require_plain(verilog: bytes) -> None:
    """Refuse text that another tool than yosys may read otherwise."""
    text = verilog.decode("latin-1")
    faults = sorted(_faults(text))
    if not faults:
        return
    at, what = faults[0]
    line = text.count("\n", 0, at) + 1
    said = text[at : at + SHOWN].split("\n")[0].strip()
    raise MismatchError(
        f"line {line} of the Verilog has {what}, {ascii(said)}: another tool may read that "
        "otherwise than yosys, so no proof could speak of it; write it in plain Verilog"
    )


def _faults(text: str) -> Iterator[tuple[int, str]]:
    """The first places where something of each kind is that is not plain, and what it is."""
    steering: list[int] = []

    def blank(part: re.Match[str]) -> str:
        if part[0][0] == "/" and _steers(part[0]):
            steering.append(part.start())
        return " " * len(part[0])

    bare = _INERT.sub(blank, text)
    bare = _CONTENTS.sub(lambda found: " " * len(found[0]), bare)
    if steering:
        yield steering[0], "a comment that steers a tool"
    for pattern, what in _FAULTS:
        if found := pattern.search(bare):
            yield found.start(), what
    for word in _KEYWORDS.intersection(bare.translate(_NO_WORD).split()):
        found = re.search(rf"(?<!\w){word}(?!\w)", bare)
        yield found.start() if found else 0, f"the keyword {word}"
    for block in _CLOCKED.finditer(bare):
        end = _END.search(bare, block.end())
        if end and (found := _BLOCKING.search(bare, block.end(), end.start())):
            yield found.start(), "a blocking assignment beside a clock"
            return


def _steers(comment: str) -> bool:
    """Whether a comment is more than words for people."""
    inside = comment[2:] if comment.startswith("//") else comment[2:-2]
    hidden = comment.endswith("\\") or "\r" in comment.rstrip("\r")
    return hidden or (bool(_STEERING.match(inside)) and not _LINT.fullmatch(inside))
