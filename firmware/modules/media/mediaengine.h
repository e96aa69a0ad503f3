// The media engine: an RTP relay with a thread of its own.
//
// A stream is one media line of a call. It has two sides, the offerer's and the answerer's, and
// each side has a pair of sockets (RTP on an even port, RTCP on the next one, RFC 3550 11).
// What arrives on one side leaves from the other, unchanged, after the latch rules of streams.h.
//
// Every function may be called from any thread but the engine's own. They return a negative
// errno on failure:
//   -EINVAL      an argument that cannot be right
//   -ESTALE      a handle whose stream was closed
//   -EADDRINUSE  no free pair of ports in the range
//   -ENFILE      the table of streams is full
// and whatever socket(2) or bind(2) report otherwise.

#ifndef MEDIAENGINE_H
#define MEDIAENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "streams.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ME_API __attribute__((visibility("default")))

struct me_engine;

struct me_config {
    uint16_t port_min;      // the range of ports, both ends included
    uint16_t port_max;
    uint32_t streams;       // size of the table, at most ME_STREAMS_MAX
    uint32_t timeout_ms;    // silence on both sides that ends a stream; 0: never
    uint32_t traffic_class; // the ToS byte of IPv4, the traffic class of IPv6; 0xB8 is EF
    uint32_t priority;      // SCHED_FIFO priority to ask for; 0: the normal scheduler
    uint32_t ring;          // 1: use the fast path of ring.h where it is allowed
    uint32_t ordered;       // 1: ports in their order, so that everybody knows the next one
};

struct me_usage {
    uint32_t streams;       // open now
    uint32_t streams_max;   // size of the table
    uint32_t pairs_free;    // port pairs that can be had
    uint32_t realtime;      // 1: the thread runs under SCHED_FIFO
    uint32_t ring;          // 1: packets come by the ring
    uint32_t reserved;
    uint64_t opened;        // streams since the start
    uint64_t memory;        // bytes of the tables, fixed since the start
};

ME_API int me_engine_create(const struct me_config *config, struct me_engine **engine);
ME_API void me_engine_destroy(struct me_engine *engine);

// A descriptor that is readable while me_engine_expired has something to tell.
ME_API int me_engine_fd(const struct me_engine *engine);

// Opens the two sides on the given local addresses (their ports are ignored). ports: the RTP
// port of each side. Nothing passes until me_engine_set_peer has said who the peers are.
// ME_NONE opens no sockets for a side (port 0); me_engine_bind does so later, or moves it.
ME_API int me_engine_open(struct me_engine *engine, const struct me_address local[ME_SIDES],
    uint32_t *handle, uint16_t ports[ME_SIDES]);
ME_API int me_engine_bind(struct me_engine *engine, uint32_t handle, uint32_t side,
    const struct me_address *local, uint16_t *port);
ME_API int me_engine_set_peer(struct me_engine *engine, uint32_t handle, uint32_t side,
    const struct me_peer *peer);
ME_API int me_engine_set_timeout(struct me_engine *engine, uint32_t handle, uint32_t timeout_ms);
ME_API int me_engine_stats(struct me_engine *engine, uint32_t handle, struct me_stats *stats);

// stats may be NULL; otherwise it gets the last figures of the stream.
ME_API int me_engine_close(struct me_engine *engine, uint32_t handle, struct me_stats *stats);

// Fills handles with streams that have fallen silent since the last call; returns how many.
// Each is told once, and again only after it was heard or its time-out was set anew.
ME_API int me_engine_expired(struct me_engine *engine, uint32_t *handles, uint32_t max);
ME_API int me_engine_usage(struct me_engine *engine, struct me_usage *usage);

// For callers that have text (the bindings): an IPv4 or IPv6 address, and the way back.
// The text needs ME_ADDRESS_TEXT bytes.
ME_API int me_address_read(const char *text, uint32_t port, struct me_address *address);
ME_API int me_address_write(const struct me_address *address, char *text);

#ifdef __cplusplus
}
#endif

#endif
