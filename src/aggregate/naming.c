#include "aggregate/naming.h"

#include "base/utf8.h"

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t plain_run(struct slice s)
{
    size_t n = 0;
    while (n < s.len && plain(s.ptr[n]))
        n++;
    return n;
}

bool naming_escape(struct slice raw, struct buf *out)
{
    bool same = true, after_dash = false;
    if (raw.len > 0 && raw.ptr[0] >= '0' && raw.ptr[0] <= '9') {
        buf_append_char(out, '_');
        same = false;
    }
    while (raw.len > 0) {
        size_t n = plain_run(raw);
        if (n > 0) {
            buf_append(out, raw.ptr, n);
            after_dash = false;
        } else {
            const bool dash = raw.ptr[0] == '-';
            if (!(dash && after_dash))
                buf_append_char(out, '_');
            after_dash = dash;
            same = false;
            n = utf8_len(raw);
            n = n < raw.len ? n : raw.len;
        }
        raw = slice_of(raw.ptr + n, raw.len - n);
    }
    return same;
}

/* What stands between two that are escaped is copied in one go. */
bool naming_escape_value(struct slice raw, struct buf *out)
{
    size_t done = 0;
    for (size_t i = 0; i < raw.len; i++) {
        const char c = raw.ptr[i];
        if (c != '\\' && c != '"' && c != '\n')
            continue;
        buf_append(out, raw.ptr + done, i - done);
        buf_append_char(out, '\\');
        buf_append_char(out, c == '\n' ? 'n' : c);
        done = i + 1;
    }
    if (done < raw.len)
        buf_append(out, raw.ptr + done, raw.len - done);
    return done == 0;
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
