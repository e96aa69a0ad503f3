// What thread.c, control.c and engine.c share. Others include mediaengine.h.

#ifndef MEDIAENGINE_INTERNAL_H
#define MEDIAENGINE_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "mediaengine.h"
#include "ports.h"
#include "ring.h"

enum { ME_PACKET_MAX = 65536 };     // no UDP datagram is longer

#define ME_WAKE UINT64_MAX          // the epoll token of the wake descriptor
#define ME_RING (UINT64_MAX - 1)    // and that of the ring

typedef int me_command(struct me_engine *engine, void *arguments);

struct me_engine {
    // Of the media thread.
    struct me_table table;
    struct me_ring ring;        // its descriptor is -1 where there is none
    uint64_t now_us;
    uint64_t now_ms;
    uint64_t ticked_ms;
    bool stop;
    uint8_t packet[ME_PACKET_MAX];

    // Between the threads: written before `pending` is set, read after `done` was posted.
    me_command *command;
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

// thread.c. Microseconds of CLOCK_MONOTONIC.
uint64_t me_clock(void);
void me_event_raise(int fd);
void *me_media_thread(void *engine);

// For commands, which run on the media thread.
void me_event_clear(int fd);

// control.c. Between me_enter and me_leave, me_ask runs a function on the media thread and
// waits for its result; me_call is all three.
void me_enter(struct me_engine *engine, sigset_t *before);
void me_leave(struct me_engine *engine, const sigset_t *before);
int me_ask(struct me_engine *engine, me_command *command, void *arguments);
int me_call(struct me_engine *engine, me_command *command, void *arguments);

static inline uint64_t me_token(uint32_t handle, uint32_t side, uint32_t component) {
    return (uint64_t)handle << 2 | (uint64_t)side << 1 | component;
}

#endif
