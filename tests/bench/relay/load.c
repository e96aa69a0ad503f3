// Load for an RTP relay: pairs of parties, each sending a steady stream to the other through it.
//
//   load STREAMS RATE SECONDS
//
// A stream is one direction: two make a call. First it prints the port of each party, "caller
// callee" a line. Then it reads where each of them has to send, "HOST PORT HOST PORT" a line, warms
// the latches up, waits for "go" and sends RATE packets a second in each stream. In the end it
// prints "sent received p50 p99 p999", the delays in microseconds.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 160, HEADER = 12, BUFFER = 1 << 20, BATCH = 256, BINS = 200000 };

struct party {
    int fd;
    struct sockaddr_in to;
    uint16_t sequence;
    uint32_t timestamp;
    uint64_t due_ns;
};

struct packet {
    uint8_t head[HEADER];
    uint64_t sent_ns;
    uint8_t rest[PAYLOAD - 8];
};

static struct party *parties;
static int count;
static int ready;
static uint64_t sent, received;
static uint32_t bins[BINS];     // by microsecond

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int open_party(const char *host, uint16_t *port) {
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof(name);
    int buffer = BUFFER;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    inet_pton(AF_INET, host, &name.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, size) < 0
        || getsockname(fd, (struct sockaddr *)&name, &size) < 0) {
        die("a party's socket");
    }
    *port = ntohs(name.sin_port);
    return fd;
}

static void open_all(void) {
    ready = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = (uint32_t)i}};
        uint16_t port;
        parties[i].fd = open_party(i % 2 ? "127.0.0.3" : "127.0.0.2", &port);
        if (epoll_ctl(ready, EPOLL_CTL_ADD, parties[i].fd, &event) < 0) {
            die("epoll");
        }
        printf(i % 2 ? "%u\n" : "%u ", port);
    }
    fflush(stdout);
}

static void read_targets(void) {
    for (int i = 0; i < count; i++) {
        char host[64];
        unsigned port;
        if (scanf("%63s %u", host, &port) != 2) {
            die("where to send");
        }
        parties[i].to.sin_family = AF_INET;
        parties[i].to.sin_port = htons((uint16_t)port);
        inet_pton(AF_INET, host, &parties[i].to.sin_addr);
    }
}

static void send_one(int i) {
    struct party *party = &parties[i];
    struct packet packet = {.head = {0x80}};
    uint32_t source = htonl((uint32_t)i + 1);
    uint32_t timestamp = htonl(party->timestamp);
    uint16_t sequence = htons(party->sequence++);
    memcpy(packet.head + 2, &sequence, 2);
    memcpy(packet.head + 4, &timestamp, 4);
    memcpy(packet.head + 8, &source, 4);
    party->timestamp += PAYLOAD;
    packet.sent_ns = now_ns();
    if (sendto(party->fd, &packet, sizeof(packet), 0, (struct sockaddr *)&party->to,
        sizeof(party->to)) == (ssize_t)sizeof(packet)) {
        sent++;
    }
}

static void take_all(int wait_ms) {
    struct epoll_event events[BATCH];
    int found = epoll_wait(ready, events, BATCH, wait_ms);
    for (int i = 0; i < found; i++) {
        struct packet packet;
        while (recv(parties[events[i].data.u32].fd, &packet, sizeof(packet), 0)
            == (ssize_t)sizeof(packet)) {
            uint64_t us = (now_ns() - packet.sent_ns) / 1000;
            bins[us < BINS ? us : BINS - 1]++;
            received++;
        }
    }
}

static void settle(int ms) {
    uint64_t end = now_ns() + (uint64_t)ms * 1000000u;
    while (now_ns() < end) {
        take_all(1);
    }
}

static void begin(void) {
    char word[8];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < count; i++) {
            send_one(i);
            take_all(0);
        }
        settle(200);
    }
    printf("ready\n");
    fflush(stdout);
    if (scanf("%7s", word) != 1) {
        die("go");
    }
    sent = received = 0;
    memset(bins, 0, sizeof(bins));
}

// Each stream keeps its own time; they are spread evenly over the interval.
static void run(double rate, double seconds) {
    uint64_t interval = (uint64_t)(1e9 / rate);
    uint64_t start = now_ns();
    uint64_t end = start + (uint64_t)(seconds * 1e9);
    int next = 0;
    for (int i = 0; i < count; i++) {
        parties[i].due_ns = start + interval * (uint64_t)i / (uint64_t)count;
    }
    while (now_ns() < end) {
        uint64_t now = now_ns();
        for (int burst = 0; parties[next].due_ns <= now && burst < 64; burst++) {
            send_one(next);
            parties[next].due_ns += interval;
            next = (next + 1) % count;
        }
        take_all(parties[next].due_ns > now + 1500000 ? 1 : 0);
    }
    settle(300);
}

static unsigned percentile(double share) {
    uint64_t wanted = (uint64_t)((double)received * share);
    uint64_t seen = 0;
    for (unsigned us = 0; us < BINS; us++) {
        seen += bins[us];
        if (seen > wanted) {
            return us;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: load STREAMS RATE SECONDS\n");
        return 2;
    }
    count = atoi(argv[1]) & ~1;
    struct rlimit limit = {.rlim_cur = (rlim_t)count + 64, .rlim_max = (rlim_t)count + 64};
    setrlimit(RLIMIT_NOFILE, &limit);
    parties = calloc((size_t)count, sizeof(*parties));
    open_all();
    read_targets();
    begin();
    run(atof(argv[2]), atof(argv[3]));
    printf("%llu %llu %u %u %u\n", (unsigned long long)sent, (unsigned long long)received,
        percentile(0.5), percentile(0.99), percentile(0.999));
    return 0;
}
