"""The SNMP manager: codec, request templates, transport and client (RFC 1901, 3416, 3417)."""
