// The engine with its thread and sockets, over the loopback interface: 127.0.0.x are the hosts.
#define _GNU_SOURCE
#include "mediaengine.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

enum { WAIT_MS = 5000, PORT_MIN = 21000, PORT_MAX = 21199 };

struct call {
    struct me_engine *engine;
    uint32_t handle;
    uint16_t ports[ME_SIDES];
};

static uint32_t ring;   // whether engines are to use it: every test runs both ways

static struct me_address at(const char *host, uint32_t port) {
    struct me_address address;
    CHECK(me_address_read(host, port, &address) == 0);
    return address;
}

static struct me_engine *start(uint16_t min, uint16_t max, uint32_t streams, uint32_t timeout_ms) {
    struct me_config config = {.port_min = min, .port_max = max, .streams = streams,
        .timeout_ms = timeout_ms, .traffic_class = 0xB8, .priority = 20,
        .ring = ring};
    struct me_engine *engine = NULL;
    CHECK(me_engine_create(&config, &engine) == 0);
    return engine;
}

static int open_stream(struct me_engine *engine, uint32_t *handle, uint16_t *ports) {
    struct me_address local[ME_SIDES] = {at("0.0.0.0", 0), at("0.0.0.0", 0)};
    return me_engine_open(engine, local, handle, ports);
}

// A peer's socket on a host of its own, any port; answers how to reach it.
static int phone(const char *host, struct me_address *address) {
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);
    struct me_address local = at(host, 0);
    int fd = socket(local.family == ME_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    length = me_address_to_sockaddr(&local, &name);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, length) == 0);
    length = sizeof(name);
    CHECK(getsockname(fd, (struct sockaddr *)&name, &length) == 0);
    CHECK(me_address_from_sockaddr(address, &name));
    return fd;
}

static void send_to(int fd, const char *host, uint16_t port, const char *text) {
    struct sockaddr_storage to;
    struct me_address address = at(host, port);
    socklen_t length = me_address_to_sockaddr(&address, &to);
    ssize_t size = (ssize_t)strlen(text);
    CHECK(sendto(fd, text, (size_t)size, 0, (struct sockaddr *)&to, length) == size);
}

static bool hears(int fd, const char *text) {
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    char data[2048];
    CHECK(poll(&waiting, 1, WAIT_MS) == 1);
    ssize_t length = recv(fd, data, sizeof(data), 0);
    return length == (ssize_t)strlen(text) && memcmp(data, text, (size_t)length) == 0;
}

static bool is_quiet(int fd) {
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    return poll(&waiting, 1, 0) == 0;
}

static void allow(const struct call *call, uint32_t side, const struct me_address *peer,
    bool trusted) {
    struct me_peer stated = {.allowed_count = 1};
    stated.allowed[0] = *peer;
    if (trusted) {
        stated.signalled[ME_RTP] = *peer;
    }
    CHECK(me_engine_set_peer(call->engine, call->handle, side, &stated) == 0);
}

static struct me_stats stats_of(const struct call *call) {
    struct me_stats stats;
    CHECK(me_engine_stats(call->engine, call->handle, &stats) == 0);
    return stats;
}

// The media thread works through what has arrived before it answers, but a packet may still be
// on its way into the socket: the count is what to wait for.
static void wait_for_foreign(const struct call *call, uint32_t side, uint32_t expected) {
    for (int tries = 0; tries < WAIT_MS; tries++) {
        if (stats_of(call).counts[side][ME_RTP].foreign == expected) {
            return;
        }
        usleep(1000);
    }
    CHECK(stats_of(call).counts[side][ME_RTP].foreign == expected);
}

static struct call set_up(struct me_address peers[ME_SIDES], int phones[ME_SIDES]) {
    struct call call = {.engine = start(PORT_MIN, PORT_MAX, 4, 60000)};
    CHECK(open_stream(call.engine, &call.handle, call.ports) == 0);
    phones[ME_OFFERER] = phone("127.0.0.2", &peers[ME_OFFERER]);
    phones[ME_ANSWERER] = phone("127.0.0.3", &peers[ME_ANSWERER]);
    return call;
}

static void tear_down(struct call *call, const int phones[ME_SIDES]) {
    me_engine_destroy(call->engine);
    close(phones[ME_OFFERER]);
    close(phones[ME_ANSWERER]);
}

static void packets_pass_unchanged_both_ways(void) {
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    struct call call = set_up(peers, phones);
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    send_to(phones[ME_OFFERER], "127.0.0.1", call.ports[ME_OFFERER], "from the offerer");
    CHECK(hears(phones[ME_ANSWERER], "from the offerer"));
    send_to(phones[ME_ANSWERER], "127.0.0.1", call.ports[ME_ANSWERER], "from the answerer");
    CHECK(hears(phones[ME_OFFERER], "from the answerer"));
    struct me_stats stats = stats_of(&call);
    CHECK(stats.counts[ME_OFFERER][ME_RTP].packets == 1);
    CHECK(stats.counts[ME_OFFERER][ME_RTP].bytes == strlen("from the offerer"));
    CHECK(me_same_address(&stats.latched[ME_ANSWERER][ME_RTP], &peers[ME_ANSWERER]));
    tear_down(&call, phones);
}

static void the_longest_datagram_passes(void) {
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    static char big[9000];
    static char data[sizeof(big)];
    struct call call = set_up(peers, phones);
    struct pollfd waiting = {.fd = phones[ME_ANSWERER], .events = POLLIN};
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    memset(big, 'x', sizeof(big) - 1);
    send_to(phones[ME_OFFERER], "127.0.0.1", call.ports[ME_OFFERER], big);
    CHECK(poll(&waiting, 1, WAIT_MS) == 1);
    CHECK(recv(phones[ME_ANSWERER], data, sizeof(data), 0) == (ssize_t)sizeof(big) - 1);
    CHECK(strcmp(data, big) == 0);
    tear_down(&call, phones);
}

static void rtcp_has_the_next_port(void) {
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    struct call call = set_up(peers, phones);
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    CHECK(call.ports[ME_OFFERER] % 2 == 0 && call.ports[ME_ANSWERER] % 2 == 0);
    uint16_t port = (uint16_t)(call.ports[ME_ANSWERER] + 1);
    send_to(phones[ME_ANSWERER], "127.0.0.1", port, "report");
    port = (uint16_t)(call.ports[ME_OFFERER] + 1);
    while (stats_of(&call).counts[ME_ANSWERER][ME_RTCP].nowhere == 0) {
        usleep(1000);
    }
    send_to(phones[ME_OFFERER], "127.0.0.1", port, "report");
    CHECK(hears(phones[ME_ANSWERER], "report"));
    tear_down(&call, phones);
}

// The spray of the hijack tests: 20 other sources, 50 packets each, before and after the latch.
// No faster than the engine counts them: a socket that is full would drop some by itself.
static void spray(const struct call *call, const char *host) {
    struct me_address ignored;
    uint32_t seen = (uint32_t)stats_of(call).counts[ME_OFFERER][ME_RTP].foreign;
    for (int source = 0; source < 20; source++) {
        int fd = phone(host, &ignored);
        for (int i = 0; i < 50; i++) {
            send_to(fd, "127.0.0.1", call->ports[ME_OFFERER], "hijack");
        }
        seen += 50;
        wait_for_foreign(call, ME_OFFERER, seen);
        close(fd);
    }
}

static void a_spray_from_elsewhere_is_never_forwarded(void) {
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    struct call call = set_up(peers, phones);
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    spray(&call, "127.0.0.66");
    CHECK(is_quiet(phones[ME_ANSWERER]));
    send_to(phones[ME_OFFERER], "127.0.0.1", call.ports[ME_OFFERER], "speech");
    CHECK(hears(phones[ME_ANSWERER], "speech"));
    spray(&call, "127.0.0.66");
    spray(&call, "127.0.0.2");      // the latched host itself, from other ports
    CHECK(is_quiet(phones[ME_ANSWERER]));
    send_to(phones[ME_ANSWERER], "127.0.0.1", call.ports[ME_ANSWERER], "reply");
    CHECK(hears(phones[ME_OFFERER], "reply"));
    tear_down(&call, phones);
}

static void ipv6_talks_to_ipv4(void) {
    struct call call = {.engine = start(PORT_MIN, PORT_MAX, 4, 60000)};
    struct me_address local[ME_SIDES] = {at("::1", 0), at("127.0.0.1", 0)};
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    int error = me_engine_open(call.engine, local, &call.handle, call.ports);
    if (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT) {
        printf("    (this machine has no IPv6)\n");
        me_engine_destroy(call.engine);
        return;
    }
    CHECK(error == 0);
    phones[ME_OFFERER] = phone("::1", &peers[ME_OFFERER]);
    phones[ME_ANSWERER] = phone("127.0.0.3", &peers[ME_ANSWERER]);
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    send_to(phones[ME_OFFERER], "::1", call.ports[ME_OFFERER], "from IPv6");
    CHECK(hears(phones[ME_ANSWERER], "from IPv6"));
    send_to(phones[ME_ANSWERER], "127.0.0.1", call.ports[ME_ANSWERER], "from IPv4");
    CHECK(hears(phones[ME_OFFERER], "from IPv4"));
    tear_down(&call, phones);
}

// What a control protocol needs that names the two sides one after the other (rtpproxy's U, L).
static void a_side_is_opened_later_and_moved(void) {
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    uint16_t moved = 0;
    struct me_address local[ME_SIDES] = {at("127.0.0.1", 0), {.family = ME_NONE}};
    struct call call = {.engine = start(PORT_MIN, PORT_MAX, 4, 60000)};
    phones[ME_OFFERER] = phone("127.0.0.2", &peers[ME_OFFERER]);
    phones[ME_ANSWERER] = phone("::1", &peers[ME_ANSWERER]);
    CHECK(me_engine_open(call.engine, local, &call.handle, call.ports) == 0);
    CHECK(call.ports[ME_OFFERER] != 0 && call.ports[ME_ANSWERER] == 0);
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    local[ME_ANSWERER] = at("127.0.0.1", 0);
    CHECK(me_engine_bind(call.engine, call.handle, ME_ANSWERER, &local[ME_ANSWERER],
        &call.ports[ME_ANSWERER]) == 0);
    local[ME_ANSWERER] = at("::1", 0);
    CHECK(me_engine_bind(call.engine, call.handle, ME_ANSWERER, &local[ME_ANSWERER], &moved) == 0);
    CHECK(moved != call.ports[ME_ANSWERER]);
    send_to(phones[ME_ANSWERER], "::1", moved, "answerer");
    CHECK(hears(phones[ME_OFFERER], "answerer"));
    CHECK(me_engine_bind(call.engine, call.handle + 1, 0, &local[0], &moved) == -ESTALE);
    tear_down(&call, phones);
}

static void packets_are_marked_with_the_traffic_class(void) {
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    int on = 1;
    char data[64];
    char control[64];
    struct call call = set_up(peers, phones);
    struct iovec vector = {.iov_base = data, .iov_len = sizeof(data)};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control,
        .msg_controllen = sizeof(control)};
    CHECK(setsockopt(phones[ME_ANSWERER], IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)) == 0);
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    send_to(phones[ME_OFFERER], "127.0.0.1", call.ports[ME_OFFERER], "speech");
    CHECK(recvmsg(phones[ME_ANSWERER], &message, 0) == 6);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    CHECK(header && header->cmsg_type == IP_TOS && *CMSG_DATA(header) == 0xB8);
    tear_down(&call, phones);
}

static void an_exhausted_range_is_an_error_and_recovers(void) {
    struct me_engine *engine = start(PORT_MIN, PORT_MIN + 7, 16, 0);    // 4 pairs: 2 streams
    uint32_t handles[3];
    uint16_t ports[ME_SIDES];
    struct me_usage usage;
    CHECK(open_stream(engine, &handles[0], ports) == 0);
    CHECK(open_stream(engine, &handles[1], ports) == 0);
    CHECK(open_stream(engine, &handles[2], ports) == -EADDRINUSE);
    CHECK(me_engine_usage(engine, &usage) == 0 && usage.streams == 2 && usage.pairs_free == 0);
    CHECK(me_engine_close(engine, handles[0], NULL) == 0);
    CHECK(open_stream(engine, &handles[2], ports) == 0);
    me_engine_destroy(engine);
}

// One pair free, two wanted: the one that was bound already must come back.
static void half_a_stream_gives_its_ports_back(void) {
    struct me_engine *engine = start(PORT_MIN, PORT_MIN + 5, 16, 0);    // 3 pairs
    struct me_usage usage;
    uint32_t handle;
    uint16_t ports[ME_SIDES];
    CHECK(open_stream(engine, &handle, ports) == 0);
    CHECK(open_stream(engine, &handle, ports) == -EADDRINUSE);
    CHECK(me_engine_usage(engine, &usage) == 0 && usage.pairs_free == 1);
    me_engine_destroy(engine);
}

static void a_full_table_is_an_error_and_keeps_no_ports(void) {
    struct me_engine *engine = start(PORT_MIN, PORT_MAX, 1, 0);
    struct me_usage usage;
    uint32_t handle;
    uint16_t ports[ME_SIDES];
    CHECK(open_stream(engine, &handle, ports) == 0);
    CHECK(open_stream(engine, &handle, ports) == -ENFILE);
    CHECK(me_engine_usage(engine, &usage) == 0 && usage.streams == 1);
    CHECK(usage.pairs_free == (PORT_MAX - PORT_MIN + 1) / 2 - 2);
    me_engine_destroy(engine);
}

static void a_port_of_another_program_is_passed_over(void) {
    struct me_engine *engine = start(PORT_MIN, PORT_MIN + 5, 4, 0);     // 3 pairs
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(PORT_MIN + 3)};
    uint32_t handle;
    uint16_t ports[ME_SIDES];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0);   // the RTCP port of a pair
    CHECK(open_stream(engine, &handle, ports) == 0);
    CHECK(ports[0] != PORT_MIN + 2 && ports[1] != PORT_MIN + 2);
    close(fd);
    me_engine_destroy(engine);
}

static void a_port_comes_back_late(void) {
    struct me_engine *engine = start(PORT_MIN, PORT_MAX, 1, 0);     // 100 pairs
    uint16_t first[ME_SIDES];
    uint16_t ports[ME_SIDES];
    uint32_t handle;
    CHECK(open_stream(engine, &handle, first) == 0);
    CHECK(me_engine_close(engine, handle, NULL) == 0);
    for (int i = 0; i < 20; i++) {      // 40 pairs of the older half
        CHECK(open_stream(engine, &handle, ports) == 0);
        for (int side = 0; side < ME_SIDES; side++) {
            CHECK(ports[side] != first[0] && ports[side] != first[1]);
        }
        CHECK(me_engine_close(engine, handle, NULL) == 0);
    }
    me_engine_destroy(engine);
}

static void an_address_of_another_machine_cannot_be_bound(void) {
    struct me_engine *engine = start(PORT_MIN, PORT_MAX, 1, 0);
    struct me_address local[ME_SIDES] = {at("127.0.0.1", 0), at("192.0.2.1", 0)};
    struct me_usage usage;
    uint32_t handle;
    uint16_t ports[ME_SIDES];
    CHECK(me_engine_open(engine, local, &handle, ports) == -EADDRNOTAVAIL);
    CHECK(me_engine_usage(engine, &usage) == 0);
    CHECK(usage.pairs_free == (PORT_MAX - PORT_MIN + 1) / 2);
    me_engine_destroy(engine);
}

static void bad_configurations_are_refused(void) {
    static const struct me_config configs[] = {
        {.port_min = 0, .port_max = 100, .streams = 1},
        {.port_min = 20000, .port_max = 20002, .streams = 1},   // one pair
        {.port_min = 20010, .port_max = 20000, .streams = 1},
        {.port_min = 20000, .port_max = 20010, .streams = 0},
        {.port_min = 20000, .port_max = 20010, .streams = ME_STREAMS_MAX + 1},
        {.port_min = 20000, .port_max = 20010, .streams = 1, .traffic_class = 256},
    };
    struct me_engine *engine;
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        CHECK(me_engine_create(&configs[i], &engine) == -EINVAL);
    }
}

static void silence_is_told_through_the_descriptor(void) {
    struct me_engine *engine = start(PORT_MIN, PORT_MAX, 4, 50);
    struct pollfd waiting = {.fd = me_engine_fd(engine), .events = POLLIN};
    uint32_t handle;
    uint32_t told[4];
    uint16_t ports[ME_SIDES];
    CHECK(poll(&waiting, 1, 0) == 0);
    CHECK(open_stream(engine, &handle, ports) == 0);
    CHECK(poll(&waiting, 1, WAIT_MS) == 1);
    CHECK(me_engine_expired(engine, told, 4) == 1 && told[0] == handle);
    CHECK(poll(&waiting, 1, 0) == 0);
    CHECK(me_engine_close(engine, handle, NULL) == 0);
    CHECK(me_engine_expired(engine, told, 4) == 0);
    me_engine_destroy(engine);
}

static int count_descriptors(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory);
    while (readdir(directory)) {
        count++;
    }
    closedir(directory);
    return count;
}

static void nothing_is_left_behind(void) {
    int before = count_descriptors();
    for (int i = 0; i < 20; i++) {
        struct me_engine *engine = start(PORT_MIN, PORT_MAX, 4, 0);
        uint32_t handle;
        uint16_t ports[ME_SIDES];
        CHECK(open_stream(engine, &handle, ports) == 0);
        CHECK(me_engine_close(engine, handle, NULL) == 0);
        CHECK(open_stream(engine, &handle, ports) == 0);    // destroy closes this one
        me_engine_destroy(engine);
    }
    CHECK(count_descriptors() == before);
}

static void ignore_signal(int number) {
    (void)number;
}

struct caller {
    struct me_engine *engine;
    pthread_t thread;
};

static void *open_and_close(void *argument) {
    struct me_engine *engine = argument;
    for (int i = 0; i < 200; i++) {
        struct me_peer peer = {.allowed_count = 1};
        struct me_stats stats;
        uint32_t handle;
        uint16_t ports[ME_SIDES];
        peer.allowed[0] = at("127.0.0.2", 0);
        CHECK(open_stream(engine, &handle, ports) == 0);
        CHECK(me_engine_set_peer(engine, handle, ME_OFFERER, &peer) == 0);
        CHECK(me_engine_stats(engine, handle, &stats) == 0);
        CHECK(me_engine_close(engine, handle, NULL) == 0);
        CHECK(me_engine_stats(engine, handle, &stats) == -ESTALE);
    }
    return NULL;
}

// Four callers at once, under packets and signals.
static void callers_share_the_engine(void) {
    struct me_engine *engine = start(PORT_MIN, PORT_MAX, 8, 0);
    struct sigaction action = {.sa_handler = ignore_signal};
    struct caller callers[4];
    struct me_usage usage;
    struct me_address ignored;
    int fd = phone("127.0.0.2", &ignored);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&callers[i].thread, NULL, open_and_close, engine) == 0);
    }
    for (int i = 0; i < 2000; i++) {
        struct me_address to = at("127.0.0.1", (uint32_t)(PORT_MIN + i % 200));
        struct sockaddr_storage name;
        socklen_t length = me_address_to_sockaddr(&to, &name);
        sendto(fd, "packet", 6, 0, (struct sockaddr *)&name, length);
        if (i % 20 == 0) {
            pthread_kill(callers[i / 20 % 4].thread, SIGUSR1);
        }
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(callers[i].thread, NULL) == 0);
    }
    CHECK(me_engine_usage(engine, &usage) == 0 && usage.streams == 0 && usage.opened == 800);
    close(fd);
    me_engine_destroy(engine);
}

static void damaged_packets_do_not_pass(void) {
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    struct call call = set_up(peers, phones);
    struct sockaddr_in to = {.sin_family = AF_INET};
    // IPv4 and UDP by hand: 8 octets of payload, and a checksum that is not theirs
    uint8_t packet[36] = {0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 2, 127, 0, 0, 1};
    int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (raw < 0) {      // not root: the kernel's own check of UDP is not ours to test
        tear_down(&call, phones);
        return;
    }
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    packet[20] = (uint8_t)(peers[ME_OFFERER].port >> 8);
    packet[21] = (uint8_t)peers[ME_OFFERER].port;
    packet[22] = (uint8_t)(call.ports[ME_OFFERER] >> 8);
    packet[23] = (uint8_t)call.ports[ME_OFFERER];
    packet[25] = 16;
    packet[26] = packet[27] = 0x5a;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(sendto(raw, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to))
        == (ssize_t)sizeof(packet));
    send_to(phones[ME_OFFERER], "127.0.0.1", call.ports[ME_OFFERER], "whole");
    CHECK(hears(phones[ME_ANSWERER], "whole"));
    close(raw);
    tear_down(&call, phones);
}

static void what_is_too_long_for_the_ring_passes_all_the_same(void) {
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    char text[1500];
    struct call call = set_up(peers, phones);
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    for (size_t length = 360; length < 380; length++) {     // around ME_RING_LENGTH less headers
        memset(text, 'a', length);
        text[length] = '\0';
        send_to(phones[ME_OFFERER], "127.0.0.1", call.ports[ME_OFFERER], text);
        CHECK(hears(phones[ME_ANSWERER], text) && is_quiet(phones[ME_ANSWERER]));
    }
    tear_down(&call, phones);
}

// A side that is bound to one address takes nothing that comes to another one of ours.
static void a_bound_side_takes_its_own_address_alone(void) {
    struct me_address peers[ME_SIDES];
    int phones[ME_SIDES];
    struct me_address local[ME_SIDES] = {at("127.0.0.1", 0), at("127.0.0.1", 0)};
    struct call call = {.engine = start(PORT_MIN, PORT_MAX, 4, 60000)};
    phones[ME_OFFERER] = phone("127.0.0.2", &peers[ME_OFFERER]);
    phones[ME_ANSWERER] = phone("127.0.0.3", &peers[ME_ANSWERER]);
    CHECK(me_engine_open(call.engine, local, &call.handle, call.ports) == 0);
    allow(&call, ME_OFFERER, &peers[ME_OFFERER], true);
    allow(&call, ME_ANSWERER, &peers[ME_ANSWERER], true);
    send_to(phones[ME_OFFERER], "127.0.0.9", call.ports[ME_OFFERER], "elsewhere");
    send_to(phones[ME_OFFERER], "127.0.0.1", call.ports[ME_OFFERER], "here");
    CHECK(hears(phones[ME_ANSWERER], "here") && is_quiet(phones[ME_ANSWERER]));
    tear_down(&call, phones);
}

static void run_all(void) {
    RUN(packets_pass_unchanged_both_ways);
    RUN(the_longest_datagram_passes);
    RUN(rtcp_has_the_next_port);
    RUN(a_spray_from_elsewhere_is_never_forwarded);
    RUN(ipv6_talks_to_ipv4);
    RUN(a_side_is_opened_later_and_moved);
    RUN(packets_are_marked_with_the_traffic_class);
    RUN(an_exhausted_range_is_an_error_and_recovers);
    RUN(half_a_stream_gives_its_ports_back);
    RUN(a_full_table_is_an_error_and_keeps_no_ports);
    RUN(a_port_of_another_program_is_passed_over);
    RUN(a_port_comes_back_late);
    RUN(an_address_of_another_machine_cannot_be_bound);
    RUN(bad_configurations_are_refused);
    RUN(silence_is_told_through_the_descriptor);
    RUN(nothing_is_left_behind);
    RUN(callers_share_the_engine);
    RUN(damaged_packets_do_not_pass);
    RUN(what_is_too_long_for_the_ring_passes_all_the_same);
    RUN(a_bound_side_takes_its_own_address_alone);
}

int main(void) {
    printf("test_media_engine, by UDP sockets\n");
    run_all();
    printf("test_media_engine, by the ring where that is permitted\n");
    ring = 1;
    run_all();
    return 0;
}
