#include "tls/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "tls/bundle_priv.h"
#include "tls/verify.h"

/*
 * A client's certificates with their chain take some KiB; GnuTLS itself would allow 128.  It reads
 * them before it asks who signed them, which takes 1.5 ms for each KiB of short names.
 */
enum { CLIENT_MESSAGE_MAX = 16384, SERVER_MESSAGE_MAX = 32768 };

/*
 * Bytes that the peer may send without ending its handshake, and afterwards a record of data.
 * GnuTLS keeps the beginning of a handshake message however long it says to be, 16 MiB at the most.
 */
enum { UNFINISHED_HANDSHAKE_MAX = 49152, UNFINISHED_MAX = 20480 };

enum { RECORD_ALERT = 0x15, RECORD_HANDSHAKE = 0x16 };

void guard_begin(struct guard *g, struct tls_bundle *b, int fd, const char *server_name)
{
    *g = (struct guard){ .bundle = tls_bundle_ref(b),
                         .server_name = server_name != NULL ? mem_strdup(server_name) : NULL,
                         .fd = fd,
                         .unfinished_max = UNFINISHED_HANDSHAKE_MAX };
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *p, size_t n)
{
    struct guard *g = ptr;
    if (g->unfinished > g->unfinished_max) {
        g->error = "a handshake message has no end";
        errno = EMSGSIZE;
        return -1;
    }
    ssize_t got = recv(g->fd, p, n, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        g->ended = true;
    if (got <= 0)
        return got;
    /* Most who come without TLS are senders of plain text: GnuTLS would see broken records. */
    unsigned char first = *(unsigned char *)p;
    if (!g->spoke_tls && first != RECORD_HANDSHAKE && first != RECORD_ALERT) {
        g->error = "plain text instead of TLS";
        errno = EPROTO;
        return -1;
    }
    g->spoke_tls = true;
    g->unfinished += (size_t)got;
    return got;
}

/* Bytes may be there: pull will say. */
static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
    (void)ptr;
    (void)ms;
    return 1;
}

static bool is_ip(const char *host)
{
    unsigned char ip[16];
    return inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
}

/* GnuTLS asks inside the handshake, when the peer has sent its certificates. */
static int verify(gnutls_session_t tls)
{
    struct guard *g = gnutls_session_get_ptr(tls);
    unsigned n = 0;
    if (g->verified || gnutls_certificate_get_peers(tls, &n) == NULL)
        return 0; /* without one only TLS 1.2 asks, and whether that is fine GnuTLS knows */
    g->error = verify_peer(tls, g->bundle, g->server_name);
    g->verified = g->error == NULL;
    g->refused = !g->verified;
    return g->verified ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

/*
 * When the peer has signed with its key, in TLS 1.3 GnuTLS would check that before it asks for
 * verify, and a stranger's key may be as large as he likes: 16,384 bits take half a second, more
 * take many.
 */
static int before_message(gnutls_session_t tls, unsigned type, unsigned when, unsigned incoming,
                          const gnutls_datum_t *message)
{
    struct guard *g = gnutls_session_get_ptr(tls);
    (void)when;
    if (g->on_message != NULL)
        g->on_message(g, type, incoming != 0, message->size);
    return incoming && type == GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY ? verify(tls) : 0;
}

int guard_attach(struct guard *g, gnutls_session_t tls)
{
    static const gnutls_certificate_request_t requests[] = {
        [TLS_CLIENT_NONE] = GNUTLS_CERT_IGNORE,
        [TLS_CLIENT_REQUEST] = GNUTLS_CERT_REQUEST,
        [TLS_CLIENT_REQUIRE_ANY] = GNUTLS_CERT_REQUIRE,
        [TLS_CLIENT_VERIFY_IF_GIVEN] = GNUTLS_CERT_REQUEST,
        [TLS_CLIENT_REQUIRE_VERIFY] = GNUTLS_CERT_REQUIRE,
    };
    const struct tls_bundle *b = g->bundle;
    const char *name = g->server_name;
    int rc = gnutls_priority_set(tls, b->priority);
    gnutls_credentials_clear(tls);
    if (rc == 0)
        rc = gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, b->credentials);
    if (rc == 0 && name != NULL && !is_ip(name))
        rc = gnutls_server_name_set(tls, GNUTLS_NAME_DNS, name, strlen(name));
    if (rc < 0) /* before anything of tls points here */
        return rc;
    if (b->side == TLS_SERVER)
        gnutls_certificate_server_set_request(tls, requests[b->client_auth]);
    gnutls_session_set_ptr(tls, g);
    gnutls_session_set_verify_function(tls, verify);
    gnutls_handshake_set_hook_function(tls, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE, before_message);
    gnutls_transport_set_ptr2(tls, g, gnutls_transport_get_ptr(tls));
    gnutls_transport_set_pull_function(tls, pull);
    gnutls_transport_set_pull_timeout_function(tls, pull_timeout);
    gnutls_handshake_set_max_packet_length(tls, b->side == TLS_SERVER ? CLIENT_MESSAGE_MAX
                                                                      : SERVER_MESSAGE_MAX);
    gnutls_handshake_set_timeout(tls, 0); /* the caller has a deadline */
    return 0;
}

void guard_opened(struct guard *g)
{
    g->unfinished = 0;
    g->unfinished_max = UNFINISHED_MAX;
}

bool guard_lacks_certificate(const struct guard *g, gnutls_session_t tls)
{
    unsigned n = 0;
    return g->bundle->side == TLS_SERVER && g->bundle->n_allowed_sans > 0 &&
           gnutls_certificate_get_peers(tls, &n) == NULL;
}

bool guard_vouched(const struct guard *g)
{
    return g->verified && g->bundle->client_auth >= TLS_CLIENT_VERIFY_IF_GIVEN;
}

void guard_end(struct guard *g)
{
    tls_bundle_drop(g->bundle);
    free(g->server_name);
}
