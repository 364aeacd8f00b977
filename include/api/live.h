/**
 * live: GET /api/v1/stream, server-sent events: what the server does, once a second.
 *
 *     event: history    on connecting: the rows of the last HISTORY_ROWS seconds; with
 *                       Last-Event-ID those that are newer.  Also for a reader that was overtaken
 *     event: second     a row as it is added
 *
 * The id of an event is its row's at_s, so a client may go on with another process of the server.
 *
 *   thread   control
 */
#ifndef API_LIVE_H
#define API_LIVE_H

#include <stddef.h>
#include <uv.h>

#include "api/history.h"
#include "base/number.h"
#include "http/http.h"

struct api_live;

enum {
    /* An event of history at most: what a reader that does not read holds, too. */
    API_LIVE_EVENT_BYTES = HISTORY_ROWS * HISTORY_COLUMN_COUNT * (NUMBER_TEXT_MAX + 1) + 1024,
    /* The last of these, its rows as text, and the seconds that some reader has yet to read. */
    API_LIVE_BYTES = 4 * API_LIVE_EVENT_BYTES
};

/* h: borrowed until api_live_free.  returns  0, or -errno of libuv */
int api_live_new(uv_loop_t *loop, const struct history *h, struct api_live **ret);

/* Valid until api_live_free. */
struct http_route api_live_route(struct api_live *l);

/* After each history_add: to all readers.  NULL is fine. */
void api_live_added(struct api_live *l);

/* NULL: none. */
size_t api_live_readers(const struct api_live *l);

/* Before http_leave and http_stop: end all readers, and answer 503 from now on; before http_start:
 * let them in.  A new one is started.  NULL is fine. */
void api_live_stop(struct api_live *l);
void api_live_start(struct api_live *l);

/* Stopped, after the HTTP server; gone when the loop has run once more.  NULL is fine. */
void api_live_free(struct api_live *l);

#endif
