/*
 * said, by a plain, slow reading of the protocol.
 *
 *     plain_said          lines of a datagram
 *       read_line         cleaned up, checked as a whole
 *         read_metric     its name and the tags in it, then plain_sample of each piece
 *           scan_pieces   where samples and fields are
 */
#include "support/plain_reader.h"

#include <stdlib.h>

#include "base/mem.h"

struct slice plain_cut(struct slice *rest, char sep)
{
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != sep)
        n++;
    struct slice head = slice_of(rest->ptr, n);
    size_t used = n < rest->len ? n + 1 : n;
    *rest = slice_of(rest->ptr + used, rest->len - used);
    return head;
}

static bool has(struct slice s, char c)
{
    return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

static size_t place_of(struct slice s, char c)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] != c)
        n++;
    return n;
}

/* ---- the metric line ---- */

/*
 * The pieces of what follows the name.
 *   returns  what ended the line before its end: REASON_NO_TYPE, REASON_UNKNOWN_TYPE, or none
 */
static enum reason scan_pieces(struct plain *r, struct slice rest)
{
    static const char *const types[] = { "c", "g", "ms", "h", "d", "s" };
    r->n_pieces = r->n_fields = 0;
    for (bool more = true; more;) {
        struct plain_piece *p = &r->pieces[r->n_pieces];
        size_t n = place_of(rest, '|'), known = 0;
        *p = (struct plain_piece){ .value = slice_of(rest.ptr, n), .first_field = r->n_fields };
        if (n == rest.len)
            return REASON_NO_TYPE;
        rest = slice_of(rest.ptr + n + 1, rest.len - n - 1);
        for (n = 0; n < rest.len && rest.ptr[n] != '|' && rest.ptr[n] != ':';)
            n++;
        p->type = slice_of(rest.ptr, n);
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
            known += slice_eq(p->type, slice_str(types[i]));
        if (known == 0)
            return REASON_UNKNOWN_TYPE;
        r->n_pieces++;
        for (more = false; !more && n < rest.len;) { /* rest.ptr[n] is '|' or ':' */
            more = rest.ptr[n] == ':';
            rest = slice_of(rest.ptr + n + 1, rest.len - n - 1);
            if (more)
                break;
            bool rate = rest.len > 0 && rest.ptr[0] == '@';
            for (n = 0; n < rest.len && rest.ptr[n] != '|' && !(rate && rest.ptr[n] == ':');)
                n++;
            r->fields[r->n_fields++] = slice_of(rest.ptr, n);
            p->n_fields++;
        }
    }
    return REASON_NONE;
}

/* A line of several samples whose fields belong to nobody knows which of them? */
static bool is_mixed(const struct plain *r, enum reason end)
{
    const size_t begun = r->n_pieces + (end != REASON_NONE);
    bool other = false;
    for (size_t i = 0; i < r->n_fields; i++)
        other |= r->fields[i].len > 0 && r->fields[i].ptr[0] != '@';
    return begun > 1 && other;
}

/* Those of refused samples too. */
static uint64_t unknown_fields(const struct plain *r)
{
    static const char *const known[] = { "@", "#", "T", "c:", "e:", "card:" };
    uint64_t n = 0;
    for (size_t i = 0; i < r->n_fields; i++) {
        bool is_known = r->fields[i].len == 0;
        for (size_t k = 0; k < ARRAY_LEN(known); k++)
            is_known |= slice_starts(r->fields[i], slice_str(known[k]));
        n += !is_known;
    }
    return n;
}

/* signalfx: a[k=v,..]b.   returns  false: no other style is to be tried */
static bool cut_brackets(struct plain *r)
{
    size_t open = place_of(r->name, '['), close = place_of(r->name, ']');
    if (open == r->name.len && close == r->name.len)
        return true;
    if (open == r->name.len || close == r->name.len || close < open)
        return false;
    size_t behind = r->name.len - close - 1;
    memcpy(r->joined, r->name.ptr, open);
    memcpy(r->joined + open, r->name.ptr + close + 1, behind);
    r->name_tags = slice_of(r->name.ptr + open + 1, close - open - 1);
    r->name_sep = ',';
    r->name = slice_of(r->joined, open + behind);
    return false;
}

static void cut_name_tags(struct plain *r)
{
    const unsigned on = r->opts->name_tags;
    r->name_tags = slice_of(NULL, 0);
    if ((on & NAME_TAGS_SIGNALFX) && !cut_brackets(r))
        return;
    for (size_t i = 0; i < r->name.len; i++) {
        char c = r->name.ptr[i];
        if (!((c == '#' && (on & NAME_TAGS_LIBRATO)) || (c == ',' && (on & NAME_TAGS_INFLUX)) ||
              (c == ';' && (on & NAME_TAGS_GRAPHITE))))
            continue;
        r->name_sep = c == ';' ? ';' : ',';
        r->name_tags = slice_of(r->name.ptr + i + 1, r->name.len - i - 1);
        r->name.len = i;
        return;
    }
}

/* returns  why the line as a whole is refused, or REASON_NONE */
static enum reason read_name(struct plain *r, struct slice line, size_t colon)
{
    if (colon == line.len)
        return REASON_NO_COLON;
    r->name = slice_of(line.ptr, colon);
    if (colon == 0 || has(r->name, '|'))
        return REASON_BAD_NAME;
    cut_name_tags(r);
    if (r->name.len == 0)
        return REASON_BAD_NAME;
    if (r->name.len > r->opts->max_name)
        return REASON_NAME_TOO_LONG;
    return REASON_NONE;
}

static void read_metric(struct plain *r, struct slice line)
{
    const size_t colon = place_of(line, ':');
    enum reason why = read_name(r, line, colon), end = REASON_NONE;
    if (why == REASON_NONE) {
        end = scan_pieces(r, slice_of(line.ptr + colon + 1, line.len - colon - 1));
        if (is_mixed(r, end))
            why = REASON_MIXED_MULTI_SAMPLE;
    }
    if (why != REASON_NONE) {
        r->said->errors[why]++;
        return;
    }
    r->said->unknown_fields += unknown_fields(r);
    for (size_t i = 0; i < r->n_pieces; i++) {
        why = plain_sample(r, &r->pieces[i]);
        if (why != REASON_NONE)
            r->said->errors[why]++;
    }
    if (end != REASON_NONE)
        r->said->errors[end]++;
}

/* ---- any line ---- */

/* RFC 3629, a character at a time. */
static bool is_utf8(struct slice s)
{
    for (size_t i = 0; i < s.len;) {
        const unsigned char c = (unsigned char)s.ptr[i];
        const size_t n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        if (n == 0 || n > s.len - i)
            return false;
        uint32_t point = n == 1 ? c : c & (0xffu >> (n + 1));
        for (size_t k = 1; k < n; k++) {
            const unsigned char next = (unsigned char)s.ptr[i + k];
            if (next >> 6 != 2)
                return false;
            point = point << 6 | (next & 63);
        }
        if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        i += n;
    }
    return true;
}

static void read_line(struct plain *r, struct slice raw)
{
    struct slice whole = raw, line;
    while (whole.len > 0 && (whole.ptr[0] == ' ' || whole.ptr[0] == '\t'))
        whole = slice_of(whole.ptr + 1, whole.len - 1);
    line = whole;
    while (line.len > 0 && memchr(" \t\r", line.ptr[line.len - 1], 4) != NULL) /* and NUL */
        line.len--;
    if (line.len == 0)
        return;
    enum reason why = line.len > r->opts->max_line ? REASON_LINE_TOO_LONG
                      : has(line, '\0')            ? REASON_NUL_BYTE
                      : !is_utf8(line)             ? REASON_BAD_UTF8
                                                   : REASON_NONE;
    if (why != REASON_NONE) {
        r->said->errors[why]++;
        return;
    }
    /* By the bytes as received: a control byte makes no event of a line. */
    const bool event = slice_starts(line, SLICE_LIT("_e{")),
               check = slice_starts(line, SLICE_LIT("_sc|"));
    char *text = mem_alloc(whole.len);
    memcpy(text, whole.ptr, whole.len);
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '_';
    line.ptr = whole.ptr = text;
    if (event)
        plain_event(line, whole, r->said);
    else if (check)
        plain_check(line, r->said);
    else
        read_metric(r, line);
    free(text);
}

void plain_said(const struct said_opts *o, const char *ptr, size_t len, struct said *ret)
{
    static struct plain r;
    struct slice rest = slice_of(ptr, len);
    r.opts = o;
    r.said = ret;
    while (rest.len > 0) {
        bool ended = has(rest, '\n');
        struct slice line = plain_cut(&rest, '\n');
        if (ended || !o->truncated)
            read_line(&r, line);
        else
            ret->errors[REASON_TRUNCATED]++;
    }
}
