/**
 * manager: what the daemon knows of the service manager that started it (docs/systemd.md).  Private
 * to app/.  In server_manager.c:
 *
 *     server_manager_open       what the environment says; sockets that were given
 *     server_manager_adopted    listeners took theirs: the HTTP server's; others' are refused
 *     server_manager_ready      our own go into its store; READY=1; its watchdog is fed.  One that
 *                               answers late is waited for while all goes on
 *     server_manager_reload...  RELOADING=1, READY=1
 *     server_manager_stopping   STOPPING=1, and EXTEND_TIMEOUT_USEC while it takes long
 *     server_manager_saving     EXTEND_TIMEOUT_USEC: the loop does not run while the state is saved
 *     server_manager_close      it has handled all that it was told
 *
 * The watchdog vouches for the workers: it is fed only when a page turn is over that was asked for
 * since it was fed last, and to that each worker contributes, idle or not.
 *
 * Without a manager all of it does nothing.
 *
 *   thread   control
 */
#ifndef APP_MANAGER_H
#define APP_MANAGER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/inherited.h"
#include "base/notify.h"

struct manager {
    struct notify to;
    struct inherited given; /* what nobody has taken */
    int http_fd;            /* a listening socket for HTTP; -1: none was given, or it is taken */
    int http_spare;         /* a copy until HTTP is served, to try again with; or -1 */
    bool http_kept;         /* somebody has it open besides us */
    bool http_late;         /* it could not be served at once: told, and tried every second */
    bool stores;            /* it keeps what we opened */
    bool asking;            /* whether it does is not known yet */
    struct notify_probe probe;
    uint64_t watchdog_ms; /* how often its watchdog is to be fed; 0: never */
    uint64_t turn;        /* the page turn that the watchdog waits for; 0: none */
    uv_timer_t watchdog, extend, patience;
    uv_poll_t answer;
};

#endif
