/**
 * How a row of rival_rows.c is found, and what it says: rival_value puts a value into the form of
 * ours, rival_answer makes a sentence of it.
 */
#include "config/rivals.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>

#include "base/number.h"
#include "config/escape.h"

/* web.listen-address and WEB_LISTEN_ADDRESS are one name. */
static char plain(char c)
{
    return c == '_' || c == '.' ? '-' : (char)tolower((unsigned char)c);
}

static bool same_name(struct slice a, const char *b)
{
    size_t i = 0;
    while (i < a.len && b[i] != '\0' && plain(a.ptr[i]) == plain(b[i]))
        i++;
    return i == a.len && b[i] == '\0';
}

/* Each row has something to write, or says why there is nothing. */
static void rival_check(const struct rival *r)
{
    assert((r->value != NULL) == (r->reason == NULL));
    assert(r->option == OPTION_COUNT || r->value != NULL);
}

const struct rival *rival_find_of(enum rival_server server, struct slice name)
{
    struct slice value = name;
    slice_cut(&value, '=', &name);
    while (name.len > 0 && name.ptr[0] == '-')
        name = slice_of(name.ptr + 1, name.len - 1);
    for (size_t i = 0; i < rival_lists[server].n; i++) {
        const struct rival *r = &rival_lists[server].rows[i];
        rival_check(r);
        if (same_name(name, r->name))
            return r;
    }
    return NULL;
}

const struct rival *rival_find(struct slice name)
{
    const struct rival *r = NULL;
    for (unsigned i = 0; i < RIVAL_SERVER_COUNT && r == NULL; i++)
        r = rival_find_of((enum rival_server)i, name);
    return r;
}

bool rival_takes_value(const struct rival *r)
{
    return r->takes != RIVAL_SWITCH;
}

static bool all_digits(const char *s)
{
    return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* One percentage as a share of 1: "5" as "0.05", "90" as "0.9", "99.9" as "0.999", "100" as "1". */
static bool put_percent(struct slice s, struct buf *out)
{
    struct slice whole = s, fraction = s;
    double v;
    if (!slice_cut(&fraction, '.', &whole))
        fraction.len = 0;
    if (!number_parse(s, &v) || v < 0 || v > 100 || whole.len == 0)
        return false;
    if (v == 0 || v == 100) {
        buf_append_char(out, v == 0 ? '0' : '1');
        return true;
    }
    /* By its digits: 99.9 / 100 is not the double nearest to 0.999. */
    char digits[24];
    int n = snprintf(digits, sizeof digits, "0.%s%.*s%.*s", whole.len == 1 ? "0" : "",
                     (int)whole.len, whole.ptr, (int)fraction.len, fraction.ptr);
    if (n >= (int)sizeof digits || whole.len > 2 || !number_parse(slice_of(digits, (size_t)n), &v))
        return false;
    buf_reserve(out, NUMBER_TEXT_MAX);
    out->len += number_print(out->ptr + out->len, v);
    return true;
}

/* "90,99" or "90 99" as "0.9,0.99"; a list with anything else in it stays as it is. */
static void put_percents(const char *value, void put(struct slice, struct buf *), struct buf *out)
{
    struct buf shares = { 0 };
    bool understood = true;
    const char *p = value + strspn(value, ", ");
    while (*p != '\0' && understood) {
        size_t n = strcspn(p, ", ");
        if (shares.len > 0)
            buf_append_char(&shares, ',');
        understood = put_percent(slice_of(p, n), &shares);
        p += n;
        p += strspn(p, ", ");
    }
    if (understood)
        buf_append_slice(out, buf_slice(&shares));
    else
        put(slice_str(value), out);
    buf_release(&shares);
}

/* "host:1", "[::1]:1"; not "[::1]" */
static bool has_port(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon != NULL && strchr(colon, ']') == NULL;
}

/* put: as it is, or escaped for a message */
static void put_value(enum rival_value kind, const char *value,
                      void put(struct slice, struct buf *), struct buf *out)
{
    static const char *const placeholders[] = {
#define X(id, text) text,
        RIVAL_VALUES(X)
#undef X
    };
    if (value == NULL || *value == '\0') {
        buf_append_str(out, placeholders[kind]);
        return;
    }
    if (kind == RIVAL_PERCENTS) {
        put_percents(value, put, out);
        return;
    }
    bool address = kind == RIVAL_ADDRESS || kind == RIVAL_WEB;
    if (address && (value[0] == ':' || all_digits(value)))
        buf_append_str(out, value[0] == ':' ? "0.0.0.0" : "0.0.0.0:");
    put(slice_str(value), out);
    /* udp:// may lack a port, http.listen may not. */
    if (kind == RIVAL_WEB && !has_port(value) && !all_digits(value))
        buf_append_str(out, strrchr(options_table[OPTION_http_listen].def, ':'));
    if (all_digits(value) && (kind == RIVAL_SECONDS || kind == RIVAL_MILLIS))
        buf_append_str(out, kind == RIVAL_SECONDS ? "s" : "ms");
}

static void expand(const struct rival *r, const char *value, void put(struct slice, struct buf *),
                   struct buf *out)
{
    for (const char *p = r->value; *p != '\0'; p++) {
        if (*p == '%')
            put_value(r->takes, value, put, out);
        else
            buf_append_char(out, *p);
    }
}

static void put_plain(struct slice s, struct buf *out)
{
    buf_append_slice(out, s);
}

void rival_value(const struct rival *r, const char *value, struct buf *out)
{
    assert(r->value != NULL);
    expand(r, value, put_plain, out);
}

void rival_answer(const struct rival *r, const char *value, struct buf *out)
{
    if (r->reason != NULL) {
        buf_append_str(out, r->reason);
        return;
    }
    bool quote = r->option != OPTION_COUNT && strchr(r->value, '?') != NULL;
    buf_append_str(out, "write ");
    if (r->option != OPTION_COUNT) {
        const struct option_row *o = &options_table[r->option];
        buf_printf(out, "--set %s%s.%s=", quote ? "'" : "", o->section, o->key);
    }
    expand(r, value, escape_url, out);
    if (quote)
        buf_append_char(out, '\'');
}

enum option_id rival_option(struct slice name)
{
    const struct rival *r = rival_find(name);
    return r != NULL ? r->option : OPTION_COUNT;
}
