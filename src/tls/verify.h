/**
 * verify: is the other side's certificate good?
 *   thread   the session's
 */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include "tls/bundle_priv.h"

/**
 * verify_peer(tls, b, server_name):
 * Check the certificate that the peer of the handshake has sent, by the rules of b.
 *   server_name  of a client, may be NULL
 *   returns      NULL: it is good.  Else why not, static
 */
const char *verify_peer(gnutls_session_t tls, const struct tls_bundle *b, const char *server_name);

#endif
