"""The app of calls, voicemail, contacts, circles and posts (moments), on top of messages and conferences (CONV)."""
