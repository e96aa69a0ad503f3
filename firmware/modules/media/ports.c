#define _GNU_SOURCE
#include "ports.h"
#include "ring.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

// The kernel may hold this much for a socket: half a second of video, four seconds of speech.
enum { RECEIVE_BUFFER = 128 * 1024 };

int me_ports_init(struct me_ports *ports, uint16_t min, uint16_t max, uint32_t traffic_class) {
    uint32_t first = (uint32_t)min + (min & 1u);
    uint32_t size = max > first ? (max - first + 1u) / 2u : 0;
    if (min == 0 || size < ME_SIDES || traffic_class > UINT8_MAX) {
        return -EINVAL;
    }
    *ports = (struct me_ports){.size = size, .free = size, .traffic_class = traffic_class};
    ports->queue = malloc(size * sizeof(*ports->queue));
    if (!ports->queue) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < size; i++) {
        ports->queue[i] = (uint16_t)(first + 2 * i);
    }
    return 0;
}

void me_ports_free(struct me_ports *ports) {
    free(ports->queue);
    ports->queue = NULL;
}

// getrandom must not wait here: a small box has little entropy right after power-on.
static uint32_t draw(struct me_ports *ports) {
    uint32_t value;
    if (getrandom(&value, sizeof(value), GRND_NONBLOCK) == (ssize_t)sizeof(value)) {
        return value;
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    ports->random = ports->random * 1664525u + 1013904223u + (uint32_t)now.tv_nsec;
    return ports->random >> 8;
}

static uint16_t take(struct me_ports *ports) {
    uint32_t ahead = ports->ordered ? 0 : draw(ports) % ((ports->free + 1) / 2);
    uint16_t *chosen = &ports->queue[(ports->head + ahead) % ports->size];
    uint16_t port = *chosen;
    *chosen = ports->queue[ports->head];
    ports->head = (ports->head + 1) % ports->size;
    ports->free--;
    return port;
}

static void give_back(struct me_ports *ports, uint16_t port) {
    ports->queue[(ports->head + ports->free) % ports->size] = port;
    ports->free++;
}

// None of these options is worth failing a call for: some kernels or containers lack one.
static void set_options(int fd, int family, uint32_t traffic_class) {
    int class = (int)traffic_class;
    int buffer = RECEIVE_BUFFER;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    if (family == AF_INET) {
        // What does not fit the next link is fragmented, as the peer's own packet would be.
        int discover = IP_PMTUDISC_DONT;
        setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof(class));
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
    } else {
        int discover = IPV6_PMTUDISC_DONT;
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class));
        setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover, sizeof(discover));
    }
}

static int open_socket(const struct me_ports *ports, const struct me_address *local) {
    int family = local->family == ME_IPV4 ? AF_INET : AF_INET6;
    int only = 1;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    set_options(fd, family, ports->traffic_class);
    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    }
    if (family == AF_INET && ports->divert && me_ring_divert(fd) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    struct sockaddr_storage address;
    socklen_t length = me_address_to_sockaddr(local, &address);
    if (bind(fd, (struct sockaddr *)&address, length) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static int open_pair(const struct me_ports *ports, const struct me_address *local, uint16_t port,
    int sockets[ME_COMPONENTS]) {
    struct me_address bound = *local;
    bound.port = port;
    sockets[ME_RTP] = open_socket(ports, &bound);
    if (sockets[ME_RTP] < 0) {
        return sockets[ME_RTP];
    }
    bound.port++;
    sockets[ME_RTCP] = open_socket(ports, &bound);
    if (sockets[ME_RTCP] < 0) {
        close(sockets[ME_RTP]);
        return sockets[ME_RTCP];
    }
    return 0;
}

int me_ports_open(struct me_ports *ports, const struct me_address *local,
    int sockets[ME_COMPONENTS], uint16_t *port) {
    if (local->family == ME_NONE) {
        return -EINVAL;
    }
    for (uint32_t tries = ports->free; tries > 0; tries--) {
        uint16_t candidate = take(ports);
        int error = open_pair(ports, local, candidate, sockets);
        if (error == 0) {
            *port = candidate;
            return 0;
        }
        give_back(ports, candidate);
        if (error != -EADDRINUSE) {     // another program has that port: try the next one
            return error;
        }
    }
    return -EADDRINUSE;
}

void me_ports_close(struct me_ports *ports, const int sockets[ME_COMPONENTS], uint16_t port) {
    if (port == 0) {
        return;
    }
    close(sockets[ME_RTP]);
    close(sockets[ME_RTCP]);
    give_back(ports, port);
}
