// The start and the end of an engine: its memory, descriptors and thread.

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"

enum {
    STACK = 256 * 1024,         // address space; what is touched is a few KiB
    SPARE_DESCRIPTORS = 64,
};

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
    int error = pthread_create(&engine->thread, &attributes, me_media_thread, engine);
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
    event.data.u64 = ME_WAKE;
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

// Without the right to it, or without the kernel's part, there is no ring, and nothing is missing.
static void open_ring(struct me_engine *engine, const struct me_config *config) {
    struct epoll_event event = {.events = EPOLLIN};
    event.data.u64 = ME_RING;
    if (config->ring == 0 || me_ring_open(&engine->ring, config->port_min, config->port_max,
        (uint8_t)config->traffic_class) < 0) {
        return;
    }
    if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, engine->ring.fd, &event) < 0) {
        me_ring_close(&engine->ring);
        return;
    }
    engine->ports.divert = true;
}

static int prepare(struct me_engine *engine, const struct me_config *config) {
    int error = allow_descriptors(config->streams);
    if (error == 0) {
        error = me_ports_init(&engine->ports, config->port_min, config->port_max,
            config->traffic_class);
        engine->ports.ordered = config->ordered != 0;
    }
    if (error == 0) {
        error = open_descriptors(engine);
    }
    if (error == 0) {
        open_ring(engine, config);
    }
    engine->memory = sizeof(*engine) + me_ring_memory(&engine->ring) + engine->ports.size * sizeof(*engine->ports.queue)
        + config->streams * sizeof(struct me_stream);
    return error;
}

static void release(struct me_engine *engine) {
    close_descriptors(engine);
    me_ring_close(&engine->ring);
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
    made->ring.fd = made->ring.raw = -1;
    made->now_us = me_clock();
    made->now_ms = made->ticked_ms = made->now_us / 1000;
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
    me_call(engine, run_stop, NULL);
    pthread_join(engine->thread, NULL);
    close_all(engine);
    release(engine);
}
