"""The pure core in a world with a virtual clock, a bad network, and units that fail; by seeds."""
