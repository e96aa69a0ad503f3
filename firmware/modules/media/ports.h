// The pool of port pairs, and the sockets bound to them.
//
// Free pairs wait in a queue: a port comes back into use as late as possible, so that late
// packets of an old call do not meet a new one. Which pair of the older half is taken next is
// random, so that a stranger cannot tell the ports of the next call.

#ifndef MEDIAENGINE_PORTS_H
#define MEDIAENGINE_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "streams.h"

struct me_ports {
    uint16_t *queue;        // a ring of the even ports that are free
    uint32_t size;
    uint32_t head;
    uint32_t free;
    uint32_t traffic_class;
    bool ordered;
    bool divert;            // a ring has what comes to them: see ring.h
    uint32_t random;        // what randomness falls back on before the kernel has any
};

// -EINVAL when the range does not hold the two pairs of one stream.
int me_ports_init(struct me_ports *ports, uint16_t min, uint16_t max, uint32_t traffic_class);
void me_ports_free(struct me_ports *ports);

// Opens and binds a pair on a local address: -EADDRINUSE when there is none left.
int me_ports_open(struct me_ports *ports, const struct me_address *local,
    int sockets[ME_COMPONENTS], uint16_t *port);

// Port 0 stands for no pair.
void me_ports_close(struct me_ports *ports, const int sockets[ME_COMPONENTS], uint16_t port);

#endif
