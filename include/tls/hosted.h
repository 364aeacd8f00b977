/**
 * tls_hosted: a bundle put to a TLS session that a library makes, drives and ends (libmicrohttpd).
 * It lets a peer do what tls/session.h lets it, and tells why a handshake failed, which the library
 * does not.
 *
 *     session made -> tls_hosted_begin -> the library's handshake -> session gone -> tls_hosted_end
 *
 *   thread   the library's
 */
#ifndef TLS_HOSTED_H
#define TLS_HOSTED_H

#include <stdbool.h>

#include "tls/bundle.h"

struct gnutls_session_int;
struct tls_hosted;

enum tls_failure {
    TLS_FAILED_NOT,         /* it did not fail, or not a byte came */
    TLS_FAILED_PLAIN_TEXT,  /* the peer does not speak TLS */
    TLS_FAILED_CLOSED,      /* the peer broke off, or is still in the handshake */
    TLS_FAILED_PARAMETERS,  /* no version, cipher or curve in common */
    TLS_FAILED_CERTIFICATE, /* the peer has none, or not a good one */
    TLS_FAILED_OTHERWISE    /* broken, too large, or the peer refused by an alert */
};

/**
 * tls_hosted_begin(b, session, fd):
 *   b        of a server; a reference is taken, until tls_hosted_end
 *   session  before its handshake; it writes as before, and reads from fd
 *   returns  NULL: GnuTLS does not take the bundle (no memory); end the connection
 */
struct tls_hosted *tls_hosted_begin(struct tls_bundle *b, struct gnutls_session_int *session,
                                    int fd);

/**
 * tls_hosted_heard(h):
 * The library has read a request's head, or a part of a body.  Until the next time its client may
 * send about 48 KiB: GnuTLS keeps the beginning of a message of the handshake, which TLS 1.3 has
 * behind it, too, and which may say to be 16 MiB long.
 */
void tls_hosted_heard(struct tls_hosted *h);

/* Is a certificate with one of some names wanted, and the client has none?  After the handshake. */
bool tls_hosted_lacks_certificate(const struct tls_hosted *h);

/* Has the client shown a certificate that a CA of the bundle signed? */
bool tls_hosted_vouched(const struct tls_hosted *h);

/* How many bytes of certificates it has sent, good or not; 0: none. */
size_t tls_hosted_certificate_bytes(const struct tls_hosted *h);

/* Has the client ended its part of the handshake? */
bool tls_hosted_open(const struct tls_hosted *h);

/* When it has not, and the connection is over: *ret_error gets why, for people, static. */
enum tls_failure tls_hosted_failure(const struct tls_hosted *h, const char **ret_error);

/* When the session is gone.  NULL is fine. */
void tls_hosted_end(struct tls_hosted *h);

#endif
