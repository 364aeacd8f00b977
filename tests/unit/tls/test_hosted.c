/*
 * A bundle put to sessions that are driven from outside, as a library drives them: the test calls
 * GnuTLS for both ends of a socketpair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "base/slice.h"
#include "support/certs.h"
#include "tls/hosted.h"

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define TLS11 "NORMAL:-VERS-ALL:+VERS-TLS1.1"

static struct cert ca;

static void write_pair(const char *name, struct cert_spec spec)
{
    char path[64];
    spec.name = name;
    struct cert c = cert_make(&spec);
    snprintf(path, sizeof path, "%s.pem", name);
    certs_write(path, &c, 1);
    snprintf(path, sizeof path, "%s.key", name);
    cert_key_write(path, &c);
    cert_release(&c);
}

static int make(void **state)
{
    (void)state;
    certs_dir_enter();
    ca = cert_make(&(struct cert_spec){ .name = "ca", .is_ca = true });
    certs_write("ca.pem", &ca, 1);
    write_pair("server", (struct cert_spec){ .signer = &ca, .dns = "a.test" });
    write_pair("good", (struct cert_spec){ .signer = &ca, .dns = "good.test" });
    write_pair("self", (struct cert_spec){ .dns = "good.test" });
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    cert_release(&ca);
    certs_dir_leave();
    return 0;
}

/* --- both ends --- */

struct end {
    int fd;
    gnutls_session_t tls;
    gnutls_certificate_credentials_t credentials;
};

struct pair {
    struct end server, client;
    struct tls_hosted *hosted;
};

static void end_make(struct end *e, int fd, unsigned side)
{
    e->fd = fd;
    assert_int_equal(
        gnutls_init(&e->tls, side | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_FORCE_CLIENT_CERT),
        0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&e->credentials), 0);
    gnutls_credentials_set(e->tls, GNUTLS_CRD_CERTIFICATE, e->credentials);
    gnutls_priority_set_direct(e->tls, "NORMAL", NULL);
    gnutls_transport_set_int(e->tls, fd);
}

static void end_close(struct end *e)
{
    if (e->fd < 0)
        return;
    gnutls_deinit(e->tls);
    gnutls_certificate_free_credentials(e->credentials);
    close(e->fd);
    e->fd = -1;
}

static void pair_make(struct pair *p, struct tls_opts o, const char *priority, const char *name)
{
    int fds[2];
    struct tls_bundle *b = NULL;
    struct buf errors = { 0 }, warnings = { 0 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    end_make(&p->server, fds[0], GNUTLS_SERVER);
    end_make(&p->client, fds[1], GNUTLS_CLIENT);
    assert_int_equal(gnutls_priority_set_direct(p->client.tls, priority, NULL), 0);
    if (name != NULL) {
        char cert[64], key[64];
        snprintf(cert, sizeof cert, "%s.pem", name);
        snprintf(key, sizeof key, "%s.key", name);
        assert_true(gnutls_certificate_set_x509_key_file(p->client.credentials, cert, key,
                                                         GNUTLS_X509_FMT_PEM) >= 0);
    }
    o.cert_file = "server.pem";
    o.key_file = "server.key";
    if (o.client_auth != TLS_CLIENT_NONE)
        o.ca_file = "ca.pem";
    assert_int_equal(tls_bundle_load(&o, time(NULL), &b, &errors, &warnings), 0);
    p->hosted = tls_hosted_begin(b, p->server.tls, p->server.fd);
    assert_non_null(p->hosted);
    tls_bundle_drop(b); /* the session keeps it */
    buf_release(&errors);
    buf_release(&warnings);
}

/* One step of the server.  returns  false: it is over */
static bool serve(struct pair *p, int *ret_rc)
{
    *ret_rc = gnutls_handshake(p->server.tls);
    return *ret_rc < 0 && !gnutls_error_is_fatal(*ret_rc);
}

/* Until both are done, or nothing goes on.  returns  the server's last result */
static int handshake(struct pair *p)
{
    int rc = GNUTLS_E_AGAIN;
    for (int i = 0; i < 20 && (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED); i++) {
        (void)gnutls_handshake(p->client.tls);
        (void)serve(p, &rc);
    }
    return rc;
}

/* As a library does: the session goes first. */
static enum tls_failure over(struct pair *p, const char **ret_error)
{
    end_close(&p->server);
    enum tls_failure f = tls_hosted_failure(p->hosted, ret_error);
    tls_hosted_end(p->hosted);
    end_close(&p->client);
    return f;
}

/* --- tests --- */

static void a_good_handshake_is_open_and_did_not_fail(void **state)
{
    (void)state;
    static const char *const versions[] = { TLS12, TLS13 };
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct pair p;
        const char *error;
        pair_make(&p, (struct tls_opts){ 0 }, versions[i], NULL);
        assert_false(tls_hosted_open(p.hosted));
        assert_int_equal(handshake(&p), 0);
        assert_true(tls_hosted_open(p.hosted));
        assert_false(tls_hosted_lacks_certificate(p.hosted));
        assert_int_equal(over(&p, &error), TLS_FAILED_NOT);
    }
}

static void a_failed_handshake_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        enum tls_client_auth auth;
        const char *priority, *name;
        enum tls_failure failure;
        const char *error;
    } rows[] = {
        { 0, TLS11, NULL, TLS_FAILED_PARAMETERS, "no TLS version, cipher or curve in common" },
        { TLS_CLIENT_REQUIRE_ANY, TLS12, NULL, TLS_FAILED_CERTIFICATE,
          "the peer sent no certificate" },
        { TLS_CLIENT_REQUIRE_ANY, TLS13, NULL, TLS_FAILED_CERTIFICATE,
          "the peer sent no certificate" },
        { TLS_CLIENT_REQUIRE_VERIFY, TLS12, "self", TLS_FAILED_CERTIFICATE,
          "the peer's certificate is signed by no known CA" },
        { TLS_CLIENT_VERIFY_IF_GIVEN, TLS13, "self", TLS_FAILED_CERTIFICATE,
          "the peer's certificate is signed by no known CA" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        const char *error;
        pair_make(&p, (struct tls_opts){ .client_auth = rows[i].auth }, rows[i].priority,
                  rows[i].name);
        assert_true(gnutls_error_is_fatal(handshake(&p)));
        assert_int_equal(over(&p, &error), rows[i].failure);
        assert_string_equal(error, rows[i].error);
    }
}

/* All of them: what is read from a file, GnuTLS cuts to as many as it follows itself. */
static void present(struct end *e, const struct cert *chain, unsigned n)
{
    gnutls_pcert_st *certs = calloc(n, sizeof *certs);
    gnutls_privkey_t key;
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(gnutls_pcert_import_x509(&certs[i], chain[i].crt, 0), 0);
    assert_int_equal(gnutls_privkey_init(&key), 0);
    assert_int_equal(gnutls_privkey_import_x509(key, chain[0].key, GNUTLS_PRIVKEY_IMPORT_COPY), 0);
    assert_true(gnutls_certificate_set_key(e->credentials, NULL, 0, certs, (int)n, key) >= 0);
    free(certs); /* what they hold is the credentials' */
}

/* GnuTLS follows 16 of them.  What it gives up on is not verified, so it may not come in. */
static void a_chain_without_an_end_lets_nobody_in(void **state)
{
    enum { CHAIN = 20 };
    (void)state;
    static const char *const versions[] = { TLS12, TLS13 };
    static const enum tls_client_auth auths[] = { TLS_CLIENT_VERIFY_IF_GIVEN,
                                                  TLS_CLIENT_REQUIRE_VERIFY };
    struct cert chain[CHAIN];
    for (size_t i = CHAIN; i-- > 0;) { /* each signed by the next, the last by the CA */
        char name[16];
        snprintf(name, sizeof name, "chain %zu", i);
        chain[i] = cert_make(&(struct cert_spec){ .name = name,
                                                  .dns = "good.test",
                                                  .is_ca = i > 0,
                                                  .signer = i + 1 < CHAIN ? &chain[i + 1] : &ca });
    }
    for (size_t i = 0; i < 2 * ARRAY_LEN(versions); i++) {
        struct pair p;
        const char *error;
        pair_make(&p, (struct tls_opts){ .client_auth = auths[i / 2] }, versions[i % 2], NULL);
        present(&p.client, chain, CHAIN);
        assert_true(gnutls_error_is_fatal(handshake(&p)));
        assert_int_equal(over(&p, &error), TLS_FAILED_CERTIFICATE);
        assert_string_equal(error, "the peer's certificate cannot be verified");
    }
    for (size_t i = 0; i < CHAIN; i++)
        cert_release(&chain[i]);
}

static void what_is_no_handshake_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        enum tls_failure failure;
        const char *error;
    } rows[] = {
        { "GET / HTTP/1.1\r\n\r\n", 18, TLS_FAILED_PLAIN_TEXT, "plain text instead of TLS" },
        { "\x16\x03\x01\x02\x00\x01", 6, TLS_FAILED_CLOSED,
          "the peer closed the connection in the handshake" },
        { "\x16\x03\x01\xff\xff\x01", 6, TLS_FAILED_OTHERWISE,
          "broken TLS record, or one that is too large" },
        { "", 0, TLS_FAILED_NOT, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        const char *error;
        int rc;
        pair_make(&p, (struct tls_opts){ 0 }, TLS13, NULL);
        assert_int_equal(send(p.client.fd, rows[i].bytes, rows[i].n, 0), rows[i].n);
        end_close(&p.client);
        for (int n = 0; n < 20 && serve(&p, &rc); n++)
            ;
        assert_true(gnutls_error_is_fatal(rc));
        assert_false(tls_hosted_open(p.hosted));
        assert_int_equal(over(&p, &error), rows[i].failure);
        if (rows[i].error != NULL)
            assert_string_equal(error, rows[i].error);
    }
}

static void a_client_that_leaves_when_it_has_our_certificate_is_told_apart(void **state)
{
    (void)state;
    static const char *const versions[] = { TLS12, TLS13 };
    for (size_t i = 0; i < 2 * ARRAY_LEN(versions); i++) {
        struct pair p;
        const char *error;
        int rc;
        bool by_alert = i % 2 == 1;
        pair_make(&p, (struct tls_opts){ 0 }, versions[i / 2], NULL);
        (void)gnutls_handshake(p.client.tls);
        assert_true(serve(&p, &rc));
        if (by_alert) /* before it has keys */
            gnutls_alert_send(p.client.tls, GNUTLS_AL_FATAL, GNUTLS_A_UNKNOWN_CA);
        else
            end_close(&p.client);
        for (int n = 0; n < 20 && serve(&p, &rc); n++)
            ;
        assert_true(gnutls_error_is_fatal(rc));
        assert_int_equal(over(&p, &error), by_alert ? TLS_FAILED_OTHERWISE : TLS_FAILED_CLOSED);
        assert_string_equal(error, by_alert ? "the peer refused our certificate, or broke TLS"
                                            : "the peer broke off when it had our certificate");
    }
}

/* The server asks for another key, which is no certificate yet. */
static void a_client_that_leaves_before_is_told_apart_from_one_that_saw_it(void **state)
{
    static const char *const curves[] = { "CurveP256" };
    (void)state;
    struct pair p;
    const char *error;
    int rc;
    pair_make(&p, (struct tls_opts){ .curves = curves, .n_curves = 1 },
              TLS13 ":-GROUP-ALL:+GROUP-SECP521R1:+GROUP-SECP256R1", NULL);
    (void)gnutls_handshake(p.client.tls);
    assert_true(serve(&p, &rc));
    assert_int_not_equal(gnutls_handshake_get_last_out(p.server.tls),
                         GNUTLS_HANDSHAKE_CERTIFICATE_PKT);
    end_close(&p.client);
    for (int n = 0; n < 20 && serve(&p, &rc); n++)
        ;
    assert_int_equal(over(&p, &error), TLS_FAILED_CLOSED);
    assert_string_equal(error, "the peer closed the connection in the handshake");
}

static void where_names_are_wanted_it_is_known_who_brought_none(void **state)
{
    (void)state;
    static const char *const names[] = { "good.test" };
    static const char *const versions[] = { TLS12, TLS13 };
    for (size_t i = 0; i < 2 * ARRAY_LEN(versions); i++) {
        struct pair p;
        const char *error;
        bool brings = i % 2 == 1;
        pair_make(&p,
                  (struct tls_opts){ .client_auth = TLS_CLIENT_VERIFY_IF_GIVEN,
                                     .allowed_sans = names,
                                     .n_allowed_sans = 1 },
                  versions[i / 2], brings ? "good" : NULL);
        assert_int_equal(handshake(&p), 0);
        assert_int_equal(tls_hosted_lacks_certificate(p.hosted), !brings);
        assert_int_equal(over(&p, &error), TLS_FAILED_NOT);
    }
}

static void an_open_session_takes_any_number_of_bytes(void **state)
{
    (void)state;
    enum { ALL = 300000, PIECE = 10000 };
    static char piece[PIECE], got[2 * PIECE];
    struct pair p;
    const char *error;
    pair_make(&p, (struct tls_opts){ 0 }, TLS13, NULL);
    assert_int_equal(handshake(&p), 0);
    for (size_t sum = 0; sum < ALL; sum += PIECE) {
        assert_int_equal(gnutls_record_send(p.client.tls, piece, PIECE), PIECE);
        assert_int_equal(gnutls_record_recv(p.server.tls, got, sizeof got), PIECE);
    }
    assert_int_equal(over(&p, &error), TLS_FAILED_NOT);
}

static void a_handshake_without_an_end_is_ended(void **state)
{
    (void)state;
    static char record[5 + 16000] = "\x16\x03\x01\x3e\x80";
    struct pair p;
    const char *error;
    int rc = GNUTLS_E_AGAIN;
    pair_make(&p, (struct tls_opts){ 0 }, TLS13, NULL);
    memcpy(record + 5, "\x01\xff\xff\xff", 4); /* a hello of 16 MiB */
    size_t sent = 0;
    while (rc == GNUTLS_E_AGAIN && sent < 200000) {
        assert_int_equal(send(p.client.fd, record, sizeof record, 0), sizeof record);
        sent += sizeof record;
        (void)serve(&p, &rc);
    }
    assert_true(gnutls_error_is_fatal(rc));
    assert_true(sent < 100000);
    assert_int_equal(over(&p, &error), TLS_FAILED_OTHERWISE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_handshake_is_open_and_did_not_fail),
        cmocka_unit_test(a_failed_handshake_has_its_reason),
        cmocka_unit_test(a_chain_without_an_end_lets_nobody_in),
        cmocka_unit_test(what_is_no_handshake_has_its_reason),
        cmocka_unit_test(a_client_that_leaves_when_it_has_our_certificate_is_told_apart),
        cmocka_unit_test(a_client_that_leaves_before_is_told_apart_from_one_that_saw_it),
        cmocka_unit_test(where_names_are_wanted_it_is_known_who_brought_none),
        cmocka_unit_test(an_open_session_takes_any_number_of_bytes),
        cmocka_unit_test(a_handshake_without_an_end_is_ended),
    };
    return cmocka_run_group_tests_name("hosted", tests, make, unmake);
}
