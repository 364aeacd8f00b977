/**
 * Any text as the value of an Authorization header: refused, or a name without a colon and a
 * password which, written in base64 again, are that header.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "http/auth_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(struct slice s, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.len; i += 3) {
        unsigned v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < s.len ? (unsigned char)s.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_append_char(out, i + k > s.len ? '=' : digits[v >> (18 - 6 * k) & 63]);
    }
}

static void check(const char *header, const struct http_credentials *c)
{
    struct buf text = { 0 }, code = { 0 };
    assert(memchr(c->user.ptr, ':', c->user.len) == NULL);
    buf_append_slice(&text, c->user);
    buf_append_char(&text, ':');
    buf_append_slice(&text, c->password);
    assert(text.len <= HTTP_CREDENTIALS_MAX && memchr(text.ptr, '\0', text.len) == NULL);
    encode(buf_slice(&text), &code);
    assert(strncasecmp(header, "basic ", 6) == 0);
    const char *at = header + 6 + strspn(header + 6, " \t");
    /* The bits that the last digit has over may be anything. */
    size_t same = code.len - (code.ptr[code.len - 1] == '=') - (code.ptr[code.len - 2] == '=') - 1;
    assert(strncmp(at, code.ptr, same) == 0);
    buf_release(&text);
    buf_release(&code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_credentials c, zero = { 0 };
    char *header = malloc(size + 1);
    memcpy(header, data, size);
    header[size] = '\0';
    if (http_credentials_read(header, &c)) {
        check(header, &c);
        http_credentials_wipe(&c);
    }
    assert(memcmp(&c, &zero, sizeof c) == 0);
    free(header);
    return 0;
}
