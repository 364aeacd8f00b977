/**
 * path: the paths below /api/v1/, and what each gets.
 *
 * To add one: a row in API_PATHS, and the file src/api/NAME.c with its api_NAME_answer.
 *   thread   control
 */
#ifndef API_PATH_H
#define API_PATH_H

#include "api/counters.h"
#include "api/sources.h"
#include "base/buf.h"
#include "http/args.h"

/* X(name) */
#define API_PATHS(X)                                                                               \
    X(checks)                                                                                      \
    X(events)

/*
 * A list in an answer ends before the answer would be longer, but for a first item that is longer
 * by itself.
 */
enum { API_ANSWER_BYTES = 512 << 10 };

struct api_ask {
    const struct http_arg *args; /* n_args query arguments */
    size_t n_args;
    int64_t now_ms; /* wall clock */
    const struct api_sources *from;
};

/*
 * Append the answer's JSON to out, which is empty.
 *   returns  API_200, or API_400 with an error in out (args.h)
 */
#define X(name) enum api_status api_##name##_answer(const struct api_ask *ask, struct buf *out);
API_PATHS(X)
#undef X

#endif
