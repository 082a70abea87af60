"""A plain chat client, to read, to copy, and to check a site with; see README.md."""
