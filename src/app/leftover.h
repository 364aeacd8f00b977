/**
 * leftover: our own sockets that a manager kept, and that the config has no listener for any more.
 * Private to app/.
 *
 * A socket that is closed takes what it holds with it.  So it is made deaf first, then read:
 *
 *     UDP     bound to an interface that does not exist: the kernel delivers nothing to it.  A
 *             datagram that was on its way is there when membarrier is over
 *     Unix    shut down: senders see an error
 *
 * What was read is merged like everything else.  Listening sockets hold connections, which are
 * reset.  Then the manager is told to forget them.
 *
 *   thread   control
 */
#ifndef APP_LEFTOVER_H
#define APP_LEFTOVER_H

#include "base/inherited.h"
#include "base/notify.h"
#include "listen/worker.h"

struct registry;

/**
 * leftover_refused(from):
 * Whether there is a descriptor that is neither ours nor any listener's; it is logged.
 */
bool leftover_refused(const struct inherited *from);

/**
 * leftover_end(from, lane, registry, to):
 * Read and close all; the list is empty afterwards.
 *   lane      how datagrams are read, and who gets events
 *   registry  gets the samples
 *   cost      14 ms if there is a UDP socket; waits until all is read
 */
void leftover_end(struct inherited *from, const struct lane_opts *lane, struct registry *registry,
                  struct notify *to);

#endif
