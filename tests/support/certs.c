#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/certs.h"

static void alternative_names(gnutls_x509_crt_t crt, const struct cert_spec *spec)
{
    const struct {
        gnutls_x509_subject_alt_name_t type;
        const char *text;
    } names[] = {
        { GNUTLS_SAN_DNSNAME, spec->dns },
        { GNUTLS_SAN_RFC822NAME, spec->email },
        { GNUTLS_SAN_URI, spec->uri },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].text != NULL)
            assert_int_equal(gnutls_x509_crt_set_subject_alt_name(crt, names[i].type, names[i].text,
                                                                  (unsigned)strlen(names[i].text),
                                                                  GNUTLS_FSAN_APPEND),
                             0);
    }
    struct in_addr ip;
    if (spec->ip4 == NULL)
        return;
    assert_int_equal(inet_pton(AF_INET, spec->ip4, &ip), 1);
    assert_int_equal(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, &ip, sizeof ip,
                                                          GNUTLS_FSAN_APPEND),
                     0);
}

struct cert cert_make(const struct cert_spec *spec)
{
    static unsigned char serial;
    struct cert c;
    time_t now = time(NULL);
    unsigned bits = spec->rsa_bits;

    serial++;
    assert_int_equal(gnutls_x509_privkey_init(&c.key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(
                         c.key, bits ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
                         bits ? bits : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    assert_int_equal(gnutls_x509_crt_init(&c.crt), 0);
    gnutls_x509_crt_set_version(c.crt, 3);
    gnutls_x509_crt_set_serial(c.crt, &serial, 1);
    gnutls_x509_crt_set_activation_time(c.crt, spec->from ? (time_t)spec->from : now - 3600);
    gnutls_x509_crt_set_expiration_time(c.crt, spec->until ? (time_t)spec->until : now + 86400);
    gnutls_x509_crt_set_dn_by_oid(c.crt, GNUTLS_OID_X520_COMMON_NAME, 0, spec->name,
                                  (unsigned)strlen(spec->name));
    gnutls_x509_crt_set_basic_constraints(c.crt, spec->is_ca, -1);
    if (spec->for_clients)
        gnutls_x509_crt_set_key_purpose_oid(c.crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    alternative_names(c.crt, spec);
    gnutls_x509_crt_set_key(c.crt, c.key);
    assert_int_equal(gnutls_x509_crt_sign2(c.crt, spec->signer ? spec->signer->crt : c.crt,
                                           spec->signer ? spec->signer->key : c.key,
                                           GNUTLS_DIG_SHA256, 0),
                     0);
    return c;
}

void cert_release(struct cert *c)
{
    gnutls_x509_crt_deinit(c->crt);
    gnutls_x509_privkey_deinit(c->key);
}

static void put(const char *path, int flags, const char *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

void certs_write(const char *path, const struct cert *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        gnutls_datum_t pem;
        assert_int_equal(gnutls_x509_crt_export2(c[i].crt, GNUTLS_X509_FMT_PEM, &pem), 0);
        put(path, i == 0 ? O_TRUNC : O_APPEND, (const char *)pem.data, pem.size);
        gnutls_free(pem.data);
    }
}

void cert_key_write(const char *path, const struct cert *c)
{
    gnutls_datum_t pem;
    assert_int_equal(gnutls_x509_privkey_export2(c->key, GNUTLS_X509_FMT_PEM, &pem), 0);
    put(path, O_TRUNC, (const char *)pem.data, pem.size);
    gnutls_free(pem.data);
}

void certs_write_pair(const char *name, struct cert_spec spec)
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

void text_write(const char *path, const char *text)
{
    put(path, O_TRUNC, text, strlen(text));
}

static char dir[64];

void certs_dir_enter(void)
{
    strcpy(dir, "/tmp/statsd_certs.XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void certs_dir_leave(void)
{
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
