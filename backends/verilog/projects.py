"""The Verilog of a design as projects of other tools: FuseSoC, and Vivado by a script.

Nothing in them depends on where they stand: the script and the core file name what is beside them.
The clock that is asked for is one figure in the constraints, to be changed there.
"""

from lithify.backends.artifacts import Artifacts
from lithify.backends.verilog.description import Description

MHZ = 100.0
PART = "xc7a35tcpg236-1"
"""What Vivado takes where no part is named: a small Artix-7."""

VIVADO, CONSTRAINTS = "vivado.tcl", "constraints.xdc"

_CORE = """\
CAPI=2:
name: "::{name}:0"
description: "A Boolean network, written by Lithify: {what}"

filesets:
  rtl:
    files:
      - {name}.v
    file_type: verilogSource
  constraints:
    files:
      - {constraints}
    file_type: xdc

targets:
  default: &default
    filesets: [rtl]
    toplevel: {name}
  lint:
    <<: *default
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
  vivado:
    filesets: [rtl, constraints]
    toplevel: {name}
    flow: vivado
    flow_options:
      part: {part}
      pnr: none
"""

_VIVADO = """\
# Makes a Vivado project of the design, places and routes it out of context, and reports on it:
#   vivado -mode batch -source {vivado} -tclargs PART
set here [file dirname [file normalize [info script]]]
set part [expr {{[llength $argv] > 0 ? [lindex $argv 0] : "{part}"}}]
create_project -force {name} [file join $here vivado] -part $part
add_files [file join $here {name}.v]
add_files -fileset constrs_1 [file join $here {constraints}]
set_property top {name} [current_fileset]
set_property -name {{STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS}} -value {{-mode out_of_context}} \\
  -objects [get_runs synth_1]
launch_runs impl_1
wait_on_run impl_1
if {{[get_property PROGRESS [get_runs impl_1]] ne "100%"}} {{
  error "it did not come to its end: see the logs in [get_property DIRECTORY [get_runs impl_1]]"
}}
open_run impl_1
report_utilization -file [file join $here utilization.txt]
report_timing_summary -file [file join $here timing.txt]
"""

_CLOCKED = """\
# The clock that is asked for, in nanoseconds.
create_clock -name clk -period {period:.3f} [get_ports clk]
"""
_PLAIN = """\
# The longest path from input to output that is asked for, in nanoseconds: there is no clock.
set_max_delay {period:.3f} -from [all_inputs] -to [all_outputs]
"""


def projects(described: Description, *, mhz: float = MHZ) -> Artifacts:
    """The core file of FuseSoC, the script for Vivado, and the constraints that both use."""
    what = f"{described.interface}, latency {described.latency} cycles"
    names = {
        "name": described.name,
        "what": what,
        "part": PART,
        "vivado": VIVADO,
        "constraints": CONSTRAINTS,
    }
    clock = _CLOCKED if described.latency else _PLAIN
    return Artifacts(
        {
            f"{described.name}.core": _CORE.format_map(names).encode(),
            VIVADO: _VIVADO.format_map(names).encode(),
            CONSTRAINTS: clock.format(period=1000 / mhz).encode(),
        }
    )
