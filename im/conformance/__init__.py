"""Plain clients of instant messaging, to read, to copy, and to try a site with; see README.md."""
