"""From the bytes of a stream to whole SIP messages and back, sans-IO: TCP, TLS, WebSocket, STUN."""
