#include "cmd/live/plain.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* A character that takes cells and does nothing else.  returns  its bytes; 0: there is none at s */
static size_t printable(struct slice s, size_t *ret_cells)
{
    mbstate_t state;
    wchar_t c;
    memset(&state, 0, sizeof state);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the state is ours */
    size_t n = mbrtowc(&c, s.ptr, s.len, &state);
    if (n == 0 || n > s.len || !iswprint((wint_t)c) || wcwidth(c) < 1)
        return 0;
    *ret_cells = (size_t)wcwidth(c);
    return n;
}

size_t plain_put(struct slice s, size_t cells, struct buf *out)
{
    size_t used = 0;
    while (s.len > 0) {
        char escaped[8];
        size_t width = 4, n = printable(s, &width);
        snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)(unsigned char)s.ptr[0]);
        if (used + width > cells)
            break;
        if (n > 0)
            buf_append(out, s.ptr, n);
        else
            buf_append_str(out, escaped);
        used += width;
        n = n > 0 ? n : 1;
        s = slice_of(s.ptr + n, s.len - n);
    }
    return used;
}
