/**
 * socket_options: the query of a socket's URL, `gauge_sign=absolute&rcvbuf=32MiB`.
 *
 * Keys are matched as a whole, and each but `allow` may be given once.  A key that the URL's
 * transport does not have is an error, whose message lists those that it has.  A new one: enum
 * listen_option, a row in socket_options.c, and its bit in the rows of the transports that have it.
 *
 *   thread   any
 */
#ifndef LISTEN_SOCKET_OPTIONS_H
#define LISTEN_SOCKET_OPTIONS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "listen/address.h"

/**
 * socket_options_read(query, a, error):
 *   query    the URL behind its '?'; may be empty
 *   a        transport and address are set; gets the options
 *   error    on failure gets what is wrong and what would be right, for people; no LF
 *   returns  true; on failure false, and a may have some of the options
 */
bool socket_options_read(struct slice query, struct listen_address *a, struct buf *error);

/* The options that apply to a, each as ` key=value`. */
void socket_options_print(const struct listen_address *a, struct buf *out);

/* The key of option o, for messages and tests. */
const char *socket_options_key(enum listen_option o);

#endif
