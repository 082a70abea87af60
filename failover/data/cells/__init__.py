"""A cell is one platform's data: a database at its own site, a copy at its backup site, one owner.

The owner is the one of the two sites that may write.
"""
