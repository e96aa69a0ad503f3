// What the meter finds in RTP and RTCP: numbers worked out by hand from RFC 3550.
#include "quality.h"

#include <string.h>

#include "check.h"

enum { PCMU = 0, EVENT = 101, FRAME = 160, FRAME_US = 20000, SSRC = 0x1234, OTHER = 0x9876 };

struct ends {
    struct me_meter caller;
    struct me_meter callee;
};

static void write16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void write32(uint8_t *at, uint32_t value) {
    write16(at, value >> 16);
    write16(at + 2, value & 0xffff);
}

static void rtp_of(struct me_meter *meter, uint32_t ssrc, uint32_t type, uint32_t sequence,
    uint32_t timestamp, uint64_t now_us) {
    static const struct me_meter silent;
    uint8_t packet[172] = {0x80, (uint8_t)type};
    write16(packet + 2, sequence & 0xffff);
    write32(packet + 4, timestamp);
    write32(packet + 8, ssrc);
    me_meter_packet(meter, &silent, packet, sizeof(packet), now_us);
}

static void frame(struct me_meter *meter, uint32_t sequence, uint64_t now_us) {
    rtp_of(meter, SSRC, PCMU, sequence, sequence * FRAME, now_us);
}

static void a_steady_stream_has_no_faults(void) {
    struct me_meter meter = {.clock_khz = 8};
    for (uint32_t i = 0; i < 500; i++) {
        frame(&meter, 65400 + i, 1000000 + i * FRAME_US);    // over the end of 16 bits
    }
    CHECK(meter.total.received == 500 && meter.total.lost == 0 && meter.total.repeated == 0);
    CHECK(meter.total.jitter_max_us == 0 && meter.total.gap_max_us == FRAME_US);
    CHECK(meter.total.sources == 1);
}

static void missing_numbers_are_lost(void) {
    struct me_meter meter = {0};
    for (uint32_t i = 0; i < 100; i++) {
        if (i % 10 != 5) {
            frame(&meter, i, i * FRAME_US);
        }
    }
    CHECK(meter.total.received == 90 && meter.total.lost == 10);
    CHECK(meter.total.gap_max_us == 2 * FRAME_US);
}

static void a_late_packet_is_not_lost(void) {
    struct me_meter meter = {0};
    uint32_t order[] = {10, 12, 11, 13, 13, 9};
    for (uint32_t i = 0; i < 6; i++) {
        frame(&meter, order[i], i * FRAME_US);
    }
    CHECK(meter.total.lost == 0 && meter.total.late == 2 && meter.total.repeated == 1);
}

static void a_packet_of_long_ago_is_no_new_one(void) {
    struct me_meter meter = {0};
    for (uint32_t i = 0; i < 200; i++) {
        frame(&meter, i, i * FRAME_US);
    }
    frame(&meter, 20, 200 * FRAME_US);
    CHECK(meter.total.repeated == 1 && meter.total.late == 0 && meter.total.lost == 0);
}

// RFC 3550 A.8: one packet 16 ms late, then on time again: J = 0 + (128 - 0)/16 = 8 units, then
// 8 + (128 - 8)/16 = 15.5 units of 1/8000 s.
static void jitter_is_that_of_the_rfc(void) {
    struct me_meter meter = {.clock_khz = 8};
    for (uint32_t i = 0; i < 10; i++) {
        frame(&meter, i, 1000000 + i * FRAME_US);
    }
    frame(&meter, 10, 1000000 + 10 * FRAME_US + 16000);
    CHECK(meter.total.jitter_us == 1000);
    frame(&meter, 11, 1000000 + 11 * FRAME_US);
    CHECK(meter.total.jitter_us >= 1930 && meter.total.jitter_us <= 1940);
}

static void the_clock_of_the_payload_counts(void) {
    struct me_meter meter = {.clock_khz = 48};
    for (uint32_t i = 0; i < 10; i++) {
        rtp_of(&meter, SSRC, 111, i, i * 960, 1000000 + i * FRAME_US);
    }
    CHECK(meter.total.jitter_max_us == 0);
}

static void a_telephone_event_is_no_jitter(void) {
    struct me_meter meter = {.clock_khz = 8};
    frame(&meter, 0, 1000000);
    frame(&meter, 1, 1020000);
    for (uint32_t i = 2; i < 20; i++) {     // RFC 4733: all with the time of the first
        rtp_of(&meter, SSRC, EVENT, i, 2 * FRAME, 1000000 + i * FRAME_US);
    }
    CHECK(meter.total.jitter_max_us == 0 && meter.total.lost == 0);
}

static void a_new_source_begins_anew_and_keeps_what_was_lost(void) {
    struct me_meter meter = {0};
    frame(&meter, 1, 0);
    frame(&meter, 4, FRAME_US);
    rtp_of(&meter, OTHER, PCMU, 50000, 7, 2 * FRAME_US);
    rtp_of(&meter, OTHER, PCMU, 50002, 7 + 2 * FRAME, 4 * FRAME_US);
    CHECK(meter.total.sources == 2 && meter.total.lost == 3 && meter.total.received == 4);
}

static void a_jump_of_the_numbers_is_no_loss(void) {
    struct me_meter meter = {0};
    frame(&meter, 100, 0);
    rtp_of(&meter, SSRC, PCMU, 30000, 30000 * FRAME, FRAME_US);
    CHECK(meter.total.lost == 0 && meter.total.sources == 2);
}

static size_t sender_report(uint8_t *packet, uint32_t ssrc, uint32_t seconds, uint32_t fraction) {
    memset(packet, 0, 28);
    packet[0] = 0x80;
    packet[1] = 200;
    write16(packet + 2, 6);
    write32(packet + 4, ssrc);
    write32(packet + 8, seconds);
    write32(packet + 12, fraction);
    return 28;
}

static size_t receiver_report(uint8_t *packet, uint32_t about, uint32_t named, uint32_t delay,
    uint32_t lost) {
    memset(packet, 0, 32);
    packet[0] = 0x81;
    packet[1] = 201;
    write16(packet + 2, 7);
    write32(packet + 4, OTHER);
    write32(packet + 8, about);
    write32(packet + 12, lost & 0xffffff);
    write32(packet + 24, named);
    write32(packet + 28, delay);
    return 32;
}

static struct ends a_call(void) {
    struct ends ends = {0};
    rtp_of(&ends.caller, SSRC, PCMU, 1, 160, 1000);
    return ends;
}

// The caller's report passes at 1 s; the callee keeps it 0.5 s (0x8000/65536) and its answer
// passes at 1.58 s: 80 ms from here to the callee and back.
static void the_round_trip_is_what_remains(void) {
    struct ends ends = a_call();
    uint8_t packet[64];
    size_t length = sender_report(packet, SSRC, 0x11112222, 0x33334444);
    me_meter_packet(&ends.caller, &ends.callee, packet, length, 1000000);
    length = receiver_report(packet, SSRC, 0x22223333, 0x8000, 7);
    me_meter_packet(&ends.callee, &ends.caller, packet, length, 1580000);
    CHECK(ends.callee.total.round_trip_us == 80000 && ends.callee.total.told_lost == 7);
    CHECK(ends.caller.total.round_trip_us == 0);
}

static void a_report_about_another_source_says_nothing(void) {
    struct ends ends = a_call();
    uint8_t packet[64];
    size_t length = sender_report(packet, SSRC, 0x11112222, 0x33334444);
    me_meter_packet(&ends.caller, &ends.callee, packet, length, 1000000);
    length = receiver_report(packet, 0xdead, 0x22223333, 0x8000, 7);
    me_meter_packet(&ends.callee, &ends.caller, packet, length, 1580000);
    length = receiver_report(packet, SSRC, 0x55556666, 0x8000, 0x800001);   // unknown; negative
    me_meter_packet(&ends.callee, &ends.caller, packet, length, 1580000);
    length = receiver_report(packet, SSRC, 0x22223333, 0xffff0000, 0);      // kept before it came
    me_meter_packet(&ends.callee, &ends.caller, packet, length, 1580000);
    CHECK(ends.callee.total.round_trip_us == 0 && ends.callee.total.told_lost == 0);
}

static void the_report_before_the_last_is_known_too(void) {
    struct ends ends = a_call();
    uint8_t packet[64];
    size_t length = sender_report(packet, SSRC, 0x2222, 0x33330000);
    me_meter_packet(&ends.caller, &ends.callee, packet, length, 1000000);
    length = sender_report(packet, SSRC, 0x2227, 0x33330000);
    me_meter_packet(&ends.caller, &ends.callee, packet, length, 6000000);
    length = receiver_report(packet, SSRC, 0x22223333, 5 << 16, 0);
    me_meter_packet(&ends.callee, &ends.caller, packet, length, 6010000);
    CHECK(ends.callee.total.round_trip_us == 10000);
}

static void what_is_no_rtp_is_passed_over(void) {
    struct ends ends = a_call();
    static const uint8_t udptl[] = {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    me_meter_packet(&ends.callee, &ends.caller, udptl, sizeof(udptl), 5);
    me_meter_packet(&ends.callee, &ends.caller, stun, sizeof(stun), 5);
    CHECK(ends.callee.total.received == 0 && ends.callee.total.sources == 0);
}

// Every cut of a compound packet: the sanitizer sees a read behind its end.
static void a_cut_report_is_not_read_beyond(void) {
    struct ends ends = a_call();
    uint8_t packet[64];
    size_t whole = sender_report(packet, SSRC, 1, 2);
    whole += receiver_report(packet + whole, SSRC, 0x00010000, 0, 1);
    for (size_t length = 0; length <= whole; length++) {
        uint8_t *cut = malloc(length ? length : 1);
        memcpy(cut, packet, length);
        me_meter_packet(&ends.callee, &ends.caller, cut, length, 9);
        free(cut);
    }
    packet[0] = 0x9f;       // 31 blocks, none of which is there
    me_meter_packet(&ends.callee, &ends.caller, packet, 28, 9);
}

int main(void) {
    RUN(a_steady_stream_has_no_faults);
    RUN(missing_numbers_are_lost);
    RUN(a_late_packet_is_not_lost);
    RUN(a_packet_of_long_ago_is_no_new_one);
    RUN(jitter_is_that_of_the_rfc);
    RUN(the_clock_of_the_payload_counts);
    RUN(a_telephone_event_is_no_jitter);
    RUN(a_new_source_begins_anew_and_keeps_what_was_lost);
    RUN(a_jump_of_the_numbers_is_no_loss);
    RUN(the_round_trip_is_what_remains);
    RUN(a_report_about_another_source_says_nothing);
    RUN(the_report_before_the_last_is_known_too);
    RUN(what_is_no_rtp_is_passed_over);
    RUN(a_cut_report_is_not_read_beyond);
    return 0;
}
