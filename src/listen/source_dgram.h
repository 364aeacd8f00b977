/**
 * source_dgram: datagrams by recvmmsg, of UDP and Unix sockets alike.  Private to listen/.
 *   thread   as in source.h
 */
#ifndef LISTEN_SOURCE_DGRAM_H
#define LISTEN_SOURCE_DGRAM_H

#include "listen/source.h"

/* As transport_ops.source_new. */
int source_dgram_new(struct source_env *env, const struct listen_address *a, int fd, bool inherited,
                     struct source **ret);

#endif
