// The MicroPython module `mediaengine`: one type, Engine, with the methods that
// app/port/ctypes_engine.py has under CPython. app/port/engine.py is the face of both.

#include <errno.h>
#include <string.h>

#include "py/objlist.h"
#include "py/objtuple.h"
#include "py/runtime.h"

#include "mediaengine.h"

enum { RELATCH = 1, MUTED = 2 };    // the flags of set_peer
enum { EXPIRED_AT_ONCE = 32 };
enum { COUNTS_FIELDS = 8, QUALITY_FIELDS = 12 };
enum { STATS_FIELDS = ME_SIDES * (ME_COMPONENTS * COUNTS_FIELDS + QUALITY_FIELDS) + 2 };

typedef struct {
    mp_obj_base_t base;
    struct me_engine *engine;
} engine_obj_t;

const mp_obj_type_t mediaengine_type_Engine;

static int check(int result) {
    if (result < 0) {
        mp_raise_OSError(-result);
    }
    return result;
}

static struct me_engine *engine_of(mp_obj_t self_in) {
    engine_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->engine == NULL) {
        mp_raise_OSError(EBADF);
    }
    return self->engine;
}

static uint32_t number(mp_obj_t object, uint32_t max) {
    mp_int_t value = mp_obj_get_int(object);
    if (value < 0 || (mp_uint_t)value > max) {
        mp_raise_OSError(EINVAL);
    }
    return (uint32_t)value;
}

// None is the address that does not exist (ME_NONE).
static void address_of(mp_obj_t host, uint32_t port, struct me_address *address) {
    memset(address, 0, sizeof(*address));
    if (host != mp_const_none) {
        check(me_address_read(mp_obj_str_get_str(host), port, address));
    }
}

static mp_obj_t engine_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 7, 7, false);
    struct me_config config = {
        .port_min = (uint16_t)number(args[0], UINT16_MAX),
        .port_max = (uint16_t)number(args[1], UINT16_MAX),
        .streams = number(args[2], ME_STREAMS_MAX),
        .timeout_ms = number(args[3], INT32_MAX),
        .traffic_class = number(args[4], UINT8_MAX),
        .priority = number(args[5], 99),
        .ring = number(args[6], 1),
    };
    engine_obj_t *self = mp_obj_malloc_with_finaliser(engine_obj_t, type);
    self->engine = NULL;
    check(me_engine_create(&config, &self->engine));
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t engine_destroy(mp_obj_t self_in) {
    engine_obj_t *self = MP_OBJ_TO_PTR(self_in);
    struct me_engine *engine = self->engine;
    self->engine = NULL;
    if (engine != NULL) {
        me_engine_destroy(engine);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(engine_destroy_obj, engine_destroy);

static mp_obj_t engine_fd(mp_obj_t self) {
    return MP_OBJ_NEW_SMALL_INT(me_engine_fd(engine_of(self)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(engine_fd_obj, engine_fd);

static mp_obj_t engine_open(mp_obj_t self, mp_obj_t offerer, mp_obj_t answerer) {
    struct me_address local[ME_SIDES];
    uint16_t ports[ME_SIDES];
    uint32_t handle;
    address_of(offerer, 0, &local[ME_OFFERER]);
    address_of(answerer, 0, &local[ME_ANSWERER]);
    check(me_engine_open(engine_of(self), local, &handle, ports));
    mp_obj_t items[] = {
        mp_obj_new_int_from_uint(handle),
        MP_OBJ_NEW_SMALL_INT(ports[ME_OFFERER]),
        MP_OBJ_NEW_SMALL_INT(ports[ME_ANSWERER]),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(items), items);
}
static MP_DEFINE_CONST_FUN_OBJ_3(engine_open_obj, engine_open);

static void allowed_hosts(mp_obj_t hosts, struct me_peer *peer) {
    size_t count;
    mp_obj_t *items;
    mp_obj_get_array(hosts, &count, &items);
    if (count > ME_ALLOWED_MAX) {
        mp_raise_OSError(EINVAL);
    }
    for (size_t i = 0; i < count; i++) {
        address_of(items[i], 0, &peer->allowed[i]);
    }
    peer->allowed_count = (uint8_t)count;
}

// set_peer(handle, side, allowed, rtp_host, rtp_port, rtcp_host, rtcp_port, flags, clock_khz)
static mp_obj_t engine_set_peer(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    struct me_peer peer = {.allowed_count = 0};
    uint32_t handle = number(args[1], INT32_MAX);
    uint32_t side = number(args[2], ME_SIDES);
    uint32_t flags = number(args[8], RELATCH | MUTED);
    allowed_hosts(args[3], &peer);
    address_of(args[4], number(args[5], UINT16_MAX), &peer.signalled[ME_RTP]);
    address_of(args[6], number(args[7], UINT16_MAX), &peer.signalled[ME_RTCP]);
    peer.relatch = (flags & RELATCH) != 0;
    peer.muted = (flags & MUTED) != 0;
    peer.clock_khz = (uint8_t)number(args[9], UINT8_MAX);
    check(me_engine_set_peer(engine_of(args[0]), handle, side, &peer));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(engine_set_peer_obj, 10, 10, engine_set_peer);

static mp_obj_t engine_set_timeout(mp_obj_t self, mp_obj_t handle, mp_obj_t timeout_ms) {
    check(me_engine_set_timeout(engine_of(self), number(handle, INT32_MAX),
        number(timeout_ms, INT32_MAX)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(engine_set_timeout_obj, engine_set_timeout);

static mp_obj_t host_text(const struct me_address *address) {
    char text[ME_ADDRESS_TEXT];
    if (address->family == ME_NONE || me_address_write(address, text) < 0) {
        return mp_const_none;
    }
    return mp_obj_new_str(text, strlen(text));
}

static void put_counts(mp_obj_t *items, const struct me_counts *counts,
    const struct me_address *latched) {
    items[0] = mp_obj_new_int_from_ull(counts->packets);
    items[1] = mp_obj_new_int_from_ull(counts->bytes);
    items[2] = mp_obj_new_int_from_uint(counts->foreign);
    items[3] = mp_obj_new_int_from_uint(counts->nowhere);
    items[4] = mp_obj_new_int_from_uint(counts->failed);
    items[5] = mp_obj_new_int_from_uint(counts->shorts);
    items[6] = host_text(latched);
    items[7] = MP_OBJ_NEW_SMALL_INT(latched->port);
}

static void put_quality(mp_obj_t *items, const struct me_quality *quality) {
    const uint32_t fields[QUALITY_FIELDS] = {
        quality->received, quality->lost, quality->repeated, quality->late, quality->sources,
        quality->jitter_us, quality->jitter_max_us, quality->gap_max_us,
        quality->round_trip_us, quality->round_trip_max_us, quality->told_lost,
        quality->payload_type,
    };
    for (int i = 0; i < QUALITY_FIELDS; i++) {
        items[i] = mp_obj_new_int_from_uint(fields[i]);
    }
}

// A flat tuple: eight fields for each port (see put_counts), twelve for each side (put_quality),
// then idle_ms and expired.
static mp_obj_t stats_tuple(const struct me_stats *stats) {
    mp_obj_tuple_t *tuple = MP_OBJ_TO_PTR(mp_obj_new_tuple(STATS_FIELDS, NULL));
    mp_obj_t *items = tuple->items;
    for (size_t i = 0; i < STATS_FIELDS; i++) {
        items[i] = mp_const_none;
    }
    for (int side = 0; side < ME_SIDES; side++) {
        for (int component = 0; component < ME_COMPONENTS; component++) {
            put_counts(items, &stats->counts[side][component], &stats->latched[side][component]);
            items += COUNTS_FIELDS;
        }
    }
    for (int side = 0; side < ME_SIDES; side++) {
        put_quality(items, &stats->quality[side]);
        items += QUALITY_FIELDS;
    }
    items[0] = mp_obj_new_int_from_uint(stats->idle_ms);
    items[1] = mp_obj_new_bool(stats->expired);
    return MP_OBJ_FROM_PTR(tuple);
}

static mp_obj_t engine_stats(mp_obj_t self, mp_obj_t handle) {
    struct me_stats stats;
    check(me_engine_stats(engine_of(self), number(handle, INT32_MAX), &stats));
    return stats_tuple(&stats);
}
static MP_DEFINE_CONST_FUN_OBJ_2(engine_stats_obj, engine_stats);

static mp_obj_t engine_close(mp_obj_t self, mp_obj_t handle) {
    struct me_stats stats;
    check(me_engine_close(engine_of(self), number(handle, INT32_MAX), &stats));
    return stats_tuple(&stats);
}
static MP_DEFINE_CONST_FUN_OBJ_2(engine_close_obj, engine_close);

static mp_obj_t engine_expired(mp_obj_t self) {
    uint32_t handles[EXPIRED_AT_ONCE];
    int count = check(me_engine_expired(engine_of(self), handles, EXPIRED_AT_ONCE));
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (int i = 0; i < count; i++) {
        mp_obj_list_append(list, mp_obj_new_int_from_uint(handles[i]));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_1(engine_expired_obj, engine_expired);

static mp_obj_t engine_usage(mp_obj_t self) {
    struct me_usage usage;
    check(me_engine_usage(engine_of(self), &usage));
    mp_obj_t items[] = {
        mp_obj_new_int_from_uint(usage.streams),
        mp_obj_new_int_from_uint(usage.streams_max),
        mp_obj_new_int_from_uint(usage.pairs_free),
        mp_obj_new_bool(usage.realtime),
        mp_obj_new_bool(usage.ring),
        mp_obj_new_int_from_ull(usage.opened),
        mp_obj_new_int_from_ull(usage.memory),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(items), items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(engine_usage_obj, engine_usage);

static const mp_rom_map_elem_t engine_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&engine_destroy_obj) },
    { MP_ROM_QSTR(MP_QSTR_destroy), MP_ROM_PTR(&engine_destroy_obj) },
    { MP_ROM_QSTR(MP_QSTR_fd), MP_ROM_PTR(&engine_fd_obj) },
    { MP_ROM_QSTR(MP_QSTR_open), MP_ROM_PTR(&engine_open_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_peer), MP_ROM_PTR(&engine_set_peer_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_timeout), MP_ROM_PTR(&engine_set_timeout_obj) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&engine_stats_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&engine_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_expired), MP_ROM_PTR(&engine_expired_obj) },
    { MP_ROM_QSTR(MP_QSTR_usage), MP_ROM_PTR(&engine_usage_obj) },
};
static MP_DEFINE_CONST_DICT(engine_locals, engine_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    mediaengine_type_Engine,
    MP_QSTR_Engine,
    MP_TYPE_FLAG_NONE,
    make_new, engine_make_new,
    locals_dict, &engine_locals
    );

static const mp_rom_map_elem_t module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_mediaengine) },
    { MP_ROM_QSTR(MP_QSTR_Engine), MP_ROM_PTR(&mediaengine_type_Engine) },
};
static MP_DEFINE_CONST_DICT(module_globals, module_globals_table);

const mp_obj_module_t mediaengine_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_globals,
};

MP_REGISTER_MODULE(MP_QSTR_mediaengine, mediaengine_module);
