"""WaferPBX: a SIP proxy and PBX for small boxes. `python3 -m app --help` runs it."""
