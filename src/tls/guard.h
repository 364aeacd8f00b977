/**
 * guard: what a peer may do to a GnuTLS session: how many bytes it may send without an end, and
 * which certificates are taken of it.  For session.c and hosted.c.
 *   thread   the session's
 */
#ifndef TLS_GUARD_H
#define TLS_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include <gnutls/gnutls.h>

#include "tls/bundle.h"

struct guard {
    struct tls_bundle *bundle;
    char *server_name;
    int fd;
    size_t unfinished, unfinished_max; /* bytes since something ended; more than max: it fails */
    bool spoke_tls;                    /* the first byte was seen, and began a record of TLS */
    bool ended;                        /* the peer's stream did, in whichever way */
    bool verified;                     /* the peer's certificate is good */
    bool refused;                      /* it is not */
    const char *error;                 /* why the session fails, static; NULL: GnuTLS knows */
    /* Called for each message of a handshake before it is looked at or sent; may be NULL. */
    void (*on_message)(struct guard *g, unsigned type, bool incoming, size_t bytes);
};

/**
 * guard_begin(g, b, fd, server_name):
 *   b      a reference is taken
 */
void guard_begin(struct guard *g, struct tls_bundle *b, int fd, const char *server_name);

/**
 * guard_attach(g, tls):
 * Make tls go by the bundle, and read from the socket; before its handshake.  How it writes is left
 * to the caller.
 *   returns  0; or GnuTLS's error, and tls knows nothing of g
 */
int guard_attach(struct guard *g, gnutls_session_t tls);

/* The handshake is done, or a record of data has come. */
void guard_opened(struct guard *g);

/* Has a server that wants one of some names got no certificate? */
bool guard_lacks_certificate(const struct guard *g, gnutls_session_t tls);

/* Has a CA that the server asks for signed the peer's certificate? */
bool guard_vouched(const struct guard *g);

void guard_end(struct guard *g);

#endif
