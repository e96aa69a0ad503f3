// A bound on the processor's time that a call may take: code of a site that never comes back
// gets an exception, as Ctrl-C gives one.

#include "box.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "py/runtime.h"

#define AGAIN_US 100000 // until the exception is raised once more, if it was swallowed

MP_REGISTER_ROOT_POINTER(mp_obj_t box_budget_error);

static void run_out(int number) {
    (void)number;
    mp_sched_exception(MP_STATE_VM(box_budget_error));
}

static void set_timer(mp_int_t milliseconds) {
    struct itimerval timer;
    memset(&timer, 0, sizeof(timer));
    timer.it_value.tv_sec = milliseconds / 1000;
    timer.it_value.tv_usec = milliseconds % 1000 * 1000;
    timer.it_interval.tv_usec = milliseconds ? AGAIN_US : 0;
    setitimer(ITIMER_VIRTUAL, &timer, NULL);
}

// budget(milliseconds, error): from then on `error` is raised in whatever runs; budget(0, None)
// ends that, and what has been raised by then but not seen.
static mp_obj_t box_budget(mp_obj_t milliseconds_in, mp_obj_t error) {
    mp_int_t milliseconds = mp_obj_get_int(milliseconds_in);
    if (milliseconds > 0) {
        MP_STATE_VM(box_budget_error) = error;
        struct sigaction action;
        memset(&action, 0, sizeof(action));
        action.sa_handler = run_out;
        action.sa_flags = SA_RESTART;
        sigaction(SIGVTALRM, &action, NULL);
        set_timer(milliseconds);
        return mp_const_none;
    }
    set_timer(0);
    if (MP_STATE_MAIN_THREAD(mp_pending_exception) == MP_STATE_VM(box_budget_error)) {
        MP_STATE_MAIN_THREAD(mp_pending_exception) = MP_OBJ_NULL;
    }
    MP_STATE_VM(box_budget_error) = MP_OBJ_NULL;
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(box_budget_obj, box_budget);
