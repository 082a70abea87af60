"""The points at which an agent can be made to die lie between any two actions of takeover and hand-back."""

TAKEOVER_POINTS = (
    "claim: won",
    "promote: deaf",
    "promote: drained",
    "promote: no copy any more",
    "open: declared",
)
HAND_OVER_POINTS = (
    "hand over: closed",
    "hand over: drained",
    "hand over: told",
    "follow: told whom",
)
RETURN_POINTS = ("promote: deaf", "promote: no copy any more", "open: waits", "open: declared")
