// The local addresses of a relay: where it listens for media, and what it tells others instead.

#ifndef RELAYD_PLACES_H
#define RELAYD_PLACES_H

#include <stdbool.h>

#include "mediaengine.h"

enum { PLACES_MAX = 16, PLACE_LABEL = 32 };

struct place {
    struct me_address bind;                 // the port is not used
    char told[ME_ADDRESS_TEXT];             // "" : nothing is told, the peer knows
    char label[PLACE_LABEL];
};

struct places {
    int count;
    struct place place[PLACES_MAX];
    int bridge[2];      // of the external and of the internal interface; -1: there is one only
};

void places_init(struct places *places);

// "[label@]address[=told]", "*" for every address. Returns its number, -1 for what is no address.
int places_add(struct places *places, const char *text, bool ipv6);

// The first of a family (ME_IPV4, ME_IPV6), -1 for none.
int places_of_family(const struct places *places, int family);
int places_of_label(const struct places *places, const char *label);
int places_of_address(const struct places *places, const char *text);

// The one that packets to `text` leave from; -1 when it is no address of ours, or no address.
int places_of_route(const struct places *places, const char *text);

#endif
