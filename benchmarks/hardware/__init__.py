"""What nets reach on boards: `python -m benchmarks.hardware`."""
