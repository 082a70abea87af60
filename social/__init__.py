"""Calls, voicemail, contacts, circles and moments, built on instant messages and conferences (CONV)."""
