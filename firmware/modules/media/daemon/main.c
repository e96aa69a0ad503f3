// relayd: the media engine as a program of its own, commanded by rtpproxy's protocol.

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control_sockets.h"

static const char USAGE[] =
    "usage: relayd [-l ADDRESS[/INTERNAL]] [-6 ADDRESS] [-s SOCKET]... [options]\n"
    "\n"
    "  -l ADDRESS      where media is received, * for every address; ADDRESS=TOLD: what peers are\n"
    "                  told instead; NAME@ADDRESS: for the modifier l{NAME}; EXTERNAL/INTERNAL: a\n"
    "                  bridge of two networks, for the modifiers e and i\n"
    "  -6 ADDRESS      the same for IPv6\n"
    "  -A TOLD         what is told instead of the first -l\n"
    "  -s SOCKET       for commands: udp:HOST:PORT, unix:PATH, cunix:PATH, tcp:HOST:PORT\n"
    "                  (udp:127.0.0.1:22222)\n"
    "  -a NETWORK      who may command by UDP and TCP: 192.0.2.0/24 (127.0.0.0/8 and ::1)\n"
    "  -m PORT -M PORT first and last port of media (35000, 65000)\n"
    "  -N STREAMS      most media lines at a time (1000)\n"
    "  -T SECONDS      silence after which an answered session ends (60)\n"
    "  -W SECONDS      the same before the answer (60)\n"
    "  -n SOCKET       may be told of such ends: unix:PATH, tcp:HOST:PORT\n"
    "  -t TOS          traffic class of what is sent (184)\n"
    "  -P PRIORITY     of the real-time scheduler, 0: none (20)\n"
    "  -S              by UDP sockets alone, where packets could come by a ring (ring.h)\n"
    "  -b              take ports in their order, and tell everybody which comes next\n"
    "  -f -F -d LEVEL  for rtpproxy's start scripts: it stays in the foreground, as anybody\n"
    "  -h              this text\n";

struct options {
    struct me_config engine;
    struct relay *relay;
    struct control_sockets *control;
    const char *told;
    int sockets;
};

static volatile sig_atomic_t ended;

static void end(int number) {
    (void)number;
    ended = 1;
}

__attribute__((noreturn)) static void refuse(const char *what, const char *value) {
    fprintf(stderr, "relayd: %s: %s\n       relayd -h lists the options\n", what, value);
    exit(2);
}

static uint32_t number(const char *text, long min, long max, const char *what) {
    long value;
    if (!rtpp_number(text, max, &value) || value < min) {
        refuse(what, text);
    }
    return (uint32_t)value;
}

// "external/internal", or "/::1" as rtpproxy wants it behind -6.
static void add_places(struct places *places, const char *text, bool ipv6) {
    char external[256];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    int first = -1;
    if (length >= sizeof(external)) {
        refuse("no such address", text);
    }
    memcpy(external, text, length);
    external[length] = '\0';
    if (length > 0 && (first = places_add(places, external, ipv6)) < 0) {
        refuse("no such address", text);
    }
    int second = slash ? places_add(places, slash + 1, ipv6) : -1;
    if (slash != NULL && second < 0) {
        refuse("no such address", text);
    }
    if (first >= 0 && second >= 0) {
        places->bridge[0] = first;
        places->bridge[1] = second;
    }
}

static void take(struct options *options, int option, const char *value) {
    struct relay *relay = options->relay;
    switch (option) {
        case 'l': add_places(&relay->places, value, false); break;
        case '6': add_places(&relay->places, value, true); break;
        case 'A': options->told = value; break;
        case 'm': options->engine.port_min = (uint16_t)number(value, 1, 65535, "no port"); break;
        case 'M': options->engine.port_max = (uint16_t)number(value, 1, 65535, "no port"); break;
        case 'N':
            options->engine.streams = number(value, 1, ME_STREAMS_MAX, "not a number of streams");
            break;
        case 'T': relay->ttl_ms = number(value, 1, 86400, "not seconds") * 1000; break;
        case 'W': relay->setup_ttl_ms = number(value, 1, 86400, "not seconds") * 1000; break;
        case 't': options->engine.traffic_class = number(value, 0, 255, "no traffic class"); break;
        case 'P': options->engine.priority = number(value, 0, 99, "no priority"); break;
        case 'b': options->engine.ordered = 1; break;
        case 'S': options->engine.ring = 0; break;
        case 'n':
            if (relay->notify_count == RTPP_NOTIFY_MAX) {
                refuse("too many -n", value);
            }
            relay->notify[relay->notify_count++] = value;
            break;
        case 'a':
            if (control_allow(options->control, value) < 0) {
                refuse("no such network", value);
            }
            break;
        default: break;
    }
}

static void open_control(struct options *options, const char *name) {
    int error = control_open(options->control, name);
    if (error < 0) {
        refuse(strerror(-error), name);
    }
    options->sockets++;
}

static void tell_instead(struct places *places, const char *told) {
    struct me_address address;
    if (me_address_read(told, 0, &address) < 0) {
        refuse("no such address", told);
    }
    me_address_write(&address, places->place[0].told);
}

static void read_options(struct options *options, int count, char **words) {
    static const char LETTERS[] = "l:6:A:s:a:m:M:N:T:W:n:t:P:bSfFd:h";
    const char *sockets[CONTROLS_MAX];
    int wanted = 0;
    int option;
    while ((option = getopt(count, words, LETTERS)) != -1) {
        if (option == 'h') {
            fputs(USAGE, stdout);
            exit(0);
        }
        if (option == '?') {
            exit(2);
        }
        if (option == 's') {
            if (wanted == CONTROLS_MAX) {
                refuse("too many -s", optarg);
            }
            sockets[wanted++] = optarg;
        } else {
            take(options, option, optarg);
        }
    }
    if (optind < count) {
        refuse("not an option", words[optind]);
    }
    if (options->relay->places.count == 0) {
        places_add(&options->relay->places, "*", false);
    }
    if (options->told != NULL) {
        tell_instead(&options->relay->places, options->told);
    }
    for (int i = 0; i < wanted; i++) {
        open_control(options, sockets[i]);
    }
    if (wanted == 0) {
        open_control(options, "udp:127.0.0.1:22222");
    }
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int count, char **words) {
    static struct relay relay;
    static struct control_sockets control;
    struct options options = {.relay = &relay, .control = &control,
        .engine = {.port_min = 35000, .port_max = 65000, .streams = 1000, .timeout_ms = 60000,
            .traffic_class = 0xB8, .priority = 20, .ring = 1}};
    places_init(&relay.places);
    relay.ttl_ms = relay.setup_ttl_ms = 60000;
    control_init(&control, &relay);
    read_options(&options, count, words);
    if (sessions_init(&relay.sessions, options.engine.streams) < 0) {
        refuse("no memory for so many streams", "-N");
    }
    int error = me_engine_create(&options.engine, &relay.engine);
    if (error < 0) {
        refuse("the media engine does not start (ports of -m and -M, streams of -N)",
            strerror(-error));
    }
    catch_signals();
    while (!ended) {
        control_turn(&control, -1);
    }
    control_close(&control);
    sessions_free(&relay.sessions);
    me_engine_destroy(relay.engine);
    return 0;
}
