// The module `box`: what MicroPython's unix port lacks for a server. Descriptors are
// plain integers; errors are OSError; "nothing now" is None, never an exception.

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "box.h"
#include "py/mpstate.h"
#include "py/runtime.h"

byte box_buffer[BOX_BUFFER];

static mp_obj_t new_text(const char *text) {
    return mp_obj_new_str(text, strlen(text));
}

void box_check(long result) {
    if (result < 0) {
        mp_raise_OSError(errno);
    }
}

mp_obj_t box_nothing_or_raise(void) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        mp_raise_OSError(errno);
    }
    return mp_const_none;
}

// monotonic() -> float: seconds since the machine started; a double does not wrap.
static mp_obj_t box_monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return mp_obj_new_float((mp_float_t)now.tv_sec + (mp_float_t)now.tv_nsec / (mp_float_t)1e9);
}
static MP_DEFINE_CONST_FUN_OBJ_0(box_monotonic_obj, box_monotonic);

// sync_folder(path): a rename or a new name in it is on the medium when this returns.
static mp_obj_t box_sync_folder(mp_obj_t path) {
    int folder = open(mp_obj_str_get_str(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    box_check(folder);
    int result = fsync(folder);
    int error = errno;
    close(folder);
    if (result < 0) {
        mp_raise_OSError(error);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(box_sync_folder_obj, box_sync_folder);

socklen_t box_parse(mp_obj_t host, mp_obj_t port, struct sockaddr_storage *out) {
    mp_int_t number = mp_obj_get_int(port);
    socklen_t length = 0;
    if (number >= 0 && number <= 65535) {
        length = address_parse(mp_obj_str_get_str(host), (unsigned)number, out);
    }
    if (length == 0) {
        mp_raise_OSError(EINVAL);
    }
    return length;
}

mp_obj_t box_host_and_port(const struct sockaddr *address) {
    char text[ADDRESS_TEXT];
    int port = address_format(address, text);
    if (port < 0) {
        mp_raise_OSError(EAFNOSUPPORT);
    }
    mp_obj_t pair[2] = {new_text(text), MP_OBJ_NEW_SMALL_INT(port)};
    return mp_obj_new_tuple(2, pair);
}

// bind(fd, host, port)
static mp_obj_t box_bind(mp_obj_t fd, mp_obj_t host, mp_obj_t port) {
    struct sockaddr_storage address;
    socklen_t length = box_parse(host, port, &address);
    box_check(bind(mp_obj_get_int(fd), (struct sockaddr *)&address, length));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(box_bind_obj, box_bind);

// getsockname(fd) -> (host, port)
static mp_obj_t box_getsockname(mp_obj_t fd) {
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    box_check(getsockname(mp_obj_get_int(fd), (struct sockaddr *)&address, &length));
    return box_host_and_port((struct sockaddr *)&address);
}
static MP_DEFINE_CONST_FUN_OBJ_1(box_getsockname_obj, box_getsockname);

// recvfrom(fd) -> (data, host, port) | None
static mp_obj_t box_recvfrom(mp_obj_t fd) {
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    ssize_t got = recvfrom(mp_obj_get_int(fd), box_buffer, sizeof(box_buffer), MSG_DONTWAIT,
        (struct sockaddr *)&address, &length);
    if (got < 0) {
        return box_nothing_or_raise();
    }
    char text[ADDRESS_TEXT];
    int port = address_format((struct sockaddr *)&address, text);
    if (port < 0) {
        mp_raise_OSError(EAFNOSUPPORT);
    }
    mp_obj_t found[3] = {
        mp_obj_new_bytes(box_buffer, (size_t)got), new_text(text), MP_OBJ_NEW_SMALL_INT(port)};
    return mp_obj_new_tuple(3, found);
}
static MP_DEFINE_CONST_FUN_OBJ_1(box_recvfrom_obj, box_recvfrom);

// sendto(fd, data, host, port)
static mp_obj_t box_sendto(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    struct sockaddr_storage address;
    socklen_t length = box_parse(args[2], args[3], &address);
    mp_buffer_info_t data;
    mp_get_buffer_raise(args[1], &data, MP_BUFFER_READ);
    box_check(sendto(mp_obj_get_int(args[0]), data.buf, data.len, MSG_DONTWAIT,
        (struct sockaddr *)&address, length));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(box_sendto_obj, 4, 4, box_sendto);

// source_address(host, port) -> str: where packets to that host leave from.
static mp_obj_t box_source_address(mp_obj_t host, mp_obj_t port) {
    struct sockaddr_storage address;
    socklen_t length = box_parse(host, port, &address);
    int probe = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    box_check(probe);
    int result = connect(probe, (struct sockaddr *)&address, length); // UDP: sends nothing
    length = sizeof(address);
    if (result == 0) {
        result = getsockname(probe, (struct sockaddr *)&address, &length);
    }
    int error = errno;
    close(probe);
    char text[ADDRESS_TEXT];
    if (result < 0 || address_format((struct sockaddr *)&address, text) < 0) {
        mp_raise_OSError(error);
    }
    return new_text(text);
}
static MP_DEFINE_CONST_FUN_OBJ_2(box_source_address_obj, box_source_address);

// interfaces() -> [(name, address)] of all that are up.
static mp_obj_t box_interfaces(void) {
    struct ifaddrs *first;
    box_check(getifaddrs(&first));
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (struct ifaddrs *entry = first; entry != NULL; entry = entry->ifa_next) {
        char text[ADDRESS_TEXT];
        if (entry->ifa_addr == NULL || !(entry->ifa_flags & IFF_UP) ||
            address_format(entry->ifa_addr, text) < 0) {
            continue;
        }
        text[strcspn(text, "%")] = '\0'; // the interface stands beside it
        mp_obj_t pair[2] = {new_text(entry->ifa_name), new_text(text)};
        mp_obj_list_append(list, mp_obj_new_tuple(2, pair));
    }
    freeifaddrs(first);
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_0(box_interfaces_obj, box_interfaces);

// open_tty(path) -> fd, non-blocking, not a controlling terminal
static mp_obj_t box_open_tty(mp_obj_t path) {
    int fd = open(mp_obj_str_get_str(path), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    box_check(fd);
    return MP_OBJ_NEW_SMALL_INT(fd);
}
static MP_DEFINE_CONST_FUN_OBJ_1(box_open_tty_obj, box_open_tty);

// read(fd, size) -> bytes | None; b"" at the end
static mp_obj_t box_read(mp_obj_t fd, mp_obj_t size) {
    size_t limit = MIN((size_t)mp_obj_get_int(size), sizeof(box_buffer));
    ssize_t got = read(mp_obj_get_int(fd), box_buffer, limit);
    if (got < 0) {
        return box_nothing_or_raise();
    }
    return mp_obj_new_bytes(box_buffer, (size_t)got);
}
static MP_DEFINE_CONST_FUN_OBJ_2(box_read_obj, box_read);

// write(fd, data) -> bytes taken | None
static mp_obj_t box_write(mp_obj_t fd, mp_obj_t data_in) {
    mp_buffer_info_t data;
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    ssize_t taken = write(mp_obj_get_int(fd), data.buf, data.len);
    if (taken < 0) {
        return box_nothing_or_raise();
    }
    return MP_OBJ_NEW_SMALL_INT(taken);
}
static MP_DEFINE_CONST_FUN_OBJ_2(box_write_obj, box_write);

// close(fd)
static mp_obj_t box_close(mp_obj_t fd) {
    box_check(close(mp_obj_get_int(fd)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(box_close_obj, box_close);

// stack_limit(bytes): how deep calls and imports may go before RuntimeError. The port's own
// 40,000 bytes on 32 bits are ten nested imports: each has a path of PATH_MAX on the stack.
static mp_obj_t box_stack_limit(mp_obj_t bytes) {
    MP_STATE_THREAD(stack_limit) = (size_t)mp_obj_get_int(bytes);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(box_stack_limit_obj, box_stack_limit);

static const mp_rom_map_elem_t box_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_box)},
    {MP_ROM_QSTR(MP_QSTR_monotonic), MP_ROM_PTR(&box_monotonic_obj)},
    {MP_ROM_QSTR(MP_QSTR_sync_folder), MP_ROM_PTR(&box_sync_folder_obj)},
    {MP_ROM_QSTR(MP_QSTR_bind), MP_ROM_PTR(&box_bind_obj)},
    {MP_ROM_QSTR(MP_QSTR_getsockname), MP_ROM_PTR(&box_getsockname_obj)},
    {MP_ROM_QSTR(MP_QSTR_recvfrom), MP_ROM_PTR(&box_recvfrom_obj)},
    {MP_ROM_QSTR(MP_QSTR_sendto), MP_ROM_PTR(&box_sendto_obj)},
    {MP_ROM_QSTR(MP_QSTR_source_address), MP_ROM_PTR(&box_source_address_obj)},
    {MP_ROM_QSTR(MP_QSTR_interfaces), MP_ROM_PTR(&box_interfaces_obj)},
    {MP_ROM_QSTR(MP_QSTR_open_tty), MP_ROM_PTR(&box_open_tty_obj)},
    {MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&box_read_obj)},
    {MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&box_write_obj)},
    {MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&box_close_obj)},
    {MP_ROM_QSTR(MP_QSTR_stack_limit), MP_ROM_PTR(&box_stack_limit_obj)},
    {MP_ROM_QSTR(MP_QSTR_budget), MP_ROM_PTR(&box_budget_obj)},
    {MP_ROM_QSTR(MP_QSTR_tcp_listen), MP_ROM_PTR(&box_tcp_listen_obj)},
    {MP_ROM_QSTR(MP_QSTR_tcp_accept), MP_ROM_PTR(&box_tcp_accept_obj)},
    {MP_ROM_QSTR(MP_QSTR_tcp_connect), MP_ROM_PTR(&box_tcp_connect_obj)},
    {MP_ROM_QSTR(MP_QSTR_socket_error), MP_ROM_PTR(&box_socket_error_obj)},
    {MP_ROM_QSTR(MP_QSTR_recv), MP_ROM_PTR(&box_recv_obj)},
    {MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&box_send_obj)},
    {MP_ROM_QSTR(MP_QSTR_send_end), MP_ROM_PTR(&box_send_end_obj)},
    {MP_ROM_QSTR(MP_QSTR_Tap), MP_ROM_PTR(&box_tap_type)},
    {MP_ROM_QSTR(MP_QSTR_epoll), MP_ROM_PTR(&box_epoll_obj)},
    {MP_ROM_QSTR(MP_QSTR_epoll_set), MP_ROM_PTR(&box_epoll_set_obj)},
    {MP_ROM_QSTR(MP_QSTR_epoll_wait), MP_ROM_PTR(&box_epoll_wait_obj)},
    {MP_ROM_QSTR(MP_QSTR_raise_descriptors), MP_ROM_PTR(&box_raise_descriptors_obj)},
};
static MP_DEFINE_CONST_DICT(box_globals, box_globals_table);

const mp_obj_module_t mp_module_box = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&box_globals,
};

MP_REGISTER_MODULE(MP_QSTR_box, mp_module_box);
