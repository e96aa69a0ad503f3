#include "mediaengine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static void set_ipv6(struct me_address *address, const struct in6_addr *host) {
    if (IN6_IS_ADDR_V4MAPPED(host)) {
        address->family = ME_IPV4;
        memcpy(address->host, host->s6_addr + 12, 4);
    } else {
        address->family = ME_IPV6;
        memcpy(address->host, host->s6_addr, 16);
    }
}

int me_address_read(const char *text, uint32_t port, struct me_address *address) {
    struct in_addr ipv4;
    struct in6_addr ipv6;
    memset(address, 0, sizeof(*address));
    if (port > UINT16_MAX) {
        return -EINVAL;
    }
    address->port = (uint16_t)port;
    if (inet_pton(AF_INET, text, &ipv4) == 1) {
        address->family = ME_IPV4;
        memcpy(address->host, &ipv4, 4);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &ipv6) == 1) {
        set_ipv6(address, &ipv6);
        return 0;
    }
    return -EINVAL;
}

int me_address_write(const struct me_address *address, char *text) {
    int family = address->family == ME_IPV4 ? AF_INET : AF_INET6;
    text[0] = '\0';
    if (address->family == ME_NONE) {
        return 0;
    }
    return inet_ntop(family, address->host, text, ME_ADDRESS_TEXT) ? 0 : -EINVAL;
}

bool me_address_from_sockaddr(struct me_address *address, const struct sockaddr_storage *from) {
    memset(address, 0, sizeof(*address));
    if (from->ss_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, from, sizeof(ipv4));
        address->family = ME_IPV4;
        address->port = ntohs(ipv4.sin_port);
        memcpy(address->host, &ipv4.sin_addr, 4);
        return true;
    }
    if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, from, sizeof(ipv6));
        address->port = ntohs(ipv6.sin6_port);
        set_ipv6(address, &ipv6.sin6_addr);
        return true;
    }
    return false;
}

socklen_t me_address_to_sockaddr(const struct me_address *address, struct sockaddr_storage *to) {
    if (address->family == ME_IPV4) {
        struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&ipv4.sin_addr, address->host, 4);
        memcpy(to, &ipv4, sizeof(ipv4));
        return sizeof(ipv4);
    }
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    memcpy(&ipv6.sin6_addr, address->host, 16);
    memcpy(to, &ipv6, sizeof(ipv6));
    return sizeof(ipv6);
}

bool me_same_host(const struct me_address *a, const struct me_address *b) {
    return a->family == b->family && memcmp(a->host, b->host, sizeof(a->host)) == 0;
}

bool me_same_address(const struct me_address *a, const struct me_address *b) {
    return a->port == b->port && me_same_host(a, b);
}

bool me_can_send_to(const struct me_address *address) {
    static const uint8_t unspecified[16];
    if (address->port == 0 || memcmp(address->host, unspecified, sizeof(unspecified)) == 0) {
        return false;
    }
    if (address->family == ME_IPV4) {
        return address->host[0] != 0 && address->host[0] < 224;  // class D and E, RFC 5771
    }
    return address->family == ME_IPV6 && address->host[0] != 0xff;  // RFC 4291 2.7
}
