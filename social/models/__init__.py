"""The tables of the app `social`, which lie in the data of the platform to which the people belong."""
