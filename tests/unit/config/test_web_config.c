/* The web config: what it takes, what it refuses, and by which words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/web_config.h"

#define HASH10 "$2y$10$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC"
#define HASH12 "$2b$12$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC"
#define HASH13 "$2b$13$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC"
#define PAIR   "cert_file: c.pem, key_file: k.pem"

static int load(const char *path, struct slice text, struct web_config *c, struct buf *errors,
                struct buf *warnings)
{
    char *exact = malloc(text.len ? text.len : 1);
    memcpy(exact, text.ptr, text.len);
    int rc = web_config_load_text(path, slice_of(exact, text.len), c, errors, warnings);
    free(exact);
    buf_append_char(errors, '\0');
    buf_append_char(warnings, '\0');
    return rc;
}

static struct web_config must_load(const char *path, const char *text, const char *want_warnings)
{
    struct web_config c;
    struct buf errors = { 0 }, warnings = { 0 };
    if (load(path, slice_str(text), &c, &errors, &warnings) != 0)
        fail_msg("%s\n%s", text, errors.ptr);
    assert_string_equal(errors.ptr, "");
    assert_string_equal(warnings.ptr, want_warnings);
    buf_release(&errors);
    buf_release(&warnings);
    return c;
}

/* The text must be refused with exactly these messages. */
static void must_fail(const char *text, const char *want)
{
    struct web_config c, before;
    struct buf errors = { 0 }, warnings = { 0 };
    memset(&c, 0x5a, sizeof c);
    before = c;
    if (load("web.yml", slice_str(text), &c, &errors, &warnings) != -EINVAL)
        fail_msg("was taken: %s", text);
    if (strcmp(errors.ptr, want) != 0)
        fail_msg("%s\nis:   %s\nwant: %s", text, errors.ptr, want);
    assert_memory_equal(&c, &before, sizeof c);
    buf_release(&errors);
    buf_release(&warnings);
}

static void nothing_is_plain_http_for_everybody(void **state)
{
    static const char *const texts[] = { "",
                                         "\n",
                                         "# nothing\n",
                                         "~",
                                         "{}",
                                         "tls_server_config:\n",
                                         "http_server_config:\nbasic_auth_users: {}\nrate_limit:\n",
                                         "tls_server_config: {cert_file: '', key_file: ''}" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct web_config c = must_load("web.yml", texts[i], "");
        assert_false(c.tls);
        assert_int_equal(c.users.n + c.headers.n + c.ciphers.n, 0);
        assert_null(c.cert.name);
        assert_int_equal(c.rate_interval_ms, 0);
        web_config_release(&c);
    }
}

static void every_key_is_read(void **state)
{
    (void)state;
    struct web_config c =
        must_load("/etc/statsd/web.yml",
                  "tls_server_config:\n"
                  "  cert_file: tls/c.pem\n"
                  "  key_file: /keys/k.pem\n"
                  "  client_ca_file: ca.pem\n"
                  "  client_auth_type: RequireAndVerifyClientCert\n"
                  "  client_allowed_sans: [prometheus.example.org, 10.0.0.1]\n"
                  "  min_version: TLS12\n"
                  "  max_version: TLS13\n"
                  "  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]\n"
                  "  curve_preferences:\n  - X25519\n  - CurveP256\n"
                  "  prefer_server_cipher_suites: no\n"
                  "http_server_config:\n"
                  "  http2: true\n"
                  "  headers:\n"
                  "    X-Frame-Options: deny\n"
                  "    X-XSS-Protection: 1\n"
                  "basic_auth_users:\n"
                  "  alice: " HASH10 "\n"
                  "  2: " HASH10 "\n"
                  "rate_limit: {interval: 1m30s, burst: 20}\n",
                  "");
    assert_true(c.tls);
    assert_string_equal(c.cert.file, "/etc/statsd/tls/c.pem");
    assert_string_equal(c.key.file, "/keys/k.pem");
    assert_string_equal(c.client_ca.file, "/etc/statsd/ca.pem");
    assert_int_equal(c.client_auth, WEB_CLIENT_REQUIRE_VERIFY);
    assert_int_equal(c.client_sans.n, 2);
    assert_string_equal(c.client_sans.at[1], "10.0.0.1");
    assert_int_equal(c.min_version, 12);
    assert_int_equal(c.max_version, 13);
    assert_int_equal(c.ciphers.n, 2);
    assert_string_equal(c.curves.at[0], "X25519");
    assert_true(c.client_preference);
    assert_string_equal(c.headers.at[1].name, "X-XSS-Protection");
    assert_string_equal(c.headers.at[1].value, "1");
    assert_int_equal(c.users.n, 2);
    assert_string_equal(c.users.at[1].name, "2");
    assert_int_equal(c.rate_interval_ms, 90000);
    assert_int_equal(c.rate_burst, 20);
    web_config_release(&c);
}

static void pem_may_stand_in_the_file_and_a_file_wins(void **state)
{
    (void)state;
    struct web_config c = must_load(
        "web.yml",
        "tls_server_config:\n  cert: |\n    -----BEGIN\n    x\n  key: K\n  key_file: k.pem\n", "");
    assert_null(c.cert.file);
    assert_string_equal(c.cert.text, "-----BEGIN\nx\n");
    assert_string_equal(c.cert.name, "web.yml: tls_server_config.cert");
    assert_null(c.key.text);
    assert_string_equal(c.key.file, "k.pem");
    web_config_release(&c);
}

static void a_client_auth_type_has_its_names(void **state)
{
    static const struct {
        const char *name;
        enum web_client_auth is;
        bool ca;
    } rows[] = {
        { "NoClientCert", WEB_CLIENT_NONE, false },
        { "RequestClientCert", WEB_CLIENT_REQUEST, false },
        { "RequireAnyClientCert", WEB_CLIENT_REQUIRE_ANY, false },
        { "RequireClientCert", WEB_CLIENT_REQUIRE_ANY, true },
        { "VerifyClientCertIfGiven", WEB_CLIENT_VERIFY_IF_GIVEN, true },
        { "RequireAndVerifyClientCert", WEB_CLIENT_REQUIRE_VERIFY, true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256];
        snprintf(text, sizeof text, "tls_server_config: {" PAIR ", client_auth_type: %s%s}",
                 rows[i].name, rows[i].ca ? ", client_ca_file: ca.pem" : "");
        struct web_config c = must_load("web.yml", text, "");
        assert_int_equal(c.client_auth, rows[i].is);
        web_config_release(&c);
    }
}

static void mistakes_name_file_line_key_and_remedy(void **state)
{
    static const char *const rows[][2] = {
        { "tls_server_confg: {}", "web.yml:1: tls_server_confg: no such key here; did you mean "
                                  "tls_server_config?\n" },
        { "basic_auth_users: {}\nbasic_auth_users: {}",
          "web.yml:2: basic_auth_users: given twice, first on line 1; keep one of them\n" },
        { "[a]", "web.yml:1: keys are wanted here, each as key: value\n" },
        { "tls_server_config: x",
          "web.yml:1: tls_server_config: keys are wanted here, each as key: value\n" },
        { "tls_server_config:\n  cert_file: c",
          "web.yml:2: tls_server_config.key_file: is missing; TLS needs cert_file and key_file\n" },
        { "tls_server_config:\n  key_file: c",
          "web.yml:2: tls_server_config.cert_file: is missing; TLS needs cert_file and "
          "key_file\n" },
        { "tls_server_config: {" PAIR ", client_ca_file: a}",
          "web.yml:1: tls_server_config.client_ca_file: a CA of clients, but they are not asked "
          "for certificates; add client_auth_type: RequireAndVerifyClientCert\n" },
        { "tls_server_config: {" PAIR ", client_auth_type: VerifyClientCertIfGiven}",
          "web.yml:1: tls_server_config.client_auth_type: 'VerifyClientCertIfGiven' verifies, but "
          "there is no CA; add client_ca_file (every CA of this system is never meant)\n" },
        { "tls_server_config: {" PAIR ", client_auth_type: Sometimes}",
          "web.yml:1: tls_server_config.client_auth_type: 'Sometimes' is not one of the words "
          "NoClientCert|RequestClientCert|RequireAnyClientCert|VerifyClientCertIfGiven|"
          "RequireAndVerifyClientCert|RequireClientCert\n" },
        { "tls_server_config: {" PAIR ", client_allowed_sans: [a]}",
          "web.yml:1: tls_server_config.client_allowed_sans: clients are not asked for "
          "certificates; add client_auth_type\n" },
        { "tls_server_config: {" PAIR ", min_version: TLS1.2}",
          "web.yml:1: tls_server_config.min_version: 'TLS1.2' is not one of the words "
          "TLS10|TLS11|TLS12|TLS13\n" },
        { "tls_server_config: {" PAIR ", max_version: TLS11}",
          "web.yml:1: tls_server_config.max_version: 'TLS11' is below min_version (TLS12)\n" },
        { "tls_server_config: {" PAIR ", curve_preferences: [P256]}",
          "web.yml:1: tls_server_config.curve_preferences: 'P256' is not one of the words "
          "CurveP256|CurveP384|CurveP521|X25519\n" },
        { "tls_server_config: {" PAIR ", curve_preferences: X25519}",
          "web.yml:1: tls_server_config.curve_preferences: 'X25519' is no list; write [ONE, "
          "TWO]\n" },
        { "tls_server_config: {" PAIR ", cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]}",
          "web.yml:1: tls_server_config.cipher_suites: suites TLS_RSA_WITH_... encrypt without "
          "forward secrecy and are not offered; remove them\n" },
        { "tls_server_config: {client_auth_type: RequestClientCert}",
          "web.yml:1: tls_server_config.cert_file: is missing; TLS needs cert_file and key_file\n"
          "web.yml:1: tls_server_config.key_file: is missing; TLS needs cert_file and key_file\n" },
        { "tls_server_config: {" PAIR ", min_version: TLS13, max_version: TLS12}",
          "web.yml:1: tls_server_config.max_version: 'TLS12' is below min_version (TLS13)\n" },
        { "tls_server_config: {" PAIR ", client_ca: a}",
          "web.yml:1: tls_server_config.client_ca: a CA of clients, but they are not asked "
          "for certificates; add client_auth_type: RequireAndVerifyClientCert\n" },
        { "tls_server_config: {" PAIR ", client_auth_type: RequireAndVerifyClientCert}",
          "web.yml:1: tls_server_config.client_auth_type: 'RequireAndVerifyClientCert' verifies, "
          "but there is no CA; add client_ca_file (every CA of this system is never meant)\n" },
        { "tls_server_config: {" PAIR ", client_auth_type: RequestClientCert, "
          "client_allowed_sans: [a, '']}",
          "web.yml:1: tls_server_config.client_allowed_sans: '' is empty; remove it\n" },
        { "tls_server_config: {" PAIR ", cipher_suites: [TLS_AES_128_GCM_SHA256,\n"
          "  TLS_RSA_WITH_AES_128_CBC_SHA]}",
          "web.yml:2: tls_server_config.cipher_suites: suites TLS_RSA_WITH_... encrypt without "
          "forward secrecy and are not offered; remove them\n" },
        { "http_server_config: {headers: {X-XSS-Protection: \"a\\x7f\"}}",
          "web.yml:1: http_server_config.headers.X-XSS-Protection: has a line end or another "
          "control character in it; write it on one line\n" },
        { "http_server_config: {headers: {X-XSS-Protection: \"\\x1f\"}}",
          "web.yml:1: http_server_config.headers.X-XSS-Protection: has a line end or another "
          "control character in it; write it on one line\n" },
        { "http_server_config: {headers: {X-Content-Type-Options: deny}}",
          "web.yml:1: http_server_config.headers.X-Content-Type-Options: may only be nosniff\n" },
        { "http_server_config:\n headers:\n  X-XSS-Protection: 1\n  X-XSS-Protection: 0",
          "web.yml:4: http_server_config.headers.X-XSS-Protection: given twice; keep one of "
          "them\n" },
        { "basic_auth_users: {a: }",
          "web.yml:1: basic_auth_users.a: is no bcrypt hash ($2y$10$ and 53 characters): make one "
          "with `htpasswd -nBC 10 NAME`\n" },
        { "basic_auth_users: {a: [" HASH10 "]}",
          "web.yml:1: basic_auth_users.a: has to be a text; put it in quotes\n" },
        { "http_server_config: {headers: {x-frame-options: deny}}",
          "web.yml:1: http_server_config.headers.x-frame-options: cannot be set; there are "
          "Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, "
          "X-Frame-Options and X-XSS-Protection, spelled so\n" },
        { "http_server_config: {headers: {X-Frame-Options: allow}}",
          "web.yml:1: http_server_config.headers.X-Frame-Options: may only be deny or "
          "sameorigin\n" },
        { "http_server_config: {headers: {X-Content-Type-Options: }}",
          "web.yml:1: http_server_config.headers.X-Content-Type-Options: may only be nosniff\n" },
        { "http_server_config: {headers: {Content-Security-Policy: \"a\\r\\nSet-Cookie: b\"}}",
          "web.yml:1: http_server_config.headers.Content-Security-Policy: has a line end or "
          "another "
          "control character in it; write it on one line\n" },
        { "http_server_config: {headers: {X-XSS-Protection: [1]}}",
          "web.yml:1: http_server_config.headers.X-XSS-Protection: has to be a text; put it in "
          "quotes\n" },
        { "basic_auth_users: {a: secret}",
          "web.yml:1: basic_auth_users.a: is no bcrypt hash ($2y$10$ and 53 characters): make one "
          "with `htpasswd -nBC 10 NAME`\n" },
        { "basic_auth_users:\n  a: " HASH10 "\n  a: " HASH10,
          "web.yml:3: basic_auth_users.a: given twice; keep one of them\n" },
        { "basic_auth_users:\n  a: " HASH10 "\n  b: " HASH10 "\n  b: " HASH10,
          "web.yml:4: basic_auth_users.b: given twice; keep one of them\n" },
        { "rate_limit: {interval: 1s}",
          "web.yml:1: rate_limit.burst: lets no request through at all; give 1 or more, or no "
          "interval\n" },
        { "rate_limit: {interval: 2h, burst: 1}",
          "web.yml:1: rate_limit.interval: '2h' is longer than 1h\n" },
        { "rate_limit: {interval: 1s, burst: 1000001}",
          "web.yml:1: rate_limit.burst: '1000001' is above 1000000\n" },
        /* All at once, by line. */
        { "rate_limit: {interval: x, burst: 1}\nbasic_auth_users: {\"a\\e\": b}\nfoo: 1",
          "web.yml:1: rate_limit.interval: 'x' is not a duration; such as 30s, 1m20s or 24h\n"
          "web.yml:2: basic_auth_users.a\\x1b: is no bcrypt hash ($2y$10$ and 53 characters): make "
          "one with `htpasswd -nBC 10 NAME`\n"
          "web.yml:3: foo: no such key here; there are tls_server_config, http_server_config, "
          "basic_auth_users, rate_limit\n" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        must_fail(rows[i][0], rows[i][1]);
}

static void a_hash_has_the_form_of_bcrypt(void **state)
{
    static const struct {
        const char *hash;
        bool good;
    } rows[] = {
        { HASH10, true },
        { "$2a$04$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC", true },
        { "$2b$12$./hKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC", true },
        { "$2y$03$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC", false },
        { "$2y$17$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC", false },
        { "$2x$10$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC", false },
        { "$2$10$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC", false },
        { "$2y$1a$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC", false },
        { "$2y$10$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8g", false },
        { "$2y$10$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC=", false },
        { "$2y$10$XIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8g:", false },
        { "$2y$10$short", false },
        { "doe", false },
        { "$6$salt$xIhKCXVCsUWvUmTzjvgGXeIUpKfW9hQv8eQhrdsDqZ5Vk1QmTf8gC", false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct web_config c = { 0 };
        struct buf text = { 0 }, errors = { 0 }, warnings = { 0 };
        buf_printf(&text, "basic_auth_users: {'a b': '%s'}", rows[i].hash);
        int rc = load("web.yml", buf_slice(&text), &c, &errors, &warnings);
        if ((rc == 0) != rows[i].good)
            fail_msg("%s", rows[i].hash);
        web_config_release(&c);
        buf_release(&text);
        buf_release(&errors);
        buf_release(&warnings);
    }
}

static void what_is_hardly_meant_is_warned_of(void **state)
{
    (void)state;
    struct web_config c = must_load(
        "web.yml", "basic_auth_users:\n  a:b: " HASH10 "\n  slow: " HASH13 "\n",
        "web.yml:2: basic_auth_users.a:b: nobody can log in by a name with a colon\n"
        "web.yml:3: basic_auth_users.slow: a hash of cost 13 takes long to check: 10 takes 60 ms, "
        "each more doubles it\n");
    assert_int_equal(c.users.n, 2);
    web_config_release(&c);
}

static void the_most_of_all_is_still_taken(void **state)
{
    static const char *const rows[] = {
        "rate_limit: {interval: 1h, burst: 1000000}",
        "rate_limit: {burst: 0}",
        "rate_limit: {interval: 1s, burst: 1}",
        "tls_server_config: {" PAIR ", min_version: TLS10, max_version: TLS10}",
        "tls_server_config: {" PAIR ", min_version: TLS13, max_version: TLS13}",
        "tls_server_config: {" PAIR ", max_version: TLS12}",
        "tls_server_config: {" PAIR ", client_auth_type: RequestClientCert, client_allowed_sans: "
        "[a]}",
        "tls_server_config: {" PAIR ", client_auth_type: RequestClientCert, client_ca: a}",
        "http_server_config: {headers: {X-Frame-Options: sameorigin, "
        "X-Content-Type-Options: nosniff, X-XSS-Protection: \" ~\"}}",
        "basic_auth_users: {slow: " HASH12 "}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct web_config c = must_load("web.yml", rows[i], "");
        web_config_release(&c);
    }
}

static void a_name_and_a_list_have_a_longest_form(void **state)
{
    (void)state;
    for (size_t n = WEB_CONFIG_NAME_MAX; n <= WEB_CONFIG_NAME_MAX + 1; n++) {
        struct web_config c;
        struct buf text = { 0 }, errors = { 0 }, warnings = { 0 };
        buf_printf(&text, "basic_auth_users: {%0*d: " HASH10 "}", (int)n, 0);
        int rc = load("w", buf_slice(&text), &c, &errors, &warnings);
        assert_int_equal(rc, n > WEB_CONFIG_NAME_MAX ? -EINVAL : 0);
        assert_int_equal(strstr(errors.ptr, "is a name longer than 256 bytes") != NULL, rc != 0);
        if (rc == 0)
            web_config_release(&c);
        buf_release(&text);
        buf_release(&errors);
        buf_release(&warnings);
    }
    for (size_t n = WEB_CONFIG_NAMES_MAX; n <= WEB_CONFIG_NAMES_MAX + 1; n++) {
        struct web_config c;
        struct buf text = { 0 }, errors = { 0 }, warnings = { 0 };
        buf_append_str(&text, "tls_server_config: {" PAIR ", client_auth_type: RequestClientCert, "
                              "client_allowed_sans: [");
        for (size_t i = 0; i < n; i++)
            buf_printf(&text, "%sn%zu", i > 0 ? ", " : "", i);
        buf_append_str(&text, "]}");
        int rc = load("w", buf_slice(&text), &c, &errors, &warnings);
        assert_int_equal(rc, n > WEB_CONFIG_NAMES_MAX ? -EINVAL : 0);
        if (rc == 0) {
            assert_int_equal(c.client_sans.n, n);
            web_config_release(&c);
        }
        buf_release(&text);
        buf_release(&errors);
        buf_release(&warnings);
    }
}

static void sizes_have_their_limits(void **state)
{
    (void)state;
    struct web_config c = { 0 };
    struct buf text = { 0 }, errors = { 0 }, warnings = { 0 };
    buf_append_str(&text, "basic_auth_users:\n");
    for (int i = 0; i < WEB_CONFIG_USERS_MAX; i++)
        buf_printf(&text, "  u%d: " HASH10 "\n", i);
    assert_int_equal(load("w", buf_slice(&text), &c, &errors, &warnings), 0);
    assert_int_equal(c.users.n, WEB_CONFIG_USERS_MAX);
    web_config_release(&c);
    buf_append_str(&text, "  more: " HASH10 "\n");
    buf_clear(&errors);
    assert_int_equal(load("w", buf_slice(&text), &c, &errors, &warnings), -EINVAL);
    assert_string_equal(errors.ptr, "w:1002: basic_auth_users.more: is one user more than 1000\n");

    for (size_t n = WEB_CONFIG_HEADER_MAX; n <= WEB_CONFIG_HEADER_MAX + 1; n++) {
        char *value = mem_zalloc(n + 1);
        memset(value, 'v', n);
        buf_clear(&text);
        buf_clear(&errors);
        buf_printf(&text, "http_server_config: {headers: {Content-Security-Policy: %s}}", value);
        int rc = load("w", buf_slice(&text), &c, &errors, &warnings);
        assert_int_equal(rc, n > WEB_CONFIG_HEADER_MAX ? -EINVAL : 0);
        if (rc == 0)
            web_config_release(&c);
        free(value);
    }
    buf_release(&text);
    buf_release(&errors);
    buf_release(&warnings);
}

static void a_file_is_read_and_looked_at(void **state)
{
    (void)state;
    char dir[] = "/tmp/web-config-XXXXXX";
    struct web_config c = { 0 };
    struct buf path = { 0 }, errors = { 0 }, warnings = { 0 };
    assert_non_null(mkdtemp(dir));
    buf_printf(&path, "%s/web.yml", dir);
    buf_append_char(&path, '\0');
    assert_int_equal(web_config_load(path.ptr, &c, &errors, &warnings), -EINVAL);
    assert_non_null(memmem(errors.ptr, errors.len, "cannot read the web config", 26));
    assert_int_equal(web_config_load(dir, &c, &errors, &warnings), -EINVAL);
    assert_non_null(memmem(errors.ptr, errors.len, "is no file", 10));

    static const struct {
        const char *text;
        mode_t mode;
        bool warned;
    } rows[] = { { "basic_auth_users: {a: " HASH10 "}\n", 0640, false },
                 { "basic_auth_users: {a: " HASH10 "}\n", 0644, true },
                 { "basic_auth_users: {a: " HASH10 "}\n", 0642, true },
                 { "tls_server_config: {cert: c, key: k}\n", 0644, true },
                 { "tls_server_config: {cert: c, key_file: k}\n", 0644, false },
                 { "http_server_config: {http2: false}\n", 0646, false } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        FILE *f = fopen(path.ptr, "w");
        assert_non_null(f);
        fputs(rows[i].text, f);
        fclose(f);
        chmod(path.ptr, rows[i].mode);
        buf_clear(&warnings);
        assert_int_equal(web_config_load(path.ptr, &c, &errors, &warnings), 0);
        assert_int_equal(warnings.len > 0, rows[i].warned);
        web_config_release(&c);
    }
    buf_clear(&errors);
    assert_int_equal(truncate(path.ptr, WEB_CONFIG_BYTES_MAX + 1), 0);
    assert_int_equal(web_config_load(path.ptr, &c, &errors, &warnings), -EINVAL);
    assert_non_null(memmem(errors.ptr, errors.len, "is larger than 1 MiB", 20));
    unlink(path.ptr);
    rmdir(dir);
    buf_release(&path);
    buf_release(&errors);
    buf_release(&warnings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_plain_http_for_everybody),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(pem_may_stand_in_the_file_and_a_file_wins),
        cmocka_unit_test(a_client_auth_type_has_its_names),
        cmocka_unit_test(mistakes_name_file_line_key_and_remedy),
        cmocka_unit_test(a_hash_has_the_form_of_bcrypt),
        cmocka_unit_test(what_is_hardly_meant_is_warned_of),
        cmocka_unit_test(the_most_of_all_is_still_taken),
        cmocka_unit_test(a_name_and_a_list_have_a_longest_form),
        cmocka_unit_test(sizes_have_their_limits),
        cmocka_unit_test(a_file_is_read_and_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
