"""The package installs and runs the platform: local stack, compose file, systemd units."""
