// The media thread: packets, and between two batches of them what the callers ask for.

#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

enum {
    BATCH = 64,     // sockets that one epoll_wait reports
    BURST = 8,      // packets taken from a socket before the others have their turn
    RING_TURN = 512,    // packets taken from the ring before the callers have their turn
    TICK_MS = 500,  // how exactly time-outs are kept
};

uint64_t me_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

void me_event_raise(int fd) {
    uint64_t one = 1;
    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void me_event_clear(int fd) {
    uint64_t count;
    while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR) {
    }
}

static void send_on(struct me_route *route, const uint8_t *packet, size_t length) {
    struct sockaddr_storage to;
    socklen_t size = me_address_to_sockaddr(route->to, &to);
    ssize_t sent = sendto(route->socket, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL,
        (struct sockaddr *)&to, size);
    me_table_sent(route, length, sent == (ssize_t)length);
}

static bool relay_packet(struct me_engine *engine, struct me_stream *stream, uint32_t side,
    uint32_t component) {
    struct sockaddr_storage sender;
    struct me_address from;
    socklen_t size = sizeof(sender);
    ssize_t length = recvfrom(stream->side[side].socket[component], engine->packet, ME_PACKET_MAX,
        MSG_DONTWAIT, (struct sockaddr *)&sender, &size);
    if (length < 0) {
        return false;
    }
    if (!me_address_from_sockaddr(&from, &sender)) {
        return true;
    }
    struct me_route route = me_table_route(stream, side, component, &from, (size_t)length,
        engine->now_ms);
    if (route.accepted) {
        me_table_observe(stream, side, engine->packet, (size_t)length, engine->now_us);
    }
    if (route.to) {
        send_on(&route, engine->packet, (size_t)length);
    }
    return true;
}

static uint32_t side_of(uint64_t token) {
    return (uint32_t)(token >> 1) & 1u;
}

static uint32_t component_of(uint64_t token) {
    return (uint32_t)token & 1u;
}

static void relay_from_ring(struct me_engine *engine, const struct me_ring_packet *packet) {
    struct me_stream *stream = me_table_find(&engine->table, (uint32_t)(packet->token >> 2));
    uint32_t side = side_of(packet->token);
    uint32_t component = component_of(packet->token);
    if (!stream) {
        return;
    }
    struct me_route route = me_table_route(stream, side, component, &packet->from,
        packet->length, engine->now_ms);
    if (route.accepted) {
        me_table_observe(stream, side, packet->payload, packet->length, engine->now_us);
    }
    uint16_t from = (uint16_t)(stream->side[1 - side].port + component);
    if (route.to && !me_ring_send(&engine->ring, packet, &route, from)) {
        send_on(&route, packet->payload, packet->length);
    }
}

static void drain_ring(struct me_engine *engine) {
    struct me_ring_packet packet;
    for (int taken = 0; taken < RING_TURN && me_ring_take(&engine->ring, &packet); taken++) {
        relay_from_ring(engine, &packet);
    }
    me_ring_flush(&engine->ring);
}

// A token whose stream was closed in this very batch finds nothing: its handle is stale.
static void drain_socket(struct me_engine *engine, uint64_t token) {
    struct me_stream *stream = me_table_find(&engine->table, (uint32_t)(token >> 2));
    for (int taken = 0; stream && taken < BURST; taken++) {
        if (!relay_packet(engine, stream, side_of(token), component_of(token))) {
            return;
        }
    }
}

// `pending` is set before the wake descriptor is written, so clearing the descriptor first and
// looking at `pending` afterwards loses no command.
static void run_command(struct me_engine *engine) {
    if (!atomic_exchange_explicit(&engine->pending, false, memory_order_acq_rel)) {
        return;
    }
    engine->result = engine->command(engine, engine->arguments);
    sem_post(&engine->done);
}

static void tick(struct me_engine *engine) {
    if (engine->now_ms - engine->ticked_ms < TICK_MS) {
        return;
    }
    engine->ticked_ms = engine->now_ms;
    if (me_table_expire(&engine->table, engine->now_ms)) {
        me_event_raise(engine->event_fd);
    }
}

void *me_media_thread(void *argument) {
    struct me_engine *engine = argument;
    struct epoll_event ready[BATCH];
    while (!engine->stop) {
        int wait = engine->table.used > 0 ? TICK_MS : -1;
        int count = epoll_wait(engine->epoll_fd, ready, BATCH, wait);
        engine->now_us = me_clock();
        engine->now_ms = engine->now_us / 1000;
        for (int i = 0; i < count; i++) {
            if (ready[i].data.u64 == ME_WAKE) {
                me_event_clear(engine->wake_fd);
            } else if (ready[i].data.u64 == ME_RING) {
                drain_ring(engine);
            } else {
                drain_socket(engine, ready[i].data.u64);
            }
        }
        run_command(engine);
        tick(engine);
    }
    return NULL;
}
