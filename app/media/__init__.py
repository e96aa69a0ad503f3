"""Media between two parties: their SDP is rewritten, the C engine moves the packets.

docs/media.md has the rules: who may send, when, and what a rewritten SDP looks like.
"""
