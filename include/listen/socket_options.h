/**
 * socket_options: the query of a socket's URL, `gauge_sign=absolute&rcvbuf=32MiB`.
 *
 * A key counts as a whole (`rcvbuf`, not `rcv`) and once; one that the URL's transport does not
 * know is an error, which names those that it knows.  To add one: enum listen_option, a row in
 * socket_options.c, and its bit in the rows of the transports that know it.
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
 *   query    what follows '?'; empty: none
 *   a        has transport and address already
 *   error    on failure gets what is wrong and what would be right, for people; no LF
 *   returns  whether all is well; else a is half filled in
 */
bool socket_options_read(struct slice query, struct listen_address *a, struct buf *error);

/* The options that apply to a, each as ` key=value`. */
void socket_options_print(const struct listen_address *a, struct buf *out);

/* For messages and tests.  The key of option o. */
const char *socket_options_key(enum listen_option o);

#endif
