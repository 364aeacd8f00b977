/* Certificates and keys as they are read: every mistake is told with its file and a remedy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "support/certs.h"
#include "tls/bundle.h"

static struct cert ca, one, two, rsa, old;

static int make(void **state)
{
    int64_t now = time(NULL);
    (void)state;
    certs_dir_enter();
    ca = cert_make(&(struct cert_spec){ .name = "ca", .is_ca = true });
    one = cert_make(&(struct cert_spec){ .name = "one", .signer = &ca });
    two = cert_make(&(struct cert_spec){ .name = "two", .signer = &ca });
    rsa = cert_make(&(struct cert_spec){ .name = "rsa", .rsa_bits = 2048 });
    old = cert_make(&(struct cert_spec){ .name = "old", .from = now - 7200, .until = now - 60 });
    certs_write("ca.pem", &ca, 1);
    certs_write("one.pem", &one, 1);
    certs_write("rsa.pem", &rsa, 1);
    certs_write("old.pem", &old, 1);
    certs_write("chain.pem", (struct cert[]){ one, ca }, 2);
    certs_write("turned.pem", (struct cert[]){ ca, one }, 2);
    cert_key_write("one.key", &one);
    cert_key_write("two.key", &two);
    cert_key_write("rsa.key", &rsa);
    cert_key_write("old.key", &old);
    cert_key_write("open.key", &one);
    chmod("open.key", 0644);
    text_write("empty", "");
    text_write("garbage", "these are not the bytes that were looked for\n");
    text_write("half.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n");
    text_write("broken.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    text_write("broken.key", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    text_write("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n"
                             "-----END ENCRYPTED PRIVATE KEY-----\n");
    mkdir("folder", 0700);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    cert_release(&ca);
    cert_release(&one);
    cert_release(&two);
    cert_release(&rsa);
    cert_release(&old);
    certs_dir_leave();
    return 0;
}

static char text[4096];

/* returns  the errors, or the warnings when it loads */
static const char *load(const struct tls_opts *o, int want)
{
    struct tls_bundle *b = NULL;
    struct buf errors = { 0 }, warnings = { 0 };
    assert_int_equal(tls_bundle_load(o, time(NULL), &b, &errors, &warnings), want);
    assert_int_equal(b != NULL, want == 0);
    const struct buf *said = want == 0 ? &warnings : &errors;
    assert_true(said->len < sizeof text);
    memcpy(text, said->ptr ? said->ptr : "", said->len);
    text[said->len] = '\0';
    if (want == 0)
        assert_int_equal(errors.len, 0);
    tls_bundle_drop(b);
    buf_release(&errors);
    buf_release(&warnings);
    return text;
}

static void good_files_load_without_a_word(void **state)
{
    /* clang-format off */
    static const struct tls_opts good[] = {
        { .cert_file = "one.pem", .key_file = "one.key" },
        { .cert_file = "chain.pem", .key_file = "one.key" },
        { .cert_file = "rsa.pem", .key_file = "rsa.key" },
        { .cert_file = "one.pem", .key_file = "one.key", .ca_file = "ca.pem",
          .client_auth = TLS_CLIENT_REQUIRE_VERIFY },
        { .cert_file = "one.pem", .key_file = "one.key", .client_auth = TLS_CLIENT_REQUEST },
        { .side = TLS_CLIENT, .ca_file = "ca.pem" },
        { .side = TLS_CLIENT },
        { .side = TLS_CLIENT, .cert_file = "one.pem", .key_file = "one.key", .ca_file = "ca.pem" },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_string_equal(load(&good[i], 0), "");
}

static void every_mistake_is_told_with_its_file(void **state)
{
    /* clang-format off */
    static const struct { struct tls_opts o; const char *says; } cases[] = {
        { { .cert_file = "none.pem", .key_file = "one.key" },
          "none.pem: cannot be read: No such file or directory" },
        { { .cert_file = "one.pem", .key_file = "none.key" },
          "none.key: cannot be read: No such file or directory" },
        { { .cert_file = "folder", .key_file = "one.key" }, "folder: is no file" },
        { { .cert_file = "empty", .key_file = "one.key" }, "empty: is empty" },
        { { .cert_file = "garbage", .key_file = "one.key" },
          "garbage: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)\n" },
        { { .cert_file = "one.pem", .key_file = "garbage" },
          "garbage: holds no key in PEM form (-----BEGIN PRIVATE KEY-----)\n" },
        { { .cert_file = "one.key", .key_file = "one.key" },
          "but a key: are the two files swapped?" },
        { { .cert_file = "one.pem", .key_file = "one.pem" },
          "but a certificate: are the two files swapped?" },
        { { .cert_file = "half.pem", .key_file = "one.key" },
          "half.pem: one of its 1 certificates is damaged" },
        { { .cert_file = "broken.pem", .key_file = "one.key" },
          "broken.pem: one of its 1 certificates is damaged" },
        { { .cert_file = "one.pem", .key_file = "broken.key" }, "broken.key: the key is damaged" },
        { { .cert_file = "one.pem", .key_file = "locked.key" },
          "locked.key: the key is locked by a password" },
        { { .cert_file = "one.pem", .key_file = "two.key" },
          "two.key: is not the key of the certificate one.pem" },
        { { .cert_file = "turned.pem", .key_file = "one.key" },
          "turned.pem: the certificate of the key one.key is number 2: put it first" },
        { { .cert_file = "one.pem", .key_file = "one.key", .ca_file = "garbage",
            .client_auth = TLS_CLIENT_REQUIRE_VERIFY }, "garbage: holds no certificate" },
        { { .cert_file = "one.pem", .key_file = "one.key", .ca_file = "none.pem",
            .client_auth = TLS_CLIENT_REQUIRE_VERIFY }, "none.pem: cannot be read" },
        { { .cert_file = "one.pem", .key_file = "one.key", .ca_file = "ca.pem" },
          "ca.pem: a CA of clients, but clients are not asked" },
        { { .cert_file = "one.pem", .key_file = "one.key",
            .client_auth = TLS_CLIENT_VERIFY_IF_GIVEN }, "but no CA is given" },
        { { .cert_file = "one.pem" }, "a certificate and its key are needed, both" },
        { { .side = TLS_CLIENT, .key_file = "one.key" }, "are needed, both" },
        { { .cert_file = "/dev/zero", .key_file = "one.key" }, "/dev/zero: is no file" },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *said = load(&cases[i].o, -EINVAL);
        if (strstr(said, cases[i].says) == NULL)
            fail_msg("case %zu: wanted \"%s\", got \"%s\"", i, cases[i].says, said);
    }
}

static void all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    const char *said = load(&(struct tls_opts){ .cert_file = "garbage",
                                                .key_file = "none.key",
                                                .ca_file = "empty",
                                                .client_auth = TLS_CLIENT_REQUIRE_VERIFY },
                            -EINVAL);
    assert_non_null(strstr(said, "garbage: "));
    assert_non_null(strstr(said, "\nnone.key: "));
    assert_non_null(strstr(said, "\nempty: "));
}

static void what_is_only_unwise_is_a_warning(void **state)
{
    (void)state;
    assert_non_null(
        strstr(load(&(struct tls_opts){ .cert_file = "old.pem", .key_file = "old.key" }, 0),
               "old.pem: the certificate expired at 20"));
    assert_non_null(
        strstr(load(&(struct tls_opts){ .cert_file = "one.pem", .key_file = "open.key" }, 0),
               "open.key: every user may read or change the key: chmod 0640"));
}

static void the_last_reference_frees(void **state)
{
    struct tls_bundle *b = NULL;
    struct buf said = { 0 };
    struct tls_opts o = { .cert_file = "one.pem", .key_file = "one.key" };
    (void)state;
    assert_int_equal(tls_bundle_load(&o, time(NULL), &b, &said, &said), 0);
    assert_true(tls_bundle_expires(b) > time(NULL));
    assert_ptr_equal(tls_bundle_ref(b), b);
    tls_bundle_drop(b);
    tls_bundle_drop(b);
    tls_bundle_drop(NULL);
    buf_release(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_load_without_a_word),
        cmocka_unit_test(every_mistake_is_told_with_its_file),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(what_is_only_unwise_is_a_warning),
        cmocka_unit_test(the_last_reference_frees),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
