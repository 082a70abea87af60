"""The formats of dates in English lie here (Django reads `formats.py`)."""
