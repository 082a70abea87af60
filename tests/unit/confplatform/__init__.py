"""Tests of the pure modules of `confplatform`."""
