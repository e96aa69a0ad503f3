// The sockets that commands come by, as rtpproxy names them:
//
//   udp:host:port  udp6:host:port     "cookie command", answered with "cookie reply"
//   unix:path                         one command a connection, without a cookie
//   cunix:path  tcp:host:port  tcp6:host:port     lines, without cookies
//
// By UDP and TCP only networks that were allowed may command; the loopback ones unless said
// otherwise. Nothing in here blocks but poll().

#ifndef RELAYD_CONTROL_SOCKETS_H
#define RELAYD_CONTROL_SOCKETS_H

#include <stdint.h>

#include "command.h"
#include "relay.h"
#include "replies.h"

enum { CONTROLS_MAX = 8, CLIENTS_MAX = 32, NETWORKS_MAX = 16, NOTICES_MAX = 16 };

enum control_kind { CONTROL_UDP, CONTROL_ONCE, CONTROL_LINES };

struct control {
    enum control_kind kind;
    int fd;
    const char *path;           // of a Unix socket, to remove it in the end
};

struct client {
    int fd;                     // -1: free
    enum control_kind kind;
    struct me_address from;     // ME_NONE by a Unix socket
    size_t length;
    char text[RTPP_LINE_MAX];
};

struct network {
    struct me_address address;
    int bits;
};

// A time-out that somebody is being told of.
struct notice {
    int fd;                     // -1: free
    uint64_t until_ms;
    char text[RTPP_TAG_MAX + 2];
};

struct control_sockets {
    struct relay *relay;
    int count;
    struct control control[CONTROLS_MAX];
    struct client client[CLIENTS_MAX];
    int networks;
    struct network network[NETWORKS_MAX];
    struct notice notice[NOTICES_MAX];
    uint32_t refused;           // commands of strangers
    struct replies replies;
};

void control_init(struct control_sockets *sockets, struct relay *relay);

// "udp:127.0.0.1:22222". Returns 0, or a negative errno (-EINVAL: not a name of a socket).
int control_open(struct control_sockets *sockets, const char *name);

// "192.0.2.0/24". Returns 0 or -EINVAL.
int control_allow(struct control_sockets *sockets, const char *network);

// One turn: waits at most timeout_ms (-1: for ever), then handles what came.
void control_turn(struct control_sockets *sockets, int timeout_ms);
void control_close(struct control_sockets *sockets);

// A datagram "cookie command" from an allowed peer; writes the answer, returns its length; 0: none.
size_t control_answer(struct control_sockets *sockets, const struct me_address *from, char *text,
    size_t length, char *answer, size_t room);

#endif
