// epoll for the module `box`: one look at those descriptors that have something, however many
// there are.

#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "box.h"
#include "py/runtime.h"

#define AT_ONCE 64

// epoll() -> fd, itself readable while one of those in it has something
static mp_obj_t box_epoll(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    box_check(fd);
    return MP_OBJ_NEW_SMALL_INT(fd);
}
MP_DEFINE_CONST_FUN_OBJ_0(box_epoll_obj, box_epoll);

// epoll_set(epoll, fd, events): what to watch it for, 0: no longer
static mp_obj_t box_epoll_set(mp_obj_t epoll_in, mp_obj_t fd_in, mp_obj_t events) {
    int epoll = (int)mp_obj_get_int(epoll_in), fd = (int)mp_obj_get_int(fd_in);
    struct epoll_event event = {.events = (uint32_t)mp_obj_get_int(events), .data.fd = fd};
    if (event.events == 0) {
        box_check(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event));
        return mp_const_none;
    }
    int result = epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
    if (result < 0 && errno == ENOENT) {
        result = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
    box_check(result);
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_3(box_epoll_set_obj, box_epoll_set);

// epoll_wait(epoll) -> [(fd, events)] of those that have something now
static mp_obj_t box_epoll_wait(mp_obj_t epoll) {
    struct epoll_event events[AT_ONCE];
    int count = epoll_wait((int)mp_obj_get_int(epoll), events, AT_ONCE, 0);
    if (count < 0 && errno == EINTR) {
        count = 0;
    }
    box_check(count);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (int i = 0; i < count; i++) {
        mp_obj_t pair[2] = {
            MP_OBJ_NEW_SMALL_INT(events[i].data.fd), MP_OBJ_NEW_SMALL_INT(events[i].events)};
        mp_obj_list_append(list, mp_obj_new_tuple(2, pair));
    }
    return list;
}
MP_DEFINE_CONST_FUN_OBJ_1(box_epoll_wait_obj, box_epoll_wait);

// raise_descriptors(wanted) -> how many descriptors this process may have from now on
static mp_obj_t box_raise_descriptors(mp_obj_t wanted_in) {
    rlim_t wanted = (rlim_t)mp_obj_get_int(wanted_in);
    struct rlimit limit;
    box_check(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted;
        if (limit.rlim_max < wanted) {
            limit.rlim_max = wanted;
        }
        // Beyond the hard limit only root may go; then what there is has to do.
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
            getrlimit(RLIMIT_NOFILE, &limit);
            limit.rlim_cur = limit.rlim_max;
            setrlimit(RLIMIT_NOFILE, &limit);
        }
    }
    return mp_obj_new_int_from_ull(limit.rlim_cur);
}
MP_DEFINE_CONST_FUN_OBJ_1(box_raise_descriptors_obj, box_raise_descriptors);
