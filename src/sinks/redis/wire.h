/**
 * redis_wire: one connection to one Redis, plain or TLS, from connect to its end: bytes of commands
 * out, their replies in.
 *
 *   CONNECTING --> SHAKING (TLS) --> OPEN --> over
 *
 * Whatever goes wrong ends it, and is said once by over(): the owner then closes it.  A reply
 * past its bounds is such an end, and so are bytes that no command asked for.
 *
 * At most OUT_MAX bytes wait for the socket, or one command if that is longer.  At each turn of the
 * loop a wire reads and writes a bounded part, so that one that has much does not hold up the rest.
 *
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_WIRE_H
#define SINKS_REDIS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "sinks/redis/replies.h"

struct tls_bundle;
struct redis_wire;

enum { REDIS_WIRE_OUT_MAX = 16 << 20 };

enum redis_wire_end {
    REDIS_WIRE_NONE,  /* it did not connect */
    REDIS_WIRE_CUT,   /* the other side closed the connection, or the network did */
    REDIS_WIRE_ODD,   /* it said what no Redis says, or more than it may */
    REDIS_WIRE_UNSAFE /* TLS failed */
};

struct redis_wire_opts {
    struct tls_bundle *tls;   /* NULL: plain; borrowed for the call */
    const char *server_name;  /* with TLS: whom the certificate has to be for */
    uint32_t reply_bytes_max; /* these two: as redis_replies_new */
    uint8_t reply_depth_max;
    void *cookie;
    void (*open)(void *cookie); /* commands may be sent */
    /* The reply to the oldest command without one; it dies with the call. */
    void (*reply)(void *cookie, const redisReply *reply);
    /* It is at its end: call redis_wire_close.  why dies with the wire. */
    void (*over)(void *cookie, enum redis_wire_end how, const char *why);
};

/**
 * redis_wire_open(loop, take_fd, opts, ret):
 *   take_fd  a socket that connects (dial.h)
 *   opts     copied
 *   returns  0: open or over is called later, unless it is closed before; -errno: neither is
 */
int redis_wire_open(uv_loop_t *loop, int take_fd, const struct redis_wire_opts *opts,
                    struct redis_wire **ret);

/**
 * redis_wire_send(w, bytes, n, commands):
 *   w        open
 *   bytes    so many whole commands in RESP, at least one; copied
 *   returns  false: too much waits for the socket; replies will make room
 */
bool redis_wire_send(struct redis_wire *w, const char *bytes, size_t n, size_t commands);

/* What it waits for: "connecting", "the TLS handshake", "a reply". */
const char *redis_wire_step(const struct redis_wire *w);

/* Has something come in that was not read yet? */
bool redis_wire_waiting(const struct redis_wire *w);

/* Calls nobody any more; safe within every callback.  The memory goes when the loop has run once
 * more.  NULL is fine. */
void redis_wire_close(struct redis_wire *w);

#endif
