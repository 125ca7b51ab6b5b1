"""Everything that a circuit becomes: C, Verilog, bitstreams, AIGER, BLIF; and their tools."""
