#include "command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char letter) {
    return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

static char *next_word(char **at) {
    char *word = *at;
    while (is_blank(*word)) {
        word++;
    }
    if (*word == '\0') {
        return NULL;
    }
    char *end = word;
    while (*end != '\0' && !is_blank(*end)) {
        end++;
    }
    *at = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

enum rtpp_error rtpp_split(char *text, size_t length, struct rtpp_command *command) {
    char *word;
    memset(command, 0, sizeof(*command));
    command->parts = 1;
    if (length >= RTPP_LINE_MAX || memchr(text, '\0', length) != NULL) {
        return RTPP_SYNTAX;
    }
    text[length] = '\0';
    while ((word = next_word(&text)) != NULL) {
        struct rtpp_part *part = &command->part[command->parts - 1];
        if (strcmp(word, "&&") == 0) {
            if (part->count == 0 || command->parts == RTPP_PARTS_MAX) {
                return RTPP_SYNTAX;
            }
            command->parts++;
        } else if (part->count == RTPP_WORDS_MAX) {
            return RTPP_SYNTAX;
        } else {
            part->word[part->count++] = word;
        }
    }
    return command->part[command->parts - 1].count > 0 ? RTPP_OK : RTPP_SYNTAX;
}

bool rtpp_number(const char *text, long max, long *number) {
    char *end;
    if (!isdigit((unsigned char)text[0]) || strlen(text) > 10) {
        return false;
    }
    *number = strtol(text, &end, 10);
    return *end == '\0' && *number <= max;
}

static int hex(char letter) {
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    letter = (char)tolower((unsigned char)letter);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

enum rtpp_error rtpp_unescape(char *text) {
    char *out = text;
    for (; *text != '\0'; text++) {
        if (*text != '%') {
            *out++ = *text;
            continue;
        }
        int high = hex(text[1]);
        int low = high < 0 ? -1 : hex(text[2]);
        if (low < 0 || high * 16 + low == 0) {
            return RTPP_BAD_ESCAPE;
        }
        *out++ = (char)(high * 16 + low);
        text += 2;
    }
    *out = '\0';
    return RTPP_OK;
}

size_t rtpp_tag_base(const char *tag, const char **media) {
    const char *mark = strchr(tag, ';');
    size_t length = mark ? (size_t)(mark - tag) : strlen(tag);
    *media = mark ? mark + 1 : tag + length;
    return length;
}

// Copies what `accepts` takes of *at; false when nothing is there or it does not fit.
static bool copy(const char **at, bool (*accepts)(char), char *to) {
    size_t length = 0;
    while (accepts((*at)[length]) && length < RTPP_CODECS_MAX - 1) {
        length++;
    }
    memcpy(to, *at, length);
    to[length] = '\0';
    *at += length;
    return length > 0 && !accepts(**at);
}

static bool of_codecs(char letter) {
    return isdigit((unsigned char)letter) || letter == ',';
}

static bool of_address(char letter) {
    return isdigit((unsigned char)letter) || letter == '.';
}

static bool in_brackets(char letter) {
    return letter != '\0' && letter != ']' && letter != '}';
}

// "192.0.2.1", "[2001:db8::1]" or, where a label may stand, "{name}".
static bool read_address(const char **at, bool label, char *to) {
    if (**at == '{' && label) {
        to[0] = '{';
        ++*at;
        char name[RTPP_CODECS_MAX];
        if (!copy(at, in_brackets, name) || **at != '}' || strlen(name) > RTPP_CODECS_MAX - 2) {
            return false;
        }
        memcpy(to + 1, name, strlen(name) + 1);
        ++*at;
        return true;
    }
    if (**at == '[') {
        ++*at;
        if (!copy(at, in_brackets, to) || **at != ']') {
            return false;
        }
        ++*at;
        return true;
    }
    return copy(at, of_address, to);
}

static bool read_milliseconds(const char **at, int *number) {
    char *end;
    if (!isdigit((unsigned char)**at)) {
        return false;
    }
    long value = strtol(*at, &end, 10);
    *at = end;
    *number = (int)value;
    return value >= 1 && value <= 999;
}

static void note_interface(struct rtpp_modifiers *modifiers, char letter) {
    modifiers->inner[modifiers->inner[0] == '\0' ? 0 : 1] = letter;
}

static enum rtpp_error read_valued(char letter, const char **at,
    struct rtpp_modifiers *modifiers) {
    switch (letter) {
        case 'z':
            return read_milliseconds(at, &modifiers->repacketize) ? RTPP_OK : RTPP_BAD_REPACKETIZE;
        case 'c':
            return copy(at, of_codecs, modifiers->codecs) ? RTPP_OK : RTPP_BAD_CODECS;
        case 'l':
            return read_address(at, true, modifiers->local) ? RTPP_OK : RTPP_BAD_LOCAL;
        case 'r':
            return read_address(at, false, modifiers->route) ? RTPP_OK : RTPP_BAD_ROUTE;
        default:
            return RTPP_BAD_MODIFIER;
    }
}

enum rtpp_error rtpp_read_modifiers(const char *text, struct rtpp_modifiers *modifiers) {
    memset(modifiers, 0, sizeof(*modifiers));
    while (*text != '\0') {
        char letter = (char)tolower((unsigned char)*text++);
        enum rtpp_error error = RTPP_OK;
        switch (letter) {
            case 'a': modifiers->asymmetric = true; break;
            case 's': modifiers->symmetric = true; break;
            case 'w': modifiers->weak = true; break;
            case '6': modifiers->ipv6 = true; break;
            case 'n': modifiers->new_port = true; break;
            case 'e':
            case 'i': note_interface(modifiers, letter); break;
            default: error = read_valued(letter, &text, modifiers); break;
        }
        if (error != RTPP_OK) {
            return error;
        }
    }
    return RTPP_OK;
}
