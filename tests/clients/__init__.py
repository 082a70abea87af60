"""Clients generated from the OpenAPI document compile, and each holds a conference from start to end."""
