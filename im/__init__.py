"""The instant messaging app: clients write through a broker, the message center stores and forwards."""
