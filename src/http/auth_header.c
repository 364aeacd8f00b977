#include "http/auth_header.h"

#include <string.h>
#include <strings.h>

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Groups of four, of which the last may end in = or ==.  ret has room for three bytes of each. */
static bool decode(struct slice in, char *ret, size_t *ret_len)
{
    size_t n = 0, pad = 0;
    if (in.len == 0 || in.len % 4 != 0)
        return false;
    while (pad < 2 && in.ptr[in.len - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < in.len; i += 4) {
        unsigned group = 0;
        for (size_t k = 0; k < 4; k++) {
            bool padding = i + k >= in.len - pad;
            int v = padding ? 0 : value_of(in.ptr[i + k]);
            if (v < 0)
                return false;
            group = group << 6 | (unsigned)v;
        }
        ret[n++] = (char)(group >> 16);
        ret[n++] = (char)(group >> 8 & 0xff);
        ret[n++] = (char)(group & 0xff);
    }
    *ret_len = n - pad;
    return true;
}

static bool read_into(struct slice header, struct http_credentials *ret)
{
    static const char scheme[] = "Basic ";
    size_t n = 0;
    if (header.len < sizeof scheme - 1 || strncasecmp(header.ptr, scheme, sizeof scheme - 1) != 0)
        return false;
    struct slice code = slice_of(header.ptr + sizeof scheme - 1, header.len - sizeof scheme + 1);
    code = slice_trim(code, SLICE_LIT(" \t"));
    if (code.len > (HTTP_CREDENTIALS_MAX + 2ul) / 3 * 4 || !decode(code, ret->text, &n))
        return false;
    const char *colon = memchr(ret->text, ':', n);
    if (n > HTTP_CREDENTIALS_MAX || colon == NULL || memchr(ret->text, '\0', n) != NULL)
        return false;
    ret->user = slice_of(ret->text, (size_t)(colon - ret->text));
    ret->password = slice_of(colon + 1, n - ret->user.len - 1);
    return true;
}

bool http_credentials_read(const char *header, struct http_credentials *ret)
{
    bool good = header != NULL && read_into(slice_str(header), ret);
    if (!good)
        http_credentials_wipe(ret);
    return good;
}

void http_credentials_wipe(struct http_credentials *c)
{
    explicit_bzero(c, sizeof *c);
}
