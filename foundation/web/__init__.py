"""All APIs and admin pages share these parts: lenient reading of requests, errors, scope, audit trail, health."""
