"""What clocks do that are set while the platform runs: nothing."""
