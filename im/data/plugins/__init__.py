"""The package tells which plugins are installed and configured, and which of them are switched on."""
