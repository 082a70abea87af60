"""`/api/v1/im/`: doors that call one flow or one query."""
