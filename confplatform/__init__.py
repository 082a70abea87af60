"""The Django project: settings, addresses and wiring. It imports every app and is imported by none."""
