"""The gate of telephones: a process that answers SIP calls, asks for PINs, and brings callers into conferences."""
