"""cocotb benches, imported inside a simulator."""
