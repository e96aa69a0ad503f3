// What the files of the module `box` share.
#pragma once

#include <sys/socket.h>

#include "py/obj.h"

#define BOX_BUFFER 65536

// For one read at a time. No UDP datagram is longer, so none is ever cut (RFC 768).
extern byte box_buffer[BOX_BUFFER];

// OSError(errno) where `result` is negative.
void box_check(long result);

// None for "nothing now", OSError for the rest.
mp_obj_t box_nothing_or_raise(void);

// The length of the address in *out; OSError(EINVAL) for what is none.
socklen_t box_parse(mp_obj_t host, mp_obj_t port, struct sockaddr_storage *out);

// (host, port)
mp_obj_t box_host_and_port(const struct sockaddr *address);

// stream.c
MP_DECLARE_CONST_FUN_OBJ_3(box_tcp_listen_obj);
MP_DECLARE_CONST_FUN_OBJ_1(box_tcp_accept_obj);
MP_DECLARE_CONST_FUN_OBJ_3(box_tcp_connect_obj);
MP_DECLARE_CONST_FUN_OBJ_1(box_socket_error_obj);
MP_DECLARE_CONST_FUN_OBJ_3(box_recv_obj);
MP_DECLARE_CONST_FUN_OBJ_2(box_send_obj);
MP_DECLARE_CONST_FUN_OBJ_1(box_send_end_obj);
extern const mp_obj_type_t box_tap_type;

// poller.c
MP_DECLARE_CONST_FUN_OBJ_0(box_epoll_obj);
MP_DECLARE_CONST_FUN_OBJ_3(box_epoll_set_obj);
MP_DECLARE_CONST_FUN_OBJ_1(box_epoll_wait_obj);
MP_DECLARE_CONST_FUN_OBJ_1(box_raise_descriptors_obj);

// budget.c
MP_DECLARE_CONST_FUN_OBJ_2(box_budget_obj);
