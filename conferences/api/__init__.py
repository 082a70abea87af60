"""The open platform API of conferences: `mc` (management) and `vc` (control)."""
