"""Proofs that a circuit still means what it meant, with certificates."""
