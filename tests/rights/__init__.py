"""Who sees what, and who does what: every page, route and message against the table of rights."""
