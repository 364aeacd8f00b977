/**
 * dgram: the functions of the target kinds udp and unixgram; see struct target_kind for what each
 * does.
 *   thread   a socket: one sender
 */
#ifndef SEND_DGRAM_H
#define SEND_DGRAM_H

#include "send/kind.h"

enum { UDP_DATAGRAM_MAX = 65507 };

int dgram_open(const struct target *t, int send_buffer_bytes, struct target_socket *ret);
int udp_open(const struct target *t, int send_buffer_bytes, struct target_socket *ret);
struct target_sent udp_send(struct target_socket *s, const struct send_block *b, size_t first,
                            size_t n, unsigned segments);
struct target_sent unixgram_send(struct target_socket *s, const struct send_block *b, size_t first,
                                 size_t n, unsigned segments);
struct target_unreachable udp_unreachable(int fd);

#endif
