"""How dates are written in English (Django reads `formats.py`)."""
