// The fast path of the userspace relay: packets by a memory-mapped ring, out again by batches.
//
// A packet socket sees every IPv4 datagram for our range of ports and puts it into a ring that we
// share with the kernel (packet(7), TPACKET_V2); what is to go on leaves by one raw socket, many
// packets a system call. The UDP sockets stay open, for they own the ports, but a filter has
// them drop what the ring has got. The latch rules are those of streams.h, as everywhere.
//
// The ring takes whole IPv4 datagrams of at most ME_RING_LENGTH octets, which speech is: fragments,
// video and IPv6 come by the UDP sockets as ever. It needs CAP_NET_RAW; without, all do.

#ifndef MEDIAENGINE_RING_H
#define MEDIAENGINE_RING_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "streams.h"

enum {
    ME_RING_LENGTH = 400,       // of the IP datagram
    ME_RING_BATCH = 64,         // packets that one system call sends
    ME_RING_HEADERS = 28,       // IPv4 and UDP
};

// What a port of the range is: filled while a stream has it.
struct me_ring_port {
    uint64_t token;             // see me_token; ME_RING_NOBODY: none
    uint32_t own;               // the address of ours that its peer sends to, network order; 0: unknown
    uint32_t foreign;           // an address that is not ours, which was asked for last
    bool bound;                 // `own` was given, and packets to others are not for this port
};

struct me_ring {
    int fd;                     // of the ring, -1: there is none
    int raw;
    uint8_t *map;
    uint32_t frames;
    uint32_t next;              // the frame that is looked at next
    uint32_t held;              // frames before it that the batch still needs
    uint16_t port_min;
    uint16_t port_max;
    uint8_t traffic_class;
    struct me_ring_port *port;
    // the batch
    unsigned count;
    struct mmsghdr message[ME_RING_BATCH];
    struct iovec part[ME_RING_BATCH][2];
    struct sockaddr_in to[ME_RING_BATCH];
    uint8_t headers[ME_RING_BATCH][ME_RING_HEADERS];
    struct me_route route[ME_RING_BATCH];
    uint32_t length[ME_RING_BATCH];
};

#define ME_RING_NOBODY UINT64_MAX

// One datagram in the ring.
struct me_ring_packet {
    uint64_t token;
    struct me_address from;
    const uint8_t *payload;
    uint32_t length;
};

// Returns 0 or a negative errno; -EPERM where packet sockets are not allowed.
int me_ring_open(struct me_ring *ring, uint16_t port_min, uint16_t port_max,
    uint8_t traffic_class);
void me_ring_close(struct me_ring *ring);
uint64_t me_ring_memory(const struct me_ring *ring);

// For a UDP socket before it is bound: what the ring takes, it does not get.
int me_ring_divert(int fd);

// A stream has the port now, or ME_RING_NOBODY. local: what its socket is bound to, NULL: nothing.
void me_ring_watch(struct me_ring *ring, uint16_t port, uint64_t token,
    const struct me_address *local);

// Takes the next datagram that is for us; false when there is none now.
bool me_ring_take(struct me_ring *ring, struct me_ring_packet *packet);

// Puts the datagram that was just taken on its way. `from_port` is the port of ours that it
// leaves from. False: it cannot go this way, the UDP socket has to send it.
bool me_ring_send(struct me_ring *ring, const struct me_ring_packet *packet,
    const struct me_route *route, uint16_t from_port);

// Sends the batch, and gives the frames back to the kernel.
void me_ring_flush(struct me_ring *ring);

#endif
