"""Tests of the pure modules: no database, no broker."""
