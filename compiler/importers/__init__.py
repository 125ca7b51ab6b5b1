"""Nets of other tools, each format one file, turned into circuits exactly."""
