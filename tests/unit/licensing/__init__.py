"""Tests of the pure modules of `licensing`."""
