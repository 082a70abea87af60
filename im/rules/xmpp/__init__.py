"""The pure part of the XMPP bridge: addresses, and stanzas to and from the messages of docs/im.md."""
