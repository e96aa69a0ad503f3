#include "streams_model.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "streams.h"

enum { STREAMS = 3, HANDLES = 8, HOSTS = 4, TIMEOUT_MS = 60000 };

// What a side may be told and may accept, by number of the host. 0: none.
struct expected_side {
    bool allowed[HOSTS];
    struct me_address source[ME_COMPONENTS];
    bool open[ME_COMPONENTS];
    bool muted;
    struct me_address signalled;
};

struct expected_stream {
    uint32_t handle;
    bool active;
    uint64_t heard_ms;
    struct expected_side side[ME_SIDES];
};

struct model {
    struct me_table table;
    struct expected_stream streams[HANDLES];
    uint64_t now_ms;
    uint32_t active;
    const uint8_t *data;
    size_t left;
};

static uint8_t next(struct model *model) {
    if (model->left == 0) {
        return 0;
    }
    model->left--;
    return *model->data++;
}

static struct me_address host(uint8_t number, uint16_t port) {
    struct me_address address = {.family = ME_IPV4, .port = port};
    address.host[0] = 192;
    address.host[2] = 2;
    address.host[3] = (uint8_t)(number % HOSTS);
    return address;
}

static uint8_t number_of(const struct me_address *address) {
    return address->family == ME_NONE ? HOSTS : address->host[3];
}

static void open_stream(struct model *model, struct expected_stream *expected) {
    struct me_sockets sockets = {.port = {10000, 10002}};
    uint32_t handle = 0;
    int error = me_table_open(&model->table, &sockets, model->now_ms, &handle);
    if (model->active == STREAMS) {
        CHECK(error == -ENFILE);
        return;
    }
    CHECK(error == 0 && handle != 0);
    for (int i = 0; i < HANDLES; i++) {
        CHECK(!model->streams[i].active || model->streams[i].handle != handle);
    }
    if (expected->active) {     // the model lets go of it; the table must not
        struct me_stats stats;
        CHECK(me_table_close(&model->table, expected->handle, model->now_ms, &sockets, &stats)
            == 0);
        model->active--;
    }
    memset(expected, 0, sizeof(*expected));
    *expected = (struct expected_stream){
        .handle = handle, .active = true, .heard_ms = model->now_ms};
    for (int side = 0; side < ME_SIDES; side++) {
        expected->side[side].open[ME_RTP] = expected->side[side].open[ME_RTCP] = true;
    }
    model->active++;
}

static void close_stream(struct model *model, struct expected_stream *expected) {
    struct me_sockets sockets;
    struct me_stats stats;
    int error = me_table_close(&model->table, expected->handle, model->now_ms, &sockets, &stats);
    CHECK(error == (expected->active ? 0 : -ESTALE));
    if (expected->active) {
        CHECK(sockets.port[0] == 10000 && sockets.port[1] == 10002);
        model->active--;
    }
    expected->active = false;
}

static bool changed(const struct expected_side *side, const bool *allowed,
    const struct me_address *signalled) {
    return memcmp(side->allowed, allowed, sizeof(side->allowed)) != 0
        || memcmp(&side->signalled, signalled, sizeof(*signalled)) != 0;
}

static void expect_peer(struct expected_side *side, const bool *allowed,
    const struct me_address *signalled, bool relatch) {
    bool again = relatch || changed(side, allowed, signalled);
    memcpy(side->allowed, allowed, sizeof(side->allowed));
    side->signalled = *signalled;
    for (int i = 0; again && i < ME_COMPONENTS; i++) {
        uint8_t number = number_of(&side->source[i]);
        side->open[i] = true;
        if (number == HOSTS || !allowed[number]) {
            memset(&side->source[i], 0, sizeof(side->source[i]));
        }
    }
}

static void set_peer(struct model *model, struct expected_stream *expected) {
    uint8_t bits = next(model);
    uint8_t flags = next(model);
    uint32_t side = flags & 1;
    struct me_peer peer = {.relatch = (flags >> 1) & 1, .muted = (flags >> 2) & 1};
    bool allowed[HOSTS] = {false};
    for (uint8_t i = 0; i < HOSTS; i++) {
        if (bits >> i & 1) {
            allowed[i] = true;
            peer.allowed[peer.allowed_count++] = host(i, 0);
        }
    }
    if (flags >> 3 & 1) {
        peer.signalled[ME_RTP] = peer.signalled[ME_RTCP] = host(bits >> 4 & 3, 4000);
    }
    int error = me_table_set_peer(&model->table, expected->handle, side, &peer, model->now_ms);
    CHECK(error == (expected->active ? 0 : -ESTALE));
    if (expected->active) {
        expected->side[side].muted = peer.muted;
        expected->heard_ms = model->now_ms;
        expect_peer(&expected->side[side], allowed, &peer.signalled[ME_RTP], peer.relatch);
    }
}

static bool expect_accepted(struct expected_side *side, uint32_t component,
    const struct me_address *from) {
    uint32_t other = 1 - component;
    uint8_t number = number_of(from);
    if (!side->open[component]) {
        return memcmp(&side->source[component], from, sizeof(*from)) == 0;
    }
    if (!side->allowed[number]) {
        return false;
    }
    if (!side->open[other] && number_of(&side->source[other]) != number) {
        return false;
    }
    if (number_of(&side->source[other]) != number) {
        memset(&side->source[other], 0, sizeof(side->source[other]));
    }
    side->source[component] = *from;
    side->open[component] = false;
    return true;
}

static void expect_route(const struct expected_side *to, uint32_t component,
    const struct me_route *route) {
    const struct me_address *expected = &to->source[component];
    if (expected->family == ME_NONE) {
        expected = &to->signalled;
    }
    if (to->muted || expected->family == ME_NONE) {
        CHECK(route->to == NULL);
    } else {
        CHECK(route->to && memcmp(route->to, expected, sizeof(*expected)) == 0);
    }
}

static void packet(struct model *model, struct expected_stream *expected) {
    uint8_t from = next(model);
    uint8_t path = next(model);
    uint32_t side = path & 1;
    uint32_t component = path >> 1 & 1;
    size_t length = path >> 2;
    struct me_address source = host(from, (uint16_t)(5000 + (from >> 2 & 3)));
    struct me_stream *stream = me_table_find(&model->table, expected->handle);
    CHECK((stream != NULL) == expected->active);
    if (!stream) {
        return;
    }
    struct me_route route = me_table_route(stream, side, component, &source, length,
        model->now_ms);
    if (length < ME_PACKET_MIN
        || !expect_accepted(&expected->side[side], component, &source)) {
        CHECK(route.to == NULL);
        return;
    }
    expected->heard_ms = model->now_ms;
    expect_route(&expected->side[1 - side], component, &route);
    if (route.to) {
        me_table_sent(&route, length, from & 1);
    }
}

static void check_stats(struct model *model, const struct expected_stream *expected) {
    struct me_stats stats;
    int error = me_table_stats(&model->table, expected->handle, model->now_ms, &stats);
    CHECK(error == (expected->active ? 0 : -ESTALE));
    if (expected->active) {
        CHECK(stats.idle_ms == model->now_ms - expected->heard_ms);
        CHECK(memcmp(&stats.latched[0][ME_RTP], &expected->side[0].source[ME_RTP],
            sizeof(struct me_address)) == 0);
    }
}

static void pass_time(struct model *model) {
    uint32_t handles[HANDLES];
    bool more;
    model->now_ms += (uint64_t)next(model) * 1000;
    me_table_expire(&model->table, model->now_ms);
    uint32_t count = me_table_report(&model->table, handles, HANDLES, &more);
    CHECK(!more);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t silent = 0;
        for (int j = 0; j < HANDLES; j++) {
            const struct expected_stream *stream = &model->streams[j];
            if (stream->active && stream->handle == handles[i]) {
                silent = model->now_ms - stream->heard_ms;
            }
        }
        CHECK(silent >= TIMEOUT_MS);
    }
}

void run_model(const uint8_t *data, size_t size) {
    struct model model = {.data = data, .left = size, .now_ms = 1000};
    CHECK(me_table_init(&model.table, STREAMS, TIMEOUT_MS) == 0);
    while (model.left > 0) {
        uint8_t step = next(&model);
        struct expected_stream *expected = &model.streams[step >> 5];
        switch (step & 7) {
            case 0: open_stream(&model, expected); break;
            case 1: close_stream(&model, expected); break;
            case 2: pass_time(&model); break;
            case 3: check_stats(&model, expected); break;
            case 4: set_peer(&model, expected); break;
            default: packet(&model, expected); break;
        }
        CHECK(model.table.used == model.active);
    }
    me_table_free(&model.table);
}
