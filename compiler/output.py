"""A design as a folder of files.

These are the design itself, Verilog with projects for FuseSoC and Vivado, C, exchange formats, the
report, the certificate where there is one, a page that says what each file is, a list of all files,
and for raw features their code: as JSON, and as a C header beside the rest of the C.
"""

import json
from pathlib import Path

import numpy as np

from lithify.backends import aiger, blif
from lithify.backends.artifacts import Artifacts
from lithify.backends.c.emit import emit as emit_c
from lithify.backends.listing import FILE as LIST
from lithify.backends.listing import listing, remove_stale
from lithify.backends.verilog.description import FILE, Description
from lithify.backends.verilog.projects import MHZ, projects
from lithify.compiler import code_header, folder_page, report
from lithify.compiler.design import Design
from lithify.compiler.design_file import NAME, to_bytes
from lithify.ir import simulate
from lithify.ir.text import dump

VERILOG, C, EXCHANGE = "verilog", "c", "exchange"
CERTIFICATE = "certificate.json"
INPUT_CODE = "input_code.json"
REPORT = "report.json"
C_VECTORS = 8


def exports(design: Design) -> dict[str, bytes]:
    """The files for other tools, Verilog apart: C, exchange formats and the code of features."""
    name = design.name
    vectors = simulate.random_codes(design.circuit, C_VECTORS, np.random.default_rng(0))
    source = emit_c(design.circuit, name=name, test_vectors=vectors)
    files = {f"{C}/{file}": data for file, data in source.items()}
    files[f"{EXCHANGE}/{name}.circuit"] = dump(design.circuit).encode()
    if not design.in_software:
        files[f"{EXCHANGE}/{name}.aig"] = aiger.write(design.netlist, rename=True)
        files[f"{EXCHANGE}/{name}.blif"] = blif.write(design.netlist, rename=True)
    if design.code is not None:
        files[INPUT_CODE] = json.dumps(design.code.to_dict(), indent=1, sort_keys=True).encode()
        files[f"{C}/{name}_code.h"] = code_header.header(design.code, name=name)
    return files


def artifacts(design: Design) -> Artifacts:
    """All files of a design by their names; the same bytes for the same design."""
    files = dict(design.exports)
    if not design.in_software:
        verilog = design.verilog
        verilog |= projects(Description.from_json(verilog[FILE]), mhz=design.mhz or MHZ)
        files |= {f"{VERILOG}/{file}": data for file, data in verilog.items()}
    files[NAME] = to_bytes(design)
    files[REPORT] = json.dumps(report.data(design), indent=1, sort_keys=True).encode()
    files["report.txt"] = report.text(design).encode()
    if design.certificate is not None:
        files[CERTIFICATE] = design.certificate.to_bytes()
    files[folder_page.FILE] = folder_page.page(design.name, [*files, LIST])
    files[LIST] = listing(files)
    return Artifacts(files)


def write(design: Design, folder: str | Path) -> Path:
    """The folder written; what an earlier design left there, and this one has not, is removed."""
    made = artifacts(design)
    remove_stale(Path(folder), made)
    return made.write(folder)
