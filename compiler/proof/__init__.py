"""Proofs that two forms of a design say the same, and the certificate that records them."""
