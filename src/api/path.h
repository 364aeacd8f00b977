/**
 * path: the paths below /api/v1/, and what each gets.
 *
 * To add one: a row in API_PATHS, the file src/api/ID.c with its api_ID_answer, and its answers in
 * src/api/openapi.json.  A path with several methods has a row for each.
 *   thread   control
 */
#ifndef API_PATH_H
#define API_PATH_H

#include "api/counters.h"
#include "api/sources.h"
#include "base/buf.h"
#include "http/args.h"
#include "http/http.h"

struct api_later;

/*
 * X(id, path, method, needs)
 *   method   GET, POST, DELETE: HEAD is answered as GET, PUT as POST
 *   needs    LIFECYCLE: it changes something, so http.lifecycle has to be on (403 otherwise); or
 *            NOTHING
 */
#define API_PATHS(X)                                                                               \
    X(capture, "capture", GET, NOTHING)                                                            \
    X(capture_post, "capture", POST, LIFECYCLE)                                                    \
    X(checks, "checks", GET, NOTHING)                                                              \
    X(conservation, "conservation", GET, NOTHING)                                                  \
    X(events, "events", GET, NOTHING)                                                              \
    X(explain, "explain", POST, NOTHING)                                                           \
    X(openapi, "openapi.json", GET, NOTHING)                                                       \
    X(rejected, "rejected", GET, NOTHING)                                                          \
    X(senders, "senders", GET, NOTHING)                                                            \
    X(series, "series", GET, NOTHING)                                                              \
    X(series_delete, "series", DELETE, LIFECYCLE)                                                  \
    X(status, "status", GET, NOTHING)                                                              \
    X(timeline, "timeline", GET, NOTHING)                                                          \
    X(top, "top", GET, NOTHING)

/*
 * A list in an answer ends before the answer would be longer, but for a first item that is longer
 * by itself.
 */
enum { API_ANSWER_BYTES = 512 << 10 };

struct api_ask {
    const struct http_arg *args; /* n_args query arguments */
    size_t n_args;
    struct slice body; /* of a POST: at most HTTP_BODY_BYTES, any bytes */
    int64_t now_ms;    /* wall clock */
    const struct api_sources *from;
    struct api_later *later; /* for API_LATER; NULL: too many are at work */
};

/*
 * Append the answer's JSON to out, which is empty.
 *   returns  API_200, or another status with an error in out (json.h, args.h); or API_LATER, with
 *            *ask->later filled in and out empty (jobs.h)
 */
#define X(id, path, method, needs)                                                                 \
    enum api_status api_##id##_answer(const struct api_ask *ask, struct buf *out);
API_PATHS(X)
#undef X

#endif
