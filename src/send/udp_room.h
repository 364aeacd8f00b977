/**
 * udp_room: how much more the receive queues of a UDP port of this machine hold.
 *   source   the kernel: sock_diag; without that /proc/net/udp, which has no sizes: the usual one
 *            then
 *   thread   any
 *   cost     some 10 us: system calls
 */
#ifndef SEND_UDP_ROOM_H
#define SEND_UDP_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct udp_room {
    uint64_t free; /* bytes of memory, as the kernel accounts for datagrams */
    uint64_t size; /* of the whole queue */
};

/* Of the fullest of the port's sockets.  returns  false: there is none */
bool udp_room(uint16_t port, struct udp_room *ret);

#endif
