// TCP for the module `box`. Every socket is non-blocking and closed in programs that we start.

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "box.h"
#include "py/runtime.h"
#include "py/stream.h"

static void set_option(int fd, int level, int name, int value) {
    // Each only makes things better: without it the connection works as well.
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

static int new_socket(int family) {
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    box_check(fd);
    if (family == AF_INET6) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    return fd;
}

// A SIP message goes out whole at once; a peer that is gone is found within two minutes.
static void tune(int fd) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

static mp_obj_t give_up(int fd, int error) {
    close(fd);
    mp_raise_OSError(error);
}

// tcp_listen(host, port, backlog) -> fd
static mp_obj_t box_tcp_listen(mp_obj_t host, mp_obj_t port, mp_obj_t backlog) {
    struct sockaddr_storage address;
    socklen_t length = box_parse(host, port, &address);
    int fd = new_socket(address.ss_family);
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(fd, (struct sockaddr *)&address, length) < 0 ||
        listen(fd, (int)mp_obj_get_int(backlog)) < 0) {
        return give_up(fd, errno);
    }
    return MP_OBJ_NEW_SMALL_INT(fd);
}
MP_DEFINE_CONST_FUN_OBJ_3(box_tcp_listen_obj, box_tcp_listen);

// tcp_accept(fd) -> (fd, host, port) | None
static mp_obj_t box_tcp_accept(mp_obj_t listener) {
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    int fd = accept4((int)mp_obj_get_int(listener), (struct sockaddr *)&address, &length,
        SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return errno == ECONNABORTED ? mp_const_none : box_nothing_or_raise();
    }
    tune(fd);
    nlr_buf_t frame;
    if (nlr_push(&frame) == 0) {
        size_t two;
        mp_obj_t *peer;
        mp_obj_get_array(box_host_and_port((struct sockaddr *)&address), &two, &peer);
        mp_obj_t found[3] = {MP_OBJ_NEW_SMALL_INT(fd), peer[0], peer[1]};
        mp_obj_t tuple = mp_obj_new_tuple(3, found);
        nlr_pop();
        return tuple;
    }
    close(fd); // out of memory
    nlr_jump(frame.ret_val);
}
MP_DEFINE_CONST_FUN_OBJ_1(box_tcp_accept_obj, box_tcp_accept);

// tcp_connect(host, port, source) -> fd, usually still connecting. source: the local address
// to leave from, or None.
static mp_obj_t box_tcp_connect(mp_obj_t host, mp_obj_t port, mp_obj_t source) {
    struct sockaddr_storage address, local;
    socklen_t length = box_parse(host, port, &address);
    socklen_t local_length =
        source == mp_const_none ? 0 : box_parse(source, MP_OBJ_NEW_SMALL_INT(0), &local);
    int fd = new_socket(address.ss_family);
    tune(fd);
    if (local_length != 0 && bind(fd, (struct sockaddr *)&local, local_length) < 0) {
        return give_up(fd, errno);
    }
    if (connect(fd, (struct sockaddr *)&address, length) < 0 && errno != EINPROGRESS) {
        return give_up(fd, errno);
    }
    return MP_OBJ_NEW_SMALL_INT(fd);
}
MP_DEFINE_CONST_FUN_OBJ_3(box_tcp_connect_obj, box_tcp_connect);

// socket_error(fd) -> int: what went wrong since the last look (SO_ERROR), 0: nothing
static mp_obj_t box_socket_error(mp_obj_t fd) {
    int error = 0;
    socklen_t length = sizeof(error);
    box_check(getsockopt((int)mp_obj_get_int(fd), SOL_SOCKET, SO_ERROR, &error, &length));
    return MP_OBJ_NEW_SMALL_INT(error);
}
MP_DEFINE_CONST_FUN_OBJ_1(box_socket_error_obj, box_socket_error);

// recv(fd, size, peek) -> bytes | None; b"" at the end. peek: leave them to be read again.
static mp_obj_t box_recv(mp_obj_t fd, mp_obj_t size, mp_obj_t peek) {
    size_t limit = MIN((size_t)mp_obj_get_int(size), (size_t)BOX_BUFFER);
    int flags = MSG_DONTWAIT | (mp_obj_is_true(peek) ? MSG_PEEK : 0);
    ssize_t got = recv((int)mp_obj_get_int(fd), box_buffer, limit, flags);
    if (got < 0) {
        return box_nothing_or_raise();
    }
    return mp_obj_new_bytes(box_buffer, (size_t)got);
}
MP_DEFINE_CONST_FUN_OBJ_3(box_recv_obj, box_recv);

// send(fd, data) -> bytes taken | None
static mp_obj_t box_send(mp_obj_t fd, mp_obj_t data_in) {
    mp_buffer_info_t data;
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    ssize_t taken =
        send((int)mp_obj_get_int(fd), data.buf, data.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken < 0) {
        return box_nothing_or_raise();
    }
    return MP_OBJ_NEW_SMALL_INT(taken);
}
MP_DEFINE_CONST_FUN_OBJ_2(box_send_obj, box_send);

// send_end(fd): nothing more will be sent; the peer reads what was, and then the end.
static mp_obj_t box_send_end(mp_obj_t fd) {
    (void)shutdown((int)mp_obj_get_int(fd), SHUT_WR); // a peer that is gone already: well
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(box_send_end_obj, box_send_end);

// Tap(fd, first): a stream for the module `tls`, whose first bytes have been read already. It
// remembers whether the socket was full, which tells in which direction a handshake waits, and
// leaves the descriptor to whom it belongs.
typedef struct {
    mp_obj_base_t base;
    int fd;
    bool full;
    mp_obj_t first;
    size_t taken; // bytes of it
} tap_t;

static mp_obj_t tap_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 2, 2, false);
    tap_t *self = mp_obj_malloc(tap_t, type);
    self->fd = (int)mp_obj_get_int(args[0]);
    self->full = false;
    self->first = args[1];
    self->taken = 0;
    return MP_OBJ_FROM_PTR(self);
}

static mp_uint_t tap_read(mp_obj_t self_in, void *data, mp_uint_t size, int *error) {
    tap_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->first != mp_const_none) {
        mp_buffer_info_t first;
        mp_get_buffer_raise(self->first, &first, MP_BUFFER_READ);
        size = MIN(size, first.len - self->taken);
        memcpy(data, (const byte *)first.buf + self->taken, size);
        self->taken += size;
        if (self->taken == first.len) {
            self->first = mp_const_none;
        }
        return size;
    }
    ssize_t got = recv(self->fd, data, size, MSG_DONTWAIT);
    *error = errno == EINTR ? EAGAIN : errno;
    return got < 0 ? MP_STREAM_ERROR : (mp_uint_t)got;
}

static mp_uint_t tap_write(mp_obj_t self_in, const void *data, mp_uint_t size, int *error) {
    tap_t *self = MP_OBJ_TO_PTR(self_in);
    ssize_t taken = send(self->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    *error = errno == EINTR ? EAGAIN : errno;
    self->full = taken < 0 && *error == EAGAIN;
    return taken < 0 ? MP_STREAM_ERROR : (mp_uint_t)taken;
}

static mp_uint_t tap_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *error) {
    (void)self_in;
    (void)arg;
    if (request == MP_STREAM_CLOSE) {
        return 0;
    }
    *error = EINVAL;
    return MP_STREAM_ERROR;
}

static void tap_attr(mp_obj_t self_in, qstr name, mp_obj_t *value) {
    const tap_t *self = MP_OBJ_TO_PTR(self_in);
    if (value[0] == MP_OBJ_NULL && name == MP_QSTR_full) {
        value[0] = mp_obj_new_bool(self->full);
    }
}

static const mp_stream_p_t tap_stream = {
    .read = tap_read,
    .write = tap_write,
    .ioctl = tap_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(box_tap_type, MP_QSTR_Tap, MP_TYPE_FLAG_NONE, make_new, tap_make_new,
    attr, tap_attr, protocol, &tap_stream);
