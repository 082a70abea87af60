"""The rules of the tree, over plain values."""
