// The commands: one function each, and the table that finds them by their letter.

#define _GNU_SOURCE
#include "relay.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 64 };      // media lines of a call that one D ends, and expired handles

static const char VERSION[] = "20040107";

// Capabilities by rtpproxy's dates: the protocol, several media a call, codecs in U (told, not
// needed), statistics in Q and G, time to live by S, `&&`. Not: repacketizing, playing, copying.
static const char *const CAPABILITIES[] = {
    "20040107", "20050322", "20060704", "20080403", "20090810", "20140323", "20140617", "20150330",
    "20191015", "20230314",
};

// A U or L, taken apart.
struct named_party {
    char *call_id;
    char *host;
    char *port;
    char *from_tag;
    char *to_tag;           // NULL: not given
    char *notify_to;        // "" : nobody
    char *notify_tag;
    char expanded[128];     // notify_to with the commander's address in it
    struct rtpp_modifiers modifiers;
};

static void answer(char *reply, const char *text) {
    snprintf(reply, RTPP_REPLY_MAX, "%s\n", text);
}

static void no_notification(void *context, const char *to, const char *tag) {
    (void)context;
    (void)to;
    (void)tag;
}

void relay_end(struct relay *relay, struct session *session) {
    struct me_stats stats;
    if (me_engine_close(relay->engine, session->handle, &stats) == 0) {
        relay_note_end(relay, session, &stats);
    }
    sessions_remove(&relay->sessions, session);
}

void relay_expire(struct relay *relay) {
    uint32_t handles[AT_ONCE];
    void (*tell)(void *, const char *, const char *) =
        relay->notified ? relay->notified : no_notification;
    int count = me_engine_expired(relay->engine, handles, AT_ONCE);
    for (int i = 0; i < count; i++) {
        struct session *session = sessions_of_handle(&relay->sessions, handles[i]);
        if (session == NULL) {
            continue;
        }
        if (session->notify_to[0] != '\0') {
            tell(relay->context, session->notify_to, session->notify_tag);
        }
        relay->counters.sessions_timeout++;
        relay_end(relay, session);
    }
}

// U and L: parsing

// "tcp:%%CC_SELF%%:9999" stands for the host that commands us.
static enum rtpp_error put_commander(const struct relay *relay, struct named_party *named) {
    static const char MARK[] = "%%CC_SELF%%";
    const char *mark = strstr(named->notify_to, MARK);
    if (mark == NULL) {
        return RTPP_OK;
    }
    int length = snprintf(named->expanded, sizeof(named->expanded), "%.*s%s%s",
        (int)(mark - named->notify_to), named->notify_to, relay->commander,
        mark + sizeof(MARK) - 1);
    if (relay->commander[0] == '\0' || length >= (int)sizeof(named->expanded)) {
        return RTPP_NO_NOTIFY;
    }
    named->notify_to = named->expanded;
    return RTPP_OK;
}

static enum rtpp_error read_notification(const struct relay *relay, struct named_party *named) {
    if (named->notify_to == NULL) {
        named->notify_to = named->notify_tag = "";
        return RTPP_OK;
    }
    enum rtpp_error error = rtpp_unescape(named->notify_tag);
    if (error != RTPP_OK) {
        return error;
    }
    for (int i = 0; i < relay->notify_count; i++) {
        if (strcmp(relay->notify[i], named->notify_to) == 0) {
            return put_commander(relay, named);
        }
    }
    return RTPP_NO_NOTIFY;
}

static enum rtpp_error read_party(const struct relay *relay, const struct rtpp_part *part,
    struct named_party *named) {
    int most = tolower((unsigned char)part->word[0][0]) == 'u' ? 8 : 6;
    memset(named, 0, sizeof(*named));
    if (part->count < 5 || part->count > most) {
        return RTPP_ARGUMENTS;
    }
    enum rtpp_error error = rtpp_read_modifiers(part->word[0] + 1, &named->modifiers);
    if (error != RTPP_OK) {
        return error;
    }
    named->call_id = part->word[1];
    named->host = part->word[2];
    named->port = part->word[3];
    named->from_tag = part->word[4];
    named->to_tag = part->count == 6 || part->count == 8 ? part->word[5] : NULL;
    if (part->count >= 7) {
        named->notify_to = part->word[part->count - 2];
        named->notify_tag = part->word[part->count - 1];
    }
    if (strlen(named->call_id) > RTPP_TAG_MAX || strlen(named->from_tag) > RTPP_TAG_MAX) {
        return RTPP_SYNTAX;
    }
    if (named->modifiers.inner[0] != '\0' && relay->places.bridge[1] < 0) {
        return named->modifiers.inner[0] == 'e' ? RTPP_ONE_INTERFACE_E : RTPP_ONE_INTERFACE_I;
    }
    return RTPP_OK;
}

// U and L: which local address

static enum rtpp_error stated_place(const struct relay *relay,
    const struct rtpp_modifiers *modifiers, int *place) {
    *place = -1;
    if (modifiers->local[0] == '{') {
        *place = places_of_label(&relay->places, modifiers->local + 1);
    } else if (modifiers->local[0] != '\0') {
        *place = places_of_address(&relay->places, modifiers->local);
    } else if (modifiers->route[0] != '\0') {
        *place = places_of_route(&relay->places, modifiers->route);
        return *place < 0 ? RTPP_NO_ROUTE : RTPP_OK;
    } else {
        return RTPP_OK;
    }
    return *place < 0 ? RTPP_NO_LOCAL : RTPP_OK;
}

static int family_of(const struct rtpp_modifiers *modifiers) {
    return modifiers->ipv6 ? ME_IPV6 : ME_IPV4;
}

static int bridge_of(const struct relay *relay, char letter) {
    return relay->places.bridge[letter == 'i' ? 1 : 0];
}

// The first letter is the side that later answers party 1, the second the one of this answer.
static void want_places(const struct relay *relay, const struct rtpp_modifiers *modifiers,
    struct session *session) {
    int usual = places_of_family(&relay->places, family_of(modifiers));
    session->wanted[0] = session->wanted[1] = usual;
    if (modifiers->inner[0] != '\0') {
        session->wanted[1] = bridge_of(relay, modifiers->inner[0]);
    }
    if (modifiers->inner[1] != '\0') {
        session->wanted[0] = bridge_of(relay, modifiers->inner[1]);
    }
}

static enum rtpp_error choose_place(const struct relay *relay,
    const struct rtpp_modifiers *modifiers, const struct session *session, int side, int *place) {
    enum rtpp_error error = stated_place(relay, modifiers, place);
    if (error != RTPP_OK || *place >= 0) {
        return error;
    }
    *place = session->place[side] >= 0 ? session->place[side] : session->wanted[side];
    if (*place < 0 || (modifiers->ipv6
        && relay->places.place[*place].bind.family != ME_IPV6)) {
        *place = places_of_family(&relay->places, family_of(modifiers));
    }
    return *place < 0 ? RTPP_NO_FAMILY : RTPP_OK;
}

static enum rtpp_error error_of(int error) {
    return error == -EADDRINUSE || error == -EADDRNOTAVAIL ? RTPP_NO_PORTS
        : error == -ENFILE || error == -EMFILE ? RTPP_OVERLOAD : RTPP_NO_MEMORY;
}

static enum rtpp_error open_side(struct relay *relay, const struct rtpp_modifiers *modifiers,
    struct session *session, int side) {
    int place;
    enum rtpp_error error = choose_place(relay, modifiers, session, side, &place);
    if (error != RTPP_OK) {
        return error;
    }
    if (session->port[side] != 0 && place == session->place[side] && !modifiers->new_port) {
        return RTPP_OK;
    }
    int failed = me_engine_bind(relay->engine, session->handle, (uint32_t)side,
        &relay->places.place[place].bind, &session->port[side]);
    if (failed < 0) {
        return error_of(failed);
    }
    session->place[side] = place;
    return RTPP_OK;
}

// U and L: who the party is

static struct session *begin(struct relay *relay, const struct named_party *named,
    enum rtpp_error *error) {
    struct me_address none[ME_SIDES] = {{.family = ME_NONE}, {.family = ME_NONE}};
    struct session_names names = {named->call_id, named->from_tag, named->notify_to,
        named->notify_tag};
    uint32_t handle;
    uint16_t ports[ME_SIDES];
    int failed = me_engine_open(relay->engine, none, &handle, ports);
    if (failed < 0) {
        *error = error_of(failed);
        return NULL;
    }
    struct session *session = sessions_add(&relay->sessions, handle, &names);
    if (session == NULL) {
        me_engine_close(relay->engine, handle, NULL);
        *error = RTPP_OVERLOAD;
        return NULL;
    }
    want_places(relay, &named->modifiers, session);
    session->ttl_ms = relay->setup_ttl_ms;
    relay->counters.sessions_created++;
    return session;
}

static bool is_unspecified(const struct me_address *address) {
    static const uint8_t any[16];
    return memcmp(address->host, any, sizeof(any)) == 0;
}

// An address that cannot be read is as rtpproxy has it: nothing is known of the party yet. But
// nobody may speak for it either, where rtpproxy would take the first who does.
static void tell_peer(struct relay *relay, const struct named_party *named,
    struct session *session, int party) {
    struct me_peer *peer = &session->peer[party];
    struct me_address address;
    long port;
    bool known = rtpp_number(named->port, UINT16_MAX, &port)
        && me_address_read(named->host, (uint32_t)port, &address) == 0;
    if (known && is_unspecified(&address)) {
        peer->muted = 1;        // on hold, RFC 3264 8.4
    } else if (known) {
        memset(peer, 0, sizeof(*peer));
        peer->allowed_count = 1;
        peer->allowed[0] = peer->signalled[ME_RTP] = peer->signalled[ME_RTCP] = address;
        peer->signalled[ME_RTCP].port++;
    }
    peer->fixed = named->modifiers.asymmetric && !named->modifiers.symmetric;
    me_engine_set_peer(relay->engine, session->handle, (uint32_t)(1 - party), peer);
}

static void note_strength(struct session *session, bool weak, int party) {
    if (weak) {
        session->weak[party] = true;
    } else {
        session->strong = true;
    }
}

static void note_answer(struct relay *relay, struct session *session, int party) {
    if (party == 1 && !session->complete) {
        session->complete = true;
        session->ttl_ms = relay->ttl_ms;
        relay->counters.sessions_complete++;
    }
    me_engine_set_timeout(relay->engine, session->handle, session->ttl_ms);
}

static void write_place(const struct relay *relay, const struct session *session, int side,
    char *reply) {
    const struct place *place = &relay->places.place[session->place[side]];
    bool ipv6 = place->bind.family == ME_IPV6;
    const char *told = place->told[0] == '\0' && ipv6 ? "::" : place->told;
    snprintf(reply, RTPP_REPLY_MAX, "%u%s%s%s\n", session->port[side], told[0] ? " " : "", told,
        ipv6 ? " 6" : "");
}

static enum rtpp_error name_party(struct relay *relay, const struct named_party *named, bool lookup,
    char *reply, struct session **touched) {
    enum rtpp_error error = RTPP_OK;
    int party = 0;
    struct session *session = sessions_find(&relay->sessions, named->call_id, named->from_tag,
        named->to_tag, &party);
    bool fresh = session == NULL;
    if (fresh && lookup) {
        answer(reply, "0");
        return RTPP_OK;
    }
    if (fresh && (session = begin(relay, named, &error)) == NULL) {
        return error;
    }
    party = lookup ? 1 - party : party;
    error = open_side(relay, &named->modifiers, session, party);
    if (error != RTPP_OK) {
        if (fresh) {
            relay->counters.sessions_created--;
            me_engine_close(relay->engine, session->handle, NULL);
            sessions_remove(&relay->sessions, session);
        }
        return error;
    }
    tell_peer(relay, named, session, party);
    note_strength(session, named->modifiers.weak, party);
    note_answer(relay, session, party);
    write_place(relay, session, party, reply);
    *touched = session;
    return RTPP_OK;
}

// What stands behind &&

static enum rtpp_error read_ttl(const char *word, uint32_t *ttl_ms) {
    long seconds;
    if (strncasecmp(word, "ttl=", 4) != 0 || !rtpp_number(word + 4, 86400, &seconds)
        || seconds == 0) {
        return RTPP_SUBCOMMAND;
    }
    *ttl_ms = (uint32_t)seconds * 1000;
    return RTPP_OK;
}

static enum rtpp_error check_further(const struct rtpp_part *part,
    const struct named_party *named) {
    struct rtpp_modifiers modifiers;
    uint32_t ttl_ms;
    long port;
    char letter = (char)tolower((unsigned char)part->word[0][0]);
    const char *rest = part->word[0] + 1;
    if (letter == 'l') {
        bool right = named->to_tag && part->count == 3
            && rtpp_number(part->word[2], UINT16_MAX, &port)
            && rtpp_read_modifiers(rest, &modifiers) == RTPP_OK;
        return right ? RTPP_OK : RTPP_SUBCOMMAND;
    }
    if (letter == 's') {
        bool right = part->count == 2 && strcasecmp(rest, "r") != 0 && rest[0] == '\0'
            && read_ttl(part->word[1], &ttl_ms) == RTPP_OK;
        return right ? RTPP_OK : RTPP_SUBCOMMAND;
    }
    if (letter == 'd') {
        bool right = part->count == 1 && (rest[0] == '\0' || strcasecmp(rest, "w") == 0);
        return right ? RTPP_OK : RTPP_SUBCOMMAND;
    }
    return RTPP_SUBCOMMAND;
}

static bool weaken(struct session *session, bool weak, int party);

static void further(struct relay *relay, const struct rtpp_part *part,
    const struct named_party *first, struct session **session, char *reply) {
    char letter = (char)tolower((unsigned char)part->word[0][0]);
    answer(reply, "0");
    if (letter == 'l') {
        struct named_party named = *first;
        struct session *other;
        named.host = part->word[1];
        named.port = part->word[2];
        rtpp_read_modifiers(part->word[0] + 1, &named.modifiers);
        if (name_party(relay, &named, true, reply, &other) != RTPP_OK) {
            answer(reply, "-1");
        }
    } else if (letter == 's') {
        read_ttl(part->word[1], &(*session)->ttl_ms);
        me_engine_set_timeout(relay->engine, (*session)->handle, (*session)->ttl_ms);
    } else if (*session && weaken(*session, part->word[0][1] != '\0', 0)) {
        relay_end(relay, *session);
        *session = NULL;
    }
}

static void join(char *reply, const char *more) {
    size_t length = strcspn(reply, "\n");
    snprintf(reply + length, RTPP_REPLY_MAX - length, " && %s", more);
}

static enum rtpp_error run_party(struct relay *relay, struct rtpp_command *command, char *reply) {
    struct named_party named;
    struct session *session = NULL;
    char more[RTPP_REPLY_MAX];
    enum rtpp_error error = read_party(relay, &command->part[0], &named);
    for (int i = 1; i < command->parts && error == RTPP_OK; i++) {
        error = check_further(&command->part[i], &named);
    }
    if (error == RTPP_OK) {
        error = read_notification(relay, &named);
    }
    bool lookup = tolower((unsigned char)command->part[0].word[0][0]) == 'l';
    if (error == RTPP_OK) {
        error = name_party(relay, &named, lookup, reply, &session);
    }
    for (int i = 1; i < command->parts && error == RTPP_OK && session; i++) {
        further(relay, &command->part[i], &named, &session, more);
        join(reply, more);
    }
    return error;
}

// D, and the others that name a call

static bool weaken(struct session *session, bool weak, int party) {
    if (weak) {
        session->weak[party] = false;
    } else {
        session->strong = false;
    }
    return !session->strong && !session->weak[0] && !session->weak[1];
}

static enum rtpp_error run_delete(struct relay *relay, struct rtpp_command *command, char *reply) {
    const struct rtpp_part *part = &command->part[0];
    struct session *found[AT_ONCE];
    const char *rest = part->word[0] + 1;
    if (part->count < 3 || part->count > 4) {
        return RTPP_ARGUMENTS;
    }
    if (rest[0] != '\0' && strcasecmp(rest, "w") != 0) {
        return RTPP_BAD_DELETE;
    }
    const char *to_tag = part->count == 4 ? part->word[3] : NULL;
    int count = sessions_find_all(&relay->sessions, part->word[1], part->word[2], to_tag, found,
        AT_ONCE);
    for (int i = 0; i < count; i++) {
        if (weaken(found[i], rest[0] != '\0', 0)) {
            relay_end(relay, found[i]);
        }
    }
    answer(reply, "0");
    return count > 0 ? RTPP_OK : RTPP_NO_SESSION;
}

static enum rtpp_error run_delete_all(struct relay *relay, struct rtpp_command *command,
    char *reply) {
    struct session *session;
    if (command->part[0].count != 1) {
        return RTPP_ARGUMENTS;
    }
    if (command->part[0].word[0][1] != '\0') {
        return RTPP_MODIFIERS;
    }
    while ((session = sessions_any(&relay->sessions)) != NULL) {
        relay_end(relay, session);
    }
    answer(reply, "0");
    return RTPP_OK;
}

static enum rtpp_error run_query(struct relay *relay, struct rtpp_command *command, char *reply) {
    const struct rtpp_part *part = &command->part[0];
    const char *rest = part->word[0] + 1;
    int party = 0;
    if (part->count < 3) {
        return RTPP_ARGUMENTS;
    }
    if (rest[0] != '\0' && strcasecmp(rest, "v") != 0) {
        return RTPP_BAD_QUERY;
    }
    const char *to_tag = part->count > 3 ? part->word[3] : NULL;
    struct session *session = sessions_find(&relay->sessions, part->word[1], part->word[2],
        to_tag, &party);
    if (session == NULL) {
        return RTPP_NO_SESSION;
    }
    return relay_query(relay, session, party, part, 4, reply);
}

static enum rtpp_error run_version(struct relay *relay, struct rtpp_command *command,
    char *reply) {
    const struct rtpp_part *part = &command->part[0];
    const char *rest = part->word[0] + 1;
    bool feature = tolower((unsigned char)rest[0]) == 'f';
    if (part->count != (feature ? 2 : 1)) {
        return RTPP_ARGUMENTS;
    }
    if (rest[0] != '\0' && (!feature || rest[1] != '\0')) {
        return RTPP_MODIFIERS;
    }
    answer(reply, feature ? "0" : VERSION);
    for (size_t i = 0; feature && i < sizeof(CAPABILITIES) / sizeof(CAPABILITIES[0]); i++) {
        if (strcmp(CAPABILITIES[i], part->word[1]) == 0) {
            answer(reply, "1");
        }
    }
    // a time-out can be told where -n allows it
    if (feature && relay->notify_count > 0 && strcmp(part->word[1], "20081224") == 0) {
        answer(reply, "1");
    }
    return RTPP_OK;
}

static enum rtpp_error run_information(struct relay *relay, struct rtpp_command *command,
    char *reply) {
    const struct rtpp_part *part = &command->part[0];
    return part->count == 1 ? relay_information(relay, part, reply) : RTPP_ARGUMENTS;
}

static enum rtpp_error run_totals(struct relay *relay, struct rtpp_command *command, char *reply) {
    return relay_totals(relay, &command->part[0], reply);
}

// Playing and recording: there is neither, and the answers are those of an rtpproxy that has no
// such prompt, and nowhere to record to.

static enum rtpp_error known(const struct relay *relay, const struct rtpp_part *part, int from) {
    int party;
    const char *to_tag = part->count > from + 1 ? part->word[from + 1] : NULL;
    return sessions_find(&relay->sessions, part->word[1], part->word[from], to_tag, &party)
        ? RTPP_OK : RTPP_NO_SESSION;
}

static enum rtpp_error run_play(struct relay *relay, struct rtpp_command *command, char *reply) {
    const struct rtpp_part *part = &command->part[0];
    const char *rest = part->word[0] + 1;
    long count;
    (void)relay;
    (void)reply;
    if (part->count < 5 || part->count > 6) {
        return RTPP_ARGUMENTS;
    }
    if (rest[0] != '\0' && strcmp(rest, "-1") != 0 && !rtpp_number(rest, 1000000, &count)) {
        return RTPP_BAD_COUNT;
    }
    return RTPP_PLAYER;
}

static enum rtpp_error run_stop(struct relay *relay, struct rtpp_command *command, char *reply) {
    const struct rtpp_part *part = &command->part[0];
    if (part->count < 3 || part->count > 4) {
        return RTPP_ARGUMENTS;
    }
    answer(reply, "0");     // nothing plays, so it has stopped
    return part->word[0][1] != '\0' ? RTPP_MODIFIERS : known(relay, part, 2);
}

static enum rtpp_error run_record(struct relay *relay, struct rtpp_command *command, char *reply) {
    const struct rtpp_part *part = &command->part[0];
    const char *rest = part->word[0] + 1;
    (void)reply;
    if (part->count < 3 || part->count > 4) {
        return RTPP_ARGUMENTS;
    }
    if (rest[0] != '\0' && strcasecmp(rest, "s") != 0) {
        return RTPP_BAD_RECORD;
    }
    enum rtpp_error error = known(relay, part, 2);
    return error == RTPP_OK ? RTPP_COPY : error;
}

static enum rtpp_error run_copy(struct relay *relay, struct rtpp_command *command, char *reply) {
    const struct rtpp_part *part = &command->part[0];
    (void)reply;
    if (part->count < 4 || part->count > 5) {
        return RTPP_ARGUMENTS;
    }
    for (const char *letter = part->word[0] + 1; *letter != '\0'; letter++) {
        if (strchr("sSpP", *letter) == NULL) {
            return RTPP_BAD_RECORD;
        }
    }
    enum rtpp_error error = known(relay, part, 3);
    return error == RTPP_OK ? RTPP_COPY : error;
}

static enum rtpp_error run_stop_recording(struct relay *relay, struct rtpp_command *command,
    char *reply) {
    const struct rtpp_part *part = &command->part[0];
    if (part->count < 3 || part->count > 4) {
        return RTPP_ARGUMENTS;
    }
    answer(reply, "0");
    return known(relay, part, 2);
}

static const struct {
    char letter;
    enum rtpp_error (*run)(struct relay *relay, struct rtpp_command *command, char *reply);
} COMMANDS[] = {
    {'u', run_party}, {'l', run_party}, {'d', run_delete}, {'q', run_query},
    {'v', run_version}, {'i', run_information}, {'g', run_totals}, {'x', run_delete_all},
    {'p', run_play}, {'s', run_stop}, {'r', run_record}, {'c', run_copy},
    {'n', run_stop_recording},
};

static enum rtpp_error run(struct relay *relay, struct rtpp_command *command, char *reply) {
    char letter = (char)tolower((unsigned char)command->part[0].word[0][0]);
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        if (COMMANDS[i].letter != letter) {
            continue;
        }
        if (command->parts > 1 && COMMANDS[i].run != run_party) {
            return RTPP_SUBCOMMAND;
        }
        return COMMANDS[i].run(relay, command, reply);
    }
    return RTPP_UNKNOWN;
}

size_t relay_execute(struct relay *relay, char *text, size_t length, char *reply) {
    struct rtpp_command command;
    relay->counters.commands++;
    enum rtpp_error error = rtpp_split(text, length, &command);
    if (error == RTPP_OK) {
        error = run(relay, &command, reply);
    }
    if (error == RTPP_OK) {
        relay->counters.commands_succeeded++;
    } else {
        relay->counters.commands_failed++;
        snprintf(reply, RTPP_REPLY_MAX, "E%d\n", error == RTPP_UNKNOWN ? 0 : (int)error);
    }
    relay->counters.replies++;
    return strlen(reply);
}
