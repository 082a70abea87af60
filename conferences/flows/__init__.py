"""The flows say what happens, in order: each loads, decides and commits. One file is one flow."""
