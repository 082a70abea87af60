"""The process pushes events to client applications: by Bayeux at `/api/v1/publish`, as a stream at `/api/v1/events`.

Modules, from the network inwards: `server` has the addresses, `long_polling`, `web_socket` and `event_stream` a way
of delivery each, `exchange` answers the messages of Bayeux, `hub` reads the table of events and hands them out.
"""
