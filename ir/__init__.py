"""The circuit: arrays of gates, its builder, formats, meaning and checker."""
