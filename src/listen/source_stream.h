/**
 * source_stream: the connections of one stream listener that one worker reads.  Private to listen/.
 *
 * They are in an epoll set of the source's own, whose one descriptor the worker's loop polls.  So a
 * page turn asks the set alone who is ready, and idle connections cost it nothing.
 *
 *   thread   as in source.h
 *   cost     a turn: one system call for 64 ready connections, three for each of them
 */
#ifndef LISTEN_SOURCE_STREAM_H
#define LISTEN_SOURCE_STREAM_H

#include "listen/source.h"

/* As transport_ops.source_new; fd and inherited are unused. */
int source_stream_new(struct source_env *env, const struct listen_address *a, int fd,
                      bool inherited, struct source **ret);

#endif
