#include "sessions.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"

int sessions_init(struct sessions *sessions, uint32_t limit) {
    *sessions = (struct sessions){.limit = limit, .buckets = 64};
    while (sessions->buckets < limit) {
        sessions->buckets *= 2;
    }
    sessions->bucket = calloc(sessions->buckets, sizeof(*sessions->bucket));
    sessions->by_stream = calloc(limit, sizeof(*sessions->by_stream));
    return sessions->bucket && sessions->by_stream ? 0 : -1;
}

void sessions_free(struct sessions *sessions) {
    struct session *session;
    while (sessions->bucket && (session = sessions_any(sessions)) != NULL) {
        sessions_remove(sessions, session);
    }
    free(sessions->bucket);
    free(sessions->by_stream);
}

// FNV-1a. Who may command the relay is known, so nobody aims at a bucket.
static uint32_t bucket_of(const struct sessions *sessions, const char *call_id) {
    uint32_t hash = 2166136261u;
    for (; *call_id != '\0'; call_id++) {
        hash = (hash ^ (uint8_t)*call_id) * 16777619u;
    }
    return hash & (sessions->buckets - 1);
}

static uint32_t stream_of(uint32_t handle) {
    return handle & (ME_STREAMS_MAX - 1);
}

static char *put(char **at, const char *text) {
    char *start = *at;
    size_t size = strlen(text) + 1;
    memcpy(start, text, size);
    *at += size;
    return start;
}

struct session *sessions_add(struct sessions *sessions, uint32_t handle,
    const struct session_names *names) {
    size_t size = strlen(names->call_id) + strlen(names->from_tag) + strlen(names->notify_to)
        + strlen(names->notify_tag) + 4;
    if (sessions->count == sessions->limit) {
        return NULL;
    }
    struct session *session = calloc(1, sizeof(*session) + size);
    if (session == NULL) {
        return NULL;
    }
    char *at = (char *)(session + 1);
    session->handle = handle;
    session->call_id = put(&at, names->call_id);
    session->from_tag = put(&at, names->from_tag);
    session->notify_to = put(&at, names->notify_to);
    session->notify_tag = put(&at, names->notify_tag);
    session->place[0] = session->place[1] = -1;
    uint32_t bucket = bucket_of(sessions, session->call_id);
    session->next = sessions->bucket[bucket];
    sessions->bucket[bucket] = session;
    sessions->by_stream[stream_of(handle)] = session;
    sessions->count++;
    return session;
}

void sessions_remove(struct sessions *sessions, struct session *session) {
    struct session **link = &sessions->bucket[bucket_of(sessions, session->call_id)];
    while (*link != session) {
        link = &(*link)->next;
    }
    *link = session->next;
    sessions->by_stream[stream_of(session->handle)] = NULL;
    sessions->count--;
    free(session);
}

struct session *sessions_of_handle(const struct sessions *sessions, uint32_t handle) {
    uint32_t stream = stream_of(handle);
    struct session *found = stream < sessions->limit ? sessions->by_stream[stream] : NULL;
    return found && found->handle == handle ? found : NULL;
}

// Kamailio leaves the media number out of one of the two tags at times: what it did give counts.
static bool same_tag(const char *ours, const char *theirs, const char *other) {
    const char *media;
    const char *wanted;
    const char *spare;
    size_t length = rtpp_tag_base(ours, &media);
    if (rtpp_tag_base(theirs, &wanted) != length || memcmp(ours, theirs, length) != 0) {
        return false;
    }
    if (*wanted == '\0' && other != NULL) {
        rtpp_tag_base(other, &spare);
        wanted = spare;
    }
    return strcmp(media, wanted) == 0;
}

struct session *sessions_find(const struct sessions *sessions, const char *call_id,
    const char *from_tag, const char *to_tag, int *party) {
    struct session *session = sessions->bucket[bucket_of(sessions, call_id)];
    for (; session != NULL; session = session->next) {
        if (strcmp(session->call_id, call_id) != 0) {
            continue;
        }
        if (same_tag(session->from_tag, from_tag, to_tag)) {
            *party = 0;
            return session;
        }
        if (to_tag != NULL && same_tag(session->from_tag, to_tag, from_tag)) {
            *party = 1;
            return session;
        }
    }
    return NULL;
}

static bool same_base(const char *ours, const char *theirs) {
    const char *media;
    const char *wanted;
    size_t length = rtpp_tag_base(ours, &media);
    return rtpp_tag_base(theirs, &wanted) == length && memcmp(ours, theirs, length) == 0
        && (*wanted == '\0' || strcmp(media, wanted) == 0);
}

int sessions_find_all(const struct sessions *sessions, const char *call_id,
    const char *from_tag, const char *to_tag, struct session **found, int max) {
    int count = 0;
    struct session *session = sessions->bucket[bucket_of(sessions, call_id)];
    for (; session != NULL && count < max; session = session->next) {
        if (strcmp(session->call_id, call_id) != 0) {
            continue;
        }
        if (same_base(session->from_tag, from_tag)
            || (to_tag != NULL && same_base(session->from_tag, to_tag))) {
            found[count++] = session;
        }
    }
    return count;
}

struct session *sessions_any(const struct sessions *sessions) {
    for (uint32_t i = 0; i < sessions->buckets; i++) {
        if (sessions->bucket[i] != NULL) {
            return sessions->bucket[i];
        }
    }
    return NULL;
}
