"""Verilog through Amaranth: combinational, pipelined and streaming."""
