#include "places.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void places_init(struct places *places) {
    memset(places, 0, sizeof(*places));
    places->bridge[0] = places->bridge[1] = -1;
}

static bool take_label(const char **text, char *label) {
    const char *mark = strchr(*text, '@');
    if (mark == NULL) {
        return true;
    }
    size_t length = (size_t)(mark - *text);
    if (length == 0 || length >= PLACE_LABEL) {
        return false;
    }
    memcpy(label, *text, length);
    label[length] = '\0';
    *text = mark + 1;
    return true;
}

static bool is_any(const struct me_address *address) {
    static const uint8_t any[16];
    return memcmp(address->host, any, sizeof(any)) == 0;
}

int places_add(struct places *places, const char *text, bool ipv6) {
    struct place place = {.told = ""};
    struct me_address told;
    char bind[ME_ADDRESS_TEXT] = "";
    if (places->count == PLACES_MAX || !take_label(&text, place.label)) {
        return -1;
    }
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    if (length >= sizeof(bind)) {
        return -1;
    }
    memcpy(bind, text, length);
    const char *local = strcmp(bind, "*") == 0 ? (ipv6 ? "::" : "0.0.0.0") : bind;
    if (me_address_read(local, 0, &place.bind) < 0) {
        return -1;
    }
    if (equals != NULL && me_address_read(equals + 1, 0, &told) < 0) {
        return -1;
    }
    if (equals != NULL || !is_any(&place.bind)) {
        me_address_write(equals ? &told : &place.bind, place.told);
    }
    places->place[places->count] = place;
    return places->count++;
}

int places_of_family(const struct places *places, int family) {
    for (int i = 0; i < places->count; i++) {
        if (places->place[i].bind.family == family) {
            return i;
        }
    }
    return -1;
}

int places_of_label(const struct places *places, const char *label) {
    for (int i = 0; i < places->count; i++) {
        if (places->place[i].label[0] != '\0' && strcmp(places->place[i].label, label) == 0) {
            return i;
        }
    }
    return -1;
}

static int places_of_host(const struct places *places, const struct me_address *address) {
    for (int i = 0; i < places->count; i++) {
        if (me_same_host(&places->place[i].bind, address)) {
            return i;
        }
    }
    for (int i = 0; i < places->count; i++) {
        const struct me_address *bind = &places->place[i].bind;
        if (bind->family == address->family && is_any(bind)) {
            return i;
        }
    }
    return -1;
}

int places_of_address(const struct places *places, const char *text) {
    struct me_address address;
    return me_address_read(text, 0, &address) < 0 ? -1 : places_of_host(places, &address);
}

int places_of_route(const struct places *places, const char *text) {
    struct me_address address;
    struct sockaddr_storage name;
    if (me_address_read(text, 9, &address) < 0) {
        return -1;
    }
    socklen_t length = me_address_to_sockaddr(&address, &name);
    int probe = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found = probe >= 0 && connect(probe, (struct sockaddr *)&name, length) == 0;
    length = sizeof(name);
    found = found && getsockname(probe, (struct sockaddr *)&name, &length) == 0;
    if (probe >= 0) {
        close(probe);
    }
    return found && me_address_from_sockaddr(&address, &name)
        ? places_of_host(places, &address) : -1;
}
