"""How soft nets are trained: data, loop, checkpoints."""
