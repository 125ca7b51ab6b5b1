"""Everything that leaves a circuit: C, Verilog, bitstreams, AIGER, BLIF and the tools that run them."""
