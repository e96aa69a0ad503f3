// The table of streams and the latch: who may speak into a stream, and where it is sent.
// No socket, thread or clock in here: the engine brings packets and `now`, and tests and fuzzers
// drive the same functions without a network.
//
// The latch rules, for each side on its own:
//  1. Signalling states the hosts that packets may come from (struct me_peer). Before that, and
//     from any other host, nothing is accepted.
//  2. The first packet from an allowed host latches its host and port. From then on only that
//     source is accepted, and packets for this side are sent there.
//  3. RTP and RTCP latch separately, but to one host: the first of the two decides.
//  4. Until it has latched, a side is sent packets at the address that signalling vouches for,
//     if it gave one, otherwise they are dropped.
//  5. Only signalling opens the latch again (me_peer.relatch, or a peer that changed). A source
//     that is still allowed keeps being sent to until the next packet decides anew.

#ifndef MEDIAENGINE_STREAMS_H
#define MEDIAENGINE_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "quality.h"

enum { ME_OFFERER, ME_ANSWERER, ME_SIDES };
enum { ME_RTP, ME_RTCP, ME_COMPONENTS };
enum { ME_ALLOWED_MAX = 4 };

// Shorter datagrams are NAT keep-alives: no RTP (12 bytes), RTCP (8), STUN (20) or T.38 UDPTL
// (6) packet is that short. They are dropped and do not latch.
enum { ME_PACKET_MIN = 4 };

// 14 bits of index and 16 of generation: a handle is a small integer of MicroPython on 32 bits.
enum { ME_INDEX_BITS = 14, ME_STREAMS_MAX = 1 << ME_INDEX_BITS };

// What signalling knows of a side's peer. `relatch` opens the latch although nothing changed.
// `muted`: nothing is sent to it (a connection address of 0.0.0.0, RFC 3264 8.4).
// `fixed`: it is sent to where signalling says, wherever it sends from (an asymmetric peer).
struct me_peer {
    struct me_address allowed[ME_ALLOWED_MAX];      // hosts; the ports are ignored
    struct me_address signalled[ME_COMPONENTS];     // where to send before the latch; or ME_NONE
    uint8_t allowed_count;
    uint8_t relatch;
    uint8_t muted;
    uint8_t clock_khz;      // of the RTP payload, for jitter; 0: 8
    uint8_t fixed;
    uint8_t reserved;
};

// Of what one side sent to one of its two ports. Accepted: packets + nowhere + failed.
struct me_counts {
    uint64_t packets;   // relayed
    uint64_t bytes;     // relayed, without the headers of UDP and IP
    uint32_t foreign;   // dropped: from a source that the latch does not allow
    uint32_t nowhere;   // dropped: the other side has no destination (yet)
    uint32_t failed;    // dropped: the kernel did not take it
    uint32_t shorts;    // dropped: under ME_PACKET_MIN
};

struct me_stats {
    struct me_counts counts[ME_SIDES][ME_COMPONENTS];
    struct me_address latched[ME_SIDES][ME_COMPONENTS];     // ME_NONE: not yet
    struct me_quality quality[ME_SIDES];    // of what that side has sent
    uint32_t idle_ms;       // since a packet was accepted from either side
    uint32_t expired;       // 1: idle for longer than its time-out
};

struct me_latch {
    struct me_address source;   // ME_NONE until the first packet
    bool open;                  // the next packet from an allowed host decides
};

struct me_side {
    struct me_peer peer;
    struct me_latch latch[ME_COMPONENTS];
    struct me_counts counts[ME_COMPONENTS];
    struct me_meter meter;
    int socket[ME_COMPONENTS];
    uint16_t port;
};

struct me_stream {
    uint64_t heard_ms;
    uint32_t timeout_ms;
    uint16_t generation;
    bool active;
    bool expired;
    bool reported;
    struct me_side side[ME_SIDES];
};

struct me_table {
    struct me_stream *streams;
    uint32_t size;
    uint32_t used;
    uint32_t search;        // where the next free entry is looked for
    uint32_t timeout_ms;
};

// What the engine opened for a stream and has to close again. Port 0: a side without sockets.
struct me_sockets {
    int socket[ME_SIDES][ME_COMPONENTS];
    uint16_t port[ME_SIDES];
};

// Where a packet goes; NULL `to`: nowhere, and it has been counted. `accepted`: by the latch.
struct me_route {
    const struct me_address *to;
    int socket;
    bool accepted;
    struct me_counts *counts;
};

int me_table_init(struct me_table *table, uint32_t size, uint32_t timeout_ms);
void me_table_free(struct me_table *table);

int me_table_open(struct me_table *table, const struct me_sockets *sockets, uint64_t now_ms,
    uint32_t *handle);
int me_table_close(struct me_table *table, uint32_t handle, uint64_t now_ms,
    struct me_sockets *sockets, struct me_stats *stats);
// Gives a side other sockets; `former` gets those that it had. Its latch and counters stay.
int me_table_bind(struct me_table *table, uint32_t handle, uint32_t side,
    const int sockets[ME_COMPONENTS], uint16_t port, int former[ME_COMPONENTS],
    uint16_t *former_port);
int me_table_set_peer(struct me_table *table, uint32_t handle, uint32_t side,
    const struct me_peer *peer, uint64_t now_ms);
int me_table_set_timeout(struct me_table *table, uint32_t handle, uint32_t timeout_ms,
    uint64_t now_ms);
int me_table_stats(const struct me_table *table, uint32_t handle, uint64_t now_ms,
    struct me_stats *stats);

// NULL for a stale handle.
struct me_stream *me_table_find(const struct me_table *table, uint32_t handle);

// The packet path. me_table_sent counts the outcome of a send that me_table_route asked for.
struct me_route me_table_route(struct me_stream *stream, uint32_t side, uint32_t component,
    const struct me_address *from, size_t length, uint64_t now_ms);
void me_table_sent(struct me_route *route, size_t length, bool ok);

// Has the meter of `side` look at a packet that was accepted from it.
void me_table_observe(struct me_stream *stream, uint32_t side, const uint8_t *packet,
    size_t length, uint64_t now_us);

// Marks what has fallen silent; true when there is something new to report.
bool me_table_expire(struct me_table *table, uint64_t now_ms);
uint32_t me_table_report(struct me_table *table, uint32_t *handles, uint32_t max, bool *more);

#endif
