/**
 * allow: the option `allow` of a socket's URL, for its row.  Private to listen/.
 *   thread   any
 */
#ifndef LISTEN_ALLOW_OPTION_H
#define LISTEN_ALLOW_OPTION_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "listen/address.h"

/* Given again, the networks are added: a URL in the environment ends at a comma. */
bool allow_set(struct listen_address *a, struct slice value);
void allow_print(const struct listen_address *a, struct buf *out);
bool allow_is_set(const struct listen_address *a);

/* What is wrong with a value that allow_set has refused, for people. */
void allow_say(const struct listen_address *a, struct slice value, struct buf *error);

#endif
