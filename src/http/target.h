/* The request target (RFC 9112, 3.2): for request.c only. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <stdbool.h>

enum { HTTP_QUERY_BYTES = 8192, HTTP_QUERY_ARGS = 100 };

/* The path of a target without its query: of "http://host:port/metrics" (absolute form, as a proxy's client sends it) "/metrics". */
const char *http_target_path(const char *target);

/**
 * http_target_cut_query(target):
 * Is its query longer than HTTP_QUERY_BYTES, or of more than HTTP_QUERY_ARGS arguments?  Then nothing is left of it behind the "?".
 *   target   in libmicrohttpd's own buffer, before it looks at the query: when that has more arguments than find room in the
 *            connection's memory, libmicrohttpd 0.9.75 finds none for an answer either, and stays silent until its timeout
 */
bool http_target_cut_query(const char *target);

#endif
