"""A plain chat client, which is there to be read, to be copied, and to check a site with; see README.md."""
