// What Q, G and I tell: figures by the names that rtpproxy gives them.

#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay.h"

struct text {
    char *at;
    size_t left;
    bool cut;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->at, text->left, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= text->left) {
        text->cut = true;
        return;
    }
    text->at += length;
    text->left -= (size_t)length;
}

// A name and where its value is: of one session, or of all.
struct figure {
    const char *name;
    double (*of_session)(const struct me_stats *stats, const struct session *session, int party);
    size_t of_relay;
    bool decimal;
};

static const struct me_counts *counts(const struct me_stats *stats, int side, int component) {
    return &stats->counts[side][component];
}

static uint64_t came(const struct me_stats *stats, int side) {
    uint64_t sum = 0;
    for (int component = 0; component < ME_COMPONENTS; component++) {
        const struct me_counts *each = counts(stats, side, component);
        sum += each->packets + each->foreign + each->nowhere + each->failed + each->shorts;
    }
    return sum;
}

static uint64_t passed(const struct me_stats *stats) {
    uint64_t sum = 0;
    for (int side = 0; side < ME_SIDES; side++) {
        for (int component = 0; component < ME_COMPONENTS; component++) {
            sum += counts(stats, side, component)->packets;
        }
    }
    return sum;
}

// Party p sends to the other one's side.
static int side_of(int party) {
    return 1 - party;
}

static double ttl(const struct me_stats *stats, const struct session *session, int party) {
    (void)party;
    uint32_t idle = stats->idle_ms < session->ttl_ms ? stats->idle_ms : session->ttl_ms;
    return (session->ttl_ms - idle + 999) / 1000;
}

static double in_of(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    return (double)came(stats, side_of(party));
}

static double in_of_other(const struct me_stats *stats, const struct session *session, int party) {
    return in_of(stats, session, 1 - party);
}

static double relayed(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    (void)party;
    return (double)passed(stats);
}

static double dropped(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    (void)party;
    return (double)(came(stats, 0) + came(stats, 1) - passed(stats));
}

static const struct me_quality *quality(const struct me_stats *stats, int party) {
    return &stats->quality[side_of(party)];
}

static double gap(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    return quality(stats, party)->gap_max_us / 1e6;
}

static double jitter(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    return quality(stats, party)->jitter_us / 1e3;
}

static double jitter_max(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    return quality(stats, party)->jitter_max_us / 1e3;
}

static double sent(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    const struct me_quality *heard = quality(stats, party);
    return (double)heard->received + heard->lost;
}

static double received(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    return quality(stats, party)->received;
}

static double repeated(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    return quality(stats, party)->repeated;
}

static double lost(const struct me_stats *stats, const struct session *session, int party) {
    (void)session;
    return quality(stats, party)->lost;
}

static double none(const struct me_stats *stats, const struct session *session, int party) {
    (void)stats;
    (void)session;
    (void)party;
    return 0;
}

static const struct figure SESSION[] = {
    {"ttl", ttl, 0, false}, {"npkts_ina", in_of, 0, false}, {"npkts_ino", in_of_other, 0, false},
    {"nrelayed", relayed, 0, false}, {"ndropped", dropped, 0, false},
    {"longest_ipi", gap, 0, true}, {"rtpa_jlast", jitter, 0, true},
    {"rtpa_jmax", jitter_max, 0, true}, {"rtpa_javg", jitter, 0, true},
    {"rtpa_nsent", sent, 0, false}, {"rtpa_nrcvd", received, 0, false},
    {"rtpa_ndups", repeated, 0, false}, {"rtpa_nlost", lost, 0, false},
    {"rtpa_perrs", none, 0, false},
};
enum { SESSION_FIGURES = sizeof(SESSION) / sizeof(SESSION[0]), SESSION_DEFAULT = 5 };

#define AT(field) NULL, offsetof(struct relay_counters, field), false
static const struct figure RELAY[] = {
    {"nsess_created", AT(sessions_created)}, {"nsess_destroyed", AT(sessions_destroyed)},
    {"nsess_timeout", AT(sessions_timeout)}, {"nsess_complete", AT(sessions_complete)},
    {"nsess_nortp", AT(sessions_no_rtp)}, {"nsess_owrtp", AT(sessions_one_way_rtp)},
    {"nsess_nortcp", AT(sessions_no_rtcp)}, {"nsess_owrtcp", AT(sessions_one_way_rtcp)},
    {"npkts_rcvd", AT(packets_received)}, {"npkts_relayed", AT(packets_relayed)},
    {"npkts_discard", AT(packets_discarded)}, {"total_duration", AT(duration_ms)},
    {"ncmds_rcvd", AT(commands)}, {"ncmds_rcvd_ndups", AT(commands_repeated)},
    {"ncmds_succd", AT(commands_succeeded)}, {"ncmds_errs", AT(commands_failed)},
    {"ncmds_repld", AT(replies)}, {"rtpa_nsent", AT(rtp_sent)},
    {"rtpa_nrcvd", AT(rtp_received)}, {"rtpa_ndups", AT(rtp_repeated)},
    {"rtpa_nlost", AT(rtp_lost)},
};
enum { RELAY_FIGURES = sizeof(RELAY) / sizeof(RELAY[0]) };

static const struct figure *find(const struct figure *figures, int count, const char *name) {
    for (int i = 0; i < count; i++) {
        if (strcmp(figures[i].name, name) == 0) {
            return &figures[i];
        }
    }
    return NULL;
}

static void add_figure(struct text *text, const struct figure *figure, double value, bool named,
    bool first) {
    add(text, "%s", first ? "" : " ");
    if (named) {
        add(text, "%s=", figure->name);
    }
    if (figure->decimal) {
        add(text, "%f", value);
    } else {
        add(text, "%.0f", value);
    }
}

static enum rtpp_error finish(struct text *text) {
    add(text, "\n");
    return text->cut ? RTPP_TOO_LONG : RTPP_OK;
}

// The modifier 'v': with names. -1: there are others.
static int named(const char *modifiers) {
    if (modifiers[0] == '\0') {
        return 0;
    }
    return strcasecmp(modifiers, "v") == 0 ? 1 : -1;
}

enum rtpp_error relay_query(struct relay *relay, const struct session *session, int party,
    const struct rtpp_part *part, int first, char *reply) {
    struct me_stats stats;
    struct text text = {.at = reply, .left = RTPP_REPLY_MAX};
    bool all = first >= part->count;
    int count = all ? SESSION_DEFAULT : part->count - first;
    if (me_engine_stats(relay->engine, session->handle, &stats) < 0) {
        return RTPP_NO_SESSION;
    }
    for (int i = 0; i < count; i++) {
        const struct figure *figure = all ? &SESSION[i]
            : find(SESSION, SESSION_FIGURES, part->word[first + i]);
        if (figure == NULL) {
            return RTPP_QUERY;
        }
        double value = figure->of_session(&stats, session, party);
        add_figure(&text, figure, value, named(part->word[0] + 1) == 1, i == 0);
    }
    return finish(&text);
}

static double relay_value(const struct relay *relay, const struct figure *figure) {
    uint64_t value;
    memcpy(&value, (const char *)&relay->counters + figure->of_relay, sizeof(value));
    return (double)value;
}

enum rtpp_error relay_totals(struct relay *relay, const struct rtpp_part *part, char *reply) {
    struct text text = {.at = reply, .left = RTPP_REPLY_MAX};
    int names = named(part->word[0] + 1);
    bool all = part->count == 1;
    int count = all ? RELAY_FIGURES : part->count - 1;
    if (names < 0) {
        return RTPP_BAD_STATISTICS;
    }
    for (int i = 0; i < count; i++) {
        const struct figure *figure = all ? &RELAY[i]
            : find(RELAY, RELAY_FIGURES, part->word[i + 1]);
        if (figure == NULL) {
            return RTPP_STATISTICS;
        }
        add_figure(&text, figure, relay_value(relay, figure), names == 1, i == 0);
    }
    return finish(&text);
}

static uint32_t open_sides(const struct relay *relay) {
    uint32_t sides = 0;
    for (uint32_t i = 0; i < relay->sessions.limit; i++) {
        const struct session *session = relay->sessions.by_stream[i];
        if (session != NULL) {
            sides += (session->port[0] != 0 ? 1u : 0u) + (session->port[1] != 0 ? 1u : 0u);
        }
    }
    return sides;
}

enum rtpp_error relay_information(struct relay *relay, const struct rtpp_part *part, char *reply) {
    struct text text = {.at = reply, .left = RTPP_REPLY_MAX};
    bool load = false;
    for (const char *letter = part->word[0] + 1; *letter != '\0'; letter++) {
        if (strchr("bBlL", *letter) == NULL) {
            return RTPP_BAD_INFORMATION;
        }
        load |= *letter == 'l' || *letter == 'L';
    }
    uint64_t in = relay->counters.packets_received;
    uint64_t out = relay->counters.packets_relayed;
    for (uint32_t i = 0; i < relay->sessions.limit; i++) {
        struct me_stats stats;
        const struct session *session = relay->sessions.by_stream[i];
        if (session && me_engine_stats(relay->engine, session->handle, &stats) == 0) {
            in += came(&stats, 0) + came(&stats, 1);
            out += passed(&stats);
        }
    }
    add(&text, "sessions created: %llu\nactive sessions: %u\nactive streams: %u\n",
        (unsigned long long)relay->counters.sessions_created, relay->sessions.count,
        open_sides(relay));
    add(&text, "packets received: %llu\npackets transmitted: %llu\n", (unsigned long long)in,
        (unsigned long long)out);
    if (load) {
        double average = 0;
        getloadavg(&average, 1);
        add(&text, "average load: %f\n", average);
    }
    return text.cut ? RTPP_TOO_LONG : RTPP_OK;
}

static bool heard(const struct me_stats *stats, int side, int component) {
    const struct me_counts *each = counts(stats, side, component);
    return each->packets + each->nowhere + each->failed > 0;
}

void relay_note_end(struct relay *relay, const struct session *session,
    const struct me_stats *stats) {
    struct relay_counters *counters = &relay->counters;
    int rtp = heard(stats, 0, ME_RTP) + heard(stats, 1, ME_RTP);
    int rtcp = heard(stats, 0, ME_RTCP) + heard(stats, 1, ME_RTCP);
    counters->sessions_destroyed++;
    if (session->complete) {
        counters->sessions_no_rtp += rtp == 0;
        counters->sessions_one_way_rtp += rtp == 1;
        counters->sessions_no_rtcp += rtcp == 0;
        counters->sessions_one_way_rtcp += rtcp == 1;
    }
    counters->packets_received += came(stats, 0) + came(stats, 1);
    counters->packets_relayed += passed(stats);
    counters->packets_discarded += came(stats, 0) + came(stats, 1) - passed(stats);
    for (int side = 0; side < ME_SIDES; side++) {
        const struct me_quality *each = &stats->quality[side];
        counters->rtp_sent += (uint64_t)each->received + each->lost;
        counters->rtp_received += each->received;
        counters->rtp_repeated += each->repeated;
        counters->rtp_lost += each->lost;
    }
}
