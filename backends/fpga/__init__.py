"""FPGA boards and devices: place, route, pack, program."""
