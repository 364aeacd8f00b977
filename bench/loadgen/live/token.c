#include "token.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/err.h"

static void hex(const unsigned char *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int token_read(const char *path, struct token *ret, struct buf *error)
{
    *ret = (struct token){ 0 };
    if (path == NULL)
        return 0;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        buf_printf(error, "--token-file %s: %s", path, err_text(errno));
        return -EINVAL;
    }
    char *got = fgets(ret->text, sizeof ret->text, f);
    (void)fclose(f);
    ret->text[strcspn(ret->text, "\r\n")] = '\0';
    if (got != NULL && strlen(ret->text) >= TOKEN_MIN)
        return 0;
    buf_printf(error,
               "--token-file %s: its first line has fewer than %d characters; "
               "`openssl rand -hex 32` makes one",
               path, TOKEN_MIN);
    return -EINVAL;
}

void challenge_make(char out[CHALLENGE_TEXT])
{
    unsigned char bytes[(CHALLENGE_TEXT - 1) / 2];
    if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof bytes) != 0)
        abort();
    hex(bytes, sizeof bytes, out);
}

void proof_make(const struct token *t, const char *who, const char *of_worker,
                const char *of_master, char out[PROOF_TEXT])
{
    unsigned char mac[(PROOF_TEXT - 1) / 2];
    struct buf key = { 0 }, text = { 0 };
    buf_printf(&key, "statsd-bench %s", t->text);
    buf_printf(&text, "%s\n%s\n%s", who, of_worker, of_master);
    if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.ptr, key.len, text.ptr, text.len, mac) != 0)
        abort();
    hex(mac, sizeof mac, out);
    buf_release(&key);
    buf_release(&text);
}

bool proof_holds(const char proof[PROOF_TEXT], const char *shown)
{
    return shown != NULL && strlen(shown) == PROOF_TEXT - 1 &&
           gnutls_memcmp(proof, shown, PROOF_TEXT - 1) == 0;
}

bool token_is_optional(const char *address)
{
    struct sockaddr_storage a;
    socklen_t len;
    if (address_parse(slice_str(address), 1, &a, &len) < 0)
        return false;
    if (a.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &a, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, &a, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}
