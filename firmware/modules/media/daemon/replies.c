#include "replies.h"

#include <string.h>

const char *replies_find(const struct replies *replies, const struct me_address *from,
    const char *cookie) {
    for (int i = 0; i < REPLIES_KEPT; i++) {
        const struct kept_reply *kept = &replies->kept[i];
        if (strcmp(kept->cookie, cookie) == 0 && me_same_address(&kept->from, from)) {
            return kept->text;
        }
    }
    return NULL;
}

void replies_keep(struct replies *replies, const struct me_address *from, const char *cookie,
    const char *text) {
    struct kept_reply *kept = &replies->kept[replies->next];
    if (strlen(text) >= REPLY_KEPT_MAX || strlen(cookie) >= COOKIE_MAX) {
        return;
    }
    replies->next = (replies->next + 1) % REPLIES_KEPT;
    kept->from = *from;
    strcpy(kept->cookie, cookie);
    strcpy(kept->text, text);
}
