"""Calls, voicemail, contacts, circles and posts (moments), built on instant messages and conferences (CONV)."""
