#include "address.h"

#include <arpa/inet.h>
#include <string.h>

static socklen_t parse_v4(const char *host, unsigned port, struct sockaddr_storage *out) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return 0;
    }
    memcpy(out, &address, sizeof(address));
    return sizeof(address);
}

static socklen_t parse_v6(const char *host, unsigned port, struct sockaddr_storage *out) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    char text[INET6_ADDRSTRLEN];
    size_t length = strcspn(host, "%");
    if (length >= sizeof(text)) {
        return 0;
    }
    memcpy(text, host, length);
    text[length] = '\0';
    if (inet_pton(AF_INET6, text, &address.sin6_addr) != 1) {
        return 0;
    }
    if (host[length] == '%') { // RFC 4007 section 11: the zone after the address
        address.sin6_scope_id = if_nametoindex(host + length + 1);
        if (address.sin6_scope_id == 0) {
            return 0;
        }
    }
    memcpy(out, &address, sizeof(address));
    return sizeof(address);
}

socklen_t address_parse(const char *host, unsigned port, struct sockaddr_storage *out) {
    memset(out, 0, sizeof(*out));
    if (port > 65535) {
        return 0;
    }
    return strchr(host, ':') ? parse_v6(host, port, out) : parse_v4(host, port, out);
}

static int format_v6(const struct sockaddr *generic, char *text) {
    struct sockaddr_in6 address;
    memcpy(&address, generic, sizeof(address));
    if (inet_ntop(AF_INET6, &address.sin6_addr, text, INET6_ADDRSTRLEN) == NULL) {
        return -1;
    }
    char interface[IF_NAMESIZE];
    if (IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr) &&
        if_indextoname(address.sin6_scope_id, interface) != NULL) {
        size_t length = strlen(text);
        text[length] = '%';
        memcpy(text + length + 1, interface, strlen(interface) + 1);
    }
    return ntohs(address.sin6_port);
}

int address_format(const struct sockaddr *generic, char *text) {
    if (generic->sa_family == AF_INET6) {
        return format_v6(generic, text);
    }
    if (generic->sa_family != AF_INET) {
        return -1;
    }
    struct sockaddr_in address;
    memcpy(&address, generic, sizeof(address));
    if (inet_ntop(AF_INET, &address.sin_addr, text, INET_ADDRSTRLEN) == NULL) {
        return -1;
    }
    return ntohs(address.sin_port);
}
