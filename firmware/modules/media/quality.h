// What a party's RTP and RTCP say about the way they have come: loss, jitter, gaps, round trip.
// Packets are looked at, never changed. No socket, thread or clock in here.
//
// RFC 3550: sequence numbers A.1, loss A.3, jitter A.8 and 6.4.1, round trip 6.4.1. The round
// trip is that between here and a party: its receiver report names the sender report that
// passed here on its way to it. The way from end to end is the sum over both sides.

#ifndef MEDIAENGINE_QUALITY_H
#define MEDIAENGINE_QUALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ME_SENDER_REPORTS = 2 };     // remembered: a report may name the one before the last

// Of what one side has sent, over all its sources (SSRC). Times in microseconds.
struct me_quality {
    uint32_t received;          // RTP packets, repeated ones too
    uint32_t lost;              // that the sequence numbers miss
    uint32_t repeated;          // that had come before
    uint32_t late;              // that came behind a later one
    uint32_t sources;           // SSRCs, one after the other
    uint32_t jitter_us;         // now
    uint32_t jitter_max_us;
    uint32_t gap_max_us;        // longest time between two packets
    uint32_t round_trip_us;     // between here and this side, by its latest report; 0: unknown
    uint32_t round_trip_max_us;
    uint32_t told_lost;         // packets that never reached this side, by its latest report
    uint8_t payload_type;       // of the latest packet
    uint8_t reserved[3];
};

// How they are found. A zeroed one is ready for use.
struct me_meter {
    struct me_quality total;
    uint64_t last_us;           // when the latest RTP packet came
    uint64_t window;            // bit n: sequence number highest - n was seen
    uint64_t report_us[ME_SENDER_REPORTS];
    uint32_t report[ME_SENDER_REPORTS];     // middle 32 bits of the NTP time of a sender report
    uint32_t ssrc;
    uint32_t base;              // extended sequence numbers of the present source
    uint32_t highest;
    uint32_t distinct;          // packets of the present source, each once
    uint32_t lost_before;       // by former sources
    uint32_t transit;           // of the latest packet, in units of the RTP clock
    uint32_t timestamp;
    uint32_t jitter16;          // sixteen times the jitter, in units of the RTP clock
    uint8_t clock_khz;          // of the payload, 0: 8
    bool begun;
};

// One accepted packet of `meter`'s side; `other` is the meter of the side that it goes to.
// Which of RTP and RTCP it is shows in itself (RFC 5761 4); what is neither is passed over.
void me_meter_packet(struct me_meter *meter, const struct me_meter *other, const uint8_t *packet,
    size_t length, uint64_t now_us);

#endif
