"""Licences with the real stores: loading, refusing, counting, telling."""
