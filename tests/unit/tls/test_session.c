/*
 * Sessions over socketpairs.  Between client and server stands a relay, which moves as many bytes
 * at a time as a test wants, and may change them:
 *
 *     client -- socketpair -- relay -- socketpair -- server
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
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
#include <gnutls/gnutls.h>

#include "support/certs.h"
#include "support/sanitized.h"
#include "tls/session.h"
#include "tls/store.h"

/* --- certificates --- */

static struct cert ca, other_ca;

static int make(void **state)
{
    int64_t now = time(NULL);
    (void)state;
    certs_dir_enter();
    ca = cert_make(&(struct cert_spec){ .name = "ca", .is_ca = true });
    other_ca = cert_make(&(struct cert_spec){ .name = "other_ca", .is_ca = true });
    certs_write("ca.pem", &ca, 1);
    certs_write("other_ca.pem", &other_ca, 1);
    certs_write_pair("server",
                     (struct cert_spec){ .signer = &ca, .dns = "a.test", .ip4 = "127.0.0.1" });
    certs_write_pair("rsa", (struct cert_spec){ .signer = &ca, .dns = "a.test", .rsa_bits = 2048 });
    certs_write_pair("old",
                     (struct cert_spec){ .signer = &ca, .from = now - 99, .until = now - 9 });
    certs_write_pair("good",
                     (struct cert_spec){ .signer = &ca, .dns = "good.test", .email = "g@x.test" });
    certs_write_pair("client_only", (struct cert_spec){ .signer = &ca, .for_clients = true });
    certs_write_pair("self", (struct cert_spec){ .dns = "good.test" });
    certs_write_pair("foreign", (struct cert_spec){ .signer = &other_ca });
    return 0;
}

static int drop(void **state)
{
    (void)state;
    cert_release(&ca);
    cert_release(&other_ca);
    certs_dir_leave();
    return 0;
}

static struct tls_bundle *bundle(struct tls_opts o)
{
    struct tls_bundle *b = NULL;
    struct buf said = { 0 };
    if (tls_bundle_load(&o, time(NULL), &b, &said, &said) != 0)
        fail_msg("%.*s", (int)said.len, said.ptr);
    buf_release(&said);
    return b;
}

/* --- a connection --- */

static struct {
    int client, relay_client, relay_server, server;
} fd;
static struct tls_session *client, *serving;

static void connect_pair(void)
{
    int a[2], b[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
    fd.client = a[0];
    fd.relay_client = a[1];
    fd.relay_server = b[0];
    fd.server = b[1];
}

/* The bundles become the sessions'. */
static void begin(struct tls_opts server_opts, struct tls_opts client_opts, const char *name)
{
    struct tls_bundle *s = bundle(server_opts), *c = bundle(client_opts);
    connect_pair();
    serving = tls_session_new(s, fd.server, NULL);
    client = tls_session_new(c, fd.client, name);
    assert_non_null(serving);
    assert_non_null(client);
    tls_bundle_drop(s);
    tls_bundle_drop(c);
}

static void end(void)
{
    tls_session_free(client);
    tls_session_free(serving);
    client = serving = NULL;
    close(fd.client);
    close(fd.relay_client);
    close(fd.relay_server);
    close(fd.server);
}

/* Move up to `most` bytes; the byte that `flip` counts down to is changed.  returns  how many */
static size_t relay(int from, int to, size_t most, long *flip)
{
    char bytes[65536];
    ssize_t n = read(from, bytes, most < sizeof bytes ? most : sizeof bytes);
    if (n <= 0)
        return 0;
    if (flip != NULL && *flip >= 0) {
        if (*flip < n)
            bytes[*flip] ^= 0x20;
        *flip -= n;
    }
    assert_int_equal(write(to, bytes, (size_t)n), n);
    return (size_t)n;
}

static size_t relay_both(size_t most)
{
    return relay(fd.relay_client, fd.relay_server, most, NULL) +
           relay(fd.relay_server, fd.relay_client, most, NULL);
}

static bool over(enum tls_result r)
{
    return r != TLS_WANT_READ && r != TLS_WANT_WRITE;
}

/* Both handshakes until they are over, `most` bytes at a time. */
static void handshakes(size_t most, enum tls_result *ret_server, enum tls_result *ret_client)
{
    enum tls_result s = TLS_WANT_READ, c = TLS_WANT_WRITE;
    size_t moved = 1;
    for (long i = 0; (!over(s) || !over(c)) && (moved > 0 || i < 3); i++) {
        assert_true(i < 100000);
        if (!over(c))
            c = tls_session_handshake(client);
        moved = relay_both(most);
        if (!over(s))
            s = tls_session_handshake(serving);
        moved += relay_both(most);
    }
    while (relay_both(most) > 0)
        ;
    *ret_server = s;
    *ret_client = c;
}

static void shake_hands(void)
{
    enum tls_result s, c;
    handshakes(65536, &s, &c);
    if (s != TLS_DONE || c != TLS_DONE)
        fail_msg("server: %s, client: %s", tls_session_error(serving), tls_session_error(client));
}

static void say(struct tls_session *from, const char *text)
{
    size_t n = 0;
    assert_int_equal(tls_session_write(from, text, strlen(text), &n), TLS_DONE);
    assert_int_equal(n, strlen(text));
    relay_both(65536);
}

static void hears(struct tls_session *to, const char *text)
{
    char bytes[TLS_RECORD_MAX];
    size_t n = 0;
    assert_int_equal(tls_session_read(to, bytes, sizeof bytes, &n), TLS_DONE);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(bytes, text, n);
    assert_int_equal(tls_session_pending(to), 0);
    assert_int_equal(tls_session_read(to, bytes, sizeof bytes, &n), TLS_WANT_READ);
}

static const struct tls_opts server_opts = { .cert_file = "server.pem", .key_file = "server.key" };
static const struct tls_opts client_opts = { .side = TLS_CLIENT, .ca_file = "ca.pem" };

static struct tls_opts only(struct tls_opts o, enum tls_version v)
{
    o.min_version = o.max_version = v;
    return o;
}

static const enum tls_version versions[] = { TLS_1_2, TLS_1_3 };

/* --- tests --- */

static void what_one_side_says_the_other_hears(void **state)
{
    static const char *const certs[][2] = { { "server.pem", "server.key" },
                                            { "rsa.pem", "rsa.key" } };
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        for (size_t c = 0; c < 2; c++) {
            struct tls_opts o = { .cert_file = certs[c][0], .key_file = certs[c][1] };
            begin(only(o, versions[v]), client_opts, "a.test");
            shake_hands();
            say(client, "hits:1|c\n");
            hears(serving, "hits:1|c\n");
            say(serving, "thanks");
            hears(client, "thanks");
            end();
        }
    }
}

static void a_client_says_by_which_name_it_calls_but_no_address(void **state)
{
    static const struct {
        const char *name;
        bool said;
    } rows[] = { { "a.test", true }, { "127.0.0.1", false }, { "::1", false } };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char hello[4096];
        begin(server_opts, client_opts, rows[i].name);
        assert_int_equal(tls_session_handshake(client), TLS_WANT_READ);
        ssize_t n = read(fd.relay_client, hello, sizeof hello);
        assert_true(n > 0);
        const void *at = memmem(hello, (size_t)n, rows[i].name, strlen(rows[i].name));
        assert_int_equal(at != NULL, rows[i].said);
        end();
    }
}

static void bytes_may_come_one_at_a_time(void **state)
{
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        enum tls_result s, c;
        size_t n = 0;
        char bytes[100];
        begin(only(server_opts, versions[v]), client_opts, "a.test");
        handshakes(1, &s, &c);
        assert_int_equal(s, TLS_DONE);
        assert_int_equal(c, TLS_DONE);
        assert_int_equal(tls_session_write(client, "hits:1|c\n", 9, &n), TLS_DONE);
        enum tls_result r;
        while ((r = tls_session_read(serving, bytes, sizeof bytes, &n)) == TLS_WANT_READ)
            assert_int_equal(relay(fd.relay_client, fd.relay_server, 1, NULL), 1);
        assert_int_equal(r, TLS_DONE);
        assert_memory_equal(bytes, "hits:1|c\n", 9);
        end();
    }
}

static void half_a_hello_waits_for_the_rest(void **state)
{
    (void)state;
    begin(server_opts, client_opts, NULL);
    assert_int_equal(tls_session_handshake(serving), TLS_WANT_READ);
    assert_int_equal(tls_session_handshake(client), TLS_WANT_READ);
    assert_int_equal(relay(fd.relay_client, fd.relay_server, 11, NULL), 11);
    for (int i = 0; i < 5; i++)
        assert_int_equal(tls_session_handshake(serving), TLS_WANT_READ);
    assert_false(tls_session_answered(serving));
    shutdown(fd.relay_server, SHUT_WR);
    assert_int_equal(tls_session_handshake(serving), TLS_FAILED);
    assert_string_equal(tls_session_error(serving),
                        "the peer closed the connection in the handshake");
    end();
}

static void who_leaves_without_a_word_is_no_failure(void **state)
{
    (void)state;
    begin(server_opts, client_opts, NULL);
    shutdown(fd.relay_server, SHUT_WR);
    assert_int_equal(tls_session_handshake(serving), TLS_CUT);
    assert_string_equal(tls_session_error(serving), "");
    end();
}

static void who_speaks_no_tls_is_told_apart(void **state)
{
    /* clang-format off */
    static const struct { const char *bytes; size_t n; const char *error; } cases[] = {
        { "hits:1|c\n", 9, "plain text instead of TLS" },
        { "GET / HTTP/1.1\r\n\r\n", 18, "plain text instead of TLS" },
        { "\x80\x2e\x01\x03\x01", 5, "plain text instead of TLS" },
        { "\x16\x03\x01\xff\xff rest", 10, "broken TLS record" },
        { "\x16\x03\x01\x00\x00", 5, NULL },
        { "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9, NULL },
        { "\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9, NULL },
        { "\x16\x00\x00\x00\x05hello", 10, NULL },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(server_opts, client_opts, NULL);
        assert_int_equal(write(fd.relay_server, cases[i].bytes, cases[i].n), cases[i].n);
        enum tls_result r = tls_session_handshake(serving);
        if (r == TLS_WANT_READ) { /* a record may be empty; then the end has to say it */
            if (cases[i].error != NULL)
                fail_msg("case %zu waits", i);
            shutdown(fd.relay_server, SHUT_WR);
            r = tls_session_handshake(serving);
        }
        assert_int_equal(r, TLS_FAILED);
        assert_string_not_equal(tls_session_error(serving), "");
        if (cases[i].error != NULL && strcmp(tls_session_error(serving), cases[i].error) != 0)
            fail_msg("case %zu: %s", i, tls_session_error(serving));
        end();
    }
}

/*
 * A client with a certificate of a foreign CA, and a signature that is not of that certificate's
 * key.  What is said of it tells which of the two was looked at first.
 */
static void a_strangers_key_is_not_used_before_his_certificate_is_verified(void **state)
{
    const struct tls_opts o = { .cert_file = "server.pem",
                                .key_file = "server.key",
                                .ca_file = "ca.pem",
                                .client_auth = TLS_CLIENT_REQUIRE_VERIFY };
    struct cert one = cert_make(&(struct cert_spec){ .name = "stranger", .signer = &other_ca });
    gnutls_certificate_credentials_t own;
    (void)state;
    assert_int_equal(gnutls_certificate_allocate_credentials(&own), 0);
    gnutls_certificate_set_flags(own, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
    assert_int_equal(gnutls_certificate_set_x509_key(own, &one.crt, 1, other_ca.key), 0);
    for (size_t v = 0; v < 2; v++) {
        gnutls_session_t tls;
        enum tls_result r = TLS_WANT_READ;
        begin(only(o, versions[v]), client_opts, NULL);
        assert_int_equal(
            gnutls_init(&tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_FORCE_CLIENT_CERT), 0);
        gnutls_set_default_priority(tls);
        gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, own);
        gnutls_transport_set_int(tls, fd.client);
        for (int i = 0; i < 10 && r == TLS_WANT_READ; i++) {
            (void)gnutls_handshake(tls);
            relay_both(65536);
            r = tls_session_handshake(serving);
            relay_both(65536);
        }
        assert_int_equal(r, TLS_FAILED);
        assert_string_equal(tls_session_error(serving),
                            "the peer's certificate is signed by no known CA");
        gnutls_deinit(tls);
        end();
    }
    gnutls_certificate_free_credentials(own);
    cert_release(&one);
}

static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void a_hello_without_an_end_is_refused(void **state)
{
    /* Records of a ClientHello that says to be 16 MiB long. */
    static char record[5 + TLS_RECORD_MAX] = { 0x16, 3, 1, 0x40, 0, 1, (char)0xff, (char)0xff };
    enum tls_result r = TLS_WANT_READ;
    size_t sent = 0;
    (void)state;
    begin(server_opts, client_opts, NULL);
    size_t before = in_use();
    for (; r == TLS_WANT_READ && sent < 20; sent++) {
        assert_int_equal(write(fd.relay_server, record, sizeof record), sizeof record);
        r = tls_session_handshake(serving);
        if (!SANITIZED)
            assert_true(in_use() - before < TLS_HANDSHAKE_BYTES);
        memset(record + 5, 0, 4);
    }
    assert_int_equal(r, TLS_FAILED);
    assert_true(sent < 5);
    assert_string_equal(tls_session_error(serving), "a handshake message has no end");
    end();
}

static void clients_are_let_in_by_their_certificates(void **state)
{
    enum { NONE = TLS_CLIENT_NONE, ASK = TLS_CLIENT_REQUEST, ANY = TLS_CLIENT_REQUIRE_ANY };
    enum { GIVEN = TLS_CLIENT_VERIFY_IF_GIVEN, MUST = TLS_CLIENT_REQUIRE_VERIFY };
    static const char missing[] = "the peer sent no certificate";
    static const char unknown[] = "the peer's certificate is signed by no known CA";
    static const char unnamed[] = "the peer's certificate has none of the allowed names";
    /* clang-format off */
    static const struct { int auth; const char *cert, *san, *error; } cases[] = {
        { NONE,  NULL,      NULL, NULL },
        { NONE,  "self",    NULL, NULL },
        { ASK,   NULL,      NULL, NULL },
        { ASK,   "self",    NULL, NULL },
        { ANY,   NULL,      NULL, missing },
        { ANY,   "self",    NULL, NULL },
        { GIVEN, NULL,      NULL, NULL },
        { GIVEN, "good",    NULL, NULL },
        { GIVEN, "self",    NULL, unknown },
        { MUST,  NULL,      NULL, missing },
        { MUST,  "good",    NULL, NULL },
        { MUST,  "client_only", NULL, NULL },
        { MUST,  "self",    NULL, unknown },
        { MUST,  "foreign", NULL, unknown },
        { MUST,  "old",     NULL, "the peer's certificate has expired" },
        { MUST,  "good",    "good.test", NULL },
        { MUST,  "good",    "g@x.test", NULL },
        { MUST,  "good",    "GOOD.test", unnamed },
        { MUST,  "good",    "good.tes", unnamed },
        { MUST,  "server",  "127.0.0.1", NULL },
        { MUST,  "server",  "127.0.0.2", unnamed },
        { MUST,  "client_only", "good.test", unnamed },
        { ANY,   "self",    "good.test", NULL },
        { GIVEN, NULL,      "good.test", missing },
        { GIVEN, "self",    "good.test", unknown },
        { ASK,   NULL,      "good.test", missing },
        { ASK,   "self",    "good.test", NULL },
        { ASK,   "self",    "other.test", unnamed },
        { ANY,   "self",    "other.test", unnamed },
        { MUST,  "server",  "::ffff:127.0.0.1", unnamed },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
        size_t at = i / 2;
        char cert[64], key[64], bytes[10];
        struct tls_opts s = only(server_opts, versions[i % 2]), c = client_opts;
        enum tls_result server_says, client_says;
        s.client_auth = (enum tls_client_auth)cases[at].auth;
        s.ca_file = cases[at].auth != NONE ? "ca.pem" : NULL;
        const char *sans[] = { cases[at].san, "no.test" }; /* one, or the first or last of two */
        if (i % 3 == 1) {
            sans[0] = "no.test";
            sans[1] = cases[at].san;
        }
        s.allowed_sans = sans;
        s.n_allowed_sans = cases[at].san == NULL ? 0 : i % 3 == 0 ? 1 : 2;
        if (cases[at].cert != NULL) {
            snprintf(cert, sizeof cert, "%s.pem", cases[at].cert);
            snprintf(key, sizeof key, "%s.key", cases[at].cert);
            c.cert_file = cert;
            c.key_file = key;
        }
        begin(s, c, "a.test");
        handshakes(65536, &server_says, &client_says);
        if ((server_says == TLS_DONE) != (cases[at].error == NULL))
            fail_msg("case %zu: %s", at, tls_session_error(serving));
        if (cases[at].error != NULL) {
            size_t n;
            assert_string_equal(tls_session_error(serving), cases[at].error);
            /* In TLS 1.3 the client has ended its handshake before the server refuses. */
            if (client_says == TLS_DONE)
                client_says = tls_session_read(client, bytes, sizeof bytes, &n);
            assert_int_equal(client_says, TLS_FAILED);
            if (strstr(tls_session_error(client), "the peer ") == NULL)
                fail_msg("case %zu: the client was not told: %s", at, tls_session_error(client));
        }
        end();
    }
}

static void a_client_checks_whom_it_speaks_to(void **state)
{
    /* clang-format off */
    static const struct { const char *cert, *key, *ca, *name, *error; } cases[] = {
        { "server.pem", "server.key", "ca.pem", "a.test", NULL },
        { "server.pem", "server.key", "ca.pem", "127.0.0.1", NULL },
        { "server.pem", "server.key", "ca.pem", NULL, NULL },
        { "server.pem", "server.key", "ca.pem", "b.test",
          "the peer's certificate is for another name" },
        { "server.pem", "server.key", "ca.pem", "127.0.0.2",
          "the peer's certificate is for another name" },
        { "server.pem", "server.key", "other_ca.pem", "a.test",
          "the peer's certificate is signed by no known CA" },
        { "old.pem", "old.key", "ca.pem", NULL, "the peer's certificate has expired" },
        { "client_only.pem", "client_only.key", "ca.pem", NULL,
          "the peer's certificate is for another purpose" },
        { "self.pem", "self.key", "self.pem", "good.test", NULL },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum tls_result s, c;
        begin((struct tls_opts){ .cert_file = cases[i].cert, .key_file = cases[i].key },
              (struct tls_opts){ .side = TLS_CLIENT, .ca_file = cases[i].ca }, cases[i].name);
        handshakes(65536, &s, &c);
        if ((c == TLS_DONE) != (cases[i].error == NULL))
            fail_msg("case %zu: %s", i, tls_session_error(client));
        if (cases[i].error != NULL) {
            assert_string_equal(tls_session_error(client), cases[i].error);
            assert_int_equal(s, TLS_FAILED);
            assert_non_null(strstr(tls_session_error(serving), "our certificate"));
        }
        end();
    }
}

static void sides_with_nothing_in_common_say_what(void **state)
{
    static const char *const gcm[] = { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" };
    static const char *const cbc[] = { "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA" };
    static const char *const p521[] = { "CurveP521" };
    enum tls_result s, c;
    (void)state;

    begin(only(server_opts, TLS_1_3), only(client_opts, TLS_1_2), NULL);
    handshakes(65536, &s, &c);
    assert_int_equal(s, TLS_FAILED);
    assert_string_equal(tls_session_error(serving), "no TLS version in common");
    assert_int_equal(c, TLS_FAILED);
    assert_string_equal(tls_session_error(client), "the peer has no TLS version in common");
    end();

    struct tls_opts so = server_opts, co = client_opts;
    so.ciphers = gcm;
    co.ciphers = cbc;
    so.n_ciphers = co.n_ciphers = 1;
    begin(so, co, NULL);
    handshakes(65536, &s, &c);
    assert_int_equal(s, TLS_FAILED);
    assert_string_equal(tls_session_error(serving), "no cipher in common");
    assert_int_equal(c, TLS_FAILED);
    end();

    so = only(server_opts, TLS_1_3);
    so.curves = p521;
    so.n_curves = 1;
    begin(so, client_opts, NULL);
    handshakes(65536, &s, &c);
    assert_int_equal(s, TLS_FAILED);
    assert_string_equal(tls_session_error(serving), "no curve in common");
    end();
}

static struct tls_session *serve(struct tls_store *store)
{
    connect_pair();
    struct tls_session *s = tls_session_new(tls_store_current(store), fd.server, NULL);
    assert_non_null(s);
    return s;
}

static void client_that_trusts(const char *ca_file)
{
    struct tls_bundle *b = bundle((struct tls_opts){ .side = TLS_CLIENT, .ca_file = ca_file });
    client = tls_session_new(b, fd.client, NULL);
    tls_bundle_drop(b);
}

static void a_reload_in_the_middle_of_a_handshake_ends_with_the_old_certificate(void **state)
{
    struct tls_store *store;
    struct buf said = { 0 };
    struct cert one = cert_make(&(struct cert_spec){ .name = "one" });
    struct cert two = cert_make(&(struct cert_spec){ .name = "two" });
    (void)state;
    certs_write("one.pem", &one, 1);
    certs_write("two.pem", &two, 1);
    certs_write("now.pem", &one, 1);
    cert_key_write("now.key", &one);
    struct tls_opts o = { .cert_file = "now.pem", .key_file = "now.key" };
    assert_int_equal(tls_store_open(&o, time(NULL), &store, &said, &said), 0);

    serving = serve(store);
    client_that_trusts("one.pem");
    assert_int_equal(tls_session_handshake(client), TLS_WANT_READ);
    relay_both(65536);
    assert_int_equal(tls_session_handshake(serving), TLS_WANT_READ);
    assert_true(tls_session_answered(serving));
    certs_write("now.pem", &two, 1);
    cert_key_write("now.key", &two);
    assert_int_equal(tls_store_reload(store, time(NULL), &said, &said), TLS_LOADED);
    shake_hands();
    say(client, "still here");
    hears(serving, "still here");
    end();

    serving = serve(store);
    client_that_trusts("two.pem");
    shake_hands();
    tls_store_free(store); /* the connection outlives the store */
    say(client, "new");
    hears(serving, "new");
    end();
    cert_release(&one);
    cert_release(&two);
    buf_release(&said);
}

static void a_full_socket_is_waited_for_and_nothing_is_lost(void **state)
{
    enum { BYTES = 3 << 20 };
    char *sent = malloc(BYTES), *got = malloc(BYTES);
    size_t n_sent = 0, n_got = 0, n, full = 0;
    (void)state;
    begin(server_opts, client_opts, NULL);
    shake_hands();
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (char)(i * 7 + i / 251);
    while (n_got < BYTES) {
        enum tls_result r = TLS_DONE;
        while (n_sent < BYTES && r == TLS_DONE) {
            r = tls_session_write(client, sent + n_sent, BYTES - n_sent, &n);
            n_sent += r == TLS_DONE ? n : 0;
            full += r == TLS_WANT_WRITE;
            assert_true(r == TLS_DONE || r == TLS_WANT_WRITE);
        }
        (void)relay(fd.relay_client, fd.relay_server, 50000, NULL);
        while ((r = tls_session_read(serving, got + n_got, BYTES - n_got, &n)) == TLS_DONE) {
            n_got += n;
            if (n_got == BYTES)
                break;
        }
        assert_true(r == TLS_DONE || r == TLS_WANT_READ);
    }
    assert_true(full > 0);
    assert_memory_equal(sent, got, BYTES);
    free(sent);
    free(got);
    end();
}

static void what_is_decrypted_already_is_pending(void **state)
{
    char bytes[4];
    size_t n = 0;
    (void)state;
    begin(server_opts, client_opts, NULL);
    shake_hands();
    say(client, "0123456789");
    assert_int_equal(tls_session_read(serving, bytes, 4, &n), TLS_DONE);
    assert_int_equal(n, 4);
    assert_int_equal(tls_session_pending(serving), 6);
    assert_int_equal(tls_session_read(serving, bytes, 4, &n), TLS_DONE);
    assert_int_equal(tls_session_pending(serving), 2);
    end();
}

static void ends_are_told_apart(void **state)
{
    char byte;
    size_t n;
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        begin(only(server_opts, versions[v]), client_opts, NULL);
        shake_hands();
        say(client, "x");
        assert_int_equal(tls_session_bye(client), TLS_DONE);
        relay_both(65536);
        assert_int_equal(tls_session_read(serving, &byte, 1, &n), TLS_DONE);
        assert_int_equal(tls_session_read(serving, &byte, 1, &n), TLS_CLOSED);
        assert_int_equal(tls_session_bye(serving), TLS_DONE);
        end();

        begin(only(server_opts, versions[v]), client_opts, NULL);
        shake_hands();
        shutdown(fd.relay_server, SHUT_WR);
        assert_int_equal(tls_session_read(serving, &byte, 1, &n), TLS_CUT);
        end();

        begin(only(server_opts, versions[v]), client_opts, NULL);
        shake_hands();
        assert_int_equal(tls_session_write(client, "hits:1|c\n", 9, &n), TLS_DONE);
        relay(fd.relay_client, fd.relay_server, 65536, &(long){ 12 });
        assert_int_equal(tls_session_read(serving, &byte, 1, &n), TLS_FAILED);
        assert_string_equal(tls_session_error(serving), "a record was changed on its way");
        end();
    }
}

static void a_byte_that_changes_on_its_way_never_passes(void **state)
{
    (void)state;
    for (long at = 0; at < 1500; at += 7) {
        enum tls_result s = TLS_WANT_READ, c = TLS_WANT_WRITE;
        long flip = at;
        size_t moved = 1, n;
        char bytes[16];
        begin(only(server_opts, versions[at % 2]), client_opts, "a.test");
        while ((!over(s) || !over(c)) && moved > 0) {
            if (!over(c))
                c = tls_session_handshake(client);
            moved = relay(fd.relay_client, fd.relay_server, 65536, &flip);
            if (!over(s))
                s = tls_session_handshake(serving);
            moved += relay(fd.relay_server, fd.relay_client, 65536, NULL);
        }
        /* A length that is wrong leaves the server waiting; else it refuses. */
        if (s == TLS_DONE && flip >= 0 && c == TLS_DONE) {
            assert_int_equal(tls_session_write(client, "x", 1, &n), TLS_DONE);
            (void)relay(fd.relay_client, fd.relay_server, 65536, &flip);
            s = tls_session_read(serving, bytes, sizeof bytes, &n);
        }
        if (s == TLS_DONE && flip < 0)
            fail_msg("byte %ld was changed, and nobody noticed", at);
        end();
    }
}

/* GnuTLS alone, for what our own client never does. */
static void another_handshake_on_an_open_session_is_refused(void **state)
{
    gnutls_session_t raw;
    gnutls_certificate_credentials_t trust_all;
    char byte;
    size_t n;
    enum tls_result s = TLS_WANT_READ;
    int c = GNUTLS_E_AGAIN;
    (void)state;
    begin(only(server_opts, TLS_1_2), client_opts, NULL);
    assert_int_equal(gnutls_certificate_allocate_credentials(&trust_all), 0);
    assert_int_equal(gnutls_init(&raw, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
    gnutls_set_default_priority(raw);
    gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, trust_all);
    gnutls_transport_set_int(raw, fd.client);
    while (s == TLS_WANT_READ || c == GNUTLS_E_AGAIN) {
        if (c != 0)
            c = gnutls_handshake(raw);
        relay_both(65536);
        if (s != TLS_DONE)
            s = tls_session_handshake(serving);
        relay_both(65536);
    }
    assert_int_equal(s, TLS_DONE);
    assert_int_equal(gnutls_handshake(raw), GNUTLS_E_AGAIN);
    relay_both(65536);
    assert_int_equal(tls_session_read(serving, &byte, 1, &n), TLS_FAILED);
    assert_string_equal(tls_session_error(serving), "the peer wants another handshake");
    gnutls_deinit(raw);
    gnutls_certificate_free_credentials(trust_all);
    end();
}

static void a_session_takes_no_more_memory_than_is_stated(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    for (size_t v = 0; v < 2; v++) {
        struct tls_opts o = only(server_opts, versions[v]);
        o.client_auth = TLS_CLIENT_REQUIRE_VERIFY;
        o.ca_file = "ca.pem";
        struct tls_bundle *b = bundle(o);
        struct tls_opts co = client_opts;
        co.cert_file = "good.pem";
        co.key_file = "good.key";
        struct tls_bundle *cb = bundle(co);
        connect_pair();
        client = tls_session_new(cb, fd.client, NULL);
        size_t at = in_use(), idle, half, most = 0, n;
        serving = tls_session_new(b, fd.server, NULL);
        idle = in_use() - at;
        enum tls_result s = TLS_WANT_READ, c = TLS_WANT_WRITE;
        while (!over(s) || !over(c)) {
            if (!over(c))
                c = tls_session_handshake(client);
            relay_both(16);
            at = in_use();
            if (!over(s))
                s = tls_session_handshake(serving);
            idle += in_use() - at;
            most = idle > most ? idle : most;
        }
        char record[TLS_RECORD_MAX] = { 0 };
        assert_int_equal(tls_session_write(client, record, sizeof record, &n), TLS_DONE);
        relay(fd.relay_client, fd.relay_server, 16000, NULL);
        at = in_use();
        assert_int_equal(tls_session_read(serving, record, sizeof record, &n), TLS_WANT_READ);
        half = idle + in_use() - at;
        print_message("idle %zu, in the handshake %zu, half a record %zu\n", idle, most, half);
        assert_true(idle < TLS_SESSION_BYTES / 4);
        assert_true(most < TLS_HANDSHAKE_BYTES);
        assert_true(half < TLS_SESSION_BYTES);
        tls_bundle_drop(b);
        tls_bundle_drop(cb);
        end();
    }
}

/* The stream goes on: nobody has closed it. */
static void a_message_that_is_broken_is_no_end(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        { "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9 },
        { "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", 10 },
        { "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", 11 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(server_opts, client_opts, NULL);
        assert_int_equal(write(fd.relay_server, cases[i].bytes, cases[i].n), cases[i].n);
        assert_int_equal(tls_session_handshake(serving), TLS_FAILED);
        assert_null(strstr(tls_session_error(serving), "closed the connection"));
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_side_says_the_other_hears),
        cmocka_unit_test(a_client_says_by_which_name_it_calls_but_no_address),
        cmocka_unit_test(bytes_may_come_one_at_a_time),
        cmocka_unit_test(half_a_hello_waits_for_the_rest),
        cmocka_unit_test(who_leaves_without_a_word_is_no_failure),
        cmocka_unit_test(who_speaks_no_tls_is_told_apart),
        cmocka_unit_test(a_strangers_key_is_not_used_before_his_certificate_is_verified),
        cmocka_unit_test(a_hello_without_an_end_is_refused),
        cmocka_unit_test(clients_are_let_in_by_their_certificates),
        cmocka_unit_test(a_client_checks_whom_it_speaks_to),
        cmocka_unit_test(sides_with_nothing_in_common_say_what),
        cmocka_unit_test(a_reload_in_the_middle_of_a_handshake_ends_with_the_old_certificate),
        cmocka_unit_test(a_full_socket_is_waited_for_and_nothing_is_lost),
        cmocka_unit_test(what_is_decrypted_already_is_pending),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(a_byte_that_changes_on_its_way_never_passes),
        cmocka_unit_test(another_handshake_on_an_open_session_is_refused),
        cmocka_unit_test(a_session_takes_no_more_memory_than_is_stated),
        cmocka_unit_test(a_message_that_is_broken_is_no_end),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
