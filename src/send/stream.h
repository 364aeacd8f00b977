/**
 * stream: the functions of the target kinds tcp and unix; see struct target_kind for what each
 * does.
 *   thread   a socket: one sender
 */
#ifndef SEND_STREAM_H
#define SEND_STREAM_H

#include "send/kind.h"

int stream_open(const struct target *t, int send_buffer_bytes, struct target_socket *ret);
struct target_sent stream_send(struct target_socket *s, const struct send_block *b, size_t first,
                               size_t n, unsigned segments);
bool stream_complete(struct target_socket *s, const struct send_block *b, size_t first);
void stream_finish(struct target_socket *s);
int stream_finished(struct target_socket *s, int timeout_ms);

#endif
