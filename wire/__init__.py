"""The classes of all messages, by the party with which the scheduler (CSS) exchanges them; see docs/glossary.md."""
