/**
 * api: what lies below /api/v1/, answered in JSON.  docs/api.md is its users' side.
 *
 *     HTTP thread                control thread
 *     a request --- mailbox ---> http_desk: waits for a page turn
 *                                the path's answer, made of api_sources ---> http_answer
 *
 * So an answer holds whatever the kernel had received before its request came.  The paths are a
 * table (src/api/path.h); each is a file.
 *
 *   thread   control
 */
#ifndef API_API_H
#define API_API_H

#include <stdint.h>
#include <uv.h>

#include "api/counters.h"
#include "api/sources.h"
#include "http/http.h"

/*
 * While clients have yet to read this much, their answers' gzip included, further requests are
 * answered 503.
 */
enum { API_UNSENT_BYTES = 6 << 20 };

/*
 * The most it keeps: these, the answer with which they become that many and those that are being
 * made, each of a MiB, its gzip included; and what explaining 16 KiB takes, at the worst.
 */
enum { API_MEMORY_BYTES = API_UNSENT_BYTES + (5 << 20) + (8 << 20) };

struct api;

struct api_opts {
    uv_loop_t *loop;
    struct api_sources from; /* what it points to is borrowed until api_free */
    /* As in http/desk.h. */
    uint64_t (*ask_turn)(void *turn);
    void *turn;
};

/* returns  0, or -errno of libuv */
int api_new(const struct api_opts *opts, struct api **ret);

/* The route of all paths; valid until api_free. */
struct http_route api_route(struct api *a);

/* All turns up to number `done` are over: answer those who waited for one.  NULL is fine. */
void api_turned(struct api *a, uint64_t done);

/* Valid until api_free.  Of NULL all are 0. */
const struct api_stats *api_counted(const struct api *a);

/* Answer whoever waits, or still comes, with 503.  NULL is fine. */
void api_stop(struct api *a);

/*
 * Stopped, after the HTTP server; a is gone when the loop has run once more.  NULL is fine.
 */
void api_free(struct api *a);

#endif
