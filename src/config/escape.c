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

struct range {
    uint32_t first, last;
};

static bool is_in(uint32_t c, const struct range *ranges, size_t n)
{
    size_t i = 0;
    while (i < n && c > ranges[i].last)
        i++;
    return i < n && c >= ranges[i].first;
}

/* C0, DEL and C1; and what turns the direction of the rest of a line, or ends it. */
static bool is_control(uint32_t c)
{
    static const struct range ranges[] = {
        { 0, 0x1f },        { 0x7f, 0x9f },     { 0x61c, 0x61c },
        { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 },
    };
    return is_in(c, ranges, ARRAY_LEN(ranges));
}

/* On a terminal: none for what stands on the character before it, two for those of East Asia and
 * pictures. */
static size_t columns_of(uint32_t c)
{
    static const struct range none[] = {
        { 0x300, 0x36f }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }
    };
    static const struct range two[] = {
        { 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0x4dbf },   { 0x4e00, 0xa4cf },
        { 0xa960, 0xa97f },   { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },
        { 0xff01, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
        { 0x1f900, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
    };
    if (c < none[0].first)
        return 1;
    return is_in(c, none, ARRAY_LEN(none)) ? 0 : is_in(c, two, ARRAY_LEN(two)) ? 2 : 1;
}

/* Of a sequence that is valid. */
static uint32_t code_point(struct slice s)
{
    unsigned char lead = (unsigned char)s.ptr[0];
    uint32_t c = s.len == 1 ? lead : lead & (0x7fu >> s.len);
    for (size_t i = 1; i < s.len; i++)
        c = c << 6 | ((unsigned char)s.ptr[i] & 0x3f);
    return c;
}

size_t escape_text(struct slice s, struct buf *out)
{
    size_t columns = 0, n;
    for (size_t i = 0; i < s.len; i += n) {
        n = escape_sequence(slice_of(s.ptr + i, s.len - i));
        uint32_t c = n > 0 ? code_point(slice_of(s.ptr + i, n)) : 0;
        bool shown = n > 0 && !is_control(c);
        n = n > 0 ? n : 1;
        if (shown)
            buf_append(out, s.ptr + i, n);
        else {
            for (size_t k = 0; k < n; k++)
                buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.ptr[i + k]);
        }
        columns += shown ? columns_of(c) : 4 * n;
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
