/**
 * redis_dial: from an address, or a path, to a socket that connects.
 *
 * The socket does not block: it is writable once it is connected or has failed, and SO_ERROR says
 * which.
 *   thread   any
 */
#ifndef SINKS_REDIS_DIAL_H
#define SINKS_REDIS_DIAL_H

#include <stdbool.h>
#include <stdint.h>

/* Is that a numeric address, which needs no lookup? */
bool redis_dial_is_ip(const char *host);

/**
 * redis_dial_ip(ip, port, ret_fd):
 *   ip       numeric
 *   returns  0: *ret_fd is the caller's; -errno: it does not connect
 */
int redis_dial_ip(const char *ip, uint16_t port, int *ret_fd);

/* The same by a Unix socket, whose path has at most 107 bytes. */
int redis_dial_path(const char *path, int *ret_fd);

#endif
