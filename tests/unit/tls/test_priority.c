/* Versions, ciphers and curves by name: what GnuTLS is told, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>

#include "tls/priority.h"

#define GCM_EC  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
#define GCM_RSA "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
#define CBC_EC  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"

struct spec {
    enum tls_key key;
    enum tls_version min, max;
    const char *ciphers[3], *curves[3];
};

static struct tls_opts opts_of(const struct spec *s)
{
    struct tls_opts o = { .min_version = s->min, .max_version = s->max };
    o.ciphers = s->ciphers;
    o.curves = s->curves;
    while (o.n_ciphers < 3 && s->ciphers[o.n_ciphers] != NULL)
        o.n_ciphers++;
    while (o.n_curves < 3 && s->curves[o.n_curves] != NULL)
        o.n_curves++;
    return o;
}

static void names_become_what_gnutls_understands(void **state)
{
    /* clang-format off */
    static const struct { struct spec spec; const char *has, *lacks; } cases[] = {
        { { .key = TLS_KEY_RSA },
          ":+ECDHE-RSA:+VERS-TLS1.3:+VERS-TLS1.2:+AES-128-GCM", "ECDHE-ECDSA" },
        { { .key = TLS_KEY_ECDSA }, ":-SIGN-RSA-SHA1", "+SHA1" },
        { { .key = TLS_KEY_ANY }, ":+ECDHE-ECDSA:+ECDHE-RSA", "VERS-TLS1.1" },
        { { .key = TLS_KEY_RSA, .min = TLS_1_0, .max = TLS_1_1 }, "+VERS-TLS1.0", "SIGN-RSA-SHA1" },
        { { .key = TLS_KEY_RSA, .min = TLS_1_3 }, "+VERS-TLS1.3", "VERS-TLS1.2" },
        { { .key = TLS_KEY_RSA, .max = TLS_1_2 }, "+VERS-TLS1.2", "VERS-TLS1.3" },
        { { .key = TLS_KEY_ECDSA, .ciphers = { GCM_EC, GCM_RSA } },
          "+AES-128-GCM:+AEAD", "AES-256" },
        { { .key = TLS_KEY_ECDSA, .ciphers = { CBC_EC } }, "+AES-128-CBC:+SHA1", "VERS-TLS1.3" },
        { { .key = TLS_KEY_ECDSA, .ciphers = { CBC_EC, GCM_EC } }, "VERS-TLS1.3", "256-GCM" },
        { { .key = TLS_KEY_RSA, .ciphers = { "TLS_AES_256_GCM_SHA384" } }, "+AES-256-GCM", "128" },
        { { .key = TLS_KEY_RSA, .curves = { "CurveP521", "X25519" } },
          ":+GROUP-SECP521R1:+GROUP-X25519", "SECP256R1" },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_opts o = opts_of(&cases[i].spec);
        struct buf out = { 0 }, errors = { 0 };
        gnutls_priority_t p;
        assert_int_equal(tls_priority(&o, cases[i].spec.key, &out, &errors), 0);
        if (strstr(out.ptr, cases[i].has) == NULL || strstr(out.ptr, cases[i].lacks) != NULL)
            fail_msg("case %zu: %s", i, out.ptr);
        assert_int_equal(gnutls_priority_init2(&p, out.ptr, NULL, 0), 0);
        gnutls_priority_deinit(p);
        buf_release(&out);
        buf_release(&errors);
    }
}

static void what_cannot_work_is_refused(void **state)
{
    /* clang-format off */
    static const struct { struct spec spec; const char *says; } cases[] = {
        { { .ciphers = { "AES" } }, "cipher AES is unknown" },
        { { .ciphers = { "TLS_RSA_WITH_AES_128_CBC_SHA" } }, "has no forward secrecy" },
        { { .curves = { "P256" } }, "curve P256 is unknown" },
        { { .key = TLS_KEY_RSA, .ciphers = { GCM_EC } }, "fits the certificate's RSA key" },
        { { .key = TLS_KEY_ECDSA, .ciphers = { GCM_RSA } }, "fits the certificate's ECDSA key" },
        { { .key = TLS_KEY_ECDSA, .min = TLS_1_3, .ciphers = { CBC_EC } },
          "TLS 1.3, which is required" },
        { { .min = TLS_1_3, .max = TLS_1_2 }, "above the highest" },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_opts o = opts_of(&cases[i].spec);
        struct buf out = { 0 }, errors = { 0 };
        assert_int_equal(tls_priority(&o, cases[i].spec.key, &out, &errors), -EINVAL);
        assert_int_equal(out.len, 0);
        buf_append_char(&errors, '\0');
        if (strstr(errors.ptr, cases[i].says) == NULL)
            fail_msg("case %zu: %s", i, errors.ptr);
        buf_release(&out);
        buf_release(&errors);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_what_gnutls_understands),
        cmocka_unit_test(what_cannot_work_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
