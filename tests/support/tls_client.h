/**
 * tls_client: the client side of TLS over TCP, for tests of servers.
 *
 * What goes wrong on the network is a result; no call waits longer than CLIENT_PATIENCE_S.
 */
#ifndef SUPPORT_TLS_CLIENT_H
#define SUPPORT_TLS_CLIENT_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "base/buf.h"

struct tls_client {
    int fd;
    gnutls_session_t tls;
    gnutls_certificate_credentials_t credentials;
};

struct tls_client_opts {
    const char *from;     /* our own address, "127.0.0.2"; NULL: any */
    const char *priority; /* GnuTLS's; NULL: NORMAL */
    const char *name;     /* certificate NAME.pem with NAME.key; NULL: none */
};

/* Connect; the handshake is not begun. */
void tls_client_dial(struct tls_client *c, const char *address, const struct tls_client_opts *o);

/*
 * The server's certificate is taken whoever signed it.  In TLS 1.3 a server may refuse ours only
 * after this.
 */
bool tls_client_handshake(struct tls_client *c);

bool tls_client_say(struct tls_client *c, const char *text);

/* Append to out until `text` is in it, or (NULL) until the end.  returns  false: it never came */
bool tls_client_hear(struct tls_client *c, const char *text, struct buf *out);

/* The common name of the server's certificate. */
void tls_client_server_name(const struct tls_client *c, char *ret, size_t cap);

void tls_client_hang_up(struct tls_client *c);

#endif
