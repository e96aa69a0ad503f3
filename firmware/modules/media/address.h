// An IP address and port in 20 bytes: a sockaddr_storage has 128, and eight go into each side.

#ifndef MEDIAENGINE_ADDRESS_H
#define MEDIAENGINE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ME_NONE = 0, ME_IPV4 = 4, ME_IPV6 = 6 };
enum { ME_ADDRESS_TEXT = 46 };

struct me_address {
    uint8_t family;     // ME_NONE, ME_IPV4 or ME_IPV6
    uint8_t reserved;
    uint16_t port;      // in the machine's byte order
    uint8_t host[16];   // in network order; IPv4 uses the first four, the others are zero
};

_Static_assert(sizeof(struct me_address) == 20, "the bindings know this layout");

// false when the sockaddr is of another family.
bool me_address_from_sockaddr(struct me_address *address, const struct sockaddr_storage *from);
socklen_t me_address_to_sockaddr(const struct me_address *address, struct sockaddr_storage *to);

bool me_same_host(const struct me_address *a, const struct me_address *b);
bool me_same_address(const struct me_address *a, const struct me_address *b);

// Whether packets may be sent there: one host (no multicast, broadcast or 0.0.0.0) and a port.
bool me_can_send_to(const struct me_address *address);

#endif
