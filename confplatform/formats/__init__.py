"""The modules here say how dates are written in each language."""
