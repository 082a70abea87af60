"""The instant messaging app: clients talk to the broker, the center stores and forwards."""
