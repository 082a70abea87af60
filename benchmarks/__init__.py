"""Benchmarks: each prints a table and writes JSON; figures of one run stand side by side."""
