"""The cells: one platform, one database here, one copy there, one owner."""
