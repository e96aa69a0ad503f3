// libFuzzer on rtpproxy's control protocol: datagrams with cookies, to a relay that has an engine.
#include <string.h>

#include "check.h"
#include "control_sockets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SESSIONS = 8 };

static struct relay relay;
static struct control_sockets control;

static void start(void) {
    struct me_config config = {.port_min = 24000, .port_max = 24015, .streams = SESSIONS,
        .timeout_ms = 60000, .traffic_class = 0, .priority = 0};
    places_init(&relay.places);
    places_add(&relay.places, "127.0.0.1", false);
    places_add(&relay.places, "in@127.0.0.1=192.0.2.7", false);
    places_add(&relay.places, "::1", true);
    relay.places.bridge[0] = 0;
    relay.places.bridge[1] = 1;
    relay.ttl_ms = relay.setup_ttl_ms = 60000;
    relay.notify[relay.notify_count++] = "tcp:%%CC_SELF%%:9";
    control_init(&control, &relay);
    CHECK(sessions_init(&relay.sessions, SESSIONS) == 0);
    CHECK(me_engine_create(&config, &relay.engine) == 0);
}

// Lines of the input are datagrams, one after the other.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct me_address from = {.family = ME_IPV4, .port = 5, .host = {127, 0, 0, 1}};
    if (relay.engine == NULL) {
        start();
    }
    while (size > 0) {
        char text[RTPP_LINE_MAX + 1];
        char answer[COOKIE_MAX + RTPP_REPLY_MAX + 2];
        const uint8_t *end = memchr(data, '\n', size);
        size_t length = end ? (size_t)(end - data) : size;
        size_t taken = length < RTPP_LINE_MAX ? length : RTPP_LINE_MAX;
        memcpy(text, data, taken);
        size_t written = control_answer(&control, &from, text, taken, answer, sizeof(answer));
        CHECK(written == 0 || answer[written - 1] == '\n');
        CHECK(relay.sessions.count <= SESSIONS);
        data += length + (end ? 1 : 0);
        size -= length + (end ? 1 : 0);
    }
    char all[] = "x X";
    char answer[COOKIE_MAX + RTPP_REPLY_MAX + 2];
    memset(&control.replies, 0, sizeof(control.replies));
    CHECK(control_answer(&control, &from, all, strlen(all), answer, sizeof(answer)) == 4);
    CHECK(relay.sessions.count == 0);
    return 0;
}
