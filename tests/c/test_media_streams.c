// The latch rules and the table, without a network. The rules are numbered in streams.h.
#include "streams.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "mediaengine.h"
#include "streams_model.h"

enum { TIMEOUT_MS = 60000 };

struct fixture {
    struct me_table table;
    uint32_t handle;
};

static struct me_address at(const char *host, uint32_t port) {
    struct me_address address;
    CHECK(me_address_read(host, port, &address) == 0);
    return address;
}

static struct fixture set_up(void) {
    struct me_sockets sockets = {.socket = {{10, 11}, {20, 21}}, .port = {4000, 4002}};
    struct fixture f;
    CHECK(me_table_init(&f.table, 4, TIMEOUT_MS) == 0);
    CHECK(me_table_open(&f.table, &sockets, 0, &f.handle) == 0);
    return f;
}

static void tear_down(struct fixture *f) {
    me_table_free(&f->table);
}

static struct me_peer peer_at(const char *host, uint32_t port, bool trusted) {
    struct me_peer peer = {.allowed_count = 1};
    peer.allowed[0] = at(host, 0);
    if (trusted) {
        peer.signalled[ME_RTP] = at(host, port);
        peer.signalled[ME_RTCP] = at(host, port + 1);
    }
    return peer;
}

static void set_peer(struct fixture *f, uint32_t side, const struct me_peer *peer) {
    CHECK(me_table_set_peer(&f->table, f->handle, side, peer, 0) == 0);
}

static void both_peers(struct fixture *f) {
    struct me_peer a = peer_at("192.0.2.1", 5000, true);
    struct me_peer b = peer_at("192.0.2.2", 6000, true);
    set_peer(f, ME_OFFERER, &a);
    set_peer(f, ME_ANSWERER, &b);
}

static struct me_route send_from(struct fixture *f, uint32_t side, uint32_t component,
    const char *host, uint32_t port) {
    struct me_address from = at(host, port);
    struct me_stream *stream = me_table_find(&f->table, f->handle);
    CHECK(stream);
    return me_table_route(stream, side, component, &from, 172, 0);
}

static bool goes_to(struct me_route route, const char *host, uint32_t port) {
    struct me_address expected = at(host, port);
    return route.to && me_same_address(route.to, &expected);
}

static void nothing_is_accepted_before_signalling(void) {
    struct fixture f = set_up();
    struct me_route route = send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    CHECK(!route.to && route.counts->foreign == 1);
    tear_down(&f);
}

static void other_hosts_do_not_latch(void) {
    struct fixture f = set_up();
    both_peers(&f);
    for (int i = 0; i < 1000; i++) {
        CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "198.51.100.9", 5000).to);
    }
    CHECK(goes_to(send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000), "192.0.2.2", 6000));
    tear_down(&f);
}

static void the_first_packet_latches_host_and_port(void) {
    struct fixture f = set_up();
    both_peers(&f);
    send_from(&f, ME_ANSWERER, ME_RTP, "192.0.2.2", 61000);  // not the port that SDP named
    CHECK(goes_to(send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000), "192.0.2.2", 61000));
    tear_down(&f);
}

static void after_the_latch_no_other_port_of_the_host_passes(void) {
    struct fixture f = set_up();
    both_peers(&f);
    send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    for (uint32_t port = 1; port < 65536; port++) {
        struct me_route route = send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", port);
        CHECK((route.to != NULL) == (port == 5000));
    }
    CHECK(goes_to(send_from(&f, ME_ANSWERER, ME_RTP, "192.0.2.2", 6000), "192.0.2.1", 5000));
    tear_down(&f);
}

static void rtp_and_rtcp_latch_to_one_host(void) {
    struct fixture f = set_up();
    struct me_peer a = peer_at("192.0.2.1", 5000, false);
    both_peers(&f);
    a.allowed[a.allowed_count++] = at("203.0.113.7", 0);
    set_peer(&f, ME_OFFERER, &a);
    CHECK(send_from(&f, ME_OFFERER, ME_RTCP, "203.0.113.7", 40001).to);
    CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000).to);
    CHECK(send_from(&f, ME_OFFERER, ME_RTP, "203.0.113.7", 40000).to);
    CHECK(goes_to(send_from(&f, ME_ANSWERER, ME_RTCP, "192.0.2.2", 6001), "203.0.113.7", 40001));
    tear_down(&f);
}

static void an_untrusted_address_is_sent_nothing_before_the_latch(void) {
    struct fixture f = set_up();
    struct me_peer b = peer_at("192.0.2.2", 6000, false);
    both_peers(&f);
    set_peer(&f, ME_ANSWERER, &b);
    struct me_route route = send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    CHECK(!route.to && route.counts->nowhere == 1);
    CHECK(send_from(&f, ME_ANSWERER, ME_RTP, "192.0.2.2", 6000).to);
    CHECK(goes_to(send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000), "192.0.2.2", 6000));
    tear_down(&f);
}

static void groups_and_port_0_are_no_destination(void) {
    static const char *const hosts[] = {"224.0.0.1", "239.1.2.3", "255.255.255.255", "0.0.0.0",
        "0.1.2.3", "ff02::1", "::"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct me_address address = at(hosts[i], 5000);
        CHECK(!me_can_send_to(&address));
    }
    struct me_address address = at("192.0.2.1", 0);
    CHECK(!me_can_send_to(&address));
    address = at("2001:db8::1", 5000);
    CHECK(me_can_send_to(&address));
}

static void a_source_port_of_0_does_not_latch(void) {
    struct fixture f = set_up();
    both_peers(&f);
    CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 0).to);
    CHECK(send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000).to);
    tear_down(&f);
}

static void the_same_peer_again_keeps_the_latch(void) {
    struct fixture f = set_up();
    both_peers(&f);
    send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    both_peers(&f);     // a repeated 183, then 200
    CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5555).to);
    tear_down(&f);
}

static void relatch_takes_the_next_allowed_source(void) {
    struct fixture f = set_up();
    struct me_peer a = peer_at("192.0.2.1", 5000, true);
    both_peers(&f);
    send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    a.relatch = 1;
    set_peer(&f, ME_OFFERER, &a);
    // until it speaks, the old address of an allowed host is sent to
    CHECK(goes_to(send_from(&f, ME_ANSWERER, ME_RTP, "192.0.2.2", 6000), "192.0.2.1", 5000));
    CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "198.51.100.9", 5000).to);
    CHECK(send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5700).to);
    CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000).to);
    CHECK(goes_to(send_from(&f, ME_ANSWERER, ME_RTP, "192.0.2.2", 6000), "192.0.2.1", 5700));
    tear_down(&f);
}

static void a_new_host_is_sent_to_and_the_old_one_is_shut_out(void) {
    struct fixture f = set_up();
    struct me_peer a = peer_at("192.0.2.77", 7000, true);
    both_peers(&f);
    send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    set_peer(&f, ME_OFFERER, &a);
    CHECK(goes_to(send_from(&f, ME_ANSWERER, ME_RTP, "192.0.2.2", 6000), "192.0.2.77", 7000));
    CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000).to);
    CHECK(send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.77", 7000).to);
    tear_down(&f);
}

static void a_fixed_side_is_sent_to_where_signalling_says(void) {
    struct fixture f = set_up();
    struct me_peer peer = peer_at("192.0.2.1", 5000, true);
    both_peers(&f);
    peer.fixed = 1;
    set_peer(&f, ME_OFFERER, &peer);
    CHECK(goes_to(send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 7777), "192.0.2.2", 6000));
    CHECK(goes_to(send_from(&f, ME_ANSWERER, ME_RTP, "192.0.2.2", 6000), "192.0.2.1", 5000));
    CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 7778).to);
    tear_down(&f);
}

static void a_side_without_sockets_is_sent_nothing(void) {
    struct fixture f = set_up();
    int closed[ME_COMPONENTS] = {-1, -1};
    int former[ME_COMPONENTS];
    uint16_t port;
    both_peers(&f);
    CHECK(me_table_bind(&f.table, f.handle, ME_ANSWERER, closed, 0, former, &port) == 0);
    CHECK(former[ME_RTP] == 20 && former[ME_RTCP] == 21 && port == 4002);
    struct me_route route = send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    CHECK(!route.to && route.accepted && route.counts->nowhere == 1);
    CHECK(me_table_bind(&f.table, f.handle, ME_ANSWERER, former, 4004, closed, &port) == 0);
    CHECK(goes_to(send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000), "192.0.2.2", 6000));
    CHECK(me_table_bind(&f.table, f.handle, ME_SIDES, former, 4004, closed, &port) == -EINVAL);
    CHECK(me_table_bind(&f.table, f.handle + 1, 0, former, 4004, closed, &port) == -ESTALE);
    tear_down(&f);
}

static void a_muted_side_is_sent_nothing_and_keeps_its_latch(void) {
    struct fixture f = set_up();
    struct me_peer a = peer_at("192.0.2.1", 5000, true);
    both_peers(&f);
    send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    a.muted = 1;
    set_peer(&f, ME_OFFERER, &a);
    CHECK(!send_from(&f, ME_ANSWERER, ME_RTP, "192.0.2.2", 6000).to);
    a.muted = 0;
    set_peer(&f, ME_OFFERER, &a);
    CHECK(goes_to(send_from(&f, ME_ANSWERER, ME_RTP, "192.0.2.2", 6000), "192.0.2.1", 5000));
    CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5001).to);
    tear_down(&f);
}

static void short_datagrams_neither_pass_nor_latch(void) {
    struct fixture f = set_up();
    struct me_address from = at("192.0.2.1", 5000);
    both_peers(&f);
    struct me_stream *stream = me_table_find(&f.table, f.handle);
    for (size_t length = 0; length < ME_PACKET_MIN; length++) {
        CHECK(!me_table_route(stream, ME_OFFERER, ME_RTP, &from, length, 0).to);
    }
    CHECK(stream->side[ME_OFFERER].counts[ME_RTP].shorts == ME_PACKET_MIN);
    CHECK(stream->side[ME_OFFERER].latch[ME_RTP].source.family == ME_NONE);
    tear_down(&f);
}

static void counters_pass_32_bits(void) {
    struct fixture f = set_up();
    both_peers(&f);
    struct me_route route = send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    route.counts->bytes = UINT32_MAX;
    route.counts->packets = UINT32_MAX;
    me_table_sent(&route, 172, true);
    CHECK(route.counts->bytes == 4294967295ull + 172 && route.counts->packets == 4294967296ull);
    me_table_sent(&route, 172, false);
    CHECK(route.counts->failed == 1);
    tear_down(&f);
}

static void silence_is_reported_once_and_anew_after_speech(void) {
    struct fixture f = set_up();
    uint32_t handles[4];
    struct me_address from = at("192.0.2.1", 5000);
    bool more;
    both_peers(&f);
    CHECK(!me_table_expire(&f.table, TIMEOUT_MS - 1));
    CHECK(me_table_expire(&f.table, TIMEOUT_MS));
    CHECK(me_table_report(&f.table, handles, 4, &more) == 1 && handles[0] == f.handle && !more);
    CHECK(!me_table_expire(&f.table, 2 * TIMEOUT_MS));
    CHECK(me_table_report(&f.table, handles, 4, &more) == 0);
    me_table_route(me_table_find(&f.table, f.handle), ME_OFFERER, ME_RTP, &from, 172, TIMEOUT_MS);
    CHECK(me_table_expire(&f.table, 3 * TIMEOUT_MS));
    CHECK(me_table_report(&f.table, handles, 4, &more) == 1);
    tear_down(&f);
}

static void foreign_packets_do_not_keep_a_stream_alive(void) {
    struct fixture f = set_up();
    struct me_address from = at("198.51.100.9", 5000);
    both_peers(&f);
    me_table_route(me_table_find(&f.table, f.handle), ME_OFFERER, ME_RTP, &from, 172,
        TIMEOUT_MS - 1);
    CHECK(me_table_expire(&f.table, TIMEOUT_MS));
    tear_down(&f);
}

static void a_time_out_of_0_never_ends_a_stream(void) {
    struct fixture f = set_up();
    CHECK(me_table_set_timeout(&f.table, f.handle, 0, 0) == 0);
    CHECK(!me_table_expire(&f.table, UINT32_MAX));
    CHECK(me_table_set_timeout(&f.table, f.handle, 1000, UINT32_MAX) == 0);
    CHECK(!me_table_expire(&f.table, (uint64_t)UINT32_MAX + 999));
    CHECK(me_table_expire(&f.table, (uint64_t)UINT32_MAX + 1000));
    tear_down(&f);
}

static void what_does_not_fit_the_callers_list_is_told_next_time(void) {
    struct fixture f = set_up();
    struct me_sockets sockets = {.port = {1, 2}};
    uint32_t handles[4];
    uint32_t handle;
    bool more;
    CHECK(me_table_open(&f.table, &sockets, 0, &handle) == 0);
    CHECK(me_table_expire(&f.table, TIMEOUT_MS));
    CHECK(me_table_report(&f.table, handles, 1, &more) == 1 && more);
    CHECK(me_table_report(&f.table, handles, 1, &more) == 1 && !more && handles[0] == handle);
    tear_down(&f);
}

static void stale_and_made_up_handles_are_refused(void) {
    struct fixture f = set_up();
    struct me_sockets sockets;
    struct me_stats stats;
    struct me_peer peer = peer_at("192.0.2.1", 5000, true);
    uint32_t next;
    uint32_t stale = f.handle;
    CHECK(me_table_close(&f.table, stale, 0, &sockets, &stats) == 0);
    CHECK(me_table_close(&f.table, stale, 0, &sockets, &stats) == -ESTALE);
    for (int i = 0; i < 4; i++) {   // the same entry again, another generation
        CHECK(me_table_open(&f.table, &sockets, 0, &next) == 0 && next != stale);
    }
    CHECK(me_table_open(&f.table, &sockets, 0, &next) == -ENFILE);
    CHECK(me_table_stats(&f.table, stale, 0, &stats) == -ESTALE);
    CHECK(me_table_set_peer(&f.table, stale, 0, &peer, 0) == -ESTALE);
    CHECK(me_table_set_timeout(&f.table, stale, 0, 0) == -ESTALE);
    CHECK(!me_table_find(&f.table, 0) && !me_table_find(&f.table, UINT32_MAX));
    tear_down(&f);
}

static void a_new_stream_knows_nothing_of_the_old_one(void) {
    struct fixture f = set_up();
    struct me_sockets sockets = {.port = {4000, 4002}};
    struct me_stats stats;
    both_peers(&f);
    send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000);
    for (int i = 0; i < 4; i++) {
        CHECK(me_table_close(&f.table, f.handle, 0, &sockets, &stats) == 0);
        CHECK(me_table_open(&f.table, &sockets, 0, &f.handle) == 0);
        CHECK(!send_from(&f, ME_OFFERER, ME_RTP, "192.0.2.1", 5000).to);
    }
    tear_down(&f);
}

static void arguments_out_of_range_are_refused(void) {
    struct fixture f = set_up();
    struct me_peer peer = peer_at("192.0.2.1", 5000, true);
    CHECK(me_table_set_peer(&f.table, f.handle, 2, &peer, 0) == -EINVAL);
    peer.allowed_count = ME_ALLOWED_MAX + 1;
    CHECK(me_table_set_peer(&f.table, f.handle, 0, &peer, 0) == -EINVAL);
    struct me_table table;
    CHECK(me_table_init(&table, 0, 0) == -EINVAL);
    CHECK(me_table_init(&table, ME_STREAMS_MAX + 1, 0) == -EINVAL);
    tear_down(&f);
}

static void addresses_are_read_and_written(void) {
    char text[ME_ADDRESS_TEXT];
    struct me_address address = at("2001:db8::1", 5000);
    CHECK(me_address_write(&address, text) == 0 && strcmp(text, "2001:db8::1") == 0);
    address = at("::ffff:192.0.2.1", 5000);
    CHECK(address.family == ME_IPV4);
    CHECK(me_address_write(&address, text) == 0 && strcmp(text, "192.0.2.1") == 0);
    CHECK(me_address_read("192.0.2.1", 65536, &address) == -EINVAL);
    CHECK(me_address_read("example.org", 1, &address) == -EINVAL);
    CHECK(me_address_read("", 1, &address) == -EINVAL);
}

// The generator is seeded with a constant: the same sequences in every run.
static void random_sequences_obey_the_rules(void) {
    static uint8_t data[4096];
    uint32_t state = 2463534242u;
    for (int run = 0; run < 2000; run++) {
        for (size_t i = 0; i < sizeof(data); i++) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            data[i] = (uint8_t)(state >> 8);
        }
        run_model(data, sizeof(data));
    }
}

int main(void) {
    printf("test_media_streams\n");
    RUN(nothing_is_accepted_before_signalling);
    RUN(other_hosts_do_not_latch);
    RUN(the_first_packet_latches_host_and_port);
    RUN(after_the_latch_no_other_port_of_the_host_passes);
    RUN(rtp_and_rtcp_latch_to_one_host);
    RUN(an_untrusted_address_is_sent_nothing_before_the_latch);
    RUN(groups_and_port_0_are_no_destination);
    RUN(a_source_port_of_0_does_not_latch);
    RUN(the_same_peer_again_keeps_the_latch);
    RUN(relatch_takes_the_next_allowed_source);
    RUN(a_new_host_is_sent_to_and_the_old_one_is_shut_out);
    RUN(a_fixed_side_is_sent_to_where_signalling_says);
    RUN(a_side_without_sockets_is_sent_nothing);
    RUN(a_muted_side_is_sent_nothing_and_keeps_its_latch);
    RUN(short_datagrams_neither_pass_nor_latch);
    RUN(counters_pass_32_bits);
    RUN(silence_is_reported_once_and_anew_after_speech);
    RUN(foreign_packets_do_not_keep_a_stream_alive);
    RUN(a_time_out_of_0_never_ends_a_stream);
    RUN(what_does_not_fit_the_callers_list_is_told_next_time);
    RUN(stale_and_made_up_handles_are_refused);
    RUN(a_new_stream_knows_nothing_of_the_old_one);
    RUN(arguments_out_of_range_are_refused);
    RUN(addresses_are_read_and_written);
    RUN(random_sequences_obey_the_rules);
    return 0;
}
