"""Reason, RFC 3326: why a request was given up, for the telephone that stops ringing."""

from app.proxy.text import printable
from app.sip.errors import ParseError

ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
MAX_VALUES = 4  # of a caller's CANCEL that are passed on


def reason_line(status, text):
    """-> header line for a SIP status: `Reason: SIP;cause=603;text="Decline"`."""
    text = printable(text, 64)
    for letter in '"\\':
        text = text.replace(letter, "?")
    return f'Reason: SIP;cause={status};text="{text}"' if text else f"Reason: SIP;cause={status}"


def reasons_of(message):
    """-> [header line] of a received request, to go on as they are."""
    try:
        values = message.headers("reason")
    except ParseError:
        return []
    return ["Reason: " + value for value in values[:MAX_VALUES]]
