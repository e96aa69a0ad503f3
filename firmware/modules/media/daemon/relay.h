// A relay under rtpproxy's control protocol: commands in, answers out, on the media engine.
// It owns no control socket: see control_sockets.c.

#ifndef RELAYD_RELAY_H
#define RELAYD_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "mediaengine.h"
#include "places.h"
#include "sessions.h"

enum { RTPP_REPLY_MAX = 1024, RTPP_NOTIFY_MAX = 8 };

// What G tells, by rtpproxy's names: see statistics.c.
struct relay_counters {
    uint64_t sessions_created;
    uint64_t sessions_destroyed;
    uint64_t sessions_timeout;
    uint64_t sessions_complete;
    uint64_t sessions_no_rtp;
    uint64_t sessions_one_way_rtp;
    uint64_t sessions_no_rtcp;
    uint64_t sessions_one_way_rtcp;
    uint64_t packets_received;
    uint64_t packets_relayed;
    uint64_t packets_discarded;
    uint64_t duration_ms;
    uint64_t commands;
    uint64_t commands_repeated;
    uint64_t commands_succeeded;
    uint64_t commands_failed;
    uint64_t replies;
    uint64_t rtp_sent;
    uint64_t rtp_received;
    uint64_t rtp_repeated;
    uint64_t rtp_lost;
};

struct relay {
    struct me_engine *engine;
    struct places places;
    struct sessions sessions;
    struct relay_counters counters;
    uint32_t ttl_ms;            // of a session that both parties know
    uint32_t setup_ttl_ms;      // before
    int notify_count;           // who may be told of time-outs: -n
    const char *notify[RTPP_NOTIFY_MAX];
    char commander[ME_ADDRESS_TEXT];    // the host that the present command came from, or ""
    void (*notified)(void *context, const char *to, const char *tag);
    void *context;
};

// A command without its cookie, length bytes at `text`, which is written to and has room for one
// byte more. `reply` (RTPP_REPLY_MAX bytes) gets the answer with its line feed. Returns its length.
size_t relay_execute(struct relay *relay, char *text, size_t length, char *reply);

// The engine's descriptor was readable: sessions that have fallen silent end.
void relay_expire(struct relay *relay);

// Ends a session; its figures go into the counters.
void relay_end(struct relay *relay, struct session *session);

// statistics.c: what Q, G and I answer. They return RTPP_OK and fill `reply`.
enum rtpp_error relay_query(struct relay *relay, const struct session *session, int party,
    const struct rtpp_part *part, int first, char *reply);
enum rtpp_error relay_totals(struct relay *relay, const struct rtpp_part *part, char *reply);
enum rtpp_error relay_information(struct relay *relay, const struct rtpp_part *part, char *reply);
void relay_note_end(struct relay *relay, const struct session *session,
    const struct me_stats *stats);

#endif
