#include "http/auth_known.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <string.h>

#include "base/bcrypt.h"
#include "http/auth_header.h"

enum { LENGTH_BYTES = 4, PARTS = 3 };

static size_t put(unsigned char *to, struct slice part)
{
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        to[i] = (unsigned char)(part.len >> (8 * i) & 0xff);
    if (part.len > 0)
        memcpy(to + LENGTH_BYTES, part.ptr, part.len);
    return LENGTH_BYTES + part.len;
}

struct http_auth_key http_auth_key(const unsigned char secret[32], struct slice user,
                                   struct slice hash, struct slice password)
{
    unsigned char text[PARTS * LENGTH_BYTES + HTTP_CREDENTIALS_MAX + BCRYPT_LEN];
    struct http_auth_key key;
    if (password.len > BCRYPT_PASSWORD_MAX)
        password.len = BCRYPT_PASSWORD_MAX;
    assert(hash.len == BCRYPT_LEN && user.len + password.len <= HTTP_CREDENTIALS_MAX);
    size_t n = put(text, user);
    n += put(text + n, hash);
    n += put(text + n, password);
    int rc = gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret, 32, text, n, key.bytes);
    assert(rc == 0);
    (void)rc;
    explicit_bzero(text, sizeof text);
    return key;
}

bool http_auth_key_eq(const struct http_auth_key *a, const struct http_auth_key *b)
{
    unsigned differ = 0;
    for (size_t i = 0; i < sizeof a->bytes; i++)
        differ |= a->bytes[i] ^ b->bytes[i];
    return differ == 0;
}

static unsigned set_of(const struct http_auth_key *key)
{
    return (key->bytes[0] | (unsigned)key->bytes[1] << 8) % (HTTP_AUTH_WRONG_MAX / HTTP_AUTH_WAYS);
}

bool http_auth_wrong_has(const struct http_auth_wrong *w, const struct http_auth_key *key,
                         uint64_t now_ns)
{
    unsigned set = set_of(key);
    for (unsigned i = 0; i < HTTP_AUTH_WAYS; i++) {
        if (w->at[set][i].until_ns > now_ns && http_auth_key_eq(&w->at[set][i].key, key))
            return true;
    }
    return false;
}

void http_auth_wrong_add(struct http_auth_wrong *w, const struct http_auth_key *key,
                         uint64_t now_ns)
{
    unsigned set = set_of(key), next = 0;
    for (unsigned i = 1; i < HTTP_AUTH_WAYS; i++) {
        if (w->at[set][i].until_ns < w->at[set][next].until_ns)
            next = i;
    }
    w->at[set][next].key = *key;
    w->at[set][next].until_ns = now_ns + HTTP_AUTH_WRONG_S * 1000000000ull;
}
