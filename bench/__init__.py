"""Benchmarks: the engine against its floor, side by side on the same rows."""
