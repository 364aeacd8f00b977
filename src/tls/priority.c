/*
 * tls_priority: the options' names of versions, ciphers and curves into GnuTLS' priority string
 *   ciphers_of    suite_add for each name: which parts of `parts` fit the certificate's key
 *   curves_add
 */
#include <errno.h>
#include <string.h>

#include "tls/priority.h"

/* Signatures with SHA-1 are for TLS 1.0 and 1.1, which have no others.  Small keys and weak hashes
 * in certificates are refused as in GnuTLS' own default. */
#define BASE    "NONE:+CTYPE-X509:+COMP-NULL:%PROFILE_LOW:+SIGN-ALL"
#define NO_SHA1 ":-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1"

enum part {
    AES_128_GCM = 1 << 0,
    AES_256_GCM = 1 << 1,
    CHACHA20 = 1 << 2,
    AES_128_CBC = 1 << 3,
    AES_256_CBC = 1 << 4,
    AEADS = AES_128_GCM | AES_256_GCM | CHACHA20,
};

/* clang-format off */
static const struct { enum part part; const char *priority; } parts[] = {
    { AES_128_GCM, ":+AES-128-GCM" },
    { AES_256_GCM, ":+AES-256-GCM" },
    { CHACHA20,    ":+CHACHA20-POLY1305" },
    { AES_128_CBC, ":+AES-128-CBC" },
    { AES_256_CBC, ":+AES-256-CBC" },
};
static const struct { const char *name; enum tls_key key; enum part part; } suites[] = {
    { "TLS_AES_128_GCM_SHA256",                        TLS_KEY_ANY,   AES_128_GCM },
    { "TLS_AES_256_GCM_SHA384",                        TLS_KEY_ANY,   AES_256_GCM },
    { "TLS_CHACHA20_POLY1305_SHA256",                  TLS_KEY_ANY,   CHACHA20 },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",       TLS_KEY_ECDSA, AES_128_GCM },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",       TLS_KEY_ECDSA, AES_256_GCM },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", TLS_KEY_ECDSA, CHACHA20 },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",          TLS_KEY_ECDSA, AES_128_CBC },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",          TLS_KEY_ECDSA, AES_256_CBC },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",         TLS_KEY_RSA,   AES_128_GCM },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",         TLS_KEY_RSA,   AES_256_GCM },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",   TLS_KEY_RSA,   CHACHA20 },
    { "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",            TLS_KEY_RSA,   AES_128_CBC },
    { "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",            TLS_KEY_RSA,   AES_256_CBC },
};
static const struct { const char *name, *priority; } curves[] = {
    { "X25519",    ":+GROUP-X25519" },
    { "CurveP256", ":+GROUP-SECP256R1" },
    { "CurveP384", ":+GROUP-SECP384R1" },
    { "CurveP521", ":+GROUP-SECP521R1" },
};
static const struct { enum tls_version version; const char *priority; } versions[] = {
    { TLS_1_3, ":+VERS-TLS1.3" },
    { TLS_1_2, ":+VERS-TLS1.2" },
    { TLS_1_1, ":+VERS-TLS1.1" },
    { TLS_1_0, ":+VERS-TLS1.0" },
};
/* clang-format on */
static const char *const kx_of[] = {
    [TLS_KEY_ANY] = ":+ECDHE-ECDSA:+ECDHE-RSA",
    [TLS_KEY_RSA] = ":+ECDHE-RSA",
    [TLS_KEY_ECDSA] = ":+ECDHE-ECDSA",
};

static bool suite_add(const char *name, enum tls_key key, unsigned *set, struct buf *errors)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        if (strcmp(suites[i].name, name) != 0)
            continue;
        if (suites[i].key == TLS_KEY_ANY || key == TLS_KEY_ANY || suites[i].key == key)
            *set |= suites[i].part;
        return true;
    }
    if (strncmp(name, "TLS_RSA_WITH_", strlen("TLS_RSA_WITH_")) == 0)
        buf_printf(errors,
                   "cipher %s has no forward secrecy and is not supported: take one of "
                   "TLS_ECDHE_RSA_WITH_...\n",
                   name);
    else
        buf_printf(errors,
                   "cipher %s is unknown: take TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "
                   "for example\n",
                   name);
    return false;
}

/* The parts of the list that fit the key, as a set of enum part; 0 on failure. */
static unsigned ciphers_of(const struct tls_opts *o, enum tls_key key, struct buf *errors)
{
    unsigned set = 0;
    bool all_known = true;
    if (o->n_ciphers == 0)
        return AEADS;
    for (size_t i = 0; i < o->n_ciphers; i++)
        all_known = suite_add(o->ciphers[i], key, &set, errors) && all_known;
    if (!all_known)
        return 0;
    if (set == 0)
        buf_printf(errors, "no cipher of the list fits the certificate's %s key\n",
                   key == TLS_KEY_RSA ? "RSA" : "ECDSA");
    return set;
}

static bool curves_add(const struct tls_opts *o, struct buf *out, struct buf *errors)
{
    bool all_known = true;
    if (o->n_curves == 0)
        buf_append_str(out, ":+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1");
    for (size_t i = 0; i < o->n_curves; i++) {
        size_t c = 0;
        while (c < ARRAY_LEN(curves) && strcmp(curves[c].name, o->curves[i]) != 0)
            c++;
        if (c < ARRAY_LEN(curves)) {
            buf_append_str(out, curves[c].priority);
            continue;
        }
        buf_printf(errors, "curve %s is unknown: X25519, CurveP256, CurveP384, CurveP521\n",
                   o->curves[i]);
        all_known = false;
    }
    return all_known;
}

int tls_priority(const struct tls_opts *o, enum tls_key key, struct buf *out, struct buf *errors)
{
    enum tls_version min = o->min_version ? o->min_version : TLS_1_2;
    enum tls_version max = o->max_version ? o->max_version : TLS_1_3;
    unsigned ciphers = ciphers_of(o, key, errors);
    size_t before = out->len;

    if (min > max) {
        buf_append_str(errors, "the lowest TLS version is above the highest one\n");
        return -EINVAL;
    }
    if (ciphers == 0)
        return -EINVAL;
    if (!(ciphers & AEADS)) { /* GnuTLS fails every handshake of 1.3 without one */
        if (min == TLS_1_3) {
            buf_append_str(errors, "no cipher of the list is one of TLS 1.3, which is required\n");
            return -EINVAL;
        }
        max = max == TLS_1_3 ? TLS_1_2 : max;
    }
    buf_append_str(out, min >= TLS_1_2 ? BASE NO_SHA1 : BASE);
    buf_append_str(out, kx_of[key]);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (versions[i].version >= min && versions[i].version <= max)
            buf_append_str(out, versions[i].priority);
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (ciphers & parts[i].part)
            buf_append_str(out, parts[i].priority);
    }
    if (ciphers & AEADS)
        buf_append_str(out, ":+AEAD");
    if (ciphers & ~(unsigned)AEADS)
        buf_append_str(out, ":+SHA1");
    if (!curves_add(o, out, errors)) {
        out->len = before;
        return -EINVAL;
    }
    if (!o->client_preference)
        buf_append_str(out, ":%SERVER_PRECEDENCE");
    buf_append_char(out, '\0');
    out->len--;
    return 0;
}
