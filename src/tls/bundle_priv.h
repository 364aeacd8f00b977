/**
 * bundle_priv: what a session reads of its bundle.
 *   thread   any; only refs changes after loading
 */
#ifndef TLS_BUNDLE_PRIV_H
#define TLS_BUNDLE_PRIV_H

#include <gnutls/gnutls.h>
#include <stdatomic.h>

#include "tls/bundle.h"

struct tls_bundle {
    _Atomic unsigned refs;
    enum tls_side side;
    enum tls_client_auth client_auth;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    char **allowed_sans;
    size_t n_allowed_sans;
    int64_t expires;
};

#endif
