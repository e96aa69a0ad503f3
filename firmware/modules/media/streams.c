#include "streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct me_stream) <= 960, "docs/media.md states the memory at the limit");
_Static_assert(sizeof(struct me_peer) == 126, "the bindings know this layout");

static uint32_t handle_of(const struct me_table *table, const struct me_stream *stream) {
    uint32_t index = (uint32_t)(stream - table->streams);
    return (uint32_t)stream->generation << ME_INDEX_BITS | index;
}

// Generation 0 is never given out, so no handle is 0.
static void next_generation(struct me_stream *stream) {
    stream->generation++;
    if (stream->generation == 0) {
        stream->generation = 1;
    }
}

int me_table_init(struct me_table *table, uint32_t size, uint32_t timeout_ms) {
    if (size == 0 || size > ME_STREAMS_MAX) {
        return -EINVAL;
    }
    *table = (struct me_table){.size = size, .timeout_ms = timeout_ms};
    table->streams = calloc(size, sizeof(*table->streams));
    return table->streams ? 0 : -ENOMEM;
}

void me_table_free(struct me_table *table) {
    free(table->streams);
    table->streams = NULL;
    table->size = 0;
}

struct me_stream *me_table_find(const struct me_table *table, uint32_t handle) {
    uint32_t index = handle & (ME_STREAMS_MAX - 1);
    if (index >= table->size) {
        return NULL;
    }
    struct me_stream *stream = &table->streams[index];
    bool current = stream->active && stream->generation == handle >> ME_INDEX_BITS;
    return current ? stream : NULL;
}

// Entries are taken in turn, so that a generation comes back as late as possible.
static struct me_stream *free_entry(struct me_table *table) {
    for (uint32_t tried = 0; tried < table->size; tried++) {
        struct me_stream *stream = &table->streams[table->search];
        table->search = (table->search + 1) % table->size;
        if (!stream->active) {
            return stream;
        }
    }
    return NULL;
}

static void open_side(struct me_side *side, const int *sockets, uint16_t port) {
    memset(side, 0, sizeof(*side));
    side->port = port;
    for (int component = 0; component < ME_COMPONENTS; component++) {
        side->socket[component] = sockets[component];
        side->latch[component].open = true;
    }
}

int me_table_open(struct me_table *table, const struct me_sockets *sockets, uint64_t now_ms,
    uint32_t *handle) {
    struct me_stream *stream = free_entry(table);
    if (!stream) {
        return -ENFILE;
    }
    next_generation(stream);
    stream->active = true;
    stream->expired = false;
    stream->reported = false;
    stream->heard_ms = now_ms;
    stream->timeout_ms = table->timeout_ms;
    for (int side = 0; side < ME_SIDES; side++) {
        open_side(&stream->side[side], sockets->socket[side], sockets->port[side]);
    }
    table->used++;
    *handle = handle_of(table, stream);
    return 0;
}

int me_table_close(struct me_table *table, uint32_t handle, uint64_t now_ms,
    struct me_sockets *sockets, struct me_stats *stats) {
    struct me_stream *stream = me_table_find(table, handle);
    if (!stream) {
        return -ESTALE;
    }
    me_table_stats(table, handle, now_ms, stats);
    for (int side = 0; side < ME_SIDES; side++) {
        memcpy(sockets->socket[side], stream->side[side].socket, sizeof(sockets->socket[side]));
        sockets->port[side] = stream->side[side].port;
    }
    stream->active = false;
    table->used--;
    return 0;
}

int me_table_bind(struct me_table *table, uint32_t handle, uint32_t side,
    const int sockets[ME_COMPONENTS], uint16_t port, int former[ME_COMPONENTS],
    uint16_t *former_port) {
    struct me_stream *stream = me_table_find(table, handle);
    if (side >= ME_SIDES) {
        return -EINVAL;
    }
    if (!stream) {
        return -ESTALE;
    }
    struct me_side *subject = &stream->side[side];
    memcpy(former, subject->socket, sizeof(subject->socket));
    *former_port = subject->port;
    memcpy(subject->socket, sockets, sizeof(subject->socket));
    subject->port = port;
    return 0;
}

static void listen_anew(struct me_stream *stream, uint64_t now_ms) {
    stream->heard_ms = now_ms;
    stream->expired = false;
    stream->reported = false;
}

static bool is_allowed(const struct me_peer *peer, const struct me_address *from) {
    for (uint32_t i = 0; i < peer->allowed_count; i++) {
        if (me_same_host(&peer->allowed[i], from)) {
            return true;
        }
    }
    return false;
}

static bool same_peer(const struct me_peer *a, const struct me_peer *b) {
    if (a->allowed_count != b->allowed_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->allowed_count; i++) {
        if (!me_same_host(&a->allowed[i], &b->allowed[i])) {
            return false;
        }
    }
    return a->fixed == b->fixed && me_same_address(&a->signalled[ME_RTP], &b->signalled[ME_RTP])
        && me_same_address(&a->signalled[ME_RTCP], &b->signalled[ME_RTCP]);
}

static void open_latches(struct me_side *side) {
    for (int component = 0; component < ME_COMPONENTS; component++) {
        struct me_latch *latch = &side->latch[component];
        latch->open = true;
        if (!is_allowed(&side->peer, &latch->source)) {
            memset(&latch->source, 0, sizeof(latch->source));
        }
    }
}

int me_table_set_peer(struct me_table *table, uint32_t handle, uint32_t side,
    const struct me_peer *peer, uint64_t now_ms) {
    struct me_stream *stream = me_table_find(table, handle);
    if (side >= ME_SIDES || peer->allowed_count > ME_ALLOWED_MAX) {
        return -EINVAL;
    }
    if (!stream) {
        return -ESTALE;
    }
    struct me_side *subject = &stream->side[side];
    bool again = peer->relatch || !same_peer(&subject->peer, peer);
    subject->peer = *peer;
    subject->meter.clock_khz = peer->clock_khz;
    if (again) {
        open_latches(subject);
    }
    listen_anew(stream, now_ms);
    return 0;
}

int me_table_set_timeout(struct me_table *table, uint32_t handle, uint32_t timeout_ms,
    uint64_t now_ms) {
    struct me_stream *stream = me_table_find(table, handle);
    if (!stream) {
        return -ESTALE;
    }
    stream->timeout_ms = timeout_ms;
    listen_anew(stream, now_ms);
    return 0;
}

static uint32_t idle_ms(const struct me_stream *stream, uint64_t now_ms) {
    uint64_t idle = now_ms > stream->heard_ms ? now_ms - stream->heard_ms : 0;
    return idle > UINT32_MAX ? UINT32_MAX : (uint32_t)idle;
}

int me_table_stats(const struct me_table *table, uint32_t handle, uint64_t now_ms,
    struct me_stats *stats) {
    const struct me_stream *stream = me_table_find(table, handle);
    if (!stream) {
        return -ESTALE;
    }
    for (int side = 0; side < ME_SIDES; side++) {
        for (int component = 0; component < ME_COMPONENTS; component++) {
            stats->counts[side][component] = stream->side[side].counts[component];
            stats->latched[side][component] = stream->side[side].latch[component].source;
        }
        stats->quality[side] = stream->side[side].meter.total;
    }
    stats->idle_ms = idle_ms(stream, now_ms);
    stats->expired = stream->expired;
    return 0;
}

// Rules 1 to 3 of streams.h: whether a packet is accepted, and the latch that it sets.
static bool accept_source(struct me_side *side, uint32_t component,
    const struct me_address *from) {
    struct me_latch *latch = &side->latch[component];
    struct me_latch *sibling = &side->latch[1 - component];
    if (!latch->open) {
        return me_same_address(&latch->source, from);
    }
    if (!me_can_send_to(from) || !is_allowed(&side->peer, from)) {
        return false;
    }
    if (!sibling->open && !me_same_host(&sibling->source, from)) {
        return false;
    }
    latch->source = *from;
    latch->open = false;
    if (sibling->open && !me_same_host(&sibling->source, from)) {
        memset(&sibling->source, 0, sizeof(sibling->source));  // of the host before a relatch
    }
    return true;
}

static const struct me_address *destination(const struct me_side *side, uint32_t component) {
    const struct me_address *latched = &side->latch[component].source;
    const struct me_address *signalled = &side->peer.signalled[component];
    if (side->peer.muted || side->port == 0) {
        return NULL;
    }
    if (latched->family != ME_NONE && !side->peer.fixed) {
        return latched;
    }
    return me_can_send_to(signalled) ? signalled : NULL;
}

struct me_route me_table_route(struct me_stream *stream, uint32_t side, uint32_t component,
    const struct me_address *from, size_t length, uint64_t now_ms) {
    struct me_side *source = &stream->side[side];
    struct me_side *target = &stream->side[1 - side];
    struct me_route route = {.counts = &source->counts[component]};
    if (length < ME_PACKET_MIN) {
        route.counts->shorts++;
        return route;
    }
    if (!accept_source(source, component, from)) {
        route.counts->foreign++;
        return route;
    }
    listen_anew(stream, now_ms);
    route.accepted = true;
    route.to = destination(target, component);
    route.socket = target->socket[component];
    if (!route.to) {
        route.counts->nowhere++;
    }
    return route;
}

void me_table_sent(struct me_route *route, size_t length, bool ok) {
    if (ok) {
        route->counts->packets++;
        route->counts->bytes += length;
    } else {
        route->counts->failed++;
    }
}

void me_table_observe(struct me_stream *stream, uint32_t side, const uint8_t *packet,
    size_t length, uint64_t now_us) {
    me_meter_packet(&stream->side[side].meter, &stream->side[1 - side].meter, packet, length,
        now_us);
}

bool me_table_expire(struct me_table *table, uint64_t now_ms) {
    bool found = false;
    for (uint32_t i = 0; i < table->size && table->used > 0; i++) {
        struct me_stream *stream = &table->streams[i];
        if (!stream->active || stream->expired || stream->timeout_ms == 0) {
            continue;
        }
        stream->expired = idle_ms(stream, now_ms) >= stream->timeout_ms;
        found |= stream->expired;
    }
    return found;
}

uint32_t me_table_report(struct me_table *table, uint32_t *handles, uint32_t max, bool *more) {
    uint32_t count = 0;
    *more = false;
    for (uint32_t i = 0; i < table->size; i++) {
        struct me_stream *stream = &table->streams[i];
        if (!stream->active || !stream->expired || stream->reported) {
            continue;
        }
        if (count == max) {
            *more = true;
            break;
        }
        stream->reported = true;
        handles[count++] = handle_of(table, stream);
    }
    return count;
}
