"""OAuth2 lets client applications act for people, with tokens instead of passwords (ARCH §8, RFC 9700)."""
