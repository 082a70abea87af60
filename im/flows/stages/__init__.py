"""The four stages of a message center, and the channels between them (CONV, 分布式实现框架)."""
