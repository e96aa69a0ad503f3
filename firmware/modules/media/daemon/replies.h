// The answers given lately, by cookie: a command that is repeated because its answer was lost is
// answered again and not carried out again.

#ifndef RELAYD_REPLIES_H
#define RELAYD_REPLIES_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"

enum {
    COOKIE_MAX = 64,
    REPLIES_KEPT = 256,         // far more than a proxy sends within the seconds that it repeats
    REPLY_KEPT_MAX = 256,       // longer ones (I, G) can be made again without harm
};

struct kept_reply {
    struct me_address from;
    char cookie[COOKIE_MAX];    // "" : none
    char text[REPLY_KEPT_MAX];
};

struct replies {
    struct kept_reply kept[REPLIES_KEPT];
    uint32_t next;
};

// NULL: this command is new.
const char *replies_find(const struct replies *replies, const struct me_address *from,
    const char *cookie);
void replies_keep(struct replies *replies, const struct me_address *from, const char *cookie,
    const char *text);

#endif
