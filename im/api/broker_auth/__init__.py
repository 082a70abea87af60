"""The authorization service of the clients' broker.

RabbitMQ asks it, as its HTTP auth backend, whether a client may sign in, and whether it may use a
queue, an exchange or a routing key. It decides by the names alone, without a database.
"""
