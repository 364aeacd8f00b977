#include "config/escape.h"

#include <assert.h>

#include "base/utf8.h"

size_t escape_sequence(struct slice s)
{
    for (size_t n = 1; n <= 4 && n <= s.len; n++) {
        if (utf8_valid(slice_of(s.ptr, n)))
            return n;
    }
    return 0;
}

static bool is_control(struct slice character)
{
    unsigned char c = (unsigned char)character.ptr[0];
    bool c1 = character.len == 2 && c == 0xc2 && (unsigned char)character.ptr[1] < 0xa0;
    return c < ' ' || c == 0x7f || c1;
}

size_t escape_text(struct slice s, struct buf *out)
{
    size_t columns = 0, n;
    for (size_t i = 0; i < s.len; i += n) {
        n = escape_sequence(slice_of(s.ptr + i, s.len - i));
        bool shown = n > 0 && !is_control(slice_of(s.ptr + i, n));
        n = n > 0 ? n : 1;
        if (shown)
            buf_append(out, s.ptr + i, n);
        else {
            for (size_t k = 0; k < n; k++)
                buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.ptr[i + k]);
        }
        columns += shown ? 1 : 4 * n;
    }
    return columns;
}

void escape_short(struct slice s, struct buf *out)
{
    size_t n = 0, step;
    if (s.len <= ESCAPE_SHORT_MAX) {
        escape_text(s, out);
        return;
    }
    for (;; n += step) {
        step = escape_sequence(slice_of(s.ptr + n, s.len - n));
        step = step > 0 ? step : 1;
        if (n + step > ESCAPE_SHORT_MAX)
            break;
    }
    assert(n <= ESCAPE_SHORT_MAX && n + 4 > ESCAPE_SHORT_MAX);
    escape_text(slice_of(s.ptr, n), out);
    buf_append_str(out, "...");
}

void escape_url(struct slice url, struct buf *out)
{
    const char *scheme_end = url.len > 0 ? memmem(url.ptr, url.len, "://", 3) : NULL;
    const char *at = url.len > 0 ? memrchr(url.ptr, '@', url.len) : NULL;
    const char *colon = NULL;
    if (scheme_end != NULL && at != NULL && at > scheme_end &&
        !slice_starts(url, SLICE_LIT("unix")))
        colon = memchr(scheme_end + 3, ':', (size_t)(at - scheme_end - 3));
    if (colon == NULL) {
        escape_short(url, out);
        return;
    }
    escape_short(slice_of(url.ptr, (size_t)(colon + 1 - url.ptr)), out);
    buf_append_str(out, "***");
    escape_short(slice_of(at, (size_t)(url.ptr + url.len - at)), out);
}
