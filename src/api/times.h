/**
 * times: points in time, as arguments and answers spell them.
 *   thread   any (no state)
 */
#ifndef API_TIMES_H
#define API_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* What api_time_parse takes, for people. */
#define API_TIME_WANTS                                                                             \
    "unix seconds, RFC 3339 (2026-01-31T12:00:00Z) or how long ago (-90s, -15m, -6h, -7d, -2w)"

/**
 * api_time_parse(s, now_ms, ret_ms):
 *     1790000000  1790000000.25      unix seconds, below the year 10000
 *     2026-01-31T12:00:00.5+01:00    RFC 3339.  A blank may stand for the "+", which is what a "+"
 *                                    that was not encoded means in a query
 *     -15m                           so long before now_ms: a whole number of s, m, h, d or w.
 *                                    Not before 1970
 *   returns  false: it is none of these; *ret_ms, in unix milliseconds, is untouched
 */
bool api_time_parse(struct slice s, int64_t now_ms, int64_t *ret_ms);

enum { API_TIME_TEXT = 32 };

/* RFC 3339 in UTC with milliseconds, and a NUL: "2026-01-31T12:00:00.500Z". */
void api_time_print(uint64_t ms, char ret[API_TIME_TEXT]);

#endif
