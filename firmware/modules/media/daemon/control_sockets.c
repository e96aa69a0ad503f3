#define _GNU_SOURCE
#include "control_sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    BURST = 64,                 // datagrams before the others have their turn
    NOTICE_MS = 5000,
    UNIX_MODE = 0660,
};

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

void control_init(struct control_sockets *sockets, struct relay *relay) {
    memset(sockets, 0, sizeof(*sockets));
    sockets->relay = relay;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        sockets->client[i].fd = -1;
    }
    for (int i = 0; i < NOTICES_MAX; i++) {
        sockets->notice[i].fd = -1;
    }
}

// Who may command

int control_allow(struct control_sockets *sockets, const char *text) {
    struct network network = {.bits = -1};
    char host[ME_ADDRESS_TEXT];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    long bits;
    if (sockets->networks == NETWORKS_MAX || length >= sizeof(host)) {
        return -EINVAL;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    if (me_address_read(host, 0, &network.address) < 0) {
        return -EINVAL;
    }
    long most = network.address.family == ME_IPV4 ? 32 : 128;
    if (slash != NULL && !rtpp_number(slash + 1, most, &bits)) {
        return -EINVAL;
    }
    network.bits = (int)(slash ? bits : most);
    sockets->network[sockets->networks++] = network;
    return 0;
}

static bool is_in(const struct network *network, const struct me_address *from) {
    int whole = network->bits / 8;
    int rest = network->bits % 8;
    if (network->address.family != from->family
        || memcmp(network->address.host, from->host, (size_t)whole) != 0) {
        return false;
    }
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return rest == 0 || ((network->address.host[whole] ^ from->host[whole]) & mask) == 0;
}

static bool is_allowed(const struct control_sockets *sockets, const struct me_address *from) {
    static const struct network loopback[] = {
        {{.family = ME_IPV4, .host = {127}}, 8},
        {{.family = ME_IPV6, .host = {[15] = 1}}, 128},
    };
    for (int i = 0; sockets->networks == 0 && i < 2; i++) {
        if (is_in(&loopback[i], from)) {
            return true;
        }
    }
    for (int i = 0; i < sockets->networks; i++) {
        if (is_in(&sockets->network[i], from)) {
            return true;
        }
    }
    return false;
}

// Opening

static int open_unix(const char *path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) == 0 || strlen(path) >= sizeof(name.sun_path)) {
        return -EINVAL;
    }
    strcpy(name.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0
        || chmod(path, UNIX_MODE) < 0 || listen(fd, CLIENTS_MAX) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static bool read_place(const char *text, struct me_address *address) {
    char host[ME_ADDRESS_TEXT];
    const char *colon = strrchr(text, ':');
    long port;
    size_t length = colon ? (size_t)(colon - text) : 0;
    if (length == 0 || !rtpp_number(colon + 1, UINT16_MAX, &port)) {
        return false;
    }
    if (text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    return me_address_read(host, (uint32_t)port, address) == 0;
}

static int open_inet(const char *text, int type) {
    struct me_address address;
    struct sockaddr_storage name;
    int one = 1;
    if (!read_place(text, &address)) {
        return -EINVAL;
    }
    socklen_t length = me_address_to_sockaddr(&address, &name);
    int fd = socket(name.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (type == SOCK_STREAM) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, length) < 0
        || (type == SOCK_STREAM && listen(fd, CLIENTS_MAX) < 0)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static const struct {
    const char *prefix;
    enum control_kind kind;
    int type;       // 0: a Unix socket
} KINDS[] = {
    {"udp:", CONTROL_UDP, SOCK_DGRAM}, {"udp6:", CONTROL_UDP, SOCK_DGRAM},
    {"tcp:", CONTROL_LINES, SOCK_STREAM}, {"tcp6:", CONTROL_LINES, SOCK_STREAM},
    {"unix:", CONTROL_ONCE, 0}, {"cunix:", CONTROL_LINES, 0},
};

int control_open(struct control_sockets *sockets, const char *name) {
    if (sockets->count == CONTROLS_MAX) {
        return -ENFILE;
    }
    struct control *control = &sockets->control[sockets->count];
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        size_t length = strlen(KINDS[i].prefix);
        if (strncmp(name, KINDS[i].prefix, length) != 0) {
            continue;
        }
        const char *rest = name + length;
        control->kind = KINDS[i].kind;
        control->path = KINDS[i].type == 0 ? rest : NULL;
        control->fd = KINDS[i].type == 0 ? open_unix(rest) : open_inet(rest, KINDS[i].type);
        if (control->fd < 0) {
            return control->fd;
        }
        sockets->count++;
        return 0;
    }
    return -EINVAL;
}

void control_close(struct control_sockets *sockets) {
    for (int i = 0; i < sockets->count; i++) {
        close(sockets->control[i].fd);
        if (sockets->control[i].path != NULL) {
            unlink(sockets->control[i].path);
        }
    }
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (sockets->client[i].fd >= 0) {
            close(sockets->client[i].fd);
        }
    }
}

// Commands

static size_t execute(struct control_sockets *sockets, const struct me_address *from, char *text,
    size_t length, char *reply) {
    sockets->relay->commander[0] = '\0';
    if (from->family != ME_NONE) {
        me_address_write(from, sockets->relay->commander);
    }
    return relay_execute(sockets->relay, text, length, reply);
}

size_t control_answer(struct control_sockets *sockets, const struct me_address *from, char *text,
    size_t length, char *answer, size_t room) {
    char reply[RTPP_REPLY_MAX];
    char cookie[COOKIE_MAX];
    const char *blank = memchr(text, ' ', length);
    size_t size = blank ? (size_t)(blank - text) : 0;
    if (size == 0 || size >= sizeof(cookie) || memchr(text, '\0', size) != NULL) {
        return 0;
    }
    memcpy(cookie, text, size);
    cookie[size] = '\0';
    const char *kept = replies_find(&sockets->replies, from, cookie);
    if (kept != NULL) {
        sockets->relay->counters.commands_repeated++;
    } else {
        execute(sockets, from, text + size + 1, length - size - 1, reply);
        replies_keep(&sockets->replies, from, cookie, reply);
        kept = reply;
    }
    int written = snprintf(answer, room, "%s %s", cookie, kept);
    return written > 0 && (size_t)written < room ? (size_t)written : 0;
}

static void take_datagrams(struct control_sockets *sockets, int fd) {
    char text[RTPP_LINE_MAX + 1];
    char answer[COOKIE_MAX + RTPP_REPLY_MAX + 2];
    for (int taken = 0; taken < BURST; taken++) {
        struct sockaddr_storage name;
        struct me_address from;
        socklen_t size = sizeof(name);
        ssize_t length = recvfrom(fd, text, RTPP_LINE_MAX, 0, (struct sockaddr *)&name, &size);
        if (length < 0) {
            return;
        }
        if (!me_address_from_sockaddr(&from, &name) || !is_allowed(sockets, &from)) {
            sockets->refused++;
            continue;
        }
        size_t written = control_answer(sockets, &from, text, (size_t)length, answer,
            sizeof(answer));
        if (written > 0) {
            sendto(fd, answer, written, MSG_DONTWAIT, (struct sockaddr *)&name, size);
        }
    }
}

// Streams. A reply is short and the client waits for it: what the socket does not take is lost,
// and so is the client.

static void drop_client(struct client *client) {
    close(client->fd);
    client->fd = -1;
}

static void accept_client(struct control_sockets *sockets, const struct control *control) {
    struct sockaddr_storage name;
    socklen_t size = sizeof(name);
    int fd = accept4(control->fd, (struct sockaddr *)&name, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    struct me_address from = {.family = ME_NONE};
    bool allowed = control->path != NULL
        || (me_address_from_sockaddr(&from, &name) && is_allowed(sockets, &from));
    for (int i = 0; allowed && i < CLIENTS_MAX; i++) {
        struct client *client = &sockets->client[i];
        if (client->fd < 0) {
            client->fd = fd;
            client->kind = control->kind;
            client->from = from;
            client->length = 0;
            return;
        }
    }
    sockets->refused++;
    close(fd);
}

static bool run_line(struct control_sockets *sockets, struct client *client, size_t length) {
    char reply[RTPP_REPLY_MAX];
    char line[RTPP_LINE_MAX + 1];
    memcpy(line, client->text, length);
    size_t size = execute(sockets, &client->from, line, length, reply);
    return send(client->fd, reply, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

static bool run_lines(struct control_sockets *sockets, struct client *client) {
    char *end;
    while ((end = memchr(client->text, '\n', client->length)) != NULL) {
        size_t length = (size_t)(end - client->text);
        if (!run_line(sockets, client, length)) {
            return false;
        }
        client->length -= length + 1;
        memmove(client->text, end + 1, client->length);
    }
    return client->length < RTPP_LINE_MAX;
}

static void read_client(struct control_sockets *sockets, struct client *client) {
    ssize_t got = recv(client->fd, client->text + client->length, RTPP_LINE_MAX - client->length,
        MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        drop_client(client);
        return;
    }
    client->length += (size_t)got;
    if (client->kind == CONTROL_ONCE) {
        run_line(sockets, client, client->length);      // Kamailio ends it with nothing
        drop_client(client);
    } else if (!run_lines(sockets, client)) {
        drop_client(client);
    }
}

// Time-outs that are told

static int connect_to(const char *to) {
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_storage name;
    struct me_address address;
    socklen_t length = sizeof(local);
    const struct sockaddr *target = (const struct sockaddr *)&local;
    if (strncmp(to, "unix:", 5) == 0 && strlen(to + 5) < sizeof(local.sun_path)) {
        strcpy(local.sun_path, to + 5);
    } else if (strncmp(to, "tcp:", 4) == 0 && read_place(to + 4, &address)) {
        length = me_address_to_sockaddr(&address, &name);
        target = (const struct sockaddr *)&name;
    } else {
        return -1;
    }
    int fd = socket(target->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, target, length) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void notify(void *context, const char *to, const char *tag) {
    struct control_sockets *sockets = context;
    for (int i = 0; i < NOTICES_MAX; i++) {
        struct notice *notice = &sockets->notice[i];
        if (notice->fd >= 0) {
            continue;
        }
        notice->fd = connect_to(to);
        notice->until_ms = now_ms() + NOTICE_MS;
        snprintf(notice->text, sizeof(notice->text), "%s\n", tag);
        return;
    }
}

static void tell(struct notice *notice, short events) {
    if (events & POLLOUT) {
        send(notice->fd, notice->text, strlen(notice->text), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (events != 0 || now_ms() > notice->until_ms) {
        close(notice->fd);
        notice->fd = -1;
    }
}

// The loop

struct waiting {
    struct pollfd fd[1 + CONTROLS_MAX + CLIENTS_MAX + NOTICES_MAX];
    void *of[1 + CONTROLS_MAX + CLIENTS_MAX + NOTICES_MAX];
    nfds_t count;
    nfds_t clients;     // where they begin
    nfds_t notices;
};

static void wait_for(struct waiting *waiting, int fd, short events, void *of) {
    waiting->fd[waiting->count] = (struct pollfd){.fd = fd, .events = events};
    waiting->of[waiting->count++] = of;
}

static void gather(struct control_sockets *sockets, struct waiting *waiting) {
    waiting->count = 0;
    wait_for(waiting, me_engine_fd(sockets->relay->engine), POLLIN, NULL);
    for (int i = 0; i < sockets->count; i++) {
        wait_for(waiting, sockets->control[i].fd, POLLIN, &sockets->control[i]);
    }
    waiting->clients = waiting->count;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (sockets->client[i].fd >= 0) {
            wait_for(waiting, sockets->client[i].fd, POLLIN, &sockets->client[i]);
        }
    }
    waiting->notices = waiting->count;
    for (int i = 0; i < NOTICES_MAX; i++) {
        if (sockets->notice[i].fd >= 0) {
            wait_for(waiting, sockets->notice[i].fd, POLLOUT, &sockets->notice[i]);
        }
    }
}

static void take_command(struct control_sockets *sockets, const struct control *control) {
    if (control->kind == CONTROL_UDP) {
        take_datagrams(sockets, control->fd);
    } else {
        accept_client(sockets, control);
    }
}

void control_turn(struct control_sockets *sockets, int timeout_ms) {
    struct waiting waiting;
    sockets->relay->notified = notify;
    sockets->relay->context = sockets;
    gather(sockets, &waiting);
    if (waiting.notices < waiting.count && (timeout_ms < 0 || timeout_ms > NOTICE_MS)) {
        timeout_ms = NOTICE_MS;
    }
    if (poll(waiting.fd, waiting.count, timeout_ms) < 0) {
        return;
    }
    if (waiting.fd[0].revents != 0) {
        relay_expire(sockets->relay);
    }
    for (nfds_t i = 1; i < waiting.count; i++) {
        if (i >= waiting.notices) {
            tell(waiting.of[i], waiting.fd[i].revents);
        } else if (waiting.fd[i].revents == 0) {
            continue;
        } else if (i >= waiting.clients) {
            read_client(sockets, waiting.of[i]);
        } else {
            take_command(sockets, waiting.of[i]);
        }
    }
}
