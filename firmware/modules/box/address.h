// Socket addresses as text, both ways, without a resolver.
#ifndef WAFERPBX_BOX_ADDRESS_H
#define WAFERPBX_BOX_ADDRESS_H

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

// The longest text: an IPv6 address, "%", an interface name, NUL.
#define ADDRESS_TEXT (INET6_ADDRSTRLEN + 1 + IF_NAMESIZE)

// Read a textual IPv4 or IPv6 address ("fe80::1%eth0" with its interface).
// Returns the length of what was written to `out`, or 0 where `host` is no address.
socklen_t address_parse(const char *host, unsigned port, struct sockaddr_storage *out);

// Write the address as text of at most ADDRESS_TEXT bytes; link-local ones with interface.
// Returns the port, or -1 where the family is neither IPv4 nor IPv6.
int address_format(const struct sockaddr *address, char *text);

#endif
