#include "quality.h"

enum {
    RTP_HEADER = 12,
    VERSION_2 = 0x80,
    RTCP_FIRST = 192,       // RFC 5761 4: payload types of RTCP, with RTP's marker bit
    RTCP_LAST = 223,
    SENDER_REPORT = 200,
    RECEIVER_REPORT = 201,
    RTCP_HEADER = 8,        // with the SSRC of who sent it
    SENDER_INFO = 20,
    REPORT_BLOCK = 24,
    WINDOW = 64,
    MAX_DROPOUT = 3000,     // RFC 3550 A.1
    DEFAULT_KHZ = 8,
};

static uint32_t read16(const uint8_t *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t read32(const uint8_t *at) {
    return read16(at) << 16 | read16(at + 2);
}

static uint32_t clamp_us(uint64_t us) {
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static uint32_t khz(const struct me_meter *meter) {
    return meter->clock_khz ? meter->clock_khz : DEFAULT_KHZ;
}

// A new source, or an old one that began anew: what it has lost so far stays counted.
static void begin_source(struct me_meter *meter, uint32_t ssrc, uint32_t sequence) {
    meter->lost_before = meter->total.lost;
    meter->ssrc = ssrc;
    meter->base = meter->highest = sequence + (1u << 16);    // room for packets that came before
    meter->distinct = 1;
    meter->window = 1;
    meter->jitter16 = 0;
    meter->begun = false;
    meter->total.sources++;
}

static void note_loss(struct me_meter *meter) {
    uint32_t expected = meter->highest - meter->base + 1;
    uint32_t lost = expected > meter->distinct ? expected - meter->distinct : 0;
    meter->total.lost = meter->lost_before + lost;
}

static void move_window(struct me_meter *meter, uint32_t ahead) {
    meter->window = ahead < WINDOW ? meter->window << ahead | 1 : 1;
    meter->highest += ahead;
    meter->distinct++;
}

static void note_late(struct me_meter *meter, uint32_t behind) {
    uint64_t bit = behind < WINDOW ? (uint64_t)1 << behind : 0;
    if (bit == 0 || meter->window & bit) {
        meter->total.repeated++;
        return;
    }
    meter->window |= bit;
    meter->total.late++;
    meter->distinct++;
    if (meter->highest - behind < meter->base) {
        meter->base = meter->highest - behind;
    }
}

// RFC 3550 A.1, with a window instead of a probation: the latch has vouched for the source.
static void note_sequence(struct me_meter *meter, uint32_t ssrc, uint32_t sequence) {
    if (meter->total.sources == 0 || ssrc != meter->ssrc) {
        begin_source(meter, ssrc, sequence);
        return;
    }
    uint32_t ahead = (sequence - meter->highest) & 0xffff;
    if (ahead == 0) {
        meter->total.repeated++;
    } else if (ahead < MAX_DROPOUT) {
        move_window(meter, ahead);
    } else if (ahead > 0xffff - MAX_DROPOUT) {
        note_late(meter, 0x10000 - ahead);
    } else {
        begin_source(meter, ssrc, sequence);
    }
    note_loss(meter);
}

// RFC 3550 A.8. The packets of one telephone event carry one timestamp (RFC 4733 2.5.1.2), so
// only a packet of another time than the one before says something.
static void note_jitter(struct me_meter *meter, uint32_t timestamp, uint64_t now_us) {
    uint32_t arrival = (uint32_t)(now_us * khz(meter) / 1000);
    uint32_t transit = arrival - timestamp;
    if (meter->begun && timestamp != meter->timestamp) {
        uint32_t apart = transit - meter->transit;
        uint32_t distance = apart > UINT32_MAX / 2 ? 0 - apart : apart;
        meter->jitter16 += distance - ((meter->jitter16 + 8) >> 4);
        uint64_t us = (uint64_t)meter->jitter16 * 1000 / (16 * khz(meter));
        meter->total.jitter_us = clamp_us(us);
    }
    if (meter->total.jitter_us > meter->total.jitter_max_us) {
        meter->total.jitter_max_us = meter->total.jitter_us;
    }
    meter->transit = transit;
    meter->timestamp = timestamp;
}

static void note_gap(struct me_meter *meter, uint64_t now_us) {
    uint32_t gap = clamp_us(now_us - meter->last_us);
    if (meter->total.received > 0 && gap > meter->total.gap_max_us) {
        meter->total.gap_max_us = gap;
    }
    meter->last_us = now_us;
}

static void take_rtp(struct me_meter *meter, const uint8_t *packet, uint64_t now_us) {
    uint8_t payload_type = packet[1] & 0x7f;
    note_gap(meter, now_us);
    note_sequence(meter, read32(packet + 8), read16(packet + 2));
    if (payload_type != meter->total.payload_type) {
        meter->begun = false;   // another payload may have another clock
    }
    note_jitter(meter, read32(packet + 4), now_us);
    meter->begun = true;
    meter->total.payload_type = payload_type;
    meter->total.received++;
}

static void take_sender_info(struct me_meter *meter, const uint8_t *info, uint64_t now_us) {
    for (int i = ME_SENDER_REPORTS - 1; i > 0; i--) {
        meter->report[i] = meter->report[i - 1];
        meter->report_us[i] = meter->report_us[i - 1];
    }
    meter->report[0] = read32(info + 2);
    meter->report_us[0] = now_us;
}

// 6.4.1: LSR names a sender report, DLSR is how long ago it came, in 1/65536 s.
static void take_report_block(struct me_meter *meter, const struct me_meter *other,
    const uint8_t *block, uint64_t now_us) {
    uint32_t named = read32(block + 16);
    if (read32(block) != other->ssrc || other->total.sources == 0) {
        return;
    }
    uint32_t told = read32(block + 4) & 0xffffff;
    meter->total.told_lost = told & 0x800000 ? 0 : told;    // negative: repeated packets
    for (int i = 0; i < ME_SENDER_REPORTS && named != 0; i++) {
        uint64_t delay = (uint64_t)read32(block + 20) * 1000000 >> 16;
        uint64_t since = now_us - other->report_us[i];
        if (named != other->report[i] || since < delay) {
            continue;
        }
        meter->total.round_trip_us = clamp_us(since - delay);
        if (meter->total.round_trip_us > meter->total.round_trip_max_us) {
            meter->total.round_trip_max_us = meter->total.round_trip_us;
        }
        return;
    }
}

static void take_report(struct me_meter *meter, const struct me_meter *other,
    const uint8_t *packet, size_t length, uint64_t now_us) {
    size_t at = RTCP_HEADER;
    if (packet[1] == SENDER_REPORT) {
        if (length < at + SENDER_INFO) {
            return;
        }
        take_sender_info(meter, packet + at, now_us);
        at += SENDER_INFO;
    }
    for (int blocks = packet[0] & 0x1f; blocks > 0 && length - at >= REPORT_BLOCK; blocks--) {
        take_report_block(meter, other, packet + at, now_us);
        at += REPORT_BLOCK;
    }
}

// A compound packet: 6.1. SRTCP is encrypted behind its first eight octets; what is read there
// names no sender report of ours, and so says nothing.
static void take_rtcp(struct me_meter *meter, const struct me_meter *other,
    const uint8_t *packet, size_t length, uint64_t now_us) {
    while (length >= RTCP_HEADER && (packet[0] & 0xc0) == VERSION_2) {
        size_t size = 4 * (size_t)(read16(packet + 2) + 1);
        if (size > length || size < RTCP_HEADER) {
            return;
        }
        if (packet[1] == SENDER_REPORT || packet[1] == RECEIVER_REPORT) {
            take_report(meter, other, packet, size, now_us);
        }
        packet += size;
        length -= size;
    }
}

void me_meter_packet(struct me_meter *meter, const struct me_meter *other, const uint8_t *packet,
    size_t length, uint64_t now_us) {
    if (length < RTCP_HEADER || (packet[0] & 0xc0) != VERSION_2) {
        return;     // T.38, STUN, DTLS, keep-alives
    }
    if (packet[1] >= RTCP_FIRST && packet[1] <= RTCP_LAST) {
        take_rtcp(meter, other, packet, length, now_us);
    } else if (length >= RTP_HEADER) {
        take_rtp(meter, packet, now_us);
    }
}
