// rtpproxy's control protocol, "RTPP v1": one command as text, taken apart. No state in here.
//
// A command is words between blanks: a letter with its modifiers, then arguments. `&&` begins a
// further command that is about the same session.

#ifndef RELAYD_COMMAND_H
#define RELAYD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RTPP_WORDS_MAX = 20,        // of a command
    RTPP_PARTS_MAX = 16,        // the command and what follows it behind &&
    RTPP_LINE_MAX = 8192,
    RTPP_TAG_MAX = 256,         // bytes of a Call-ID or tag, with its media number
    RTPP_CODECS_MAX = 64,       // bytes of a codec list
};

// What a command is answered with: E and this number.
enum rtpp_error {
    RTPP_OK = 0,
    RTPP_UNKNOWN = 1000,        // is told as E0
    RTPP_ARGUMENTS = 1,
    RTPP_MODIFIERS = 2,
    RTPP_SUBCOMMAND = 3,
    RTPP_SYNTAX = 5,
    RTPP_BAD_RECORD = 7,
    RTPP_BAD_DELETE = 8,
    RTPP_BAD_STATISTICS = 9,
    RTPP_BAD_ESCAPE = 10,
    RTPP_ONE_INTERFACE_E = 11,
    RTPP_ONE_INTERFACE_I = 12,
    RTPP_BAD_REPACKETIZE = 13,
    RTPP_BAD_CODECS = 14,
    RTPP_BAD_LOCAL = 15,
    RTPP_BAD_ROUTE = 16,
    RTPP_BAD_COUNT = 17,
    RTPP_BAD_INFORMATION = 18,
    RTPP_BAD_QUERY = 19,
    RTPP_TOO_LONG = 25,
    RTPP_NO_LOCAL = 31,
    RTPP_NO_ROUTE = 32,
    RTPP_BAD_MODIFIER = 35,
    RTPP_NO_FAMILY = 36,
    RTPP_NO_SESSION = 50,
    RTPP_PLAYER = 60,
    RTPP_QUERY = 62,
    RTPP_COPY = 65,
    RTPP_STATISTICS = 68,
    RTPP_NO_PORTS = 72,
    RTPP_NO_NOTIFY = 75,
    RTPP_NO_MEMORY = 81,
    RTPP_OVERLOAD = 98,
};

struct rtpp_part {
    int count;
    char *word[RTPP_WORDS_MAX];
};

struct rtpp_command {
    int parts;
    struct rtpp_part part[RTPP_PARTS_MAX];
};

// The modifiers of U and L. Text points into the command.
struct rtpp_modifiers {
    bool asymmetric;
    bool symmetric;
    bool weak;
    bool ipv6;
    bool new_port;
    char inner[2];              // 'i' and 'e' in their order; '\0': none
    int repacketize;            // milliseconds, 0: no
    char codecs[RTPP_CODECS_MAX];
    char local[RTPP_CODECS_MAX];        // address, or label in braces; "" : none
    char route[RTPP_CODECS_MAX];        // address
};

// Cuts `text` (length bytes, and one more for its end) into words, in place.
enum rtpp_error rtpp_split(char *text, size_t length, struct rtpp_command *command);

// Of the first word of U or L, behind its letter.
enum rtpp_error rtpp_read_modifiers(const char *text, struct rtpp_modifiers *modifiers);

// Undoes %XX in place.
enum rtpp_error rtpp_unescape(char *text);

// A number without sign up to `max`; false for anything else.
bool rtpp_number(const char *text, long max, long *number);

// "tag;2" -> the length of "tag"; `media` points at "2", or at the end.
size_t rtpp_tag_base(const char *tag, const char **media);

#endif
