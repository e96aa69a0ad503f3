"""The protocol, sans-IO: bytes and `now` in, events and bytes out. Imports nothing of ours."""
