"""The Django project: settings, addresses and wiring. It imports every app and is imported by none."""

import gc

# By default the garbage collector runs after every 700 new objects. While modules are loaded it finds nothing, and
# takes a fifth of the time. `ProjectConfig.ready` sets the default again.
gc.set_threshold(20_000, 10, 10)
