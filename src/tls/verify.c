#include <arpa/inet.h>
#include <string.h>

#include <gnutls/x509.h>

#include "base/slice.h"
#include "tls/verify.h"

/*
 * The peer's signature is checked with its key.  With 16,384 bits that takes half a second, which
 * anybody could ask for where no CA is asked; an exponent of RSA that is as long as the modulus
 * makes one of 8,192 bits take as much as those.  Go sets about the same limits.
 */
enum { KEY_BITS_MAX = 8192, EXPONENT_BYTES_MAX = 4 };

/* The first that applies is said: from the clearest reason to the vaguest. */
/* clang-format off */
static const struct { unsigned status; const char *why; } reasons[] = {
    { GNUTLS_CERT_EXPIRED,                "the peer's certificate has expired" },
    { GNUTLS_CERT_NOT_ACTIVATED,          "the peer's certificate is not valid yet" },
    { GNUTLS_CERT_REVOKED,                "the peer's certificate is revoked" },
    { GNUTLS_CERT_UNEXPECTED_OWNER,       "the peer's certificate is for another name" },
    { GNUTLS_CERT_PURPOSE_MISMATCH,       "the peer's certificate is for another purpose" },
    { GNUTLS_CERT_SIGNER_NOT_FOUND,       "the peer's certificate is signed by no known CA" },
    { GNUTLS_CERT_SIGNER_NOT_CA,          "the peer's certificate is signed by one that is no CA" },
    { GNUTLS_CERT_INSECURE_ALGORITHM,     "the peer's certificate has a weak key or signature" },
    { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "the peer's certificate breaks a limit of its CA" },
};
/* clang-format on */

static const char *why_not(unsigned status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (status & reasons[i].status)
            return reasons[i].why;
    }
    return "the peer's certificate does not verify";
}

static bool san_is(unsigned type, const unsigned char *san, size_t len, const char *allowed)
{
    unsigned char ip[16];
    if (type == GNUTLS_SAN_IPADDRESS)
        return (len == 4 || len == 16) &&
               inet_pton(len == 4 ? AF_INET : AF_INET6, allowed, ip) == 1 &&
               memcmp(san, ip, len) == 0;
    if (type != GNUTLS_SAN_DNSNAME && type != GNUTLS_SAN_RFC822NAME && type != GNUTLS_SAN_URI)
        return false;
    return slice_eq(slice_of((const char *)san, len), slice_str(allowed));
}

static bool has_allowed_san(gnutls_x509_crt_t crt, const struct tls_bundle *b)
{
    unsigned char san[1024]; /* a longer one matches nothing */
    for (unsigned i = 0;; i++) {
        size_t len = sizeof san;
        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, san, &len, NULL);
        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue;
        if (type < 0)
            return false;
        for (size_t a = 0; a < b->n_allowed_sans; a++) {
            if (san_is((unsigned)type, san, len, b->allowed_sans[a]))
                return true;
        }
    }
}

static bool has_long_exponent(gnutls_x509_crt_t crt)
{
    gnutls_datum_t modulus, exponent;
    if (gnutls_x509_crt_get_pk_rsa_raw(crt, &modulus, &exponent) < 0)
        return false; /* no key of RSA */
    unsigned zeros = 0;
    while (zeros < exponent.size && exponent.data[zeros] == 0)
        zeros++;
    bool is = exponent.size - zeros > EXPONENT_BYTES_MAX;
    gnutls_free(modulus.data);
    gnutls_free(exponent.data);
    return is;
}

static const char *check_certificate(gnutls_x509_crt_t crt, const struct tls_bundle *b)
{
    unsigned bits = 0;
    if (gnutls_x509_crt_get_pk_algorithm(crt, &bits) < 0 || bits > KEY_BITS_MAX ||
        has_long_exponent(crt))
        return "the peer's certificate has a key that is too large, or of no known kind";
    if (b->n_allowed_sans > 0 && !has_allowed_san(crt, b))
        return "the peer's certificate has none of the allowed names";
    return NULL;
}

/* What no CA vouches for: with its key anybody may come. */
static const char *check_itself(gnutls_session_t tls, const struct tls_bundle *b)
{
    unsigned n = 0;
    gnutls_x509_crt_t crt;
    const char *why = "the peer's certificate cannot be read";
    const gnutls_datum_t *der = gnutls_certificate_get_peers(tls, &n);
    if (der == NULL || n == 0 || gnutls_x509_crt_init(&crt) < 0)
        return why;
    if (gnutls_x509_crt_import(crt, &der[0], GNUTLS_X509_FMT_DER) == 0)
        why = check_certificate(crt, b);
    gnutls_x509_crt_deinit(crt);
    return why;
}

/* Not const, as GnuTLS wants them. */
static unsigned char of_client[] = GNUTLS_KP_TLS_WWW_CLIENT, of_server[] = GNUTLS_KP_TLS_WWW_SERVER;

const char *verify_peer(gnutls_session_t tls, const struct tls_bundle *b, const char *server_name)
{
    bool server = b->side == TLS_SERVER;
    if (!server || b->client_auth >= TLS_CLIENT_VERIFY_IF_GIVEN) {
        gnutls_typed_vdata_st want[2] = {
            { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = server ? of_client : of_server },
            { .type = GNUTLS_DT_DNS_HOSTNAME },
        };
        char name[256];
        unsigned n = 1, status = 0;
        if (server_name != NULL) {
            size_t len = strlen(server_name);
            if (len >= sizeof name)
                return "the server's name is too long";
            memcpy(name, server_name, len + 1);
            want[n++].data = (unsigned char *)name;
        }
        if (gnutls_certificate_verify_peers(tls, want, n, &status) < 0)
            return "the peer's certificate cannot be verified";
        if (status != 0)
            return why_not(status);
    }
    return server ? check_itself(tls, b) : NULL;
}
