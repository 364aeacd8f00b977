/* A web config with what it names: what becomes of its TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "core/web.h"
#include "support/certs.h"
#include "tls/bundle_priv.h"
#include "tls/store.h"

static int make(void **state)
{
    (void)state;
    certs_dir_enter();
    struct cert c = cert_make(&(struct cert_spec){ .name = "c", .dns = "a.test" });
    certs_write("c.pem", &c, 1);
    cert_key_write("k.pem", &c);
    cert_release(&c);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    certs_dir_leave();
    return 0;
}

static int load(const char *text, struct core_web *ret)
{
    struct buf errors = { 0 }, warnings = { 0 };
    text_write("web.yml", text);
    int rc = core_web_load("web.yml", time(NULL), ret, &errors, &warnings);
    assert_int_equal(rc<0, errors.len> 0);
    buf_release(&errors);
    buf_release(&warnings);
    return rc;
}

static void without_certificates_there_is_no_tls(void **state)
{
    struct core_web w;
    (void)state;
    assert_int_equal(load("rate_limit: {interval: 1s, burst: 2}\n", &w), 0);
    assert_null(w.tls);
    assert_int_equal(w.config.rate_burst, 2);
    core_web_release(&w);
    assert_int_equal(w.config.rate_burst, 0);
}

static void clients_are_asked_as_the_config_says(void **state)
{
    static const struct {
        const char *text;
        enum tls_client_auth auth;
        size_t sans;
    } rows[] = {
        { "", TLS_CLIENT_NONE, 0 },
        { ", client_auth_type: RequestClientCert", TLS_CLIENT_REQUEST, 0 },
        { ", client_auth_type: RequireAnyClientCert, client_allowed_sans: [a, b]",
          TLS_CLIENT_REQUIRE_ANY, 2 },
        { ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: c.pem",
          TLS_CLIENT_VERIFY_IF_GIVEN, 0 },
        { ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: c.pem, "
          "client_allowed_sans: [a]",
          TLS_CLIENT_REQUIRE_VERIFY, 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct core_web w;
        struct buf text = { 0 };
        buf_printf(&text, "tls_server_config: {cert_file: c.pem, key_file: k.pem%s}\n",
                   rows[i].text);
        buf_append_char(&text, '\0');
        assert_int_equal(load(text.ptr, &w), 0);
        const struct tls_bundle *b = tls_store_current(w.tls);
        assert_int_equal(b->side, TLS_SERVER);
        assert_int_equal(b->client_auth, rows[i].auth);
        assert_int_equal(b->n_allowed_sans, rows[i].sans);
        core_web_release(&w);
        assert_null(w.tls);
        buf_release(&text);
    }
}

static void what_is_refused_for_its_files_still_says_which_they_are(void **state)
{
    struct core_web w;
    (void)state;
    assert_true(load("tls_server_config: {cert_file: no.pem, key_file: k.pem}\n", &w) < 0);
    assert_null(w.tls);
    assert_string_equal(w.config.cert.file, "no.pem");
    core_web_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_certificates_there_is_no_tls),
        cmocka_unit_test(clients_are_asked_as_the_config_says),
        cmocka_unit_test(what_is_refused_for_its_files_still_says_which_they_are),
    };
    return cmocka_run_group_tests_name("web", tests, make, unmake);
}
