/**
 * args: the query arguments of a path, as a table.
 *
 *     static const struct api_arg takes[] = {
 *         { "limit", "a whole number from 1 to 1000", api_read_limit, offsetof(struct x, limit) },
 *     };
 *     struct x x = { .limit = 100 };
 *     if (!api_args_read(ask, takes, ARRAY_LEN(takes), &x, out))
 *         return API_400;
 *
 *   thread   control
 */
#ifndef API_ARGS_H
#define API_ARGS_H

#include <stdbool.h>

#include "api/path.h"

struct api_arg {
    const char *name;
    const char *wants; /* what a value is, for people */
    /*
     * Write value to `to`, which is at `at` in what the path's arguments are read into.  The value
     * is not empty.  returns  false: it is not what the argument wants
     */
    bool (*read)(struct slice value, const struct api_ask *ask, void *to);
    size_t at;
    bool repeats; /* may be given several times: read once for each */
};

/* How many arguments a path may have. */
enum { API_ARGS_MAX = 32 };

/**
 * api_args_read(ask, takes, n, ret, out):
 *   ret      holds the defaults; slices written there live as long as ask's arguments
 *   returns  false: an argument is unknown, is there twice, or has no or a wrong value.  The error
 *            is in out, ret undefined
 */
bool api_args_read(const struct api_ask *ask, const struct api_arg *takes, size_t n, void *ret,
                   struct buf *out);

#endif
