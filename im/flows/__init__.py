"""The flows of instant messaging: each file does one thing that people or timers ask for, in order."""
