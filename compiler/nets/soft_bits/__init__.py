"""Nets of soft bits: real numbers whose hardening at one half loses nothing."""
