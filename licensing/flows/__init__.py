"""Flows do what messages, timers and pages ask for: each loads, decides and commits. One file is one flow."""
