"""Circuit to circuit; a file is a pass."""
