#include "aggregate/naming.h"

#include "base/utf8.h"

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool naming_escape(struct slice raw, struct buf *out)
{
    bool same = true, after_dash = false;
    if (raw.len > 0 && raw.ptr[0] >= '0' && raw.ptr[0] <= '9') {
        buf_append_char(out, '_');
        same = false;
    }
    while (raw.len > 0) {
        char c = raw.ptr[0];
        size_t n = utf8_len(raw);
        if (plain(c)) {
            buf_append_char(out, c);
        } else {
            same = false;
            if (!(c == '-' && after_dash))
                buf_append_char(out, '_');
        }
        after_dash = c == '-';
        n = n < raw.len ? n : raw.len;
        raw = slice_of(raw.ptr + n, raw.len - n);
    }
    return same;
}

bool naming_escape_value(struct slice raw, struct buf *out)
{
    bool same = true;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '\\' || c == '"' || c == '\n') {
            buf_append_char(out, '\\');
            c = c == '\n' ? 'n' : c;
            same = false;
        }
        buf_append_char(out, c);
    }
    return same;
}

/*
 * Prometheus would store a sample of such a name beside its own, and alerts would take it for one:
 * `up 0` fires "target down".  All of scrape_ is reserved, since each version of Prometheus adds
 * names there.
 */
bool naming_prometheus_makes(struct slice exposed)
{
    static const char *const names[] = { "up", "ALERTS", "ALERTS_FOR_STATE" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (slice_eq(exposed, slice_str(names[i])))
            return true;
    return slice_starts(exposed, SLICE_LIT("scrape_"));
}
