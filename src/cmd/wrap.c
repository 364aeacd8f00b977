#include "cmd/wrap.h"

void wrap_blanks(size_t n, struct buf *out)
{
    for (; n > 0; n--)
        buf_append_char(out, ' ');
}

void wrap(struct slice text, size_t at, size_t indent, size_t columns, struct buf *out)
{
    bool begun = false; /* a word stands on the line */
    while (text.len > 0) {
        struct slice word = text;
        if (!slice_cut(&text, ' ', &word))
            text.len = 0;
        if (begun && columns > 0 && at + 1 + word.len > columns) {
            buf_append_char(out, '\n');
            wrap_blanks(indent, out);
            at = indent;
        } else if (begun) {
            buf_append_char(out, ' ');
            at++;
        }
        buf_append_slice(out, word);
        at += word.len;
        begun = true;
    }
}
