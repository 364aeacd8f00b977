/*
 * GnuTLS's verdict goes to the library alone, so the reason of a failure is told from how far the
 * handshake came: the guard reports each message of it.
 */
#include "tls/hosted.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tls/guard.h"

enum { NO_MESSAGE = -1 };

struct tls_hosted {
    struct guard guard; /* first: on_message is given this one */
    gnutls_session_t tls;
    int last_in;    /* the client's last message */
    bool answered;  /* a hello of ours was sent */
    bool presented; /* our certificate was sent */
    bool open;      /* the client has ended its part of the handshake */
    size_t bytes;   /* of the client's certificates */
};

static void on_message(struct guard *g, unsigned type, bool incoming, size_t bytes)
{
    struct tls_hosted *h = (struct tls_hosted *)(void *)g;
    if (incoming)
        h->last_in = (int)type;
    else if (type == GNUTLS_HANDSHAKE_SERVER_HELLO)
        h->answered = true;
    else if (type == GNUTLS_HANDSHAKE_CERTIFICATE_PKT)
        h->presented = true;
    if (incoming && type == GNUTLS_HANDSHAKE_CERTIFICATE_PKT)
        h->bytes = bytes;
    if (incoming && type == GNUTLS_HANDSHAKE_FINISHED) {
        h->open = true; /* whatever follows: TLS 1.3 has messages behind the handshake */
        tls_hosted_heard(h);
    }
}

struct tls_hosted *tls_hosted_begin(struct tls_bundle *b, struct gnutls_session_int *session,
                                    int fd)
{
    struct tls_hosted *h = mem_zalloc(sizeof *h);
    h->tls = session;
    h->last_in = NO_MESSAGE;
    guard_begin(&h->guard, b, fd, NULL);
    h->guard.on_message = on_message;
    if (guard_attach(&h->guard, session) == 0)
        return h;
    tls_hosted_end(h);
    return NULL;
}

/* The maximum stays: what a library takes for the head of a request is no more. */
void tls_hosted_heard(struct tls_hosted *h)
{
    h->guard.unfinished = 0;
}

bool tls_hosted_lacks_certificate(const struct tls_hosted *h)
{
    return guard_lacks_certificate(&h->guard, h->tls);
}

size_t tls_hosted_certificate_bytes(const struct tls_hosted *h)
{
    return h->bytes;
}

bool tls_hosted_vouched(const struct tls_hosted *h)
{
    return h->open && guard_vouched(&h->guard);
}

bool tls_hosted_open(const struct tls_hosted *h)
{
    return h->open;
}

enum tls_failure tls_hosted_failure(const struct tls_hosted *h, const char **ret_error)
{
    const struct guard *g = &h->guard;
    *ret_error = g->error;
    if (tls_hosted_open(h) || (!g->spoke_tls && g->error == NULL))
        return TLS_FAILED_NOT;
    if (g->refused)
        return TLS_FAILED_CERTIFICATE;
    if (g->error != NULL)
        return g->spoke_tls ? TLS_FAILED_OTHERWISE : TLS_FAILED_PLAIN_TEXT;
    if (g->ended) {
        *ret_error = h->presented ? "the peer broke off when it had our certificate"
                                  : "the peer closed the connection in the handshake";
        return TLS_FAILED_CLOSED;
    }
    if (h->last_in == GNUTLS_HANDSHAKE_CERTIFICATE_PKT) {
        *ret_error = "the peer sent no certificate";
        return TLS_FAILED_CERTIFICATE;
    }
    if (h->last_in == GNUTLS_HANDSHAKE_CLIENT_HELLO && !h->answered) {
        *ret_error = "no TLS version, cipher or curve in common";
        return TLS_FAILED_PARAMETERS;
    }
    *ret_error = h->presented ? "the peer refused our certificate, or broke TLS"
                              : "broken TLS record, or one that is too large";
    return TLS_FAILED_OTHERWISE;
}

void tls_hosted_end(struct tls_hosted *h)
{
    if (h == NULL)
        return;
    guard_end(&h->guard);
    free(h);
}
