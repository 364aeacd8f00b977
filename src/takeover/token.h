/**
 * token: one byte in a pipe: who has read it owns the sockets.  Both processes have the read end;
 * the kernel gives a byte to one reader.  Private to takeover/.
 *   thread   any
 */
#ifndef TAKEOVER_TOKEN_H
#define TAKEOVER_TOKEN_H

#include <stdbool.h>

struct token {
    int read_fd, write_fd; /* owned; -1: closed */
};

#define TOKEN_CLOSED ((struct token){ -1, -1 })

int token_make(struct token *ret);     /* 0 or -errno; empty */
bool token_put(const struct token *t); /* false: it is in nobody's reach (an empty pipe has room) */
bool token_take(int read_fd); /* does not wait; true: the byte was there, and is ours now */
void token_close(struct token *t);

#endif
