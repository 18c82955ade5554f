"""The SCIM 2.0 server, one per directory, on scim2-server."""
