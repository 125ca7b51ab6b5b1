"""Hardware simulation: cocotb benches and what runs them on Verilator."""
