"""The bridge lets people chat with any client of XMPP (docs/howto/connect-with-xmpp.md, CONV: Jingle and XMPP).

ejabberd keeps the connections of the clients and hands each stanza to the bridge, a component of it (XEP-0114). For
each person the bridge is a client like any other: it calls the HTTP API and listens at the clients' broker, with that
person's own token. So it can do nothing that the person may not do.
"""
