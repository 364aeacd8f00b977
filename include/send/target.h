/**
 * target: where datagrams are sent to, and how: a row for each kind of socket.
 *
 *   udp://127.0.0.1:8125   udp://[::1]:8125   127.0.0.1:8125
 *   unixgram:///run/statsd/dsd.sock           unixgram://@abstract
 *   tcp://127.0.0.1:8125?framing=line         streams: line is usual, dsd is by length
 *   unix:///run/statsd/stream.sock            unixstream:// is another spelling
 *
 *   thread   read-only, so any
 */
#ifndef SEND_TARGET_H
#define SEND_TARGET_H

#include "send/kind.h"

/* returns  0; -EINVAL: unknown scheme, option or malformed address; -ENOENT: the name has no
 * address */
int target_parse(const char *text, struct target *ret);

/* The same without looking a name up: where the host is one, -ENOENT and all of *ret but addr. */
int target_parse_numeric(const char *text, struct target *ret);

/* Bytes of the longest datagram, without what tells one from the next on a stream. */
size_t target_datagram_max(const struct target *t);

#endif
