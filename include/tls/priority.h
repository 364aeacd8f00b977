/**
 * tls_priority: versions, ciphers and curves as people write them, into the priority string by
 * which GnuTLS is told.
 *
 * Ciphers have the names of the IANA registry, those of TLS 1.3 among them:
 *     TLS_ECDHE_{ECDSA,RSA}_WITH_{AES_128_GCM_SHA256,AES_256_GCM_SHA384,CHACHA20_POLY1305_SHA256,
 *     AES_128_CBC_SHA,AES_256_CBC_SHA}
 *     TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256
 * Curves are CurveP256, CurveP384, CurveP521, X25519; the first is preferred.
 *
 * GnuTLS chooses key exchange, cipher and MAC each for itself.  The product equals the list because
 * only those names count that fit the certificate's key.  The same ciphers hold for TLS 1.3; with a
 * list of CBC ciphers alone, 1.3 is not offered.
 *
 *   thread   any
 */
#ifndef TLS_PRIORITY_H
#define TLS_PRIORITY_H

#include "base/buf.h"
#include "tls/opts.h"

enum tls_key { TLS_KEY_ANY, TLS_KEY_RSA, TLS_KEY_ECDSA }; /* EdDSA counts as ECDSA */

/**
 * tls_priority(o, key, out, errors):
 *   key       of the own certificate; ANY: there is none
 *   out       the string is appended, with a NUL that its length leaves out
 *   errors    a line (with LF) for each mistake
 *   returns   0; -EINVAL
 */
int tls_priority(const struct tls_opts *o, enum tls_key key, struct buf *out, struct buf *errors);

#endif
