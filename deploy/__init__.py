"""The package installs and runs the platform: the stand (all of it on one machine), a compose file, systemd units."""
