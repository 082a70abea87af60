"""How the platform is installed and run: the stand, compose file, systemd units."""
