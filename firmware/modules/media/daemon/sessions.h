// The sessions of rtpproxy's protocol: one media line of a call, known by Call-ID and tags.
//
// A session has two parties: 0, whose tag is the session's from_tag, and 1, who answers. Side p of
// its stream is where the *other* party of p sends to: the port that a command of party p is
// answered with.

#ifndef RELAYD_SESSIONS_H
#define RELAYD_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mediaengine.h"

enum { RTPP_PARTIES = 2 };

struct session {
    struct session *next;           // in its bucket
    uint32_t handle;                // of the engine's stream
    char *call_id;                  // these four in one piece of memory, which is the session's
    char *from_tag;                 // with its media number: "tag;1"
    char *notify_to;                // "": nobody is told of a time-out
    char *notify_tag;
    struct me_peer peer[RTPP_PARTIES];      // as last told, to the party itself
    int wanted[RTPP_PARTIES];       // the place of each side as the first command wants it
    int place[RTPP_PARTIES];        // of each side; -1: not opened
    uint16_t port[RTPP_PARTIES];
    uint32_t ttl_ms;
    bool weak[RTPP_PARTIES];        // named with 'w': until a D with 'w' says so, the session stays
    bool strong;                    // named without: until a D without
    bool complete;                  // both parties have been named
};

struct sessions {
    struct session **bucket;
    struct session **by_stream;     // index of the handle -> session
    uint32_t buckets;
    uint32_t limit;
    uint32_t count;
};

struct session_names {
    const char *call_id;
    const char *from_tag;
    const char *notify_to;
    const char *notify_tag;
};

int sessions_init(struct sessions *sessions, uint32_t limit);
void sessions_free(struct sessions *sessions);

// NULL: no memory, or as many as there may be.
struct session *sessions_add(struct sessions *sessions, uint32_t handle,
    const struct session_names *names);
void sessions_remove(struct sessions *sessions, struct session *session);
struct session *sessions_of_handle(const struct sessions *sessions, uint32_t handle);

// Finds the session that from_tag (or, the other way round, to_tag; may be NULL) is of.
// *party: who from_tag is. Tags with a media number want that very line.
struct session *sessions_find(const struct sessions *sessions, const char *call_id,
    const char *from_tag, const char *to_tag, int *party);

// Fills `found` with every media line of a call that the tags fit; returns how many.
int sessions_find_all(const struct sessions *sessions, const char *call_id,
    const char *from_tag, const char *to_tag, struct session **found, int max);

// Any session, NULL for none: to end them all.
struct session *sessions_any(const struct sessions *sessions);

#endif
