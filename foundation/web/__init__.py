"""The parts that APIs and admin pages share: lenient reading of requests, errors, scope, audit trail, health."""
