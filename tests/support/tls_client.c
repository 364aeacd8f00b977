#include "support/tls_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/x509.h>

#include "support/http_client.h"

void tls_client_dial(struct tls_client *c, const char *address, const struct tls_client_opts *o)
{
    int one = 1;
    c->fd = client_dial_from(address, o->from);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    assert_int_equal(
        gnutls_init(&c->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL | GNUTLS_FORCE_CLIENT_CERT), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&c->credentials), 0);
    /* A server has to see through a key that is not the certificate's. */
    gnutls_certificate_set_flags(c->credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
    if (o->name != NULL) {
        char cert[64], key[64];
        snprintf(cert, sizeof cert, "%s.pem", o->name);
        snprintf(key, sizeof key, "%s.key", o->name);
        assert_true(gnutls_certificate_set_x509_key_file(c->credentials, cert, key,
                                                         GNUTLS_X509_FMT_PEM) >= 0);
    }
    const char *priority = o->priority != NULL ? o->priority : "NORMAL";
    assert_int_equal(gnutls_priority_set_direct(c->tls, priority, NULL), 0);
    assert_int_equal(gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, c->credentials), 0);
    gnutls_transport_set_int(c->tls, c->fd);
    gnutls_handshake_set_timeout(c->tls, CLIENT_PATIENCE_S * 1000);
}

bool tls_client_handshake(struct tls_client *c)
{
    int rc;
    do
        rc = gnutls_handshake(c->tls);
    while (rc < 0 && !gnutls_error_is_fatal(rc) && rc != GNUTLS_E_AGAIN);
    return rc == 0;
}

bool tls_client_say(struct tls_client *c, const char *text)
{
    return gnutls_record_send(c->tls, text, strlen(text)) == (ssize_t)strlen(text);
}

bool tls_client_hear(struct tls_client *c, const char *text, struct buf *out)
{
    for (;;) {
        *(char *)buf_reserve(out, 1) = '\0';
        if (text != NULL && strstr(out->ptr, text) != NULL)
            return true;
        ssize_t n = gnutls_record_recv(c->tls, buf_reserve(out, 65536), 65535);
        if (n == GNUTLS_E_INTERRUPTED)
            continue;
        if (n <= 0)
            return text == NULL && n != GNUTLS_E_AGAIN;
        out->len += (size_t)n;
    }
}

void tls_client_server_name(const struct tls_client *c, char *ret, size_t cap)
{
    unsigned n = 0;
    gnutls_x509_crt_t crt;
    const gnutls_datum_t *der = gnutls_certificate_get_peers(c->tls, &n);
    assert_non_null(der);
    assert_int_equal(gnutls_x509_crt_init(&crt), 0);
    assert_int_equal(gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER), 0);
    assert_int_equal(
        gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, ret, &cap), 0);
    gnutls_x509_crt_deinit(crt);
}

void tls_client_hang_up(struct tls_client *c)
{
    gnutls_deinit(c->tls);
    gnutls_certificate_free_credentials(c->credentials);
    close(c->fd);
}
