/*
 * HTTPS: a real server and clients of GnuTLS.  certs.c makes the certificates.
 */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "base/now.h"
#include "http/connections.h"
#include "http/http.h"
#include "http/secure.h"
#include "http/settings.h"
#include "support/certs.h"
#include "support/http_client.h"
#include "support/http_daemon.h"
#include "support/sanitized.h"
#include "support/tls_client.h"
#include "tls/store.h"

#define ASK      "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n"
#define ASK_LAST "GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define TLS12    "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13    "NORMAL:-VERS-ALL:+VERS-TLS1.3"

enum { SECOND_NS = 1000000000 };

static struct cert ca, other_ca;

/* --- certificates --- */

static int make(void **state)
{
    int64_t now = time(NULL);
    (void)state;
    certs_dir_enter();
    ca = cert_make(&(struct cert_spec){ .name = "ca", .is_ca = true });
    other_ca = cert_make(&(struct cert_spec){ .name = "other_ca", .is_ca = true });
    certs_write("ca.pem", &ca, 1);
    certs_write_pair("one", (struct cert_spec){ .signer = &ca, .dns = "a.test" });
    certs_write_pair("two", (struct cert_spec){ .signer = &ca, .dns = "a.test" });
    certs_write_pair("rsa", (struct cert_spec){ .signer = &ca, .rsa_bits = 2048 });
    certs_write_pair("good", (struct cert_spec){ .signer = &ca, .dns = "good.test" });
    certs_write_pair("old",
                     (struct cert_spec){ .signer = &ca, .from = now - 99, .until = now - 9 });
    certs_write_pair("foreign", (struct cert_spec){ .signer = &other_ca, .dns = "good.test" });
    certs_write_pair("self", (struct cert_spec){ .dns = "good.test" });
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    cert_release(&ca);
    cert_release(&other_ca);
    certs_dir_leave();
    return 0;
}

static struct tls_bundle *load(struct tls_opts o)
{
    struct tls_bundle *b = NULL;
    struct buf errors = { 0 }, warnings = { 0 };
    if (o.cert_file == NULL) {
        o.cert_file = "one.pem";
        o.key_file = "one.key";
    }
    if (tls_bundle_load(&o, time(NULL), &b, &errors, &warnings) < 0)
        fail_msg("%.*s", (int)errors.len, errors.ptr);
    buf_release(&errors);
    buf_release(&warnings);
    return b;
}

/* --- the server --- */

static unsigned say_ok(void *cookie, const char **ret_text)
{
    (void)cookie;
    *ret_text = "ok";
    return 200;
}

static const struct http_route routes[] = {
    { .path = "/ok", .probe = say_ok },
    { .path = "/stream", .ask = http_daemon_answer_piece },
};

static void start_with(struct http_opts o, struct tls_opts tls)
{
    const char *error = NULL;
    struct tls_bundle *b = load(tls);
    o.listen = "127.0.0.1:0";
    o.routes = routes;
    o.n_routes = ARRAY_LEN(routes);
    o.tls = b;
    assert_int_equal(http_start(&o, &http_daemon, &error), 0);
    tls_bundle_drop(b);
}

static void start(struct tls_opts tls)
{
    start_with((struct http_opts){ .tls_handshakes_per_second = 10000 }, tls);
}

/* --- clients --- */

static void dial(struct tls_client *c, const struct tls_client_opts *o)
{
    tls_client_dial(c, http_address(http_daemon), o);
}

/* The status that a client gets; 0: it is not let in. */
static unsigned ask_text(const struct tls_client_opts *o, const char *text, struct buf *reply)
{
    struct tls_client c;
    unsigned status = 0;
    buf_clear(reply);
    dial(&c, o);
    if (tls_client_handshake(&c) && tls_client_say(&c, text) && tls_client_hear(&c, NULL, reply))
        status = client_status(reply);
    tls_client_hang_up(&c);
    return status;
}

static unsigned ask(const struct tls_client_opts *o)
{
    struct buf reply = { 0 };
    unsigned status = ask_text(o, ASK_LAST, &reply);
    buf_release(&reply);
    return status;
}

static const struct tls_client_opts anybody = { 0 };

/* --- tests --- */

static void each_version_is_spoken_as_long_as_it_is_allowed(void **state)
{
    (void)state;
    static const struct {
        enum tls_version min, max;
        const char *cert, *priority;
        unsigned status;
    } rows[] = {
        { 0, 0, "one", TLS12, 200 },
        { 0, 0, "one", TLS13, 200 },
        { 0, 0, "rsa", TLS12, 200 },
        { 0, 0, "rsa", TLS13, 200 },
        { TLS_1_3, 0, "one", TLS12, 0 },
        { TLS_1_3, 0, "one", TLS13, 200 },
        { 0, TLS_1_2, "one", TLS12, 200 },
        { 0, TLS_1_2, "one", TLS13, 0 },
        { 0, 0, "one", "NORMAL:-VERS-ALL:+VERS-TLS1.1", 0 },
        { 0, 0, "one", TLS12 ":-AES-256-GCM:-AES-128-GCM:-CHACHA20-POLY1305", 0 },
        { 0, 0, "one", TLS12 ":-ECDHE-ECDSA", 0 }, /* the key is one of ECDSA */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char cert[16], key[16];
        snprintf(cert, sizeof cert, "%s.pem", rows[i].cert);
        snprintf(key, sizeof key, "%s.key", rows[i].cert);
        start((struct tls_opts){ .cert_file = cert,
                                 .key_file = key,
                                 .min_version = rows[i].min,
                                 .max_version = rows[i].max });
        unsigned status = ask(&(struct tls_client_opts){ .priority = rows[i].priority });
        if (status != rows[i].status)
            fail_msg("row %zu: %u", i, status);
        if (status == 0)
            AWAIT(s.handshakes[HTTP_HANDSHAKE_PARAMETERS] == 1);
        else
            AWAIT(s.handshakes[HTTP_HANDSHAKE_OK] == 1);
        http_daemon_stop();
    }
}

static void clients_are_let_in_by_the_certificate_that_is_wanted(void **state)
{
    (void)state;
    static const char *const who[] = { NULL, "good", "foreign", "self", "old" };
    static const char *const good_test[] = { "good.test" }, *const other_test[] = { "other.test" };
    static const struct {
        enum tls_client_auth auth;
        const char *const *san;
        unsigned status[ARRAY_LEN(who)];
    } rows[] = {
        { TLS_CLIENT_NONE, NULL, { 200, 200, 200, 200, 200 } },
        { TLS_CLIENT_REQUEST, NULL, { 200, 200, 200, 200, 200 } },
        { TLS_CLIENT_REQUIRE_ANY, NULL, { 0, 200, 200, 200, 200 } },
        { TLS_CLIENT_VERIFY_IF_GIVEN, NULL, { 200, 200, 0, 0, 0 } },
        { TLS_CLIENT_REQUIRE_VERIFY, NULL, { 0, 200, 0, 0, 0 } },
        { TLS_CLIENT_REQUEST, good_test, { 403, 200, 200, 200, 0 } },
        { TLS_CLIENT_VERIFY_IF_GIVEN, good_test, { 403, 200, 0, 0, 0 } },
        { TLS_CLIENT_REQUIRE_VERIFY, good_test, { 0, 200, 0, 0, 0 } },
        { TLS_CLIENT_REQUIRE_VERIFY, other_test, { 0, 0, 0, 0, 0 } },
    };
    static const char *const versions[] = { TLS12, TLS13 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t refused = 0;
        start((struct tls_opts){ .client_auth = rows[i].auth,
                                 .ca_file = rows[i].auth == TLS_CLIENT_NONE ? NULL : "ca.pem",
                                 .allowed_sans = rows[i].san,
                                 .n_allowed_sans = rows[i].san != NULL });
        for (size_t v = 0; v < ARRAY_LEN(versions); v++)
            for (size_t w = 0; w < ARRAY_LEN(who); w++) {
                unsigned status =
                    ask(&(struct tls_client_opts){ .priority = versions[v], .name = who[w] });
                if (status != rows[i].status[w])
                    fail_msg("row %zu, %s, %s: %u", i, versions[v], who[w], status);
                refused += status == 0;
            }
        AWAIT(s.handshakes[HTTP_HANDSHAKE_CERTIFICATE] == refused);
        AWAIT(s.handshakes[HTTP_HANDSHAKE_OK] == ARRAY_LEN(versions) * ARRAY_LEN(who) - refused);
        http_daemon_stop();
    }
}

/* A certificate for a key of RSA that nobody has, with another key beside it. */
static void write_large_key(unsigned modulus_bytes, unsigned exponent_bytes)
{
    unsigned char m[9000 / 8], e[8192 / 8];
    gnutls_datum_t modulus = { m, modulus_bytes }, exponent = { e, exponent_bytes };
    gnutls_pubkey_t pub;
    struct cert own = cert_make(&(struct cert_spec){ .name = "large", .rsa_bits = 2048 });
    assert_true(modulus_bytes <= sizeof m && exponent_bytes <= sizeof e);
    memset(m, 0xa5, sizeof m);
    memset(e, 0x55, sizeof e);
    assert_int_equal(gnutls_pubkey_init(&pub), 0);
    assert_int_equal(gnutls_pubkey_import_rsa_raw(pub, &modulus, &exponent), 0);
    assert_int_equal(gnutls_x509_crt_set_pubkey(own.crt, pub), 0);
    assert_int_equal(gnutls_x509_crt_sign2(own.crt, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0), 0);
    gnutls_pubkey_deinit(pub);
    certs_write("large.pem", &own, 1);
    cert_key_write("large.key", &own);
    cert_release(&own);
}

static void a_client_with_a_very_large_key_is_not_let_in(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        unsigned modulus_bytes, exponent_bytes;
        enum http_handshake_result result;
    } rows[] = {
        { TLS12, 9000 / 8, 3, HTTP_HANDSHAKE_CERTIFICATE },
        { TLS13, 9000 / 8, 3, HTTP_HANDSHAKE_CERTIFICATE },
        { TLS12, 8192 / 8, 8192 / 8, HTTP_HANDSHAKE_CERTIFICATE },
        { TLS13, 8192 / 8, 8192 / 8, HTTP_HANDSHAKE_CERTIFICATE },
        { TLS12, 2048 / 8, 5, HTTP_HANDSHAKE_CERTIFICATE },
        { TLS12, 2048 / 8, 4, HTTP_HANDSHAKE_OTHER }, /* looked at: the signature is not its */
        { TLS13, 2048 / 8, 4, HTTP_HANDSHAKE_OTHER },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        write_large_key(rows[i].modulus_bytes, rows[i].exponent_bytes);
        start((struct tls_opts){ .client_auth = TLS_CLIENT_REQUEST });
        assert_int_equal(
            ask(&(struct tls_client_opts){ .name = "large", .priority = rows[i].version }), 0);
        AWAIT(s.handshakes[rows[i].result] == 1);
        http_daemon_stop();
    }
}

static void expect_name(struct tls_client *c, const char *name)
{
    char is[64];
    tls_client_server_name(c, is, sizeof is);
    assert_string_equal(is, name);
}

static void expect_ok(struct tls_client *c)
{
    struct buf reply = { 0 };
    assert_true(tls_client_say(c, ASK));
    assert_true(tls_client_hear(c, "\r\n\r\nok\n", &reply));
    buf_release(&reply);
}

static void a_new_certificate_holds_from_the_next_connection_on(void **state)
{
    (void)state;
    struct tls_client old, fresh;
    start((struct tls_opts){ 0 });
    dial(&old, &anybody);
    assert_true(tls_client_handshake(&old));
    expect_ok(&old);

    struct tls_bundle *two =
        load((struct tls_opts){ .cert_file = "two.pem", .key_file = "two.key" });
    http_set_tls(http_daemon, two);
    tls_bundle_drop(two); /* the server has its own reference */
    dial(&fresh, &anybody);
    assert_true(tls_client_handshake(&fresh));
    expect_name(&fresh, "two");
    expect_ok(&fresh);
    expect_name(&old, "one");
    expect_ok(&old);
    tls_client_hang_up(&old);
    tls_client_hang_up(&fresh);
    http_daemon_stop();
}

static void new_rules_for_clients_hold_from_the_next_connection_on(void **state)
{
    (void)state;
    struct tls_client old;
    start((struct tls_opts){ 0 });
    dial(&old, &anybody);
    assert_true(tls_client_handshake(&old));
    expect_ok(&old);
    struct tls_bundle *strict = load((struct tls_opts){
        .client_auth = TLS_CLIENT_REQUIRE_VERIFY, .ca_file = "ca.pem", .min_version = TLS_1_3 });
    http_set_tls(http_daemon, strict);
    tls_bundle_drop(strict);
    assert_int_equal(ask(&anybody), 0);
    assert_int_equal(ask(&(struct tls_client_opts){ .name = "good", .priority = TLS12 }), 0);
    assert_int_equal(ask(&(struct tls_client_opts){ .name = "good" }), 200);
    expect_ok(&old);
    tls_client_hang_up(&old);
    http_daemon_stop();
}

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void half_a_hello_costs_no_cpu_and_is_cut(void **state)
{
    (void)state;
    static const char half[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    struct buf said = { 0 }; /* an alert, maybe */
    start_with((struct http_opts){ .timeout_s = 2 }, (struct tls_opts){ 0 });
    int fd = client_dial(http_address(http_daemon));
    double before = cpu_s();
    assert_int_equal(send(fd, half, sizeof half - 1, MSG_NOSIGNAL), sizeof half - 1);
    uint64_t begun_ms = now_mono_ms();
    client_hear(fd, &said);
    double used = cpu_s() - before, took = (double)(now_mono_ms() - begun_ms) / 1000;
    buf_release(&said);
    assert_true(took > 0.5 && took < 10);
    if (used > took / 5)
        fail_msg("%.2f s of CPU in %.2f s", used, took);
    AWAIT(s.handshakes[HTTP_HANDSHAKE_TIMEOUT] == 1);
    http_daemon_stop();
}

static void a_request_that_is_late_ends_its_connection(void **state)
{
    (void)state;
    struct tls_client c;
    struct buf reply = { 0 };
    static const char *const said[] = { "GET /ok HT", "" }; /* also: nothing behind the handshake */
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        start_with((struct http_opts){ .timeout_s = 60 }, (struct tls_opts){ 0 });
        dial(&c, &anybody);
        assert_true(tls_client_handshake(&c));
        assert_true(said[i][0] == '\0' || tls_client_say(&c, said[i]));
        uint64_t now_ns = now_mono_ns();
        for (uint64_t s = 0; s <= 2 * HTTP_REQUEST_S; s++)
            http_tick(http_daemon, now_ns + s * SECOND_NS);
        assert_true(tls_client_hear(&c, NULL, &reply));
        assert_int_equal(reply.len, 0);
        assert_int_equal(http_daemon_stats().timed_out_request, 1);
        tls_client_hang_up(&c);
        http_daemon_stop();
    }
    buf_release(&reply);
}

static void each_reason_of_a_failed_handshake_is_counted(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        enum http_handshake_result result;
    } rows[] = {
        { ASK, sizeof ASK - 1, HTTP_HANDSHAKE_PLAIN_TEXT },
        { "\x16\x03\x01\x02\x00\x01", 6, HTTP_HANDSHAKE_CLOSED }, /* we hang up */
        { "\x16\x03\x01\xff\xff\x01", 6, HTTP_HANDSHAKE_OTHER },
        { "\x15\x03\x01\x00\x02\x02\x28", 7, HTTP_HANDSHAKE_OTHER },
    };
    struct buf said = { 0 }; /* alerts */
    start((struct tls_opts){ 0 });
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t before = http_daemon_stats().handshakes[rows[i].result];
        int fd = client_dial(http_address(http_daemon));
        assert_int_equal(send(fd, rows[i].bytes, rows[i].n, MSG_NOSIGNAL), rows[i].n);
        if (rows[i].result == HTTP_HANDSHAKE_CLOSED)
            shutdown(fd, SHUT_WR);
        client_hear(fd, &said);
        AWAIT(s.handshakes[rows[i].result] == before + 1);
    }
    /* Who connects and says nothing has begun none. */
    close(client_dial(http_address(http_daemon)));
    AWAIT(s.connections == 0);
    uint64_t sum = 0;
    for (int i = 0; i < HTTP_HANDSHAKE_RESULTS; i++)
        sum += http_daemon_stats().handshakes[i];
    assert_int_equal(sum, ARRAY_LEN(rows));
    buf_release(&said);
    http_daemon_stop();
}

static void an_address_begins_an_eighth_of_the_handshakes_of_a_second(void **state)
{
    (void)state;
    uint64_t until_ms = now_mono_ms() + CLIENT_PATIENCE_S * 1000;
    start_with((struct http_opts){ .tls_handshakes_per_second = 8 }, (struct tls_opts){ 0 });
    /* One a second, so dials in a row come too soon, whenever a second ends. */
    while (http_daemon_stats().refused_handshakes_per_ip == 0) {
        close(client_dial_from(http_address(http_daemon), "127.0.0.2"));
        assert_true(now_mono_ms() < until_ms);
    }
    assert_int_equal(http_daemon_stats().refused_handshakes, 0);
    /* Others still come in, until there are too many of all. */
    while (ask(&(struct tls_client_opts){ .from = "127.0.0.3" }) != 200)
        assert_true(now_mono_ms() < until_ms);
    for (int i = 0; http_daemon_stats().refused_handshakes == 0; i++) {
        char from[32];
        snprintf(from, sizeof from, "127.0.1.%d", i % 250 + 1);
        close(client_dial_from(http_address(http_daemon), from));
        assert_true(now_mono_ms() < until_ms);
    }
    http_daemon_stop();
}

/* Somebody begins all the handshakes there may be, again and again. */
static void who_has_shown_a_certificate_comes_in_beside_a_flood(void **state)
{
    (void)state;
    static const struct tls_client_opts good = { .name = "good", .from = "127.0.0.3" };
    uint64_t until_ms = now_mono_ms() + CLIENT_PATIENCE_S * 1000;
    start_with((struct http_opts){ .tls_handshakes_per_second = 80 },
               (struct tls_opts){ .client_auth = TLS_CLIENT_REQUIRE_VERIFY, .ca_file = "ca.pem" });
    while (ask(&good) != 200)
        assert_true(now_mono_ms() < until_ms);
    for (int round = 0; round < 5; round++) {
        uint64_t before = http_daemon_stats().refused_handshakes;
        for (int i = 0; http_daemon_stats().refused_handshakes == before; i++) {
            char from[32];
            snprintf(from, sizeof from, "127.0.1.%d", i % 250 + 1);
            close(client_dial_from(http_address(http_daemon), from));
            assert_true(now_mono_ms() < until_ms);
        }
        assert_int_equal(ask(&good), 200);
    }
    http_daemon_stop();
}

static void what_strangers_begin_is_not_counted_against_who_is_trusted(void **state)
{
    enum { GOOD = 100, OTHER = 101 };
    (void)state;
    struct tls_bundle *b = load((struct tls_opts){ 0 });
    struct http_secure *s = http_secure_new(
        &(struct http_secure_opts){ .bundle = b, .per_second = 16, .timeout_s = 5 });
    uint64_t now_ns = 7 * (uint64_t)SECOND_NS, hour_ns = HTTP_TRUSTED_S * (uint64_t)SECOND_NS;
    http_secure_trust(s, GOOD, now_ns);
    for (uint64_t who = 0; who < 8; who++)
        assert_true(http_secure_admits(s, who, now_ns) && http_secure_admits(s, who, now_ns));
    assert_false(http_secure_admits(s, OTHER, now_ns));
    assert_true(http_secure_admits(s, GOOD, now_ns) && http_secure_admits(s, GOOD, now_ns));
    assert_false(http_secure_admits(s, GOOD, now_ns)); /* it has its part, and no more */
    /* Nor is what it begins taken from the others. */
    now_ns += SECOND_NS;
    assert_true(http_secure_admits(s, GOOD, now_ns));
    for (uint64_t who = 0; who < 8; who++)
        assert_true(http_secure_admits(s, who, now_ns) && http_secure_admits(s, who, now_ns));
    now_ns += hour_ns;
    for (uint64_t who = 0; who < 8; who++)
        assert_true(http_secure_admits(s, who, now_ns) && http_secure_admits(s, who, now_ns));
    assert_false(http_secure_admits(s, GOOD, now_ns));
    http_secure_free(s);
    tls_bundle_drop(b);
}

static void strangers_with_many_addresses_take_nothing_from_who_is_trusted(void **state)
{
    enum { STRANGERS = 1 << 16, TRUSTED = 64 };
    (void)state;
    struct tls_bundle *b = load((struct tls_opts){ 0 });
    struct http_secure *s = http_secure_new(
        &(struct http_secure_opts){ .bundle = b, .per_second = 16, .timeout_s = 5 });
    uint64_t now_ns = 7 * (uint64_t)SECOND_NS, begun = 0;
    for (uint64_t who = 0; who < TRUSTED; who++)
        http_secure_trust(s, who, now_ns);
    for (int second = 0; second < 2; second++, now_ns += SECOND_NS, begun = 0) {
        for (uint64_t who = TRUSTED; who < STRANGERS; who++)
            begun += http_secure_admits(s, who, now_ns);
        assert_int_equal(begun, 16);
        for (uint64_t who = 0; who < TRUSTED; who++)
            assert_true(http_secure_admits(s, who, now_ns) && http_secure_admits(s, who, now_ns));
        assert_false(http_secure_admits(s, 0, now_ns));
    }
    http_secure_free(s);
    tls_bundle_drop(b);
}

static void a_handshake_with_many_bytes_counts_as_several(void **state)
{
    enum { ONE = 1, MANY = HTTP_HANDSHAKE_BYTES + 10 * HTTP_HANDSHAKE_STEP - 1 }; /* 10 more */
    (void)state;
    struct tls_bundle *b = load((struct tls_opts){ 0 });
    struct http_secure *s = http_secure_new(
        &(struct http_secure_opts){ .bundle = b, .per_second = 32, .timeout_s = 5 });
    uint64_t now_ns = 7 * (uint64_t)SECOND_NS;
    for (int i = 0; i < 2; i++) {
        assert_true(http_secure_admits(s, ONE, now_ns));
        http_secure_charge(s, ONE, HTTP_HANDSHAKE_BYTES, now_ns);
    }
    http_secure_charge(s, ONE, MANY, now_ns); /* 12 of 4 */
    for (int i = 0; i < 3; i++, now_ns += SECOND_NS)
        assert_false(http_secure_admits(s, ONE, now_ns));
    assert_true(http_secure_admits(s, ONE, now_ns));
    /* The seconds before it was charged pay nothing off. */
    now_ns += 3 * (uint64_t)SECOND_NS;
    http_secure_charge(s, ONE, MANY, now_ns);
    for (int i = 0; i < 2; i++, now_ns += SECOND_NS)
        assert_false(http_secure_admits(s, ONE, now_ns));
    assert_true(http_secure_admits(s, ONE, now_ns));
    for (int i = 0; i < 20; i++)
        http_secure_charge(s, ONE, MANY, now_ns); /* and those of all */
    assert_false(http_secure_admits(s, 2, now_ns));
    http_secure_free(s);
    tls_bundle_drop(b);
}

/* A certificate with names without an end: read before it is known who signed it. */
static void who_brings_a_large_certificate_is_held_up(void **state)
{
    enum { NAMES = 4000 };
    static unsigned char names[4 + 3 * NAMES] = { 0x30, 0x82, 3 * NAMES >> 8, 3 * NAMES & 0xff };
    (void)state;
    struct cert c = cert_make(&(struct cert_spec){ .name = "many" });
    for (size_t i = 4; i < sizeof names; i += 3)
        memcpy(names + i, "\x82\x01x", 3);
    assert_int_equal(
        gnutls_x509_crt_set_extension_by_oid(c.crt, "2.5.29.17", names, sizeof names, 0), 0);
    assert_int_equal(gnutls_x509_crt_sign2(c.crt, c.crt, c.key, GNUTLS_DIG_SHA256, 0), 0);
    certs_write("many.pem", &c, 1);
    cert_key_write("many.key", &c);
    cert_release(&c);
    start_with((struct http_opts){ .tls_handshakes_per_second = 32 },
               (struct tls_opts){ .client_auth = TLS_CLIENT_REQUIRE_VERIFY, .ca_file = "ca.pem" });
    assert_int_equal(ask(&(struct tls_client_opts){ .name = "many" }), 0);
    AWAIT(s.handshakes[HTTP_HANDSHAKE_CERTIFICATE] == 1 && s.connections == 0);
    assert_int_equal(ask(&(struct tls_client_opts){ .name = "good" }), 0);
    assert_int_equal(http_daemon_stats().refused_handshakes_per_ip, 1);
    assert_int_equal(ask(&(struct tls_client_opts){ .name = "good", .from = "127.0.0.2" }), 200);
    http_daemon_stop();
}

/* Half a message of a megabyte, which is kept and not looked at. */
static void bytes_that_are_no_certificate_hold_nobody_up(void **state)
{
    enum { RECORDS = 2, RECORD = 5 + 16384 };
    static unsigned char bytes[RECORDS][RECORD];
    (void)state;
    for (int i = 0; i < RECORDS; i++)
        memcpy(bytes[i], "\x16\x03\x03\x40\x00", 5);
    memcpy(&bytes[0][5], "\x01\x10\x00\x00", 4);
    start_with((struct http_opts){ .tls_handshakes_per_second = 32 }, (struct tls_opts){ 0 });
    int fd = client_dial_from(http_address(http_daemon), "127.0.0.2");
    assert_int_equal(send(fd, bytes, sizeof bytes, MSG_NOSIGNAL), sizeof bytes);
    shutdown(fd, SHUT_WR);
    AWAIT(s.handshakes[HTTP_HANDSHAKE_CLOSED] == 1 && s.connections == 0);
    close(fd);
    assert_int_equal(ask(&(struct tls_client_opts){ .from = "127.0.0.3" }), 200);
    assert_int_equal(ask(&(struct tls_client_opts){ .from = "127.0.0.2" }), 200);
    http_daemon_stop();
}

static void connections_with_tls_are_at_most_256(void **state)
{
    (void)state;
    int fds[HTTP_SECURE_MAX + 1];
    start_with((struct http_opts){ .max_connections = 4000,
                                   .max_per_ip = 4000,
                                   .timeout_s = 60,
                                   .tls_handshakes_per_second = 100000 },
               (struct tls_opts){ 0 });
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = client_dial(http_address(http_daemon));
    AWAIT(s.connections + s.refused_full + s.replaced >= ARRAY_LEN(fds));
    assert_true(http_daemon_stats().connections <= HTTP_SECURE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    http_daemon_stop();
}

static void a_stream_and_its_head_are_whole_with_tls(void **state)
{
    (void)state;
    struct buf reply = { 0 }, body = { 0 };
    start((struct tls_opts){ 0 });
    assert_int_equal(
        ask_text(&anybody, "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &reply),
        200);
    if (client_has(&reply, "chunked\r\n"))
        assert_true(client_unchunk(&reply, &body));
    else
        buf_append_str(&body, client_body(&reply));
    assert_int_equal(body.len, 6);
    assert_memory_equal(body.ptr, "piece\n", 6);
    assert_int_equal(
        ask_text(&anybody, "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n" ASK_LAST, &reply), 200);
    const char *end = client_body(&reply);
    assert_true(*end == '\0' || strncmp(end, "HTTP/1.1 200", 12) == 0); /* no chunk behind it */
    buf_release(&reply);
    buf_release(&body);
    http_daemon_stop();
}

/* --- behind the handshake --- */

/* Makes records of TLS 1.3 that c's own GnuTLS would not make. */
struct records {
    gnutls_aead_cipher_hd_t cipher;
    unsigned char iv[12];
    uint64_t sequence;
};

enum { RECORD_MAX = 16384, RECORD_HEAD = 5, RECORD_TAG = 16, OF_HANDSHAKE = 22 };

static void records_begin(struct records *to, const struct tls_client *c)
{
    gnutls_datum_t mac, iv, key;
    unsigned char sequence[8];
    assert_int_equal(gnutls_record_get_state(c->tls, 0, &mac, &iv, &key, sequence), 0);
    assert_int_equal(gnutls_aead_cipher_init(&to->cipher, gnutls_cipher_get(c->tls), &key), 0);
    assert_int_equal(iv.size, sizeof to->iv);
    memcpy(to->iv, iv.data, sizeof to->iv);
    to->sequence = 0;
    for (size_t i = 0; i < sizeof sequence; i++)
        to->sequence = to->sequence << 8 | sequence[i];
}

/* The next record, with bytes of a message of the handshake.  returns  false: hung up on */
static bool records_send(struct records *of, int fd, const void *bytes, size_t n)
{
    static unsigned char plain[RECORD_MAX + 1], record[RECORD_HEAD + sizeof plain + RECORD_TAG];
    unsigned char nonce[sizeof of->iv];
    size_t len = n + 1 + RECORD_TAG, done = 0;
    memcpy(plain, bytes, n);
    plain[n] = OF_HANDSHAKE;
    memcpy(nonce, of->iv, sizeof nonce);
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] ^= (unsigned char)(of->sequence >> (56 - 8 * i));
    of->sequence++;
    memcpy(record, "\x17\x03\x03", 3);
    record[3] = (unsigned char)(len >> 8);
    record[4] = (unsigned char)len;
    assert_int_equal(gnutls_aead_cipher_encrypt(of->cipher, nonce, sizeof nonce, record,
                                                RECORD_HEAD, RECORD_TAG, plain, n + 1,
                                                record + RECORD_HEAD, &len),
                     0);
    while (done < len + RECORD_HEAD) {
        ssize_t k = send(fd, record + done, len + RECORD_HEAD - done, MSG_NOSIGNAL);
        if (k <= 0)
            return false;
        done += (size_t)k;
    }
    return true;
}

static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void a_message_without_an_end_behind_the_handshake_is_cut(void **state)
{
    enum { SENT_MAX = 1024, KEPT_MAX = 1 << 20 };
    (void)state;
    /* A KeyUpdate that says to be 16 MiB long. */
    unsigned char part[RECORD_MAX] = { GNUTLS_HANDSHAKE_KEY_UPDATE, 0xff, 0xff, 0xff };
    struct tls_client c;
    struct records records;
    start((struct tls_opts){ 0 });
    dial(&c, &(struct tls_client_opts){ .priority = TLS13 });
    assert_true(tls_client_handshake(&c));
    expect_ok(&c);
    records_begin(&records, &c);
    size_t before = in_use(), sent = 0;
    while (sent < SENT_MAX && records_send(&records, c.fd, part, sizeof part)) {
        memset(part, 0, 4);
        sent++;
        if (!SANITIZED)
            assert_true(in_use() < before + KEPT_MAX);
    }
    assert_true(sent < SENT_MAX);
    gnutls_aead_cipher_deinit(records.cipher);
    tls_client_hang_up(&c);
    http_daemon_stop();
}

/* What may be sent without an end is counted from one request, or part of a body, to the next. */
static void a_connection_may_send_as_much_as_it_likes(void **state)
{
    (void)state;
    static char body[10001];
    struct tls_client c;
    memset(body, 'x', sizeof body - 1);
    start((struct tls_opts){ 0 });
    dial(&c, &anybody);
    assert_true(tls_client_handshake(&c));
    for (int i = 0; i < 2000; i++)
        expect_ok(&c);
    assert_true(
        tls_client_say(&c, "GET /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"));
    for (int i = 0; i < 100; i++)
        assert_true(tls_client_say(&c, body));
    expect_ok(&c);
    tls_client_hang_up(&c);
    http_daemon_stop();
}

static void a_client_that_changes_its_key_is_no_failure(void **state)
{
    (void)state;
    struct tls_client c;
    start((struct tls_opts){ 0 });
    dial(&c, &(struct tls_client_opts){ .priority = TLS13 });
    assert_true(tls_client_handshake(&c));
    expect_ok(&c);
    assert_int_equal(gnutls_session_key_update(c.tls, 0), 0);
    expect_ok(&c);
    tls_client_hang_up(&c);
    AWAIT(s.connections == 0);
    assert_int_equal(http_daemon_stats().handshakes[HTTP_HANDSHAKE_OK], 1);
    assert_int_equal(http_daemon_stats().handshakes[HTTP_HANDSHAKE_OTHER], 0);
    http_daemon_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_is_spoken_as_long_as_it_is_allowed),
        cmocka_unit_test(clients_are_let_in_by_the_certificate_that_is_wanted),
        cmocka_unit_test(a_client_with_a_very_large_key_is_not_let_in),
        cmocka_unit_test(a_new_certificate_holds_from_the_next_connection_on),
        cmocka_unit_test(new_rules_for_clients_hold_from_the_next_connection_on),
        cmocka_unit_test(half_a_hello_costs_no_cpu_and_is_cut),
        cmocka_unit_test(a_request_that_is_late_ends_its_connection),
        cmocka_unit_test(each_reason_of_a_failed_handshake_is_counted),
        cmocka_unit_test(an_address_begins_an_eighth_of_the_handshakes_of_a_second),
        cmocka_unit_test(who_has_shown_a_certificate_comes_in_beside_a_flood),
        cmocka_unit_test(what_strangers_begin_is_not_counted_against_who_is_trusted),
        cmocka_unit_test(strangers_with_many_addresses_take_nothing_from_who_is_trusted),
        cmocka_unit_test(a_handshake_with_many_bytes_counts_as_several),
        cmocka_unit_test(who_brings_a_large_certificate_is_held_up),
        cmocka_unit_test(bytes_that_are_no_certificate_hold_nobody_up),
        cmocka_unit_test(connections_with_tls_are_at_most_256),
        cmocka_unit_test(a_stream_and_its_head_are_whole_with_tls),
        cmocka_unit_test(a_message_without_an_end_behind_the_handshake_is_cut),
        cmocka_unit_test(a_connection_may_send_as_much_as_it_likes),
        cmocka_unit_test(a_client_that_changes_its_key_is_no_failure),
    };
    return cmocka_run_group_tests_name("secure", tests, make, unmake);
}
