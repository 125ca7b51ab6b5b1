"""Cells of encoder, core and head: ours against yosys on the plain Verilog of the same net."""
