/**
 * procfs: what the kernel knows of a process and of a UDP port, for servers with and without
 * counters of their own.
 *   thread   any
 */
#ifndef SEND_PROCFS_H
#define SEND_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

/* User and system time since the process began, from its CPU clock (ns exact).   returns  a
 * negative number: no such process */
double procfs_cpu_s(pid_t pid);

/* Resident bytes; 0: no such process. */
uint64_t procfs_rss_bytes(pid_t pid);

struct procfs_udp {
    unsigned sockets;     /* bound to the port, IPv4 and IPv6 */
    uint64_t queue_bytes; /* waiting to be read, as the kernel accounts for them */
    uint64_t drops;       /* since the sockets were opened */
};

/* Add the sockets of a port in a file like /proc/net/udp to *sum. */
void procfs_udp_read(struct slice text, uint16_t port, struct procfs_udp *sum);

/* Of this network namespace.   returns  false when no socket has the port */
bool procfs_udp(uint16_t port, struct procfs_udp *ret);

/**
 * procfs_udp_queues(port, ret, max):
 * queue_bytes of each socket of the port, IPv4 alone, in the order in which they were made.
 *   returns  how many: at most max and PROCFS_UDP_QUEUES_MAX
 */
enum { PROCFS_UDP_QUEUES_MAX = 64 };
unsigned procfs_udp_queues(uint16_t port, uint64_t *ret, unsigned max);

#endif
