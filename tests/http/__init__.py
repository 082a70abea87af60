"""The open platform API as programs use it, over real HTTP."""
