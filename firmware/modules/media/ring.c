#define _GNU_SOURCE
#include "ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FRAME = 512,                // what tpacket adds to ME_RING_LENGTH octets fits
    BLOCK = 64 * 1024,
    BLOCKS = 16,                // 1 MiB, 2,048 packets: 40 ms of 1,000 streams
    IP_HEADER = 20,
    UDP_HEADER = 8,
    HOPS = 64,
    PROTOCOL_UDP = 17,
    NO_FRAGMENT = 0x3fff,       // the bit "more fragments", and the offset
    PACKET_IGNORES_OUTGOING = 23,       // PACKET_IGNORE_OUTGOING, younger than some headers
};

static uint32_t read16(const uint8_t *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

static void write16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

// Opening

// IPv4 without options or fragments, UDP, not too long, to a port of the range, not our own on
// its way out. Offsets are from the IP header (SOCK_DGRAM).
static int set_filter(int fd, uint16_t min, uint16_t max) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 0, 12),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x45, 0, 10),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROTOCOL_UDP, 0, 8),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NO_FRAGMENT, 6, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ME_RING_LENGTH, 4, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IP_HEADER + 2),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, min, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, max, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int me_ring_divert(int fd) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),     // the UDP header and what is behind it
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ME_RING_LENGTH - IP_HEADER, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int map_ring(struct me_ring *ring) {
    int version = TPACKET_V2;
    int one = 1;
    struct tpacket_req request = {.tp_block_size = BLOCK, .tp_block_nr = BLOCKS,
        .tp_frame_size = FRAME, .tp_frame_nr = BLOCK / FRAME * BLOCKS};
    setsockopt(ring->fd, SOL_PACKET, PACKET_IGNORES_OUTGOING, &one, sizeof(one));
    if (setsockopt(ring->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0
        || setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0) {
        return -errno;
    }
    void *map = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
    if (map == MAP_FAILED) {
        return -errno;
    }
    ring->map = map;
    ring->frames = request.tp_frame_nr;
    return 0;
}

// The filter is there before the socket is bound, so nothing else is ever in the ring.
static int start(struct me_ring *ring) {
    struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
    ring->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ring->raw = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
    if (ring->fd < 0 || ring->raw < 0 || set_filter(ring->fd, ring->port_min, ring->port_max) < 0) {
        return -errno;
    }
    int error = map_ring(ring);
    if (error == 0 && bind(ring->fd, (struct sockaddr *)&all, sizeof(all)) < 0) {
        error = -errno;
    }
    return error;
}

static void prepare_batch(struct me_ring *ring) {
    for (int i = 0; i < ME_RING_BATCH; i++) {
        struct msghdr *message = &ring->message[i].msg_hdr;
        ring->part[i][0].iov_base = ring->headers[i];
        ring->part[i][0].iov_len = ME_RING_HEADERS;
        ring->to[i].sin_family = AF_INET;
        message->msg_name = &ring->to[i];
        message->msg_namelen = sizeof(ring->to[i]);
        message->msg_iov = ring->part[i];
        message->msg_iovlen = 2;
    }
}

static uint32_t ports_of(const struct me_ring *ring) {
    return (uint32_t)ring->port_max - ring->port_min + 1;
}

int me_ring_open(struct me_ring *ring, uint16_t port_min, uint16_t port_max,
    uint8_t traffic_class) {
    *ring = (struct me_ring){.fd = -1, .raw = -1, .port_min = port_min, .port_max = port_max,
        .traffic_class = traffic_class};
    ring->port = malloc(ports_of(ring) * sizeof(*ring->port));
    int error = ring->port ? start(ring) : -ENOMEM;
    if (error < 0) {
        me_ring_close(ring);
        return error;
    }
    for (uint32_t i = 0; i < ports_of(ring); i++) {
        ring->port[i] = (struct me_ring_port){.token = ME_RING_NOBODY};
    }
    prepare_batch(ring);
    return 0;
}

void me_ring_close(struct me_ring *ring) {
    if (ring->map != NULL) {
        munmap(ring->map, (size_t)BLOCK * BLOCKS);
    }
    if (ring->fd >= 0) {
        close(ring->fd);
    }
    if (ring->raw >= 0) {
        close(ring->raw);
    }
    free(ring->port);
    ring->map = NULL;
    ring->port = NULL;
    ring->fd = ring->raw = -1;
}

uint64_t me_ring_memory(const struct me_ring *ring) {
    return ring->fd < 0 ? 0
        : (uint64_t)BLOCK * BLOCKS + ports_of(ring) * (uint64_t)sizeof(*ring->port);
}

void me_ring_watch(struct me_ring *ring, uint16_t port, uint64_t token,
    const struct me_address *local) {
    struct me_ring_port watched = {.token = token};
    if (ring->fd < 0 || port < ring->port_min || port > ring->port_max) {
        return;
    }
    if (local != NULL && local->family == ME_IPV4) {
        memcpy(&watched.own, local->host, sizeof(watched.own));
        watched.bound = watched.own != 0;
    }
    ring->port[port - ring->port_min] = watched;
}

// Receiving

static struct tpacket2_hdr *frame_at(const struct me_ring *ring, uint32_t number) {
    return (struct tpacket2_hdr *)(void *)(ring->map + (size_t)number * FRAME);
}

static void step(struct me_ring *ring) {
    ring->next = ring->next + 1 == ring->frames ? 0 : ring->next + 1;
    ring->held++;
}

// A box that routes for others sees their packets as well. An address is ours if a socket can be
// bound to it; that is asked once for each port and address.
static bool is_ours(struct me_ring_port *port, uint32_t address) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = address};
    if (port->own == address) {
        return true;
    }
    if (port->bound || port->foreign == address) {
        return false;
    }
    int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ours = probe >= 0 && bind(probe, (struct sockaddr *)&name, sizeof(name)) == 0;
    if (probe >= 0) {
        close(probe);
    }
    if (ours) {
        port->own = address;
    } else {
        port->foreign = address;
    }
    return ours;
}

static uint32_t fold(uint32_t total) {
    total = (total >> 16) + (total & 0xffff);
    return (total >> 16) + (total & 0xffff);
}

static uint32_t sum(uint32_t total, const uint8_t *data, uint32_t length) {
    for (; length > 1; data += 2, length -= 2) {
        total += read16(data);
    }
    return length ? total + ((uint32_t)data[0] << 8) : total;
}

// The kernel or the card may have seen to it, or nobody has: what comes from this very machine
// gets its checksum from the card that it never reaches.
static bool is_whole(uint32_t status, const uint8_t *ip, uint32_t length) {
    const uint8_t *udp = ip + IP_HEADER;
    if (status & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID) || read16(udp + 6) == 0) {
        return true;
    }
    return fold(sum(sum(PROTOCOL_UDP + length, ip + 12, 8), udp, length)) == 0xffff;
}

// The filter has looked at the header; the lengths are still the sender's word.
static bool read_packet(struct me_ring *ring, const struct tpacket2_hdr *frame,
    struct me_ring_packet *packet) {
    const uint8_t *ip = (const uint8_t *)frame + frame->tp_net;
    uint32_t total = read16(ip + 2);
    uint32_t length = read16(ip + IP_HEADER + 4);
    uint32_t target;
    if (frame->tp_snaplen < IP_HEADER + UDP_HEADER || total > frame->tp_snaplen
        || length < UDP_HEADER || length > total - IP_HEADER) {
        return false;
    }
    struct me_ring_port *port = &ring->port[read16(ip + IP_HEADER + 2) - ring->port_min];
    memcpy(&target, ip + 16, sizeof(target));
    if (port->token == ME_RING_NOBODY || !is_ours(port, target)
        || !is_whole(frame->tp_status, ip, length)) {
        return false;
    }
    packet->token = port->token;
    packet->from = (struct me_address){.family = ME_IPV4,
        .port = (uint16_t)read16(ip + IP_HEADER)};
    memcpy(packet->from.host, ip + 12, 4);
    packet->payload = ip + IP_HEADER + UDP_HEADER;
    packet->length = length - UDP_HEADER;
    return true;
}

bool me_ring_take(struct me_ring *ring, struct me_ring_packet *packet) {
    while (ring->held < ring->frames) {
        const struct tpacket2_hdr *frame = frame_at(ring, ring->next);
        if (!(__atomic_load_n(&frame->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
            return false;
        }
        bool usable = read_packet(ring, frame, packet);
        step(ring);
        if (usable) {
            return true;
        }
    }
    return false;
}

// Sending

// The address that packets to a peer leave from where it has sent none itself yet.
static uint32_t source_for(const struct me_address *to) {
    struct sockaddr_storage name;
    struct sockaddr_in own;
    socklen_t size = me_address_to_sockaddr(to, &name);
    int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found = probe >= 0 && connect(probe, (struct sockaddr *)&name, size) == 0;
    size = sizeof(own);
    found = found && getsockname(probe, (struct sockaddr *)&own, &size) == 0;
    if (probe >= 0) {
        close(probe);
    }
    return found ? own.sin_addr.s_addr : 0;
}

// RFC 768: over a header that nobody sends, too; 0 stands for "none", so the sum is never told so.
static uint32_t checksum(const uint8_t *headers, const uint8_t *payload, uint32_t length) {
    uint32_t total = PROTOCOL_UDP + UDP_HEADER + length;
    total = sum(total, headers + 12, 8);
    total = sum(total, headers + IP_HEADER, UDP_HEADER);
    total = sum(total, payload, length);
    total = ~fold(total) & 0xffff;
    return total ? total : 0xffff;
}

// The kernel fills in the header's checksum and identification, see raw(7).
static void write_headers(const struct me_ring *ring, uint8_t *headers, uint32_t own,
    uint16_t from_port, const struct me_ring_packet *packet, const struct me_address *to) {
    memset(headers, 0, ME_RING_HEADERS);
    headers[0] = 0x45;
    headers[1] = ring->traffic_class;
    write16(headers + 2, ME_RING_HEADERS + packet->length);
    headers[8] = HOPS;
    headers[9] = PROTOCOL_UDP;
    memcpy(headers + 12, &own, 4);
    memcpy(headers + 16, to->host, 4);
    write16(headers + IP_HEADER, from_port);
    write16(headers + IP_HEADER + 2, to->port);
    write16(headers + IP_HEADER + 4, UDP_HEADER + packet->length);
    write16(headers + IP_HEADER + 6, checksum(headers, packet->payload, packet->length));
}

bool me_ring_send(struct me_ring *ring, const struct me_ring_packet *packet,
    const struct me_route *route, uint16_t from_port) {
    const struct me_address *to = route->to;
    struct me_ring_port *port = &ring->port[from_port - ring->port_min];
    if (to->family != ME_IPV4) {
        return false;
    }
    if (port->own == 0 && (port->own = source_for(to)) == 0) {
        return false;
    }
    unsigned place = ring->count++;
    write_headers(ring, ring->headers[place], port->own, from_port, packet, to);
    memcpy(&ring->to[place].sin_addr, to->host, 4);
    ring->part[place][1].iov_base = (void *)(uintptr_t)packet->payload;
    ring->part[place][1].iov_len = packet->length;
    ring->route[place] = *route;
    ring->length[place] = packet->length;
    if (ring->count == ME_RING_BATCH) {
        me_ring_flush(ring);
    }
    return true;
}

// A packet that the kernel does not take is counted, and the rest of the batch goes on.
static void send_batch(struct me_ring *ring) {
    unsigned done = 0;
    while (done < ring->count) {
        int sent = sendmmsg(ring->raw, ring->message + done, ring->count - done,
            MSG_DONTWAIT | MSG_NOSIGNAL);
        unsigned good = sent > 0 ? (unsigned)sent : 0;
        for (unsigned i = 0; i < good; i++, done++) {
            me_table_sent(&ring->route[done], ring->length[done], true);
        }
        if (good == 0) {
            me_table_sent(&ring->route[done], ring->length[done], false);
            done++;
        }
    }
    ring->count = 0;
}

void me_ring_flush(struct me_ring *ring) {
    send_batch(ring);
    uint32_t first = ring->next >= ring->held ? ring->next - ring->held
        : ring->next + ring->frames - ring->held;
    for (; ring->held > 0; ring->held--) {
        __atomic_store_n(&frame_at(ring, first)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        first = first + 1 == ring->frames ? 0 : first + 1;
    }
}
