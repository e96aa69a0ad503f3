// How callers talk to the media thread.
//
// Who waits for whom. All state of the streams belongs to the media thread alone. A control call
// is a function that the media thread runs between two batches of packets; its caller waits on a
// semaphore. So Python waits for media and media never for Python: the media thread takes no
// lock at all. A mutex around the table, even one with priority inheritance, would not do:
// MicroPython stops its threads by signal to collect garbage, wherever they are, and a thread
// that is stopped while it holds the mutex holds up the packets for the length of a collection.
//
// Sockets are opened and closed on the caller's side: the search for a free port takes system
// calls that the packets should not wait for.

#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "internal.h"

// Signals are held back while a caller is inside: MicroPython's handler of SIGINT leaves by
// longjmp, and would leave the mutex locked and the command's arguments gone.
void me_enter(struct me_engine *engine, sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
    pthread_mutex_lock(&engine->control);
}

void me_leave(struct me_engine *engine, const sigset_t *before) {
    pthread_mutex_unlock(&engine->control);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

int me_ask(struct me_engine *engine, me_command *command, void *arguments) {
    engine->command = command;
    engine->arguments = arguments;
    atomic_store_explicit(&engine->pending, true, memory_order_release);
    me_event_raise(engine->wake_fd);
    while (sem_wait(&engine->done) < 0 && errno == EINTR) {
    }
    return engine->result;
}

int me_call(struct me_engine *engine, me_command *command, void *arguments) {
    sigset_t before;
    me_enter(engine, &before);
    int result = me_ask(engine, command, arguments);
    me_leave(engine, &before);
    return result;
}

static void close_sockets(struct me_engine *engine, const struct me_sockets *sockets, int sides) {
    for (int side = 0; side < sides; side++) {
        me_ports_close(&engine->ports, sockets->socket[side], sockets->port[side]);
    }
}

static int open_nothing(struct me_sockets *sockets, int side) {
    sockets->socket[side][ME_RTP] = sockets->socket[side][ME_RTCP] = -1;
    sockets->port[side] = 0;
    return 0;
}

static int open_sockets(struct me_engine *engine, const struct me_address *local,
    struct me_sockets *sockets) {
    for (int side = 0; side < ME_SIDES; side++) {
        int error = local[side].family == ME_NONE ? open_nothing(sockets, side)
            : me_ports_open(&engine->ports, &local[side], sockets->socket[side],
                &sockets->port[side]);
        if (error < 0) {
            close_sockets(engine, sockets, side);
            return error;
        }
    }
    return 0;
}

struct open_arguments {
    const struct me_address *local;
    struct me_sockets sockets;
    uint32_t handle;
};

static void watch_ring(struct me_engine *engine, uint32_t handle, uint32_t side, uint16_t port,
    const struct me_address *local) {
    for (uint32_t component = 0; port != 0 && component < ME_COMPONENTS; component++) {
        uint64_t token = local ? me_token(handle, side, component) : ME_RING_NOBODY;
        me_ring_watch(&engine->ring, (uint16_t)(port + component), token, local);
    }
}

static int watch(struct me_engine *engine, uint32_t handle, uint32_t side, const int *sockets) {
    for (uint32_t component = 0; component < ME_COMPONENTS; component++) {
        struct epoll_event event = {.events = EPOLLIN};
        event.data.u64 = me_token(handle, side, component);
        if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, sockets[component], &event) < 0) {
            return -errno;
        }
    }
    return 0;
}

static int watch_all(struct me_engine *engine, const struct open_arguments *opened) {
    int error = 0;
    for (uint32_t side = 0; side < ME_SIDES && error == 0; side++) {
        if (opened->sockets.port[side] != 0) {
            error = watch(engine, opened->handle, side, opened->sockets.socket[side]);
        }
    }
    return error;
}

static int run_open(struct me_engine *engine, void *arguments) {
    struct open_arguments *opened = arguments;
    int error = me_table_open(&engine->table, &opened->sockets, engine->now_ms, &opened->handle);
    for (uint32_t side = 0; side < ME_SIDES && error == 0; side++) {
        watch_ring(engine, opened->handle, side, opened->sockets.port[side],
            &opened->local[side]);
    }
    return error;
}

struct close_arguments {
    uint32_t handle;
    struct me_sockets sockets;
    struct me_stats stats;
};

static int run_close(struct me_engine *engine, void *arguments) {
    struct close_arguments *closed = arguments;
    int error = me_table_close(&engine->table, closed->handle, engine->now_ms, &closed->sockets,
        &closed->stats);
    for (uint32_t side = 0; side < ME_SIDES && error == 0; side++) {
        watch_ring(engine, closed->handle, side, closed->sockets.port[side], NULL);
    }
    return error;
}

static int open_locked(struct me_engine *engine, const struct me_address *local,
    struct open_arguments *opened) {
    int error = open_sockets(engine, local, &opened->sockets);
    if (error < 0) {
        return error;
    }
    error = me_ask(engine, run_open, opened);
    if (error == 0) {
        error = watch_all(engine, opened);
        if (error == 0) {
            engine->opened++;
            return 0;
        }
        struct close_arguments closed = {.handle = opened->handle};
        me_ask(engine, run_close, &closed);
    }
    close_sockets(engine, &opened->sockets, ME_SIDES);
    return error;
}

int me_engine_open(struct me_engine *engine, const struct me_address local[ME_SIDES],
    uint32_t *handle, uint16_t ports[ME_SIDES]) {
    struct open_arguments opened = {.local = local};
    sigset_t before;
    me_enter(engine, &before);
    int error = open_locked(engine, local, &opened);
    me_leave(engine, &before);
    if (error == 0) {
        *handle = opened.handle;
        memcpy(ports, opened.sockets.port, sizeof(opened.sockets.port));
    }
    return error;
}

int me_engine_close(struct me_engine *engine, uint32_t handle, struct me_stats *stats) {
    struct close_arguments closed = {.handle = handle};
    sigset_t before;
    me_enter(engine, &before);
    int error = me_ask(engine, run_close, &closed);
    if (error == 0) {
        close_sockets(engine, &closed.sockets, ME_SIDES);
    }
    me_leave(engine, &before);
    if (error == 0 && stats) {
        *stats = closed.stats;
    }
    return error;
}

struct bind_arguments {
    const struct me_address *local;
    uint32_t handle;
    uint32_t side;
    int socket[ME_COMPONENTS];
    uint16_t port;
    int former[ME_COMPONENTS];
    uint16_t former_port;
};

static int run_bind(struct me_engine *engine, void *arguments) {
    struct bind_arguments *bound = arguments;
    int error = me_table_bind(&engine->table, bound->handle, bound->side, bound->socket,
        bound->port, bound->former, &bound->former_port);
    if (error == 0) {
        watch_ring(engine, bound->handle, bound->side, bound->former_port, NULL);
        watch_ring(engine, bound->handle, bound->side, bound->port, bound->local);
    }
    return error;
}

static int bind_locked(struct me_engine *engine, const struct me_address *local,
    struct bind_arguments *bound) {
    int error = me_ports_open(&engine->ports, local, bound->socket, &bound->port);
    if (error < 0) {
        return error;
    }
    error = me_ask(engine, run_bind, bound);
    if (error < 0) {
        me_ports_close(&engine->ports, bound->socket, bound->port);
        return error;
    }
    me_ports_close(&engine->ports, bound->former, bound->former_port);
    return watch(engine, bound->handle, bound->side, bound->socket);
}

int me_engine_bind(struct me_engine *engine, uint32_t handle, uint32_t side,
    const struct me_address *local, uint16_t *port) {
    struct bind_arguments bound = {.local = local, .handle = handle, .side = side};
    sigset_t before;
    me_enter(engine, &before);
    int error = bind_locked(engine, local, &bound);
    me_leave(engine, &before);
    if (error == 0) {
        *port = bound.port;
    }
    return error;
}

struct peer_arguments {
    uint32_t handle;
    uint32_t side;
    const struct me_peer *peer;
};

static int run_set_peer(struct me_engine *engine, void *arguments) {
    const struct peer_arguments *set = arguments;
    return me_table_set_peer(&engine->table, set->handle, set->side, set->peer, engine->now_ms);
}

int me_engine_set_peer(struct me_engine *engine, uint32_t handle, uint32_t side,
    const struct me_peer *peer) {
    struct peer_arguments set = {.handle = handle, .side = side, .peer = peer};
    return me_call(engine, run_set_peer, &set);
}

struct timeout_arguments {
    uint32_t handle;
    uint32_t timeout_ms;
};

static int run_set_timeout(struct me_engine *engine, void *arguments) {
    const struct timeout_arguments *set = arguments;
    return me_table_set_timeout(&engine->table, set->handle, set->timeout_ms, engine->now_ms);
}

int me_engine_set_timeout(struct me_engine *engine, uint32_t handle, uint32_t timeout_ms) {
    struct timeout_arguments set = {.handle = handle, .timeout_ms = timeout_ms};
    return me_call(engine, run_set_timeout, &set);
}

struct stats_arguments {
    uint32_t handle;
    struct me_stats *stats;
};

static int run_stats(struct me_engine *engine, void *arguments) {
    const struct stats_arguments *asked = arguments;
    return me_table_stats(&engine->table, asked->handle, engine->now_ms, asked->stats);
}

int me_engine_stats(struct me_engine *engine, uint32_t handle, struct me_stats *stats) {
    struct stats_arguments asked = {.handle = handle, .stats = stats};
    return me_call(engine, run_stats, &asked);
}

struct expired_arguments {
    uint32_t *handles;
    uint32_t max;
};

static int run_expired(struct me_engine *engine, void *arguments) {
    const struct expired_arguments *asked = arguments;
    bool more;
    uint32_t count = me_table_report(&engine->table, asked->handles, asked->max, &more);
    if (!more) {
        me_event_clear(engine->event_fd);
    }
    return (int)count;
}

int me_engine_expired(struct me_engine *engine, uint32_t *handles, uint32_t max) {
    struct expired_arguments asked = {.handles = handles, .max = max};
    return me_call(engine, run_expired, &asked);
}

static int run_usage(struct me_engine *engine, void *arguments) {
    struct me_usage *usage = arguments;
    usage->streams = engine->table.used;
    usage->streams_max = engine->table.size;
    return 0;
}

int me_engine_usage(struct me_engine *engine, struct me_usage *usage) {
    sigset_t before;
    me_enter(engine, &before);
    int error = me_ask(engine, run_usage, usage);
    usage->pairs_free = engine->ports.free;
    usage->realtime = engine->realtime;
    usage->ring = engine->ring.fd >= 0;
    usage->opened = engine->opened;
    usage->memory = engine->memory;
    me_leave(engine, &before);
    return error;
}

int me_engine_fd(const struct me_engine *engine) {
    return engine->event_fd;
}
