/**
 * http_daemon: the HTTP server of a test in C that has one at a time.
 *   thread   the test's
 */
#ifndef SUPPORT_HTTP_DAEMON_H
#define SUPPORT_HTTP_DAEMON_H

#include <sched.h>

#include "base/now.h"
#include "http/http.h"
#include "support/http_client.h"

extern struct http_server *http_daemon; /* NULL: there is none */

void http_daemon_stop(void);
struct http_stats http_daemon_stats(void);

/* A route's ask: a stream of one piece, "piece\n". */
void http_daemon_answer_piece(void *cookie, struct http_request *r);

/* `condition` of the stats s, or the test fails. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        uint64_t until_ms = now_mono_ms() + CLIENT_PATIENCE_S * 1000;                              \
        for (struct http_stats s = http_daemon_stats(); !(condition); s = http_daemon_stats()) {   \
            sched_yield();                                                                         \
            if (now_mono_ms() > until_ms)                                                          \
                fail_msg("waited in vain for %s", #condition);                                     \
        }                                                                                          \
    } while (0)

#endif
