"""People sign in, and programs for them; who tries too often is locked out."""
