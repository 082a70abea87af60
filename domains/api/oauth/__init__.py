"""OAuth2 lets programs act for people, with tokens instead of passwords (ARCH §8, RFC 9700)."""
