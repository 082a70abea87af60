"""Tests of the pure modules of `conferences`."""
