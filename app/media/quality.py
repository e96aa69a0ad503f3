"""How well a stream is heard: the engine's figures made into what an operator reads.

The MOS is an estimate by the E-model of ITU-T G.107, from loss, delay and codec alone; echo,
levels and the telephones themselves are unknown here. Impairment of the codecs: ITU-T G.113
appendix I, tables I.1 and I.4.
"""

from collections import namedtuple

# One m= line. heard: (Heard, Heard): what party 0 (who made the first offer) sent, as the other
# hears it, and the other way round. stats: app.port.engine.Stats.
Report = namedtuple("Report", ("kind", "codec", "heard", "stats"))
# packets: RTP that came here; loss: share from 0.0 to 1.0, of the whole way where the listener
# reports it, else of the way to here; jitter, gap, round_trip: seconds (round_trip None:
# unknown); mos: 1.0 to 4.5, None without packets.
Heard = namedtuple("Heard", ("packets", "loss", "jitter", "gap", "round_trip", "mos"))

# Encoding name: (Ie, Bpl), the codec's own impairment and its robustness against loss.
G711 = (0.0, 25.1)  # with the packet loss concealment that telephones have
CODECS = {
    "PCMU": G711, "PCMA": G711, "G729": (11.0, 19.0), "G723": (15.0, 16.1), "GSM": (20.0, 10.0),
}  # fmt: skip
UNIMPAIRED = 93.2  # R of G.107 with every default value
PACKET = 0.02  # seconds of speech in a packet, which it waits for
BUFFERS = 2.0  # a jitter buffer holds about twice the jitter


def report(kind, codec, stats):
    """-> Report of a stream from the engine's Stats; codec: encoding name, "" if unknown."""
    heard = (_heard(stats, 0, codec), _heard(stats, 1, codec))
    return Report(kind, codec, heard, stats)


def _heard(stats, side, codec):
    sent, listener = stats.quality[side], stats.quality[1 - side]
    lost = max(sent.lost, listener.told_lost)
    # every packet once, and what never came
    expected = max(sent.received - sent.repeated, 0) + sent.lost
    loss = min(lost / expected, 1.0) if expected else 0.0
    ways = [each for each in (sent.round_trip, listener.round_trip) if each is not None]
    round_trip = sum(ways) if ways else None
    mos = None
    if sent.received:
        delay = (round_trip or 0.0) / 2 + PACKET + BUFFERS * sent.jitter
        mos = mean_opinion(loss, delay, CODECS.get(codec.upper(), G711))
    return Heard(sent.received, loss, sent.jitter_max, sent.gap_max, round_trip, mos)


def mean_opinion(loss, delay, codec=G711):
    """-> MOS, 1.0 to 4.5, of speech that loses the share `loss` (random) and is late by `delay` s.

    codec: (Ie, Bpl). G.107: R = 93.2 - Id - Ie,eff (7.1, 7.5), and MOS of R (annex B). Id is
    the linear form of Cole and Rosenbluth (2001), close to G.107 up to 400 ms.
    """
    impairment, robustness = codec
    percent = loss * 100
    effective = impairment + (95.0 - impairment) * percent / (percent + robustness)
    late = delay * 1000
    delayed = 0.024 * late + (0.11 * (late - 177.3) if late > 177.3 else 0.0)
    rating = UNIMPAIRED - delayed - effective
    if rating <= 0:
        return 1.0
    rating = min(rating, 100.0)
    # the curve of annex B dips below 1 where R is under 6.5
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)


def line(found):
    """-> str: one Report for the log: what each party sent, as the other hears it."""
    caller, callee = [_words(each) for each in found.heard]
    codec = f" {found.codec}" if found.codec else ""
    return f"{found.kind}{codec}, from caller: {caller}; from callee: {callee}"


def _words(heard):
    if not heard.packets:
        return "nothing"
    text = f"{heard.packets} packets, {heard.loss * 100:.1f} % lost, "
    text += f"jitter {heard.jitter * 1000:.0f} ms, gap {heard.gap * 1000:.0f} ms"
    if heard.round_trip is not None:
        text += f", round trip {heard.round_trip * 1000:.0f} ms"
    return text + f", MOS {heard.mos:.1f}"
