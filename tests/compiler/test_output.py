"""The folder of a design, and the C header that encodes raw features."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_nets import blobs, tiny_net

import lithify
from lithify.backends import blif
from lithify.backends.c.emit import emit
from lithify.compiler import code_header, folder_page
from lithify.compiler.codes import InputCode
from lithify.compiler.design import Design
from lithify.compiler.driver import compile
from lithify.compiler.output import artifacts
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit

STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1")
AWKWARD = InputCode.rank([[0.1, 0.2, 1e300], [], [-5e-324, 0.0, 5e-324], [-1 / 3]])
SIGNED = InputCode.identity(3, low=-3, high=12)
PROGRAM = """
#include "net_code.h"
#include <stdio.h>

int main(void)
{
    double features[NET_INPUTS];
    net_input codes[NET_INPUTS];
    net_score scores[NET_SCORES + 1] = {0};
    int i;
    while (fread(features, sizeof features, 1, stdin) == 1) {
        net_encode(features, codes);
        if (net_predict(codes, scores) < 0) {
            return 1;
        }
        for (i = 0; i < NET_INPUTS; i++) {
            printf("%ld ", (long)codes[i]);
        }
        for (i = 0; i < NET_SCORES; i++) {
            printf("%ld ", (long)scores[i]);
        }
        putchar('\\n');
    }
    return 0;
}
"""


def answered(folder: Path, features: NDArray[np.float64]) -> NDArray[np.int64]:
    """Codes and scores that a C program gives for raw features, a row a sample."""
    (folder / "user.c").write_text(PROGRAM)
    command = ["cc", *STRICT, "user.c", "net.c", "-o", "user"]
    subprocess.run(command, cwd=folder, check=True)
    data = np.ascontiguousarray(features, np.float64).tobytes()
    done = subprocess.run([folder / "user"], input=data, capture_output=True, check=True)
    rows = [list(map(int, line.split())) for line in done.stdout.splitlines()]
    return np.array(rows, np.int64)


def at_and_around(code: InputCode, samples: int, seed: int = 0) -> NDArray[np.float64]:
    """Random features, most of them a threshold or one of the two doubles next to it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(scale=4, size=(samples, code.elements))
    for feature, row in enumerate(code.thresholds):
        for sample in range(0, samples if row else 0, 5):
            t = float(rng.choice(row))
            near = (t, np.nextafter(t, -np.inf), np.nextafter(t, np.inf))
            x[sample : sample + 3, feature] = near[: len(x[sample : sample + 3])]
    return x


def port_only(code: InputCode) -> Circuit:
    """A circuit that reads the port of a code and scores nothing."""
    (port,) = code.ports()
    builder = Builder()
    x = builder.input(
        "x", width=port.width, count=port.count, kind=port.kind, low=port.low, high=port.high
    )
    builder.output("y", [int(x[0, 0])])
    return builder.finish()


def written(code: InputCode, folder: Path) -> Path:
    """The folder with the exported C of a code and its header."""
    emit(port_only(code), name="net").write(folder)
    (folder / "net_code.h").write_bytes(code_header.header(code, name="net"))
    return folder


@pytest.fixture(scope="module")
def design() -> Design:
    return compile(tiny_net(), name="net")


def test_c_gives_the_codes_and_scores_of_raw_features(design: Design, tmp_path: Path) -> None:
    assert design.code is not None and design.code.kind == "rank"
    design.write(tmp_path)
    x = np.concatenate([blobs(100)[0], at_and_around(design.code, 400)])
    found = answered(tmp_path / "c", x)
    assert np.array_equal(found, np.concatenate([design.codes(x), design.scores(x)], axis=1))


def test_c_counts_awkward_thresholds(tmp_path: Path) -> None:
    x = at_and_around(AWKWARD, 500, seed=1)
    assert np.array_equal(answered(written(AWKWARD, tmp_path), x), AWKWARD.encode(x))
    odd = np.array([[np.nan, np.nan, np.nan, np.nan], [np.inf] * 4, [-np.inf] * 4])
    assert answered(tmp_path, odd).tolist() == [[0] * 4, [3, 0, 3, 1], [0] * 4]


def test_c_takes_features_without_any_threshold(tmp_path: Path) -> None:
    code = InputCode.rank([[], []])
    assert answered(written(code, tmp_path), np.ones((3, 2))).tolist() == [[0, 0]] * 3


def test_c_casts_whole_numbers(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(-3, 13, (50, 3)).astype(np.float64)
    found = answered(written(SIGNED, tmp_path), x)
    assert np.array_equal(found, SIGNED.encode(x))
    assert "must be whole numbers from -3 to 12" in (tmp_path / "net_code.h").read_text()


@pytest.mark.parametrize("code", [AWKWARD, SIGNED])
def test_the_header_stands_alone_and_may_go_unused(code: InputCode, tmp_path: Path) -> None:
    folder = written(code, tmp_path)
    (folder / "user.c").write_text('#include "net_code.h"\n#include "net_code.h"\nint unused;\n')
    subprocess.run(["cc", *STRICT, "-c", "user.c"], cwd=folder, check=True)
    (folder / "user.cpp").write_text('#include "net_code.h"\nint unused;\n')
    command = ["g++", "-std=c++17", *STRICT[1:], "-c", "user.cpp"]
    subprocess.run(command, cwd=folder, check=True)


def test_a_known_header() -> None:
    text = code_header.header(InputCode.rank([[], [-2.0, 0.1]]), name="a")
    lines = text.decode().splitlines()
    assert lines[:2] == [
        "/* a: raw features as the codes that a.c takes. Generated by Lithify. */",
        "#ifndef A_CODE_H",
    ]
    assert "        0, 0, 2" in lines
    assert "        -0x1.0000000000000p+1, 0x1.999999999999ap-4" in lines


def test_the_code_as_json_is_the_code(design: Design) -> None:
    files = artifacts(design)
    assert InputCode.from_dict(json.loads(files["input_code.json"])) == design.code
    assert files == artifacts(design)
    whole = compile(lithify.nets.logic(inputs=6, layers=[8], classes=2), name="whole")
    assert json.loads(artifacts(whole)["input_code.json"]) == {
        "elements": 6,
        "high": 1,
        "kind": "identity",
        "low": 0,
    }


def test_a_circuit_without_a_code_has_no_files_of_one() -> None:
    files = artifacts(compile(port_only(SIGNED), name="bare"))
    assert "input_code.json" not in files and "c/bare_code.h" not in files


def test_a_port_of_any_name_is_written() -> None:
    builder = Builder()
    builder.output("c=d", [builder.not_(int(builder.input("a b")[0, 0]))])
    files = artifacts(compile(builder.finish(), name="odd"))
    back = blif.read(files["exchange/odd.blif"])
    assert [port.name for port in back.inputs] == ["a_b"]
    assert [word.name for word in back.words] == ["c_d"]
    assert b"i0 a b\no0 c=d\n" in files["exchange/odd.aig"]


def test_the_page_of_a_folder_says_what_each_file_is(design: Design) -> None:
    files = artifacts(design)
    page = files["README.md"].decode()
    assert all(f"| `{name}` | " in page for name in files)
    assert f"read_verilog verilog/{design.name}.v" in page and "ctest" in page
    software = folder_page.page("net", ["c/net.c"]).decode()
    assert "| `c/net.c` | the net in one C99 file |" in software and "yosys" not in software


def test_a_folder_written_again_holds_the_new_design_alone(tmp_path: Path) -> None:
    first = compile(tiny_net(), name="first", cycles=200).verify()
    second = compile(tiny_net(), name="second", every=1)
    first.write(tmp_path)
    (tmp_path / "simulation.json").touch()
    second.write(tmp_path)
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {*artifacts(second), "simulation.json"}
    assert "certificate.json" in artifacts(first) and "certificate.json" not in found
    in_c = compile(tiny_net(), name="second", target="c").write(tmp_path)
    assert not (in_c / "verilog").exists() and (in_c / "c/second.c").is_file()
