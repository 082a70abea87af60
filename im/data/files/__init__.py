"""What people send each other beside words: uploaded in parts, looked at, kept, fetched (IM §9.5)."""
