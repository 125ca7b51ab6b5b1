"""The C engine against what other compilers of such nets write: `python -m benchmarks.engine`."""
