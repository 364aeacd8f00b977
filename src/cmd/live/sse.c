#include "cmd/live/sse.h"

/* Event and data of a line that is whole, without its end. */
static bool take_line(struct sse *s, struct slice line)
{
    struct slice value = line, field;
    if (line.len == 0) {
        bool on =
            s->data.len == 0 || s->on_event(s->cookie, buf_slice(&s->event), buf_slice(&s->data));
        buf_clear(&s->event);
        buf_clear(&s->data);
        return on;
    }
    if (!slice_cut(&value, ':', &field))
        return true;
    if (value.len > 0 && value.ptr[0] == ' ')
        value = slice_of(value.ptr + 1, value.len - 1);
    if (slice_eq(field, SLICE_LIT("event"))) {
        buf_clear(&s->event);
        buf_append_slice(&s->event, value);
    } else if (slice_eq(field, SLICE_LIT("data")) && s->data.len < SSE_LINE_BYTES) {
        if (s->data.len > 0)
            buf_append_char(&s->data, '\n');
        buf_append_slice(&s->data, value);
    }
    return true;
}

bool sse_feed(struct sse *s, struct slice piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.ptr[i] != '\n') {
            if (s->line.len < SSE_LINE_BYTES)
                buf_append_char(&s->line, piece.ptr[i]);
            continue;
        }
        if (s->line.len > 0 && s->line.ptr[s->line.len - 1] == '\r')
            s->line.len--;
        bool on = take_line(s, buf_slice(&s->line));
        buf_clear(&s->line);
        if (!on)
            return false;
    }
    return true;
}

void sse_reset(struct sse *s)
{
    buf_clear(&s->line);
    buf_clear(&s->event);
    buf_clear(&s->data);
}

void sse_release(struct sse *s)
{
    buf_release(&s->line);
    buf_release(&s->event);
    buf_release(&s->data);
}
