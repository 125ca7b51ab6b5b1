"""The C engine: a circuit as data under a fixed bit-parallel kernel."""
