/* The request target (RFC 9112, 3.2): for request.c only. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <stdbool.h>

#include "http/args.h"

enum { HTTP_QUERY_BYTES = 8192 };

/* The path in a target without query: "/metrics", or "http://host:port/metrics" (the absolute form
 * that a proxy's client sends) -> "/metrics".  A part of target, or static. */
const char *http_target_path(const char *target);

/**
 * http_target_cut_query(target):
 * Cut a query that is too long off behind its "?".  With more arguments than fit into the
 * connection's memory, libmicrohttpd 0.9.75 has no room for an answer either: the client would hear
 * nothing until the timeout.  libmicrohttpd looks for the "?" behind a NUL, too, which is not to be
 * seen here: http_args_too_many.
 *   target   in libmicrohttpd's own buffer (hence written to), before it parses the query
 *   returns  true: it was longer than HTTP_QUERY_BYTES, or had more than HTTP_ARGS_MAX arguments
 */
bool http_target_cut_query(const char *target);

#endif
