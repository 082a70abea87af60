"""The storage of files: they are uploaded in parts, inspected, stored, and fetched (IM §9.5)."""
