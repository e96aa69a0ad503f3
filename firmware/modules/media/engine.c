// The thread that moves packets, and how others talk to it.
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
#include "mediaengine.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ports.h"

enum {
    BATCH = 64,                 // sockets that one epoll_wait reports
    BURST = 8,                  // packets taken from a socket before the others have their turn
    PACKET_MAX = 65536,         // no UDP datagram is longer
    TICK_MS = 500,              // how exactly time-outs are kept
    STACK = 256 * 1024,         // address space; what is touched is a few KiB
    SPARE_DESCRIPTORS = 64,
};

static const uint64_t WAKE = UINT64_MAX;    // the epoll token of the wake descriptor

typedef int command_fn(struct me_engine *engine, void *arguments);

struct me_engine {
    // Of the media thread.
    struct me_table table;
    uint64_t now_ms;
    uint64_t ticked_ms;
    bool stop;
    uint8_t packet[PACKET_MAX];

    // Between the threads: written before `pending` is set, read after `done` was posted.
    command_fn *command;
    void *arguments;
    int result;
    atomic_bool pending;
    sem_t done;

    // Of the callers, under `control`.
    pthread_mutex_t control;
    struct me_ports ports;
    uint64_t opened;

    // Fixed after the start.
    pthread_t thread;
    uint64_t memory;
    bool realtime;
    int epoll_fd;
    int wake_fd;
    int event_fd;
};

static uint64_t read_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static void raise_event(int fd) {
    uint64_t one = 1;
    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

static void clear_event(int fd) {
    uint64_t count;
    while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR) {
    }
}

// ---- the media thread

static uint64_t token_of(uint32_t handle, uint32_t side, uint32_t component) {
    return (uint64_t)handle << 2 | (uint64_t)side << 1 | component;
}

static void send_on(struct me_engine *engine, struct me_route *route, size_t length) {
    struct sockaddr_storage to;
    socklen_t size = me_address_to_sockaddr(route->to, &to);
    ssize_t sent = sendto(route->socket, engine->packet, length, MSG_DONTWAIT | MSG_NOSIGNAL,
        (struct sockaddr *)&to, size);
    me_table_sent(route, length, sent == (ssize_t)length);
}

static bool relay_packet(struct me_engine *engine, struct me_stream *stream, uint32_t side,
    uint32_t component) {
    struct sockaddr_storage sender;
    struct me_address from;
    socklen_t size = sizeof(sender);
    ssize_t length = recvfrom(stream->side[side].socket[component], engine->packet, PACKET_MAX,
        MSG_DONTWAIT, (struct sockaddr *)&sender, &size);
    if (length < 0) {
        return false;
    }
    if (!me_address_from_sockaddr(&from, &sender)) {
        return true;
    }
    struct me_route route = me_table_route(stream, side, component, &from, (size_t)length,
        engine->now_ms);
    if (route.to) {
        send_on(engine, &route, (size_t)length);
    }
    return true;
}

// A token whose stream was closed in this very batch finds nothing: its handle is stale.
static void drain_socket(struct me_engine *engine, uint64_t token) {
    struct me_stream *stream = me_table_find(&engine->table, (uint32_t)(token >> 2));
    uint32_t side = (uint32_t)(token >> 1) & 1u;
    uint32_t component = (uint32_t)token & 1u;
    for (int taken = 0; stream && taken < BURST; taken++) {
        if (!relay_packet(engine, stream, side, component)) {
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
        raise_event(engine->event_fd);
    }
}

static void *media_thread(void *argument) {
    struct me_engine *engine = argument;
    struct epoll_event ready[BATCH];
    while (!engine->stop) {
        int wait = engine->table.used > 0 ? TICK_MS : -1;
        int count = epoll_wait(engine->epoll_fd, ready, BATCH, wait);
        engine->now_ms = read_clock();
        for (int i = 0; i < count; i++) {
            if (ready[i].data.u64 == WAKE) {
                clear_event(engine->wake_fd);
            } else {
                drain_socket(engine, ready[i].data.u64);
            }
        }
        run_command(engine);
        tick(engine);
    }
    return NULL;
}

// ---- the callers' side

// Signals are held back while a caller is inside: MicroPython's handler of SIGINT leaves by
// longjmp, and would leave the mutex locked and the command's arguments gone.
static void enter(struct me_engine *engine, sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
    pthread_mutex_lock(&engine->control);
}

static void leave(struct me_engine *engine, const sigset_t *before) {
    pthread_mutex_unlock(&engine->control);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

// Between enter and leave: runs a function on the media thread and waits for its result.
static int ask(struct me_engine *engine, command_fn *command, void *arguments) {
    engine->command = command;
    engine->arguments = arguments;
    atomic_store_explicit(&engine->pending, true, memory_order_release);
    raise_event(engine->wake_fd);
    while (sem_wait(&engine->done) < 0 && errno == EINTR) {
    }
    return engine->result;
}

static int call(struct me_engine *engine, command_fn *command, void *arguments) {
    sigset_t before;
    enter(engine, &before);
    int result = ask(engine, command, arguments);
    leave(engine, &before);
    return result;
}

static void close_sockets(struct me_engine *engine, const struct me_sockets *sockets, int sides) {
    for (int side = 0; side < sides; side++) {
        me_ports_close(&engine->ports, sockets->socket[side], sockets->port[side]);
    }
}

static int open_sockets(struct me_engine *engine, const struct me_address *local,
    struct me_sockets *sockets) {
    for (int side = 0; side < ME_SIDES; side++) {
        int error = me_ports_open(&engine->ports, &local[side], sockets->socket[side],
            &sockets->port[side]);
        if (error < 0) {
            close_sockets(engine, sockets, side);
            return error;
        }
    }
    return 0;
}

struct open_arguments {
    struct me_sockets sockets;
    uint32_t handle;
};

static int watch(struct me_engine *engine, const struct open_arguments *opened) {
    for (uint32_t side = 0; side < ME_SIDES; side++) {
        for (uint32_t component = 0; component < ME_COMPONENTS; component++) {
            struct epoll_event event = {.events = EPOLLIN};
            event.data.u64 = token_of(opened->handle, side, component);
            int fd = opened->sockets.socket[side][component];
            if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
                return -errno;
            }
        }
    }
    return 0;
}

static int run_open(struct me_engine *engine, void *arguments) {
    struct open_arguments *opened = arguments;
    return me_table_open(&engine->table, &opened->sockets, engine->now_ms, &opened->handle);
}

struct close_arguments {
    uint32_t handle;
    struct me_sockets sockets;
    struct me_stats stats;
};

static int run_close(struct me_engine *engine, void *arguments) {
    struct close_arguments *closed = arguments;
    return me_table_close(&engine->table, closed->handle, engine->now_ms, &closed->sockets,
        &closed->stats);
}

static int open_locked(struct me_engine *engine, const struct me_address *local,
    struct open_arguments *opened) {
    int error = open_sockets(engine, local, &opened->sockets);
    if (error < 0) {
        return error;
    }
    error = ask(engine, run_open, opened);
    if (error == 0) {
        error = watch(engine, opened);
        if (error == 0) {
            engine->opened++;
            return 0;
        }
        struct close_arguments closed = {.handle = opened->handle};
        ask(engine, run_close, &closed);
    }
    close_sockets(engine, &opened->sockets, ME_SIDES);
    return error;
}

int me_engine_open(struct me_engine *engine, const struct me_address local[ME_SIDES],
    uint32_t *handle, uint16_t ports[ME_SIDES]) {
    struct open_arguments opened;
    sigset_t before;
    enter(engine, &before);
    int error = open_locked(engine, local, &opened);
    leave(engine, &before);
    if (error == 0) {
        *handle = opened.handle;
        memcpy(ports, opened.sockets.port, sizeof(opened.sockets.port));
    }
    return error;
}

int me_engine_close(struct me_engine *engine, uint32_t handle, struct me_stats *stats) {
    struct close_arguments closed = {.handle = handle};
    sigset_t before;
    enter(engine, &before);
    int error = ask(engine, run_close, &closed);
    if (error == 0) {
        close_sockets(engine, &closed.sockets, ME_SIDES);
    }
    leave(engine, &before);
    if (error == 0 && stats) {
        *stats = closed.stats;
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
    return call(engine, run_set_peer, &set);
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
    return call(engine, run_set_timeout, &set);
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
    return call(engine, run_stats, &asked);
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
        clear_event(engine->event_fd);
    }
    return (int)count;
}

int me_engine_expired(struct me_engine *engine, uint32_t *handles, uint32_t max) {
    struct expired_arguments asked = {.handles = handles, .max = max};
    return call(engine, run_expired, &asked);
}

static int run_usage(struct me_engine *engine, void *arguments) {
    struct me_usage *usage = arguments;
    usage->streams = engine->table.used;
    usage->streams_max = engine->table.size;
    return 0;
}

int me_engine_usage(struct me_engine *engine, struct me_usage *usage) {
    sigset_t before;
    enter(engine, &before);
    int error = ask(engine, run_usage, usage);
    usage->pairs_free = engine->ports.free;
    usage->realtime = engine->realtime;
    usage->opened = engine->opened;
    usage->memory = engine->memory;
    leave(engine, &before);
    return error;
}

int me_engine_fd(const struct me_engine *engine) {
    return engine->event_fd;
}

// ---- start and end

static int run_stop(struct me_engine *engine, void *arguments) {
    (void)arguments;
    engine->stop = true;
    return 0;
}

// Four descriptors a stream: the default limit of 1024 is too low for a full table.
static int allow_descriptors(uint32_t streams) {
    struct rlimit limit;
    rlim_t wanted = (rlim_t)streams * ME_SIDES * ME_COMPONENTS + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return -errno;
    }
    if (limit.rlim_cur >= wanted) {
        return 0;
    }
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted) {
        limit.rlim_max = wanted;
    }
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -EMFILE : 0;
}

static int start_with(struct me_engine *engine, uint32_t priority) {
    pthread_attr_t attributes;
    struct sched_param parameters = {.sched_priority = (int)priority};
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    if (priority > 0) {
        pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
        pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
        pthread_attr_setschedparam(&attributes, &parameters);
    }
    int error = pthread_create(&engine->thread, &attributes, media_thread, engine);
    pthread_attr_destroy(&attributes);
    engine->realtime = error == 0 && priority > 0;
    return -error;
}

// The thread inherits the mask of its creator: all signals blocked, from its first instruction.
static int start_thread(struct me_engine *engine, uint32_t priority) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = start_with(engine, priority);
    if (error == -EPERM && priority > 0) {
        error = start_with(engine, 0);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static int open_descriptors(struct me_engine *engine) {
    struct epoll_event event = {.events = EPOLLIN};
    event.data.u64 = WAKE;
    engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    engine->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->epoll_fd < 0 || engine->wake_fd < 0 || engine->event_fd < 0) {
        return -errno;
    }
    if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, engine->wake_fd, &event) < 0) {
        return -errno;
    }
    return 0;
}

static void close_descriptors(struct me_engine *engine) {
    int descriptors[] = {engine->epoll_fd, engine->wake_fd, engine->event_fd};
    for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
    }
}

static int prepare(struct me_engine *engine, const struct me_config *config) {
    int error = allow_descriptors(config->streams);
    if (error == 0) {
        error = me_ports_init(&engine->ports, config->port_min, config->port_max,
            config->traffic_class);
    }
    if (error == 0) {
        error = open_descriptors(engine);
    }
    engine->memory = sizeof(*engine) + engine->ports.size * sizeof(*engine->ports.queue)
        + config->streams * sizeof(struct me_stream);
    return error;
}

static void release(struct me_engine *engine) {
    close_descriptors(engine);
    me_ports_free(&engine->ports);
    me_table_free(&engine->table);
    pthread_mutex_destroy(&engine->control);
    sem_destroy(&engine->done);
    free(engine);
}

int me_engine_create(const struct me_config *config, struct me_engine **engine) {
    struct me_engine *made = calloc(1, sizeof(*made));
    if (!made) {
        return -ENOMEM;
    }
    made->epoll_fd = made->wake_fd = made->event_fd = -1;
    made->now_ms = made->ticked_ms = read_clock();
    atomic_init(&made->pending, false);
    pthread_mutex_init(&made->control, NULL);
    sem_init(&made->done, 0, 0);
    int error = me_table_init(&made->table, config->streams, config->timeout_ms);
    if (error == 0) {
        error = prepare(made, config);
    }
    if (error == 0) {
        error = start_thread(made, config->priority);
    }
    if (error < 0) {
        release(made);
        return error;
    }
    *engine = made;
    return 0;
}

static void close_all(struct me_engine *engine) {
    for (uint32_t i = 0; i < engine->table.size; i++) {
        struct me_stream *stream = &engine->table.streams[i];
        for (int side = 0; stream->active && side < ME_SIDES; side++) {
            const struct me_side *closing = &stream->side[side];
            me_ports_close(&engine->ports, closing->socket, closing->port);
        }
    }
}

void me_engine_destroy(struct me_engine *engine) {
    call(engine, run_stop, NULL);
    pthread_join(engine->thread, NULL);
    close_all(engine);
    release(engine);
}
