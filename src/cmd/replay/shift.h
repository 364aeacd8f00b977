/**
 * shift: the timestamps of a datagram's lines moved.
 *   thread   any (no state)
 */
#ifndef CMD_REPLAY_SHIFT_H
#define CMD_REPLAY_SHIFT_H

#include <stdint.h>

#include "base/buf.h"

/**
 * shift_append(datagram, by_s, out):
 * Append the datagram, with `by_s` seconds added to each timestamp: `|T` behind a metric's type,
 * `|d:` behind an event's text or a service check's status.  All other bytes stay as they are, also
 * those of a field that is no timestamp, or would not be one afterwards.
 *   returns  how many were moved
 */
size_t shift_append(struct slice datagram, int64_t by_s, struct buf *out);

#endif
