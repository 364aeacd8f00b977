/**
 * wire: JSON objects over a socket, one a line, between the master and a worker.
 *   thread   the owner's; no call waits
 */
#ifndef LIVE_WIRE_H
#define LIVE_WIRE_H

#include <jansson.h>

#include "base/address.h"
#include "base/buf.h"

enum { WIRE_LINE_MAX = 64 << 10 };

struct wire {
    int fd; /* -1: closed */
    struct buf in;
    size_t read; /* of in, that wire_next has given */
};

/* fd is the wire's. */
void wire_open(struct wire *w, int fd);

/* Read what is there.   returns  0; -EPIPE: the peer has ended; -EMSGSIZE: a line of its is too
 * long; another -errno */
int wire_fill(struct wire *w);

/* The next object that was read, owned.   returns  0 with NULL: there is none yet; -EPROTO: the
 * line is something else */
int wire_next(struct wire *w, json_t **ret);

/* Takes o.   returns  0; -EAGAIN: the peer does not read, and what it is sent is cut off; another
 * -errno */
int wire_put(struct wire *w, json_t *o);

/* An address to listen on, with the port that is usual where it names none.  What is no address
 * comes back as it is, for who is asked to listen there to complain of. */
void wire_address(const char *text, uint16_t usual_port, char out[ADDRESS_TEXT_MAX]);

/* A member that the peer may have written anything in, for a terminal and a page: what is not
 * printable ASCII is '?', what is too long is cut.  No string: empty */
void wire_text(const json_t *o, const char *name, char *out, size_t size);

void wire_close(struct wire *w);

#endif
